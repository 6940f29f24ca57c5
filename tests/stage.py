"""Stands in for a stage of retraining: `python -m tests.stage RUN STAGE ROUND VERSION` leaves behind what its namesake does."""

import json
import sys
import time
from pathlib import Path

DID = "did"
"""File in a run: a line for each stage that was begun."""
CODES = "codes.json"
"""File in a run: stage -> exit codes, one each time; the last one stays."""


def stage(run: Path, name: str, of: str, version: str) -> int:
    """Holds still while a file hold-NAME is there. Returns the exit code that is asked for."""
    with (run / DID).open("a") as did:
        did.write(f"{name} {version}\n")
    while (run / f"hold-{name}").exists():
        time.sleep(0.05)
    code = _code(run / CODES, name)
    if code:
        print(f"clearhold: {name} says no")
    elif name != "shadow":
        _register(run, name, of, version)
    if name == "gate" and code < 2:
        verdict = run / "gate" / version / "verdict.json"
        verdict.parent.mkdir(parents=True, exist_ok=True)
        verdict.write_text(json.dumps({"refused_for": ["money saved: no better"] if code else []}))
    return code


def _code(file: Path, name: str) -> int:
    kept = json.loads(file.read_text())
    code = kept.get(name, [0])[0]
    file.write_text(json.dumps(kept | {name: kept.get(name, [0])[1:] or [code]}))
    return int(code)


def _register(run: Path, name: str, of: str, version: str) -> None:
    from mlflow import MlflowClient

    from pipelines import config, registry

    settings = config.load(run / "settings.yaml").registry
    if name == "train":
        MlflowClient(settings.uri, settings.uri).create_model_version(settings.model, "none", tags={registry.ROUND: of})
    else:
        registry.promote(settings, version)


if __name__ == "__main__":
    sys.exit(stage(Path(sys.argv[1]), *sys.argv[2:]))
