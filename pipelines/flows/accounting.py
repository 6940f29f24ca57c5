"""The books of a run: every record that Kafka acknowledged, found again in the lake."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipelines import config
from pipelines.catalog import LANDED, LANDED_BEHIND, Topic
from pipelines.config import Settings
from pipelines.errors import Unaccounted
from pipelines.files import put_json
from pipelines.ingest.topics import Ends
from pipelines.local import broker, landed, leftovers, stack, topics
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.monitor import accounts
from pipelines.monitor.accounts import Books

FILE: Final = "account.json"
PATIENCE_SECONDS: Final = 60.0


def run(project: Project, place: Path, environ: Mapping[str, str]) -> None:
    """Close the books of a run, live or stopped; leaves account.json in its folder.

    Args:
        project: where environments and jars are.
        place: folder of the run.
        environ: environment that the broker of a stopped run is started with.

    Raises:
        UsageError: there is no run, or nothing of it has landed.
        Unaccounted: they do not add up.
    """
    landed.require(place)
    settings = config.load(place / "settings.yaml")
    screen = Screen(place / "logs" / "account.log")
    if leftovers.holder(place) or broker.answers(settings.kafka.bootstrap):
        reached = ends(settings.kafka.bootstrap)
        screen.say("waiting until everything that is there now has landed")
        landed.wait(settings.paths.lake, reached, PATIENCE_SECONDS)
    else:
        screen.say("the run is stopped: its broker is started to be asked")
        with stack.opened(project, settings, environ, lambda line: None) as stopped:
            stopped.start_broker()
            reached = ends(stopped.settings.kafka.bootstrap)
    books = accounts.close(settings.paths.lake, reached)
    screen.print(f"\n{accounts.words(books)}\n\n  {write(place, books)}")
    require_balance(books)


def ends(bootstrap: str, which: tuple[Topic, ...] = (*LANDED, *LANDED_BEHIND)) -> Ends:
    """How long landed topics are."""
    return {topic.name: topics.ends(bootstrap, topic.name) for topic in which}


def has_landed(settings: Settings, which: tuple[Topic, ...] = (*LANDED, *LANDED_BEHIND)) -> bool:
    """Whether the lake holds all that is in topics now."""
    return landed.holds(settings.paths.lake, ends(settings.kafka.bootstrap, which))


def write(place: Path, books: Books) -> Path:
    """Leave them in the run's folder, whole or not at all; returns the file."""
    return put_json(place / FILE, books.facts())


def require_balance(books: Books) -> None:
    """Refuse books that do not add up.

    Raises:
        Unaccounted: they do not.
    """
    if books.difference:
        raise Unaccounted(f"{books.difference:,} records are not where they should be: see the table above")
