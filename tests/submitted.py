"""Lake jobs that tests submit to a cluster, as spark-submit takes them: file, arguments, exit codes that are well."""

from typing import Final, NamedTuple


class Job(NamedTuple):
    """`codes`: what it may end with."""

    name: str
    file: str
    arguments: tuple[str, ...]
    codes: frozenset[int] = frozenset({0})


SETTINGS: Final = "--config=conf/cluster.yaml"
JOBS: Final = (
    Job("upkeep", "jobs/tend_tables.py", (SETTINGS,)),
    Job("training", "jobs/train_model.py", (SETTINGS, "--quick")),
    Job("search", "jobs/tune_model.py", (SETTINGS, "--trials=2")),
    Job("gate", "jobs/promote_model.py", ("--run=/data/run", "--dry"), frozenset({0, 1})),  # it judges, either way
)
