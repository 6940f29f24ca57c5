"""Why a payment was decided as it was: everything that went into the decision, and the decision made again, bit for bit."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines import config, manifest, registry
from pipelines.catalog import (
    CONTRIBUTIONS_TABLE,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    FEATURES_TABLE,
    QUARANTINE_TABLE,
    SIGNALS_TABLE,
    TRANSACTIONS_TABLE,
)
from pipelines.check import attempts
from pipelines.check.attempts import rows
from pipelines.check.parity import PLACE
from pipelines.config import Settings
from pipelines.errors import ConfigurationError, UsageError
from pipelines.features import book
from pipelines.flows import hot_runtime, reasons
from pipelines.flows.deciding_again import AGAIN, PAST, SCORED
from pipelines.local import landed
from pipelines.local.project import Project
from pipelines.monitor import text
from pipelines.rules import policy
from pipelines.schemas import DECISION, TRANSACTION, names
from pipelines.score import trees
from pipelines.score.trees import Contributions

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, Any]

TOLD: Final = 6
"""Contributions that are told one by one."""
_OWN_CLOCK: Final = "decided_at_ms"
_TOUCHED: Final = "(card_id = $card or merchant_id = $merchant or device_id = $device)"
_PAST: Final = f"""
select * from logged where {_TOUCHED}
or card_id in (select card_id from logged where merchant_id = $merchant or device_id = $device)
"""
"""Every event that a payment's features depend on: those of its card, merchant and device, and of the cards that these saw."""


def run(project: Project, place: Path, transaction_id: str) -> Row:
    """Explain one decision of a run, live or stopped.

    Returns:
        payment, feature_record (its place and sequence numbers), features (name, unit, doc, recorded, contribution to the margin,
        computed, same; the last two are None where it could not be computed anew), model, policy, decision, contributions (base,
        parts, margin, score), again (what differs: field -> recorded, computed), known_since (verdicts), notes, and same: whether
        everything that was computed anew is the same to the last bit.

    Raises:
        UsageError: there is no run, or no decision about such a payment; the line says what became of it.
        ModelRejected: the model is not what its manifest says.
        EnvironmentProblem: it does not fit the features as they are defined now, or the hot runtime does not work here.
        ConfigurationError: the policy that decided has not been kept.
        Unavailable: the model's files are only in the registry, and it does not answer.
    """
    lake = landed.require(place)
    settings = config.load(place / "settings.yaml")
    more = (
        DECISIONS_TABLE,
        TRANSACTIONS_TABLE,
        SIGNALS_TABLE,
        QUARANTINE_TABLE,
        DUPLICATES_TABLE,
        CONTRIBUTIONS_TABLE,
    )
    database = attempts.opened(lake, *more)
    decision = _decision(database, transaction_id)
    scored, payment = _scored(database, decision), _payment(database, decision)
    model = registry.fetch(settings.registry, decision["model_version"], settings.paths.models)
    rules = _rules(settings, decision["policy_version"])
    stands = _stands(database, scored)
    notes = _notes(database, decision, stands)
    with tempfile.TemporaryDirectory(dir=place, prefix="explain-") as scratch:
        again = _again(project, database, Path(scratch), decision, scored, stands, model, rules)
    (found,) = trees.contributions(trees.read(model), [scored])
    features = _features(scored, again, found)
    differs = _differences(decision, again["decision"]) | _other_contributions(database, decision, found)
    return {
        "transaction_id": transaction_id,
        "payment": payment,
        "feature_record": {name: scored[name] for name in ("kafka_partition", "kafka_offset", *book.SEQUENCES)},
        "features": features,
        "model": {
            "version": decision["model_version"],
            "manifest_sha256": manifest.digest(model),
            "calibration": registry.serving(model)["calibration"],
        },
        "policy": {"version": decision["policy_version"], **json.loads(rules.read_text())},
        "decision": decision,
        "contributions": found._asdict(),
        "again": differs,
        "known_since": _verdicts(database, transaction_id),
        "notes": notes,
        "same": not differs and all(each["same"] is not False for each in features),
    }


