"""The card: how fast it pays, how far this payment is from its own past, where it was, what was found out about it.

The past of a payment is what lies before it in (event time, id); the payment itself is not in it.
"""

from typing import Final

from pipelines.features.spec import (
    DAY,
    HOUR,
    MINUTE,
    Entity,
    Feature,
    State,
    View,
    km,
    last,
    latest_listing,
    listed,
    once,
    place,
    total,
    within,
)

KEPT: Final = 64
SMALL: Final = 5
"""Major units below which a payment looks like the test of a stolen card."""
OUTLIER: Final = 2.5
"""Times the usual amount from which a payment of the card counts as an outlier."""

STATES: Final = (
    State(
        "card_payments",
        f"The last {KEPT} payments",
        last(
            KEPT,
            "event_ms as at, payment as id, amount as amount, merchant as merchant, device as device, "
            "habit as habit, latitude as latitude, longitude as longitude",
            "event_ms",
            "kind = 'transaction'",
        ),
    ),
    State(
        "card_verdicts",
        "The last 16 verdicts",
        last(16, "transaction_ms as at, payment as id, verdict = 'fraud' as fraud", "event_ms", "kind = 'verdict'"),
    ),
    State("card_listing", "The latest listing of the card", latest_listing("card_id")),
    State("card_first_ms", "When the card was first seen", "min(event_ms) filter (where kind = 'transaction')"),
)

VIEWS: Final = (
    View("card_kept", "Payments kept, each once", once("coalesce(card_payments, array())")),
    View(
        "card_past",
        "Payments before this one, latest first",
        f"filter(card_kept, x -> x.id <> payment and {place('x.at', 'x.id')} < place)",
    ),
    View("card_30d", "Past 30 days", within("card_past", 30 * DAY)),
    View("card_14d", "Past 14 days", within("card_30d", 14 * DAY)),
    View("card_7d", "Past 7 days", within("card_14d", 7 * DAY)),
    View("card_1d", "Past day", within("card_7d", DAY)),
    View("card_1h", "Past hour", within("card_1d", HOUR)),
    View("card_mean", "Mean amount of the past", f"{total('card_past.amount')} / size(card_past)"),
    View("card_ordinary", "Past amounts but outliers", f"filter(card_past.amount, x -> x <= {OUTLIER}D * card_mean)"),
    View(
        "card_spread",
        "Standard deviation of ordinary amounts",
        "sqrt(aggregate(card_ordinary, 0D, (a, x) -> a + (x - card_usual) * (x - card_usual)) / size(card_ordinary))",
    ),
    View("card_ratios", "Past 14 days against the usual", "transform(card_14d.amount, x -> x / card_usual)"),
    View("card_latitudes", "Past latitudes, sorted", "sort_array(array_compact(card_past.latitude))"),
    View("card_longitudes", "Past longitudes, sorted", "sort_array(array_compact(card_past.longitude))"),
    View("card_home_latitude", "Median latitude", "get(card_latitudes, int(size(card_latitudes) / 2))"),
    View("card_home_longitude", "Median longitude", "get(card_longitudes, int(size(card_longitudes) / 2))"),
    View("card_place", "Latest past payment with a place", "get(filter(card_past, x -> x.latitude is not null), 0)"),
    View("card_judged", "Verdicts, the latest of each payment", once("coalesce(card_verdicts, array())")),
    View("card_frauds", "Payments known as fraud", "filter(card_judged, x -> x.fraud)"),
)

PAYMENT: Final = (
    Feature("amount", "major units", "Amount of the payment", "amount"),
    Feature("hour", "hours UTC", "Time of day", f"pmod(as_of, {DAY}) / {HOUR}D"),
    Feature("weekend", "0 or 1", "Saturday or Sunday, UTC", f"double(pmod(floor(as_of / {DAY}) + 3, 7) >= 5)"),
    Feature("is_online", "0 or 1", "Paid online", "double(channel = 'online')"),
    Feature("is_atm", "0 or 1", "Cash from a machine", "double(channel = 'atm')"),
)

