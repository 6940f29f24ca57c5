"""How a replay begins: whose model decides, and which part of the recording is history."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pipelines.errors import UsageError
from pipelines.features import book
from pipelines.ingest.recording import Recording
from pipelines.local import lending

TRAIN_DAYS: Final = 30
FEWEST_VERDICTS: Final = 50
"""Frauds that must be known at the end of the history before a model is trained on it without being told to."""


class Replay(NamedTuple):
    """What is asked for.

    `seconds` None: to the end. `train_days` None: see `choose`. `history_payments`: about the most that history may hold.
    `lender`: a run whose champion may decide; `lender_named`: nothing else will do.
    """

    data: Path
    mapping: Path
    lender: Path
    rate: float = 500.0
    seconds: float | None = None
    label_delay_days: int = 7
    train_days: int | None = None
    history_payments: int = 60_000
    lender_named: bool = False

    @property
    def payments(self) -> int | None:
        """Payments to send; None for all."""
        return None if self.seconds is None else round(self.seconds * self.rate)


class Opening(NamedTuple):
    """How it begins.

    `lent`: the champion in the folder `registry` decides. `own`: a model trained on what comes before `since`. `stand-in`: one
    trained on a simulated bank. What comes before `since` is history (None: there is none), of a share of the cards.
    """

    model: Literal["lent", "own", "stand-in"]
    registry: Path | None = None
    since: datetime | None = None
    share: float = 1.0


def choose(recording: Recording, replay: Replay, model: str) -> Opening:
    """Choose the model that decides.

    One trained on `train_days` if they are given; otherwise the lender's champion if it fits the present features; otherwise
    one trained on the first TRAIN_DAYS where that is possible; otherwise a stand-in.

    Args:
        recording: what will be replayed.
        replay: what is asked for.
        model: what the model is called in registries.

    Raises:
        UsageError: a lender is named that has no such champion, or nothing can be learned from the days that are given.
    """
    if replay.train_days:
        return _trained(recording, replay, replay.train_days)
    registry = replay.lender / "registry"
    if lending.champion_features(registry, model) == book.feature_set():
        return Opening("lent", registry)
    if replay.lender_named:
        raise UsageError(
            f"{registry} holds no champion for the present features: train one there, or name no other run"
        )
    if replay.train_days is None and not why_not(recording, TRAIN_DAYS):
        return _trained(recording, replay, TRAIN_DAYS)
    return Opening("stand-in")


def why_not(recording: Recording, days: int) -> str:
    """Why a model cannot be trained on the first days of a recording; empty if it can."""
    if recording.days <= days:
        return f"it has {recording.days} days, and {days} of them would be history: choose fewer"
    if not recording.is_labelled:
        return "its mapping file names no label"
    verdicts = recording.known(recording.begin + timedelta(days=days)).verdicts
    if verdicts < FEWEST_VERDICTS:
        return f"only {verdicts} frauds are known after {days} days, {FEWEST_VERDICTS} are needed: choose more"
    return ""


def _trained(recording: Recording, replay: Replay, days: int) -> Opening:
    if why := why_not(recording, days):
        raise UsageError(f"no model can be trained on the first days of {replay.data}: {why}")
    since = recording.begin + timedelta(days=days)
    return Opening("own", None, since, min(1.0, replay.history_payments / recording.known(since).payments))
