"""The outbox: what is sent when, how often, and what it says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from pipelines.act.channels import Gateway, Inbox, Letter
from pipelines.act.links import Links
from pipelines.act.post import Post
from pipelines.casework import clock, messages
from pipelines.casework.database import Database
from pipelines.casework.tables import Message
from pipelines.errors import ConfigurationError, Unavailable


class Deaf:
    """A channel that takes nothing until told to."""

    def __init__(self) -> None:
        self.hears, self.taken = False, list[str]()

    def send(self, letter: Letter) -> None:
        if not self.hears:
            raise Unavailable("deaf")
        self.taken.append(letter.id)

    def has(self, letter_id: str) -> bool:
        return letter_id in self.taken


def _post(database: Database, channel: object, links: Links) -> Post:
    return Post(database, {messages.CARDHOLDER: channel, messages.TEAM: channel}, links)  # type: ignore[dict-item]


def test_each_message_once_with_its_link(
    take: Callable[..., int], database: Database, links: Links, tmp_path: Path
) -> None:
    take(1, "challenge"), take(2, "hold")
    inbox = Inbox(tmp_path / "inbox")
    post = _post(database, inbox, links)
    assert [post.work(), post.work()] == [2, 0]
    assert len(list(inbox.folder.iterdir())) == 2
    (challenge,) = [each.read_text() for each in inbox.folder.iterdir() if "challenge" in each.name]
    assert links.make("t1").rpartition("/")[0] in challenge and messages.LINK not in challenge


def test_what_is_not_taken_is_tried_later_and_later_and_then_no_more(
    take: Callable[..., int], database: Database, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(1)
    now = [clock.wall_ms()]
    monkeypatch.setattr(clock, "wall_ms", lambda: now[0])
    channel = Deaf()
    post, waits = _post(database, channel, links), []
    for _ in range(len(messages.BACK_OFF_SECONDS)):
        assert post.work() == 1
        with database.reading() as session:
            (message,) = session.scalars(select(Message))
            assert (message.state, message.trouble) == ("due", "deaf")
        waits.append((message.due_ms - now[0]) // 1_000)
        assert post.work() == 0
        now[0] = message.due_ms
    assert waits == list(messages.BACK_OFF_SECONDS)
    assert post.work() == 1
    now[0] += 10**9
    assert post.work() == 0
    with database.reading() as session:
        assert session.scalars(select(Message)).one().state == "failed"


def test_nobody_is_told_about_what_is_long_past(take: Callable[..., int], database: Database) -> None:
    now = clock.wall_ms()
    take(1, "challenge", decided_at_ms=now - messages.LATE_MS - 1_000)
    take(2, "challenge", decided_at_ms=now - messages.LATE_MS + 60_000)
    with database.reading() as session:
        states = dict(session.execute(select(Message.transaction_id, Message.state)).tuples().all())
    assert states == {"t1": "late", "t2": "due"}


def test_what_was_under_way_when_the_sender_ended(take: Callable[..., int], database: Database, links: Links) -> None:
    take(1), take(2)
    channel = Deaf()
    channel.hears, channel.taken = True, ["hold:t1"]
    with database.writing() as session:
        messages.claim(session, clock.wall_ms(), 10)  # both were begun, and only the first had gone out
    _post(database, channel, links).settle()
    assert channel.taken == ["hold:t1", "hold:t2"]
    with database.reading() as session:
        assert {each.state for each in session.scalars(select(Message))} == {"sent"}


def test_an_inbox_has_a_letter_once(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    letter = Letter("hold:../t1", "team", "title", "first")
    assert not inbox.has(letter.id)
    inbox.send(letter)
    inbox.send(letter._replace(body="second"))
    (file,) = tmp_path.iterdir()
    assert inbox.has(letter.id) and "first" in file.read_text()


def test_an_address_that_nobody_knows() -> None:
    with pytest.raises(ConfigurationError, match="carrierpigeon:// is no address for messages"):
        Gateway("carrierpigeon://roof")
