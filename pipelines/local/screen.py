"""What a run tells its user: lines, and while traffic flows one panel (terminal) or a line every five seconds (elsewhere)."""

import contextlib
import time
from pathlib import Path
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipelines.local.window import Glance
from pipelines.schemas import ACTIONS

PANEL_SECONDS: Final = 0.5
LINE_SECONDS: Final = 5.0
NOTHING_YET: Final = "waiting for the first decision"


class Screen:
    """Everything said here also goes to the run's own log."""

    def __init__(self, log: Path, console: Console | None = None) -> None:
        """Lines are stamped with the seconds since now."""
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._log, self._began, self._due = log, time.monotonic(), 0.0
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    @property
    def seconds(self) -> float:
        """Seconds since the screen was opened."""
        return time.monotonic() - self._began

    def say(self, line: str) -> None:
        """Say one line. A terminal that has gone away is no reason to stop what we are doing."""
        stamped = f"[{self.seconds:6.1f} s] {line}"
        with contextlib.suppress(OSError):
            self._console.print(stamped, markup=False)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    @property
    def is_due(self) -> bool:
        """Whether it is time for another look at the traffic."""
        return time.monotonic() >= self._due

    def show(self, glance: Glance) -> None:
        """Show the traffic."""
        self._due = time.monotonic() + (PANEL_SECONDS if self._console.is_terminal else LINE_SECONDS)
        with contextlib.suppress(OSError):
            if self._console.is_terminal:
                self._live.start()
                self._live.update(panel(glance), refresh=True)
            else:
                self._console.print(f"[{self.seconds:6.1f} s] {line(glance)}", markup=False)

    def end(self) -> None:
        """Take the panel away; lines may follow."""
        with contextlib.suppress(OSError):
            self._live.stop()

    def print(self, text: str) -> None:
        """Print text as it is."""
        with contextlib.suppress(OSError):
            self._console.print(text, markup=False)


def line(glance: Glance) -> str:
    """The traffic in one line."""
    return (
        f"{glance.simulated_time or NOTHING_YET}: sent {glance.sent_per_second:.0f}/s, "
        f"decided {glance.decided_per_second:.0f}/s, "
        f"p50 {milliseconds(glance.p50_ms)}, p99 {milliseconds(glance.p99_ms)}, {actions(glance)}, model {glance.model or '-'}, "
        f"memory {glance.memory_mb / 1000:.1f} GB{', ' + quality(glance) if glance.failing else ''}"
    )


def panel(glance: Glance) -> Panel:
    """The traffic in a panel."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("simulated time", glance.simulated_time or NOTHING_YET)
    facts.add_row("traffic", f"sent {glance.sent_per_second:.0f}/s   decided {glance.decided_per_second:.0f}/s")
    latency = f"p50 {milliseconds(glance.p50_ms)}   p99 {milliseconds(glance.p99_ms)}   (last 10 s)"
    facts.add_row("from send to decision", latency)
    facts.add_row("actions", actions(glance))
    facts.add_row("model", glance.model or "-")
    facts.add_row("memory", f"{glance.memory_mb / 1000:.1f} GB, the whole stack")
    facts.add_row("quality", quality(glance))
    alerts = [Text(f"  {alert}", no_wrap=True, overflow="ellipsis") for alert in glance.alerts]
    title = f"Clearhold, live for {glance.seconds:.0f} s, {glance.sent:,} payments. Ctrl-C stops everything"
    return Panel(Group(facts, Text("alerts"), *alerts), title=title, title_align="left")


def actions(glance: Glance) -> str:
    """How often each action was taken."""
    return ", ".join(f"{action} {glance.actions.get(action, 0):,}" for action in ACTIONS)


def quality(glance: Glance) -> str:
    """Quality suites that fail."""
    return f"FAILING: {', '.join(glance.failing)}" if glance.failing else "no suite fails"


def milliseconds(value: float | None) -> str:
    """A latency for people."""
    return "-" if value is None else f"{value:.0f} ms"
