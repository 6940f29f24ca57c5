"""A browser for the desk's tests: Debian's Chromium, where it can be installed without asking. Standard library only."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pipelines.errors import EnvironmentProblem
from pipelines.local import commands

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """A browser that is there."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def can_install() -> bool:
    """Whether this is a Debian on which we may install packages. Elsewhere the browser's tests are skipped, in words."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(log: Path, note: Callable[[str], None]) -> None:
    """Install it. A machine on which that fails is told so, and can do all the rest."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        commands.run(["apt-get", "update"], log, lambda _: note("asking for packages"), quiet)
        package = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
        commands.run(package, log.with_name(f"{log.stem}-install.log"), lambda _: note("installing"), quiet)
    except EnvironmentProblem as problem:
        print(f"set-up: no Chromium, the browser's tests will be skipped: {problem}", flush=True)
