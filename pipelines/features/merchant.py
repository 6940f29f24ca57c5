"""The merchant: how much it sells, how unusual this amount is there, which of its payments turned out to be fraud.

A payment counts as genuine once it is older than the label delay without a fraud verdict: chargeback feeds send only frauds.
A known fraud is *unexplained* when its amount was neither unusual for its card nor for the merchant: then the place is the
suspect. Horizons start at the label delay, where outcomes are known: a verdict that came early counts as fresh, or shares
would set frauds against genuine payments that nobody has had the time to confirm. A payment is known by its place (time and
id) here: sent again with another time, it counts as another one.
"""

from typing import Final

from pipelines.features.spec import (
    DAY,
    HOUR,
    LABEL_DELAY,
    Entity,
    Feature,
    State,
    View,
    decayed,
    faded,
    last,
    last_places,
    latest_listing,
    listed,
    once,
    start,
    time,
)

KEPT: Final = 96
TAU: Final = 30 * DAY
UNUSUAL: Final = 3
"""Times the card's usual amount, or standard deviations at the merchant, from which an amount explains a fraud by itself."""
HORIZONS: Final = (1, 7, 28)
"""Days of payments with a known outcome that a share looks at."""

_payment = "kind = 'transaction'"


def _since(places: str, span: int) -> str:
    """Places of payments less than `span` milliseconds before the present one."""
    return f"filter({places}, x -> x >= {start(f'as_of + 1 - {span}')})"


def _count(places: str, days: int) -> str:
    return f"double(size({_since(places, LABEL_DELAY + days * DAY)}))"


STATES: Final = (
    State(
        "merchant_payments",
        f"The last {KEPT} payments",
        last_places(KEPT, _payment),
    ),
    State(
        "merchant_verdicts",
        "The last 48 verdicts",
        last(
            48,
            "transaction_ms as at, place as id, amount as amount, card_ratio as ratio, verdict = 'fraud' as fraud",
            "event_ms",
            "kind = 'verdict'",
        ),
    ),
    State("merchant_listing", "The latest listing", latest_listing("merchant_id")),
    State("merchant_w", "Payments, decayed over 30 days", decayed("1D", "event_ms", TAU, _payment)),
    State("merchant_wx", "Amounts, decayed over 30 days", decayed("amount", "event_ms", TAU, _payment)),
    State(
        "merchant_wxx", "Squared amounts, decayed over 30 days", decayed("amount * amount", "event_ms", TAU, _payment)
    ),
    State(
        "merchant_wf",
        "Frauds known, decayed over 30 days by the time of the payment",
        decayed("1D", "transaction_ms", TAU, "kind = 'verdict' and verdict = 'fraud'"),
    ),
)

VIEWS: Final = (
    View(
        "merchant_past",
        "Places of payments before this one, latest first, each once",
        "filter(coalesce(merchant_payments, array()), (x, i) -> x <> place and not (x <=> get(merchant_payments, i + 1))"
        f" and x < {start('as_of + 1')})",
    ),
    View("merchant_judged", "Verdicts, the latest of each payment", once("coalesce(merchant_verdicts, array())")),
    View("merchant_known", "Payments known as fraud", "filter(merchant_judged, x -> x.fraud and x.at <= as_of)"),
    View(
        "merchant_frauds",
        "Known frauds from the time whose outcomes are known",
        f"filter(merchant_known, x -> x.at <= as_of - {LABEL_DELAY})",
    ),
    View("merchant_mean", "Mean amount", "merchant_wx / merchant_w"),
    View(
        "merchant_sd",
        "Standard deviation of amounts",
        "sqrt(greatest(merchant_wxx / merchant_w - merchant_mean * merchant_mean, 0D))",
    ),
    View(
        "merchant_unexplained",
        "Known frauds that their amount does not explain",
        f"filter(merchant_frauds, x -> coalesce(x.ratio, 1D) <= {UNUSUAL}D"
        f" and x.amount <= merchant_mean + {UNUSUAL}D * merchant_sd)",
    ),
    # a busy merchant's kept payments end within the label delay: frauds beyond them have nothing to be set against
    View(
        "merchant_reach",
        f"Place of the earliest kept payment, null with fewer than {KEPT}",
        f"get(merchant_payments, {KEPT - 1})",
    ),
    *(
        View(
            f"merchant_{frauds}_kept",
            "Places of those within the reach of the kept payments",
            f"filter(merchant_{frauds}.id, x -> coalesce(x >= merchant_reach, true))",
        )
        for frauds in ("frauds", "unexplained")
    ),
    View(
        "merchant_matured",
        "Places of payments with a known outcome",
        f"filter(merchant_past, x -> x < {start(f'as_of + 1 - {LABEL_DELAY}')})",
    ),
    *(
        View(f"merchant_matured_{days}d", f"How many of these, {days} days long", _count("merchant_matured", days))
        for days in HORIZONS[:-1]
    ),
    View(
        "merchant_genuine_ms",
        "Latest payment that matured without a fraud verdict",
        time("get(filter(merchant_matured, x -> not array_contains(merchant_frauds.id, x)), 0)"),
    ),
)

