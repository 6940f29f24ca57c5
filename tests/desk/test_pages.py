"""Pages as a browser gets them."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from starlette.testclient import TestClient

from pipelines.act.links import Links
from pipelines.casework import clock
from pipelines.casework.database import Database
from pipelines.casework.tables import Answer, Audit, Case, Session, Signal
from pipelines.desk import people
from pipelines.desk.roles import Role
from pipelines.errors import UsageError
from tests.desk.conftest import ADDRESS, PASSWORD, Person


def test_a_verdict_closes_the_case_and_the_next_one_opens(analyst: Person, take: Callable[..., int]) -> None:
    first, second = take(1), take(2)
    page = analyst.get(f"/cases/{first}")
    assert page.status_code == 200 and "many payments" in page.text
    answer = analyst.post(f"/cases/{first}/verdict", outcome="fraud", back="tab=open&least=5")
    assert answer.headers["location"] == f"/cases/{second}?back=least%3D5.0&undo={first}"
    assert f"Case {first} is closed" in analyst.get(answer.headers["location"]).text
    assert analyst.post(f"/cases/{first}/undo").status_code == 303
    last = analyst.post(f"/cases/{second}/verdict", outcome="genuine", back="q=card2")
    assert last.headers["location"] == f"/queue?q=card2&undo={second}"


def test_somebody_was_quicker(analyst: Person, take: Callable[..., int]) -> None:
    case = take(1)
    analyst.post(f"/cases/{case}/verdict", outcome="fraud")
    answer = analyst.post(f"/cases/{case}/verdict", outcome="genuine")
    assert answer.status_code == 409 and "closed as fraud by analyst" in answer.text


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("/cases/99/note", {"words": "x"}, "there is no case 99"),
        ("/cases/1/note", {"words": "  "}, "a note has 1 to 4000 characters"),
        ("/cases/1/note", {"words": "it is 4111-1111-1111-1111"}, "looks like a card number"),
        ("/cases/1/wait", {"hours": "3", "why": "4111 1111 1111 1111"}, "looks like a card number"),
        ("/cases/1/verdict", {"outcome": "perhaps"}, "a case ends as one of fraud, genuine, unsure"),
        ("/cases/1/assign", {"assignee": "nobody"}, "nobody is nobody who decides cases"),
        ("/cases/1/wait", {"hours": "-3"}, "hours: Input should be greater than 0"),
    ],
)
def test_what_does_not_work_is_said_in_one_line(
    analyst: Person, take: Callable[..., int], path: str, fields: dict[str, str], words: str
) -> None:
    take(1)
    answer = analyst.post(path, **fields)
    assert answer.status_code == 400 and words in answer.text


def test_work_on_a_case(analyst: Person, take: Callable[..., int], database: Database) -> None:
    case = take(1)
    analyst.post(f"/cases/{case}/assign", assignee="analyst")
    analyst.post(f"/cases/{case}/note", words="called <b>them</b>")
    page = analyst.get(f"/cases/{case}").text
    assert "with analyst" in page and "called &lt;b&gt;them&lt;/b&gt;" in page
    analyst.post(f"/cases/{case}/wait", hours="48", why="travelling")
    assert "waits until" in analyst.get(f"/cases/{case}").text
    assert f'data-case="{case}"' in analyst.get("/queue?tab=mine").text
    analyst.post(f"/cases/{case}/escalate")
    assert f'data-case="{case}"' in analyst.get("/queue?escalated=true").text
    with database.reading() as session:
        kinds = [each.action for each in session.scalars(select(Audit).where(Audit.subject == str(case)))]
    assert kinds == ["case.assign", "case.note", "case.wait", "case.escalate"]


def test_several_at_once_with_a_preview(analyst: Person, take: Callable[..., int], database: Database) -> None:
    cases = [take(number) for number in (1, 2, 3)]
    analyst.post(f"/cases/{cases[0]}/verdict", outcome="unsure")
    shown = analyst.post("/bulk/preview", case=cases, what="fraud")
    assert "3 payments will be told to be fraud" in shown.text
    with database.reading() as session:
        assert not session.scalars(select(Signal)).all()
    answer = analyst.post("/bulk", case=cases, what="fraud")
    assert answer.status_code == 409 and "2 done, 1 left alone" in answer.text
    with database.reading() as session:
        assert len(session.scalars(select(Signal)).all()) == 2


def test_cells_of_the_csv_are_no_formulas(analyst: Person, take: Callable[..., int]) -> None:
    take(1, card_id="=cmd()")
    answer = analyst.get("/queue.csv")
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert line["card"] == "'=cmd()" and line["expected_loss"] == "60.00"


def test_what_a_decision_says_is_only_text(analyst: Person, take: Callable[..., int]) -> None:
    case = take(1, reasons=["<script>alert(1)</script>"], merchant_id='"><img src=x>')
    for path in ("/queue", f"/cases/{case}"):
        page = analyst.get(path).text
        assert "<script>alert" not in page and "<img" not in page


def test_a_browser_is_told_to_do_only_what_we_ask(analyst: Person) -> None:
    headers = analyst.get("/queue").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
    assert "style=" not in analyst.get("/queue").text


def test_a_change_needs_the_token_and_comes_from_here(
    analyst: Person, take: Callable[..., int], database: Database
) -> None:
    case = take(1)
    path, here = f"/cases/{case}/verdict", {"origin": ADDRESS}
    tries: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"outcome": "fraud"}, here),
        ({"outcome": "fraud", "csrf": "x"}, here),
        ({"outcome": "fraud", "csrf": analyst.csrf}, {"origin": "http://elsewhere.example"}),
        ({"outcome": "fraud", "csrf": analyst.csrf}, {**here, "sec-fetch-site": "cross-site"}),
    ]
    for fields, headers in tries:
        assert analyst.client.post(path, data=fields, headers=headers).status_code == 403, (fields, headers)
    with database.reading() as session:
        assert session.get_one(Case, case).state == "open"
    assert analyst.client.post(path, data={"outcome": "fraud", "csrf": analyst.csrf}, headers=here).status_code == 303


def test_a_session_ends_when_nobody_clicks(analyst: Person, database: Database) -> None:
    with database.writing() as session:
        session.execute(update(Session).values(seen_ms=clock.wall_ms() - 890_000))
    assert analyst.get("/queue").status_code == 200  # which counts as a click
    with database.writing() as session:
        session.execute(update(Session).values(seen_ms=clock.wall_ms() - 901_000))
    assert analyst.get("/queue").headers["location"] == "/login"


def test_a_page_that_looks_by_itself_is_no_click(analyst: Person, database: Database) -> None:
    long_ago = clock.wall_ms() - 600_000
    with database.writing() as session:
        session.execute(update(Session).values(seen_ms=long_ago))
    analyst.client.get("/messages", headers={"x-by-itself": "1"})
    with database.reading() as session:
        assert session.scalars(select(Session.seen_ms)).all() == [long_ago]


def test_the_first_password_is_good_for_choosing_another(desk: FastAPI, database: Database) -> None:
    with database.writing() as session:
        first = people.first_administrator(session, 1)
        assert people.first_administrator(session, 2) is None
    person, elsewhere = Person(desk), Person(desk)
    for one in (person, elsewhere):
        one.post("/login", name="admin", password=first)
    assert person.get("/queue").headers["location"] == "/password"
    person.get("/password")
    short = person.post("/password", old=first, new="short", again="short")
    assert short.status_code == 400 and "at least 12 characters" in short.text
    assert person.post("/password", old=first, new=PASSWORD, again=PASSWORD).headers["location"] == "/queue"
    assert person.get("/queue").status_code == 200
    assert elsewhere.get("/queue").headers["location"] == "/login"
    assert person.post("/login", name="admin", password=first).status_code == 401
    assert person.post("/login", name="admin", password=PASSWORD).status_code == 303


def test_passwords_cannot_be_tried_out(desk: FastAPI, database: Database) -> None:
    person = Person(desk)
    answers = [person.post("/login", name="admin", password=str(number)).status_code for number in range(12)]
    assert answers == [401] * 10 + [429] * 2


def test_who_has_left_is_out_and_their_cases_are_free(
    come_in: Callable[..., Person], take: Callable[..., int], database: Database
) -> None:
    case = take(1)
    anna, boss = come_in(Role.ANALYST, "anna"), come_in(Role.ADMINISTRATOR, "boss")
    anna.post(f"/cases/{case}/assign", assignee="anna")
    boss.get("/users")
    assert boss.post("/users/anna", role="analyst").status_code == 200
    assert anna.get("/queue").headers["location"] == "/login"
    with database.reading() as session:
        found = session.get_one(Case, case)
        assert (found.state, found.assignee) == ("open", None)


def test_somebody_must_remain_who_can_administer(come_in: Callable[..., Person]) -> None:
    boss = come_in(Role.ADMINISTRATOR, "boss")
    boss.get("/users")
    assert boss.post("/users/admin", role="viewer", active="true").status_code == 200
    answer = boss.post("/users/boss", role="viewer", active="true")
    assert answer.status_code == 409 and "somebody must remain" in answer.text


@pytest.mark.parametrize(("me", "said"), [("yes", "genuine"), ("no", "fraud")])
def test_a_cardholder_answers_once(
    desk: FastAPI, links: Links, take: Callable[..., int], database: Database, me: str, said: str
) -> None:
    take(1, "challenge")
    path, cardholder = links.make("t1").removeprefix(ADDRESS), Person(desk)
    assert "Was this you?" in cardholder.get(path).text
    with database.reading() as session:
        assert session.get(Answer, "t1") is None, "looking answers nothing"
    assert "Thank you" in cardholder.post(path, me=me).text
    again = cardholder.post(path, me="yes")
    assert again.status_code == 409 and "answered" in again.text
    with database.reading() as session:
        assert session.get_one(Answer, "t1").verdict == said


@pytest.mark.parametrize("spoil", [lambda token: token[:-2], lambda token: token.replace(".", "x", 1)])
def test_a_link_that_is_not_ours(desk: FastAPI, links: Links, spoil: Callable[[str], str]) -> None:
    answer = Person(desk).get(spoil(links.make("t1").removeprefix(ADDRESS)))
    assert answer.status_code == 400 and "not one of ours" in answer.text


def test_a_link_that_is_too_old(desk: FastAPI, take: Callable[..., int]) -> None:
    take(1, "challenge")
    old = Links(ADDRESS, "s" * 32, -1)
    with pytest.raises(UsageError, match="too old"):
        old.read(old.make("t1").rpartition("/")[2])


def test_pages_say_when_alerts_do_not_arrive(analyst: Person, standing: dict[str, dict[str, Any]]) -> None:
    assert "everything is decided" in analyst.get("/queue").text
    standing["hot"]["at"] -= 600 + 14 * 60
    page = analyst.get("/queue").text
    assert "the stream stopped 14 min ago: alerts are not arriving" in page
    assert analyst.get("/readyz").status_code == 503
    standing["hot"] = {}
    assert "the stream has not begun yet" in analyst.get("/queue").text


def test_numbers_for_machines(desk: FastAPI, take: Callable[..., int]) -> None:
    take(1)
    take(2, "challenge")
    client = Person(desk)
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").json() == {"ready": True, "trouble": ""}
    numbers = client.get("/metrics").text
    assert 'clearhold_desk_cases{state="open"} 1.0' in numbers
    assert 'clearhold_desk_messages{state="due"} 2.0' in numbers
    assert "card1" not in numbers and "t1" not in numbers


def test_a_page_that_breaks_says_so_and_keeps_our_policy(
    desk: FastAPI, analyst: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("card 4111111111111111")

    monkeypatch.setattr("pipelines.casework.queue.page", fail)
    quiet = TestClient(desk, base_url=ADDRESS, raise_server_exceptions=False, cookies=dict(analyst.client.cookies))
    answer = quiet.get("/queue")
    assert answer.status_code == 500 and "its log says why" in answer.text and "4111" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
