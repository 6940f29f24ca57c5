"""Every topic and every table: name, who writes it, what it holds. Jobs refer to these, never to a literal name."""

from typing import Final, NamedTuple


class Topic(NamedTuple):
    """A Kafka topic. `single` topics have one partition, `compacted` ones keep the last record of a key."""

    name: str
    writer: str
    doc: str
    single: bool = False
    compacted: bool = False
    retention_hours: int | None = None


TRANSACTIONS: Final = Topic("transactions", "the payment side", "One payment attempt a record")
SIGNALS: Final = Topic(
    "signals", "desk, chargeback feed, cardholder", "What became known: verdicts and listings", single=True
)
HISTORY: Final = Topic(
    "history", "backfill", "Past payments and signals that fill the state; never decided", single=True
)
HISTORY_COMPLETE: Final = ("history", b"complete")
"""Header of the last record of a published history."""
FEATURES: Final = Topic("features", "enrich", "Every admitted payment with its whole feature vector")
APPLIED: Final = Topic(
    "applied", "enrich", "Signals and history as the state took them in, with sequence numbers", single=True
)
DECISIONS: Final = Topic("decisions", "score", "Action, probability, rules and reasons of each payment")
REHEARSAL: Final = Topic(
    "rehearsal",
    "score, standby",
    "Output for history that warms the model up; for nobody",
    single=True,
    retention_hours=1,
)
DRESS_REHEARSAL: Final = Topic(
    "rehearsal.standby", "standby", "The same from a standby, for live payments", single=True, retention_hours=1
)
REHEARSALS: Final = (DRESS_REHEARSAL, REHEARSAL)
QUARANTINE: Final = Topic("quarantine", "land", "What could not be admitted, with a reason code", single=True)
POLICIES: Final = Topic("policies", "desk, command line", "The policy in force, versioned", single=True, compacted=True)

TOPICS: Final = (TRANSACTIONS, SIGNALS, HISTORY, FEATURES, APPLIED, DECISIONS, *REHEARSALS, QUARANTINE, POLICIES)


class Table(NamedTuple):
    """A Delta table below the lake's folder."""

    name: str
    writer: str
    doc: str
