"""The two Python environments: installed from hash-locked files, recognised when complete, repaired when not.

A stamp inside the folder is written last. No stamp means that an install was interrupted: pip would take its half-written
packages for installed ones, so the folder is made anew. Standard library only.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.files import put_json
from pipelines.local import commands
from pipelines.local.project import Environment

STAMP = "complete.json"
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


def is_ready(environment: Environment, dev: bool, store: bool = False) -> bool:
    """Whether everything that the lock names was installed here by a run that ended well. Takes milliseconds, no network.

    Args:
        environment: that is looked at.
        dev: with what development needs.
        store: with what an object store needs, which is a part of that.
    """
    stamp, wanted = _stamp(environment), _wanted(environment, dev=True, store=True)
    has_dev = stamp["dev"] == wanted["dev"]
    has_store = has_dev or stamp["store"] == wanted["store"]
    return _is_whole(environment) and (has_dev or not dev) and (has_store or not store)


def install(environment: Environment, dev: bool, log: Path, note: Callable[[str], None], store: bool = False) -> None:
    """Install what is missing. Packages for development or a store are added to a whole environment; else it is made anew.

    Raises:
        EnvironmentProblem: pip or venv failed; what is there is not taken for complete.
    """
    if environment.folder.is_symlink():
        environment.folder.unlink()  # somebody else's, who still needs it
    whole = _is_whole(environment)
    (environment.folder / STAMP).unlink(missing_ok=True)
    if not whole:
        commands.run(
            [sys.executable, "-m", "venv", "--clear", str(environment.folder)], log, lambda _: note("creating")
        )
    lock = environment.dev_lock if dev else environment.store_lock if store else environment.lock
    packages = len(pins(lock))
    command = [str(environment.python), *PIP, "install", "--require-hashes", "-r", str(lock)]
    commands.run(command, log, lambda text: note(how_far(text, packages)))
    stamp(environment, dev, store)


def how_far(pip_log: str, packages: int) -> str:
    """How far pip is, from what it has said so far."""
    if "Installing collected packages" in pip_log:
        return "unpacking"
    seen = len(re.findall(r"^(?:Collecting|Requirement already satisfied)", pip_log, re.MULTILINE))
    return f"{min(seen, packages)} of {packages} packages fetched"


def stamp(environment: Environment, dev: bool, store: bool = False) -> None:
    """Declare the environment complete."""
    put_json(environment.folder / STAMP, _wanted(environment, dev, store))


def pins(lock: Path) -> dict[str, str]:
    """Package name (normalised) to pinned version, for packages that every platform needs."""
    lines = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^\s;\\]+)([^\n\\]*)", lock.read_text(), re.MULTILINE)
    return {_normal(name): version for name, version, marker in lines if ";" not in marker}


def differences(environment: Environment) -> list[str]:
    """Packages that are not there as the lock says, one line each."""
    found = {}
    for folder in environment.site.glob("*.dist-info"):
        name, _, version = folder.name.removesuffix(".dist-info").rpartition("-")
        found[_normal(name)] = version
    wanted = pins(environment.lock)
    return [
        f"{name} {found.get(name, 'missing')}, not {wanted[name]}" for name in wanted if found.get(name) != wanted[name]
    ]


def _is_whole(environment: Environment) -> bool:
    found, wanted = _stamp(environment), _wanted(environment, dev=True)
    return all(found[key] == wanted[key] for key in ("lock", "folder", "interpreter")) and environment.python.exists()


def _wanted(environment: Environment, dev: bool, store: bool = False) -> dict[str, Any]:
    return {
        "lock": _digest(environment.lock),
        "dev": _digest(environment.dev_lock) if dev else None,
        "store": _digest(environment.store_lock) if store else None,
        "folder": str(environment.folder),  # an environment does not survive being moved
        "interpreter": os.path.realpath(environment.python),
    }


def _stamp(environment: Environment) -> dict[str, Any]:
    empty = {"lock": None, "dev": None, "store": None, "folder": None, "interpreter": None}
    try:
        return {**empty, **json.loads((environment.folder / STAMP).read_text())}
    except (OSError, ValueError, TypeError):
        return empty


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
