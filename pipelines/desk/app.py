"""The application: routes, what a refusal looks like, and the headers that keep a browser from doing more than we ask."""

from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import OperationalError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.desk import (
    answer_pages,
    case_pages,
    entrance,
    health,
    lake_pages,
    model_pages,
    office_pages,
    policy_pages,
    queue_pages,
)
from pipelines.desk.guard import Forbidden, MustChange, NotIn
from pipelines.desk.office import Office
from pipelines.desk.pages import STATIC, page
from pipelines.errors import ClearholdError, Conflict, UsageError

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
ROUTERS: Final = (
    entrance.router,
    queue_pages.router,
    case_pages.router,
    answer_pages.router,
    policy_pages.router,
    model_pages.router,
    lake_pages.router,
    office_pages.router,
    health.router,
)


def create(office: Office) -> FastAPI:
    """The application over an office. It shows no schema of itself: nobody but a browser speaks to it."""
    app = FastAPI(title="Clearhold", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.office = office
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Headers, secure=office.is_secure)
    app.add_exception_handler(NotIn, _to_entrance)
    app.add_exception_handler(MustChange, _to_password)
    app.add_exception_handler(Forbidden, _forbidden)
    app.add_exception_handler(ClearholdError, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _missing)
    app.add_exception_handler(OperationalError, _without_database)
    app.add_exception_handler(Exception, _broken)
    return app


class Headers:
    """Puts our headers on every answer; pages are never kept by a browser or a proxy."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app, self._secure = app, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault(
                    "Cache-Control", "max-age=3600" if scope["path"].startswith("/static/") else "no-store"
                )
                if self._secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def _to_entrance(request: Request, _: Exception) -> Response:
    return _onward(request, "/login")


def _to_password(request: Request, _: Exception) -> Response:
    return _onward(request, "/password")


def _onward(request: Request, where: str) -> Response:
    """Go there; a part of a page that was asked for takes the whole page along."""
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": where})
    return RedirectResponse(where, 303)


def _forbidden(request: Request, problem: Exception) -> Response:
    status = problem.status if isinstance(problem, Forbidden) else 403
    return page(request, "trouble.html", status, title="Not allowed", words=str(problem))


def _refused(request: Request, problem: Exception) -> Response:
    status, title = 503, "Not now"
    if isinstance(problem, Conflict):
        status, title = 409, "Somebody was quicker"
    elif isinstance(problem, UsageError):
        status, title = 400, "That does not work"
    return page(request, "trouble.html", status, title=title, words=str(problem))


def _unreadable(request: Request, problem: Exception) -> Response:
    where = ""
    if isinstance(problem, RequestValidationError):
        first = problem.errors()[0]
        where = f"{first['loc'][-1]}: {first['msg']}"
    return page(request, "trouble.html", 400, title="That does not work", words=where)


def _missing(request: Request, problem: Exception) -> Response:
    status = problem.status_code if isinstance(problem, HTTPException) else 404
    return page(request, "trouble.html", status, title="Nothing here", words="There is no such page.")


def _without_database(request: Request, _: Exception) -> Response:
    words = "The desk's database does not answer. Nothing was changed; try again in a moment."
    return page(request, "trouble.html", 503, title="Not now", words=words)


def _broken(request: Request, _: Exception) -> Response:
    """Outside everything else, our headers too. What happened is in the log."""
    words = "The desk could not make this page; its log says why. Nothing was changed."
    answer = page(request, "trouble.html", 500, title="Something is broken here", words=words)
    answer.headers.update(HEADERS)
    return answer
