"""What scoring costs: processor time, which is the same however busy the machine is with other things."""

import uuid
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from pipelines.features import book
from pipelines.train import fit

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

ROWS: Final = 100_000
TIMES: Final = 3


def to_score(model: "PipelineModel", rows: "DataFrame") -> float:
    """Microseconds to score a payment on one core: the best of three, what reading the rows takes excepted.

    Args:
        model: adds `margin` to rows.
        rows: with the columns that the model takes in; repeated until there are ROWS of them.
    """
    copies = F.explode(F.sequence(F.lit(1), F.lit(max(1, ROWS // max(rows.count(), 1)))))
    many = rows.select(*book.model_inputs(), copies.alias("copy")).coalesce(1).cache()
    count = many.count()
    scored = fit.margins(model, many).agg(F.sum("margin"))
    read = many.agg(F.sum("amount"))
    seconds = [processor_seconds(scored) - processor_seconds(read) for _ in range(TIMES)]
    many.unpersist()
    return max(min(seconds), 0.0) / count * 1e6


def processor_seconds(query: "DataFrame") -> float:
    """Run a query, and say how long processors worked at it: the sum over its tasks, as Spark reports it of each stage."""
    context = query.sparkSession.sparkContext
    group = uuid.uuid4().hex
    context.setJobGroup(group, "what it costs")
    java: Any = context._jsc.sc()
    try:
        query.collect()
    finally:
        java.clearJobGroup()  # or later jobs would belong to it
    java.listenerBus().waitUntilEmpty()  # what tasks report arrives behind the result
    tracker = context.statusTracker()
    jobs = map(tracker.getJobInfo, tracker.getJobIdsForGroup(group))
    stages = {stage for job in jobs if job for stage in job.stageIds}
    return float(sum(java.statusStore().lastStageAttempt(stage).executorCpuTime() for stage in stages)) / 1e9
