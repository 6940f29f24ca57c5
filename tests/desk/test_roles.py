"""Every route crossed with every role, and with nobody."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from pipelines.desk.guard import Needs, Public
from pipelines.desk.roles import ALLOWED, Permission, Role
from tests.desk.conftest import ADDRESS, Person

PUBLIC = None
EXPECTED: dict[tuple[str, str], Permission | None] = {
    ("GET", "/login"): PUBLIC,
    ("POST", "/login"): PUBLIC,
    ("GET", "/answer/{token}"): PUBLIC,
    ("POST", "/answer/{token}"): PUBLIC,
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/metrics"): PUBLIC,
    ("POST", "/logout"): Permission.LOOK,
    ("GET", "/password"): Permission.LOOK,
    ("POST", "/password"): Permission.LOOK,
    ("GET", "/"): Permission.LOOK,
    ("GET", "/queue"): Permission.LOOK,
    ("GET", "/queue.csv"): Permission.LOOK,
    ("GET", "/live"): Permission.LOOK,
    ("GET", "/messages"): Permission.LOOK,
    ("GET", "/cases/{case_id}"): Permission.LOOK,
    ("GET", "/cases/{case_id}/past"): Permission.LOOK,
    ("POST", "/bulk/preview"): Permission.DECIDE,
    ("POST", "/bulk"): Permission.DECIDE,
    ("POST", "/cases/{case_id}/verdict"): Permission.DECIDE,
    ("POST", "/cases/{case_id}/undo"): Permission.DECIDE,
    ("POST", "/cases/{case_id}/assign"): Permission.DECIDE,
    ("POST", "/cases/{case_id}/note"): Permission.DECIDE,
    ("POST", "/cases/{case_id}/escalate"): Permission.DECIDE,
    ("POST", "/cases/{case_id}/wait"): Permission.DECIDE,
    ("GET", "/policy"): Permission.LOOK,
    ("POST", "/policy/preview"): Permission.RULE,
    ("POST", "/policy"): Permission.RULE,
    ("POST", "/policy/{number}/restore"): Permission.RULE,
    ("POST", "/lists"): Permission.RULE,
    ("GET", "/models"): Permission.LOOK,
    ("GET", "/models/{version}/comparison.png"): Permission.LOOK,
    ("POST", "/models/{version}/promote"): Permission.PROMOTE,
    ("POST", "/models/rollback"): Permission.PROMOTE,
    ("GET", "/monitor"): Permission.LOOK,
    ("GET", "/quarantine"): Permission.LOOK,
    ("GET", "/catalogue"): Permission.LOOK,
    ("GET", "/audit"): Permission.OPERATE,
    ("GET", "/users"): Permission.ADMINISTER,
    ("POST", "/users"): Permission.ADMINISTER,
    ("POST", "/users/{name}"): Permission.ADMINISTER,
    ("POST", "/users/{name}/reset"): Permission.ADMINISTER,
}
MAY = {
    Role.VIEWER: {Permission.LOOK},
    Role.ANALYST: {Permission.LOOK, Permission.DECIDE},
    Role.MANAGER: {Permission.LOOK, Permission.DECIDE, Permission.RULE},
    Role.ENGINEER: {Permission.LOOK, Permission.OPERATE},
    Role.APPROVER: {Permission.LOOK, Permission.PROMOTE},
    Role.ADMINISTRATOR: set(Permission),
}


def _routes(desk: FastAPI) -> dict[tuple[str, str], APIRoute]:
    found = [route for route in _all(desk.routes) if isinstance(route, APIRoute)]
    return {(method, route.path): route for route in found for method in route.methods}


def _all(routes: Any) -> list[Any]:
    """Routes, also those that stand in a router of their own."""
    found = []
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None) or getattr(route, "routes", None)
        found += _all(inner) if inner else [route]
    return found


def _guards(route: APIRoute) -> list[Any]:
    return [each.call for each in route.dependant.dependencies if isinstance(each.call, Needs | Public)]


def test_every_route_has_a_policy_and_it_is_the_one_we_want(desk: FastAPI) -> None:
    routes = _routes(desk)
    assert routes.keys() == EXPECTED.keys()
    for key, route in routes.items():
        guards = _guards(route) or [each.dependency for each in route.dependencies]
        permissions = {each.permission for each in guards if isinstance(each, Needs)}
        wanted = EXPECTED[key]
        assert permissions == (set() if wanted is PUBLIC else {wanted}), key
        assert guards, f"{key} has no policy"


def test_roles_are_as_they_should_be() -> None:
    assert {role: set(may) for role, may in ALLOWED.items()} == MAY


@pytest.mark.parametrize("role", list(Role))
def test_a_role_reaches_what_it_may_and_nothing_else(
    role: Role, come_in: Callable[..., Person], take: Callable[..., int]
) -> None:
    take(1)
    person = come_in(role)
    for method, path in EXPECTED:
        if path in ("/live", "/logout") or EXPECTED[method, path] is PUBLIC:
            continue  # one never ends, the other is the end
        filled = (
            path.replace("{case_id}", "1")
            .replace("{name}", "nobody-here")
            .replace("{number}", "1")
            .replace("{version}", "1")
        )
        answer = person.get(filled) if method == "GET" else person.post(filled, words="x")
        assert (answer.status_code != 403) == (EXPECTED[method, path] in MAY[role]), (method, path, answer.status_code)


@pytest.mark.parametrize(("method", "path"), [key for key, need in EXPECTED.items() if need is not PUBLIC])
def test_nobody_reaches_only_the_entrance(method: str, path: str, desk: FastAPI) -> None:
    person = Person(desk)
    filled = (
        path.replace("{case_id}", "1").replace("{name}", "admin").replace("{number}", "1").replace("{version}", "1")
    )
    answer = person.client.request(method, filled, headers={"origin": ADDRESS})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
