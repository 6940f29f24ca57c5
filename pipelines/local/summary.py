"""What a run came to: the file that others read, and the words that people read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.files import put_json
from pipelines.local.ledger import Ledger
from pipelines.local.memory import Memory
from pipelines.schemas import ACTIONS

FILE = "summary.json"


def summarise(
    ledger: Ledger,
    bank: Mapping[str, Any],
    landed: Mapping[str, int],
    seconds: Mapping[str, float | None],
    memory: Memory,
    difference: int = 0,
    waiting: int = 0,
    cases: int = 0,
    quality: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The summary of a run.

    Args:
        ledger: what the topics say.
        bank: what the sender says: sent, acknowledged, verdicts.
        landed: rows of every table of the lake.
        seconds: setup, first_model, first_decision, first_alert, total; None for what did not happen.
        memory: what the programs took.
        difference: what does not add up in the books of the lake.
        waiting: records that a run stopped by hand left to land at its next start; they are no difference.
        cases: how many the desk has opened.
        quality: suites that were judged and how many of them failed; None when nobody looked.

    Returns:
        The content of summary.json. `unaccounted` holds records without an end and acknowledged records that are gone, as the
        topics or the lake say, whichever is more.
    """
    acknowledged = bank.get("acknowledged", 0)
    return {
        "transactions_sent": bank.get("sent", 0),
        "acknowledged": acknowledged,
        "decisions": ledger.decided,
        "duplicates": ledger.duplicates,
        "quarantined": ledger.quarantined,
        "unaccounted": max(ledger.unaccounted + max(0, acknowledged - ledger.sent), difference),
        "actions": {action: ledger.actions[action] for action in ACTIONS},
        "waiting_to_land": waiting,
        "cases": cases,
        "verdicts": bank.get("verdicts", 0),
        "model_versions": sorted(ledger.models),
        "latency_ms": ledger.percentiles_ms(),
        "landed": dict(landed),
        "quality": dict(quality or {"suites": 0, "failed": 0}),
        "seconds": {name: None if value is None else round(value, 1) for name, value in seconds.items()},
        "peak_rss_mb": dict(memory.peak_mb),
        "peak_rss_mb_together": memory.together_mb,
    }


def write(run: Path, summary: Mapping[str, Any]) -> Path:
    """Write it below the run, whole or not at all; returns the file."""
    return put_json(run / FILE, summary)


def words(summary: Mapping[str, Any]) -> str:
    """The summary for people."""
    latency, seconds = summary["latency_ms"], summary["seconds"]
    actions = ", ".join(f"{name} {count:,}" for name, count in summary["actions"].items())
    landed = ", ".join(f"{table} {rows:,}" for table, rows in summary["landed"].items()) or "nothing"
    times = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in seconds.items() if value is not None)
    peaks = ", ".join(f"{name} {megabytes:,}" for name, megabytes in summary["peak_rss_mb"].items())
    rows = (
        ("acknowledged", f"{summary['acknowledged']:,} records, each accounted for as one of:"),
        ("  decided", f"{summary['decisions']:,} ({actions})"),
        ("  quarantined", f"{summary['quarantined']:,}"),
        ("  duplicates", f"{summary['duplicates']:,}"),
        ("unaccounted", f"{summary['unaccounted']:,}"),
        *(
            [("waiting", f"{summary['waiting_to_land']:,} to land when it goes on")]
            if summary["waiting_to_land"]
            else []
        ),
        (
            "latency",
            ", ".join(f"{name} {_short(value)} ms" for name, value in latency.items() if value is not None) or "-",
        ),
        ("cases", f"{summary['cases']:,}"),
        ("verdicts", f"{summary['verdicts']:,}"),
        ("models", ", ".join(summary["model_versions"]) or "-"),
        ("in the lake", landed),
        ("quality", "{suites} suites, {failed} failed".format(**summary["quality"])),
        ("seconds", times),
        ("peak memory", f"{summary['peak_rss_mb_together'] / 1000:.1f} GB at one time ({peaks} MB)"),
    )
    return "\n".join(f"  {name:<14}{value}" for name, value in rows)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
