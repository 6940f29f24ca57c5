"""Made-up payments and signals with everything that is awkward: ties, late ones, repeats, missing parts, verdicts, listings."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipelines.schemas import Field, ddl

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
Record = dict[str, Any]


def iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def table(spark: "SparkSession", records: list[Record], fields: tuple[Field, ...]) -> "DataFrame":
    """Records as a typed table."""
    return spark.createDataFrame([tuple(record.get(one.name) for one in fields) for record in records], ddl(fields))


def payments(count: int, seed: int = 1, cards: int = 25, merchants: int = 15, days: float = 60) -> list[Record]:
    """Payments in event-time order: some at equal times, some in quick rows, half with a place, a third without a device."""
    chance = random.Random(seed)
    times = sorted(BEGIN + timedelta(seconds=round(chance.uniform(0, days * 86400))) for _ in range(count))
    made: list[Record] = []
    for n, time in enumerate(times):
        payment = _payment(chance, f"t{seed}-{n:06d}", time, cards, merchants)
        if made and chance.random() < 0.15:
            soon = datetime.fromisoformat(made[-1]["event_time"]) + timedelta(seconds=chance.choice([0, 20, 200]))
            payment |= {
                "card_id": made[-1]["card_id"],
                "event_time": iso(soon),
                "amount_minor": chance.randrange(90, 900),
            }
        made.append(payment)
    return sorted(made, key=lambda payment: str(payment["event_time"]))


def _payment(chance: random.Random, name: str, time: datetime, cards: int, merchants: int) -> Record:
    card = chance.randrange(cards)
    place = {"latitude": round(48 + chance.gauss(card / 10, 0.2), 4), "longitude": round(11 + chance.gauss(0, 0.3), 4)}
    every: Record = {
        "transaction_id": name,
        "card_id": f"c{card}",
        "merchant_id": f"m{int(merchants * chance.random() ** 2)}",
        "amount_minor": round(100 * chance.lognormvariate(3 + card % 5 / 3, 0.8)) + 1,
        "currency": "EUR",
        "event_time": iso(time),
        "channel": chance.choice(["online", "card_present", "atm"]),
        "category": chance.choice(["food", "fuel", "travel"]),
    }
    device = {"device_id": f"d{card // 2 if chance.random() < 0.9 else chance.randrange(12)}"}
    return every | (place if chance.random() < 0.5 else {}) | (device if chance.random() < 0.66 else {})


def signals(about: list[Record], seed: int = 1, share: float = 0.1, delay_days: float = 7) -> Iterator[Record]:
    """Verdicts on some payments (a few corrected later) and listings, each when it became known."""
    chance = random.Random(seed + 1)
    for payment in about:
        time = datetime.fromisoformat(payment["event_time"])
        if chance.random() < share:
            for turn, verdict in enumerate(["fraud", "genuine"][: 1 + (chance.random() < 0.2)]):
                days = delay_days + turn if chance.random() < 0.8 else 0.1
                yield verdict_on(payment, verdict, time + timedelta(days=days))
        if chance.random() < 0.02:
            entity = chance.choice([name for name in ("card_id", "merchant_id", "device_id") if name in payment])
            yield {
                "signal_id": f"l-{payment['transaction_id']}",
                "kind": "listing",
                "source": "analyst",
                "event_time": iso(time),
                "listing": chance.choice(["deny", "allow", "clear"]),
                entity: payment[entity],
                "until": iso(time + timedelta(days=3)),
            }


def verdict_on(payment: Record, verdict: str, time: datetime) -> Record:
    kept = ("transaction_id", "card_id", "merchant_id", "device_id", "amount_minor")
    return {
        "signal_id": f"v-{verdict}-{payment['transaction_id']}",
        "kind": "verdict",
        "source": "chargeback",
        "event_time": iso(time),
        "verdict": verdict,
        "transaction_time": payment["event_time"],
    } | {name: payment[name] for name in kept if name in payment}
