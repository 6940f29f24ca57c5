"""How a measurement is counted and told, without any process."""

import json
import time
from array import array
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipelines.config import Settings
from pipelines.errors import Unaccounted, UsageError
from pipelines.files import put_json
from pipelines.flows import bench, incidents, sweep
from pipelines.flows.bench import Bench
from pipelines.flows.incidents import Kill, Swap
from pipelines.flows.stretch import Load, Stretch
from pipelines.local.decided import Decided
from pipelines.local.watch import Watch
from pipelines.monitor import report
from pipelines.simulate.crowd import Crowd, number, transaction_id

CROWD = Crowd(1_000, 1_700_000_000_000)
BEGAN = 1_000.0


def collected(count: int, first: int = 0) -> Decided:
    found = Decided.__new__(Decided)
    found._number, found._first, found._consumer = number, first, None
    found.sent_ms, found.decided_ms = np.zeros(count, np.int64), np.zeros(count, np.int64)
    found.decided, found._repeated_ms = 0, array("q")
    found.first_by_model = {}
    return found


def decision(which: int, sent_at_ms: int = 0, model: str = "1") -> dict[str, Any]:
    return {"transaction_id": transaction_id(which), "sent_at_ms": sent_at_ms, "model_version": model}


def test_the_first_decision_counts_and_later_ones_are_repeats() -> None:
    found = collected(3, first=10)
    found.add(decision(11, 100), 105)
    found.add(decision(11, 100), 103)
    found.add(decision(9, 50), 104)  # of the stretch before: its first decision was counted there
    found.add(decision(13, 50), 104)
    found.add({"transaction_id": "t7d00001n0000001"}, 104)
    assert (found.decided, found.repeats()) == (1, 2)
    assert (found.repeats(103, 104), found.repeats(104), found.repeats(105)) == (1, 1, 0)
    assert list(found.decided_ms) == [0, 105, 0]
    assert (list(found.sent_ms), list(found.times())) == ([0, 100, 0], [105])


def test_a_model_has_its_first_decision_whatever_the_order() -> None:
    found = collected(3)
    for which, at_ms in ((0, 30), (1, 20), (2, 40)):
        found.add(decision(which, model="2"), at_ms)
    assert found.first_by_model == {"2": 20}


class Stage:
    """A stack with nothing in it: what processes say of themselves is set by the test."""

    def __init__(self, **said: dict[str, Any]) -> None:
        self.said, self.lines, self.settings = said, list[str](), Settings()
        memory = SimpleNamespace(peak_mb={"hot": 900, "broker": 500}, together_mb=1400)
        self.processes = SimpleNamespace(processes={}, memory=memory, say=self.lines.append, is_done=lambda name: True)

    def status(self, name: str) -> dict[str, Any]:
        return self.said.get(name, {})


def a_stretch(stage: Any, load: Load, found: Decided) -> Stretch:
    stretch = Stretch.__new__(Stretch)
    stretch._running, stretch._load, stretch._decided, stretch._began = stage, load, found, BEGAN
    stretch._watch, stretch._incidents, stretch._agenda = Watch(stage), [], []
    stretch._before, stretch._progress_at = {"quarantine": 4, "decisions": 0}, float("inf")
    stretch._length = lambda topic: 5  # type: ignore[method-assign]
    return stretch


def test_figures_leave_out_the_warm_up_and_account_for_everything() -> None:
    load = Load(CROWD, rate=10, seconds=2, warm=1)
    stage = Stage(load={"sent": 30, "acknowledged": 30})
    found = collected(30)
    for which in range(28):
        found.add(decision(which, 1_000_000 + which * 100), 1_000_000 + which * 100 + (900 if which < 10 else 7))
    stretch = a_stretch(stage, load, found)
    stretch._watch._efforts = [(1, 5.0), (1, 5.036)]
    figures = stretch.figures()
    assert load.payments == 30
    assert figures["latency_ms"] == {"p50": 7.0, "p90": 7.0, "p99": 7.0, "p999": 7.0, "max": 7.0}
    assert (figures["measured"], figures["decided"], figures["repeats"]) == (18, 28, 0)
    assert figures["unaccounted"] == 1  # one of the two without a decision is in quarantine
    assert figures["decided_per_second"] == 13.5  # nine of the warm-up were decided late
    assert figures["cpu_us_per_tx"] == pytest.approx(36_000 / 27, abs=0.1)
    assert json.loads(json.dumps(figures)) == figures


