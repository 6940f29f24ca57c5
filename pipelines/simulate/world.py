"""The world after the decision: cardholders answer challenges, analysts look at holds, frauds are charged back."""

import heapq
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np

from pipelines.simulate.bank import Bank
from pipelines.simulate.chance import personal
from pipelines.simulate.payments import HOUR_MS, MINUTE_MS
from pipelines.simulate.verdicts import Delays, reported_ms, verdict
from pipelines.simulate.wire import iso


class Answer(NamedTuple):
    """Who says what a payment was: how often at all, how soon (simulated ms), how often rightly."""

    source: str
    share: float
    soonest_ms: int
    latest_ms: int
    right_on_fraud: float
    right_on_genuine: float


ANSWERS: Final = {
    "challenge": Answer("cardholder", 0.85, MINUTE_MS // 3, 5 * MINUTE_MS, 0.93, 0.985),
    "hold": Answer("analyst", 0.97, 10 * MINUTE_MS, 90 * MINUTE_MS, 0.95, 0.97),
    "decline": Answer("cardholder", 0.60, 10 * MINUTE_MS, 12 * HOUR_MS, 0.95, 0.97),
}


class World:
    """Turns decisions into signals, each due at its own simulated time.

    The same decision leads to the same signal ids and verdicts in every process, so a restart repeats nothing.
    """

    def __init__(self, bank: Bank, delays: Delays, analyst: bool = True, told: Iterable[str] = ()) -> None:
        """Begin to watch.

        Args:
            bank: knows what the payments really were; decisions about payments of others are left alone.
            delays: of chargebacks.
            analyst: whether holds are looked at here. Without it that is left to the desk.
            told: ids of signals that are out already.
        """
        self._bank, self._delays = bank, delays
        self._answers = {action: answer for action, answer in ANSWERS.items() if analyst or action != "hold"}
        self._told, self._decided = set(told), set[str]()
        self._waiting: list[tuple[int, str, dict[str, Any]]] = []

    @property
    def waiting(self) -> int:
        """Signals that are not due yet."""
        return len(self._waiting)

    def expect(self, signals: Iterable[dict[str, Any]]) -> None:
        """Signals that will become known at their event time whatever is decided: chargebacks of the past."""
        for signal in signals:
            self._schedule(int(datetime.fromisoformat(signal["event_time"]).timestamp() * 1000), signal)

    def observe(self, decision: Mapping[str, Any]) -> None:
        """Take note of a decision (fields of schemas.DECISION). Only the first one about a payment counts."""
        transaction_id, action = decision["transaction_id"], decision["action"]
        fraud = self._bank.pattern(transaction_id) is not None
        if (action == "approve" and not fraud) or transaction_id in self._decided:
            return
        if self._bank.position(transaction_id) is not None:
            self._decided.add(transaction_id)
            self._answer(decision, fraud)

    def due(self, now_ms: int) -> list[dict[str, Any]]:
        """Signals that have become known by `now_ms`, once each. None claims to have been known before it is told."""
        out = []
        while self._waiting and self._waiting[0][0] <= now_ms:
            due_ms, signal_id, signal = heapq.heappop(self._waiting)
            self._told.add(signal_id)
            out.append({**signal, "event_time": iso(np.array([max(due_ms, now_ms)]))[0]})
        return out

    def _answer(self, decision: Mapping[str, Any], fraud: bool) -> None:
        """Somebody may answer soon; a fraud that is not recognised then is found on the statement later."""
        luck = personal(self._bank.seed, "answer", decision["transaction_id"])
        answer, said_fraud = self._answers.get(decision["action"]), None
        if answer and luck.random() < answer.share:
            right = luck.random() < (answer.right_on_fraud if fraud else answer.right_on_genuine)
            known_ms = decision["event_ms"] + luck.randint(answer.soonest_ms, answer.latest_ms)
            said_fraud = fraud == right
            self._schedule(known_ms, verdict(decision, said_fraud, answer.source, known_ms))
        if fraud and not said_fraud:
            paid = decision["action"] == "approve" or said_fraud is False
            self._report(decision, "chargeback" if paid else "cardholder")

    def _report(self, decision: Mapping[str, Any], source: str) -> None:
        after_ms = reported_ms(self._bank.seed, decision["transaction_id"], self._delays)
        if after_ms is not None:
            known_ms = decision["event_ms"] + after_ms
            self._schedule(known_ms, verdict(decision, True, source, known_ms))

    def _schedule(self, known_ms: int, signal: dict[str, Any]) -> None:
        if signal["signal_id"] not in self._told:
            heapq.heappush(self._waiting, (known_ms, signal["signal_id"], signal))
