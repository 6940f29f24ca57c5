"""How pages are made: templates, the words for times and money, and what every page shows around its content."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from pipelines import signals
from pipelines.casework import clock
from pipelines.desk.people import Visit
from pipelines.desk.roles import Permission, may

STATIC: Final = Path(__file__).parent / "static"
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"))


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from a template. Whoever is in is known to it as `visit`."""
    visit: Visit | None = getattr(request.state, "visit", None)
    known: Mapping[str, Any] = {
        "visit": visit,
        "may": lambda permission: visit is not None and may(visit.role, Permission(permission)),
        "here": request.url.path,
        "now_ms": clock.wall_ms(),
    }
    return HTMLResponse(_TEMPLATES.get_template(template).render({**known, **values}), status)


def money(minor: float, currency: str = "") -> str:
    """`1,234.50 EUR` of 123450."""
    return f"{minor / 100:,.2f} {currency}".rstrip()


def age(ms: int) -> str:
    """A length of time in its largest unit: `5 min`, `3 h`."""
    for unit, name in _UNITS:
        if ms >= unit:
            return f"{ms // unit} {name}"
    return f"{max(0, ms) // 1000} s"


def when(ms: int) -> str:
    """Epoch milliseconds as `2026-03-01 12:00:00`, UTC."""
    return signals.iso(ms)[:19].replace("T", " ")


def _made() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(money=money, age=age, when=when)
    return made


_TEMPLATES: Final = _made()
