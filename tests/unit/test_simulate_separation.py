"""No single obvious quantity may separate fraud; together they must say something. Quick looks, in numpy."""

from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score

from pipelines.simulate.bank import Bank
from pipelines.simulate.payments import CARD_PRESENT, DAY_MS, GENUINE, HOUR_MS, NOWHERE, Payments, together

Numbers = NDArray[np.float64]
Keys = NDArray[np.int64]
_SPAN = 1 << 40
_LABEL_DELAY = 7 * DAY_MS


@pytest.fixture(scope="module", params=[7, 23])
def payments(request: pytest.FixtureRequest) -> Payments:
    bank = Bank(request.param, 1_000, 2.0, datetime(2026, 3, 1, tzinfo=UTC))
    return together([bank.day(day) for day in range(60)])


@pytest.fixture(scope="module")
def columns(payments: Payments) -> dict[str, Numbers]:
    return quantities(payments)


def test_no_single_quantity_separates_fraud(payments: Payments, columns: dict[str, Numbers]) -> None:
    settled = payments.at_ms >= 14 * DAY_MS
    areas = {name: auc(is_fraud(payments)[settled], column[settled]) for name, column in columns.items()}
    assert max(areas.values()) < 0.9, areas


def test_all_together_say_something(payments: Payments, columns: dict[str, Numbers]) -> None:
    inputs, truth = np.column_stack([*columns.values(), payments.channel, payments.entry]), is_fraud(payments)
    tenth = np.arange(len(truth)) % 10 == 0
    early, late = (payments.at_ms < 40 * DAY_MS) & (truth | tenth), payments.at_ms >= 47 * DAY_MS
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, random_state=0)
    scores = model.fit(inputs[early], truth[early]).predict_proba(inputs[late])[:, 1]
    assert average_precision_score(truth[late], scores) > 20 * truth.mean()


def test_the_measure_sees_a_perfect_quantity() -> None:
    truth = np.array([False, True, False, True])
    assert auc(truth, truth.astype(np.float64)) == 1.0
    assert auc(truth, -truth.astype(np.float64)) == 1.0
    assert auc(truth, np.zeros(4)) == 0.5


def is_fraud(payments: Payments) -> NDArray[np.bool_]:
    """The truth."""
    return np.asarray(payments.origin >= len(GENUINE))


def quantities(payments: Payments) -> dict[str, Numbers]:
    """One column a quantity, for payments in event-time order; none looks at later payments of its card."""
    card, merchant, at, amount = payments.card, payments.merchant, payments.at_ms, payments.amount.astype(np.float64)
    past = _before(card, at, np.ones(len(card)))
    mean = _before(card, at, amount) / np.maximum(past, 1)
    mean = np.where(past > 0, mean, amount)
    spread = np.sqrt(np.maximum(_before(card, at, amount**2) / np.maximum(past, 1) - mean**2, 0))
    km_home = _km(payments.latitude, payments.longitude, *_homes(payments))
    km_last, hours = _last_step(payments)
    device = np.unique(payments.device, return_inverse=True)[1]
    shop_mean = _before(merchant, at, amount) / np.maximum(_before(merchant, at, np.ones(len(card))), 1)
    frauds, sales = (
        _known(merchant, at, is_fraud(payments).astype(np.float64)),
        _known(merchant, at, np.ones(len(card))),
    )
    return {
        "amount": amount,
        "ratio to the card's mean": amount / mean,
        "deviation from the card's mean": (amount - mean) / np.maximum(spread, 0.1 * mean),
        "ratio to the merchant's mean": amount / np.maximum(shop_mean, 1),
        "distance from home": km_home,
        "distance from the last place": km_last,
        "speed": km_last / np.maximum(hours, 1 / 60),
        "hour": at % DAY_MS / HOUR_MS,
        "online": (payments.channel != CARD_PRESENT).astype(np.float64),
        "time since the last payment": -hours,
        "payments in an hour": _window(card, at, np.ones(len(card)), HOUR_MS),
        "payments in a day": _window(card, at, np.ones(len(card)), DAY_MS),
        "spent in an hour": _window(card, at, amount, HOUR_MS),
        "spent in a day": _window(card, at, amount, DAY_MS),
        "new merchant": _first(card, merchant),
        "new device": _first(card, payments.device) * (payments.device != NOWHERE),
        "cards of the device": _cards_of_device(payments),
        "age of the device": _age(device, at) * (payments.device != NOWHERE),
        "payments of the device in a day": _window(device, at, np.ones(len(card)), DAY_MS)
        * (payments.device != NOWHERE),
        "merchant's known fraud share": frauds / np.maximum(sales, 1),
        "merchant's payments in an hour": _window(merchant, at, np.ones(len(card)), HOUR_MS),
        "card's known frauds": _known(card, at, is_fraud(payments).astype(np.float64)),
    }


