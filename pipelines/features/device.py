"""The device: which cards it was used with and what was found out about them."""

from typing import Final

from pipelines.features.spec import DAY, HOUR, Entity, Feature, State, View, last, latest_listing, listed, once, within

DEVICE: Final = Entity(
    name="device",
    # a payment without a device must not share one giant null key
    key="coalesce(device_id, concat('card:', card_id), concat('merchant:', merchant_id), event_id)",
    states=(
        State(
            "device_payments",
            "The last 24 payments",
            last(
                24,
                "event_ms as at, payment as id, card as card",
                "event_ms",
                "kind = 'transaction' and device_id is not null",
            ),
        ),
        State(
            "device_verdicts",
            "The last 8 verdicts",
            last(
                8,
                "transaction_ms as at, payment as id, verdict = 'fraud' as fraud",
                "event_ms",
                "kind = 'verdict' and device_id is not null",
            ),
        ),
        State("device_listing", "The latest listing", latest_listing("device_id")),
        State(
            "device_first_ms",
            "When it was first seen",
            "min(event_ms) filter (where kind = 'transaction' and device_id is not null)",
        ),
    ),
    views=(
        View("device_kept", "Payments kept, each once", once("coalesce(device_payments, array())")),
        View("device_past", "Payments before this one", "filter(device_kept, x -> x.id <> payment and x.at <= as_of)"),
        View("device_judged", "Verdicts, the latest of each payment", once("coalesce(device_verdicts, array())")),
    ),
    features=(
        Feature("device_n_1h", "payments", "In the past hour", f"double(size({within('device_past', HOUR)}))"),
        Feature(
            "device_cards",
            "cards",
            "Different cards among its last 24 payments, this one included",
            "if(device_id is null, null, double(size(array_distinct(array_append(device_past.card, card)))))",
            1.0,
        ),
        Feature(
            "device_age_days", "days", "Since it was first seen", f"greatest(as_of - device_first_ms, 0L) / {DAY}D"
        ),
        Feature(
            "device_frauds",
            "payments",
            "Known as fraud, of the last 8 verdicts",
            "double(size(filter(device_judged, x -> x.fraud)))",
        ),
        Feature("device_listed", "-1, 0 or 1", "Allowed, neither or denied", listed("device_listing")),
    ),
)
