"""How long learning and scoring take on this machine: made-up payments, the trainer and the model as they are."""

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines import session
from pipelines.config import Lake
from pipelines.features import book
from pipelines.files import put_json
from pipelines.score import trees
from pipelines.train import cost, fit

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession

FILE: Final = "bench-training.json"
EXPLAINED: Final = 500


def run(rows: int, out: Path) -> dict[str, Any]:
    """Fit the full profile on so many rows with every feature, and score with it.

    Returns:
        What is in bench-training.json: rows, inputs, trees, fit_seconds, score_us and contributions_us (a payment on one core),
        load (of the machine, before and after: processes that want to run).
    """
    before = os.getloadavg()[0]
    spark = session.lake(Lake(driver_memory="4g"), "clearhold-bench-training")
    try:
        payments = made_up(spark, rows).cache()
        payments.count()
        began = time.perf_counter()
        model = fit.fit(payments, book.model_inputs(), fit.FULL, lambda how_far: print(how_far, flush=True))
        seconds = time.perf_counter() - began
        found = {
            "rows": rows,
            "inputs": len(book.FEATURES),
            "trees": fit.FULL.trees,
            "fit_seconds": round(seconds, 1),
            "score_us": round(cost.to_score(model, payments), 2),
            "contributions_us": round(_explained(model, payments)),
            "load": [round(before, 1), round(os.getloadavg()[0], 1)],
        }
    finally:
        spark.stop()
    file = put_json(out / FILE, found)
    print(
        f"\n  fit           {found['rows']:,} rows x {found['inputs']} features, {found['trees']} trees: {seconds:.1f} s\n"
        f"  score         {found['score_us']:.2f} us a payment on one core\n"
        f"  contributions {found['contributions_us']:,} us a payment on one core\n\n  {file}",
        flush=True,
    )
    return found


def _explained(model: "PipelineModel", payments: "DataFrame") -> float:
    """Microseconds to say what each feature contributed to a score."""
    rows = [row.asDict() for row in payments.limit(EXPLAINED).collect()]
    with tempfile.TemporaryDirectory() as folder:
        model.write().save(str(Path(folder) / "sparkml"))
        forest = trees.read(Path(folder))
    began = time.process_time()
    trees.contributions(forest, rows)
    return (time.process_time() - began) / len(rows) * 1e6


def made_up(spark: "SparkSession", rows: int) -> "DataFrame":
    """Payments with random features, every third of them unknown now and then (in the simulated bank 19 are).

    One in ten is a fraud that features have something to do with.
    """
    noise = (
        f"if({number} % 3 = 0 and rand({number}) < 0.02, null, randn({number + 1000}) * {number + 1}) as {feature.name}"
        for number, feature in enumerate(book.FEATURES)
    )
    features = spark.range(rows).selectExpr(*noise)
    risk = f"coalesce({book.FEATURES[0].name}, 0D) + coalesce({book.FEATURES[1].name} / 2, 0D) + randn(5)"
    return features.selectExpr("*", f"double({risk} > 2.2) as label", "1D as weight")
