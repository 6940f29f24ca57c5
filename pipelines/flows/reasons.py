"""Contributions of the features to every payment that is not approved: computed behind the decision path, stored in the lake.

Follows `decisions`, fetches the feature record that was scored, and appends to `contributions`. The place reached is
part of the same commit as the rows (an application transaction of Delta): whatever is killed, each decision has its row once.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import TopicPartition
from deltalake import DeltaTable

from pipelines import registry, rows, status
from pipelines.catalog import CONTRIBUTIONS_TABLE, DECISIONS, FEATURES
from pipelines.config import Settings
from pipelines.errors import Mismatch, Unavailable
from pipelines.folders import Folder
from pipelines.local import topics
from pipelines.schemas import APPROVED
from pipelines.score import trees
from pipelines.score.trees import Contributions, Forest

if TYPE_CHECKING:
    from confluent_kafka import Message

NAME: Final = "reasons"
"""Of the program, its log and its status."""
POLL_SECONDS: Final = 1.0
FETCH_SECONDS: Final = 15.0
MOST: Final = 500
"""Decisions looked at before the table is written."""
SAME: Final = 1e-9
"""Most that the sum may differ from the score that decided."""

Row = dict[str, Any]
Models = Callable[[str], Forest]


def follow(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Explain decisions as they are made, until `stopping` says so. Says how far it is in status/reasons.json.

    Raises:
        Mismatch: contributions do not add up to the score that decided.
        ModelRejected: the model that decided is not what its manifest says, or has no trees.
    """
    said, table = settings.paths.status / f"{NAME}.json", settings.paths.lake / CONTRIBUTIONS_TABLE.name
    forests: dict[str, Forest] = {}

    def forest(version: str) -> Forest:
        if version not in forests:
            forests[version] = trees.read(registry.fetch(settings.registry, version, settings.paths.models))
        return forests[version]

    while not DeltaTable.is_deltatable(str(table)):
        status.report(said, "starting", "waiting until the lake has its tables")
        if stopping():
            return
        time.sleep(POLL_SECONDS)
    explained = lost = 0
    with closing(topics.reader(settings.kafka.bootstrap)) as consumer:
        consumer.assign(_begin(settings.kafka.bootstrap, table))
        while not stopping():
            decided = [one for one in consumer.consume(MOST, timeout=POLL_SECONDS) if one.error() is None]
            while decided and not stopping():
                try:
                    made, gone = _explained(settings.kafka.bootstrap, decided, forest)
                except Unavailable as problem:
                    status.report(said, "waiting", str(problem), explained=explained, lost=lost)
                    time.sleep(POLL_SECONDS)
                    continue
                _append(settings.paths.lake, made, decided)
                explained, lost, decided = explained + len(made), lost + gone, []
            gone_too = f"; the features of {lost:,} are no longer in Kafka" if lost else ""
            status.report(said, "open", f"{explained:,} decisions explained{gone_too}", explained=explained, lost=lost)
    status.report(said, "stopped", f"{explained:,} decisions explained", explained=explained, lost=lost)


def row(decision: Mapping[str, Any], place: Row, found: Contributions) -> Row:
    """A row of the table.

    Raises:
        Mismatch: the contributions do not add up to the score that decided.
    """
    if not abs(found.score - decision["score"]) <= SAME:
        raise Mismatch(
            f"contributions to {decision['transaction_id']} add up to a score of {found.score!r}, it was {decision['score']!r}"
        )
    parts = {name: part for name, part in sorted(found.parts.items(), key=lambda one: -abs(one[1])) if part}
    return {
        **place,
        **{name: decision[name] for name in ("transaction_id", "card_id", "event_ms", "model_version", "score")},
        "base": found.base,
        "margin": found.margin,
        "features": list(parts),
        "contributions": list(parts.values()),
    }


def _explained(bootstrap: str, decided: Iterable["Message"], forest: Models) -> tuple[list[Row], int]:
    """Rows for those that were not approved, and for how many the features are gone."""
    stopped = [(one, json.loads(one.value() or b"{}")) for one in decided if APPROVED not in (one.value() or b"")]
    wanted: dict[int, set[int]] = {}
    for _, decision in stopped:
        wanted.setdefault(decision["features_partition"], set()).add(decision["features_offset"])
    features = _features(bootstrap, wanted)
    made = []
    for message, decision in stopped:
        known = features.get((decision["features_partition"], decision["features_offset"]))
        if known is not None:
            (found,) = trees.contributions(forest(decision["model_version"]), [known])
            appended = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
            place = {"kafka_partition": message.partition(), "kafka_offset": message.offset(), "appended_at": appended}
            made.append(row(decision, place, found))
    return made, len(stopped) - len(made)


def _features(bootstrap: str, wanted: Mapping[int, set[int]]) -> dict[tuple[int, int], dict[str, float | None]]:
    """The features of records (partition -> offsets), by place; without those that Kafka no longer has.

    Raises:
        Unavailable: the broker does not answer.
    """
    found = {}
    for partition, offsets in wanted.items():
        with closing(topics.reader(bootstrap)) as consumer:
            consumer.assign([TopicPartition(FEATURES.name, partition, min(offsets))])
            reached, until = -1, time.monotonic() + FETCH_SECONDS
            while reached < max(offsets):
                messages = [one for one in consumer.consume(MOST, timeout=0.5) if one.error() is None]
                if messages:
                    reached, until = int(messages[-1].offset() or 0), time.monotonic() + FETCH_SECONDS
                elif time.monotonic() > until:
                    raise Unavailable(f"topic {FEATURES.name} does not give its record {partition}/{max(offsets)}")
                for one in messages:
                    if one.offset() in offsets:
                        found[partition, int(one.offset() or 0)] = json.loads(one.value() or b"{}")["features"]
    return found


def _append(lake: Folder, made: list[Row], decided: list["Message"]) -> None:
    """Write rows together with the place behind the decisions that they are about."""
    reached: dict[int, int] = {}
    for partition, offset in ((int(one.partition() or 0), int(one.offset() or 0)) for one in decided):
        reached[partition] = max(offset + 1, reached.get(partition, 0))
    places = [(_reader(partition), offset) for partition, offset in reached.items()]
    rows.append(lake, CONTRIBUTIONS_TABLE, made, places)


def _begin(bootstrap: str, table: Folder) -> list[TopicPartition]:
    """Where to go on in each partition of `decisions`: what the table's log says, or the beginning."""
    kept = DeltaTable(str(table))
    return [
        TopicPartition(DECISIONS.name, partition, kept.transaction_version(_reader(partition)) or 0)
        for partition in topics.ends(bootstrap, DECISIONS.name)
    ]


def _reader(partition: int) -> str:
    return f"{NAME}-{DECISIONS.name}-{partition}"