VELOCITY: Final = (
    Feature("card_n_5m", "payments", "In the past 5 minutes", f"double(size({within('card_1h', 5 * MINUTE)}))"),
    *(
        Feature(f"card_n_{span}", "payments", f"In the past {words}", f"double(size(card_{span}))")
        for span, words in (("1h", "hour"), ("1d", "day"), ("7d", "7 days"), ("30d", f"30 days, at most {KEPT}"))
    ),
    *(
        Feature(f"card_sum_{span}", "major units", f"Spent in the past {words}", total(f"card_{span}.amount"))
        for span, words in (("1h", "hour"), ("1d", "day"), ("7d", "7 days"))
    ),
    Feature("card_max_7d", "major units", "Largest payment of the past 7 days", "array_max(card_7d.amount)"),
    *(
        Feature(
            f"card_merchants_{span}",
            "merchants",
            f"Different merchants in the past {words}, this one included",
            f"double(size(array_distinct(array_append(card_{span}.merchant, merchant))))",
            1.0,
        )
        for span, words in (("1h", "hour"), ("1d", "day"))
    ),
    Feature(
        "card_small_1h",
        "payments",
        f"Payments below {SMALL} major units in the past hour",
        f"double(size(filter(card_1h.amount, x -> x < {SMALL}D)))",
    ),
    Feature(
        "card_since_min", "minutes", "Since the previous payment", f"(as_of - get(card_past, 0).at) / {MINUTE}D", 1e6
    ),
)

DEVIATION: Final = (
    Feature(
        "card_usual", "major units", "Robust mean of past amounts", f"{total('card_ordinary')} / size(card_ordinary)"
    ),
    Feature(
        "card_ratio", "ratio", "Amount against the usual amount", "coalesce(amount_ratio, amount / card_usual)", 1.0
    ),
    Feature(
        "card_z",
        "standard deviations",
        "Amount against the usual amount",
        "(amount - card_usual) / greatest(card_spread, 0.1D * card_usual)",
    ),
    Feature(
        "card_max_ratio", "ratio", "Amount against the largest past amount", "amount / array_max(card_past.amount)", 1.0
    ),
    *(
        Feature(
            f"card_outliers_{days}d",
            "payments",
            f"Payments above {OUTLIER} times the usual amount in the past {days} days",
            f"double(size(filter(card_{days}d.amount, x -> x > {OUTLIER}D * card_usual)))"
            if days != 3
            else f"double(size(filter(card_7d, x -> x.at > as_of - {3 * DAY} and x.amount > {OUTLIER}D * card_usual)))",
        )
        for days in (1, 3, 7, 14)
    ),
    Feature(
        "card_peak_14d", "ratio", "Largest ratio to the usual amount in the past 14 days", "array_max(card_ratios)", 1.0
    ),
)

PLACE: Final = (
    Feature(
        "card_km_home",
        "km",
        "From the card's usual place",
        km("latitude", "longitude", "card_home_latitude", "card_home_longitude"),
    ),
    Feature(
        "card_km_last",
        "km",
        "From the latest known place",
        km("latitude", "longitude", "card_place.latitude", "card_place.longitude"),
    ),
    Feature(
        "card_kmh",
        "km/h",
        "Speed since the latest known place",
        f"card_km_last / greatest((as_of - card_place.at) / {HOUR}D, 1D / 60)",
    ),
)

HABIT: Final = (
    Feature(
        "card_hour_share",
        "share",
        "Past payments within 3 hours of this time of day",
        f"size(filter(card_past.at, x -> abs(pmod(x - as_of + {12 * HOUR}, {DAY}) - {12 * HOUR}) <= {3 * HOUR}))"
        " / size(card_past)",
        0.25,
    ),
    Feature(
        "card_habit_share",
        "share",
        "Past payments of this channel and category",
        "size(filter(card_past.habit, x -> x = habit)) / size(card_past)",
        0.5,
    ),
    Feature(
        "card_new_merchant", "0 or 1", "Never paid here", "double(not array_contains(card_past.merchant, merchant))"
    ),
    Feature(
        "card_new_device",
        "0 or 1",
        "Device never used with this card",
        "double(not array_contains(card_past.device, device))",
    ),
    Feature("card_age_days", "days", "Since the card was first seen", f"greatest(as_of - card_first_ms, 0L) / {DAY}D"),
)

KNOWN: Final = (
    Feature("card_frauds_known", "payments", "Known as fraud, of the last 16 verdicts", "double(size(card_frauds))"),
    Feature(
        "card_since_fraud_days",
        "days",
        "Since the latest payment known as fraud",
        f"(as_of - array_max(card_frauds.at)) / {DAY}D",
        999.0,
    ),
    Feature(
        "card_genuine_known",
        "payments",
        "Confirmed as genuine, of the last 16 verdicts",
        "double(size(card_judged) - size(card_frauds))",
    ),
    Feature("card_listed", "-1, 0 or 1", "Allowed, neither or denied", listed("card_listing")),
)

CARD: Final = Entity(
    name="card",
    key="coalesce(card_id, concat('merchant:', merchant_id), concat('device:', device_id), event_id)",
    states=STATES,
    views=VIEWS,
    features=(*PAYMENT, *VELOCITY, *DEVIATION, *PLACE, *HABIT, *KNOWN),
)
