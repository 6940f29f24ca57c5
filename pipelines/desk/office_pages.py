"""For those who run the desk: the audit, and who may come in."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from pipelines.casework import audit, clock
from pipelines.casework.tables import Audit
from pipelines.desk import guard, people
from pipelines.desk.guard import Needs
from pipelines.desk.pages import page
from pipelines.desk.people import Visit
from pipelines.desk.roles import Permission, Role
from pipelines.errors import ClearholdError, Mismatch

router = APIRouter()
MOST: Final = 200
Operates = Annotated[Visit, Depends(Needs(Permission.OPERATE))]
Administers = Annotated[Visit, Depends(Needs(Permission.ADMINISTER))]


@router.get("/audit")
def show_audit(request: Request, visit: Operates, before: Annotated[int | None, Query()] = None) -> HTMLResponse:
    """Who did what, and whether the chain holds."""
    with guard.office(request).database.reading() as session:
        wanted = select(Audit).order_by(Audit.id.desc()).limit(MOST)
        lines = session.scalars(wanted if before is None else wanted.where(Audit.id < before)).all()
        try:
            chain = audit.verify(session)
            words = f"{chain.lines:,} lines, the chain holds; seal {chain.seal}"
        except Mismatch as problem:
            words = str(problem)
    return page(request, "audit.html", lines=lines, words=words, more=lines[-1].id if len(lines) == MOST else None)


@router.get("/users")
def show_users(request: Request, visit: Administers) -> HTMLResponse:
    """Who may come in."""
    return _users(request)


@router.post("/users")
def add(
    request: Request, visit: Administers, name: Annotated[str, Form()], role: Annotated[str, Form()]
) -> HTMLResponse:
    """Let somebody in."""
    try:
        with guard.office(request).database.writing() as session:
            password = people.add(session, visit.name, name.strip(), role, clock.wall_ms())
    except ClearholdError as problem:
        return _users(request, trouble=str(problem), status=400)
    return _users(request, name.strip(), password)


@router.post("/users/{name}/reset")
def reset(request: Request, visit: Administers, name: str) -> HTMLResponse:
    """Give somebody a new first password."""
    with guard.office(request).database.writing() as session:
        password = people.reset(session, visit.name, name, clock.wall_ms())
    return _users(request, name, password)


@router.post("/users/{name}")
def change(
    request: Request,
    visit: Administers,
    name: str,
    role: Annotated[str, Form()],
    active: Annotated[bool, Form()] = False,
) -> HTMLResponse:
    """Give somebody another role, or take the way in."""
    try:
        with guard.office(request).database.writing() as session:
            people.change(session, visit.name, name, role, active, clock.wall_ms())
    except ClearholdError as problem:
        return _users(request, trouble=str(problem), status=409)
    return _users(request)


def _users(request: Request, name: str = "", password: str = "", trouble: str = "", status: int = 200) -> HTMLResponse:
    with guard.office(request).database.reading() as session:
        users = people.everybody(session)
    return page(
        request, "users.html", status, users=users, roles=list(Role), name=name, password=password, trouble=trouble
    )
