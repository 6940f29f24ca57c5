"""When an application on a cluster has lost its executors for good."""

from pipelines.executors import Losing, Waiting


def test_one_that_had_executors_and_has_none_for_long_has_lost_them() -> None:
    losing = Losing(patience=60)
    assert not losing.seen(2, now=100)
    assert not losing.seen(0, now=160)
    assert losing.seen(0, now=161)


def test_a_worker_that_comes_back_in_time_is_no_loss() -> None:
    losing = Losing(patience=60)
    assert not any(losing.seen(executors, now) for executors, now in [(2, 0), (0, 50), (1, 60), (0, 119)])


def test_one_that_never_had_any_waits_for_its_turn() -> None:
    losing = Losing(patience=60)
    assert not any(losing.seen(0, now) for now in range(0, 1_000, 5))


def test_one_that_waits_for_its_first_executor_says_so_again_and_again_until_it_has_come() -> None:
    waiting = Waiting(tell=30)
    told = [bool(waiting.words(0, now)) for now in (100, 125, 130, 135, 160)]
    assert told == [False, False, True, False, True]
    assert not any(waiting.words(executors, now) for executors, now in [(1, 190), (0, 500)])
    late = Waiting(tell=30)
    assert "for 40 s" in late.words(0, 0) + late.words(0, 40)
