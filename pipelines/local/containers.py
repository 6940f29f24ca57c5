"""The stack of docker-compose.yml: built, started and awaited, stopped, read. Standard library only.

    python3 -m pipelines.local.containers up [--profile demo ...] | down [--volumes] | logs [PART ...]

Works with Docker and its compose plugin, or with podman and podman-compose. Exit codes: 0 all of it is healthy, 75 it does not
get healthy, 78 no engine, 130 interrupted.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipelines.errors import ClearholdError, EnvironmentProblem, Unavailable
from pipelines.local.project import HERE, Project

PROFILES: Final = ("demo", "monitoring", "notebooks", "retrain")
SECRETS: Final = ("postgres_password", "desk_secret")
HEALTHY_SECONDS: Final = 600.0
LOOK_SECONDS: Final = 2.0
TELL_SECONDS: Final = 5.0
_LABEL: Final = "com.docker.compose"


class Engine(NamedTuple):
    """What runs containers here: the program, and the one that understands compose files."""

    program: str
    compose: tuple[str, ...]


class Part(NamedTuple):
    """A container as the engine sees it.

    `done`: it ran once and ended well. `health`: None where nobody checks it. `port`: on this machine, None where it has none.
    """

    name: str
    container: str
    running: bool
    done: bool
    health: str | None
    port: str | None


class Stack(NamedTuple):
    """The stack under a name, on an engine."""

    engine: Engine
    project: Project
    name: str
    environ: Mapping[str, str]

    def compose(self, *arguments: str, profiles: Iterable[str] = PROFILES) -> None:
        """Let the engine do something, its words on the screen.

        Raises:
            Unavailable: it failed.
        """
        chosen = [part for profile in profiles for part in ("--profile", profile)]
        command = [*self.engine.compose, "-p", self.name, *chosen, *arguments]
        code = subprocess.run(command, cwd=self.project.root, env=dict(self.environ), check=False).returncode
        if code:
            raise Unavailable(f"`{' '.join(command)}` failed with exit code {code}: see above")

    def parts(self) -> list[Part]:
        """What there is of it."""
        found = self._ask("ps", "-aq", "--filter", f"label={_LABEL}.project={self.name}").split()
        inspected: list[dict[str, Any]] = json.loads(self._ask("inspect", *found)) if found else []
        return [_part(each) for each in inspected]

    def is_well(self, part: Part) -> bool:
        """Whether a part does its work, or has done it. podman without systemd looks only when it is told to."""
        if part.done or not part.running:
            return part.done
        if part.health is None:
            return True
        if self.engine.program == "docker":
            return part.health == "healthy"
        command = ["podman", "healthcheck", "run", part.container]
        return subprocess.run(command, capture_output=True, check=False, env=dict(self.environ)).returncode == 0

    def read(self, part: str, file: str) -> str:
        """A file in a part's container; empty when it is not there."""
        found = self.container(part)
        return self._ask("exec", found, "cat", file) if found else ""

    def container(self, part: str) -> str | None:
        """The container of a part, None where there is none."""
        return next((each.container for each in self.parts() if each.name == part), None)

    def _ask(self, *arguments: str) -> str:
        command = [self.engine.program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(self.environ)).stdout


def engine(project: Project, environ: Mapping[str, str]) -> Engine:
    """What runs containers on this machine.

    Raises:
        EnvironmentProblem: nothing does.
    """
    path = os.pathsep.join((environ.get("PATH", ""), str(project.lake.folder / "bin")))
    if _works(["docker", "info"]) and _works(["docker", "compose", "version"]):
        return Engine("docker", ("docker", "compose"))
    if shutil.which("podman", path=path) and (found := shutil.which("podman-compose", path=path)):
        return Engine("podman", (found,))
    raise EnvironmentProblem(
        "no container engine: install Docker with its compose plugin, or podman with podman-compose (`make setup` needs neither)"
    )


