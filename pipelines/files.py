"""Small files that others read while they are written anew. Standard library only."""

import json
from pathlib import Path


def put(file: Path, text: str) -> Path:
    """Write a file whole or not at all; its folder is made. Returns the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_text(text)
    return part.replace(file)


def put_json(file: Path, found: object) -> Path:
    """The same, as JSON for people too."""
    return put(file, json.dumps(found, indent=2) + "\n")
