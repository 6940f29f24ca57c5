"""Which model and policy should serve: the registry's champion and the published policy, or what served last without them."""

from typing import NamedTuple

from pipelines import registry
from pipelines.config import Paths, Registry
from pipelines.errors import ClearholdError, Unavailable
from pipelines.rules import policy
from pipelines.rules.policy import Policy
from pipelines.score import served
from pipelines.score.published import Published


class Wanted(NamedTuple):
    """Version of the model and content of the policy that should serve; `note` says what is not as it should be."""

    version: str | None
    policy: Policy | None
    note: str = ""


def wanted(settings: Registry, paths: Paths, published: Published) -> Wanted:
    """Ask the registry, and look what was published; until somebody publishes a policy, the file's is in force.

    What cannot be had is None and said in `note`; nothing is raised.
    """
    notes = []
    version, rules = None, None
    try:
        version = registry.champion_version(settings)
    except Unavailable as problem:
        version = served.last_good(paths)
        notes.append(f"{problem}; model version {version} from disk serves" if version else str(problem))
    published.look()
    rules = published.policy
    if published.note:
        notes.append(published.note)
    elif rules is None:
        try:
            rules = policy.read(paths.policy)
        except ClearholdError as problem:
            notes.append(f"{problem}; the policy in force stays")
    return Wanted(version, rules, "; ".join(notes))
