"""Another run's model registry, looked into and copied: its server may be running, and never notices."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

STORE: Final = "mlflow.db"
ARTIFACTS: Final = "artifacts"

_CHAMPION: Final = """
    select tags.value from registered_model_aliases as aliases
    join model_versions as versions on versions.name = aliases.name and versions.version = aliases.version
    join tags on tags.run_uuid = versions.run_id and tags.key = 'feature_set'
    where aliases.alias = 'champion' and aliases.name = ?
"""
"""Read from the file: a client of MLflow's would want to own it."""


def champion_features(folder: Path, model: str) -> str | None:
    """Fingerprint of the features that the champion in a registry's folder was fitted for; None without a champion."""
    if not (folder / STORE).is_file():
        return None
    try:
        with closing(_opened(folder)) as store:
            found = store.execute(_CHAMPION, (model,)).fetchone()
    except sqlite3.Error:  # half a registry, or another version's: nothing that could be lent
        return None
    return str(found[0]) if found else None


def lend(folder: Path, into: Path) -> None:
    """Copy a registry's folder whole to a place where there is none yet. Artifacts keep their addresses."""
    into.mkdir(parents=True)
    with closing(_opened(folder)) as store, closing(sqlite3.connect(into / STORE)) as copy:
        store.backup(copy)
    if (folder / ARTIFACTS).is_dir():
        shutil.copytree(folder / ARTIFACTS, into / ARTIFACTS)


def _opened(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{(folder / STORE).absolute().as_uri()}?mode=ro", uri=True)