def words(found: Mapping[str, Any]) -> str:
    """The explanation for people."""
    payment, decision, policy_ = found["payment"], found["decision"], found["policy"]
    where = ", ".join(str(payment[name]) for name in ("channel", "category", "country") if payment.get(name))
    thresholds = ", ".join(f"{name} {value:g}" for name, value in policy_["thresholds"].items())
    lines = [
        ("payment", f"{found['transaction_id']} of card {payment['card_id']} at merchant {payment['merchant_id']}"),
        ("", f"{payment['amount_minor'] / 100:,.2f} {payment['currency']}, {payment['event_time']}, {where or '-'}"),
        ("decided", f"{decision['action']} at {_time(decision[_OWN_CLOCK])}"),
        ("", f"probability of fraud {decision['probability']:.4f} (raw score {decision['score']:.4f})"),
        *(
            ("because" if not n else "", reason)
            for n, reason in enumerate(decision["reasons"] or ["nothing stood out"])
        ),
        ("rules", ", ".join(decision["rules"]) or "none fired"),
        (
            "model",
            f"version {found['model']['version']}, files as in their manifest {found['model']['manifest_sha256'][:12]}",
        ),
        ("", f"calibration {found['model']['calibration']}"),
        *(("score" if not n else "", line) for n, line in enumerate(_sum(found))),
        ("policy", f"{policy_['version']}: {thresholds}; {len(policy_['rules'])} rules in force"),
        *(("known since", _verdict(one)) for one in found["known_since"]),
        *(("note", note) for note in found["notes"]),
        ("again", _again_in_words(found)),
    ]
    cells = [("feature", "recorded", "computed now", "")]
    cells += [
        (each["name"], _number(each["recorded"]), _computed(each), f"{each['doc']} ({each['unit']})")
        for each in found["features"]
    ]
    return text.table(cells, left=True) + "\n\n" + "\n".join(f"  {name:12}  {said}" for name, said in lines)


def _sum(found: Mapping[str, Any]) -> Iterator[str]:
    """What the score is made of, for people."""
    parts = sorted(found["contributions"]["parts"].items(), key=lambda one: -abs(one[1]))
    values = {each["name"]: each["recorded"] for each in found["features"]}
    yield f"{found['contributions']['base']:+.3f} for the average payment"
    yield from (f"{part:+.3f} because {name} is {_number(values[name])}" for name, part in parts[:TOLD])
    rest = sum(part for _, part in parts[TOLD:])
    margin, score = found["contributions"]["margin"], found["contributions"]["score"]
    yield f"{rest:+.3f} for all other features: {margin:+.3f}, which is a raw score of {score:.4f}"


def _decision(database: "DuckDBPyConnection", transaction_id: str) -> Row:
    found = rows(
        database, f"select {', '.join(names(DECISION))} from decisions where transaction_id = ?", transaction_id
    )
    if found:
        return found[0]
    sent = rows(
        database, "select kafka_partition, kafka_offset from transactions where transaction_id = ?", transaction_id
    )
    if sent:
        raise UsageError(f"payment {transaction_id} has landed, its decision has not yet: try again in a moment")
    raise UsageError(
        f"no payment {transaction_id} was decided here; if it was refused, `make quarantine` lists what was and why"
    )


def _scored(database: "DuckDBPyConnection", decision: Row) -> Row:
    """The feature record that was scored."""
    place = (decision["features_partition"], decision["features_offset"])
    found = rows(database, "select * from features where kafka_partition = ? and kafka_offset = ?", *place)
    if not found:
        raise UsageError(f"the features of {decision['transaction_id']} have not landed yet: try again in a moment")
    return found[0]


def _payment(database: "DuckDBPyConnection", decision: Row) -> Row:
    """The payment as it was sent, without what is not there."""
    place = (decision["source_partition"], decision["source_offset"])
    columns = ", ".join(names(TRANSACTION))
    found = rows(database, f"select {columns} from transactions where kafka_partition = ? and kafka_offset = ?", *place)
    if not found:
        raise UsageError(f"the payment {decision['transaction_id']} has not landed yet: try again in a moment")
    return {name: value for name, value in found[0].items() if value is not None}


def _rules(settings: Settings, version: str) -> Path:
    """File of the policy that decided.

    Raises:
        ConfigurationError: it has not been kept, or is not what its name says.
    """
    file = settings.paths.policies / f"{version}.json"
    if not file.exists() or policy.read(file).version != version:
        raise ConfigurationError(
            f"policy {version} is not in {settings.paths.policies}: decisions by it cannot be repeated"
        )
    return file


def _notes(database: "DuckDBPyConnection", decision: Row, stands: bool) -> list[str]:
    found = []
    if decision["feature_set"] != book.feature_set():
        found.append(f"features were defined otherwise then ({decision['feature_set']}, now {book.feature_set()})")
    if not stands:
        found.append(
            "after a crash the state took this payment in anew, at another place: its features are not computed anew"
        )
    (repeats,) = rows(
        database, "select count(*) as times from duplicates where transaction_id = ?", decision["transaction_id"]
    )
    if repeats["times"]:
        found.append(f"decided {repeats['times']} more times; the first decision counts")
    return found


