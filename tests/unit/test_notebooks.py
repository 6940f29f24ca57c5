"""Notebooks show what the package does: they import it, define nothing, and are kept without what they printed."""

import ast
from pathlib import Path

import nbformat
import pytest

from pipelines.local.project import HERE

BOOKS = sorted((HERE.root / "notebooks").glob("*.ipynb"))
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def test_there_are_notebooks() -> None:
    assert len(BOOKS) == 5


@pytest.mark.parametrize("file", BOOKS, ids=lambda file: file.stem)
def test_a_notebook_imports_the_package_and_defines_nothing(file: Path) -> None:
    cells = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    sources = ["\n".join(line for line in cell.source.splitlines() if not line.startswith("%")) for cell in cells]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    assert not [node for node in nodes if isinstance(node, DEFINITIONS)]
    assert any(isinstance(node, ast.ImportFrom) and str(node.module).startswith("pipelines") for node in nodes)
    assert not any(cell.outputs or cell.execution_count for cell in cells)
