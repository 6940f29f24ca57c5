"""Jobs as processes of their own, as a user would start them."""

import os
import subprocess
from pathlib import Path

from pipelines.local.project import HERE

SECONDS = 300.0


def said(
    code: int, module: str, *arguments: str | Path, python: Path = HERE.lake.python, root: Path = HERE.root
) -> "subprocess.CompletedProcess[str]":
    """What a job said that ended with an exit code."""
    command = [str(part) for part in (python, "-m", module, *arguments)]
    environ = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    ended = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ended.returncode == code, ended.stderr
    return ended
