"""Make one decision again. Runs on Spark 4.3.0 (.venv-hot); `make explain` starts it.

usage: python -m jobs.decide_again --folder FOLDER --model FOLDER --version N --policy FILE --partition P --offset O [--memory 1g]

Reads and leaves files in --folder (pipelines/flows/deciding_again.py). Exit codes: 0, 1 when the model cannot serve, 78 when the
policy cannot be read.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import deciding_again


def main(
    folder: Annotated[Path, typer.Option(help="what was logged; gets what is found")],
    model: Annotated[Path, typer.Option(help="folder of the model's files")],
    version: Annotated[str, typer.Option(help="of the model")],
    policy: Annotated[Path, typer.Option(help="policy file")],
    partition: Annotated[int, typer.Option(help="of the feature record")],
    offset: Annotated[int, typer.Option(help="of the feature record")],
    memory: Annotated[str, typer.Option(help="memory of the Spark driver")] = "1g",
) -> None:
    """Decide again."""
    deciding_again.run(folder, model, version, policy, (partition, offset), memory)


if __name__ == "__main__":
    entry.run(main)
