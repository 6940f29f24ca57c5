"""Folders on a disk or in an object store: lake and checkpoints may be in either, everything else of a run is on a disk.

What both can do is written once, with `/`, `exists`, `glob`, `read_text` and so on; what they do differently is here.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeAlias

from upath import UPath

from pipelines import files
from pipelines.errors import EnvironmentProblem

Folder: TypeAlias = Path | UPath
"""A folder or a file; `str` of it is what Spark and Delta call it."""
SCHEME: Final = "s3a://"
"""How an address in an object store begins: Hadoop's name for S3, which delta-rs and fsspec know too."""

_locks: Final[dict[str, Path]] = {}


def in_store(url: str, locks: Path) -> UPath:
    """A folder in an object store. Who may enter it is said by AWS's own variables and files, where it is by AWS_ENDPOINT_URL.

    Args:
        url: s3a://bucket/folder.
        locks: folder on a disk that everybody shares who writes there: a store has no locks.

    Raises:
        EnvironmentProblem: what speaks to it is not installed.
    """
    if find_spec("s3fs") is None:
        raise EnvironmentProblem(f"what speaks to {url} is not installed: run `make setup STORE=1`")
    _locks[url] = locks
    return UPath(url, use_listings_cache=False)  # others write there too


def lock(folder: Folder, name: str) -> Path:
    """The file that stands for the right to change a folder: in it, or where the locks of its store are."""
    if isinstance(folder, Path):
        return folder / name
    root = max((url for url in _locks if f"{folder}/".startswith(f"{url}/")), key=len)
    return _locks[root].joinpath(*str(folder).removeprefix(root).strip("/").split("/"), name)


def entries(folder: Folder, pattern: str = "*") -> list[Folder]:
    """What is in a folder and named like that, in order; nothing where there is no folder."""
    found: list[Folder] = [*folder.glob(pattern)]
    return sorted(found, key=str)


def text(file: Folder) -> str:
    """What a small file holds that others write anew meanwhile: all of one version of it."""
    if isinstance(file, Path):
        return file.read_text()
    # opening a file there looks first and then asks for the version that it has seen
    held: bytes = file.fs.cat_file(file.path)
    return held.decode()


def put(file: Folder, text: str) -> None:
    """Write a small file whole or not at all."""
    if isinstance(file, Path):
        files.put(file, text)
    else:
        file.write_text(text)


def remove(folder: Folder) -> None:
    """Remove a folder with all it holds, if it is there."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.exists():
        folder.fs.rm(folder.path, recursive=True)


def copy(folder: Folder, to: Folder) -> None:
    """Copy a folder to where nothing is."""
    for file in entries(folder, "**/*"):
        if file.is_file():
            target = to / str(file).removeprefix(str(folder)).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())


def move(folder: Folder, to: Folder) -> None:
    """Put a folder where nothing is. On a disk that is one step; in a store each file is copied, and removed when all are."""
    if isinstance(folder, Path) and isinstance(to, Path):
        folder.rename(to)
    else:
        copy(folder, to)
        remove(folder)
