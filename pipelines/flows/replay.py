"""A recorded data set through the whole live path: broker, registry, stream, lake. Reads top to bottom."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from pipelines.config import Settings
from pipelines.errors import UsageError
from pipelines.flows import opening, playing, stand_in
from pipelines.flows.opening import Opening, Replay
from pipelines.flows.playing import Playing
from pipelines.flows.traffic import Sender, Traffic
from pipelines.ingest.recording import Recording
from pipelines.local import lending, stack
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack
from pipelines.simulate.feed import publish

OPEN_SECONDS: Final = 900.0


def run(
    project: Project, settings: Settings, replay: Replay, environ: Mapping[str, str], setup_seconds: float = 0.0
) -> None:
    """Replay for `replay.seconds`, to the end, or until Ctrl-C. Leaves summary.json in the run's folder.

    Raises:
        UsageError: the data, the mapping or the numbers do not allow it.
        StopAsked: somebody stopped it before there was traffic.
        Unaccounted: an acknowledged record has neither a decision nor a quarantine row, nor is it a duplicate.
        Mismatch: a logged feature is not what the batch compiler computes.
        ClearholdError: something could not be started, or ended too often.
    """
    place = settings.paths.run
    check(replay, place)
    screen = Screen(place / "logs" / "supervisor.log")
    screen.say(f"reading {replay.data}")
    recording = Recording(replay.data, replay.mapping, replay.label_delay_days)
    chosen = opening.choose(recording, replay, settings.registry.model)
    hot = settings.hot.model_copy(update={"await_history": chosen.since is not None})
    with stack.opened(project, settings.model_copy(update={"hot": hot}), environ, screen.say, fresh=True) as running:
        first_model = open_doors(running, recording, replay, chosen, screen)
        traffic = Traffic(running, screen)
        traffic.run(Sender(playing.NAME, "jobs.play_recording", arguments(replay, chosen)))
    traffic.look(project)
    traffic.account({"setup": setup_seconds, "first_model": first_model})
    traffic.compare(project)


def check(replay: Replay, place: Path) -> None:
    """Refuse what cannot be meant, before anything is removed or started.

    Raises:
        UsageError: a number is out of bounds, or the lender's folder is the one that this run clears.
    """
    playing.check(Playing(replay.data, replay.mapping, replay.rate, payments=replay.payments))
    if replay.lender.absolute() == place.absolute():
        raise UsageError(f"{replay.lender} is cleared by this run: name another one to take the registry from")
    if replay.history_payments < 1:
        raise UsageError("a history needs payments: give a number above 0")


def open_doors(running: Stack, recording: Recording, replay: Replay, chosen: Opening, screen: Screen) -> float | None:
    """Everything that must be so before the first payment; what can overlap does. Seconds until a model was trained, if so."""
    if chosen.registry:
        lending.lend(chosen.registry, running.settings.paths.run / "registry")
        screen.say(f"the champion of {chosen.registry.parent} decides")
    if chosen.model == "stand-in":
        stand_in.begin(running)
    else:
        running.start_registry()
    running.start_broker()
    running.start_hot()
    if chosen.since:
        _make_history(running, recording, chosen.since, chosen.share, screen)
    trained = _provide_model(running, replay, chosen, screen)
    running.await_open("hot", OPEN_SECONDS)
    running.start_landing()
    screen.say("the doors are open")
    running.start_standby()
    return trained


def arguments(replay: Replay, chosen: Opening) -> tuple[str, ...]:
    """The player's command line. Programs start in the project's folder: files are named in full."""
    files = ("--data", str(replay.data.absolute()), "--mapping", str(replay.mapping.absolute()))
    pace = ("--rate", str(replay.rate), "--label-delay-days", str(replay.label_delay_days))
    since = ("--since", f"{chosen.since:%Y-%m-%dT%H:%M:%S}") if chosen.since else ()
    count = () if replay.payments is None else ("--count", str(replay.payments))
    return (*files, *pace, *since, *count)


def _make_history(running: Stack, recording: Recording, since: datetime, share: float, screen: Screen) -> None:
    folder = running.settings.paths.run / "history"
    made = recording.write_history(folder, since, share)
    cards = f"{share:.0%} of the cards" if share < 1 else "all cards"
    screen.say(f"history: {made.payments:,} payments of {cards} and {made.verdicts:,} frauds until {since.date()}")
    publish(folder, {"bootstrap.servers": running.settings.kafka.bootstrap}, lambda *_: running.processes.tend())


def _provide_model(running: Stack, replay: Replay, chosen: Opening, screen: Screen) -> float | None:
    if chosen.model == "stand-in":
        stand_in.provide(running, screen)
        return None
    running.await_registry()
    if chosen.model == "lent":
        return None
    history = ("--history", str(running.settings.paths.run / "history"))
    delay = ("--label-delay-days", str(replay.label_delay_days))
    running.start_job("train", "jobs.train_model", *history, *delay, "--logged", "--promote", "--quick", once=True)
    screen.say("a model is trained on what the stream logs while it fills its state")
    done = partial(running.processes.is_done, "train")
    running.wait(done, OPEN_SECONDS, "there is no model", ("train", "hot"))
    screen.say("the model is the champion")
    return screen.seconds
