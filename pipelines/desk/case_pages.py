"""A case: what is known about it, and what people do with it."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from pipelines.casework import cases, clock, linked, queue
from pipelines.casework.tables import Case
from pipelines.desk import guard, past, people
from pipelines.desk.pages import page
from pipelines.desk.people import Visit
from pipelines.desk.queue_pages import Decides, Looks, address, back_to
from pipelines.errors import UsageError

router = APIRouter()
HOUR_MS: Final = 3_600_000
MOST_HOURS: Final = 24 * 60
Back = Annotated[str, Form()]


@router.get("/cases/{case_id}")
def show(
    request: Request, visit: Looks, case_id: int, back: Annotated[str, Query()] = "", undo: Annotated[str, Query()] = ""
) -> HTMLResponse:
    """The case's page."""
    with guard.office(request).database.reading() as session:
        case = cases.require(session, case_id)
        values: dict[str, Any] = {
            "case": case,
            "alerts": list(case.alerts),
            "history": cases.history(session, case),
            "links": linked.cards(session, case),
            "similar": linked.similar(session, case),
            "team": people.deciders(session),
        }
    return page(request, "case.html", **values, back=address(back_to(back)), undo=undo)


@router.get("/cases/{case_id}/past")
def show_past(request: Request, visit: Looks, case_id: int) -> HTMLResponse:
    """What the lake knows of the card: read after the page, which does not wait for it."""
    place = guard.office(request)
    with place.database.reading() as session:
        case = cases.require(session, case_id)
        decision = queue.rows(session, [case])[0].alert.decision
    return page(request, "past.html", case=case, **past.of(place.paths.lake, decision))


@router.post("/cases/{case_id}/verdict")
def decide(
    request: Request, visit: Decides, case_id: int, outcome: Annotated[str, Form()], back: Back = ""
) -> Response:
    """Close it; the next one opens."""
    with guard.office(request).database.writing() as session:
        case = cases.decide(session, case_id, visit.name, outcome, clock.wall_ms())
        onward = _next(session, visit, case, back)
    guard.office(request).news.announce()
    return RedirectResponse(onward, 303)


@router.post("/cases/{case_id}/undo")
def undo(request: Request, visit: Decides, case_id: int, back: Back = "") -> Response:
    """Take the verdict back."""
    with guard.office(request).database.writing() as session:
        cases.undo(session, case_id, visit.name, clock.wall_ms())
    return _again(request, case_id, back)


@router.post("/cases/{case_id}/assign")
def assign(
    request: Request, visit: Decides, case_id: int, assignee: Annotated[str, Form()] = "", back: Back = ""
) -> Response:
    """Give it to somebody; an empty name gives it back to the team."""
    with guard.office(request).database.writing() as session:
        if assignee and assignee not in people.deciders(session):
            raise UsageError(f"{assignee} is nobody who decides cases")
        cases.assign(session, case_id, visit.name, assignee or None, clock.wall_ms())
    return _again(request, case_id, back)


@router.post("/cases/{case_id}/note")
def note(request: Request, visit: Decides, case_id: int, words: Annotated[str, Form()], back: Back = "") -> Response:
    """Write a note."""
    with guard.office(request).database.writing() as session:
        cases.note(session, case_id, visit.name, words, clock.wall_ms())
    return _again(request, case_id, back)


@router.post("/cases/{case_id}/escalate")
def escalate(request: Request, visit: Decides, case_id: int, back: Back = "") -> Response:
    """Hand it to the manager; the next one opens."""
    with guard.office(request).database.writing() as session:
        case = cases.escalate(session, case_id, visit.name, clock.wall_ms())
        onward = _next(session, visit, case, back, undo=False)
    guard.office(request).news.announce()
    return RedirectResponse(onward, 303)


@router.post("/cases/{case_id}/wait")
def wait(
    request: Request,
    visit: Decides,
    case_id: int,
    hours: Annotated[float, Form(gt=0, le=MOST_HOURS)],
    why: Annotated[str, Form(max_length=200)] = "",
    back: Back = "",
) -> Response:
    """Let it wait for a customer."""
    now_ms = clock.wall_ms()
    with guard.office(request).database.writing() as session:
        cases.snooze(session, case_id, visit.name, int(now_ms + hours * HOUR_MS), why, now_ms)
    return _again(request, case_id, back)


def _next(session: Session, visit: Visit, case: Case, back: str, undo: bool = True) -> str:
    """Where somebody goes on after a case: to the next one of the list they came from, or to its end."""
    session.flush()
    found = queue.following(session, visit.name, back_to(back), case)
    done = {"undo": case.id} if undo else {}
    if found is None:
        return "/queue?" + "&".join(filter(None, (address(back_to(back)), urlencode(done))))
    return _page(found.id, back, **done)


def _again(request: Request, case_id: int, back: str) -> Response:
    guard.office(request).news.announce()
    return RedirectResponse(_page(case_id, back), 303)


def _page(case_id: int, back: str, **more: int) -> str:
    came = address(back_to(back))
    return f"/cases/{case_id}?{urlencode(({'back': came} if came else {}) | more)}".rstrip("?")
