"""What every page works with: one object, made when the desk opens."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pipelines.casework.database import Database
from pipelines.config import Paths, Registry
from pipelines.desk.chores import Chores
from pipelines.rules.policy import Policy


class News:
    """Counts changes, so that open pages know when to look again. Written by one thread, read by all."""

    def __init__(self) -> None:
        self.number = 0

    def announce(self) -> None:
        """Something has changed."""
        self.number += 1


class Office(NamedTuple):
    """The desk's surroundings.

    Attributes:
        database: cases and all that belongs to them.
        news: counts changes.
        read_link: the payment that a cardholder's link is about; refuses links that are not ours.
        address: what people type; requests that change something must come from there.
        idle_seconds: a session without a click ends after so long.
        standing: how the parts of the run are: name -> what it last said of itself, for messages and health.
        inbox: letters of the local inbox, newest first; None where messages go elsewhere.
        paths: folders of the run.
        registry: where models are.
        policy: what is in force while nobody has saved a policy here.
        search: tables, columns and topics by a word.
        chores: what was begun from a page and takes longer than a page waits.
    """

    database: Database
    news: News
    read_link: Callable[[str], str]
    address: str
    idle_seconds: float
    standing: Callable[[], Mapping[str, Mapping[str, Any]]]
    inbox: Callable[[], list[dict[str, str]]] | None
    paths: Paths
    registry: Registry
    policy: Callable[[], Policy]
    search: Callable[[str], dict[str, Any]]
    chores: Chores

    @property
    def is_secure(self) -> bool:
        """Whether people come over TLS."""
        return self.address.startswith("https://")
