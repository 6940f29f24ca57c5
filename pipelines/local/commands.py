"""Runs a long command with its output in a log file; when it fails, says why in one line. Standard library only."""

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pipelines.errors import EnvironmentProblem

POLL_SECONDS = 0.25

# What a log says, and what it means for the person who reads the last line.
MEANINGS: Final = (
    (r"No space left on device", "the disk is full: free some space, then run it again"),
    (
        r"CERTIFICATE_VERIFY_FAILED|PKIX path building",
        "a certificate is not trusted: tell pip and Java about your proxy's CA",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "a package is not the one that was locked: do not install it; check your package index",
    ),
    (
        r"NewConnectionError|NameResolutionError|Temporary failure in name|ConnectTimeout|ProxyError|UnknownHostException"
        r"|Network is unreachable|Connection refused",
        "the package index cannot be reached: check network and proxy, then run it again",
    ),
    (
        r"ensurepip is not|No module named (venv|ensurepip)",
        "this Python cannot make environments: install python3.11-venv",
    ),
)


def run(
    command: Sequence[str],
    log: Path,
    note: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run `command`, output to `log`; `note` is handed the log's text so far, a few times a second.

    Raises:
        EnvironmentProblem: it failed; the message holds the meaning or the last meaningful line, and the log's path.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                close_fds=False,  # the set-up lock goes along: it holds until the last writer has ended, however we end
            )
        except OSError as problem:
            raise EnvironmentProblem(f"{command[0]} cannot be started: {problem.strerror}") from problem
        try:
            code = _wait(process, log, note)
        finally:
            _end(process)
    if code:
        raise EnvironmentProblem(f"{why(read(log))} (exit code {code}, log: {log})")


def why(log: str) -> str:
    """What went wrong, from a log: its known meaning, or else its last meaningful line."""
    for pattern, meaning in MEANINGS:
        if re.search(pattern, log):
            return meaning
    return telling_line(log)


def telling_line(log: str) -> str:
    """The last line of a log that speaks of something wrong, or else its last line. Frames of Java's stacks do not count."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith("[notice]")]
    wrong = re.compile(r"^clearhold: |error|fatal|exception|not found|denied|unresolved", re.IGNORECASE)
    telling = [line for line in lines if wrong.search(line) and not line.startswith("at ")]
    return (telling or lines or ["it said nothing"])[-1][:300]


def read(log: Path) -> str:
    """The log's text; bytes that are no text are replaced."""
    return log.read_text(errors="replace") if log.exists() else ""


def _wait(process: "subprocess.Popen[bytes]", log: Path, note: Callable[[str], None]) -> int:
    while True:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            note(read(log))


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        process.wait()