VOLUME: Final = (
    Feature("merchant_n_1h", "payments", "In the past hour", f"double(size({_since('merchant_past', HOUR)}))"),
    Feature(
        "merchant_n_7d",
        "payments",
        f"In the past 7 days, at most {KEPT}",
        f"double(size({_since('merchant_past', 7 * DAY)}))",
    ),
    Feature("merchant_volume", "payments", "Decayed over 30 days, no bound", faded("merchant_w", TAU)),
    Feature(
        "merchant_z",
        "standard deviations",
        "Amount against the merchant's mean",
        "(amount - merchant_mean) / greatest(merchant_sd, 0.1D * merchant_mean)",
    ),
    Feature("merchant_cheap", "ratio", "Mean amount of the merchant", "merchant_mean"),
)

RISK: Final = (
    Feature(
        f"merchant_matured_{HORIZONS[-1]}d",
        "payments",
        f"With a known outcome, {HORIZONS[-1]} days long",
        _count("merchant_matured", HORIZONS[-1]),
    ),
    *(
        Feature(
            f"merchant_unexplained_{days}d",
            "payments",
            f"Unexplained frauds, {days} days long",
            _count("merchant_unexplained.id", days),
        )
        for days in HORIZONS
    ),
    *(
        Feature(
            f"merchant_unexplained_share_{days}d",
            "share",
            f"Unexplained frauds of payments with a known outcome, {days} days long",
            f"{_count('merchant_unexplained_kept', days)} / greatest(merchant_matured_{days}d, 1D)",
        )
        for days in HORIZONS
    ),
    *(
        Feature(
            f"merchant_fraud_share_{days}d",
            "share",
            f"Frauds of payments with a known outcome, {days} days long",
            f"{_count('merchant_frauds_kept', days)} / greatest(merchant_matured_{days}d, 1D)",
        )
        for days in HORIZONS
    ),
    Feature(
        "merchant_run",
        "payments",
        "Unexplained frauds since the latest genuine payment",
        f"double(size(filter(merchant_unexplained_kept, x -> {time('x')} > coalesce(merchant_genuine_ms, 0))))",
    ),
    *(
        Feature(
            f"merchant_since_{what}_days", "days", f"Since the latest {words}", f"(as_of - {latest}) / {DAY}D", 999.0
        )
        for what, words, latest in (
            ("unexplained", "unexplained fraud", "array_max(merchant_unexplained.at)"),
            ("fraud", "known fraud", "array_max(merchant_frauds.at)"),
            ("genuine", "payment known as genuine", "merchant_genuine_ms"),
        )
    ),
    Feature(
        "merchant_fresh_frauds",
        "payments",
        "Known as fraud already, younger than the label delay",
        "double(size(merchant_known) - size(merchant_frauds))",
    ),
    Feature(
        "merchant_fraud_rate",
        "share",
        "Known frauds of payments, both decayed over 30 days, no bound",
        "merchant_wf / merchant_w",
    ),
    Feature("merchant_listed", "-1, 0 or 1", "Allowed, neither or denied", listed("merchant_listing")),
)

MERCHANT: Final = Entity(
    name="merchant",
    key="coalesce(merchant_id, concat('card:', card_id), concat('device:', device_id), event_id)",
    states=STATES,
    views=VIEWS,
    features=(*VOLUME, *RISK),
)