def test_a_restarted_process_has_no_processor_time_to_tell() -> None:
    watch = Watch(Stage())  # type: ignore[arg-type]
    assert watch.cpu_seconds is None
    watch._efforts = [(1, 5.0), (2, 6.0)]
    assert watch.cpu_seconds is None


def test_each_checkpoint_is_seen_once_and_those_before_are_not() -> None:
    stage: Any = Stage(hot={"checkpoints": 3, "at": 1.0, "last_checkpoint": {}})
    watch = Watch(stage)
    for count, at in ((3, 2.0), (4, 3.0), (4, 5.0), (5, 7.0)):
        stage.said["hot"] = {"checkpoints": count, "at": at, "last_checkpoint": {"walCommit": count}}
        watch._due = 0.0
        watch.look()
    assert watch.checkpoints == [(3.0, {"walCommit": 4}), (7.0, {"walCommit": 5})]


def test_what_is_planned_happens_when_its_time_has_come() -> None:
    stretch = a_stretch(Stage(), Load(CROWD, 10, 10, 1), collected(1))
    done: list[str] = []
    elapsed = time.time() - BEGAN
    stretch._agenda = [(elapsed - 5, lambda: done.append("swap")), (elapsed + 60, lambda: done.append("end"))]
    assert not stretch._is_over()
    assert done == ["swap"]
    stretch._agenda.clear()
    assert stretch._is_over()


def test_the_gap_of_a_swap_lies_around_it() -> None:
    stage: Any = Stage(hot={"swaps": [{"model": "1", "seconds": 9.0}, {"model": "2", "seconds": 0.4567}]})
    found = collected(6)
    for which, (at_ms, model) in enumerate(
        [(500, "1"), (1_500, "1"), (2_050, "1"), (2_450, "2"), (2_460, "2"), (9_000, "2")]
    ):
        found.add(decision(which, model=model), at_ms)
    for at_ms in (1_999, 2_460, 9_600):
        found.add(decision(0), at_ms)
    swap = Swap(stage)
    swap._version, swap.at = "2", 2.0
    assert swap.figures(found, 9.5, 0) == {
        "version": "2",
        "first_decision_after_s": 0.45,
        "gap_ms": 6_540,  # it goes on being watched for a while after the first decision
        "restart_seconds": 0.457,
        "repeats": 1,
        "lost": 0,
    }
    swap._version = "3"
    assert swap.figures(found, 9.5, 0)["gap_ms"] is None


def test_after_a_kill_the_echo_of_the_killed_does_not_count() -> None:
    found = collected(4)
    for which, (sent_ms, at_ms) in enumerate(((890, 900), (1_010, 1_020), (900, 14_000), (1_600, 15_000))):
        found.add(decision(which, sent_ms), at_ms)
    kill = Kill(Stage())  # type: ignore[arg-type]
    kill.at = 1.0
    assert kill.figures(found, 99.0, 2) == {"first_decision_after_s": 14.0, "repeats": 0, "lost": 2}
    kill.at = 15.0
    assert kill.figures(found, 99.0, 2)["first_decision_after_s"] is None


def test_a_swap_promotes_the_version_that_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    promoted: list[str] = []
    monkeypatch.setattr(incidents.stand_in, "other_version", lambda settings: "2")
    monkeypatch.setattr(incidents.registry, "promote", lambda settings, version: promoted.append(version))
    swap = Swap(Stage())  # type: ignore[arg-type]
    swap.happen()
    assert promoted == ["2"]
    assert time.time() - swap.at < 60


def test_the_last_payment_of_a_crowd_lies_before_today() -> None:
    crowd = bench.crowd_for(20_000, 630 * 300, 5)
    last_ms = crowd.start_ms + 630 * 300 * crowd.step_ms
    assert time.time() * 1000 - last_ms == pytest.approx(86_400_000, abs=60_000)


