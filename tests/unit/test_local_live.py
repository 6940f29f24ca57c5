"""What a run chooses, counts, shows and writes, without any process."""

import io
import json
import socket
import uuid
from array import array
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from pipelines.errors import ConfigurationError, UsageError
from pipelines.flows import demo, past
from pipelines.flows.demo import Demo
from pipelines.local import broker, ledger, ports, stack, summary
from pipelines.local.memory import Memory
from pipelines.local.screen import Screen
from pipelines.local.window import Window, in_words

BANK = {"sent": 10, "acknowledged": 10, "verdicts": 4}
KEYS = {
    "transactions_sent": int,
    "acknowledged": int,
    "decisions": int,
    "duplicates": int,
    "quarantined": int,
    "unaccounted": int,
    "actions": dict,
    "cases": int,
    "waiting_to_land": int,
    "verdicts": int,
    "model_versions": list,
    "latency_ms": dict,
    "landed": dict,
    "quality": dict,
    "seconds": dict,
    "peak_rss_mb": dict,
    "peak_rss_mb_together": int,
}


def decision(**changed: Any) -> dict[str, Any]:
    fields = {
        "transaction_id": "t1",
        "card_id": "c1",
        "merchant_id": "m1",
        "amount_minor": 123456,
        "currency": "EUR",
        "event_ms": 1_700_000_000_000,
        "sent_at_ms": 1_000,
        "action": "hold",
        "probability": 0.91,
        "reasons": ["12 times the usual amount", "new merchant"],
        "model_version": "3",
    }
    return {**fields, **changed}


def counted(**changed: Any) -> Any:
    """A ledger as it stands after some traffic."""
    book = ledger.Ledger.__new__(ledger.Ledger)
    book.sent, book.duplicates, book.unreadable, book.decided, book.repeats, book.quarantined = 10, 1, 2, 6, 4, 2
    book.actions, book.models = Counter(approve=5, hold=1), Counter({"2": 1, "10": 5})
    book.latencies_ms, book._undecided = array("d", [5.0, 6.0, 7.0, 100.0]), {"t9"}
    for name, value in changed.items():
        setattr(book, name, value)
    return book


def test_ports_are_free_distinct_and_kept_where_possible() -> None:
    chosen = ports.choose([0, 0, 0])
    assert len(set(chosen)) == 3
    assert max(chosen) < 32_768, "a port that connections may take while nobody listens"
    assert ports.choose(chosen) == chosen
    assert len(set(ports.choose([chosen[0]] * 2))) == 2
    with socket.create_server(("127.0.0.1", chosen[1])):
        first, second, third = ports.choose(chosen)
        assert (first, third) == (chosen[0], chosen[2])
        assert second not in chosen


