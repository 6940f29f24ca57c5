"""The alert rules: each is quiet when all is well and fires when what it is about happens, on the metrics as they are exposed."""

import operator
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from pipelines import signals
from pipelines.casework import clock, telling
from pipelines.casework.database import Database
from pipelines.casework.tables import Case, Message, Place
from pipelines.monitor import gauges
from pipelines.monitor.findings import ALARM, QUIET, Finding
from tests.desk.conftest import Person, decision

(GROUP,) = yaml.safe_load(Path("conf/alerts.yaml").read_text())["groups"]
RULES = {rule["alert"]: rule for rule in GROUP["rules"]}
COMPARE = {"<": operator.lt, ">": operator.gt}


def _fires(rule: str, text: str) -> bool:
    """Whether a rule of the form `[time() -] metric{label="value"} < number` fires; its metric has to be there."""
    found = re.fullmatch(r'(time\(\) - )?(\w+)(?:\{(\w+)="(\w+)"\})? ([<>]) (\d+)', RULES[rule]["expr"])
    assert found, f"{rule}: this test does not read such an expression"
    age, name, label, value, compare, limit = found.groups()
    samples = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and (label is None or sample.labels[label] == value)
    ]
    assert samples, f"nothing exposes what {rule} looks at"
    return any(COMPARE[compare](time.time() - each if age else each, float(limit)) for each in samples)


def _broken(rule: str, database: Database, standing: dict[str, dict[str, Any]]) -> None:
    """Make happen what a rule is about."""
    if rule in ("StreamDown", "LandingDown"):
        standing["hot" if rule == "StreamDown" else "landing"]["state"] = "failed"
        return
    with database.writing() as session:
        if rule == "DecisionsStopped":
            session.execute(update(Place).values(appended_ms=clock.wall_ms() - 301_000))
        elif rule == "MessagesFailed":
            session.execute(update(Message).values(state="failed"))
        elif rule == "QueueOld":
            session.execute(update(Case).values(opened_ms=clock.wall_ms() - 86_401_000))
        else:
            for number in range(101):
                telling.write(session, signals.verdict(decision(number), "fraud", "analyst", 5), 5)


@pytest.mark.parametrize("rule", [name for name in RULES if name not in ("Drift", "WatchStopped")])
def test_a_rule_about_the_desk(
    rule: str, desk: FastAPI, take: Callable[..., int], database: Database, standing: dict[str, dict[str, Any]]
) -> None:
    take(1)
    standing["landing"] = dict(standing["hot"])
    with database.writing() as session:
        session.add(Place(topic="decisions", partition=0, next_offset=1, appended_ms=clock.wall_ms(), event_ms=1))
    assert not _fires(rule, Person(desk).get("/metrics").text)
    _broken(rule, database, standing)
    assert _fires(rule, Person(desk).get("/metrics").text)


def test_rules_about_the_watch(desk: FastAPI) -> None:
    def exposed(state: str, at: float) -> str:
        finding = Finding("feature", "x", "psi", 1.0, 0.5, state, "words")
        gauges.write([finding], at, desk.state.office.paths.watch_metrics)
        return Person(desk).get("/metrics").text

    quiet, raised = exposed(QUIET, time.time()), exposed(ALARM, time.time() - 10_801)
    assert not _fires("Drift", quiet) and not _fires("WatchStopped", quiet)
    assert _fires("Drift", raised) and _fires("WatchStopped", raised)


def test_every_rule_says_what_to_do() -> None:
    for name, rule in RULES.items():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, name
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]
        assert rule["labels"]["severity"] in ("page", "ticket")
