"""Pages about the lake, the models and what is refused: on a small lake, and without one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pipelines import catalog, rows
from pipelines.catalog import Table
from pipelines.desk import models, monitor, past
from pipelines.desk.roles import Role
from pipelines.features import book
from tests.desk.conftest import Person, decision

NOW = [datetime.now(UTC)]
"""When the lake of the present test was written: a module may be read long before."""
ZERO: dict[str, Any] = {
    "string": "",
    "int": 0,
    "bigint": 0,
    "double": 0.0,
    "boolean": True,
    "timestamp": datetime(2026, 1, 1, tzinfo=UTC),
}


def _write(lake: Path, table: Table, made: list[dict[str, Any]]) -> None:
    """Rows into a table, with something in every column that must have it."""
    filled = [
        {field.name: row.get(field.name, ZERO.get(field.type) if field.required else None) for field in table.columns}
        for row in made
    ]
    schema = pa.schema([(field.name, _arrow(field.type)) for field in table.columns])
    write_deltalake(lake / table.name, pa.Table.from_pylist(filled, schema), mode="append")


def _arrow(kind: str) -> pa.DataType:
    return pa.binary() if kind == "binary" else rows._TYPES[kind]


def _place(number: int, minutes: float, **more: Any) -> dict[str, Any]:
    appended = NOW[0] - timedelta(minutes=minutes)
    return {"kafka_partition": 0, "kafka_offset": number, "appended_at": appended, **more}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """An hour of payments, one a minute, all decided; one refused, one of them by another model. A minute may pass meanwhile."""
    NOW[0] = datetime.now(UTC)
    found = tmp_path / "lake"
    day = 86_400_000
    made = [
        decision(
            n,
            "hold" if n == 59 else "approve",
            card_id="c",
            event_ms=n * day,
            sent_at_ms=int((NOW[0] - timedelta(minutes=59 - n)).timestamp() * 1_000) - 20,
            model_version="1" if n < 30 else "2",
        )
        | _place(n, 59 - n)
        for n in range(60)
    ]
    values = {feature.name: 1.0 for feature in book.FEATURES}
    _write(found, catalog.DECISIONS_TABLE, made)
    _write(found, catalog.TRANSACTIONS_TABLE, [_place(n, 59 - n) for n in range(60)])
    records = [_place(n, max(0, 59 - n), topic="transactions") for n in range(61)]
    _write(found, catalog.RECORDS_TABLE, records)
    _write(found, catalog.DUPLICATES_TABLE, [])
    _write(found, catalog.QUALITY_TABLE, [])
    alarm = {
        "looked_at": NOW[0],
        "kind": "score",
        "subject": "p",
        "measure": "psi",
        "state": "alarm",
        "words": "score moved",
    }
    _write(found, catalog.WATCH_TABLE, [alarm])
    bad = _place(60, 1, topic="transactions", reason="bad_amount", value=b'{"amount_minor": -1} \xff<b>', is_whole=True)
    _write(found, catalog.QUARANTINE_TABLE, [bad])
    logged = [
        values
        | {"kind": "transaction", "latitude": 50.0 + n / 100, "longitude": 8.0, "card_km_home": float(n)}
        | {name: made[n][name] for name in ("transaction_id", "card_id", "event_ms", "amount_minor", "currency")}
        | _place(n, 59 - n)
        for n in range(60)
    ]
    logged[59]["ip"] = logged[58]["ip"] = logged[20]["ip"] = "10.0.0.7"
    logged[58]["card_id"], logged[20]["card_id"] = "neighbour", "long ago"
    _write(found, catalog.FEATURES_TABLE, logged[30:])
    _write(found, catalog.APPLIED_TABLE, logged[:30])
    parts = {"transaction_id": "t59", "card_id": "c", "event_ms": 59 * 86_400_000, "model_version": "2"}
    shap = {"features": ["card_km_home"], "contributions": [0.75]}
    _write(found, catalog.CONTRIBUTIONS_TABLE, [_place(59, 1) | parts | shap])
    return found


def test_the_monitor_answers_twelve_questions(lake: Path, analyst: Person, take: Callable[..., int]) -> None:
    take(1)
    monitor._kept.clear()
    found = {chart.question: chart for chart in monitor.charts(analyst.client.app.state.office)}  # type: ignore[attr-defined]
    assert len(found) == 12
    assert found["Anything lost?"].answer == "61 payment records: 60 decided, 1 refused, 0 duplicates, 0 open"
    assert found["Fast?"].answer == "half within 20 ms, 99 of 100 within 20 ms"
    assert found["Drift?"].answer == "score moved" and found["Drift?"].is_well is False
    assert found["Readable?"].answer == "1 of 61 records refused, most for bad_amount"
    assert found["Queue?"].answer.startswith("1 cases wait")
    assert [mark.words for mark in found["Alive?"].marks] == ["model 2, policy standard@1"]
    page = analyst.get("/monitor").text
    assert page.count("<polyline") >= 8 and "The last hour, as of" in page


def test_a_payment_without_an_end_is_seen(lake: Path, analyst: Person) -> None:
    _write(lake, catalog.TRANSACTIONS_TABLE, [_place(70 + n, 30) for n in range(5)])
    monitor._kept.clear()
    found = {chart.question: chart for chart in monitor.charts(analyst.client.app.state.office)}  # type: ignore[attr-defined]
    assert found["Anything lost?"].answer.endswith("5 open") and found["Anything lost?"].is_well is False


def test_without_a_lake_pages_say_so(analyst: Person, take: Callable[..., int]) -> None:
    monitor._kept.clear()
    assert "The lake has no tables yet" in analyst.get("/monitor").text
    assert "Nothing was refused" in analyst.get("/quarantine").text
    assert "no tables yet" in analyst.get(f"/cases/{take(1)}/past").text


def test_what_the_lake_knows_of_a_card(lake: Path) -> None:
    found = past.of(lake, decision(59, card_id="c", event_ms=59 * 86_400_000, model_version="2"))
    (known,) = found["features"]
    assert (known.name, known.part, known.value, known.usual) == ("card_km_home", 0.75, 59.0, (36.0, 50.0))
    assert [(each["card_id"], each["payments"]) for each in found["neighbours"]] == [("neighbour", 1)]
    assert len(found["timeline"]) == 30 and [dot.kind for dot in found["timeline"]][-1] == "ours"
    assert len(found["places"]) == 30 and found["note"] == ""
    assert all(-1 <= dot.x <= 101 and -1 <= dot.y <= 101 for dot in (*found["timeline"], *found["places"]))
    other = past.of(lake, decision(99, card_id="nobody"))
    assert "have not landed yet" in other["note"]


def test_one_reads_the_lake_at_a_time_and_the_others_ask_again(
    lake: Path, analyst: Person, take: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "PATIENCE_SECONDS", 0.01)
    known = f"/cases/{take(59, card_id='c', event_ms=59 * 86_400_000, model_version='2')}/past"
    with past._READER:
        busy = analyst.get(known).text
    assert "being read for other cases" in busy and 'hx-trigger="load delay:3s"' in busy
    assert "+0.750" in analyst.get(known).text


def test_the_case_page_asks_again_until_the_lake_knows(lake: Path, analyst: Person, take: Callable[..., int]) -> None:
    unknown = analyst.get(f"/cases/{take(1)}/past").text
    assert 'hx-trigger="load delay:3s"' in unknown
    known = analyst.get(f"/cases/{take(59, card_id='c', event_ms=59 * 86_400_000, model_version='2')}/past").text
    assert "hx-trigger" not in known and "+0.750" in known


def test_what_was_refused(lake: Path, analyst: Person) -> None:
    page = analyst.get("/quarantine?reason=bad_amount").text
    assert "bad_amount" in page and "&#34;amount_minor&#34;: -1" in page and "&lt;b&gt;" in page
    assert "None." in analyst.get("/quarantine?reason=other").text


def test_the_catalogue_finds_by_word(analyst: Person) -> None:
    page = analyst.get("/catalogue?q=masked").text
    assert "<h2>quarantine</h2>" in page and "<h2>decisions</h2>" not in page
    assert "Nothing is called like that" in analyst.get("/catalogue?q=xyzzy").text


def test_models_as_the_registry_has_them(
    come_in: Callable[[str], Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "does not answer" in come_in(Role.VIEWER).get("/models").text
    answers: dict[str, Any] = {
        "model-versions/search": {
            "model_versions": [
                {"version": "1", "creation_timestamp": 5, "tags": []},
                {"version": "10", "creation_timestamp": 6, "tags": [{"key": "gate", "value": "refused"}]},
            ]
        },
        "registered-models/alias": {"model_version": {"version": "1"}},
    }
    monkeypatch.setattr(models, "_ask", lambda registry, what, **values: answers[what])
    report = {"checks": [{"name": "money saved", "passed": False, "words": "no better"}]}
    file = tmp_path / "gate" / "10" / "verdict.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(report))
    page = come_in(Role.APPROVER).get("/models").text
    assert page.index("Version 10") < page.index("Version 1 ")
    assert "gate: refused" in page and "no better" in page
    assert "/models/10/promote" in page and "/models/1/promote" not in page
    assert "/models/10/promote" not in come_in(Role.ANALYST).get("/models").text


def test_one_chore_at_a_time_and_its_last_words(come_in: Callable[[str], Person], tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    wait = "while not pathlib.Path('go').exists(): time.sleep(.02)"
    script = f"import pathlib, sys, time\n{wait}\nprint('clearhold: no better')\nsys.exit(1)\n"
    (tmp_path / "jobs" / "promote_model.py").write_text(script)
    approver = come_in(Role.APPROVER)
    approver.get("/models")
    assert approver.post("/models/10/promote").status_code == 303
    again = approver.post("/models/9/promote")
    assert again.status_code == 409 and "the gate judges version 10" in again.text
    (tmp_path / "go").touch()
    chores = approver.client.app.state.office.chores  # type: ignore[attr-defined]
    chores._process.wait(20)
    assert "ended with exit code 1" in approver.get("/models").text
    assert "no better" in approver.get("/models").text