def up(stack: Stack, profiles: Sequence[str], say: Callable[[str], None]) -> float:
    """Build what is missing, start everything, wait until all of it is healthy. Seconds it took from when images were built.

    Raises:
        Unavailable: the engine failed, or something does not get healthy.
    """
    make_secrets(stack.project.root / "run" / "secrets")
    say("images are built where something has changed (the first time some minutes, 3 GB)")
    stack.compose("build", profiles=profiles)
    began = time.monotonic()
    stack.compose("up", "-d", profiles=profiles)
    await_health(stack, say)
    return time.monotonic() - began


def await_health(stack: Stack, say: Callable[[str], None], seconds: float = HEALTHY_SECONDS) -> None:
    """Wait until every part is healthy.

    Raises:
        Unavailable: one is not in time.
    """
    began, told = time.monotonic(), 0.0
    well: set[str] = set()
    while True:
        parts = stack.parts()
        well |= {part.container for part in parts if part.container not in well and stack.is_well(part)}
        waiting = sorted(part.name for part in parts if part.container not in well)
        if parts and not waiting:
            return
        now = time.monotonic() - began
        if now > seconds:
            raise Unavailable(f"not healthy after {seconds:.0f} s: {', '.join(waiting)}; see `make logs`")
        if now - told > TELL_SECONDS:
            told = now
            say(
                f"{now:4.0f} s: {len(parts) - len(waiting)} of {len(parts)} are healthy; waiting for {', '.join(waiting)}"
            )
        time.sleep(LOOK_SECONDS)


def make_secrets(folder: Path) -> None:
    """Make the passwords that are not there. The folder is ours alone; the files are read by users inside containers."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in SECRETS:
        if not (folder / name).exists():
            (folder / name).write_text(secrets.token_urlsafe(32))
            (folder / name).chmod(0o444)


def main(arguments: Sequence[str]) -> int:
    """The command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="containers", description="The stack of docker-compose.yml.")
    parser.add_argument("action", choices=("up", "down", "logs"))
    parser.add_argument("parts", nargs="*", help="of logs: which; nothing means all")
    parser.add_argument("--profile", action="append", default=[], choices=PROFILES, help="what else is started")
    parser.add_argument("--volumes", action="store_true", help="of down: remove what has been kept, too")
    parser.add_argument("--name", default="clearhold", help="of the stack: two with other names share nothing")
    given = parser.parse_args(arguments)
    environ = dict(os.environ)
    if "demo" in given.profile:
        environ.setdefault("AWAIT_HISTORY", "true")
    try:
        stack = Stack(engine(HERE, environ), HERE, given.name, environ)
        if given.action == "up":
            seconds = up(stack, given.profile, lambda line: print(f"stack: {line}", flush=True))
            print(f"stack: everything is healthy, {seconds:.0f} s after images were there\n{_doors(stack)}")
            if "demo" in given.profile:
                print(
                    "the bank sends its past and trains a first model before it pays, which takes minutes the first time"
                )
        elif given.action == "down":
            stack.compose("down", *(["--volumes"] if given.volumes else []))
        else:
            stack.compose(
                "logs", "--follow", "--tail", "50", *(given.parts or sorted({part.name for part in stack.parts()}))
            )
    except ClearholdError as problem:
        print(f"stack: {problem}", file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _doors(stack: Stack) -> str:
    """Where to look, and how to come in."""
    more = {
        "desk": stack.read("desk", "/data/run/desk/first-password").strip(),
        "notebooks": "its token is in `make logs PARTS=notebooks`",
    }
    return "\n".join(
        f"  {part.name:<12}{'' if part.name == 'kafka' else 'http://'}127.0.0.1:{part.port}  {more.get(part.name, '')}".rstrip()
        for part in sorted(stack.parts())
        if part.port
    )


def _part(inspected: Mapping[str, Any]) -> Part:
    state, labels = inspected["State"], inspected["Config"]["Labels"]
    health = (state.get("Health") or state.get("Healthcheck") or {}).get("Status") or None
    ended = not state["Running"] and state["Status"] in ("exited", "stopped")
    ports = [place["HostPort"] for places in inspected["NetworkSettings"]["Ports"].values() for place in places or ()]
    return Part(
        name=labels[f"{_LABEL}.service"],
        container=inspected["Id"],
        running=state["Running"],
        done=ended and state["ExitCode"] == 0,
        health=health,
        port=next(iter(ports), None),
    )


def _works(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
