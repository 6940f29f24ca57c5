"""How far the stateful query is in its topics, read and extended from outside while it does not run.

A query that fills its state reads nothing but the history: whatever waits in the other topics must find the whole past. When the
history is in, the others join where they begin. Spark keeps a query's offsets as JSON, a file a checkpoint; a topic that is added
there begins there.
"""

import json
from collections.abc import Mapping
from typing import Final

from pipelines.catalog import Topic
from pipelines.folders import Folder, entries, put, text
from pipelines.streams import Offsets

REFILL: Final = "refill.json"
"""Below the checkpoints: where topics begin when the state is filled from the lake. While it is there, that is to be done."""


def knows(checkpoint: Folder, topic: Topic) -> bool:
    """Whether a query that goes on at a checkpoint reads a topic."""
    last = _last(checkpoint)
    return last is not None and topic.name in json.loads(text(last).splitlines()[-1])


def join(checkpoint: Folder, begins: Offsets) -> None:
    """Let topics join behind the last checkpoint. What a batch had begun behind it is forgotten: it runs anew, with them.

    Args:
        checkpoint: of a query that has stopped and has at least one checkpoint behind it.
        begins: where each new topic begins, by partition.
    """
    last = _last(checkpoint)
    if last is None:
        raise ValueError(f"{checkpoint} has no checkpoint yet")
    for later in _numbered(checkpoint / "offsets"):
        if int(later.name) > int(last.name):
            later.unlink()
    *head, offsets = text(last).splitlines()
    (last.parent / f".{last.name}.crc").unlink(missing_ok=True)  # of the content before; without one nothing is checked
    put(last, "\n".join([*head, json.dumps(json.loads(offsets) | dict(begins))]))


def refill(checkpoints: Folder) -> Offsets | None:
    """Where live topics begin behind a history that was made of the lake, if the state is to be filled with one."""
    file = checkpoints / REFILL
    found: Mapping[str, Mapping[str, int]] | None = json.loads(text(file)) if file.exists() else None
    return found


def filled(checkpoints: Folder) -> None:
    """The state is no longer to be filled."""
    (checkpoints / REFILL).unlink(missing_ok=True)


def _last(checkpoint: Folder) -> Folder | None:
    """Offsets of the last batch that was committed."""
    committed = {file.name for file in _numbered(checkpoint / "commits")}
    done = [file for file in _numbered(checkpoint / "offsets") if file.name in committed]
    return done[-1] if done else None


def _numbered(folder: Folder) -> list[Folder]:
    return sorted((file for file in entries(folder) if file.name.isdigit()), key=lambda file: int(file.name))
