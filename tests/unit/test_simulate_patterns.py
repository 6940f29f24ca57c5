"""Each fraud pattern and each occasion that only looks like one leaves the marks it is named after."""

from datetime import UTC, datetime

import numpy as np
import pytest

from pipelines.simulate.bank import Bank
from pipelines.simulate.payments import (
    DAY_MS,
    FRAUDULENT,
    GENUINE,
    HOUR_MS,
    NOWHERE,
    ONLINE,
    ORIGINS,
    Payments,
    together,
)
from pipelines.simulate.places import HOME, LATITUDE
from pipelines.simulate.trade import CATEGORIES, GOODS

BANK = Bank(7, 1_000, 2.0, datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def payments() -> Payments:
    return together([BANK.day(day) for day in range(60)])


def of(payments: Payments, name: str) -> Payments:
    return payments.take(payments.origin == ORIGINS.index(name))


def genuine(payments: Payments) -> Payments:
    return payments.take(payments.origin < len(GENUINE))


def sizes(keys: np.ndarray) -> np.ndarray:
    return np.unique(keys, return_counts=True)[1]


def cities(payments: Payments) -> np.ndarray:
    return BANK.population.merchants.city[payments.merchant]


def categories(payments: Payments) -> set[str]:
    return {CATEGORIES[one].name for one in BANK.population.merchants.category[payments.merchant]}


@pytest.mark.parametrize("name", FRAUDULENT)
def test_every_pattern_has_a_fair_share(payments: Payments, name: str) -> None:
    frauds = len(payments.frauds)
    assert 0.05 < len(of(payments, name)) / frauds < 0.35


@pytest.mark.parametrize("name", GENUINE)
def test_every_genuine_occasion_happens(payments: Payments, name: str) -> None:
    assert len(of(payments, name)) > 200


def test_a_stolen_card_is_used_several_times_within_hours_without_a_device(payments: Payments) -> None:
    stolen = of(payments, "stolen_card")
    assert np.median(sizes(stolen.card * 100 + stolen.at_ms // (2 * DAY_MS))) >= 4
    assert set(stolen.device) == {NOWHERE}
    assert ONLINE not in stolen.channel


def test_far_from_home_is_dear_and_mostly_abroad(payments: Payments) -> None:
    far = of(payments, "far_from_home")
    assert categories(far) <= set(GOODS)
    assert np.mean(cities(far) >= len(HOME)) > 0.6
    assert np.median(far.amount) > 4 * np.median(genuine(payments).amount)


def test_card_testing_is_many_small_online_payments_in_short_time(payments: Payments) -> None:
    tests = of(payments, "card_testing")
    small = tests.take(tests.amount <= 1_500)
    assert len(small) > 0.8 * len(tests)
    assert set(tests.channel) == {ONLINE}
    bursts = sizes(small.card * 100_000 + small.at_ms // HOUR_MS)
    assert np.median(bursts) >= 3
    known = small.take(small.device != NOWHERE)
    assert max(len(set(known.card[known.device == device])) for device in set(known.device)) >= 2


def test_a_compromised_merchant_has_many_frauds_at_usual_amounts_for_weeks(payments: Payments) -> None:
    frauds = of(payments, "compromised_merchant")
    merchant = np.bincount(frauds.merchant).argmax()
    own = frauds.take(frauds.merchant == merchant)
    assert len(own) >= 10
    assert len(set(own.card)) >= 8
    assert 7 * DAY_MS < np.ptp(own.at_ms) < 22 * DAY_MS
    assert 0.3 < np.median(frauds.amount) / np.median(genuine(payments).amount) < 3


def test_a_taken_over_account_pays_online_on_a_device_the_card_never_had(payments: Payments) -> None:
    taken, rest = of(payments, "account_takeover"), genuine(payments)
    assert set(taken.channel) == {ONLINE}
    used = set(zip(rest.card.tolist(), rest.device.tolist(), strict=True))
    assert not used & set(zip(taken.card.tolist(), taken.device.tolist(), strict=True))
    assert NOWHERE not in taken.device


def test_low_and_slow_lasts_for_weeks_and_stays_small(payments: Payments) -> None:
    slow = of(payments, "low_and_slow")
    longest = max(np.ptp(slow.at_ms[slow.card == card]) for card in set(slow.card))
    assert longest > 10 * DAY_MS
    assert np.median(slow.amount) < np.median(genuine(payments).amount)
    assert max(sizes(slow.card * 100 + slow.at_ms // DAY_MS)) <= 4


def test_travellers_are_abroad_for_days(payments: Payments) -> None:
    there = of(payments, "travel")
    paid_there = there.take(there.channel != ONLINE)
    assert np.all(cities(paid_there) >= len(HOME))
    days = [len(set(there.at_ms[there.card == card] // DAY_MS)) for card in set(there.card)]
    assert np.median(days) >= 3


def test_big_purchases_are_genuine_and_big(payments: Payments) -> None:
    assert np.median(of(payments, "big_purchase").amount) > 5 * np.median(genuine(payments).amount)


def test_some_cards_change_their_phone() -> None:
    cards = BANK.population.cards
    changed = cards.phone(60) - cards.phone(0)
    assert 0.03 < np.mean(changed == 1) < 0.25
    assert set(changed) <= {0, 1}


def test_families_share_a_device(payments: Payments) -> None:
    online = genuine(payments).take(genuine(payments).device != NOWHERE)
    shared = [device for device in set(online.device) if len(set(online.card[online.device == device])) > 1]
    assert len(shared) > 30
    for device in shared:
        assert len(set(BANK.population.cards.household[online.card[online.device == device]])) == 1


def test_a_shopping_day_is_many_purchases_in_hours(payments: Payments) -> None:
    shopping = of(payments, "shopping_day")
    assert np.median(sizes(shopping.card * 100 + shopping.at_ms // DAY_MS)) >= 4


def test_cards_pay_at_home_and_come_back_to_their_favourites(payments: Payments) -> None:
    habit = of(payments, "habit")
    there = habit.take(habit.channel != ONLINE)
    assert np.mean(cities(there) == BANK.population.cards.city[there.card]) == 1.0
    favourites = BANK.population.cards.favourites[there.card]
    assert np.mean((favourites == there.merchant[:, None]).any(axis=1)) > 0.5


def test_popularity_has_a_heavy_tail(payments: Payments) -> None:
    sales = np.sort(np.bincount(payments.merchant, minlength=len(BANK.population.merchants)))[::-1]
    assert sales[: len(sales) // 100].sum() > 0.08 * sales.sum()
    assert np.median(sales) < np.mean(sales)


def test_places_are_on_the_map(payments: Payments) -> None:
    known = payments.latitude[~np.isnan(payments.latitude)]
    assert known.min() > LATITUDE.min() - 1
    assert known.max() < LATITUDE.max() + 1
    assert 0.5 < len(known) / len(payments) < 0.98
