from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.leadership import Leadership


def test_one_leads_and_others_see_it_without_java(spark: SparkSession, tmp_path: Path) -> None:
    leadership, other = Leadership(tmp_path / "checkpoints"), Leadership(tmp_path / "checkpoints")
    assert not other.is_taken()
    assert leadership.take(spark)
    assert other.is_taken()
    assert not other.is_taken() or leadership.take(spark), "asking lets nobody go on leading"
    assert other.is_taken()


def test_who_leads_elsewhere_stands_in_nobodys_way(spark: SparkSession, tmp_path: Path) -> None:
    assert Leadership(tmp_path / "one").take(spark)
    assert not Leadership(tmp_path / "other").is_taken()