def _stands(database: "DuckDBPyConnection", scored: Row) -> bool:
    """Whether the attempt that was scored is the one that is in the state."""
    place = [scored[name] for name in (*PLACE, "kafka_offset")]
    where = " and ".join(f"{name} = ?" for name in (*PLACE, "kafka_offset"))
    return bool(rows(database, f"select 1 as one from logged where {where}", *place))


def _again(
    project: Project,
    database: "DuckDBPyConnection",
    scratch: Path,
    decision: Row,
    scored: Row,
    stands: bool,
    model: Path,
    rules: Path,
) -> Row:
    at = (scored["kafka_partition"], scored["kafka_offset"])
    attempts.export(
        database, scratch / SCORED, f"select * from {FEATURES_TABLE.name} where (kafka_partition, kafka_offset) = {at}"
    )
    if stands:
        database.execute(
            f"create temp table past as {_PAST}",
            {name: scored[f"{name}_id"] for name in ("card", "merchant", "device")},
        )
        attempts.export(database, scratch / PAST, "select * from past")
    options = {
        "--folder": scratch.resolve(),
        "--model": model.resolve(),
        "--version": decision["model_version"],
        "--policy": rules.resolve(),
        "--partition": at[0],
        "--offset": at[1],
    }
    hot_runtime.run(project, "jobs.decide_again", options, "the decision could not be made again")
    found: Row = json.loads((scratch / AGAIN).read_text())
    return found


def _features(scored: Row, again: Row, contributed: Contributions) -> list[Row]:
    found = []
    for entity in book.ENTITIES:
        is_known = again.get("whole", {}).get(entity.name, False)
        for feature in entity.features:
            recorded = scored[feature.name]
            computed = again["features"][feature.name] if is_known else None
            same = _is_same(recorded, computed) if is_known else None
            about = {"name": feature.name, "unit": feature.unit, "doc": feature.doc}
            contribution = contributed.parts.get(feature.name, 0.0)
            found.append(
                {**about, "contribution": contribution, "recorded": recorded, "computed": computed, "same": same}
            )
    return found


def _differences(recorded: Row, computed: Row) -> dict[str, Row]:
    return {
        name: {"recorded": value, "computed": computed.get(name)}
        for name, value in recorded.items()
        if name != _OWN_CLOCK and not _is_same(value, computed.get(name))
    }


def _other_contributions(database: "DuckDBPyConnection", decision: Row, found: Contributions) -> Row:
    """Contributions that were stored as something else than what comes out now, and a sum that is not the score."""
    stored = rows(
        database,
        f"""select c.features, c.contributions from {CONTRIBUTIONS_TABLE.name} as c
        join {DECISIONS_TABLE.name} as d using (kafka_partition, kafka_offset) where d.transaction_id = ?""",
        decision["transaction_id"],
    )
    kept = dict(zip(stored[0]["features"], stored[0]["contributions"], strict=True)) if stored else found.parts
    odd = [name for name, part in found.parts.items() if abs(kept.get(name, 0.0) - part) > reasons.SAME]
    if abs(found.score - decision["score"]) > reasons.SAME:
        odd.append("their sum")
    return {f"contribution of {name}": {"recorded": kept.get(name), "computed": found.parts.get(name)} for name in odd}


def _is_same(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))


def _verdicts(database: "DuckDBPyConnection", transaction_id: str) -> list[Row]:
    about = "select verdict, source, event_time from signals where transaction_id = ? and kind = 'verdict' order by event_ms"
    return rows(database, about, transaction_id)


def _verdict(one: Row) -> str:
    return f"{one['verdict']}, says {one['source']} on {one['event_time']}"


def _again_in_words(found: Mapping[str, Any]) -> str:
    computed = sum(each["same"] is not None for each in found["features"])
    same = sum(each["same"] is True for each in found["features"])
    differs = f"; other now: {', '.join(found['again'])}" if found["again"] else ""
    fields = len(found["decision"]) - 1
    begin = "the same to the last bit" if found["same"] else "NOT the same"
    return (
        f"{begin}: {same} of {computed} features computed anew (of {len(found['features'])}), "
        f"{fields - len(found['again'])} of {fields} fields of the decision{differs}"
    )


def _computed(each: Row) -> str:
    if each["same"] is None:
        return "-"
    return "same" if each["same"] else f"{_number(each['computed'])} (!)"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _time(milliseconds: int) -> str:
    time = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
