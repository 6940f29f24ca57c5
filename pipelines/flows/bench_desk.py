"""How fast the desk is: pages over many stored cases, and from a decision on Kafka to an open page."""

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import requests
from confluent_kafka import KafkaError, Message, Producer
from sqlalchemy import insert

from pipelines.casework import alerts, clock, ranking
from pipelines.casework.database import Database
from pipelines.casework.tables import CLOSED, OPEN, Alert, Case, Entry
from pipelines.catalog import DECISIONS
from pipelines.config import Desk, Paths, Settings
from pipelines.desk import people
from pipelines.files import put_json
from pipelines.local import stack
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack

CASES: Final = 100_000
OPEN_SHARE: Final = 0.1
LOOKS: Final = 60
ARRIVALS: Final = 60
ARRIVAL_SECONDS: Final = 0.25
OPEN_SECONDS: Final = 60.0
WAIT_SECONDS: Final = 15.0
CHUNK: Final = 5_000
FIRST_AMOUNT: Final = 1_000_000
"""Minor units of the first decision that arrives; the next ones have one more each."""
PASSWORD: Final = "only for this measurement"


def run(project: Project, place: Path, environ: Mapping[str, str]) -> None:
    """Fill a desk with CASES cases, look at its pages and let decisions arrive. Leaves bench-desk.json beside the run's folder.

    Args:
        project: where environments and jars are.
        place: folder of the run; made anew.
        environ: environment that programs start from.
    """
    screen = Screen(place / "logs" / "supervisor.log")
    settings = Settings(desk=Desk(port=0), paths=Paths(run=place))
    with stack.opened(project, settings, environ, screen.say, fresh=True) as running:
        running.start_broker()
        screen.say(f"{CASES:,} cases are stored")
        with closing(Database.of(running.settings)) as database:
            fill(database)
        running.start_desk()
        running.await_open(stack.DESK, OPEN_SECONDS)
        address = str(running.status(stack.DESK)["address"])
        with somebody(address, running.settings.paths.first_password.read_text().split()[-1]) as browser:
            screen.say(f"each page is asked for {LOOKS} times")
            pages = {name: _looked(browser, f"{address}{path}") for name, path in _paths().items()}
            screen.say(f"{ARRIVALS} decisions arrive while a page is open")
            arrivals = _arrivals(running, browser, address)
    found = {
        "cases": CASES,
        "page_ms": pages,
        "decision_to_page_ms": arrivals,
        "load": os.getloadavg()[0],
    }
    file = put_json(place.parent / "bench-desk.json", found)
    screen.print(words(found) + f"\n  {file}")


