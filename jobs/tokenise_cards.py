"""Replace card numbers in payments by tokens, as a filter: JSON lines in, JSON lines out. Runs in .venv.

usage: python -m jobs.tokenise_cards --key FILE [--field card_number] < payments.jsonl > tokenised.jsonl

Put it in front of Kafka: nothing behind it ever sees a number. A line that cannot be taken is left out, and said on stderr with
its number and without its content. Exit codes: 0 when every line went through, 1 when one did not, 78 without a key of 32 bytes.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.errors import UsageError
from pipelines.ingest.tokens import NUMBER, Tokens


def main(
    key: Annotated[Path, typer.Option(help="file with the key, at least 32 bytes; keep it out of reach of the data")],
    field: Annotated[str, typer.Option(help="field that holds the card number")] = NUMBER,
) -> None:
    """Filter."""
    tokens, left_out = Tokens.from_file(key), 0
    for at, line in enumerate(sys.stdin, 1):
        try:
            print(tokens.line(line, field))
        except UsageError as problem:
            left_out += 1
            print(f"clearhold: line {at} is left out: {problem}", file=sys.stderr)
    sys.exit(bool(left_out))


if __name__ == "__main__":
    entry.run(main)
