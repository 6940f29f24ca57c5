import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.errors import UsageError
from pipelines.schemas import SIGNAL, TRANSACTION, names
from pipelines.simulate.bank import Bank, Position
from pipelines.simulate.feed import publish
from pipelines.simulate.history import History, pending, read_history, write_history
from pipelines.simulate.ledger import amount_ratio
from pipelines.simulate.payments import DAY_MS
from pipelines.simulate.verdicts import Delays, reported_ms

DAYS = 30
ARROW_NAMES = {"string": "string", "bigint": "int64", "double": "double"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[History, Path]:
    folder = tmp_path_factory.mktemp("history")
    return write_history(Bank(7, 400, 2.0, datetime(2026, 3, 1, tzinfo=UTC)), DAYS, folder), folder


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return found


@pytest.mark.parametrize(("name", "fields"), [("transactions", TRANSACTION), ("signals", SIGNAL), ("pending", SIGNAL)])
def test_files_have_the_canonical_columns(written: tuple[History, Path], name: str, fields: tuple) -> None:  # type: ignore[type-arg]
    schema = pq.read_schema(written[1] / f"{name}.parquet")
    assert schema.names == names(fields)
    assert [str(column.type) for column in schema] == [ARROW_NAMES[field.type] for field in fields]


def test_payments_are_those_of_the_bank_and_the_present_joins_them(written: tuple[History, Path]) -> None:
    history, folder = written
    past = [{name: value for name, value in row.items() if value is not None} for row in rows(folder, "transactions")]
    reopened = read_history(folder)
    present = list(reopened.bank.payments(reopened.end, DAYS + 2))
    assert past + present == list(history.bank.payments(Position(0, 0), DAYS + 2))
    assert past[-1]["event_time"] < present[0]["event_time"]


def test_signals_are_known_before_the_end_and_pending_ones_after(written: tuple[History, Path]) -> None:
    history, folder = written
    end = datetime.fromtimestamp(history.end_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    known, later = ([str(row["event_time"]) for row in rows(folder, name)] for name in ("signals", "pending"))
    assert known == sorted(known)
    assert later == sorted(later)
    assert known[-1] < end <= later[0]
    assert len(known) > 3 * len(later) > 0


def test_a_chargeback_repeats_what_it_is_about(written: tuple[History, Path]) -> None:
    payments = {row["transaction_id"]: row for row in rows(written[1], "transactions")}
    for signal in rows(written[1], "signals"):
        about = payments[signal["transaction_id"]]
        assert (signal["kind"], signal["source"], signal["verdict"]) == ("verdict", "chargeback", "fraud")
        assert signal["transaction_time"] == about["event_time"] < signal["event_time"]
        assert all(signal[name] == about[name] for name in ("card_id", "merchant_id", "device_id", "amount_minor"))


def test_the_truth_covers_every_payment_and_agrees_with_the_signals(written: tuple[History, Path]) -> None:
    folder = written[1]
    truth = rows(folder, "truth")
    assert [row["transaction_id"] for row in truth] == [row["transaction_id"] for row in rows(folder, "transactions")]
    assert all(row["is_fraud"] == (row["pattern"] is not None) for row in truth)
    known = {row["transaction_id"]: row["label_known_ms"] for row in truth if row["label_known_ms"] is not None}
    signals = rows(folder, "signals") + rows(folder, "pending")
    assert known == {
        signal["transaction_id"]: round(datetime.fromisoformat(str(signal["event_time"])).timestamp() * 1000)
        for signal in signals
    }
    assert all(row["is_fraud"] for row in truth if row["label_known_ms"] is not None)


def test_nearly_all_frauds_are_known_after_two_label_delays(written: tuple[History, Path]) -> None:
    times = {row["transaction_id"]: str(row["event_time"]) for row in rows(written[1], "transactions")}
    delays, unreported = [], 0
    for row in rows(written[1], "truth"):
        if row["is_fraud"]:
            attempted_ms = datetime.fromisoformat(times[row["transaction_id"]]).timestamp() * 1000
            if row["label_known_ms"] is None:
                unreported += 1
            else:
                delays.append((int(str(row["label_known_ms"])) - attempted_ms) / DAY_MS)
    assert 6 < sum(delays) / len(delays) < 8
    assert max(delays) - min(delays) > 5
    assert max(delays) <= 14
    assert 0 < unreported < 0.06 * len(delays)


def test_no_chargeback_is_early_or_later_than_two_label_delays() -> None:
    after = [reported_ms(7, str(number), Delays(7.0, 30.0)) for number in range(300)]
    days = [one / DAY_MS for one in after if one is not None]
    assert (min(days), max(days)) == (1.0, 14.0)


def test_a_chargeback_knows_how_unusual_the_amount_was_for_its_card(written: tuple[History, Path]) -> None:
    payments = rows(written[1], "transactions")
    for signal in rows(written[1], "signals")[::20]:
        own = [row for row in payments if row["card_id"] == signal["card_id"]]
        amounts = [row["amount_minor"] for row in own if row["transaction_id"] < signal["transaction_id"]]
        assert signal["amount_ratio"] == amount_ratio(amounts, signal["amount_minor"])


def test_the_label_delay_can_be_chosen(tmp_path: Path) -> None:
    history = write_history(Bank(7, 200, 2.0, datetime(2026, 3, 1, tzinfo=UTC)), 10, tmp_path, Delays(2.0, 0.0))
    times = {row["transaction_id"]: row["event_time"] for row in rows(tmp_path, "transactions")}
    signals = rows(tmp_path, "signals")
    assert signals
    for signal in signals:
        waited = datetime.fromisoformat(str(signal["event_time"])) - datetime.fromisoformat(
            str(times[signal["transaction_id"]])
        )
        assert waited.total_seconds() == 2 * 86_400
    assert read_history(tmp_path).delays == history.delays


def test_pending_records_leave_out_what_they_do_not_have(written: tuple[History, Path]) -> None:
    records = pending(written[1])
    assert len(records) == len(rows(written[1], "pending"))
    assert all(None not in record.values() and record["kind"] == "verdict" for record in records)


def test_an_amount_ratio_leaves_outliers_out_and_needs_a_past() -> None:
    assert amount_ratio([], 500) is None
    assert amount_ratio([100, 300], 500) == 2.5
    assert amount_ratio([100, 100, 100, 100, 10_000], 500) == 5.0
    assert amount_ratio([9_000, *[100] * 64], 500) == 5.0


def test_an_empty_history_is_a_history(tmp_path: Path) -> None:
    history = write_history(Bank(7, 50, 2.0, datetime(2026, 3, 1, tzinfo=UTC)), 0, tmp_path)
    assert rows(tmp_path, "transactions") == rows(tmp_path, "signals") == pending(tmp_path) == []
    assert history.end == Position(0, 0)


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"seed": 7})])
def test_a_history_that_is_not_whole_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="no whole history"):
        read_history(tmp_path)
    (tmp_path / "bank.json").write_text(text)
    with pytest.raises(UsageError, match="no whole history"):
        read_history(tmp_path)


def test_publishing_needs_the_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"transactions\.parquet is missing"):
        publish(tmp_path, {"bootstrap.servers": "127.0.0.1:1"})
