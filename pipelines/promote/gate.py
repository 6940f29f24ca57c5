"""The gate: whether a challenger may take the champion's place. It refuses unless everything speaks for it. No Spark here."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from scipy.stats import binomtest

from pipelines.config import Gate

Difference = tuple[float, float, float]
"""Challenger less champion: as found, and the 95% interval (low, high)."""


class Shadow(NamedTuple):
    """What the challenger said about live traffic without acting.

    Attributes:
        payments: decided in the shadow, with logged features that could be scored again.
        disagreeing: of these, whose probability offline is another one.
        alerts: share that the challenger would not have approved.
        champion_alerts: share of the same payments that the champion did not approve.
    """

    payments: int
    disagreeing: int
    alerts: float
    champion_alerts: float


class Found(NamedTuple):
    """What was found out about the challenger, on later days that neither model has learned from.

    Attributes:
        frauds: in these days.
        differences: figure -> difference.
        segments: kind and name -> difference in average precision.
        calibration_error: of the challenger.
        calibration_chance: what it would be if every probability were true.
        score_us: microseconds to score a payment on one core.
        shadow: None where there was none.
    """

    frauds: int
    differences: Mapping[str, Difference]
    segments: Mapping[str, Difference]
    calibration_error: float
    calibration_chance: float
    score_us: float
    shadow: Shadow | None


class Check(NamedTuple):
    """One condition: what it is called, whether it holds, and what was found, in words."""

    name: str
    passed: bool
    words: str


def checks(found: Found, gate: Gate) -> list[Check]:
    """Every condition in turn; the challenger may serve if all hold."""
    return [
        Check(
            "enough frauds",
            found.frauds >= gate.frauds,
            f"{found.frauds:,} in the days compared, {gate.frauds:,} wanted",
        ),
        _better("money saved", found.differences.get("money_saved"), ",.2f"),
        _better("average precision", found.differences.get("average_precision"), "+.4f"),
        _segments(found.segments),
        Check(
            "calibrated",
            found.calibration_error - found.calibration_chance <= gate.calibration_error,
            f"calibration error {found.calibration_error:.3f}, {found.calibration_chance:.3f} by chance; "
            f"at most {gate.calibration_error:g} more than that",
        ),
        Check(
            "latency",
            found.score_us <= gate.score_us,
            f"{found.score_us:.1f} us a payment on one core, at most {gate.score_us:g}",
        ),
        *_shadow(found.shadow, gate),
    ]


def _better(name: str, difference: Difference | None, form: str) -> Check:
    if difference is None or any(value != value for value in difference):
        return Check(name, False, "cannot be compared: there is nothing to judge by")
    by, low, high = (format(value, form) for value in difference)
    return Check(name, difference[1] > 0, f"better by {by} (95% interval {low} to {high}; it must lie above 0)")


def _segments(segments: Mapping[str, Difference]) -> Check:
    worse = [f"{name} {by:+.4f} ({low:+.4f} to {high:+.4f})" for name, (by, low, high) in segments.items() if high < 0]
    told = "; ".join(worse) if worse else f"none of {len(segments)}"
    return Check("no segment clearly worse", not worse, f"clearly worse in average precision: {told}")


def _shadow(shadow: Shadow | None, gate: Gate) -> Iterator[Check]:
    if shadow is None or shadow.payments < gate.shadow_payments:
        seen = f"{shadow.payments:,} payments" if shadow else "none"
        yield Check(
            "shadow run", False, f"{seen}, {gate.shadow_payments:,} wanted: run `make shadow` beside live traffic"
        )
        return
    yield Check(
        "shadow run",
        shadow.disagreeing == 0,
        f"{shadow.payments:,} payments scored live, {shadow.disagreeing:,} of them otherwise offline",
    )
    most = max(gate.alert_ratio * shadow.champion_alerts, gate.alert_floor)
    alerts = round(shadow.alerts * shadow.payments)
    surely = float(binomtest(alerts, shadow.payments).proportion_ci(method="wilson").low)
    yield Check(
        "alerts",
        surely <= most,
        f"{shadow.alerts:.2%} of live payments, surely {surely:.2%}, the champion {shadow.champion_alerts:.2%}; "
        f"surely at most {most:.2%}",
    )


def facts(found: Found, passed: list[Check]) -> dict[str, Any]:
    """For files."""
    return {
        "passed": all(check.passed for check in passed),
        "refused_for": [f"{check.name}: {check.words}" for check in passed if not check.passed],
        "checks": [check._asdict() for check in passed],
        **found._asdict(),
        "shadow": found.shadow._asdict() if found.shadow else None,
    }
