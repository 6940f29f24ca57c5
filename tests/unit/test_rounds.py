"""When a round of retraining is due, and that its record is what was put there."""

from pathlib import Path

from pipelines.promote import rounds
from pipelines.promote.rounds import Round

DAY = 86_400.0
LAST = Round("round 1", "", began=1000.0, evidence=("feature amount",), outcome="refused", why="shadow run: none")


def test_the_first_round_is_due_at_once_and_the_next_when_the_time_has_come() -> None:
    assert rounds.due([], DAY, (), 0.0)
    assert rounds.due([LAST], DAY, (), 1000 + DAY - 1) is None
    assert rounds.due([LAST], DAY, (), 1000 + DAY) == "24 h since round 1 began"


def test_drift_is_a_reason_once() -> None:
    assert rounds.due([LAST], DAY, ("feature amount",), 1001) is None
    assert (
        rounds.due([LAST], DAY, ("score probability", "feature amount"), 1001) == "the watch raised score probability"
    )
    assert rounds.due([LAST], DAY, map(str, range(9)), 1001) == "the watch raised 0, 1, 2 and 6 more"


def test_drift_that_went_away_and_comes_back_is_a_reason_again() -> None:
    assert rounds.due([LAST, LAST._replace(evidence=())], DAY, ("feature amount",), 1001)


def test_rounds_are_read_as_they_were_kept(tmp_path: Path) -> None:
    assert rounds.read(tmp_path) == []
    kept = [LAST, Round("round 2", "it was asked for", 2000.0, stage="shadow", version="7")]
    rounds.keep(tmp_path, kept)
    assert rounds.read(tmp_path) == kept
    assert [one.words for one in kept] == [
        "round 1: no model, refused: shadow run: none",
        "round 2: version 7, under way (shadow)",
    ]