def words(found: Mapping[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"  {name:<24} p50 {each['p50']:6.1f} ms  p95 {each['p95']:6.1f} ms" for name, each in found["page_ms"].items()
    ]
    shown = found["decision_to_page_ms"]
    return (
        f"\n  pages over {found['cases']:,} cases, time of the server and the way there\n"
        + "\n".join(lines)
        + f"\n\n  decision on Kafka to an open page: p50 {shown['p50']:.0f} ms, p95 {shown['p95']:.0f} ms, "
        f"max {shown['max']:.0f} ms ({shown['arrived']} of {ARRIVALS} arrived)\n"
    )


def fill(database: Database) -> None:
    """CASES cases with one alert and one line of history each; OPEN_SHARE of them open."""
    now_ms, luck = clock.wall_ms(), np.random.default_rng(1)
    amounts = np.exp(luck.normal(4.0, 1.2, CASES)) * 100
    probabilities, ages = luck.uniform(0.02, 0.9, CASES), luck.uniform(0, 90 * 86_400_000, CASES)
    closed = luck.uniform(size=CASES) >= OPEN_SHARE
    for begin in range(0, CASES, CHUNK):
        made = [
            _stored(n, float(amounts[n]), float(probabilities[n]), now_ms - int(ages[n]), bool(closed[n]))
            for n in range(begin, begin + CHUNK)
        ]
        with database.writing() as session:
            for table, rows in zip((Case, Alert, Entry), zip(*made, strict=True), strict=True):
                session.execute(insert(table), list(rows))


def decision(number: int, amount_minor: int, probability: float, at_ms: int) -> dict[str, Any]:
    """A payment that was held (schemas.DECISION)."""
    return {
        "transaction_id": f"b{number}",
        "card_id": f"card-{number:09d}",
        "merchant_id": f"merchant-{number % 3_000}",
        "device_id": f"device-{number % 40_000}",
        "amount_minor": amount_minor,
        "currency": "EUR",
        "channel": "online",
        "event_ms": at_ms,
        "action": "hold",
        "probability": probability,
        "score": probability,
        "rules": ["impossible_speed"],
        "reasons": ["the model gives a probability of fraud", "far from the latest payment"],
        "model_version": "1",
        "policy_version": "standard@0",
        "decided_at_ms": at_ms,
    }


def _stored(number: int, amount: float, probability: float, at_ms: int, is_closed: bool) -> tuple[dict[str, Any], ...]:
    made = decision(number, int(amount) + 1, probability, at_ms)
    loss = 0.0 if is_closed else probability * amount / 100
    case = {
        "id": number + 1,
        "card_id": made["card_id"],
        "state": CLOSED if is_closed else OPEN,
        "assignee": f"analyst{number % 20}" if is_closed else None,
        "escalated": False,
        "outcome": ("fraud", "genuine")[number % 2] if is_closed else None,
        "expected_loss": loss,
        "currency": "EUR",
        "rank": ranking.rank(loss, at_ms),
        "opened_ms": at_ms,
        "changed_ms": at_ms,
        "closed_ms": at_ms + 600_000 if is_closed else None,
    }
    alert = {name: made[name] for name in alerts.COPIED}
    alert |= {"case_id": number + 1, "decided_ms": at_ms, "decision": made, "verdict": case["outcome"]}
    entry = {"case_id": number + 1, "at_ms": at_ms, "actor": "system", "kind": "alert", "words": "hold"}
    return case, alert, entry


def _paths() -> dict[str, str]:
    return {
        "queue": "/queue",
        "queue, closed": "/queue?tab=closed",
        "queue, page 20": "/queue?skip=950",
        "queue, a card": f"/queue?tab=closed&q=card-{CASES // 2:09d}",
        "queue, a merchant": "/queue?q=merchant-7",
        "queue, loss from 500": "/queue?least=500",
        "a case": f"/cases/{CASES // 3}",
        "messages": "/messages",
        "policy": "/policy",
        "audit": "/audit",
    }


def somebody(address: str, first: str) -> requests.Session:
    """The first administrator, who has come in with the first password and chosen another."""
    browser = requests.Session()
    browser.trust_env = False
    browser.headers["origin"] = address

    def come_in(password: str) -> None:
        given = {"name": people.ADMINISTRATOR, "password": password}
        browser.post(f"{address}/login", given, allow_redirects=False).raise_for_status()

    come_in(first)
    chosen = {"csrf": token(browser, f"{address}/password"), "old": first, "new": PASSWORD, "again": PASSWORD}
    browser.post(f"{address}/password", chosen).raise_for_status()
    come_in(PASSWORD)
    return browser


def token(browser: requests.Session, page: str) -> str:
    """What a form of a page has to be sent with."""
    found: list[str] = re.findall(r'name="csrf" value="([^"]+)"', browser.get(page).text)
    return found[0]


def _looked(browser: requests.Session, address: str) -> dict[str, float]:
    took = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        answer = browser.get(address, allow_redirects=False)
        took.append(1_000 * (time.perf_counter() - began))
        answer.raise_for_status()
    return {"p50": float(np.percentile(took, 50)), "p95": float(np.percentile(took, 95))}


def _arrivals(running: Stack, browser: requests.Session, address: str) -> dict[str, float]:
    """Milliseconds from the broker's append of a decision until an open page has been told of its case."""
    appended: dict[int, int] = {}
    seen: dict[int, float] = {}
    with browser.get(f"{address}/live", stream=True, timeout=WAIT_SECONDS) as page:
        reader = threading.Thread(target=_read, args=(page, seen), daemon=True)
        reader.start()
        producer = Producer({"bootstrap.servers": running.settings.kafka.bootstrap, "linger.ms": 0})
        for number in range(ARRIVALS):
            made = decision(CASES + number, FIRST_AMOUNT + number, 0.6, clock.wall_ms())
            record = json.dumps(made, separators=(",", ":"))
            producer.produce(DECISIONS.name, record, made["card_id"], on_delivery=_noting(number, appended))
            producer.flush()
            time.sleep(ARRIVAL_SECONDS)
        deadline = time.monotonic() + WAIT_SECONDS
        while len(seen) < ARRIVALS and time.monotonic() < deadline:
            time.sleep(0.1)
    took = [1_000 * seen[number] - appended[number] for number in seen]
    shares = {name: float(np.percentile(took, share)) for name, share in (("p50", 50), ("p95", 95), ("max", 100))}
    return {**shares, "arrived": len(seen)}


def _read(page: requests.Response, seen: dict[int, float]) -> None:
    """Note when each case was first told of, known again by its amount. Ends with the page."""
    with contextlib.suppress(requests.RequestException, AttributeError):  # it is closed under our hands
        for line in page.iter_lines(chunk_size=1):
            for amount in re.findall(rb"hold ([0-9,.]+) EUR", line):
                number = round(float(amount.replace(b",", b"")) * 100) - FIRST_AMOUNT
                seen.setdefault(number, time.time())


def _noting(number: int, appended: dict[int, int]) -> Callable[[KafkaError | None, Message], None]:
    def note(_: KafkaError | None, message: Message) -> None:
        appended[number] = message.timestamp()[1]

    return note
