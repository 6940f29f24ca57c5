"""Leave an archive of the classes that Spark loads, so that it starts faster. Set-up runs it, in the environment that it is for.

usage: python -m jobs.archive_classes hot | lake
"""

from typing import Annotated, Literal

import typer

from jobs import entry
from pipelines.flows import archiving


def main(runtime: Annotated[Literal["hot", "lake"], typer.Argument(help="hot or lake")]) -> None:
    """Make it."""
    {"hot": archiving.hot, "lake": archiving.lake}[runtime]()


if __name__ == "__main__":
    entry.run(main)
