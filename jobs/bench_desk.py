"""How fast the desk is, over 100,000 stored cases. Runs in .venv, with a broker and a desk of its own.

usage: python -m jobs.bench_desk (or `make bench DESK=1`)

Leaves run/bench-desk.json: milliseconds of each page, and from a decision on Kafka to an open page.
"""

import os
from pathlib import Path

from jobs import entry
from pipelines.flows import bench_desk
from pipelines.local.project import HERE


def main() -> None:
    """Measure."""
    bench_desk.run(HERE, Path("run/bench-desk"), os.environ)


if __name__ == "__main__":
    entry.run(main)
