"""Mapping files: how a foreign data set's columns become ours. YAML in, checked words out.

    columns:
      transaction_id: TRANSACTION_ID                  # canonical name: source column, or
      amount_minor: {sql: "round(TX_AMOUNT * 100)"}   # an expression over source columns (DuckDB's SQL)
      event_time: TX_DATETIME
    entities: {card: CUSTOMER_ID, merchant: TERMINAL_ID}   # short for card_id, merchant_id, device_id
    label: TX_FRAUD                                   # 1 fraud, 0 genuine; needed for chargebacks and backtests

Ids become text. A timestamp without a zone is UTC.
"""

import difflib
from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import Field, ValidationError

from pipelines import schemas
from pipelines.config import Section
from pipelines.errors import ConfigurationError, UsageError

CANONICAL: Final = {field.name: field for field in schemas.TRANSACTION}


class Expression(Section):
    """SQL over source columns."""

    sql: str


class Mapping(Section):
    """What a mapping file says."""

    columns: dict[str, str | Expression] = Field(default_factory=dict)
    entities: dict[Literal["card", "merchant", "device"], str | Expression] = Field(default_factory=dict)
    label: str | Expression | None = None

    def sources(self) -> dict[str, str | Expression]:
        """Canonical column -> source column or expression; entities written out."""
        return {**{f"{entity}_id": source for entity, source in self.entities.items()}, **self.columns}


def read_mapping(file: Path) -> Mapping:
    """The mapping in a YAML file.

    Raises:
        UsageError: there is no such file.
        ConfigurationError: it is not a mapping, names a column we do not have, or leaves out a required one.
    """
    if not file.is_file():
        raise UsageError(f"mapping file {file} does not exist")
    try:
        mapping = Mapping.model_validate(yaml.safe_load(file.read_text()) or {})
    except yaml.YAMLError as problem:
        raise ConfigurationError(f"mapping file {file} is not YAML: {' '.join(str(problem).split())}") from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        raise ConfigurationError(
            f"mapping file {file}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from problem
    _check(mapping, file)
    return mapping


def nearest(name: str, known: list[str]) -> str:
    """`; nearest: x` when something of a like name is known, otherwise what is."""
    plain = {word.casefold(): word for word in known}
    close = difflib.get_close_matches(name.casefold(), plain, n=1)
    return f"; nearest: {plain[close[0]]}" if close else f"; there are: {', '.join(known)}"


def _check(mapping: Mapping, file: Path) -> None:
    for name in mapping.columns:
        if name not in CANONICAL:
            hint = nearest(name, list(CANONICAL))
            raise ConfigurationError(f"mapping file {file}: columns.{name} is not a column of a payment{hint}")
    for entity in mapping.entities:
        if f"{entity}_id" in mapping.columns:
            raise ConfigurationError(
                f"mapping file {file}: entities.{entity} and columns.{entity}_id are the same; keep one"
            )
    missing = [field.name for field in schemas.TRANSACTION if field.required and field.name not in mapping.sources()]
    if missing:
        raise ConfigurationError(
            f"mapping file {file}: {', '.join(missing)} missing in columns; every payment needs them"
        )
