"""The bank at work: payments at a steady rate, and the world's answers to the decisions about them."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines import status
from pipelines.catalog import SIGNALS, TRANSACTIONS
from pipelines.simulate import inject
from pipelines.simulate.history import History, pending, read_history
from pipelines.simulate.inbox import Inbox
from pipelines.simulate.outbox import Outbox
from pipelines.simulate.pace import Pace
from pipelines.simulate.plan import Plan
from pipelines.simulate.spoil import Mishaps
from pipelines.simulate.teller import Teller
from pipelines.simulate.world import World

_WAIT_SECONDS = 0.005
_STATUS_SECONDS = 1.0
_FLUSH_SECONDS = 3.0


def run(folder: Path, bootstrap: str, said: Path, plan: Plan, stopped: Callable[[], bool]) -> dict[str, Any]:
    """Send payments and play the world until the plan is fulfilled or `stopped` says so.

    Goes on behind the last payment on the broker, so a restart sends no payment under another id and no signal twice. While
    the broker is away it buffers up to a bound, then pauses.

    Args:
        folder: the history, as `write_history` left it.
        bootstrap: the broker, host:port.
        said: the status file; it is rewritten every second.
        plan: what to send.
        stopped: asked all the time; once true, nothing more is sent.

    Returns:
        The facts of the last status: sent, acknowledged and failed (records on `transactions`), bad and repeated (of those
        sent), verdicts (acknowledged signals), waiting (signals to come), decisions_seen, simulated_time.

    Raises:
        UsageError: the history is not there.
        Unavailable: no broker, no topics, or the broker refuses this producer.
    """
    status.report(said, "starting", f"reading {folder}")
    try:
        history = read_history(folder)
        with closing(Inbox(bootstrap)) as inbox:
            return Shift(history, pending(folder), inbox, Outbox(bootstrap), plan).work(said, stopped)
    except Exception as problem:
        status.report(said, "failed", str(problem), **_facts(said))
        raise


class Shift:
    """One run of the live bank."""

    def __init__(
        self, history: History, expected: list[dict[str, Any]], inbox: Inbox, outbox: Outbox, plan: Plan
    ) -> None:
        """Find out where an earlier run ended, and make everything ready to go on from there."""
        bank = history.bank
        since = inbox.position(bank, history.end)
        self._inbox, self._outbox = inbox, outbox
        self._world = World(bank, history.delays, plan.analyst, inbox.told())
        self._world.expect(expected)
        if plan.payments is not None:
            bank.prepare(since, plan.payments)
        inbox.follow_decisions()
        self._decisions = 0
        self._pace = Pace(plan.rate, time.time())
        mishaps = Mishaps(bank.seed, plan.bad_share, plan.repeat_share)
        payments = inject.payments(islice(bank.payments(since), plan.payments), plan.inject)
        self._teller = Teller(payments, self._pace, outbox, mishaps)
        self._injected = plan.inject

    def work(self, said: Path, stopped: Callable[[], bool]) -> dict[str, Any]:
        """Send, listen and answer; at the end wait for the broker's last answers. Returns the last facts."""
        report_at = 0.0
        while not (stopped() or self._teller.finished):
            self._teller.send(time.time())
            self._outbox.poll()
            self._listen()
            self._answer()
            if time.time() >= report_at:
                report_at = time.time() + _STATUS_SECONDS
                waits = "the broker is away, payments wait" if self._outbox.full else self._outbox.trouble
                status.report(said, "open", waits, **self._facts())
        self._outbox.close(_FLUSH_SECONDS)
        status.report(said, "stopped", self._outbox.trouble, **self._facts())
        return self._facts()

    def _listen(self) -> None:
        """Take in decisions until the next payment is due."""
        due = time.time() + _WAIT_SECONDS if self._outbox.full else self._pace.next
        wait = min(max(due - time.time(), 0), _WAIT_SECONDS)
        if wait < 0.001:
            time.sleep(wait)
            wait = 0
        for decision in self._inbox.decisions(wait):
            self._decisions += 1
            self._world.observe(decision)

    def _answer(self) -> None:
        for signal in self._world.due(self._teller.simulated_ms):
            said = inject.signal(signal, self._injected)
            self._outbox.put(SIGNALS.name, said.get("card_id"), json.dumps(said).encode())

    def _facts(self) -> dict[str, Any]:
        topic, outbox = TRANSACTIONS.name, self._outbox
        return {
            "sent": outbox.sent[topic],
            "acknowledged": outbox.acknowledged[topic],
            "failed": outbox.failed[topic],
            "bad": self._teller.bad,
            "repeated": self._teller.repeated,
            "verdicts": outbox.acknowledged[SIGNALS.name],
            "waiting": self._world.waiting,
            "decisions_seen": self._decisions,
            "simulated_time": self._teller.simulated_time,
        }


def _facts(said: Path) -> dict[str, Any]:
    """What was counted before a failure."""
    return {name: value for name, value in status.look(said).items() if name not in ("state", "message", "at")}
