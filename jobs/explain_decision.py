"""Why a payment was decided as it was, and the decision made again. Runs in .venv and .venv-hot.

usage: python -m jobs.explain_decision --id TRANSACTION_ID [--run run/demo] [--json] (or `make explain ID= RUN= JSON=1`)

Shows the payment, its features, model, calibration, policy, rules, reasons and action as recorded; computes features and decision
anew from what has landed and compares to the last bit. Exit codes: 0 when all is the same, 1 when not or when the model's files
are not what they were, 2 when there is no such decision, 75 when its model is only in a registry that does not answer, 78 when
its policy has not been kept or its model was fitted for other features.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.errors import Mismatch
from pipelines.flows import explaining
from pipelines.local.project import HERE


def main(
    transaction_id: Annotated[str, typer.Option("--id", help="the payment's transaction_id")],
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of words")] = False,
) -> None:
    """Explain."""
    found = explaining.run(HERE, run, transaction_id)
    print(json.dumps(found, indent=2, default=str) if as_json else explaining.words(found))
    if not found["same"]:
        raise Mismatch(f"the decision about {transaction_id} cannot be repeated: see above")


if __name__ == "__main__":
    entry.run(main)
