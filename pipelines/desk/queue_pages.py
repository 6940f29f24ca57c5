"""The queue: its page, what has arrived since, several cases at once, and all of it as CSV."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from pipelines.casework import cases, clock, queue
from pipelines.casework.queue import TABS, Wish
from pipelines.casework.tables import OPEN
from pipelines.desk import guard, standing
from pipelines.desk.guard import Needs
from pipelines.desk.office import Office
from pipelines.desk.pages import age, money, page, when
from pipelines.desk.people import Visit
from pipelines.desk.roles import Permission
from pipelines.errors import ClearholdError, UsageError
from pipelines.schemas import ACTIONS

router = APIRouter()
_look, _decide = Needs(Permission.LOOK), Needs(Permission.DECIDE)
LOOK_SECONDS: Final = 0.1
ANNOUNCED: Final = 3
MOST_LINES: Final = 10_000
MOST_AT_ONCE: Final = 200
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def wished(
    tab: Annotated[str, Query()] = OPEN,
    q: Annotated[str, Query(max_length=64)] = "",
    action: Annotated[str, Query()] = "",
    least: Annotated[str, Query()] = "",
    escalated: Annotated[bool, Query()] = False,
) -> Wish:
    """What the address asks for."""
    if tab not in TABS or action not in ("", *ACTIONS):
        raise UsageError(f"there is no such list: tab is one of {', '.join(TABS)}, action one of {', '.join(ACTIONS)}")
    try:
        amount = float(least or 0)
    except ValueError as problem:
        raise UsageError(f"least is an amount, not {least!r}") from problem
    return Wish(tab, q.strip(), action, amount, escalated)


def address(wish: Wish) -> str:
    """The same as a query string, without what is as usual."""
    usual = Wish()._asdict()
    return urlencode({name: value for name, value in wish._asdict().items() if value != usual[name]})


def back_to(back: str) -> Wish:
    """What a page came from: the query string of `address`. What it does not say, or says wrongly, is as usual."""
    given = {name: values[0] for name, values in parse_qs(back).items()}
    try:
        return wished(
            given.get("tab", OPEN),
            given.get("q", ""),
            given.get("action", ""),
            given.get("least", ""),
            given.get("escalated") == "True",
        )
    except UsageError:
        return Wish()


Wished = Annotated[Wish, Depends(wished)]
Looks = Annotated[Visit, Depends(_look)]
Decides = Annotated[Visit, Depends(_decide)]


@router.get("/")
def begin(visit: Looks) -> Response:
    """The queue is where people begin."""
    return RedirectResponse("/queue", 303)


@router.get("/queue")
def show(
    request: Request, visit: Looks, wish: Wished, skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0
) -> HTMLResponse:
    """The queue."""
    return page(request, "queue.html", **_found(request, visit, wish, skip), undo=request.query_params.get("undo", ""))


@router.get("/queue.csv")
def export(request: Request, visit: Looks, wish: Wished) -> Response:
    """The list as CSV. No cell begins like a formula."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(["case", "card", "state", "expected_loss", "currency", "alerts", "opened", "assignee", "outcome"])
    with guard.office(request).database.reading() as session:
        skip: int | None = 0
        while skip is not None and skip < MOST_LINES:
            found = queue.page(session, visit.name, wish, skip)
            for row in found.rows:
                case = row.case
                loss, opened = f"{case.expected_loss:.2f}", when(case.opened_ms)
                cells = [case.id, case.card_id, case.state, loss, case.currency, row.alerts, opened]
                lines.writerow([harmless(cell) for cell in (*cells, case.assignee or "", case.outcome or "")])
            skip = found.more
    name = {"Content-Disposition": f'attachment; filename="cases-{wish.tab}.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=name)


@router.get("/live", response_class=EventSourceResponse)
async def live(request: Request, visit: Looks) -> AsyncIterator[ServerSentEvent]:
    """What has happened since the page was opened: new cases by name, counts of the tabs, how the stream is."""
    place = guard.office(request)
    since, told, seen = await run_in_threadpool(_last_id, place), "", -1
    while await run_in_threadpool(guard.current, request):
        words = await run_in_threadpool(standing.trouble, place)
        if words != told:
            told = words
            yield ServerSentEvent(event="standing", data=words)
        for _ in range(round(1 / LOOK_SECONDS)):
            if place.news.number != seen:
                seen = place.news.number
                yield ServerSentEvent(event="news", data=await run_in_threadpool(_news, place, visit.name, since))
            await asyncio.sleep(LOOK_SECONDS)


@router.post("/bulk/preview")
def preview(
    request: Request,
    visit: Decides,
    case: Annotated[list[int], Form()],
    what: Annotated[str, Form()],
    back: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """What would happen to several cases at once; nothing happens yet."""
    with guard.office(request).database.reading() as session:
        found = queue.rows(session, [cases.require(session, each) for each in case[:MOST_AT_ONCE]])
    return page(request, "bulk.html", rows=found, what=_known(what), back=back)


@router.post("/bulk")
def together(
    request: Request,
    visit: Decides,
    case: Annotated[list[int], Form()],
    what: Annotated[str, Form()],
    back: Annotated[str, Form()] = "",
) -> Response:
    """Do the same to several cases; those that another one was quicker with are left alone and named."""
    what, left = _known(what), []
    with guard.office(request).database.writing() as session:
        for each in case[:MOST_AT_ONCE]:
            try:
                with session.begin_nested():
                    if what == "assign":
                        cases.assign(session, each, visit.name, visit.name, clock.wall_ms())
                    else:
                        cases.decide(session, each, visit.name, what, clock.wall_ms())
            except ClearholdError as problem:
                left.append(str(problem))
    guard.office(request).news.announce()
    if left:
        return page(request, "left.html", 409, left=left, done=len(case) - len(left), back=back)
    return RedirectResponse(f"/queue?{address(back_to(back))}", 303)


def harmless(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _known(what: str) -> str:
    if what not in (*cases.OUTCOMES, "assign"):
        raise UsageError(f"several cases can be closed as {', '.join(cases.OUTCOMES)}, or assigned, not {what!r}")
    return what


def _found(request: Request, visit: Visit, wish: Wish, skip: int) -> dict[str, Any]:
    place = guard.office(request)
    with place.database.reading() as session:
        found = queue.page(session, visit.name, wish, skip)
        counts, last = queue.counts(session, visit.name), queue.last_id(session)
    return {
        "rows": found.rows,
        "more": found.more,
        "skip": skip,
        "counts": counts,
        "wish": wish,
        "back": address(wish),
        "actions": ACTIONS[1:],
        "last": last,
        "trouble": standing.trouble(place),
        "has_filter": bool(wish.q or wish.action or wish.least or wish.escalated),
    }


def _last_id(place: Office) -> int:
    with place.database.reading() as session:
        return queue.last_id(session)


def _news(place: Office, name: str, since: int) -> dict[str, Any]:
    with place.database.reading() as session:
        found, counts, last = (
            queue.newest(session, since, ANNOUNCED),
            queue.counts(session, name),
            queue.last_id(session),
        )
    new = [
        {
            "case": row.case.id,
            "words": f"{row.alert.action} {money(row.alert.amount_minor, row.alert.currency)}, "
            f"{row.alert.probability:.0%}, {age(clock.wall_ms() - row.case.opened_ms)} ago",
        }
        for row in found
    ]
    return {"new": new, "counts": counts, "arrived": last - since}
