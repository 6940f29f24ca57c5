"""A trained model into MLflow: parameters, metrics, pictures, signature, and a sealed version in the registry. Lake only."""

import json
import platform
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import mlflow.spark
import pyspark
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema
from pyspark.ml import PipelineModel

from pipelines import reference
from pipelines.config import Registry
from pipelines.manifest import seal
from pipelines.registry import ROUND, SEAL, SERVING, asking


class Evidence(NamedTuple):
    """What is known about a model.

    `serving` goes with its files: feature_set, inputs (name -> what stands in where it is unknown), calibration, trained_until,
    label_delay_days, metrics. So does `reference` (pipelines.reference). `tags`: versions of data, code, features and policy.
    `round`: of retraining, that made it.
    """

    serving: dict[str, Any]
    reference: dict[str, Any]
    parameters: dict[str, Any]
    metrics: dict[str, float]
    pictures: list[Path]
    tags: dict[str, str]
    round: str | None = None


def publish(registry: Registry, model: PipelineModel, evidence: Evidence, scratch: Path) -> str:
    """Log one run and register its model.

    Args:
        registry: where to.
        model: the fitted pipeline.
        evidence: what is known about it.
        scratch: a folder that executors see, too: they write the model.

    Returns:
        The version in the registry. It does not serve before it is promoted.

    Raises:
        Unavailable: the registry does not answer.
    """
    # in a folder of its own: a model that is there already would be taken for this one
    with asking(registry, seconds=60, retries=3), tempfile.TemporaryDirectory(prefix="model-", dir=scratch) as own:
        folder = Path(own) / "model"
        digest = _write(model, evidence, folder)
        mlflow.set_experiment(registry.model)
        with mlflow.start_run() as run:
            mlflow.log_params(evidence.parameters)
            mlflow.log_metrics(evidence.metrics)
            mlflow.set_tags(evidence.tags | _environment())
            mlflow.log_dict(evidence.serving, SERVING)
            for picture in evidence.pictures:
                mlflow.log_artifact(str(picture), "pictures")
            mlflow.log_artifacts(str(folder), "model")
        tags = {SEAL: digest} | ({ROUND: evidence.round} if evidence.round else {})
        return str(mlflow.register_model(f"runs:/{run.info.run_id}/model", registry.model, tags=tags).version)


def _write(model: PipelineModel, evidence: Evidence, folder: Path) -> str:
    # saved, then uploaded: log_model would first try the artifact store as a Hadoop file system and log that it is none
    mlflow.spark.save_model(
        model,
        str(folder),
        dfs_tmpdir=str(folder.parent / "spark"),
        pip_requirements=[f"pyspark=={pyspark.__version__}"],
        signature=_signature(evidence.serving["inputs"]),
    )
    (folder / SERVING).write_text(json.dumps(evidence.serving, indent=1))
    (folder / reference.FILE).write_text(json.dumps(evidence.reference))
    return seal(folder)


def _environment() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: version(name) for name in ("pyspark", "mlflow", "scikit-learn", "numpy", "duckdb")},
    }


def _signature(inputs: Iterable[str]) -> ModelSignature:
    return ModelSignature(
        inputs=Schema([ColSpec("double", name) for name in inputs]), outputs=Schema([ColSpec("double", "prediction")])
    )
