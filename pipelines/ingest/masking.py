"""What looks like a card number is never kept in clear, whatever else is wrong with a record."""

from typing import Final

from pipelines.ingest.admission import MAX_BYTES

_NUMBER: Final = "(?<![0-9])(?!1[0-9]{12}(?![0-9])|1[0-9]{15}(?![0-9]))[0-9](?:[ \\\\x00-]*[0-9]){12,18}(?![0-9])"
"""13 to 19 digits, also spaced, dashed or in two bytes each. Thirteen or sixteen that begin with 1 are a time in milli- or
microseconds: no such card is issued."""
_TEXT: Final = f"decode(substring({{column}}, 1, {MAX_BYTES}), 'ISO-8859-1')"


def masked(column: str) -> str:
    """SQL: the first MAX_BYTES of a binary column, with stars for the digits of every number that passes the Luhn check.

    Byte by byte, so that it holds for bytes in any encoding or none.
    """
    text = _TEXT.format(column=column)
    numbers = f"array_distinct(regexp_extract_all({text}, '{_NUMBER}', 0))"
    found = f"filter({numbers}, x -> luhn_check(regexp_replace(x, '[^0-9]', '')))"
    return f"encode(aggregate({found}, {text}, (t, x) -> replace(t, x, regexp_replace(x, '[0-9]', '*'))), 'ISO-8859-1')"
