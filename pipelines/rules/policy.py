"""The policy in force: thresholds, costs and which rules of the book apply, compiled to SQL. No Spark here."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import ConfigurationError
from pipelines.rules.book import RULES
from pipelines.rules.spec import NOTE, Rule
from pipelines.schemas import ACTIONS

EXPLORING: Final = 20261127
"""Seed of the chance by which payments are let through."""
LET_THROUGH: Final = "let through by chance instead of held, to learn what it becomes"
_DRAWS: Final = 1_000_000

BOOK: Final = {rule.name: rule for rule in RULES}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Thresholds(_Part):
    """Calibrated probabilities from which the model asks for an action."""

    challenge: float = Field(gt=0, le=1)
    hold: float = Field(gt=0, le=1)
    decline: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Thresholds":
        if not self.challenge <= self.hold <= self.decline:
            raise ValueError("thresholds must rise: challenge <= hold <= decline")
        return self


class Costs(_Part):
    """What an action costs, in major units of the billing currency, or as a share of the amount."""

    challenge: float = Field(0.5, ge=0)
    hold: float = Field(4.0, ge=0)
    false_decline_share: float = Field(0.05, ge=0, le=1)
    fraud_recovered_share: float = Field(0.9, ge=0, le=1)


class Exploration(_Part):
    """Which payments that would be held are let through by chance: else nobody would learn what they become."""

    share: float = Field(0.01, ge=0, lt=1)
    most_amount: float = Field(100.0, ge=0, description="major units")


class Use(_Part):
    """How a rule of the book is used: other action, other limits."""

    action: str | None = None
    limits: dict[str, float] = {}


class Policy(_Part):
    """A policy file, checked against the book."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    thresholds: Thresholds
    costs: Costs = Costs()
    exploration: Exploration = Exploration()
    rules: dict[str, Use]

    @model_validator(mode="after")
    def _known(self) -> "Policy":
        for name, use in self.rules.items():
            if name not in BOOK:
                raise ValueError(f"rule {name} is not in the book; known: {', '.join(BOOK)}")
            if unknown := use.limits.keys() - BOOK[name].limits.keys():
                raise ValueError(
                    f"rule {name} has no limit {', '.join(sorted(unknown))}; it has: {', '.join(BOOK[name].limits) or 'none'}"
                )
            if use.action not in (None, NOTE, *ACTIONS):
                raise ValueError(f"rule {name}: action {use.action} is not one of {', '.join((*ACTIONS, NOTE))}")
        return self

    @property
    def version(self) -> str:
        """Name and fingerprint: the same content has the same version."""
        content = json.dumps(self.model_dump(), sort_keys=True)
        return f"{self.name}@{hashlib.sha256(content.encode()).hexdigest()[:8]}"

    def in_force(self) -> list[Rule]:
        """The rules of the book that apply, with this policy's actions, conditions filled with its limits."""
        return [_applied(BOOK[name], use) for name, use in self.rules.items()]


def _applied(rule: Rule, use: Use) -> Rule:
    limits = {name: f"{float(value)!r}D" for name, value in (dict(rule.limits) | use.limits).items()}
    return rule._replace(action=use.action or rule.action, condition=rule.condition.format(**limits))


def read(file: Path) -> Policy:
    """The policy in a YAML file.

    Raises:
        ConfigurationError: it cannot be read, or says something that cannot be run; the line names what.
    """
    try:
        return Policy.model_validate(yaml.safe_load(file.read_text()))
    except (OSError, yaml.YAMLError) as problem:
        raise ConfigurationError(f"policy {file} cannot be read: {problem}") from problem
    except ValidationError as problem:
        raise ConfigurationError(f"policy {file}: {said(problem)}") from problem


def said(problem: ValidationError) -> str:
    """What is wrong with a policy first of all, in one line: where and what."""
    first = problem.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "policy"
    return f"{where}: {first['msg']}"


def decide(policy: Policy) -> list[dict[str, str]]:
    """Layers of SQL columns over a payment's features and `probability`: `rules`, `action`, `explored`, `propensity`, `reasons`.

    An approving rule wins over everything (a deny listing keeps it from firing); otherwise the most severe of model and rules.
    Of payments that would be held, a small share is let through. Which ones depends on their ids alone: the same decision is made
    again for the same payment.
    """
    rules = policy.in_force()
    fired = {f"fired_{rule.name}": f"coalesce({rule.condition}, false)" for rule in rules}
    names = _array(f"if(fired_{rule.name}, '{rule.name}', null)" for rule in rules if rule.action != NOTE)
    reasons = _array(f"if(fired_{rule.name}, {_words(rule)}, null)" for rule in rules)
    thresholds = policy.thresholds
    model = f"""case when probability >= {thresholds.decline}D then 3 when probability >= {thresholds.hold}D then 2
        when probability >= {thresholds.challenge}D then 1 else 0 end"""
    ranks = [
        f"if(fired_{rule.name}, {ACTIONS.index(rule.action)}, 0)"
        for rule in rules
        if rule.action not in (NOTE, ACTIONS[0])
    ]
    approving = [f"fired_{rule.name}" for rule in rules if rule.action == ACTIONS[0]]
    worst = f"greatest(0, {', '.join(['model_rank', *ranks])})"
    actions = ", ".join(f"'{action}'" for action in ACTIONS)
    by_model = (
        "if(model_rank > 0, format_string('the model gives a probability of fraud of %.0f%%', 100 * probability), null)"
    )
    share = policy.exploration.share
    draw = f"pmod(xxhash64(transaction_id, {EXPLORING}), {_DRAWS})"
    return [
        fired | {"model_rank": model},
        {
            "rules": names,
            "wanted": f"if({' or '.join(approving) or 'false'}, '{ACTIONS[0]}', element_at(array({actions}), {worst} + 1))",
        },
        {"open_to_chance": f"wanted = 'hold' and amount <= {policy.exploration.most_amount!r}D and {share!r}D > 0"},
        {"explored": f"open_to_chance and {draw} < {round(share * _DRAWS)}"},
        {
            "action": f"if(explored, '{ACTIONS[0]}', wanted)",
            "propensity": f"case when explored then {share!r}D when open_to_chance then {1 - share!r}D else 1D end",
            "reasons": f"concat(array_compact(array(if(explored, '{LET_THROUGH}', null), {by_model})), {reasons})",
        },
    ]


def _array(items: Iterable[str]) -> str:
    return f"array_compact(array({', '.join([*items, 'cast(null as string)'])}))"


def _words(rule: Rule) -> str:
    text = "'" + rule.reason.replace("'", "\\'") + "'"
    return f"format_string({', '.join([text, *rule.shows])})" if rule.shows else text
