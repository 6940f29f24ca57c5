"""Walk the desk's audit: every line carries a hash over itself and the line before. Runs in .venv.

usage: python -m jobs.verify_audit [--run run/demo] [--seal HASH] (or `make audit RUN=run/demo SEAL=`)

Says how many lines there are and the seal of the last one. Whoever has noted a seal earlier can ask for it with --seal: lines cut
off at the end leave a chain that holds. Exit codes: 0 when it holds, 1 when not, 2 when there is no run.
"""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.casework import audit
from pipelines.casework.database import Database
from pipelines.errors import UsageError


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    seal: Annotated[str | None, typer.Option(help="a seal that was noted earlier")] = None,
) -> None:
    """Verify."""
    if not (run / "settings.yaml").exists():
        raise UsageError(f"{run} holds no run: start one with `make demo`")
    with closing(Database.of(config.load(run / "settings.yaml"))) as database, database.reading() as session:
        chain = audit.verify(session, seal)
    print(f"{chain.lines:,} lines, the chain holds; its last seal is {chain.seal}")


if __name__ == "__main__":
    entry.run(main)
