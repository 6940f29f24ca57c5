"""All rules. To add one, add it here; the policy can then switch it, set its limits and its action."""

from typing import Final

from pipelines.rules.spec import NOTE, Rule

MONEY: Final = "concat(format_number(amount, 2), ' ', currency)"

RULES: Final = (
    Rule(
        name="denied_entity",
        doc="Card, merchant or device is on the deny list",
        condition="greatest(card_listed, merchant_listed, device_listed) > 0",
        action="decline",
        reason="the %s is on the deny list",
        shows=("case when card_listed > 0 then 'card' when merchant_listed > 0 then 'merchant' else 'device' end",),
    ),
    Rule(
        name="allowed_entity",
        doc="Card, merchant or device is on the allow list, none on the deny list",
        condition="least(card_listed, merchant_listed, device_listed) < 0"
        " and greatest(card_listed, merchant_listed, device_listed) <= 0",
        action="approve",
        reason="the %s is on the allow list",
        shows=("case when card_listed < 0 then 'card' when merchant_listed < 0 then 'merchant' else 'device' end",),
    ),
    Rule(
        name="high_value_far_from_home",
        doc="A large amount, unusual for the card, far from its usual place",
        condition="amount >= {amount} and card_ratio >= {ratio} and card_km_home >= {km}",
        action="hold",
        reason="%s is %.1f times the card's usual amount, %.0f km from its usual place",
        shows=(MONEY, "card_ratio", "card_km_home"),
        limits={"amount": 300, "ratio": 4, "km": 300},
    ),
    Rule(
        name="rapid_purchases",
        doc="Many payments at different merchants within the hour",
        condition="card_n_1h >= {payments} and card_merchants_1h >= {merchants}",
        action="challenge",
        reason="%.0f payments at %.0f merchants within an hour",
        shows=("card_n_1h + 1", "card_merchants_1h"),
        limits={"payments": 5, "merchants": 5},
    ),
    Rule(
        name="impossible_speed",
        doc="Two places that nobody reaches in the time between",
        condition="channel <> 'online' and card_kmh >= {kmh} and card_km_last >= {km}",
        action="hold",
        reason="%.0f km from the latest payment, which means %.0f km/h",
        shows=("card_km_last", "card_kmh"),
        limits={"kmh": 1000, "km": 150},
    ),
    Rule(
        name="card_testing",
        doc="A row of small online payments, as when stolen cards are tried out",
        condition="channel = 'online' and card_small_1h >= {payments}",
        action="decline",
        reason="%.0f small payments within an hour, as when a stolen card is tried out",
        shows=("card_small_1h",),
        limits={"payments": 4},
    ),
    Rule(
        name="merchant_run_of_fraud",
        doc="The latest payments with a known outcome at this merchant were fraud",
        condition="merchant_run >= {frauds}",
        action="challenge",
        reason="the last %.0f payments here with a known outcome were fraud that their amounts do not explain",
        shows=("merchant_run",),
        limits={"frauds": 3},
    ),
    Rule(
        name="unusual_amount",
        doc="The amount against the card's usual one",
        condition="card_ratio >= {ratio}",
        action=NOTE,
        reason="%s is %.1f times the card's usual amount",
        shows=(MONEY, "card_ratio"),
        limits={"ratio": 3},
    ),
    Rule(
        name="new_device",
        doc="A device this card never used",
        condition="card_new_device > 0 and card_n_30d >= {payments}",
        action=NOTE,
        reason="first payment of this card on this device",
        limits={"payments": 5},
    ),
    Rule(
        name="known_frauds_of_card",
        doc="Payments of this card turned out to be fraud",
        condition="card_frauds_known >= 1",
        action=NOTE,
        reason="%.0f earlier payments of this card are known as fraud, the latest %.1f days ago",
        shows=("card_frauds_known", "card_since_fraud_days"),
    ),
    Rule(
        name="known_frauds_of_merchant",
        doc="Payments at this merchant turned out to be fraud",
        condition="merchant_fraud_share_28d >= {share} and merchant_matured_28d >= 5",
        action=NOTE,
        reason="%.0f%% of the payments here with a known outcome were fraud",
        shows=("100 * merchant_fraud_share_28d",),
        limits={"share": 0.1},
    ),
    Rule(
        name="far_from_home",
        doc="Far from the card's usual place",
        condition="card_km_home >= {km}",
        action=NOTE,
        reason="%.0f km from the card's usual place",
        shows=("card_km_home",),
        limits={"km": 300},
    ),
    Rule(
        name="shared_device",
        doc="One device, many cards",
        condition="device_cards >= {cards}",
        action=NOTE,
        reason="%.0f cards were used on this device",
        shows=("device_cards",),
        limits={"cards": 4},
    ),
)