@pytest.mark.parametrize(
    ("cards", "payments", "past", "said"),
    [(0, 10, 5, "needs cards"), (10, 10, -1, "needs cards"), (10, 1e6, 5, "take more cards")],
)
def test_a_crowd_that_cannot_be_is_refused(cards: int, payments: float, past: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        bench.crowd_for(cards, payments, past)


@pytest.mark.parametrize("changed", [{"rate": 0.0}, {"seconds": 0.0}, {"warm": -1.0}])
def test_what_cannot_be_measured_is_refused(changed: dict[str, float]) -> None:
    bench.check(Bench())
    with pytest.raises(UsageError, match="must be above 0"):
        bench.check(Bench(**changed))  # type: ignore[arg-type]


def test_a_loss_is_an_error() -> None:
    bench.conserved({"unaccounted": 0}, Settings())
    with pytest.raises(Unaccounted, match="3 acknowledged payments"):
        bench.conserved({"unaccounted": 3}, Settings())


def figures(**changed: Any) -> dict[str, Any]:
    load = Load(CROWD, rate=10, seconds=2, warm=1)
    stage = Stage(load={"sent": 30, "acknowledged": 30})
    made = a_stretch(stage, load, collected(30)).figures()
    return {**made, "latency_ms": {"p50": 5.5, "p90": 8.0, "p99": 12.0, "p999": 1_280.0, "max": None}, **changed}


def test_results_are_told_in_words_and_in_a_table(tmp_path: Path) -> None:
    kill = {"first_decision_after_s": 14.0, "repeats": 7, "lost": 0}
    said = report.words(figures(kill=kill, standstills=[{"at_s": 1.0, "ms": 450}]))
    assert "10 payments a second for 2 s over 1,000 cards" in said
    assert "p50 5.5 ms" in said
    assert "p999 1,280 ms, max - ms" in said
    assert "longest pauses 450 ms" in said
    assert "first decision after s 14.0, repeats 7, lost 0" in said
    head, *rows = report.table([figures(), figures(rate=5_000)]).splitlines()
    assert head.split()[:2] == ["cards", "rate"]
    assert len({len(row) for row in (head, *rows)}) == 1
    put_json(tmp_path / "run" / "it.json", figures())
    assert json.loads((tmp_path / "run" / "it.json").read_text())["rate"] == 10
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["it.json"]


def test_a_sweep_stops_climbing_where_it_does_not_keep_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Load] = []

    class Short:
        def __init__(self, running: Any, screen: Any, load: Load, incidents: Any) -> None:
            self.load = load
            loads.append(load)

        def run(self) -> None:
            pass

        def figures(self) -> dict[str, Any]:
            return figures(
                cards=self.load.crowd.cards,
                rate=self.load.rate,
                decided_per_second=min(self.load.rate, 900),
                unaccounted=0,
            )

    class Here:
        def __enter__(self) -> Any:
            return Stage()

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(sweep, "Stretch", Short)
    monkeypatch.setattr(sweep.bench, "opened", lambda *_: Here())
    settings = Settings().model_copy(update={"paths": Settings().paths.model_copy(update={"run": tmp_path / "bench"})})
    ground: Any = bench.Ground(None, settings, {}, "make bench SWEEP=1", tmp_path / "sweep.json")  # type: ignore[arg-type]
    sweep.run(ground, sweep.Sweep(2, 1, 5, False, (300.0, 1_000.0, 2_000.0), (10_000, 1_000_000)))
    assert [(load.crowd.cards, load.rate, load.first) for load in loads] == [
        *((10_000, 300.0, 0), (10_000, 1_000.0, 900)),
        *((1_000_000, 300.0, 0), (1_000_000, 1_000.0, 900)),
    ]
    points = json.loads((tmp_path / "sweep.json").read_text())["points"]
    assert [(point["rate"], point["past"]) for point in points] == [(300, 5), (1_000, 5), (300, 1), (1_000, 1)]
    assert (tmp_path / "sweep.png").exists()
