"""The list of checks is complete and every reason is distinct within its kind."""

from pipelines.ingest.admission import PAYMENT_CHECKS, SIGNAL_CHECKS
from pipelines.schemas import SIGNAL, TRANSACTION


def test_every_required_field_has_a_check() -> None:
    for fields, checks in ((TRANSACTION, PAYMENT_CHECKS), (SIGNAL, SIGNAL_CHECKS)):
        reasons = {check.reason for check in checks}
        assert {f"missing_{field.name}" for field in fields if field.required} <= reasons


def test_reasons_are_distinct() -> None:
    for checks in (PAYMENT_CHECKS, SIGNAL_CHECKS):
        reasons = [check.reason for check in checks]
        assert len(reasons) == len(set(reasons))


def test_every_text_field_is_bounded() -> None:
    bounded = " ".join(check.bad for check in PAYMENT_CHECKS if "rlike" in check.bad or "not in" in check.bad)
    for field in TRANSACTION:
        if field.type == "string":
            assert f"record.{field.name}" in bounded
