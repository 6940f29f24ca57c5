"""Watches a supervisor from outside: when it is killed, ends everything that it started.

    python -m pipelines.local.warden RUN_FOLDER <pipe that closes with the supervisor>

It waits for the end of its standard input, which comes with the end of the supervisor, however that ended.
"""

import sys
from pathlib import Path

from pipelines.errors import EnvironmentProblem
from pipelines.local import leftovers, lock


def main(run: Path) -> None:
    """Wait, then sweep. A new run in the same folder holds its lock and sweeps by itself."""
    sys.stdin.read()
    try:
        with lock.held(run):
            leftovers.sweep(run)
    except EnvironmentProblem:
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
