"""One measured stretch of load on an open stack: sent by a process of its own, looked at from outside, read back afterwards."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final, NamedTuple

import numpy as np

from pipelines.catalog import DECISIONS, QUARANTINE, TRANSACTIONS
from pipelines.flows.incidents import Incident
from pipelines.flows.traffic import settle
from pipelines.local import topics
from pipelines.local.decided import Decided
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack
from pipelines.local.watch import Watch
from pipelines.monitor.latency import Course, standstills
from pipelines.simulate.crowd import Crowd, number

SENDER: Final = "load"
START_SECONDS: Final = 60.0
PROGRESS_SECONDS: Final = 5.0


class Load(NamedTuple):
    """Payments of a crowd, `first` and following, `rate` a second; those of the first `warm` seconds are not measured."""

    crowd: Crowd
    rate: float
    seconds: float
    warm: float
    first: int = 0

    @property
    def payments(self) -> int:
        """Payments in all."""
        return round(self.rate * (self.warm + self.seconds))

    def arguments(self) -> tuple[str, ...]:
        """The sender's command line."""
        crowd = ("--cards", self.crowd.cards, "--start-ms", self.crowd.start_ms)
        return tuple(map(str, (*crowd, "--rate", self.rate, "--first", self.first, "--count", self.payments)))


class Stretch:
    """A stretch under way."""

    def __init__(self, running: Stack, screen: Screen, load: Load, incidents: Mapping[float, Incident]) -> None:
        """Incidents happen at a share of the measured time."""
        self._running, self._screen, self._load = running, screen, load
        self._bootstrap = running.settings.kafka.bootstrap
        self._before = {topic: self._length(topic) for topic in (TRANSACTIONS.name, DECISIONS.name, QUARANTINE.name)}
        self._decided = Decided(self._bootstrap, number, load.first, load.payments)
        self._watch = Watch(running)
        self._began = self._progress_at = 0.0
        self._incidents = list(incidents.values())
        planned = [(load.warm + share * load.seconds, incident.happen) for share, incident in incidents.items()]
        ends = [(load.warm, self._watch.note_effort), (load.warm + load.seconds, self._watch.note_effort)]
        self._agenda: list[tuple[float, Callable[[], None]]] = sorted([*planned, *ends], key=lambda item: item[0])

    def run(self) -> None:
        """Send everything, and wait until every payment is decided or nothing moves any more.

        Raises:
            StopAsked: somebody asked to stop.
            ClearholdError: the sender does not start, or a program ended too often.
        """
        processes = self._running.processes
        self._running.start_job(SENDER, "jobs.send_load", *self._load.arguments(), once=True)
        processes.wait(lambda: "began" in self._running.status(SENDER), START_SECONDS, "the load does not start")
        self._began = float(self._running.status(SENDER)["began"])
        processes.wait(self._is_over, float("inf"), SENDER)
        self._screen.say("all sent; what is under way is still decided and read back")
        with closing(self._decided):
            settle(processes, self._is_settled, lambda: self._decided.decided)

    def course(self) -> Course:
        """The measured payments that were decided, in order of their intended times."""
        decided = self._decided.decided_ms > 0
        whole = Course(self._decided.sent_ms[decided], self._decided.decided_ms[decided])
        return whole.between(self._at_ms(self._load.warm), float("inf"))

    def marks(self) -> dict[str, list[float]]:
        """Seconds since the first measured payment, by what happened then."""
        begin = self._began + self._load.warm
        incidents = {incident.name: [incident.at - begin] for incident in self._incidents}
        return {"checkpoint": [at - begin for at, _ in self._watch.checkpoints if at >= begin], **incidents}

    def figures(self) -> dict[str, Any]:
        """What it came to."""
        load, course, times = self._load, self.course(), self._decided.times()
        begin, end = self.begin_ms, self._at_ms(load.warm + load.seconds)
        within = int(((times >= begin) & (times < end)).sum())
        cpu, sent, averages = self._watch.cpu_seconds, self._running.status(SENDER), self._watch.load_averages
        return {
            "latency_ms": course.percentiles(),
            "rate": load.rate,
            "cards": load.crowd.cards,
            "seconds": load.seconds,
            "warm_seconds": load.warm,
            "sent": sent["sent"],
            "acknowledged": sent["acknowledged"],
            "decided": self._decided.decided,
            "repeats": self._decided.repeats(),
            "unaccounted": self.unaccounted,
            "measured": len(course.sent),
            "decided_per_second": round(within / load.seconds, 1),
            "cpu_us_per_tx": round(cpu * 1e6 / within, 1) if cpu and within else None,
            "peak_rss_mb": dict(self._running.processes.memory.peak_mb),
            "peak_rss_mb_together": self._running.processes.memory.together_mb,
            "checkpoints": self._checkpoints(),
            "standstills": [
                {"at_s": self._second(at / 1000), "ms": ms} for at, ms in standstills(times[times >= begin])
            ],
            "load_average": {"before": round(averages[0], 2), "during": round(float(np.mean(averages)), 2)},
            **self._happened(),
        }

    @property
    def begin_ms(self) -> float:
        """When measuring began, epoch milliseconds."""
        return self._at_ms(self._load.warm)

    @property
    def unaccounted(self) -> int:
        """Acknowledged payments that have neither a decision nor a quarantine row."""
        quarantined = self._length(QUARANTINE.name) - self._before[QUARANTINE.name]
        return max(0, int(self._running.status(SENDER)["acknowledged"]) - self._decided.decided - quarantined)

    def _is_over(self) -> bool:
        now = time.time()
        while self._agenda and now - self._began >= self._agenda[0][0]:
            self._agenda.pop(0)[1]()
        self._watch.look()
        if now >= self._progress_at:
            self._progress_at = now + PROGRESS_SECONDS
            self._tell()
        return not self._agenda and self._running.processes.is_done(SENDER)

    def _is_settled(self) -> bool:
        self._decided.follow()
        return not self.unaccounted

    def _tell(self) -> None:
        sent, decided = (self._length(topic) - self._before[topic] for topic in (TRANSACTIONS.name, DECISIONS.name))
        self._screen.say(
            f"{self._load.rate:g} a second over {self._load.crowd.cards:,} cards: sent {sent:,} of {self._load.payments:,}, "
            f"decisions {decided:,}, checkpoints {len(self._watch.checkpoints)}"
        )

    def _checkpoints(self) -> dict[str, Any]:
        seen = self._watch.checkpoints
        return {"count": len(seen), "each": [{"at_s": self._second(at), "ms": parts} for at, parts in seen]}

    def _happened(self) -> dict[str, dict[str, Any]]:
        times = [incident.at for incident in self._incidents]
        return {
            incident.name: incident.figures(self._decided, until, self.unaccounted)
            for incident, until in zip(self._incidents, (*times[1:], float("inf")), strict=False)
        }

    def _second(self, at: float) -> float:
        """Seconds since the first measured payment."""
        return round(at - self._began - self._load.warm, 1)

    def _at_ms(self, seconds: float) -> float:
        return (self._began + seconds) * 1000

    def _length(self, topic: str) -> int:
        return sum(topics.ends(self._bootstrap, topic).values())
