"""What a feature is: data. A state is a SQL aggregate over an entity's events, a feature is SQL over states. No Spark here."""

from typing import Final, NamedTuple

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

LABEL_DELAY: Final = 7 * DAY
"""Milliseconds after which a payment without a fraud verdict counts as genuine."""

LANDMARK: Final = 1_735_689_600_000
"""Landmark of forward decay and of order, epoch milliseconds (2025-01-01): exp stays finite for ten years at tau >= 7 days."""

TIE_BITS: Final = 23
"""Of a payment's hash in its place: the rest of 64 bits tells milliseconds apart for 34 years around the landmark."""


class State(NamedTuple):
    """A bounded SQL aggregate over all events of one entity, the present one included."""

    name: str
    doc: str
    sql: str


class View(NamedTuple):
    """A value several features of an entity share. Never logged."""

    name: str
    doc: str
    sql: str


class Feature(NamedTuple):
    """One input of model and rules.

    `sql` may use event fields, states, views and any feature before it. Null means unknown; the model reads `default` then.
    """

    name: str
    unit: str
    doc: str
    sql: str
    default: float = 0.0


class Entity(NamedTuple):
    """Something that has a past: `key` is SQL over the event and never null."""

    name: str
    key: str
    states: tuple[State, ...]
    views: tuple[View, ...]
    features: tuple[Feature, ...]

    @property
    def sequence(self) -> str:
        """Column with the number of events of this entity so far."""
        return f"{self.name}_seq"


def last(count: int, fields: str, time: str, where: str) -> str:
    """SQL of the state that keeps the `count` latest events, latest first: exact and bounded.

    Args:
        count: how many events are kept.
        fields: what is kept of each, as named SQL columns.
        time: what they are ordered by; ties are broken as by `place`, so that the result does not depend on arrival.
        where: SQL condition on the event.
    """
    return f"max_by(struct({fields}), {place(time)}, {count}) filter (where {where})"


def last_places(count: int, where: str) -> str:
    """SQL of the state that keeps the places of the `count` latest payments, latest first: 16 bytes each."""
    return f"max_by(place, place, {count}) filter (where {where})"


def place(time: str, payment: str = "payment") -> str:
    """SQL: where a payment stands in the order of (time, id), as one number; what is kept and compared often had better be small.

    Two payments of an entity in the same millisecond share a place by a chance of 1 in 8 million.
    """
    return f"({start(time)} + ({payment} & {(1 << TIE_BITS) - 1}))"


def start(time: str) -> str:
    """SQL: the first place of a millisecond."""
    return f"shiftleft({time} - {LANDMARK}, {TIE_BITS})"


def time(place: str) -> str:
    """SQL: the millisecond of a place."""
    return f"(shiftright({place}, {TIE_BITS}) + {LANDMARK})"


def decayed(value: str, time: str, tau: int, where: str) -> str:
    """SQL of a forward-decayed sum (Cormode et al., Forward Decay, 2009): O(1) whatever the traffic.

    Read it as `sum * exp(-(now - LANDMARK) / tau)`.
    """
    return f"sum(({value}) * exp(({time} - {LANDMARK}) / {tau}D)) filter (where {where})"


def faded(state: str, tau: int) -> str:
    """SQL that reads a forward-decayed sum as of the present event."""
    return f"({state} * exp(-(as_of - {LANDMARK}) / {tau}D))"


def once(events: str) -> str:
    """SQL: the same payment twice counts once. Sorting shows cheaply that there is no repeat, which is nearly always so."""
    neighbours = "filter(ids, (id, i) -> id <=> get(ids, i + 1))"
    repeats = f"exists(array(sort_array({events}.id)), ids -> size({neighbours}) > 0)"
    return f"if({repeats}, filter({events}, (x, i) -> array_position({events}.id, x.id) = i + 1), {events})"


def within(events: str, span: int) -> str:
    """SQL: those events of a list that lie less than `span` milliseconds before the present one."""
    return f"filter({events}, x -> x.at > as_of - {span})"


def total(numbers: str) -> str:
    """SQL: sum of an array of doubles, 0 for an empty one."""
    return f"aggregate({numbers}, 0D, (a, x) -> a + x)"


def km(latitude: str, longitude: str, other_latitude: str, other_longitude: str) -> str:
    """SQL: great-circle distance in kilometres (haversine, mean Earth radius 6371 km); null when a place is unknown."""
    north = f"pow(sin(radians({latitude} - {other_latitude}) / 2), 2)"
    east = f"pow(sin(radians({longitude} - {other_longitude}) / 2), 2)"
    return f"12742 * nanvl(asin(sqrt({north} + cos(radians({latitude})) * cos(radians({other_latitude})) * {east})), pi() / 2)"


def listed(listing: str) -> str:
    """SQL: 1 denied, -1 allowed, 0 neither, from the latest listing of an entity."""
    in_force = f"coalesce({listing}.until_ms > as_of, {listing}.listing is not null)"
    return f"if({in_force}, case {listing}.listing when 'deny' then 1D when 'allow' then -1D else 0D end, 0D)"


def latest_listing(only: str) -> str:
    """SQL of the state that keeps the latest listing of an entity; `only` is the id column that names it."""
    return f"max_by(struct(listing, until_ms), struct(event_ms, event_id)) filter (where kind = 'listing' and {only} is not null)"
