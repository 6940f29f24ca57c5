"""For machines: alive, ready, and numbers for Prometheus."""

from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select, text

from pipelines.casework import clock, messages, queue, telling
from pipelines.casework.tables import CLOSED, OPEN, Case, Place
from pipelines.catalog import DECISIONS
from pipelines.desk import guard, standing
from pipelines.desk.guard import Public

router = APIRouter(dependencies=[Depends(Public("1200/minute"))])
_STATES: Final = {"starting": 0, "warming": 1, "waiting": 1, "open": 2, "stopped": -1, "failed": -2}


@router.get("/healthz")
def alive() -> Response:
    """The desk answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def ready(request: Request) -> Response:
    """Its database answers and alerts arrive; 503 with the reason when not."""
    place = guard.office(request)
    with place.database.reading() as session:
        session.execute(text("select 1"))
    words = standing.trouble(place)
    return JSONResponse({"ready": not words, "trouble": words}, 503 if words else 200)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Numbers for Prometheus, those of the watch among them; none says anything about a card."""
    place, registry, now_ms = guard.office(request), CollectorRegistry(), clock.wall_ms()
    with place.database.reading() as session:
        cases, sent = queue.by_state(session), messages.by_state(session)
        oldest = session.scalar(select(func.min(Case.opened_ms)).where(Case.state == OPEN))
        loss = session.scalar(select(func.sum(Case.expected_loss)).where(Case.state != CLOSED))
        appended = session.scalar(select(func.max(Place.appended_ms)).where(Place.topic == DECISIONS.name))
        untold = telling.waiting(session)
    _gauge(registry, "cases", "Cases by state", cases, "state")
    _gauge(registry, "messages", "Messages by state", sent, "state")
    _gauge(registry, "signals_waiting", "Verdicts and listings that are not on Kafka yet", untold)
    _gauge(registry, "expected_loss", "Expected loss of what is not closed, major units", loss or 0.0)
    _gauge(
        registry, "oldest_open_case_seconds", "Age of the oldest open case", (now_ms - oldest) / 1e3 if oldest else 0
    )
    if appended:
        _gauge(registry, "latest_decision_seconds", "Time since the latest decision came in", (now_ms - appended) / 1e3)
    parts = {name: _STATES.get(str(said.get("state")), -2) for name, said in place.standing().items()}
    _gauge(
        registry,
        "part_state",
        "State of each part: 2 open, 1 getting ready, 0 starting, below 0 not running",
        parts,
        "part",
    )
    watched = place.paths.watch_metrics
    found = watched.read_bytes() if watched.exists() else b""
    return Response(generate_latest(registry) + found, media_type=CONTENT_TYPE_LATEST)


def _gauge(
    registry: CollectorRegistry, name: str, doc: str, value: float | dict[str, int], label: str | None = None
) -> None:
    gauge = Gauge(f"clearhold_desk_{name}", doc, [label] if label else [], registry=registry)
    if isinstance(value, dict):
        for key, number in value.items():
            gauge.labels(key).set(number)
    else:
        gauge.set(value)
