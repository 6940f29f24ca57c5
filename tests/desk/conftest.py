"""A desk of its own for each test: a database in a file, the real application, people who are in."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

from pipelines.act.channels import Inbox
from pipelines.act.links import Links
from pipelines.casework import alerts, clock
from pipelines.casework.database import Database
from pipelines.config import Paths, Registry
from pipelines.desk import app, guard, people
from pipelines.desk.chores import Chores
from pipelines.desk.office import News, Office
from pipelines.desk.roles import Role
from pipelines.monitor import catalogue
from pipelines.rules import policy

ADDRESS = "http://127.0.0.1:8080"
PASSWORD = "a long enough one 7"


def decision(number: int, action: str = "hold", **other: Any) -> dict[str, Any]:
    """A decision (schemas.DECISION) about payment `number`, of a card of its own."""
    return {
        "transaction_id": f"t{number}",
        "card_id": f"card{number}",
        "merchant_id": "m1",
        "device_id": f"d{number}",
        "amount_minor": 10_000,
        "currency": "EUR",
        "channel": "online",
        "event_ms": 1_000 * number,
        "action": action,
        "probability": 0.6,
        "score": 0.5,
        "rules": ["rapid_purchases"],
        "reasons": ["many payments"],
        "amount_ratio": 2.5,
        "model_version": "1",
        "policy_version": "standard@1",
        "decided_at_ms": clock.wall_ms(),
    } | other


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file, or the PostgreSQL that CLEARHOLD_DATABASE names, emptied."""
    elsewhere = os.environ.get("CLEARHOLD_DATABASE", "")
    if elsewhere:
        engine = create_engine(elsewhere)
        with engine.begin() as connection:
            connection.execute(text("drop schema public cascade; create schema public"))
        engine.dispose()
    found = Database(elsewhere or f"sqlite:///{tmp_path}/desk.db")
    yield found
    found.close()


@pytest.fixture
def links() -> Links:
    return Links(ADDRESS, "s" * 32, 7)


@pytest.fixture
def standing() -> dict[str, dict[str, Any]]:
    """What the parts of the run say; tests change it."""
    now = clock.wall_ms() / 1_000
    return {"hot": {"state": "open", "at": now + 600}, "intake": {"state": "open", "at": now + 600}}


@pytest.fixture
def desk(tmp_path: Path, database: Database, links: Links, standing: dict[str, dict[str, Any]]) -> Iterator[FastAPI]:
    guard._limiter.storage.reset()
    office = Office(
        database=database,
        news=News(),
        read_link=links.read,
        address=ADDRESS,
        idle_seconds=900,
        standing=lambda: standing,
        inbox=Inbox(tmp_path / "inbox").letters,
        paths=Paths(run=tmp_path),
        registry=Registry(uri="http://127.0.0.1:9"),
        policy=lambda: policy.read(Path("conf/policy.yaml")),
        search=lambda word: catalogue.search(tmp_path / "lake", {}, word).facts(),
        chores=Chores(tmp_path, tmp_path / "chores.log"),
    )
    return app.create(office)


class Person:
    """Somebody with a browser: follows forms with the token of the page."""

    def __init__(self, desk: FastAPI) -> None:
        self.client = TestClient(desk, base_url=ADDRESS, follow_redirects=False)
        self.csrf = ""

    def get(self, path: str) -> Response:
        answer: Response = self.client.get(path)
        found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
        self.csrf = found.group(1) if found else self.csrf
        return answer

    def post(self, path: str, **fields: Any) -> Response:
        return self.client.post(path, data={"csrf": self.csrf, **fields}, headers={"origin": ADDRESS})


@pytest.fixture
def come_in(desk: FastAPI, database: Database) -> Callable[[str], Person]:
    """Somebody of a role, who is in."""

    def make(role: str, name: str | None = None) -> Person:
        name = name or str(role)
        with database.writing() as session:
            if not people.everybody(session):
                people.first_administrator(session, 1)
            first = people.add(session, "test", name, role, 1)
        with database.writing() as session:
            people.set_password(session, name, first, PASSWORD, 1)
        person = Person(desk)
        answer = person.post("/login", name=name, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        assert person.get("/queue").status_code == 200
        return person

    return make


@pytest.fixture
def analyst(come_in: Callable[[str], Person]) -> Person:
    return come_in(Role.ANALYST)


@pytest.fixture
def take(database: Database) -> Callable[..., int]:
    """Take in a decision; the number of its case, 0 if it has none."""

    def taken(number: int, action: str = "hold", **other: Any) -> int:
        with database.writing() as session:
            alert = alerts.take(session, decision(number, action, **other), clock.wall_ms())
            return int(alert.case_id or 0) if alert else -1

    return taken
