"""The door to MLflow: which model serves, its files checked before anything loads them, and the way back.

Works with mlflow-skinny. A model's folder holds `sparkml/` (the fitted pipeline), `serving.json` (what serving must know) and
`manifest.json` (SHA-256 of every other file); the SHA-256 of the manifest itself is a tag of the registered version, so that
whoever can write files but not the registry cannot replace a model.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from pipelines.config import Registry
from pipelines.errors import ClearholdError, ModelRejected, Unavailable, UsageError
from pipelines.manifest import verify

CHAMPION: Final = "champion"
SERVING: Final = "serving.json"
SEAL: Final = "manifest_sha256"
ROUND: Final = "round"
"""Tag of a version that a round of retraining made: its name."""
GATE: Final = "gate"
"""Tag of a version that the gate has judged."""
PASSED: Final = "passed"
REFUSED: Final = "refused"
_PAST: Final = "champions"
_ABSENT: Final = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}


def champion_version(registry: Registry) -> str | None:
    """Version that the alias `champion` points to, None when there is none yet.

    Raises:
        Unavailable: the registry does not answer.
    """
    with asking(registry) as client:
        try:
            return str(client.get_model_version_by_alias(registry.model, CHAMPION).version)
        except MlflowException as problem:
            if problem.error_code in _ABSENT:
                return None
            raise


def challenger_version(registry: Registry) -> str | None:
    """The newest version that is not the champion and has not been refused; None when there is none.

    Raises:
        Unavailable: the registry does not answer.
    """
    champion = champion_version(registry)
    with asking(registry) as client:
        found = client.search_model_versions(f"name = '{registry.model}'")
        others = [one for one in found if str(one.version) != champion and one.tags.get(GATE) != REFUSED]
        return str(max(int(one.version) for one in others)) if others else None


def of_round(registry: Registry, name: str) -> str | None:
    """The version that a round of retraining made; None when it has made none.

    Raises:
        Unavailable: the registry does not answer.
    """
    with asking(registry) as client:
        found = client.search_model_versions(f"name = '{registry.model}'")
        return next((str(one.version) for one in found if one.tags.get(ROUND) == name), None)


def challenger(registry: Registry, version: str | None) -> str:
    """The version that is asked for, or the one that `challenger_version` finds.

    Raises:
        UsageError: there is none.
        Unavailable: the registry does not answer.
    """
    found = version or challenger_version(registry)
    if found is None:
        raise UsageError(f"{registry.model} has no version but the champion: train one first")
    return found


def tag(registry: Registry, version: str, tags: Mapping[str, str]) -> None:
    """Write tags on a version.

    Raises:
        Unavailable: the registry does not answer.
    """
    with asking(registry) as client:
        for name, value in tags.items():
            client.set_model_version_tag(registry.model, version, name, value)


def fetch(registry: Registry, version: str, folder: Path) -> Path:
    """Bring a version's files below `folder` and check them; nothing is loaded. A copy that is there is checked and used.

    Returns:
        The model's folder: `sparkml/` and `serving.json`.

    Raises:
        ModelRejected: there is no such version, or its files are not what its manifest says.
        Unavailable: the registry does not answer.
    """
    place = folder / version
    if place.exists():
        verify(place)
        return place
    part = folder / f".{version}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        verify(_download(registry, version, part), _seal(registry, version))
        return part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def promote(registry: Registry, version: str) -> None:
    """Let a version serve. Running streams pick it up within their poll interval.

    Raises:
        UsageError: there is no such version.
        Unavailable: the registry does not answer.
    """
    before = champion_version(registry)
    with asking(registry) as client:
        _known(client, registry, version)
        if before not in (None, version):
            client.set_registered_model_tag(registry.model, _PAST, json.dumps([*_past(client, registry), before]))
        client.set_registered_model_alias(registry.model, CHAMPION, version)


def rollback(registry: Registry) -> str:
    """Let the version serve that served before the present one; again for the one before that.

    Returns:
        The version that serves now.

    Raises:
        UsageError: no other version has served before.
        Unavailable: the registry does not answer.
    """
    present = champion_version(registry)
    with asking(registry) as client:
        past = _past(client, registry)
        if past and past[-1] == present:  # a promotion that was cut off between its two steps
            past.pop()
        if not past:
            raise UsageError(
                f"there is nothing to roll back to: no version of {registry.model} served before the present one"
            )
        client.set_registered_model_alias(registry.model, CHAMPION, past[-1])
        client.set_registered_model_tag(registry.model, _PAST, json.dumps(past[:-1]))
        return past[-1]


def serving(model: Path) -> dict[str, Any]:
    """What serving must know about a fetched model: feature_set, inputs, calibration and where it comes from."""
    found: dict[str, Any] = json.loads((model / SERVING).read_text())
    return found


@contextmanager
def asking(registry: Registry, seconds: int = 5, retries: int = 1) -> Iterator[MlflowClient]:
    """A client that gives up soon; what it cannot reach is Unavailable."""
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(seconds)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = str(retries)
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(registry.uri)
    mlflow.set_registry_uri(registry.uri)
    try:
        yield MlflowClient(registry.uri, registry.uri)
    except MlflowException as problem:
        if problem.error_code in _ABSENT:
            raise
        line = str(problem).splitlines()[0].partition(" failed with exception")[0][:200]
        raise Unavailable(
            f"the registry at {registry.uri} does not answer: {line}; start it or try again later"
        ) from problem


def _download(registry: Registry, version: str, part: Path) -> Path:
    with asking(registry) as client:
        _known(client, registry, version, ModelRejected)
        mlflow.artifacts.download_artifacts(
            f"models:/{registry.model}/{version}", dst_path=str(part), tracking_uri=registry.uri
        )
    (part / "registered_model_meta").unlink(missing_ok=True)  # MLflow's client adds it to what was logged
    return part


def _seal(registry: Registry, version: str) -> str:
    with asking(registry) as client:
        return str(client.get_model_version(registry.model, version).tags.get(SEAL, "none"))


def _known(client: MlflowClient, registry: Registry, version: str, refusal: type[ClearholdError] = UsageError) -> None:
    try:
        client.get_model_version(registry.model, version)
    except MlflowException as problem:
        if problem.error_code in _ABSENT:
            raise refusal(f"{registry.model} has no version {version} in the registry at {registry.uri}") from problem
        raise


def _past(client: MlflowClient, registry: Registry) -> list[str]:
    found: list[str] = json.loads(client.get_registered_model(registry.model).tags.get(_PAST, "[]"))
    return found
