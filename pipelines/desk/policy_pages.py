"""The policy: what is in force, another version of it, and the lists."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from pipelines.casework import clock, lists, policies
from pipelines.casework.tables import PolicyVersion
from pipelines.desk import guard, whatif
from pipelines.desk.guard import Needs
from pipelines.desk.office import Office
from pipelines.desk.pages import page
from pipelines.desk.people import Visit
from pipelines.desk.queue_pages import Looks
from pipelines.desk.roles import Permission
from pipelines.errors import UsageError
from pipelines.rules.policy import BOOK
from pipelines.rules.spec import NOTE
from pipelines.schemas import ACTIONS

router = APIRouter()
Rules = Annotated[Visit, Depends(Needs(Permission.RULE))]
MOST: Final = 50
PARTS: Final = ("thresholds", "costs", "exploration")
Content = Mapping[str, Any]


@router.get("/policy")
def show(request: Request, visit: Looks) -> HTMLResponse:
    """What is in force, who saved it and why, the versions before, and the lists."""
    place = guard.office(request)
    with place.database.reading() as session:
        last, versions = policies.latest(session), policies.history(session, MOST)
        listed = lists.in_force(session, MOST)
    return page(
        request,
        "policy.html",
        content=_content(place, last),
        last=last,
        versions=versions,
        listed=listed,
        serving=place.standing().get("hot", {}).get("policy_version"),
        book=BOOK,
        parts=PARTS,
        actions=(*ACTIONS, NOTE),
        entities=lists.ENTITIES,
    )


@router.post("/policy/preview")
async def preview(request: Request, visit: Rules) -> HTMLResponse:
    """What would change, and what its thresholds would have done with the payments of the last days."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    return await run_in_threadpool(_preview, request, form)


@router.post("/policy")
async def save(request: Request, visit: Rules) -> Response:
    """Save it as a new version."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    await run_in_threadpool(_save, guard.office(request), visit.name, _entered(form), form)
    return RedirectResponse("/policy", 303)


@router.post("/policy/{number}/restore")
def restore(request: Request, visit: Rules, number: int, seen: Annotated[int, Form()]) -> Response:
    """Back to an earlier version, as a new one."""
    with guard.office(request).database.writing() as session:
        earlier = session.get(PolicyVersion, number)
        if earlier is None:
            raise UsageError(f"there is no version {number}")
        why = f"back to version {number} ({earlier.version}) of {earlier.who}"
        policies.save(session, visit.name, earlier.content, why, seen, clock.wall_ms())
    return RedirectResponse("/policy", 303)


@router.post("/lists")
def put(
    request: Request,
    visit: Rules,
    entity: Annotated[str, Form()],
    value: Annotated[str, Form()],
    listed: Annotated[str, Form()],
    why: Annotated[str, Form()],
    hours: Annotated[str, Form()] = "",
) -> Response:
    """Put something on a list, or take it off."""
    with guard.office(request).database.writing() as session:
        length = _number("hours", hours) if hours.strip() else None
        lists.put(session, visit.name, entity, value, listed, length, why, clock.wall_ms())
    return RedirectResponse("/policy#lists", 303)


def _preview(request: Request, form: Mapping[str, str]) -> HTMLResponse:
    place, wanted = guard.office(request), _entered(form)
    with place.database.reading() as session:
        last = policies.latest(session)
    before = _content(place, last)
    return page(
        request,
        "policy_preview.html",
        form=form,
        changes=_changes(before, wanted),
        moved=whatif.moved(place.paths.lake, before["thresholds"], wanted["thresholds"]),
        days=whatif.DAYS,
    )


def _save(place: Office, name: str, content: Content, form: Mapping[str, str]) -> None:
    seen = int(form["seen"]) if form.get("seen", "").isdigit() else None
    with place.database.writing() as session:
        policies.save(session, name, content, form.get("why", ""), seen, clock.wall_ms())


def _content(place: Office, last: PolicyVersion | None) -> Content:
    return last.content if last else place.policy().model_dump(mode="json")


def _entered(form: Mapping[str, str]) -> dict[str, Any]:
    """A policy as its form has it: `thresholds.hold`, `on.RULE`, `action.RULE`, `limit.RULE.NAME`; what is usual is left out."""
    content: dict[str, Any] = {"name": form.get("name", ""), "rules": {}} | {part: {} for part in PARTS}
    for field, value in form.items():
        part, _, name = field.partition(".")
        if part in PARTS:
            content[part][name] = _number(field, value)
    for name, rule in BOOK.items():
        if f"on.{name}" in form:
            action = form.get(f"action.{name}") or rule.action
            limits = {limit: _number(limit, form.get(f"limit.{name}.{limit}", "")) for limit in rule.limits}
            content["rules"][name] = {
                "action": None if action == rule.action else action,
                "limits": {limit: value for limit, value in limits.items() if value != rule.limits[limit]},
            }
    return content


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as problem:
        raise UsageError(f"{name} is a number, not {value!r}") from problem


def _changes(before: Content, after: Content) -> list[tuple[str, Any, Any]]:
    """What differs: where, before, after."""
    one, other = _flat(before), _flat(after)
    return [
        (name, one.get(name, "-"), other.get(name, "-"))
        for name in sorted(one | other)
        if one.get(name) != other.get(name)
    ]


def _flat(content: Content) -> dict[str, Any]:
    """Every value of a policy by where it stands; of a rule what holds, whether it is usual or not."""
    found = {f"{part}.{name}": value for part in PARTS for name, value in content[part].items()}
    found["name"] = content["name"]
    for name, use in content["rules"].items():
        rule = BOOK[name]
        found[f"rules.{name}"] = use.get("action") or rule.action
        limits = {**rule.limits, **(use.get("limits") or {})}
        found |= {f"rules.{name}.{limit}": value for limit, value in limits.items()}
    return found