def auc(truth: NDArray[np.bool_], score: Numbers) -> float:
    """Area under the ROC curve in the better direction, ties counted half."""
    score = np.nan_to_num(score, nan=float(np.nanmedian(score)))
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[group]
    positive = int(truth.sum())
    area = (rank[truth].sum() - positive * (positive + 1) / 2) / (positive * (len(truth) - positive))
    return float(max(area, 1 - area))


def _sums(key: Keys, at: Keys, value: Numbers) -> tuple[Keys, Numbers]:
    order = np.argsort(key * _SPAN + at, kind="stable")
    return (key * _SPAN + at)[order], np.concatenate(([0.0], np.cumsum(value[order])))


def _window(key: Keys, at: Keys, value: Numbers, span: int) -> Numbers:
    """Sum over earlier payments of the same key less than `span` ms ago."""
    places, total = _sums(key, at, value)
    upto, since = (
        np.searchsorted(places, key * _SPAN + at),
        np.searchsorted(places, np.maximum(key * _SPAN + at - span, key * _SPAN)),
    )
    return np.asarray(total[upto] - total[since])


def _before(key: Keys, at: Keys, value: Numbers) -> Numbers:
    return _window(key, at, value, _SPAN)


def _known(key: Keys, at: Keys, value: Numbers) -> Numbers:
    """Sum over payments of the same key that are older than the label delay."""
    places, total = _sums(key, at, value)
    floor = key * _SPAN
    return np.asarray(
        total[np.searchsorted(places, np.maximum(floor + at - _LABEL_DELAY, floor))]
        - total[np.searchsorted(places, floor)]
    )


def _first(key: Keys, other: Keys) -> Numbers:
    pair = key * (1 << 20) + np.unique(other, return_inverse=True)[1]
    first = np.zeros(len(key))
    first[np.unique(pair, return_index=True)[1]] = 1
    return first


def _age(key: Keys, at: Keys) -> Numbers:
    """Time since the first payment of the same key."""
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return np.asarray((at - at[first][group]).astype(np.float64))


def _homes(payments: Payments) -> tuple[Numbers, Numbers]:
    """Median place of each card."""
    north, east = np.zeros(payments.card.max() + 1), np.zeros(payments.card.max() + 1)
    for card in np.unique(payments.card):
        own = payments.card == card
        north[card], east[card] = np.nanmedian(payments.latitude[own]), np.nanmedian(payments.longitude[own])
    return north[payments.card], east[payments.card]


def _last_step(payments: Payments) -> tuple[Numbers, Numbers]:
    """Kilometres and hours since the card's previous payment."""
    order = np.lexsort((payments.at_ms, payments.card))
    same = payments.card[order][1:] == payments.card[order][:-1]
    north, east, at = payments.latitude[order], payments.longitude[order], payments.at_ms[order]
    km, hours = np.full(len(order), np.nan), np.full(len(order), 24.0 * 30)
    km[order[1:]] = np.where(same, _km(north[1:], east[1:], north[:-1], east[:-1]), np.nan)
    hours[order[1:]] = np.where(same, (at[1:] - at[:-1]) / HOUR_MS, 24.0 * 30)
    return km, hours


def _cards_of_device(payments: Payments) -> Numbers:
    device = np.unique(payments.device, return_inverse=True)[1]
    new = _first(device, payments.card)
    return np.asarray((_before(device, payments.at_ms, new) + new) * (payments.device != NOWHERE))


def _km(north: Numbers, east: Numbers, other_north: Numbers, other_east: Numbers) -> Numbers:
    high = np.sin(np.radians(north - other_north) / 2) ** 2
    wide = np.sin(np.radians(east - other_east) / 2) ** 2
    return np.asarray(
        12_742 * np.arcsin(np.sqrt(high + np.cos(np.radians(north)) * np.cos(np.radians(other_north)) * wide))
    )
