"""Models: which one serves, what the gate said of the others, and the two ways to change it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from pipelines.casework import audit, clock
from pipelines.desk import guard, models
from pipelines.desk.guard import Needs
from pipelines.desk.pages import page
from pipelines.desk.people import Visit
from pipelines.desk.queue_pages import Looks
from pipelines.desk.roles import Permission
from pipelines.errors import UsageError

router = APIRouter()
Promotes = Annotated[Visit, Depends(Needs(Permission.PROMOTE))]


@router.get("/models")
def show(request: Request, visit: Looks) -> HTMLResponse:
    """Champion, challengers and gate reports."""
    place = guard.office(request)
    return page(
        request,
        "models.html",
        models=models.look(place.registry, place.paths.run),
        serving=place.standing().get("hot", {}).get("model_version"),
        chore=place.chores.standing(),
        uri=place.registry.uri,
    )


@router.get("/models/{version}/comparison.png")
def show_picture(request: Request, visit: Looks, version: int) -> Response:
    """The gate's picture."""
    file = models.picture(guard.office(request).paths.run, str(version))
    if not file.exists():
        raise UsageError(f"the gate has drawn nothing of version {version}")
    return FileResponse(file)


@router.post("/models/{version}/promote")
def promote(request: Request, visit: Promotes, version: int) -> Response:
    """Let the gate judge a version; it serves only if it passes."""
    arguments = ("--version", str(version))
    return _begin(request, visit, f"the gate judges version {version}", "jobs.promote_model", arguments)


@router.post("/models/rollback")
def roll_back(request: Request, visit: Promotes) -> Response:
    """Back to the version that served before."""
    return _begin(request, visit, "back to the version that served before", "jobs.roll_back_model", ())


def _begin(request: Request, visit: Visit, words: str, module: str, arguments: tuple[str, ...]) -> Response:
    place = guard.office(request)
    place.chores.begin(words, visit.name, module, ("--run", str(place.paths.run), *arguments))
    with place.database.writing() as session:
        audit.write(session, clock.wall_ms(), visit.name, "model", words)
    return RedirectResponse("/models", 303)
