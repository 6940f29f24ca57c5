"""Ways to reach somebody: a folder that stands for a local inbox, or any service that Apprise knows, by URL."""

import json
import os
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import apprise

from pipelines.errors import ConfigurationError, Unavailable

MOST: Final = 50
_TAKES_HEADERS: Final = ("json://", "jsons://", "form://", "forms://", "xml://", "xmls://")
"""Apprise's own webhooks: a `+name` in their address becomes a header."""


class Letter(NamedTuple):
    """What is sent. `id` is the same at every attempt: a receiver that is given it twice has it once."""

    id: str
    audience: str
    title: str
    body: str


class Channel(Protocol):
    """A way to reach somebody."""

    def send(self, letter: Letter) -> None:
        """Send it.

        Raises:
            Unavailable: it was not taken.
        """

    def has(self, letter_id: str) -> bool:
        """Whether it is known to have been sent."""


class Inbox:
    """A folder of letters, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, letter: Letter) -> None:
        """Put it there, unless it lies there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._file(letter.id)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(letter._asdict()))
        try:
            os.link(part, file)  # a rename would replace what may have been read
        except FileExistsError:
            pass
        except OSError as problem:
            raise Unavailable(f"inbox {self.folder}: {problem.strerror}") from problem
        finally:
            part.unlink(missing_ok=True)

    def has(self, letter_id: str) -> bool:
        """Whether it lies there."""
        return self._file(letter_id).exists()

    def letters(self) -> list[dict[str, str]]:
        """The latest MOST, newest first: id, audience, title, words, link."""
        files = sorted(self.folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)[:MOST]
        return [_parted(json.loads(file.read_text())) for file in files]

    def _file(self, letter_id: str) -> Path:
        safe = "".join(one if one.isalnum() or one in "-_." else f"%{ord(one):x}" for one in letter_id)
        return self.folder / f"{safe}.json"


class Gateway:
    """A service by its Apprise URL: mailto://, json:// (a webhook), twilio://, slack://, ...

    None of them can be asked what it was given. A webhook gets the header Idempotency-Key, by which it can know a letter again.
    """

    def __init__(self, url: str) -> None:
        """Raises ConfigurationError where Apprise does not know such an address."""
        self._url = url
        self._open("check")

    def send(self, letter: Letter) -> None:
        """Hand it over; see `Channel`."""
        if not self._open(letter.id).notify(title=letter.title, body=letter.body):
            raise Unavailable(f"{self._url.partition('://')[0]} did not take the message")

    def has(self, letter_id: str) -> bool:
        """Nobody can tell."""
        return False

    def _open(self, letter_id: str) -> apprise.Apprise:
        url = self._url
        if url.startswith(_TAKES_HEADERS):
            url += f"{'&' if '?' in url else '?'}+Idempotency-Key={letter_id.replace(':', '-')}"
        gateway = apprise.Apprise()
        if not gateway.add(url):
            kind = self._url.partition("://")[0]
            raise ConfigurationError(f"{kind}:// is no address for messages: see Apprise's list of services")
        return gateway


def channel(url: str, inbox: Inbox) -> Channel:
    """What an address stands for; none means the local inbox."""
    return Gateway(url) if url else inbox


def _parted(letter: dict[str, str]) -> dict[str, str]:
    """A letter with its words and its link apart."""
    words, found, rest = letter.pop("body").partition("http")
    return {**letter, "words": words, "link": found + rest}