def test_only_what_a_run_has_written_is_wiped(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigurationError, match="files that no run has written"):
        stack.wipe(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
    (tmp_path / "ports.json").write_text("[1, 2, 3]")
    stack.wipe(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["tmp"]


def test_a_run_that_never_opened_starts_afresh(tmp_path: Path) -> None:
    assert demo.whose_run(tmp_path, Demo(cards=50)) == (True, past.Wanted(cards=50))


def test_a_run_is_resumed_with_its_own_bank(tmp_path: Path) -> None:
    (tmp_path / demo.PREPARED).write_text(json.dumps({"seed": 3, "cards": 200}))
    assert demo.whose_run(tmp_path, Demo()) == (False, past.Wanted(3, 200))
    assert demo.whose_run(tmp_path, Demo(cards=200)) == (False, past.Wanted(3, 200))
    assert demo.whose_run(tmp_path, Demo(cards=300, fresh=True)) == (True, past.Wanted(cards=300))
    with pytest.raises(UsageError, match="has 200 cards and seed 3: add FRESH=1"):
        demo.whose_run(tmp_path, Demo(cards=300))


def test_what_has_no_end_is_unaccounted_for() -> None:
    assert counted().unaccounted == 1
    assert counted(quarantined=3).unaccounted == 0
    assert counted(unreadable=3).unaccounted == 2


def test_percentiles() -> None:
    assert ledger.percentile([], 50) is None
    assert ledger.percentile([1.0, 2.0, 9.0], 50) == 2.0
    assert counted().percentiles_ms() == {"p50": 6.5, "p90": 72.1, "p99": 97.21, "p999": 99.72, "max": 100.0}


def took(**megabytes: int) -> Memory:
    memory = Memory()
    memory.peak_mb, memory.together_mb = megabytes, sum(megabytes.values())
    return memory


def test_the_summary_has_the_promised_keys(tmp_path: Path) -> None:
    seconds = {"setup": 0.04, "first_model": None, "first_decision": 61.26}
    made = summary.summarise(counted(), BANK, {"decisions": 6}, seconds, took(hot=900))
    assert {key: type(value) for key, value in made.items()} == KEYS
    assert made["actions"] == {"approve": 5, "challenge": 0, "hold": 1, "decline": 0}
    assert made["model_versions"] == ["10", "2"]
    assert made["unaccounted"] == 1
    assert made["seconds"] == {"setup": 0.0, "first_model": None, "first_decision": 61.3}
    assert json.loads(summary.write(tmp_path, made).read_text()) == made
    assert [entry.name for entry in tmp_path.iterdir()] == ["summary.json"]


def test_acknowledged_records_that_are_gone_are_unaccounted_for() -> None:
    bank = {"sent": 12, "acknowledged": 12}
    assert summary.summarise(counted(quarantined=3), bank, {}, {}, took())["unaccounted"] == 2


def test_the_closing_words_name_every_end_of_a_record() -> None:
    made = summary.summarise(counted(), BANK, {"decisions": 6}, {"total": 75.0}, took(hot=900, broker=600))
    said = summary.words(made)
    assert "6 (approve 5, challenge 0, hold 1, decline 0)" in said
    assert "p50 6.5 ms" in said
    assert "decisions 6" in said
    assert "1.5 GB at one time (hot 900, broker 600 MB)" in said
    assert "0 suites, 0 failed" in said
    looked = summary.summarise(counted(), BANK, {}, {}, took(), quality={"suites": 8, "failed": 1})
    assert looked["quality"] == {"suites": 8, "failed": 1}
    assert "8 suites, 1 failed" in summary.words(looked)


def test_a_cluster_id_is_never_taken_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(bytes=b"\xf8" * 16))
    assert len(broker.cluster_id()) == 22
    assert broker.cluster_id()[0] != "-"


def test_an_alert_is_said_with_amount_place_and_reasons() -> None:
    when = "2023-11-14 22:13"
    assert in_words(decision()) == (
        f"{when} hold: 1,234.56 EUR, card c1 at m1: 12 times the usual amount; new merchant"
    )
    assert in_words(decision(reasons=[])).endswith("at m1: probability 91%")


def test_the_window_keeps_the_first_moments_and_the_last_alerts() -> None:
    window = Window()
    window.take(decision(action="approve"), 2_000)
    assert (window.first_decision_at, window.first_alert_at) == (2.0, None)
    for number in range(9):
        window.take(decision(merchant_id=f"m{number}"), 3_000 + number)
    glance = window.glance(counted(), 1500)
    assert (window.first_decision_at, window.first_alert_at) == (2.0, 3.0)
    assert [alert.split(" at ")[1][:2] for alert in glance.alerts] == ["m4", "m5", "m6", "m7", "m8"]
    assert (glance.p50_ms, glance.sent, glance.undecided, glance.model) == (2_003.5, 10, 1, "3")


def test_lines_go_to_the_screen_and_to_the_log(tmp_path: Path) -> None:
    out = io.StringIO()
    screen = Screen(tmp_path / "logs" / "it.log", Console(file=out, soft_wrap=True, highlight=False))
    screen.say("broker [bold] answers")
    window = Window()
    window.take(decision(), 1_007)
    screen.show(window.glance(counted(), 3_100))
    assert not screen.is_due
    screen.end()
    said = out.getvalue().splitlines()
    assert said[0].endswith("s] broker [bold] answers")
    assert "p50 7 ms, p99 7 ms, approve 5, challenge 0, hold 1, decline 0, model 3, memory 3.1 GB" in said[1]
    assert (tmp_path / "logs" / "it.log").read_text().endswith(" broker [bold] answers\n")


def test_on_a_terminal_there_is_a_panel(tmp_path: Path) -> None:
    out = io.StringIO()
    screen = Screen(tmp_path / "it.log", Console(file=out, force_terminal=True, width=120))
    window = Window()
    window.take(decision(), 1_007)
    screen.show(window.glance(counted(), 3_100))
    screen.end()
    assert "Clearhold, live for" in out.getvalue()
    assert "no suite fails" in out.getvalue()
    assert "hold: 1,234.56 EUR" in out.getvalue()


def test_a_quality_suite_that_fails_is_shown(tmp_path: Path) -> None:
    failing = Window().glance(counted(), 3_100, {"features": ["numbers_are_finite"], "records": ["no_gap"]})
    for terminal in (True, False):
        out = io.StringIO()
        screen = Screen(tmp_path / "it.log", Console(file=out, force_terminal=terminal, width=200))
        screen.show(failing)
        screen.end()
        assert "FAILING: features, records" in out.getvalue()


def test_a_terminal_that_has_gone_away_stops_nothing(tmp_path: Path) -> None:
    def gone(_: str) -> None:
        raise BrokenPipeError

    console: Any = SimpleNamespace(print=lambda *_, **__: gone(""), is_terminal=False)
    screen = Screen.__new__(Screen)
    screen._console, screen._log, screen._began, screen._due = console, tmp_path / "it.log", 0.0, 0.0
    screen.say("still here")
    assert "still here" in (tmp_path / "it.log").read_text()
