"""The project's notebooks carried out on the lake of a run, each in a kernel of its own, and left as web pages beside it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

from pipelines.errors import Mismatch
from pipelines.files import put
from pipelines.local import landed
from pipelines.local.project import Project
from pipelines.local.screen import Screen

FOLDER: Final = "notebooks"
RUN: Final = "CLEARHOLD_RUN"
"""Environment variable by which a notebook knows the run."""
CELL_SECONDS: Final = 600
QUIET: Final = ["--log-level=ERROR"]


def run(project: Project, place: Path, screen: Screen) -> list[Path]:
    """Carry out every notebook.

    Args:
        project: where the notebooks are, which stay as they are.
        place: folder of the run, live or stopped.
        screen: told which one is next.

    Returns:
        The pages.

    Raises:
        UsageError: nothing of the run has landed.
        Mismatch: a notebook does not get to its end; its page shows how far it came.
    """
    landed.require(place)
    os.environ |= {RUN: str(place.absolute()), "SPARK_LOCAL_IP": "127.0.0.1", **project.logging(project.lake)}
    return list(_pages(project.root / FOLDER, place / FOLDER, screen))


def _pages(books: Path, out: Path, screen: Screen) -> Iterator[Path]:
    found = sorted(books.glob("*.ipynb"))
    for number, file in enumerate(found, 1):
        screen.say(f"notebook {number} of {len(found)}: {file.stem}")
        notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
        page = out / f"{file.stem}.html"
        client = NotebookClient(
            notebook, timeout=CELL_SECONDS, extra_arguments=QUIET, resources={"metadata": {"path": str(books)}}
        )
        try:
            client.execute()
        except CellExecutionError as problem:
            raise Mismatch(f"notebook {file.name} fails: {problem.ename}: {problem.evalue} ({page})") from problem
        finally:
            exporter = HTMLExporter(embed_images=True)  # type: ignore[no-untyped-call]
            put(page, exporter.from_notebook_node(notebook)[0])
        yield page
