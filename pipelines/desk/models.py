"""Models as the registry has them, asked over its REST interface: MLflow's own client is as large as the desk."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import requests

from pipelines.config import Registry

SECONDS: Final = 3.0
_API: Final = "api/2.0/mlflow"
_GATE: Final = "gate"


class Version(NamedTuple):
    """A registered version: when it was made (epoch ms), what the gate said, its report if any, where MLflow shows it."""

    number: str
    made_ms: int
    gate: str
    report: dict[str, Any] | None
    has_picture: bool
    address: str


class Models(NamedTuple):
    """All versions, newest first, and the champion; `trouble` says why there are none."""

    versions: list[Version]
    champion: str | None
    trouble: str


def look(registry: Registry, run: Path) -> Models:
    """Ask the registry, and read the gate's reports of a run."""
    try:
        found = _ask(registry, "model-versions/search", filter=f"name='{registry.model}'").get("model_versions", [])
        alias = _ask(registry, "registered-models/alias", name=registry.model, alias="champion") if found else {}
    except (requests.RequestException, ValueError):
        return Models([], None, f"the registry at {registry.uri} does not answer: what serves goes on serving")
    versions = [_version(registry, run, each) for each in found]
    champion = alias.get("model_version", {}).get("version")
    return Models(sorted(versions, key=lambda each: -int(each.number)), champion, "")


def picture(run: Path, version: str) -> Path:
    """The gate's picture of a version."""
    return run / _GATE / version / "comparison.png"


def _version(registry: Registry, run: Path, found: dict[str, Any]) -> Version:
    number, tags = str(found["version"]), {each["key"]: each["value"] for each in found.get("tags", [])}
    file = run / _GATE / number / "verdict.json"
    return Version(
        number,
        int(found["creation_timestamp"]),
        tags.get(_GATE, ""),
        json.loads(file.read_text()) if file.exists() else None,
        picture(run, number).exists(),
        f"{registry.uri}/#/models/{registry.model}/versions/{number}",
    )


def _ask(registry: Registry, what: str, **values: str) -> dict[str, Any]:
    """An answer of the registry; empty when it has none."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy stands between a run and its registry
        answer = session.get(f"{registry.uri}/{_API}/{what}", params=values, timeout=SECONDS)
    if answer.status_code in (400, 404):
        return {}
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
