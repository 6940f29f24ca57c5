"""What files a model consists of: the SHA-256 of each, checked before anything is loaded, since loading runs their code."""

import hashlib
import json
from pathlib import Path
from typing import Final

from pipelines.errors import ModelRejected

MANIFEST: Final = "manifest.json"


def seal(model: Path) -> str:
    """Write the SHA-256 of every file of a model's folder beside them. Returns the manifest's own SHA-256."""
    (model / MANIFEST).write_text(json.dumps(_digests(model), indent=1))
    return _sha256(model / MANIFEST)


def verify(model: Path, seal: str | None = None) -> None:
    """Check a model's files against its manifest, and the manifest against its seal if that is known.

    Raises:
        ModelRejected: a file is missing, changed or was added.
    """
    if not (model / MANIFEST).is_file():
        raise ModelRejected(f"model in {model} has no {MANIFEST}; train it again")
    if seal is not None and _sha256(model / MANIFEST) != seal:
        raise ModelRejected(f"the manifest of the model in {model} is not the one that was registered; do not use it")
    wrong = sorted(_listed(model).items() ^ _digests(model).items())
    if wrong:
        names = ", ".join(sorted({name for name, _ in wrong})[:3])
        raise ModelRejected(f"model in {model} is not what its manifest says: {names}; fetch or train it again")


def digest(model: Path) -> str:
    """SHA-256 of a model's manifest: stands for all of its files."""
    return _sha256(model / MANIFEST)


def _listed(model: Path) -> dict[str, str]:
    try:
        return {str(name): str(digest) for name, digest in json.loads((model / MANIFEST).read_text()).items()}
    except (ValueError, AttributeError) as problem:
        raise ModelRejected(
            f"the manifest of the model in {model} cannot be read; fetch or train it again"
        ) from problem


def _digests(model: Path) -> dict[str, str]:
    files = (file for file in sorted(model.rglob("*")) if file.is_file() and file.name != MANIFEST)
    return {str(file.relative_to(model)): _sha256(file) for file in files}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
