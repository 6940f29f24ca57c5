"""A retraining whose stages are stand-ins: `python -m tests.retraining RUN EVERY`; 0 for one round."""

import os
import sys
from pathlib import Path

from pipelines import config
from pipelines.errors import ClearholdError
from pipelines.flows import retraining
from pipelines.local.project import HERE
from pipelines.local.screen import Screen
from pipelines.promote import rounds


def programs(run: Path) -> retraining.Programs:
    begin = (sys.executable, "-m", "tests.stage", str(run))
    return lambda now: {stage: (*begin, stage, now.id, str(now.version)) for stage in rounds.STAGES}


if __name__ == "__main__":
    run, every = Path(sys.argv[1]), float(sys.argv[2]) or None
    plan = retraining.Plan(every, programs(run), lambda: (), look_seconds=0.2)
    screen = Screen(run / "logs" / "retrain.log")
    try:
        retraining.run(config.load(run / "settings.yaml"), HERE.root, plan, os.environ, screen)
    except ClearholdError as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)
