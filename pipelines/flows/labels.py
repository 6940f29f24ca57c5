"""What is known about the payments of a run, by whom, and how long that takes. Leaves labels.json and a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pipelines import config
from pipelines.files import put_json
from pipelines.flows import material
from pipelines.label import curves, maturity, selection, verdicts
from pipelines.local import landed
from pipelines.monitor import text

FOLDER: Final = "labels"
SHOWN: Final = 12


def run(place: Path) -> dict[str, Any]:
    """Look at the lake of a run, live or stopped; tells what was found.

    Returns:
        What is in labels.json: payments, sources, disputed, explored, unseen (stopped, and nobody has said what they were),
        heaviest (largest weight), curve (share of frauds known n days after the payment), delay_days, mature_share.

    Raises:
        UsageError: nothing of it has landed.
    """
    lake, settings = landed.require(place), config.load(place / "settings.yaml")
    made = material.of_lake(lake)
    known = material.known(made, settings.labels, None)
    selection.observe(made, material.PAID, material.DECIDED)
    payments, outcomes, heaviest = made.execute(
        f"select count(*), (select count(*) from {selection.OUTCOMES}), (select max(weight) from {selection.OUTCOMES})"
        f" from {material.PAID}"
    ).fetchone() or (0, 0, None)
    (explored,) = made.execute(f"select count(*) filter (where explored) from {material.DECIDED}").fetchone() or (0,)
    (disputed,) = made.execute(f"select count(*) from {verdicts.BELIEVED} where disputed").fetchone() or (0,)
    found = {
        "payments": payments,
        "sources": verdicts.by_source(made),
        "disputed": disputed,
        "explored": explored,
        "unseen": payments - outcomes,
        "heaviest": heaviest,
        "curve": known.curve,
        "mature_share": settings.labels.mature_share,
        "delay_days": known.delay_days,
    }
    made.close()
    file = put_json(place / FOLDER / "labels.json", found)
    if known.curve:
        curves.draw(known.curve, settings.labels.mature_share, place / FOLDER / "maturity.png")
    print(f"\n{words(found)}\n\n  {file}", flush=True)
    return found


def words(found: Mapping[str, Any]) -> str:
    """What was found, for people."""
    rows = [("source", "fraud", "genuine", "overruled by a better source")]
    rows += [
        (each["source"], *(f"{each[name]:,}" for name in ("frauds", "genuine", "overruled")))
        for each in found["sources"]
    ]
    lines = [
        text.table(rows),
        "",
        f"  payments      {found['payments']:,}, {found['disputed']:,} of them called both fraud and genuine",
        f"  selection     {found['unseen']:,} held or declined without a verdict: not learned from; {found['explored']:,} let "
        f"through by chance, the heaviest stands for {found['heaviest'] or 1:,.0f}",
    ]
    if not found["curve"]:
        few = f"fewer than {maturity.FEWEST} frauds are known: payments older than {found['delay_days']} days count as mature"
        return "\n".join([*lines, f"  maturity      {few}"])
    curve = found["curve"]
    step = max(1, round(len(curve) / SHOWN))
    ages = ", ".join(f"{day} d {curve[day]:.0%}" for day in range(0, len(curve), step))
    return "\n".join(
        [
            *lines,
            f"  maturity      share of frauds known: {ages}",
            f"                {found['mature_share']:.0%} after {found['delay_days']} days: younger payments are left alone",
        ]
    )
