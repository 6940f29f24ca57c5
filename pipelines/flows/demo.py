"""The whole system on one machine, live: broker, registry, first model, stream, lake, a simulated bank. Reads top to bottom."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pipelines.catalog import DECISIONS
from pipelines.config import Settings
from pipelines.errors import Unaccounted, UsageError
from pipelines.flows import past
from pipelines.local import landed, stack, summary
from pipelines.local.ledger import Ledger
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack
from pipelines.local.supervisor import StopAsked
from pipelines.local.window import Window

PREPARED: Final = "prepared.json"
OPEN_SECONDS: Final = 600.0
CATCH_UP_SECONDS: Final = 90.0
HURRIED_SECONDS: Final = 5.0
"""How long Ctrl-C waits for what is under way; the whole stop takes at most 15 s."""


class Demo(NamedTuple):
    """What is asked for. None: as before in a resumed run, otherwise the default."""

    seconds: float | None = None
    rate: float = 50.0
    cards: int | None = None
    seed: int | None = None
    fresh: bool = False


def run(
    project: Project, settings: Settings, demo: Demo, environ: Mapping[str, str], setup_seconds: float = 0.0
) -> None:
    """Run until Ctrl-C, or for `demo.seconds` of traffic. Leaves summary.json in the run's folder.

    Raises:
        UsageError: the run in the folder has other cards or another seed.
        StopAsked: somebody stopped it before there was traffic.
        Unaccounted: an acknowledged record has neither a decision nor a quarantine row, nor is it a duplicate.
        ClearholdError: something could not be started, or ended too often.
    """
    screen = Screen(settings.paths.run / "logs" / "supervisor.log")
    fresh, wanted = whose_run(settings.paths.run, demo)
    hot = settings.hot.model_copy(update={"await_history": fresh})
    with stack.opened(project, settings.model_copy(update={"hot": hot}), environ, screen.say, fresh) as running:
        (settings.paths.run / summary.FILE).unlink(missing_ok=True)
        first_model = open_doors(running, wanted, fresh, screen)
        live = Live(running, screen)
        live.traffic(demo)
        bank, memory = running.status("bank"), running.processes.memory
    seconds = {
        "setup": setup_seconds,
        "first_model": first_model,
        **live.first_moments(),
        "total": setup_seconds + screen.seconds,
    }
    totals = summary.summarise(live.ledger, bank, landed.rows(settings.paths.lake), seconds, memory.peak_mb)
    file = summary.write(settings.paths.run, totals)
    screen.print(f"\n{summary.words(totals)}\n\n  {file}")
    if totals["unaccounted"]:
        raise Unaccounted(
            f"{totals['unaccounted']} acknowledged records are unaccounted for: see {settings.paths.run / 'logs'}"
        )


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
    running.start_job("hot", "jobs.decide", restarts=5)
    if fresh:
        processes.wait(lambda: past.is_written(history), OPEN_SECONDS, "there is no history")
        running.await_registry()
        running.start_job("train", "jobs.train_model", "--history", str(history), "--promote", "--quick", once=True)
        screen.say("the first model is being trained while the stream fills its state")
        running.wait(lambda: processes.is_done("train"), OPEN_SECONDS, "there is no first model", ("train", "hot"))
        first_model = screen.seconds
        screen.say("the first model is the champion")
    running.await_open("hot", OPEN_SECONDS)
    (running.settings.paths.run / PREPARED).write_text(json.dumps(wanted._asdict()))
    running.start_job("landing", "jobs.land_events", restarts=5)
    screen.say("the doors are open")
    return first_model


class Live:
    """The stretch with traffic. `ledger` holds what it came to."""

    def __init__(self, running: Stack, screen: Screen) -> None:
        """Look at the topics from here on."""
        self._running, self._screen, self._window = running, screen, Window()
        self._began = time.time() - screen.seconds
        self.ledger = Ledger(running.settings.kafka.bootstrap, self._window.take)

    def traffic(self, demo: Demo) -> None:
        """Let the bank send until it is done or somebody stops it, then wait until every record has its end."""
        processes = self._running.processes
        history = ("--history", str(self._running.settings.paths.run / "history"))
        length = ("--seconds", str(demo.seconds)) if demo.seconds else ()
        self._running.start_job("bank", "jobs.simulate_bank", *history, "--rate", str(demo.rate), *length, once=True)
        patience = CATCH_UP_SECONDS
        try:
            processes.wait(self._bank_is_done, float("inf"), "the bank")
        except StopAsked:
            patience = HURRIED_SECONDS
        self._screen.end()
        self._screen.say("the bank stops; what is under way is still decided and landed")
        processes.stop(["bank"], seconds=4)
        processes.linger(self._caught_up, patience)
        self.ledger.close()

    def first_moments(self) -> dict[str, float | None]:
        """Seconds from the start of the run to the first decision and to the first alert; None for what never came."""
        moments = {"first_decision": self._window.first_decision_at, "first_alert": self._window.first_alert_at}
        return {name: None if at is None else at - self._began for name, at in moments.items()}

    def _bank_is_done(self) -> bool:
        self.ledger.follow()
        if self._screen.is_due:
            self._screen.show(self._window.glance(self.ledger, sum(self._running.processes.memory.now_mb.values())))
        return self._running.processes.is_done("bank")

    def _caught_up(self) -> bool:
        self.ledger.follow()
        rows = landed.rows(self._running.settings.paths.lake)
        return not self.ledger.unaccounted and rows.get(DECISIONS.name, 0) >= self.ledger.decided
