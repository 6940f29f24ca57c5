"""The outbox: sends what has been written, once each, again after a failure, later every time."""

import logging
from collections.abc import Mapping
from typing import Final

from pipelines.act.channels import Channel, Letter
from pipelines.act.links import Links
from pipelines.casework import clock, messages, outbox
from pipelines.casework.database import Database
from pipelines.casework.tables import Message
from pipelines.errors import Unavailable

MOST: Final = 20
_log = logging.getLogger(__name__)


class Post:
    """Sends messages by audience: cardholder, team."""

    def __init__(self, database: Database, channels: Mapping[str, Channel], links: Links) -> None:
        self._database, self._channels, self._links = database, channels, links

    def settle(self) -> None:
        """What was being sent when the sender ended: done if its channel knows it, otherwise sent again, under the same id."""
        with self._database.reading() as session:
            doubtful = outbox.in_doubt(session, Message)
        for each in doubtful:
            if self._channels[each.audience].has(each.id):
                self._sent(each)
            else:
                self._send(each)

    def work(self) -> int:
        """Send what is due; how many were tried. Each is marked before: a crash leaves no doubt about the others."""
        with self._database.reading() as session:
            if not outbox.is_due(session, Message, clock.wall_ms()):
                return 0
        with self._database.writing() as session:
            due = messages.claim(session, clock.wall_ms(), MOST)
        for each in due:
            self._send(each)
        return len(due)

    def _send(self, message: Message) -> None:
        body = message.body.replace(messages.LINK, self._links.make(message.transaction_id))
        letter = Letter(message.id, message.audience, message.title, body)
        try:
            self._channels[message.audience].send(letter)
        except Unavailable as problem:
            _log.warning("message %s, attempt %d: %s", message.id, message.attempts, problem)
            with self._database.writing() as session:
                messages.not_sent(session, message.id, clock.wall_ms(), str(problem))
        else:
            self._sent(message)

    def _sent(self, message: Message) -> None:
        with self._database.writing() as session:
            messages.sent(session, message.id, clock.wall_ms())
