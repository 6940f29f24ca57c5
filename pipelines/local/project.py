"""Where things are in the project's folder. Standard library only: set-up imports this before anything is installed."""

import subprocess
from pathlib import Path
from typing import Final, NamedTuple


class Environment(NamedTuple):
    """One Python environment: its folder and the hash-locked files it is installed from."""

    name: str
    folder: Path
    lock: Path
    store_lock: Path
    dev_lock: Path
    size: str

    @property
    def python(self) -> Path:
        """The interpreter that jobs of this runtime are started with."""
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        """Its site-packages folder."""
        return self.folder / "lib" / "python3.11" / "site-packages"


class Project(NamedTuple):
    """The project's folder and what set-up puts into it."""

    root: Path

    @property
    def hot(self) -> Environment:
        """The decision path: pyspark 4.3."""
        return self._environment("hot", ".venv-hot", "0.7 GB")

    @property
    def lake(self) -> Environment:
        """Landing, training and everything that supervises: pyspark 4.2, Delta, MLflow."""
        return self._environment("lake", ".venv", "1.2 GB")

    @property
    def jars(self) -> Path:
        """Jars that no wheel carries, one folder a purpose: spark, delta, broker, store."""
        return self.root / ".jars"

    @property
    def jre(self) -> Path:
        """The Java runtime that is brought along where the machine has none."""
        return self.root / ".jre"

    @property
    def conf(self) -> Path:
        """Settings, declarations and locks."""
        return self.root / "conf"

    @property
    def logs(self) -> Path:
        """Logs of set-up."""
        return self.root / "run" / "logs"

    def logging(self, environment: Environment) -> dict[str, str]:
        """The variable that says how Spark logs in an environment."""
        return {"LOG4J_CONFIGURATION_FILE": str(self.conf / f"log4j2-{environment.name}.properties")}

    def _environment(self, name: str, folder: str, size: str) -> Environment:
        plain, store, dev = (self.conf / "requirements" / f"{name}{more}.txt" for more in ("", "-store", "-dev"))
        return Environment(name, self.root / folder, plain, store, dev, size)


HERE: Final = Project(Path(__file__).resolve().parents[2])


def code_version(project: Project) -> str:
    """Commit of the project's folder, marked when files differ from it; `unknown` outside a repository."""
    git = ["git", "-C", str(project.root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
