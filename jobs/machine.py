"""What the programs that run everything on one machine start from."""

import json
from pathlib import Path

from pipelines import config
from pipelines.config import Settings
from pipelines.local.project import HERE


def settings(run: Path, standby: bool | None = None, checkpoint_seconds: int | None = None) -> Settings:
    """Settings of one machine, for a run in a folder.

    Args:
        run: where everything goes that the run writes.
        standby: whether a second hot application waits warm, where it is not as the settings say.
        checkpoint_seconds: seconds between checkpoints, likewise.
    """
    loaded = config.load(HERE.conf / "base.yaml", HERE.conf / "local.yaml")
    paths = loaded.paths.model_copy(update={"run": run})
    other = {"standby": standby, "checkpoint_seconds": checkpoint_seconds}
    hot = loaded.hot.model_copy(update={name: value for name, value in other.items() if value is not None})
    return loaded.model_copy(update={"paths": paths, "hot": hot})


def setup_seconds() -> float:
    """How long set-up took, the last time that it had something to do."""
    noted = HERE.logs / "setup.json"
    return float(json.loads(noted.read_text())["seconds"]) if noted.exists() else 0.0
