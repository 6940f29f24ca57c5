"""The backtest as a command: what it leaves, and how it refuses."""

import json
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
MAPPING = """
columns: {transaction_id: id, amount_minor: cents, currency: {sql: "'EUR'"}, event_time: at}
entities: {card: who, merchant: shop}
label: fraud
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chance = random.Random(2)
    lines = ["id,cents,at,who,shop,fraud"]
    for n in range(900):
        cents = round(100 * chance.lognormvariate(3, 1)) + 1
        fraud = int(chance.random() < (0.6 if cents > 8000 else 0.02))
        at = f"2024-03-{1 + n // 30:02d} {n % 24:02d}:00:00"
        lines.append(f"t{n},{cents},{at},c{chance.randrange(9)},m{chance.randrange(5)},{fraud}")
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return tmp_path


def backtest(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    options = {
        "data": str(folder / "data.csv"),
        "mapping": str(folder / "mapping.yaml"),
        "train-from": "2024-03-03",
        "train-until": "2024-03-16",
        "test-from": "2024-03-23",
        "test-until": "2024-03-28",
        "out": str(folder / "out"),
        "memory": "1g",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    command = [sys.executable, "-m", "jobs.backtest_model", "--quick"]
    command += [part for name, value in options.items() for part in (f"--{name}", value)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def test_leaves_metrics_and_scores(folder: Path) -> None:
    ended = backtest(folder)
    assert ended.returncode == 0, ended.stderr
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert {
        "auc",
        "average_precision",
        "card_precision_at_100",
        "rows",
        "frauds",
        "seconds",
        "features",
    } <= metrics.keys()
    columns = duckdb.sql(f"describe select * from '{folder}/out/scores.parquet'").fetchall()
    assert [name for name, *_ in columns] == ["transaction_id", "event_time", "score", "label"]
    assert duckdb.sql(f"select count(*) from '{folder}/out/scores.parquet'").fetchone() == (150,)
    assert metrics["rows"] == 150


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"data": "none.parquet"}, 2, "none.parquet does not exist"),
        ({"mapping": "none.yaml"}, 2, "none.yaml does not exist"),
        ({"train_from": "2024-03-20"}, 2, "label delay"),
    ],
)
def test_refuses_in_one_line(folder: Path, changes: dict[str, str], code: int, said: str) -> None:
    ended = backtest(folder, **changes)
    assert ended.returncode == code
    (line,) = ended.stderr.strip().splitlines()
    assert said in line


def test_a_column_that_is_not_there_is_named_with_the_nearest(folder: Path) -> None:
    (folder / "mapping.yaml").write_text(MAPPING.replace("who", "whom"))
    ended = backtest(folder)
    assert ended.returncode == 78
    assert "no column whom; nearest: who" in ended.stderr
