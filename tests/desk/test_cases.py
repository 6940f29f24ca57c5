"""What people do with cases, without a page in between."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from pipelines.casework import alerts, audit, cases, outbox, queue
from pipelines.casework.database import Database
from pipelines.casework.queue import Wish
from pipelines.casework.tables import Alert, Audit, Message, Signal
from pipelines.config import Labels
from pipelines.errors import Conflict, Mismatch, UsageError
from tests.desk.conftest import decision

ORDER = Labels().precedence
HOUR_MS = 3_600_000


def test_a_hold_opens_a_case_and_later_alerts_of_the_card_join_it(take: Callable[..., int], database: Database) -> None:
    case = take(1, card_id="c")
    assert take(2, "challenge", card_id="c") == case
    assert take(3, "hold", card_id="c") == case
    with database.reading() as session:
        found = cases.require(session, case)
        assert [each.transaction_id for each in found.alerts] == ["t3", "t2", "t1"]
        assert found.expected_loss == pytest.approx(3 * 0.6 * 100)


def test_challenge_and_decline_make_no_case_but_are_told(take: Callable[..., int], database: Database) -> None:
    assert take(1, "challenge") == take(2, "decline") == 0
    with database.reading() as session:
        written = session.scalars(select(Message).order_by(Message.id)).all()
    assert [(each.id, each.audience) for each in written] == [
        ("challenge:t1", "cardholder"),
        ("decline:t2", "cardholder"),
    ]


def test_a_repeated_decision_changes_nothing(take: Callable[..., int], database: Database) -> None:
    take(1)
    assert take(1, "decline", probability=0.9) == -1
    with database.reading() as session:
        assert session.get_one(Alert, "t1").action == "hold"
        assert len(session.scalars(select(Message)).all()) == 1


def test_a_verdict_is_told_after_ten_seconds_and_can_be_taken_back_until_then(
    take: Callable[..., int], database: Database
) -> None:
    case = take(1)
    with database.writing() as session:
        cases.decide(session, case, "anna", "fraud", 1_000)
        assert not outbox.is_due(session, Signal, 1_000 + cases.UNDO_MS - 1)
        assert outbox.is_due(session, Signal, 1_000 + cases.UNDO_MS)
    with database.writing() as session:
        with pytest.raises(Conflict, match="by who closed it"):
            cases.undo(session, case, "bert", 2_000)
        assert cases.undo(session, case, "anna", 2_000).state == "claimed"
        assert not session.scalars(select(Signal)).all()


def test_what_was_told_cannot_be_taken_back(take: Callable[..., int], database: Database) -> None:
    case = take(1)
    with database.writing() as session:
        cases.decide(session, case, "anna", "genuine", 1_000)
        outbox.claim(session, Signal, 1_000 + cases.UNDO_MS, 10)
        with pytest.raises(Conflict, match="told already"):
            cases.undo(session, case, "anna", 1_000 + cases.UNDO_MS)


def test_the_verdict_is_a_signal_about_each_payment_dated_by_the_payments_clock(
    take: Callable[..., int], database: Database
) -> None:
    case = take(1, card_id="c")
    take(2, card_id="c")
    with database.writing() as session:
        cases.decide(session, case, "anna", "fraud", 1_000)
        told = [each.record for each in session.scalars(select(Signal))]
    assert {(each["transaction_id"], each["verdict"], each["source"]) for each in told} == {
        ("t1", "fraud", "analyst"),
        ("t2", "fraud", "analyst"),
    }
    assert all(each["event_time"] >= each["transaction_time"] for each in told)
    assert all(len(each["signal_id"]) <= 64 for each in told)


def test_unsure_tells_nothing(take: Callable[..., int], database: Database) -> None:
    case = take(1)
    with database.writing() as session:
        assert cases.decide(session, case, "anna", "unsure", 1_000).state == "closed"
        assert not session.scalars(select(Signal)).all()


def test_two_who_decide_the_same_case(take: Callable[..., int], database: Database) -> None:
    case = take(1)
    with database.writing() as session:
        cases.decide(session, case, "anna", "fraud", 1_000)
    with database.writing() as session, pytest.raises(Conflict, match="closed as fraud by anna"):
        cases.decide(session, case, "bert", "genuine", 2_000)


def test_a_case_that_waits_comes_back_and_keeps_what_arrived(take: Callable[..., int], database: Database) -> None:
    case = take(1, card_id="c")
    with database.writing() as session:
        with pytest.raises(UsageError, match="time to come"):
            cases.snooze(session, case, "anna", 500, "", 1_000)
        cases.snooze(session, case, "anna", HOUR_MS, "travelling", 1_000)
    assert take(2, card_id="c") == case
    with database.writing() as session:
        assert cases.require(session, case).state == "waiting"
        assert cases.wake(session, HOUR_MS - 1) == 0
        assert cases.wake(session, HOUR_MS) == 1
        assert cases.require(session, case).state == "open"


def test_the_more_trusted_word_counts(take: Callable[..., int], database: Database) -> None:
    take(1)

    def hear(source: str, verdict: str) -> str | None:
        with database.writing() as session:
            signal = {"transaction_id": "t1", "source": source, "verdict": verdict}
            alerts.hear(session, signal, ORDER, 5)
            return session.get_one(Alert, "t1").verdict

    assert hear("cardholder", "genuine") == "genuine"
    assert hear("chargeback", "fraud") == "fraud"
    assert hear("analyst", "genuine") == "fraud"
    assert hear("stranger", "genuine") == "fraud"


def test_a_case_closes_when_others_have_judged_all_of_it(take: Callable[..., int], database: Database) -> None:
    case = take(1, card_id="c")
    take(2, card_id="c")

    def state(payment: str, source: str, verdict: str) -> tuple[str, str | None]:
        with database.writing() as session:
            alerts.hear(session, {"transaction_id": payment, "source": source, "verdict": verdict}, ORDER, 5)
            found = cases.require(session, case)
            return found.state, found.outcome

    assert state("t1", "chargeback", "fraud") == ("open", None)
    assert state("t2", "cardholder", "genuine") == ("open", None), "an analyst may know better"
    assert state("t2", "analyst", "genuine") == ("closed", "fraud")
    with database.reading() as session:
        assert not session.scalars(select(Signal)).all(), "what others have told is not told again"


def test_the_queue_is_ordered_by_loss_and_age(take: Callable[..., int], database: Database) -> None:
    small, large = take(1, amount_minor=1_000), take(2, amount_minor=90_000)
    with database.writing() as session:
        assert [row.case.id for row in queue.page(session, "anna", Wish()).rows] == [large, small]
        old = cases.require(session, small)
        old.opened_ms -= 40 * HOUR_MS
        cases.weigh(session, old)
        session.flush()
        assert [row.case.id for row in queue.page(session, "anna", Wish()).rows] == [small, large]


def test_filters_and_what_follows(take: Callable[..., int], database: Database) -> None:
    made = [take(number, amount_minor=1_000 * number) for number in range(1, 5)]
    with database.reading() as session:
        third = cases.require(session, made[2])
        assert queue.following(session, "anna", Wish(), third).id == made[1]  # type: ignore[union-attr]
        assert queue.following(session, "anna", Wish(q="card4"), third).id == made[3]  # type: ignore[union-attr]
        assert queue.following(session, "anna", Wish(q="t3"), third) is None
        assert [row.case.id for row in queue.page(session, "anna", Wish(least=15)).rows] == [made[3], made[2]]
        assert queue.page(session, "anna", Wish(action="decline")).rows == []
        assert queue.counts(session, "anna") == {"mine": 0, "open": 4, "claimed": 0, "waiting": 0, "closed": 0}


def test_one_that_says_no_opens_a_case_and_a_link_answers_once(take: Callable[..., int], database: Database) -> None:
    take(1, "challenge")
    with database.writing() as session:
        alert, given = alerts.asked(session, "t1")
        assert given is None
        alerts.answer(session, alert, "fraud", 5)
        assert alert.case_id is not None
    with database.writing() as session, pytest.raises(Conflict, match="answered"):
        alerts.answer(session, session.get_one(Alert, "t1"), "genuine", 6)
    with database.reading() as session:
        (told,) = session.scalars(select(Signal))
        assert (told.record["source"], told.record["verdict"]) == ("cardholder", "fraud")


def test_the_chain_of_the_audit(take: Callable[..., int], database: Database) -> None:
    case = take(1)
    with database.writing() as session:
        for number in range(5):
            cases.note(session, case, "anna", f"note {number}", number)
        noted = audit.verify(session)
        assert noted.lines == 5
    with database.writing() as session:
        session.get_one(Audit, 3).details = {"words": "something else"}
        session.flush()
        with pytest.raises(Mismatch, match="line 3"):
            audit.verify(session)
        session.rollback()
    with database.writing() as session:
        second, third = session.get_one(Audit, 2), session.get_one(Audit, 3)
        third.details = {"words": "something else"}
        third.seal = audit._sealed(third, second.seal)
        session.flush()
        with pytest.raises(Mismatch, match="line 4"):
            audit.verify(session)
        session.rollback()
    with database.writing() as session:
        session.delete(session.get_one(Audit, 5))
        session.flush()
        assert audit.verify(session).lines == 4
        with pytest.raises(Mismatch, match="cut off"):
            audit.verify(session, noted.seal)


def test_decisions_differ_only_by_what_a_test_says() -> None:
    assert decision(1, amount_minor=5)["amount_minor"] == 5
