"""A quiet month of a simulated bank raises nothing; whatever is injected into it is caught and named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import reference
from pipelines.catalog import TRANSACTIONS
from pipelines.config import Labels
from pipelines.features.spec import DAY
from pipelines.flows import backfill, material, watching
from pipelines.ingest.tokens import Tokens
from pipelines.label import verdicts
from pipelines.monitor import findings, wire
from pipelines.monitor.wire import Raw
from pipelines.reference import Reference
from pipelines.schemas import EVENT, SIGNAL, TRANSACTION, names
from pipelines.simulate import inject
from pipelines.simulate.bank import Bank
from pipelines.simulate.history import write_history
from pipelines.simulate.inject import CHANGES
from pipelines.simulate.ledger import arrow

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
START = round(BEGIN.timestamp() * 1000)
LEARNED, JUDGED, DAYS = 28, 35, 65
WRONG_FROM = 58
"""Day from which on something is injected: what is looked at in the end."""
OTHER_FEATURES = ("shift", "attack", "missing")
"""Kinds that change features: their payments go through the batch compiler beside those of the quiet bank."""
IDS = ("transaction_id", "signal_id", "card_id", "merchant_id", "device_id")
# A model in two lines, and who is asked about its alerts; what matters is that scores come from features.
PROBABILITY = (
    "1 / (1 + exp(5 - 1.2 * ln(greatest(coalesce(card_ratio, 1), 0.05)) - 1.5 * coalesce(card_new_device, 0)))"
)
ALARMED = 0.98

Record = dict[str, Any]


def at(day: int) -> int:
    return START + day * DAY


def of_bank(record: Record, bank: str) -> Record:
    return {name: f"{bank}-{value}" if name in IDS else value for name, value in record.items() if value is not None}


def spoiled(records: list[Record], kind: str) -> list[Record]:
    """Payments with something injected in the last week."""
    since = (BEGIN + timedelta(days=WRONG_FROM)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    before = [one for one in records if one["event_time"] < since]
    return before + list(inject.payments((one for one in records if one["event_time"] >= since), [kind]))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Payments and signals of the quiet bank and of its spoiled likes, and features of them all."""
    found = tmp_path_factory.mktemp("month")
    write_history(Bank(7, 130, 2.0, BEGIN), DAYS, found / "bank")
    quiet = [{name: value for name, value in row.items() if value is not None} for row in rows(found, "transactions")]
    banks = {"quiet": quiet} | {kind: spoiled(quiet, kind) for kind in OTHER_FEATURES}
    paid = [of_bank(one, bank) for bank, records in banks.items() for one in records]
    known = [of_bank(one, bank) for bank in banks for one in rows(found, "signals")]
    pq.write_table(pa.Table.from_pylist(paid, arrow(TRANSACTION)), found / "transactions.parquet")
    pq.write_table(pa.Table.from_pylist(known, arrow(SIGNAL)), found / "signals.parquet")
    backfill.in_own_process(found, found / "features", at(DAYS), "1500m")
    return found


def rows(place: Path, name: str) -> list[Record]:
    found: list[Record] = pq.read_table(place / "bank" / f"{name}.parquet").to_pylist()
    return found


@pytest.fixture
def records(place: Path) -> list[Record]:
    return [{name: value for name, value in row.items() if value is not None} for row in rows(place, "transactions")]


def opened(
    place: Path, bank: str = "quiet", copies: str = "values (1)", verdict: str = "verdict"
) -> duckdb.DuckDBPyConnection:
    """The views that a look reads. `copies`: SQL of the copies of a payment of the last week; `verdict`: what is said of it."""
    made = duckdb.connect()
    columns = ", ".join(name for name in names(TRANSACTION) if name in names(EVENT) and name != "sent_at_ms")
    made.execute(
        f"""create table {material.PAID} as
        select paid.* replace (transaction_id || '-' || copy as transaction_id)
        from read_parquet('{place}/features/*.parquet') as paid, (select * from ({copies}) as copies(copy))
        where transaction_id like '{bank}-%' and (event_ms >= {at(WRONG_FROM)} or copy = 1)"""
    )
    made.execute(
        f"""create view logged as
        select {columns}, epoch_ms(event_time::timestamptz) as event_ms, 'transaction' as kind
        from read_parquet('{place}/transactions.parquet') where transaction_id like '{bank}-%'"""
    )
    made.execute(
        f"""create table decisions as
        with scored as (select *, {PROBABILITY} as probability from {material.PAID} where event_ms >= {at(LEARNED)}),
        usual as (
          select quantile_cont(probability, {ALARMED}) as most from scored where event_ms < {at(WRONG_FROM)})
        select transaction_id, card_id, event_ms, probability, '1' as model_version,
               if(probability > most, 'hold', 'approve') as action from scored, usual"""
    )
    made.execute(
        f"""create view {verdicts.VERDICTS} as
        with asked as (
          select *, if(hash(transaction_id) % 2 = 0, 'fraud', 'genuine') as verdict from decisions where action = 'hold')
        select transaction_id, event_ms as transaction_ms, if(event_ms >= {at(WRONG_FROM)}, {verdict}, verdict) as verdict,
               'analyst' as source, event_ms + 3600000 as known_ms, transaction_id as signal_id from asked"""
    )
    return made


@pytest.fixture(scope="module")
def past(place: Path) -> Reference:
    made = opened(place)
    learned = material.population(made, at(3), at(LEARNED))
    judged = made.execute(
        f"select probability, event_ms, card_id from decisions where event_ms < {at(JUDGED)}"
    ).fetchnumpy()
    described = reference.of(learned, judged["probability"], judged["event_ms"], judged["card_id"])
    kept = json.loads(json.dumps(reference.to_json(described)))
    (place / "model").mkdir()
    (place / "model" / reference.FILE).write_text(json.dumps(kept))
    found = reference.read(place / "model")
    assert found == described
    return found


