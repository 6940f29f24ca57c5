from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipelines.errors import UsageError
from pipelines.flows import opening
from pipelines.flows.opening import Opening, Replay
from pipelines.ingest.recording import Known, Recording

MAPPING: dict[str, Any] = {
    "columns": {
        "transaction_id": "id",
        "amount_minor": "paid",
        "currency": {"sql": "'EUR'"},
        "event_time": "at",
    },
    "entities": {"card": {"sql": "concat('c', id % 40)"}, "merchant": {"sql": "concat('m', id % 7)"}},
    "label": {"sql": "id % 4 = 0"},
}
HOURLY = (
    "select i as id, 100 + i as paid, timestamp '2024-01-01 06:00:00' + interval 1 hour * i as at from range(960) t(i)"
)
"""Forty days, an hour between payments, every fourth a fraud."""
DAY_2 = datetime(2024, 1, 2, tzinfo=UTC)


def recorded(folder: Path, query: str = HOURLY, delay_days: int = 7, **changed: Any) -> Recording:
    duckdb.connect().sql(query).write_parquet(str(folder / "data.parquet"))
    (folder / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | changed))
    return Recording(folder / "data.parquet", folder / "mapping.yaml", delay_days)


def asked(folder: Path, **changed: Any) -> Replay:
    return Replay(folder / "data.parquet", folder / "mapping.yaml", folder / "nobody")._replace(**changed)


def test_a_recording_knows_its_days(tmp_path: Path) -> None:
    recording = recorded(tmp_path)
    assert (recording.begin, recording.days) == (datetime(2024, 1, 1, tzinfo=UTC), 41)
    assert recording.known(recording.begin + timedelta(days=10)) == Known(payments=234, verdicts=17)


def test_payments_and_chargebacks_are_played_in_order_from_a_time_on(tmp_path: Path) -> None:
    events = list(recorded(tmp_path, delay_days=1).play(since=DAY_2, most=30))
    times = [record["event_time"] for _, record in events[:40]]
    assert times == sorted(times)
    assert events[-1][0] == "transactions"
    payments = [record for topic, record in events if topic == "transactions"]
    assert [int(payment["transaction_id"]) for payment in payments] == list(range(18, 48))
    assert all("label" not in payment for payment in payments)
    first = next(record for topic, record in events if topic == "signals")
    assert (first["transaction_id"], first["event_time"]) == ("0", "2024-01-02T06:00:00.000Z")
    assert (first["verdict"], first["transaction_time"]) == ("fraud", "2024-01-01T06:00:00.000Z")


def test_nothing_lies_between_history_and_what_is_played(tmp_path: Path) -> None:
    recording = recorded(tmp_path)
    since = recording.begin + timedelta(days=10)
    made = recording.write_history(tmp_path / "history", since)
    played = [topic for topic, _ in recording.play(since)]
    assert made == Known(payments=234, verdicts=17)
    assert made.payments + played.count("transactions") == 960
    assert made.verdicts + played.count("signals") == 240


def test_history_keeps_whole_cards_in_order(tmp_path: Path) -> None:
    recording = recorded(tmp_path, f"{HOURLY} order by md5(i::varchar)")
    made = recording.write_history(tmp_path / "history", datetime(2024, 1, 31, tzinfo=UTC), share=0.5)
    rows = duckdb.sql(f"select card_id, event_time from '{tmp_path}/history/transactions.parquet'").fetchall()
    counts = [len([1 for card, _ in rows if card == one]) for one in {card for card, _ in rows}]
    assert 200 < made.payments == len(rows) < 520
    assert set(counts) <= {17, 18}  # all that each of forty cards has in that time
    assert [time for _, time in rows] == sorted(time for _, time in rows)
    told = duckdb.sql(f"select distinct card_id from '{tmp_path}/history/signals.parquet'").fetchall()
    assert {card for (card,) in told} <= {card for card, _ in rows}
    assert made == recording.write_history(tmp_path / "again", datetime(2024, 1, 31, tzinfo=UTC), share=0.5)


def test_rows_that_are_no_payments_are_played_but_are_no_history(tmp_path: Path) -> None:
    bad_amounts = "if(id = 5, -1, if(id = 6, null, paid)) as paid"
    no_time = 'if(id = 950, null, "at") as "at"'
    spoiled = f"select * replace ({bad_amounts}, {no_time}) from ({HOURLY})"
    recording = recorded(tmp_path, spoiled)
    assert recording.write_history(tmp_path / "history", DAY_2).payments == 16
    played = [record["transaction_id"] for topic, record in recording.play() if topic == "transactions"]
    assert len(played) == 960
    assert played[-1] == "950"
    late = [record["transaction_id"] for topic, record in recording.play(DAY_2) if topic == "transactions"]
    assert (len(late), late[-1]) == (942, "950")


def test_without_labels_there_are_only_payments(tmp_path: Path) -> None:
    assert {topic for topic, _ in recorded(tmp_path, label=None).play()} == {"transactions"}


@pytest.mark.parametrize(
    ("query", "changed", "said"),
    [
        (HOURLY, {"label": "fraud"}, "label: .* has no column fraud"),
        (HOURLY, {"entities": {"card": "id"}}, "merchant_id missing"),
        (HOURLY.replace("2024", "2011"), {}, "begins on 2011-01-01: payments before 2015 are refused"),
    ],
)
def test_what_cannot_be_played_is_a_usage_error_of_one_line(
    tmp_path: Path, query: str, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        recorded(tmp_path, query, **changed)
    assert "\n" not in str(refusal.value)


def test_a_model_is_trained_on_the_first_days_and_the_rest_is_replayed(tmp_path: Path) -> None:
    chosen = opening.choose(recorded(tmp_path), asked(tmp_path, history_payments=357), "clearhold")
    assert chosen == Opening("own", None, datetime(2024, 1, 31, tzinfo=UTC), 0.5)
    given = opening.choose(recorded(tmp_path), asked(tmp_path, train_days=20), "clearhold")
    assert given == Opening("own", None, datetime(2024, 1, 21, tzinfo=UTC), 1.0)


def test_a_lent_champion_decides_unless_days_to_train_on_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening.lending, "champion_features", lambda folder, model: opening.book.feature_set())
    recording, replay = recorded(tmp_path), asked(tmp_path)
    assert opening.choose(recording, replay, "clearhold") == Opening("lent", tmp_path / "nobody" / "registry")
    assert opening.choose(recording, replay._replace(train_days=0), "clearhold").model == "lent"
    assert opening.choose(recording, replay._replace(train_days=20), "clearhold").model == "own"


@pytest.mark.parametrize("changed", [{"label": None}, {"label": {"sql": "id % 200 = 0"}}])
def test_where_nothing_can_be_learned_a_stand_in_decides(tmp_path: Path, changed: dict[str, Any]) -> None:
    assert opening.choose(recorded(tmp_path, **changed), asked(tmp_path), "clearhold") == Opening("stand-in")


def test_a_short_recording_is_played_whole(tmp_path: Path) -> None:
    short = recorded(tmp_path, f"{HOURLY} where i < 100")
    assert opening.choose(short, asked(tmp_path), "clearhold") == Opening("stand-in")
    with pytest.raises(UsageError, match="it has 5 days, and 20 of them would be history"):
        opening.choose(short, asked(tmp_path, train_days=20), "clearhold")


def test_a_named_lender_without_a_champion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no champion for the present features"):
        opening.choose(recorded(tmp_path), asked(tmp_path, lender_named=True), "clearhold")
