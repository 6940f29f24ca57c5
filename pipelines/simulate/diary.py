"""Everything that happens on one day."""

from datetime import date

from pipelines.simulate.behaviour import habits
from pipelines.simulate.fraud import Fraudsters
from pipelines.simulate.occasions import micro_payments, shopping_days, subscriptions
from pipelines.simulate.payments import Payments, together
from pipelines.simulate.population import Population


def everything(population: Population, fraudsters: Fraudsters, day: int, date: date) -> Payments:
    """All payments of a day in event-time order.

    Args:
        population: who there is.
        fraudsters: what is done to them.
        day: days since the bank's first midnight.
        date: the same day in the calendar: weekday and season count.
    """
    season = _season(date)
    parts = (
        habits(population, day, date.weekday(), season),
        shopping_days(population, day, season),
        micro_payments(population, day),
        subscriptions(population, day),
        fraudsters.on(day),
    )
    return together(parts).in_order()


def _season(date: date) -> float:
    """Activity against an ordinary time: more before Christmas, a little more in summer."""
    before_christmas = (11, 20) <= (date.month, date.day) <= (12, 23)
    return 1.25 if before_christmas else 1.05 if date.month in (7, 8) else 1.0
