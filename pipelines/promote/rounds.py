"""Rounds of retraining: when the next one is due, and what became of those before. A file, no registry and no Spark here."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pipelines.files import put_json

FILE: Final = "rounds.json"
TRAIN: Final = "train"
SHADOW: Final = "shadow"
GATE: Final = "gate"
Stage = Literal["train", "shadow", "gate"]
STAGES: Final[tuple[Stage, ...]] = (TRAIN, SHADOW, GATE)
Outcome = Literal["promoted", "refused", "not judged", "failed"]


class Round(NamedTuple):
    """From a reason to train to the gate's answer.

    Attributes:
        id: its name; a model that it trained carries it in the registry.
        reason: why it began.
        began: seconds since 1970.
        evidence: what the watch raised when it began, so that the same is no reason again.
        stage: what is to be done next, while it has no outcome.
        version: of the model it trained.
        outcome: None while it is under way.
        why: the outcome in words.
        ended: seconds since 1970.
    """

    id: str
    reason: str
    began: float
    evidence: tuple[str, ...] = ()
    stage: Stage = TRAIN
    version: str | None = None
    outcome: Outcome | None = None
    why: str = ""
    ended: float | None = None

    @property
    def words(self) -> str:
        """What became of it, in a line."""
        model = f"version {self.version}" if self.version else "no model"
        return f"{self.id}: {model}, {self.outcome or f'under way ({self.stage})'}{f': {self.why}' if self.why else ''}"


def due(rounds: Sequence[Round], every: float, raised: Collection[str], now: float) -> str | None:
    """Why another round should begin; None while there is no reason.

    Args:
        rounds: those before, all ended.
        every: seconds from the beginning of a round to the next.
        raised: what the watch raises now. What it raised when the last round began is no reason for another.
        now: seconds since 1970.
    """
    if not rounds:
        return "there was no round before"
    last = rounds[-1]
    if fresh := sorted(set(raised) - set(last.evidence)):
        return f"the watch raised {', '.join(fresh[:3])}{f' and {len(fresh) - 3} more' if len(fresh) > 3 else ''}"
    return f"{every / 3600:g} h since {last.id} began" if now >= last.began + every else None


def read(folder: Path) -> list[Round]:
    """Rounds that are on record in a folder, the latest one last."""
    try:
        kept = json.loads((folder / FILE).read_text())
    except FileNotFoundError:
        return []
    return [Round(**one | {"evidence": tuple(one["evidence"])}) for one in kept]


def keep(folder: Path, rounds: Sequence[Round]) -> None:
    """Put rounds on record, whole or not at all."""
    put_json(folder / FILE, [one._asdict() for one in rounds])
