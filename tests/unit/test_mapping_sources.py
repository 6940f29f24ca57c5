from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import schemas
from pipelines.errors import ConfigurationError, UsageError
from pipelines.ingest.mapping import Mapping
from pipelines.ingest.sources import Source

ROWS = """
    select * from (values
        (3, timestamp '2024-01-02 00:00:00.5', 7, 12, 10.10, true, 48.5),
        (1, timestamp '2024-01-01 09:00:00', 7, 11, 0.29, false, 'nan'::double),
        (2, timestamp '2024-01-01 09:00:00', 8, 11, 5.00, true, null)
    ) as t(Id, "At", Card, Shop, Paid, Bad, Lat)
"""
COLUMNS: dict[str, Any] = {
    "transaction_id": "Id",
    "amount_minor": {"sql": "round(Paid * 100)"},
    "currency": {"sql": "'EUR'"},
    "event_time": "At",
    "latitude": "Lat",
}


@pytest.fixture(params=["parquet", "csv"])
def data(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return written(tmp_path / f"it's.{request.param}", ROWS)


def written(file: Path, query: str) -> Path:
    rows = duckdb.connect().sql(query)
    (rows.write_csv if file.suffix == ".csv" else rows.write_parquet)(str(file))
    return file


def mapping(label: Any = "Bad", **columns: Any) -> Mapping:
    entities = {"card": {"sql": "concat('c', Card)"}, "merchant": "Shop"}
    return Mapping.model_validate({"columns": COLUMNS | columns, "entities": entities, "label": label})


def test_payments_are_typed_and_in_order_of_time(data: Path) -> None:
    first, second, third = (row for batch in Source(data, mapping()).payments(batch=2) for row in batch)
    assert first == {
        "transaction_id": "1",
        "card_id": "c7",
        "merchant_id": "11",
        "amount_minor": 29,
        "currency": "EUR",
        "event_time": "2024-01-01T09:00:00.000Z",
        "label": 0,
    }
    assert second["transaction_id"] == "2"
    assert (third["event_time"], third["latitude"], third["label"]) == ("2024-01-02T00:00:00.500Z", 48.5, 1)


def test_frauds_come_back_as_chargebacks(data: Path) -> None:
    (batch,) = Source(data, mapping()).chargebacks(7)
    assert [signal["transaction_id"] for signal in batch] == ["2", "3"]
    signal = batch[1]
    assert signal.pop("signal_id")
    assert signal == {
        "kind": "verdict",
        "event_time": "2024-01-09T00:00:00.500Z",
        "source": "chargeback",
        "verdict": "fraud",
        "transaction_id": "3",
        "card_id": "c7",
        "merchant_id": "12",
        "transaction_time": "2024-01-02T00:00:00.500Z",
        "amount_minor": 1010,
    }


def test_nothing_from_the_end_on_is_read(data: Path) -> None:
    source = Source(data, mapping(), until=datetime(2024, 1, 2, tzinfo=UTC))
    assert [row["transaction_id"] for batch in source.payments() for row in batch] == ["1", "2"]
    assert list(source.chargebacks(delay_days=7)) == []


def test_tables_have_every_column_with_its_type(data: Path, tmp_path: Path) -> None:
    Source(data, mapping()).write(tmp_path / "out", 7)
    for name, fields in (("transactions", schemas.TRANSACTION), ("signals", schemas.SIGNAL)):
        found = duckdb.sql(f"describe select * from '{tmp_path}/out/{name}.parquet'").fetchall()
        kinds = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE"}
        wanted = [(field.name, kinds[field.type]) for field in fields] + (
            [("label", "INTEGER")] if name == "transactions" else []
        )
        assert [(column, type_) for column, type_, *_ in found] == wanted


def test_times_with_an_offset_become_utc(tmp_path: Path) -> None:
    zoned = "case when Id = 3 then '2024-01-02T00:00:00.5Z' else '2024-01-01T09:00:00+02:00' end"
    file = written(tmp_path / "x.parquet", f'select * replace ({zoned} as "At") from ({ROWS})')
    times = [row["event_time"] for batch in Source(file, mapping()).payments() for row in batch]
    assert times == ["2024-01-01T07:00:00.000Z", "2024-01-01T07:00:00.000Z", "2024-01-02T00:00:00.500Z"]


def test_the_digest_follows_data_and_mapping(tmp_path: Path) -> None:
    one, two = written(tmp_path / "1.parquet", ROWS), written(tmp_path / "2.parquet", ROWS + " limit 2")
    digests = {
        Source(one, mapping()).digest(),
        Source(two, mapping()).digest(),
        Source(one, mapping(channel={"sql": "'atm'"})).digest(),
    }
    assert len(digests) == 3
    assert Source(one, mapping()).digest() in digests


def test_a_folder_of_parts_is_one_source(tmp_path: Path) -> None:
    written(tmp_path / "a.parquet", ROWS + " limit 2")
    written(tmp_path / "b.parquet", ROWS + " limit 1 offset 2")
    assert sum(len(batch) for batch in Source(tmp_path, mapping()).payments()) == 3


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"event_time": "Att"}, "event_time: .* has no column Att; nearest: At"),
        ({"amount_minor": {"sql": "round(Payd)"}}, "nearest: Paid"),
        ({"amount_minor": {"sql": "round("}}, "amount_minor: .* cannot be computed"),
        ({"amount_minor": "Paid"}, "amount_minor: .* must be whole numbers; 2 of 3 are not, such as"),
        ({"event_time": "Id"}, "event_time: .* not a time"),
        ({"event_time": {"sql": "cast(Shop as varchar)"}}, "event_time: .* must be times"),
        ({"latitude": {"sql": "'north'"}}, "latitude: .* must be numbers"),
        ({"label": "Card"}, "label: .* must be 0 or 1; 3 of 3"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_in_one_line(data: Path, columns: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refusal:
        Source(data, mapping(**columns))
    assert "\n" not in str(refusal.value)


def test_a_bad_row_among_many_is_left_to_admission(tmp_path: Path) -> None:
    file = written(tmp_path / "x.csv", "select range as id, if(range = 5, 'much', '7') as paid from range(1000)")
    columns = {
        "transaction_id": "id",
        "amount_minor": "paid",
        "currency": "id",
        "event_time": {"sql": "make_timestamp(id)"},
    }
    source = Source(file, Mapping.model_validate({"columns": columns, "entities": {"card": "id", "merchant": "id"}}))
    rows = [row for batch in source.payments() for row in batch]
    assert len(rows) == 1000
    assert [row["transaction_id"] for row in rows if "amount_minor" not in row] == ["5"]


def test_without_a_label_there_are_no_chargebacks(data: Path) -> None:
    with pytest.raises(ConfigurationError, match="names no label"):
        next(Source(data, mapping(label=None)).chargebacks(7))


@pytest.mark.parametrize("name", ["none.parquet", "empty", "broken.parquet", "nothing.csv"])
def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.parquet").write_text("not parquet")
    (tmp_path / "nothing.csv").write_text("Id,At,Card,Shop,Paid,Bad,Lat\n")
    with pytest.raises(UsageError) as refusal:
        Source(tmp_path / name, mapping())
    assert name in str(refusal.value)
