"""Suites carried out by Great Expectations on batches of landed rows. No value of a row leaves this module.

GX runs in a context in memory, which sends nothing anywhere and keeps nothing but the Data Docs that are asked for.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import great_expectations as gx
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.expectations.core.expect_column_mean_to_be_between import ExpectColumnMeanToBeBetween
from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween
from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet
from great_expectations.expectations.core.expect_column_values_to_be_unique import ExpectColumnValuesToBeUnique
from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull
from great_expectations.expectations.expectation import Expectation

from pipelines.check import checks
from pipelines.check.batches import Batch
from pipelines.check.checks import Check, Suite
from pipelines.check.results import Outcome
from pipelines.errors import ClearholdError

PICTURES: Final = "https://great-expectations-web-assets.s3.us-east-2.amazonaws.com/"
"""GX's own server, asked for its logo with the time in the address: opening a page would tell that it was opened."""
SHOWN: Final = 300
"""Characters of a check's SQL in the Data Docs."""
WITHOUT_VALUES: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}


class Inspector:
    """Carries out suites, one after the other; then their Data Docs can be written."""

    def __init__(self, docs: Path) -> None:
        """`docs` is where the Data Docs go; they are written beside it and put there whole."""
        self._docs, self._draft = docs, docs.with_name(docs.name + ".part")
        site = {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(self._draft.absolute()),
            },
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        }
        self._context = gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
                data_docs_sites={"local": site},
                analytics_enabled=False,
                progress_bars=ProgressBarsConfig(globally=False),
            ),
        )
        self._source = self._context.data_sources.add_pandas("lake")

    def look(self, suite: Suite, batch: Batch) -> list[Outcome]:
        """Carry out the checks of a suite that the batch has enough values for, in the order of the suite.

        Raises:
            ClearholdError: a check cannot be carried out; it says which, and no value.
        """
        judged = [check for check in suite.checks if _values(check, batch) >= check.min_rows]
        found = self._validated(suite, judged, batch) if judged else {}
        return [Outcome(check, *found.get(check.name, (None, None))) for check in suite.checks]

    def write_docs(self) -> Path:
        """Write the Data Docs of everything that was looked at; returns their first page."""
        shutil.rmtree(self._draft, ignore_errors=True)
        self._context.build_data_docs()
        for page in self._draft.rglob("*.html"):
            page.write_text(page.read_text().replace(PICTURES, ""))
        shutil.rmtree(self._docs, ignore_errors=True)
        self._draft.rename(self._docs)
        return self._docs / "index.html"

    def _validated(self, suite: Suite, judged: list[Check], batch: Batch) -> dict[str, tuple[bool, float | None]]:
        name = suite.table.name
        rows = self._source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("landed")
        wanted = gx.ExpectationSuite(name, expectations=[expectation(check) for check in judged])
        definition = gx.ValidationDefinition(name=name, data=rows, suite=self._context.suites.add(wanted))
        self._context.validation_definitions.add(definition)
        done = definition.run(batch_parameters={"dataframe": batch.frame}, result_format=WITHOUT_VALUES)
        results: list[Any] = [result.to_json_dict() for result in done.results]
        found = {}
        for result in results:
            check = result["expectation_config"]["kwargs"]["column"]
            if not result["result"] and not result["success"]:  # what GX says of it may hold a value
                raise ClearholdError(f"check {check} of suite {name} could not be carried out: see its SQL")
            found[check] = (bool(result["success"]), _observed(result["result"]))
        return found


def expectation(check: Check) -> Expectation:
    """A check in the words of Great Expectations."""
    looked_at = check.sql if len(check.sql) <= SHOWN else f"{check.sql[:SHOWN]} ..."
    notes = f"{check.why}. Unit: {check.unit}. Looked at: {looked_at}"
    return _MADE[check.kind](check, {"column": check.name, "meta": {"check": check.name}, "notes": notes})


def _values(check: Check, batch: Batch) -> int:
    """How many rows a check says something about."""
    return len(batch.frame) if check.kind == checks.PRESENT else int(batch.frame[check.name].count())


def _bounds(check: Check) -> dict[str, Any]:
    return {"min_value": check.arguments.get("least"), "max_value": check.arguments.get("most")}


_MADE: Final[Mapping[str, Callable[[Check, dict[str, Any]], Expectation]]] = {
    checks.BETWEEN: lambda check, about: ExpectColumnValuesToBeBetween(**about, **_bounds(check), mostly=check.mostly),
    checks.ONE_OF: lambda check, about: ExpectColumnValuesToBeInSet(
        **about, value_set=check.arguments["values"], mostly=check.mostly
    ),
    checks.PRESENT: lambda check, about: ExpectColumnValuesToNotBeNull(**about, mostly=check.mostly),
    checks.UNIQUE: lambda check, about: ExpectColumnValuesToBeUnique(**about, mostly=check.mostly),
    checks.MEAN: lambda check, about: ExpectColumnMeanToBeBetween(**about, **_bounds(check)),
}


def _observed(result: Mapping[str, Any]) -> float | None:
    """The mean, or the share of rows that are not as expected."""
    if "observed_value" in result:
        value = result["observed_value"]
        return None if value is None or value != value else float(value)
    percent = result.get("unexpected_percent")
    return None if percent is None else float(percent) / 100
