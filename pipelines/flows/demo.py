"""The whole system on one machine, live: broker, registry, first model, stream, lake, a simulated bank. Reads top to bottom."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pipelines.config import Settings
from pipelines.errors import UsageError
from pipelines.flows import past
from pipelines.flows.traffic import Sender, Traffic
from pipelines.local import stack, summary
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack
from pipelines.simulate import inject

PREPARED: Final = "prepared.json"
OPEN_SECONDS: Final = 600.0
DESK_SECONDS: Final = 60.0


class Demo(NamedTuple):
    """What is asked for. None: as before in a resumed run, otherwise the default."""

    seconds: float | None = None
    rate: float = 50.0
    cards: int | None = None
    seed: int | None = None
    fresh: bool = False
    inject: tuple[str, ...] = ()


def run(
    project: Project, settings: Settings, demo: Demo, environ: Mapping[str, str], setup_seconds: float = 0.0
) -> None:
    """Run until Ctrl-C, or for `demo.seconds` of traffic. Leaves summary.json in the run's folder.

    Raises:
        UsageError: the run in the folder has other cards or another seed, or nothing of that name can be injected.
        StopAsked: somebody stopped it before there was traffic.
        Unaccounted: an acknowledged record has neither a decision nor a quarantine row, nor is it a duplicate.
        Mismatch: a logged feature is not what the batch compiler computes.
        ClearholdError: something could not be started, or ended too often.
    """
    inject.require(demo.inject)
    screen = Screen(settings.paths.run / "logs" / "supervisor.log")
    fresh, wanted = whose_run(settings.paths.run, demo)
    hot = settings.hot.model_copy(update={"await_history": fresh})
    with stack.opened(project, settings.model_copy(update={"hot": hot}), environ, screen.say, fresh) as running:
        (settings.paths.run / summary.FILE).unlink(missing_ok=True)
        first_model = open_doors(running, wanted, fresh, screen)
        tell_desk(running, screen)
        traffic = Traffic(running, screen)
        traffic.run(bank(running, demo))
    traffic.look(project)
    traffic.account({"setup": setup_seconds, "first_model": first_model})
    traffic.compare(project)


def whose_run(run: Path, demo: Demo) -> tuple[bool, past.Wanted]:
    """Whether to start afresh, and with which bank. A run that never opened is not worth resuming.

    Raises:
        UsageError: the run in the folder has other cards or another seed than are asked for.
    """
    given = {name: value for name, value in (("seed", demo.seed), ("cards", demo.cards)) if value is not None}
    if demo.fresh or not (run / PREPARED).exists():
        return True, past.Wanted(**given)
    before = past.Wanted(**json.loads((run / PREPARED).read_text()))
    if before._replace(**given) != before:
        raise UsageError(
            f"{run} has {before.cards} cards and seed {before.seed}: add FRESH=1 to start afresh with others"
        )
    return False, before


def open_doors(running: Stack, wanted: past.Wanted, fresh: bool, screen: Screen) -> float | None:
    """Everything that must be so before the first payment. Seconds until there was a model, None in a resumed run.

    What can overlap does: the broker, the history, the registry's slow start, the stream's warming up and the training.
    """
    processes, history = running.processes, running.settings.paths.run / "history"
    first_model = None
    running.start_registry()
    if fresh:
        arguments = ("--folder", str(history), "--cards", str(wanted.cards), "--seed", str(wanted.seed))
        running.start_job(past.NAME, "jobs.write_history", *arguments, once=True)
    running.start_broker()
    running.start_hot()
    running.start_desk()
    if fresh:
        processes.wait(lambda: past.is_written(history), OPEN_SECONDS, "there is no history")
        running.await_registry()
        lesson = ("--history", str(history), "--logged", "--promote", "--quick")
        running.start_job("train", "jobs.train_model", *lesson, once=True)
        screen.say("the first model is trained on what the stream logs while it fills its state")
        running.wait(lambda: processes.is_done("train"), OPEN_SECONDS, "there is no first model", ("train", "hot"))
        first_model = screen.seconds
        screen.say("the first model is the champion")
    running.await_open("hot", OPEN_SECONDS)
    (running.settings.paths.run / PREPARED).write_text(json.dumps(wanted._asdict()))
    running.start_landing()
    screen.say("the doors are open")
    running.start_standby()
    return first_model


def tell_desk(running: Stack, screen: Screen) -> None:
    """Where the desk is, and how to come in: who looks at held payments is whoever sits there."""
    running.await_open(stack.DESK, DESK_SECONDS)
    address, first = running.status(stack.DESK)["address"], running.settings.paths.first_password
    screen.say(f"the desk is open at {address}{f': {first.read_text().strip()}' if first.exists() else ''}")


def bank(running: Stack, demo: Demo) -> Sender:
    """The simulated bank, which sends until it is stopped or for as long as was asked. Held payments are left to the desk."""
    history = ("--history", str(running.settings.paths.run / "history"))
    length = ("--seconds", str(demo.seconds)) if demo.seconds else ()
    wrong = [part for kind in demo.inject for part in ("--inject", kind)]
    return Sender("bank", "jobs.simulate_bank", (*history, "--rate", str(demo.rate), *length, *wrong, "--no-analyst"))
