"""Which model and policy should serve: the registry's champion and the policy file, or what served last when they are away."""

import json
from typing import Final, NamedTuple

from pipelines import registry
from pipelines.config import Paths, Registry
from pipelines.errors import ClearholdError, Unavailable
from pipelines.rules import policy
from pipelines.rules.policy import Policy

NOTE: Final = "last-good.json"


class Wanted(NamedTuple):
    """Version of the model and content of the policy that should serve; `note` says what is not as it should be."""

    version: str | None
    policy: Policy | None
    note: str = ""


def wanted(settings: Registry, paths: Paths) -> Wanted:
    """Ask the registry and read the policy. What cannot be had is None and said in `note`; nothing is raised."""
    notes = []
    version, rules = None, None
    try:
        version = registry.champion_version(settings)
    except Unavailable as problem:
        version = last_good(paths)
        notes.append(f"{problem}; model version {version} from disk serves" if version else str(problem))
    try:
        rules = policy.read(paths.policy)
    except ClearholdError as problem:
        notes.append(f"{problem}; the policy in force stays")
    return Wanted(version, rules, "; ".join(notes))


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
