"""The model registry: an MLflow server on 127.0.0.1 with SQLite and files below the run's folder."""

import urllib.request
from pathlib import Path
from typing import Final, NamedTuple

from pipelines.local.process import Program

NAME: Final = "registry"
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy stands between this machine and itself."""


class Tracking(NamedTuple):
    """Where the server's folder is, its port, and the interpreter that has MLflow."""

    folder: Path
    port: int
    python: Path

    @property
    def uri(self) -> str:
        """Address for clients."""
        return f"http://127.0.0.1:{self.port}"

    def program(self, restarts: int = 5) -> Program:
        """The server as a supervised program. It takes 10 to 20 s to answer: start it early."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = self.folder.absolute()
        places = (
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination",
            f"{folder}/artifacts",
        )
        listen = ("--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
        quiet = {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # ten processes and 1 GB for work that nobody asks of it
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        return Program(NAME, (str(self.python), "-m", "mlflow", "server", *places, *listen), quiet, restarts)


def answers(uri: str) -> bool:
    """Whether the server is well."""
    try:
        with _DIRECT.open(f"{uri}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
