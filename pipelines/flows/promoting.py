"""Champion and challenger on the same later, mature days and in the shadow; the gate's verdict; the alias, if it passes."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from pipelines import registry, session
from pipelines.catalog import SHADOW
from pipelines.config import Settings
from pipelines.errors import Refused, Unavailable, UsageError
from pipelines.features import book
from pipelines.files import put, put_json
from pipelines.flows import material
from pipelines.local import topics
from pipelines.local.screen import Screen
from pipelines.monitor import text
from pipelines.promote import gate
from pipelines.promote.gate import Check, Found, Shadow
from pipelines.score import served
from pipelines.train import cost, fit, metrics, pictures
from pipelines.train.evaluate import Comparison, compare
from pipelines.train.intervals import DRAWS
from pipelines.train.metrics import Numbers
from pipelines.train.scores import Scores, collected
from pipelines.train.split import DAY, Split, day, epoch

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FOLDER: Final = "gate"
VERDICT: Final = "verdict.json"
REPORT: Final = "report.md"
SAME: Final = 1e-12
"""Most that two runtimes may differ in a probability."""


class Contender(NamedTuple):
    """A registered model, loaded in the lake's session."""

    version: str
    pipeline: PipelineModel
    serving: dict[str, Any]

    def probabilities(self, rows: "DataFrame") -> "DataFrame":
        """Add `margin` and `probability` to rows with the features."""
        return fit.margins(self.pipeline, rows).withColumn("probability", F.expr(self.serving["calibration"]))


def run(settings: Settings, version: str | None, screen: Screen, dry: bool = False) -> None:
    """Judge a challenger; let it serve if the gate passes it. Leaves a report in the run's folder, and tags in the registry.

    Args:
        settings: of a run, whose registry is up and which has landed something.
        version: of the challenger; None for the newest version that is not the champion.
        screen: told what is being done.
        dry: only judge.

    Raises:
        UsageError: there is no challenger, or no mature day is later than what both have learned from.
        Unavailable: the registry does not answer.
        ModelRejected: a model's files are not what its manifest says.
        Refused: the gate does not let it serve.
    """
    version = registry.challenger(settings.registry, version)
    champion_version = registry.champion_version(settings.registry)
    if version == champion_version:
        raise UsageError(f"version {version} of {settings.registry.model} serves already")
    files = {
        each: registry.fetch(settings.registry, each, settings.paths.models)
        for each in (version, champion_version)
        if each
    }
    screen.say("starting Spark")
    spark = session.lake(settings.lake, "clearhold-gate", settings.paths.store)
    try:
        contenders = {each: _loaded(each, folder) for each, folder in files.items()}
        place = settings.paths.run / FOLDER / version
        found, compared = judged(
            spark, settings, contenders[version], contenders.get(champion_version or ""), place, screen
        )
    finally:
        spark.stop()
    passed = gate.checks(found, settings.gate)
    facts = gate.facts(found, passed) | compared | {"challenger": version, "champion": champion_version}
    put_json(place / VERDICT, facts | {"at": datetime.now(UTC).isoformat(timespec="seconds")})
    report = put(place / REPORT, words(facts, passed))
    registry.tag(settings.registry, version, _tags(facts["passed"], passed, champion_version))
    screen.print(f"\n{words(facts, passed)}\n  {report}")
    if not facts["passed"]:
        raise Refused(f"version {version} may not serve: {'; '.join(facts['refused_for'])}")
    if not dry:
        registry.promote(settings.registry, version)
        screen.say(
            f"version {version} is the champion; running streams take it within {settings.registry.poll_seconds:.0f} s"
        )


def judged(
    spark: "SparkSession",
    settings: Settings,
    challenger: Contender,
    champion: Contender | None,
    place: Path,
    screen: Screen,
) -> tuple[Found, dict[str, Any]]:
    """What the gate wants to know, and what else a report shows. Leaves pictures in `place`."""
    rules = served.in_force(settings.paths)
    with tempfile.TemporaryDirectory(prefix="gate-", dir=settings.paths.run) as scratch:
        rows, split = _later_days(spark, settings, challenger, champion, Path(scratch) / "rows.parquet")
        screen.say(
            f"comparing on {day(split.test_from)} until {day(split.test_until)}: both have learned from earlier days only"
        )
        scored = challenger.probabilities(rows).cache()
        scores = collected(scored)
        if not len(scores.labels):
            raise UsageError(
                f"no payments from {day(split.test_from)} until {day(split.test_until)} have a known outcome yet"
            )
        new = _in_order(scored, scores)
        old = _in_order(champion.probabilities(rows), scores) if champion else np.zeros_like(new)
        scored.unpersist()
        comparison = compare(scores, old, new, rules, DRAWS, screen.say)
        screen.say("timing the challenger")
        score_us = cost.to_score(challenger.pipeline, rows)
        screen.say("holding the shadow run against scores offline")
        shadow = _shadow(spark, settings, challenger)
    pictures.rival(scores, {"challenger": new, "champion": old}, place / "comparison.png")
    found = Found(
        int(scores.labels.sum()),
        comparison.figures,
        comparison.segments,
        comparison.challenger["calibration_error"],
        metrics.calibration_chance(new, scores.weights),
        score_us,
        shadow,
    )
    return found, _shown(scores, comparison, split)


