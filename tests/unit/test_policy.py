"""A policy says only what can be run, and the same content has the same version."""

from pathlib import Path

import pytest
import yaml

from pipelines.errors import ConfigurationError
from pipelines.rules import policy
from pipelines.rules.book import RULES

STANDARD = Path("conf/policy.yaml")


def written(folder: Path, **changes: object) -> Path:
    file = folder / "policy.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(STANDARD.read_text()) | changes))
    return file


def test_the_standard_policy_uses_every_rule_of_the_book() -> None:
    assert set(policy.read(STANDARD).rules) == {rule.name for rule in RULES}


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    before = policy.read(STANDARD).version
    assert policy.read(written(tmp_path)).version == before
    other = {"challenge": 0.2, "hold": 0.5, "decline": 0.9}
    assert policy.read(written(tmp_path, thresholds=other)).version != before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rules": {"no_such_rule": {}}}, "no_such_rule is not in the book"),
        ({"rules": {"card_testing": {"limits": {"pay": 3}}}}, "card_testing has no limit pay"),
        ({"rules": {"card_testing": {"action": "explode"}}}, "action explode is not one of"),
        ({"thresholds": {"challenge": 0.9, "hold": 0.5, "decline": 0.6}}, "thresholds must rise"),
        ({"thresholds": {"challenge": 0, "hold": 0.5, "decline": 0.6}}, "thresholds.challenge"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refusal:
        policy.read(written(tmp_path, **changes))
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        policy.read(tmp_path / "none.yaml")


def test_limits_of_the_policy_stand_in_the_conditions(tmp_path: Path) -> None:
    used = policy.read(written(tmp_path, rules={"card_testing": {"limits": {"payments": 7}, "action": "hold"}}))
    (rule,) = used.in_force()
    assert "7.0D" in rule.condition and rule.action == "hold"
