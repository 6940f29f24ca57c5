"""A simulated bank comes to a stack that others have started: past, first model, live payments. Reads top to bottom."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipelines import registry, status
from pipelines.config import Settings
from pipelines.errors import EnvironmentProblem, UsageError
from pipelines.flows import past
from pipelines.simulate import live
from pipelines.simulate.plan import Plan

SENDING: Final = "sending"
SENT: Final = "sent"
"""Files in the history's folder: begun to send it, sent it."""
LOOK_SECONDS: Final = 1.0


def run(file: Path, settings: Settings, wanted: past.Wanted, rate: float, stopping: Callable[[], bool]) -> None:
    """Do what is still to be done, then pay until `stopping` says so.

    Args:
        file: the settings, for the training, which is a process of its own.
        settings: the same.
        wanted: which bank.
        rate: payments a second.
        stopping: asked all the time.

    Raises:
        UsageError: an earlier start ended while it sent its past: nobody knows how much of it the stream has.
        EnvironmentProblem: the training failed.
        Unavailable: broker or registry do not answer.
    """
    history, said = settings.paths.run / "history", settings.paths.status / "bank.json"
    status.report(said, "starting", "the bank's past")
    send_past(settings, wanted, history)
    status.report(said, "starting", "the first model")
    train(file, settings, history)
    while not stopping() and status.look(settings.paths.status / "hot.json").get("state") != "open":
        status.report(said, "waiting", "the stream is not open yet")
        time.sleep(LOOK_SECONDS)
    if not stopping():
        live.run(history, settings.kafka.bootstrap, said, Plan(rate, None, None, analyst=False), stopping)


def send_past(settings: Settings, wanted: past.Wanted, history: Path) -> None:
    """Send the bank's past to the broker, once.

    Raises:
        UsageError: an earlier start ended in the middle of it.
    """
    if (history / SENT).exists():
        return
    if (history / SENDING).exists():
        raise UsageError(
            f"an earlier start ended while it sent the bank's past ({history}): begin afresh, with empty volumes"
        )
    history.mkdir(parents=True, exist_ok=True)
    (history / SENDING).touch()
    past.make(settings, wanted, history)
    (history / SENT).touch()


def train(file: Path, settings: Settings, history: Path) -> None:
    """Train and promote a first model on the past, where the registry has no champion.

    Raises:
        EnvironmentProblem: it failed.
        Unavailable: the registry does not answer.
    """
    if registry.champion_version(settings.registry) is not None:
        return
    lesson = ("--config", str(file), "--history", str(history), "--logged", "--promote", "--quick")
    done = subprocess.run([sys.executable, "-m", "jobs.train_model", *lesson], check=False)
    if done.returncode:
        raise EnvironmentProblem(f"the first model could not be trained: exit code {done.returncode}, see above")
