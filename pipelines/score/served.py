"""What has served: noted on disk, for a start without the registry and for whoever asks later. No registry, no Spark here."""

import json
from typing import Final

from pipelines.config import Paths
from pipelines.rules import policy
from pipelines.rules.policy import Policy

NOTE: Final = "last-good.json"


def in_force(paths: Paths) -> Policy:
    """The policy that decides, for whoever does not decide: the one that served last, or the file's before any has.

    Raises:
        ConfigurationError: it cannot be read.
    """
    kept = paths.policies / f"{_noted(paths).get('policy')}.json"
    return policy.read(kept if kept.exists() else paths.policy)


def remember(paths: Paths, version: str, rules: Policy) -> None:
    """Note what serves, for a start without the registry, and keep the policy, for the day when somebody asks why."""
    paths.policies.mkdir(parents=True, exist_ok=True)
    (paths.policies / f"{rules.version}.json").write_text(rules.model_dump_json(indent=1) + "\n")
    paths.models.mkdir(parents=True, exist_ok=True)
    (paths.models / NOTE).write_text(json.dumps({"version": version, "policy": rules.version}))


def last_good(paths: Paths) -> str | None:
    """The version that served last, if its files are still on disk."""
    version = _noted(paths).get("version")
    return version if version and (paths.models / version).exists() else None


def has_served(paths: Paths, version: str, rules: Policy) -> bool:
    """Whether just this model has served with just this policy: after a crash there is no time to try it out again."""
    return _noted(paths) == {"version": version, "policy": rules.version}


def _noted(paths: Paths) -> dict[str, str]:
    note = paths.models / NOTE
    found: dict[str, str] = json.loads(note.read_text()) if note.exists() else {}
    return found
