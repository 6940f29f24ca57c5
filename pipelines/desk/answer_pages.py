"""What a cardholder sees: the question behind a link, and that it was answered. Also the messages, and the local inbox."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from pipelines.casework import alerts, audit, clock, messages
from pipelines.casework.tables import Message
from pipelines.desk import guard
from pipelines.desk.guard import Public
from pipelines.desk.pages import page
from pipelines.desk.queue_pages import Looks
from pipelines.errors import UsageError
from pipelines.signals import FRAUD, GENUINE

router = APIRouter()
MOST: Final = 100
_SAID: Final = {"yes": GENUINE, "no": FRAUD}


@router.get("/answer/{token}", dependencies=[Depends(Public("60/minute"))])
def ask(request: Request, token: str) -> HTMLResponse:
    """Was this you? Looking answers nothing: mail programs open links by themselves."""
    place = guard.office(request)
    with place.database.reading() as session:
        alert, given = alerts.asked(session, place.read_link(token))
    return page(request, "answer.html", alert=alert, given=given, thanks=False)


@router.post("/answer/{token}", dependencies=[Depends(Public("20/minute"))])
def answer(request: Request, token: str, me: Annotated[str, Form()]) -> HTMLResponse:
    """It was, or it was not: a verdict, once."""
    if me not in _SAID:
        raise UsageError("the answer is yes or no")
    place, now_ms = guard.office(request), clock.wall_ms()
    with place.database.writing() as session:
        alert, _ = alerts.asked(session, place.read_link(token))
        alerts.answer(session, alert, _SAID[me], now_ms)
        audit.write(session, now_ms, messages.CARDHOLDER, "answer", alert.transaction_id, said=_SAID[me])
    place.news.announce()
    return page(request, "answer.html", alert=alert, given=_SAID[me], thanks=True)


@router.get("/messages")
def show(request: Request, visit: Looks) -> HTMLResponse:
    """What was sent, what is on its way, what could not be sent."""
    place = guard.office(request)
    with place.database.reading() as session:
        found = session.scalars(select(Message).order_by(Message.written_ms.desc()).limit(MOST)).all()
        counts = {state: count for state, count in messages.by_state(session).items() if count}
    letters = place.inbox() if place.inbox else None
    return page(request, "messages.html", messages=found, counts=counts, letters=letters)
