"""A stretch of live traffic: a sender sends, decisions and rows are followed, until every record has its end."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pipelines.catalog import LANDED
from pipelines.check import results
from pipelines.errors import Unaccounted
from pipelines.flows import accounting, parity, quality_watch
from pipelines.ingest.topics import Ends
from pipelines.local import landed, stack, summary
from pipelines.local.ledger import Ledger
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack
from pipelines.local.supervisor import StopAsked, Supervisor
from pipelines.local.window import Window
from pipelines.monitor import accounts

PATIENCE_SECONDS: Final = 60.0
"""How long nothing at all may happen before what is under way is given up."""
OPEN_SECONDS: Final = 600.0
"""How long landing may take to start: a short stretch on a slow machine is over before."""
HURRIED_SECONDS: Final = 8.0
"""How long Ctrl-C waits for what is under way, a landing batch included; the whole stop takes at most 15 s."""


class Sender(NamedTuple):
    """The program that sends: its name, module and arguments. Its status says sent, acknowledged and verdicts."""

    name: str
    module: str
    arguments: tuple[str, ...]


class Traffic:
    """One stretch. `ledger` holds what it came to, `sent` the last status of the sender."""

    def __init__(self, running: Stack, screen: Screen) -> None:
        """Look at the topics from here on."""
        self._running, self._screen, self._window = running, screen, Window()
        self._began = time.time() - screen.seconds
        self.ledger = Ledger(running.settings.kafka.bootstrap, self._window.take)
        self.sent: dict[str, Any] = {}
        self.ends: Ends = {}

    def run(self, sender: Sender) -> None:
        """Let the sender send until it is done or somebody stops it, then wait until every record has its end."""
        processes = self._running.processes
        self._running.start_job(sender.name, sender.module, *sender.arguments, once=True)
        with contextlib.suppress(StopAsked):
            processes.wait(lambda: self._is_done(sender.name), float("inf"), sender.name)
        self._screen.end()
        self._screen.say(f"the {sender.name} stops; what is under way is still decided and landed")
        processes.stop([sender.name], seconds=4)
        with contextlib.suppress(StopAsked):
            self._running.await_open("landing", OPEN_SECONDS)
        if processes.asked:
            processes.linger(self._caught_up, HURRIED_SECONDS)
        elif settle(processes, self._caught_up, self._reached) and not self._all_landed():
            self._screen.say("the rest of the history lands")
            settle(processes, self._all_landed, self._reached)
        self.sent = self._running.status(sender.name)
        self.ends = accounting.ends(self._running.settings.kafka.bootstrap, LANDED)
        self.ledger.close()

    def look(self, project: Project) -> None:
        """Carry out the quality suites on everything that has landed, unless somebody is waiting for us to stop."""
        if self._running.processes.asked:
            self._screen.say("stopped by hand: `make quality` looks at what has landed")
            return
        self._screen.say("the quality of what has landed is looked at")
        trouble = quality_watch.looked(self._running.settings.paths.run, folder=project.root)
        if trouble:
            self._screen.say(trouble)

    def account(self, seconds: Mapping[str, float | None]) -> None:
        """Write what the run came to, beside its logs, and say it.

        Args:
            seconds: how long set-up and the first model took, None for what was not done.

        Raises:
            Unaccounted: an acknowledged record has neither a decision nor a quarantine row, nor is it a duplicate.
        """
        paths = self._running.settings.paths
        took = {**seconds, **self._first_moments(), "total": (seconds["setup"] or 0) + self._screen.seconds}
        rows, memory = landed.rows(paths.lake), self._running.processes.memory
        books, standing = accounts.close(paths.lake, self.ends), results.standing(paths.lake)
        waiting = books.waiting if self._running.processes.asked else 0
        difference = books.lost if waiting else books.difference
        totals = summary.summarise(
            self.ledger, self.sent, rows, took, memory, difference, waiting, self._cases(), standing.facts()
        )
        files = f"{summary.write(paths.run, totals)}, {accounting.write(paths.run, books)}"
        self._screen.print(f"\n{summary.words(totals)}\n\n{accounts.words(books)}\n\n  {files}")
        if standing.failing:
            self._screen.say(f"quality: {standing.words()}; see {paths.run / quality_watch.NAME}")
        if totals["unaccounted"]:
            raise Unaccounted(
                f"{totals['unaccounted']} acknowledged records are unaccounted for: see {paths.run / 'logs'}"
            )

    def _cases(self) -> int:
        """How many cases the desk has opened, if there is one."""
        return int(self._running.status(stack.DESK).get("cases", 0))

    def compare(self, project: Project) -> None:
        """Compare the stream's features with the batch compiler's, unless somebody is waiting for us to stop.

        Raises:
            Mismatch: a feature differs.
        """
        if self._running.processes.asked:
            self._screen.say("stopped by hand: `make parity` compares stream and batch")
        else:
            parity.run(project, self._running.settings.paths.run, self._screen)

    def _first_moments(self) -> dict[str, float | None]:
        """Seconds from the start of the run to the first decision and to the first alert; None for what never came."""
        moments = {"first_decision": self._window.first_decision_at, "first_alert": self._window.first_alert_at}
        return {name: None if at is None else at - self._began for name, at in moments.items()}

    def _is_done(self, sender: str) -> bool:
        self.ledger.follow()
        if self._screen.is_due:
            memory = sum(self._running.processes.memory.now_mb.values())
            failing = self._running.status(quality_watch.NAME).get("failing", ())
            self._screen.show(self._window.glance(self.ledger, memory, failing))
        return self._running.processes.is_done(sender)

    def _caught_up(self) -> bool:
        self.ledger.follow()
        return not self.ledger.unaccounted and accounting.has_landed(self._running.settings, LANDED)

    def _all_landed(self) -> bool:
        return accounting.has_landed(self._running.settings)

    def _reached(self) -> int:
        lake = self._running.settings.paths.lake
        return self.ledger.decided + self.ledger.quarantined + landed.records(lake) + landed.records_behind(lake)


def settle(processes: Supervisor, done: Callable[[], bool], reached: Callable[[], int]) -> bool:
    """Wait until something is done as long as it gets on; whether it is done.

    Args:
        processes: tended meanwhile. A Ctrl-C ends the waiting.
        done: asked all the time.
        reached: how far it is; when that is no more than PATIENCE_SECONDS ago, it is given up.
    """
    asked, before = processes.asked, -1
    while processes.asked == asked and (now := reached()) > before:
        before = now
        if processes.linger(done, PATIENCE_SECONDS):
            return True
    return False