def words(facts: dict[str, Any], passed: list[Check]) -> str:
    """The report, for people."""
    rival = f"champion {facts['champion']}" if facts["champion"] else "no champion: approving everything"
    rows = [
        ("condition", "holds", "found"),
        *((check.name, "yes" if check.passed else "NO", check.words) for check in passed),
    ]
    figures = [("figure", "champion", "challenger", "difference", "95% interval")]
    figures += [
        (
            name,
            *(f"{value:,.4f}" for value in (both["champion"], both["challenger"], both["difference"])),
            f"{both['low']:,.4f} to {both['high']:,.4f}",
        )
        for name, both in facts["figures"].items()
    ]
    verdict = "PASSES" if facts["passed"] else "IS REFUSED"
    return (
        f"# Version {facts['challenger']} {verdict}\n\nAgainst {rival}, on {facts['days'][0]} until {facts['days'][1]}: "
        f"{facts['rows']:,} payments, {facts['frauds']:,} frauds.\n\n"
        f"```\n{text.table(rows, left=True)}\n\n{text.table(figures)}\n```\n"
    )


def _loaded(version: str, folder: Path) -> Contender:
    serving = registry.serving(folder)
    if serving["inputs"] != book.model_inputs():
        raise UsageError(f"version {version} was fitted for other features than these: train a new one")
    return Contender(version, PipelineModel.load(str(folder / "sparkml")), serving)


def _later_days(
    spark: "SparkSession", settings: Settings, challenger: Contender, champion: Contender | None, out: Path
) -> tuple["DataFrame", Split]:
    """Payments with a mature outcome on days whose beginning neither model could know the labels of."""
    made = material.of_lake(settings.paths.lake)
    known = material.known(made, settings.labels, None)
    contenders = [each for each in (challenger, champion) if each]
    learned_until = max(epoch(f"{each.serving['trained_until']}T00:00:00+00:00") for each in contenders)
    delays = max(each.serving["label_delay_days"] for each in contenders)
    begin, until = learned_until + delays * DAY, known.end - known.delay_days * DAY
    if until <= begin:
        raise UsageError(
            f"outcomes are known until {day(until)}, and the models have learned from days until {day(learned_until)}: "
            "there is no later day to compare them on yet"
        )
    split = Split(begin, begin, begin, begin, until)
    material.write(made, settings.labels, split, known.end, out)
    made.close()
    return spark.read.parquet(str(out)), split


def _in_order(scored: "DataFrame", scores: Scores) -> Numbers:
    """Probabilities in the order of the scores."""
    table = scored.select("transaction_id", "probability").toArrow()
    by_id = dict(zip(table["transaction_id"].to_pylist(), table["probability"].to_pylist(), strict=True))
    return np.array([by_id[each] for each in scores.transactions])


def _shadow(spark: "SparkSession", settings: Settings, challenger: Contender) -> Shadow | None:
    """What the challenger said live, against what it says offline about the same logged features."""
    try:
        said = [
            json.loads(record.value() or b"{}") for record in topics.read(settings.kafka.bootstrap, SHADOW.name, {})
        ]
    except Unavailable:
        return None
    live = {
        (one["features_partition"], one["features_offset"]): one
        for one in said
        if one["model_version"] == challenger.version
    }
    if not live:
        return None
    logged = spark.read.format("delta").load(str(settings.paths.lake / "features"))
    decided = spark.read.format("delta").load(str(settings.paths.lake / "decisions"))
    rows = logged.where(F.col("kafka_offset") >= min(offset for _, offset in live)).select(
        "kafka_partition", "kafka_offset", *book.model_inputs()
    )
    acted = decided.select(
        F.col("features_partition").alias("kafka_partition"), F.col("features_offset").alias("kafka_offset"), "action"
    )
    offline = challenger.probabilities(rows).join(acted, ["kafka_partition", "kafka_offset"])
    both = [
        (live[place], row)
        for row in offline.select("kafka_partition", "kafka_offset", "probability", "action").collect()
        if (place := (row["kafka_partition"], row["kafka_offset"])) in live
    ]
    count = max(len(both), 1)
    return Shadow(
        len(both),
        sum(abs(one["probability"] - row["probability"]) > SAME for one, row in both),
        sum(one["action"] != "approve" for one, _ in both) / count,
        sum(row["action"] != "approve" for _, row in both) / count,
    )


def _shown(scores: Scores, comparison: Comparison, split: Split) -> dict[str, Any]:
    return {
        "days": (day(split.test_from), day(split.test_until)),
        "rows": len(scores.labels),
        "figures": {
            name: {
                "champion": comparison.champion[name],
                "challenger": comparison.challenger[name],
                **dict(zip(("difference", "low", "high"), found, strict=True)),
            }
            for name, found in comparison.figures.items()
        },
    }


def _tags(may: bool, passed: list[Check], champion: str | None) -> dict[str, str]:
    return {
        registry.GATE: registry.PASSED if may else registry.REFUSED,
        "gate_against": champion or "none",
        "gate_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **{
            f"gate_{check.name.replace(' ', '_')}": f"{'yes' if check.passed else 'NO'}: {check.words}"[:250]
            for check in passed
        },
    }
