"""The policy page: what it saves, what it refuses, and what it says before."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pipelines import rows
from pipelines.casework import clock, policies
from pipelines.casework.database import Database
from pipelines.casework.tables import PolicyVersion, Signal
from pipelines.catalog import DECISIONS_TABLE
from pipelines.desk import whatif
from pipelines.desk.roles import Role
from pipelines.rules import policy
from tests.desk.conftest import Person, decision

FILE = Path("conf/policy.yaml")


@pytest.fixture
def boss(come_in: Callable[[str], Person]) -> Person:
    return come_in(Role.MANAGER)


def _form(person: Person, path: str = "/policy") -> dict[str, str]:
    """The fields of the policy's form as a browser would send them."""
    page = person.get(path).text
    page = page[page.index('action="/policy/preview"') : page.index('id="lists"')]
    fields = dict(re.findall(r'<input (?:type="hidden" )?name="([^"]+)" value="([^"]*)"', page))
    fields |= dict.fromkeys(re.findall(r'type="checkbox" name="([^"]+)"[^>]* checked', page), "on")
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', page):
        fields[name] = re.search(r"<option selected>([^<]+)", options).group(1)  # type: ignore[union-attr]
    del fields["csrf"]
    return fields


def test_the_form_as_it_stands_changes_nothing(boss: Person) -> None:
    answer = boss.post("/policy/preview", **_form(boss))
    assert answer.status_code == 200 and "Nothing." in answer.text, answer.text


def test_a_new_version_and_back_to_the_first(boss: Person, database: Database) -> None:
    form = _form(boss)
    first = {**form, "thresholds.hold": "0.4", "limit.impossible_speed.kmh": "800", "why": "more holds"}
    del first["on.new_device"]
    shown = boss.post("/policy/preview", **first).text
    for words in ("thresholds.hold", "rules.impossible_speed.kmh", "rules.new_device"):
        assert words in shown
    assert boss.post("/policy", **first).status_code == 303
    second = {**_form(boss), "thresholds.hold": "0.45", "why": "not so many"}
    assert boss.post("/policy", **second).status_code == 303
    assert boss.post("/policy/1/restore", seen="2").status_code == 303
    with database.reading() as session:
        saved = policies.history(session, 10)
    assert [each.content["thresholds"]["hold"] for each in saved] == [0.4, 0.45, 0.4]
    assert saved[0].version == saved[2].version and "back to version 1" in saved[0].why
    kept = policy.Policy.model_validate(saved[0].content)
    assert "new_device" not in kept.rules and kept.rules["impossible_speed"].limits == {"kmh": 800.0}
    assert {rule.name for rule in kept.in_force()} == {
        rule.name for rule in policy.read(FILE).in_force() if rule.name != "new_device"
    }


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"thresholds.hold": "0.99"}, 400, "thresholds must rise"),
        ({"thresholds.hold": "much"}, 400, "thresholds.hold is a number, not &#39;much&#39;"),
        ({"name": "No Name"}, 400, "name: String should match pattern"),
        ({"why": " "}, 400, "say why"),
        ({"seen": "7"}, 409, "has saved another version meanwhile"),
    ],
)
def test_what_cannot_be_saved(
    boss: Person, database: Database, change: dict[str, str], status: int, words: str
) -> None:
    answer = boss.post("/policy", **{**_form(boss), "thresholds.hold": "0.4", "why": "because", **change})
    assert answer.status_code == status and words in answer.text
    with database.reading() as session:
        assert not session.scalars(select(PolicyVersion)).all()


def test_a_list_is_told_at_once_and_says_until_when(boss: Person, database: Database) -> None:
    boss.get("/policy")
    boss.post("/lists", entity="card", value="card7", listed="deny", hours="2", why="stolen")
    boss.post("/lists", entity="device", value="d9", listed="allow", hours="", why="ours")
    with database.reading() as session:
        told = sorted(session.scalars(select(Signal)), key=lambda each: str(each.record["listing"]))
    assert [each.due_ms <= clock.wall_ms() for each in told] == [True, True]
    assert told[0].record | {"device_id": "d9", "listing": "allow"} == told[0].record
    assert "until" not in told[0].record and "until" in told[1].record
    assert boss.post("/lists", entity="country", value="x", listed="deny", why="y").status_code == 400
    assert boss.post("/lists", entity="card", value="x", listed="deny", hours="1", why=" ").status_code == 400


def test_other_thresholds_on_the_last_days(tmp_path: Path) -> None:
    now, then = {"challenge": 0.2, "hold": 0.5, "decline": 0.8}, {"challenge": 0.1, "hold": 0.5, "decline": 0.9}
    assert whatif.moved(tmp_path, now, then) == []
    made: list[dict[str, Any]] = []
    for number, probability in enumerate((0.05, 0.1, 0.15, 0.2, 0.5, 0.8, 0.85, 0.9, 1.0)):
        place = {"kafka_partition": 0, "kafka_offset": number, "appended_at": None}
        made.append(decision(number, probability=probability, **place))
    old = decision(99, probability=0.95, event_ms=-8 * 86_400_000, kafka_partition=0, kafka_offset=99, appended_at=None)
    for record in (*made, old):
        for field in DECISIONS_TABLE.columns:
            record.setdefault(field.name, {"string": "", "int": 0, "bigint": 0, "double": 0.0}.get(field.type))
        record["appended_at"] = datetime.now(UTC)
    rows.append(tmp_path, DECISIONS_TABLE._replace(cluster=()), [*made, old])
    found = {each.action: (each.now, each.then) for each in whatif.moved(tmp_path, now, then)}
    assert found == {"approve": (3, 1), "challenge": (1, 3), "hold": (1, 3), "decline": (4, 2)}
