"""What the lake can tell: the monitor, what was refused, the catalogue."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from pipelines import reading
from pipelines.catalog import QUARANTINE_TABLE
from pipelines.desk import charts, guard, monitor, standing
from pipelines.desk.pages import page
from pipelines.desk.queue_pages import Looks

router = APIRouter()
MOST: Final = 50
SHOWN: Final = 400
"""Bytes of a refused record."""


@router.get("/monitor")
def show_monitor(request: Request, visit: Looks) -> HTMLResponse:
    """Twelve questions and their answers."""
    place = guard.office(request)
    found = monitor.charts(place)
    return page(request, "monitor.html", charts=found, minutes=charts.minutes(found), trouble=standing.trouble(place))


@router.get("/quarantine")
def show_quarantine(request: Request, visit: Looks, reason: Annotated[str, Query(max_length=64)] = "") -> HTMLResponse:
    """What was refused, by reason, and the latest records, masked as they are kept."""
    lake = guard.office(request).paths.lake
    counts: list[tuple[str, str, int]] = []
    rows: list[dict[str, Any]] = []
    if reading.are_there(lake, QUARANTINE_TABLE):
        database = reading.opened(lake, QUARANTINE_TABLE)
        counts = database.execute(
            "select topic, reason, count(*) from quarantine group by all order by 3 desc, 1, 2"
        ).fetchall()
        found = database.execute(
            f"""select topic, kafka_partition, kafka_offset, epoch_ms(appended_at)::bigint as at_ms, reason, value
                from quarantine where ? in ('', reason) order by appended_at desc limit {MOST}""",
            [reason],
        )
        rows = [
            {**row, "words": (row["value"] or b"")[:SHOWN].decode(errors="replace")}
            for row in found.to_arrow_table().to_pylist()
        ]
    return page(request, "quarantine.html", counts=counts, rows=rows, reason=reason)


@router.get("/catalogue")
def show_catalogue(request: Request, visit: Looks, q: Annotated[str, Query(max_length=64)] = "") -> HTMLResponse:
    """Tables, columns and topics by a word."""
    return page(request, "catalogue.html", q=q, **guard.office(request).search(q.strip()))
