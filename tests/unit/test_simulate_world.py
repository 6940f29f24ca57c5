from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.schemas import SIGNAL, names
from pipelines.simulate.bank import Bank
from pipelines.simulate.payments import DAY_MS, HOUR_MS, MINUTE_MS
from pipelines.simulate.verdicts import Delays
from pipelines.simulate.world import World

BANK = Bank(7, 400, 2.0, datetime(2026, 3, 1, tzinfo=UTC))
END = 1 << 60


def decisions(action: str, fraud: bool) -> list[dict[str, Any]]:
    made = []
    for day in range(12):
        listed = BANK.columns(day)
        for number, transaction_id in enumerate(listed["transaction_id"]):
            if (BANK.pattern(transaction_id) is not None) == fraud:
                about = {name: listed[name][number] for name in ("card_id", "merchant_id", "device_id", "amount_minor")}
                event_ms = BANK.start_ms + int(BANK.day(day).at_ms[number])
                made.append(
                    {
                        "transaction_id": transaction_id,
                        **about,
                        "event_ms": event_ms,
                        "amount_ratio": 1.25,
                        "action": action,
                    }
                )
    return made[:600]


def told(action: str, fraud: bool, analyst: bool = True) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    world, given = World(BANK, Delays(), analyst), decisions(action, fraud)
    for decision in given:
        world.observe(decision)
    return given, waited_for(world)


def waited_for(world: World) -> list[dict[str, Any]]:
    """All signals, each at its own time."""
    signals = []
    while world.waiting:
        signals += world.due(world._waiting[0][0])
    return signals


def at_ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def delays(given: list[dict[str, Any]], signals: list[dict[str, Any]]) -> list[float]:
    attempted = {decision["transaction_id"]: decision["event_ms"] for decision in given}
    return [at_ms(signal["event_time"]) - attempted[signal["transaction_id"]] for signal in signals]


def share(signals: list[dict[str, Any]], source: str, verdict: str, given: list[dict[str, Any]]) -> float:
    return sum((signal["source"], signal["verdict"]) == (source, verdict) for signal in signals) / len(given)


def test_an_approved_genuine_payment_is_never_heard_of_again() -> None:
    assert told("approve", fraud=False)[1] == []


def test_an_approved_fraud_is_charged_back_after_days() -> None:
    given, signals = told("approve", fraud=True)
    assert share(signals, "chargeback", "fraud", given) == len(signals) / len(given) > 0.9
    assert all(DAY_MS <= delay <= 14 * DAY_MS for delay in delays(given, signals))


def test_a_cardholder_answers_a_challenge_within_minutes_and_mostly_rightly() -> None:
    given, signals = told("challenge", fraud=False)
    assert 0.75 < share(signals, "cardholder", "genuine", given) < 0.95
    assert 0 < share(signals, "cardholder", "fraud", given) < 0.05
    assert len(signals) < len(given)
    assert all(20_000 <= delay <= 5 * MINUTE_MS for delay in delays(given, signals))


def test_a_fraud_that_passed_its_challenge_is_charged_back_later() -> None:
    given, signals = told("challenge", fraud=True)
    deceived = {one["transaction_id"] for one in signals if one["verdict"] == "genuine"}
    charged = {one["transaction_id"] for one in signals if one["source"] == "chargeback"}
    assert charged
    assert charged <= deceived
    assert share(signals, "cardholder", "fraud", given) > 0.85


def test_an_analyst_looks_at_holds_unless_the_desk_does() -> None:
    given, signals = told("hold", fraud=False)
    assert share(signals, "analyst", "genuine", given) > 0.85
    assert all(10 * MINUTE_MS <= delay <= 90 * MINUTE_MS for delay in delays(given, signals))
    assert told("hold", fraud=False, analyst=False)[1] == []


@pytest.mark.parametrize("action", ["approve", "challenge", "hold", "decline"])
@pytest.mark.parametrize("analyst", [True, False])
def test_nearly_every_fraud_is_called_fraud_in_the_end(action: str, analyst: bool) -> None:
    given, signals = told(action, fraud=True, analyst=analyst)
    recognised = {one["transaction_id"] for one in signals if one["verdict"] == "fraud"}
    assert len(recognised) / len(given) > 0.93


def test_a_declined_cardholder_may_call_within_half_a_day() -> None:
    given, signals = told("decline", fraud=False)
    assert 0.4 < len(signals) / len(given) < 0.8
    assert all(delay <= 12 * HOUR_MS for delay in delays(given, signals))


def test_a_verdict_has_the_fields_of_a_signal_and_repeats_the_decision() -> None:
    given, signals = told("challenge", fraud=True)
    by_id = {decision["transaction_id"]: decision for decision in given}
    for signal in signals:
        about = by_id[signal["transaction_id"]]
        assert set(signal) <= set(names(SIGNAL))
        assert len(signal["signal_id"]) <= 64
        assert signal["kind"] == "verdict"
        assert at_ms(signal["transaction_time"]) == about["event_ms"]
        for name in ("card_id", "merchant_id", "device_id", "amount_minor", "amount_ratio"):
            assert signal.get(name) == about[name]


def test_ids_are_unique_and_the_same_after_a_restart() -> None:
    first, second = told("challenge", fraud=True)[1], told("challenge", fraud=True)[1]
    assert first == second
    assert len({signal["signal_id"] for signal in first}) == len(first)


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    given, signals = told("challenge", fraud=True)
    out = [signal["signal_id"] for signal in signals[:40]]
    world = World(BANK, Delays(), told=out)
    for decision in given:
        world.observe(decision)
    assert [signal["signal_id"] for signal in waited_for(world)] == [signal["signal_id"] for signal in signals[40:]]


def test_only_the_first_decision_about_a_payment_counts() -> None:
    given, signals = told("approve", fraud=True)
    world = World(BANK, Delays())
    for decision in given:
        world.observe(decision)
        world.observe({**decision, "action": "challenge"})
    assert waited_for(world) == signals


def test_payments_of_others_are_left_alone() -> None:
    world = World(BANK, Delays())
    for number, decision in enumerate(decisions("challenge", fraud=False)[:50]):
        world.observe({**decision, "transaction_id": f"somebody else's {number}"})
    assert world.waiting == 0


def test_a_signal_is_out_once_when_its_time_has_come_and_never_claims_an_earlier_one() -> None:
    world, decision = World(BANK, Delays()), decisions("approve", fraud=True)[0]
    world.observe(decision)
    due_ms = world._waiting[0][0]
    assert world.due(due_ms - 1) == []
    late = due_ms + 3 * HOUR_MS
    assert [at_ms(signal["event_time"]) for signal in world.due(late)] == [late]
    assert world.due(END) == []


def test_expected_signals_come_at_their_time() -> None:
    when = datetime(2026, 3, 5, tzinfo=UTC)
    signal = {"signal_id": "chargeback-x", "event_time": "2026-03-05T00:00:00.000Z", "kind": "verdict"}
    world = World(BANK, Delays())
    world.expect([signal])
    assert world.due(int((when - timedelta(seconds=1)).timestamp() * 1000)) == []
    assert world.due(int(when.timestamp() * 1000)) == [signal]
    again = World(BANK, Delays(), told=["chargeback-x"])
    again.expect([signal])
    assert again.waiting == 0
