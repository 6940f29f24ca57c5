"""In and out: the entrance, the way out, another password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipelines.casework import clock
from pipelines.desk import guard, people
from pipelines.desk.guard import Needs, Public
from pipelines.desk.pages import page
from pipelines.desk.people import Visit
from pipelines.desk.roles import Permission
from pipelines.errors import UsageError

router = APIRouter()
_inside = Needs(Permission.LOOK, even_with_first_password=True)


@router.get("/login", dependencies=[Depends(Public())])
def entrance(request: Request) -> HTMLResponse:
    """The form to come in."""
    return page(request, "login.html", trouble="")


@router.post("/login", dependencies=[Depends(Public("10/5minutes;100/day"))])
def come_in(request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]) -> Response:
    """Come in with name and password."""
    with guard.office(request).database.reading() as session:
        is_right = people.is_right(session, name, password)
    if not is_right:
        return page(request, "login.html", 401, trouble="Name or password is not right.")
    return _to_the_queue(request, name)


@router.post("/logout")
def leave(request: Request, visit: Annotated[Visit, Depends(_inside)]) -> Response:
    """Go out."""
    place = guard.office(request)
    name = guard.cookie_name(place.is_secure)
    with place.database.writing() as session:
        people.leave(session, request.cookies[name])
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(name, path="/")
    return answer


@router.get("/password")
def other_password(request: Request, visit: Annotated[Visit, Depends(_inside)]) -> HTMLResponse:
    """The form for another password."""
    return page(request, "password.html", trouble="", least=people.LEAST_LENGTH)


@router.post("/password", dependencies=[Depends(Public("10/5minutes"))])
def set_password(
    request: Request,
    visit: Annotated[Visit, Depends(_inside)],
    old: Annotated[str, Form()],
    new: Annotated[str, Form()],
    again: Annotated[str, Form()],
) -> Response:
    """Choose another password. It ends what was begun with the old one, elsewhere too, and goes on here."""
    try:
        if new != again:
            raise UsageError("the two new passwords differ")
        with guard.office(request).database.writing() as session:
            people.set_password(session, visit.name, old, new, clock.wall_ms())
    except UsageError as problem:
        return page(request, "password.html", 400, trouble=str(problem), least=people.LEAST_LENGTH)
    if visit.name == people.ADMINISTRATOR:
        guard.office(request).paths.first_password.unlink(missing_ok=True)
    return _to_the_queue(request, visit.name)


def _to_the_queue(request: Request, name: str) -> Response:
    place = guard.office(request)
    with place.database.writing() as session:
        token = people.come_in(session, name, clock.wall_ms())
    answer = RedirectResponse("/queue", 303)
    answer.set_cookie(
        guard.cookie_name(place.is_secure), token, httponly=True, samesite="strict", secure=place.is_secure, path="/"
    )
    return answer
