"""Who is asking, and whether they may: a dependency of every route. A route without one is a defect that a test finds."""

import secrets
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool

from pipelines.casework import clock
from pipelines.desk import people
from pipelines.desk.office import Office
from pipelines.desk.people import Visit
from pipelines.desk.roles import Permission, may

COOKIE: Final = "clearhold"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
_SAFE: Final = frozenset({"GET", "HEAD"})
_STALE_MS: Final = 30_000
"""A visit is noted so seldom: otherwise every click would write."""
_limiter: Final = MovingWindowRateLimiter(MemoryStorage())


class NotIn(Exception):
    """Nobody is in: to the entrance."""


class MustChange(Exception):
    """The first password has to be changed before anything else."""


class Forbidden(Exception):
    """Not for this role, not from this place, or too often. The words are for the page."""

    def __init__(self, words: str, status: int = 403) -> None:
        super().__init__(words)
        self.status = status


def office(request: Request) -> Office:
    """The desk's surroundings."""
    found: Office = request.app.state.office
    return found


def cookie_name(secure: bool) -> str:
    """The name of the session's cookie; over TLS one that no other host can set."""
    return f"__Host-{COOKIE}" if secure else COOKIE


class Public:
    """Anybody may ask, not too often; what changes something must come from our own pages."""

    def __init__(self, rate: str = "600/minute") -> None:
        self._rates = parse_many(rate)
        self._name = secrets.token_hex(4)

    async def __call__(self, request: Request) -> None:
        """Let through or refuse."""
        self.meter(request)
        if request.method not in _SAFE:
            from_here(request)

    def meter(self, request: Request) -> None:
        """Count, and refuse what is too much."""
        who = request.client.host if request.client else "-"
        if not all(_limiter.hit(each, self._name, who) for each in self._rates):
            raise Forbidden("that was too often: please wait a minute", 429)


class Needs:
    """Somebody who is in and has a permission. Changes also need the session's CSRF token."""

    def __init__(self, permission: Permission, even_with_first_password: bool = False) -> None:
        self.permission, self._even = permission, even_with_first_password

    async def __call__(self, request: Request) -> Visit:
        """Who it is; refuses everybody else."""
        visit = await run_in_threadpool(current, request)
        if visit is None:
            raise NotIn
        if request.method not in _SAFE:
            from_here(request)
            given = request.headers.get(CSRF_HEADER) or (await request.form()).get(CSRF_FIELD)
            if not isinstance(given, str) or not secrets.compare_digest(given, visit.csrf):
                raise Forbidden("this page is too old: load it again")
        if not may(visit.role, self.permission):
            raise Forbidden(f"a {visit.role} may not do that")
        if visit.must_change and not self._even:
            raise MustChange
        request.state.visit = visit
        return visit


def current(request: Request) -> Visit | None:
    """Who is in with this request's cookie. Whoever clicks stays in; pages that look by themselves do not count."""
    place = office(request)
    token = request.cookies.get(cookie_name(place.is_secure))
    if not token:
        return None
    now_ms = clock.wall_ms()
    with place.database.reading() as session:
        visit = people.visit(session, token, int(now_ms - 1_000 * place.idle_seconds))
        last = people.last_seen(session, token)
    by_itself = request.headers.get("x-by-itself") or request.url.path == "/live"
    if visit and not by_itself and last < now_ms - _STALE_MS:
        with place.database.writing() as session:
            people.seen(session, token, now_ms)
    return visit


def from_here(request: Request) -> None:
    """Refuse what another site makes a browser send."""
    origin = request.headers.get("origin") or request.headers.get("referer")
    if request.headers.get("sec-fetch-site") not in (None, "same-origin", "none"):
        raise Forbidden("that came from another site")
    if origin is not None and urlsplit(origin).netloc != urlsplit(office(request).address).netloc:
        raise Forbidden(f"that came from another site than {office(request).address}")
