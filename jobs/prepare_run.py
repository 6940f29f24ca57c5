"""Make ready what a run needs that nobody has started yet: topics and its settings. Runs in the lake's environment (.venv).

usage: python -m jobs.prepare_run --config conf/cluster.yaml

Waits for the broker, makes the topics that are not there, and writes the settings as they are in force to <run>/settings.yaml,
where every job finds them that is given a run. Safe to repeat.
"""

from pathlib import Path
from typing import Annotated

import typer
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from jobs import entry
from pipelines import config
from pipelines.catalog import TOPICS
from pipelines.errors import Unavailable
from pipelines.local import broker, topics

PATIENCE_SECONDS = 120


def main(settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")]) -> None:
    """Prepare a run."""
    run = config.load(settings)
    if not _answers(run.kafka.bootstrap):
        raise Unavailable(f"no broker answers at {run.kafka.bootstrap}")
    topics.create(run.kafka, TOPICS)
    config.dump(run, run.paths.run / "settings.yaml")
    print(f"prepared: {len(TOPICS)} topics on {run.kafka.bootstrap}, settings in {run.paths.run}")


@retry(
    retry=retry_if_result(lambda found: not found),
    stop=stop_after_delay(PATIENCE_SECONDS),
    wait=wait_fixed(1),
    retry_error_callback=lambda state: False,
)
def _answers(bootstrap: str) -> bool:
    return broker.answers(bootstrap)


if __name__ == "__main__":
    entry.run(main)
