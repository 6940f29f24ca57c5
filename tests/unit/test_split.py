from datetime import UTC, datetime

import pytest

from pipelines.errors import UsageError
from pipelines.train.split import DAY, between, day, of_history


def ms(date: str) -> int:
    return round(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)


def test_labels_known_when_the_test_begins_may_be_learned() -> None:
    split = between(ms("2018-05-11"), ms("2018-08-01"), ms("2018-08-08"), ms("2018-08-15"), 7)
    assert [day(time) for time in split] == ["2018-05-11", "2018-07-18", "2018-08-01", "2018-08-08", "2018-08-15"]


def test_training_ends_where_labels_would_not_be_known() -> None:
    split = between(ms("2018-05-11"), ms("2018-08-08"), ms("2018-08-08"), ms("2018-08-15"), 7)
    assert day(split.train_until) == "2018-08-01"


@pytest.mark.parametrize(
    ("dates", "what"),
    [
        (("2018-08-01", "2018-08-08", "2018-08-08", "2018-08-15"), "only 0 days"),
        (("2018-08-01", "2018-07-01", "2018-08-08", "2018-08-15"), "only 0 days"),
        (("2018-05-01", "2018-08-01", "2018-08-08", "2018-08-08"), "not after"),
    ],
)
def test_impossible_dates_are_refused(dates: tuple[str, ...], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        between(*(ms(date) for date in dates), delay_days=7)  # type: ignore[misc]


def test_a_history_is_tested_on_its_last_mature_days() -> None:
    split = of_history(0, 60 * DAY, 7)
    assert split.test_until == 53 * DAY
    assert split.train_until == split.test_from - 7 * DAY
    assert 0 < split.fit_from < split.calibrate_from < split.train_until < split.test_from < split.test_until


def test_a_short_history_is_refused() -> None:
    with pytest.raises(UsageError, match="label delay 7 days"):
        of_history(0, 15 * DAY, 7)
