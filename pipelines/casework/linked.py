"""What else is known: cards that share a device or merchant with a case, and cases like it that somebody has judged."""

from typing import Final, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from pipelines.casework.tables import Alert, Case

MOST: Final = 8
_LOOKED: Final = 400
"""Latest judged alerts among which similar ones are looked for."""


class Link(NamedTuple):
    """Another card's alert, and what it shares."""

    alert: Alert
    shares: str


class Likeness(NamedTuple):
    """A judged alert, and how much it has in common: rules that fired, channel, size of the amount; 0 to 1."""

    alert: Alert
    share: float


def cards(session: Session, case: Case) -> list[Link]:
    """Alerts of other cards at the same device or merchant, those at the device first, then the latest."""
    devices = {alert.device_id for alert in case.alerts if alert.device_id}
    merchants = {alert.merchant_id for alert in case.alerts}
    found = session.scalars(
        select(Alert)
        .where(
            Alert.card_id != case.card_id,
            or_(Alert.device_id.in_(devices), Alert.merchant_id.in_(merchants)),
        )
        .order_by(Alert.device_id.in_(devices).desc(), Alert.event_ms.desc())
        .limit(MOST)
    )
    return [Link(alert, "device" if alert.device_id in devices else "merchant") for alert in found]


def similar(session: Session, case: Case) -> list[Likeness]:
    """Judged alerts of other cases, the most alike first."""
    (ours, *_) = case.alerts
    judged = session.scalars(
        select(Alert)
        .where(Alert.verdict.is_not(None), or_(Alert.case_id.is_(None), Alert.case_id != case.id))
        .order_by(Alert.decided_ms.desc())
        .limit(_LOOKED)
    )
    scored = sorted((Likeness(each, _alike(ours, each)) for each in judged), key=lambda one: -one.share)
    return [each for each in scored[:MOST] if each.share > 0]


def _alike(one: Alert, other: Alert) -> float:
    """Half for rules in common (Jaccard), a quarter each for the channel and for an amount within a factor of two."""
    rules, others = set(one.decision["rules"]), set(other.decision["rules"])
    common = len(rules & others) / len(rules | others) if rules | others else 0.0
    near = 0.5 <= other.amount_minor / one.amount_minor <= 2
    return 0.5 * common + 0.25 * (one.channel == other.channel) + 0.25 * near