def look(made: duckdb.DuckDBPyConnection, past: Reference, day: int = DAYS) -> list[findings.Finding]:
    return watching.of(made, past, "1", Labels().precedence, at(day)).found


def raised(found: list[findings.Finding]) -> set[tuple[str, str]]:
    return {(one.kind, one.subject) for one in findings.raised(found)}


def test_a_quiet_month_raises_nothing(place: Path, past: Reference) -> None:
    made = opened(place)
    for day in range(JUDGED, DAYS + 1):
        found = look(made, past, day)
        assert not findings.raised(found), f"day {day}: {findings.report(found)}"
    judged = [one for one in found if one.state == findings.QUIET]
    assert {one.kind for one in judged} == set(findings.KINDS) - {findings.SCHEMA}


CAUGHT = {
    "shift": {("feature", "amount"), ("feature", "card_ratio"), ("score", "probability")},
    "attack": {("score", "probability"), ("alerts", "rate")},
    "missing": {("missing", "latitude"), ("missing", "card_km_home")},
}


@pytest.mark.parametrize("kind", OTHER_FEATURES)
def test_what_changes_features_is_caught(place: Path, past: Reference, kind: str) -> None:
    found = look(opened(place, kind), past)
    assert raised(found) >= CAUGHT[kind], findings.report(found)


@pytest.mark.parametrize("kind", ["drop", "surge"])
def test_a_volume_that_is_odd_is_caught(place: Path, past: Reference, kind: str) -> None:
    made = opened(place, copies="values (1), (2), (3)" if kind == "surge" else "values (1)")
    if kind == "drop":
        made.execute(f"delete from {material.PAID} where event_ms >= {at(WRONG_FROM)} and hash(transaction_id) % 5 > 0")
    subjects = {subject for what, subject in raised(look(made, past)) if what == findings.VOLUME}
    days = {f"on {(BEGIN + timedelta(days=day)).date()}" for day in range(WRONG_FROM, DAYS - 1)}
    assert subjects >= days
    assert all(subject[:13] >= min(days) for subject in subjects)


def test_alerts_that_are_said_to_be_genuine_are_caught(place: Path, past: Reference) -> None:
    found = look(opened(place, verdict="'genuine'"), past)
    assert raised(found) == {("precision", "alerts")}, findings.report(found)


def test_without_a_reference_it_is_too_early_to_judge_features(place: Path) -> None:
    made = opened(place)
    (first, *_) = watching.of(made, None, "1", Labels().precedence, at(DAYS)).found
    assert (first.state, first.words) == (findings.EARLY, "version 1 was trained before references were kept")


def raws(records: list[Record]) -> list[Raw]:
    return [Raw("transactions", 0, number, json.dumps(one).encode()) for number, one in enumerate(records)]


FIELDS = {
    "added": ("transactions.loyalty_tier", "added", "loyalty_tier"),
    "removed": ("transactions.category", "removed", "category"),
    "retyped": ("transactions.latitude", "retyped", "latitude"),
    "recased": ("transactions.deviceId", "recased", "device_id"),
}


@pytest.mark.parametrize("kind", FIELDS)
def test_a_field_that_is_not_what_it_was_is_caught_with_the_first_offender(records: list[Record], kind: str) -> None:
    sent, usual = raws(spoiled(records, kind)), raws(records)
    found = wire.drift("transactions", TRANSACTION, sent, 500)
    (alarm, *_) = [one for one in findings.raised(found) if one.subject == FIELDS[kind][0]]
    first = next(one.offset for one, before in zip(sent, usual, strict=True) if one.value != before.value)
    assert alarm.measure == FIELDS[kind][1]
    assert FIELDS[kind][2] in alarm.words
    assert alarm.words.endswith(f"transactions 0/{first}")


def test_records_as_they_are_sent_raise_nothing_and_neither_does_an_accident(records: list[Record]) -> None:
    sent = raws(records)
    for end in range(7000, len(sent), 2000):
        assert not findings.raised(wire.drift("transactions", TRANSACTION, sent[:end], 2000))
    accidents = [*sent[:7000], *raws([records[0] | {"oops": 1}]), *[Raw("transactions", 0, 9, b"no JSON")] * 9]
    assert not findings.raised(wire.drift("transactions", TRANSACTION, accidents, 2000))
    assert wire.drift("transactions", TRANSACTION, sent[:50], 2000)[0].state == findings.EARLY


def test_what_the_filter_for_card_numbers_leaves_in_a_payment_is_known(records: list[Record]) -> None:
    tokens, fields = Tokens(b"k" * 32), dict(watching.SENT)[TRANSACTIONS]
    lines = (tokens.line(json.dumps(one | {"card_number": "4111111111111111"})) for one in records[:1000])
    sent = [Raw("transactions", 0, number, line.encode()) for number, line in enumerate(lines)]
    assert not findings.raised(wire.drift("transactions", fields, sent, 500))


def test_every_kind_that_can_be_injected_is_tried_here() -> None:
    assert {*OTHER_FEATURES, "drop", "surge", *FIELDS} == set(CHANGES)


def test_nothing_injected_changes_nothing(records: list[Record]) -> None:
    assert list(inject.payments(records, [])) == records


def payments_of(records: Iterator[Record]) -> list[str]:
    return [str(one["transaction_id"]) for one in records]


def test_drop_and_surge_change_how_many_there_are(records: list[Record]) -> None:
    few = payments_of(inject.payments(records[:100], ["drop"]))
    many = payments_of(inject.payments(records[:100], ["surge"]))
    assert (len(few), len(set(many))) == (20, 300)
