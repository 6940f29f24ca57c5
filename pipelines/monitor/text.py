"""Tables for people who read a terminal."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], left: bool = False) -> str:
    """Rows of equally many cells, each column as wide as its widest, numbers to the right or words to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    align = str.ljust if left else str.rjust
    return "\n".join("  " + "  ".join(map(align, row, widths)).rstrip() for row in rows)
