"""Retraining on a schedule and on evidence: train -> shadow -> gate, again and again. Each stage is a process of its own.

What stands on disk says which stage is next, and a model carries the name of its round in the registry: killed at any point, the
next start goes on where this one was. The folder is locked, and children end with their parent (pipelines.local.supervisor).
"""

import json
import math
import re
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from deltalake.exceptions import DeltaError

from pipelines import config, registry, status
from pipelines.config import Settings
from pipelines.errors import ClearholdError, Refused, Unavailable, UsageError
from pipelines.flows import promoting, training
from pipelines.local import commands, landed, supervisor
from pipelines.local.process import Program
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.supervisor import StopAsked, Supervisor
from pipelines.promote import rounds
from pipelines.promote.rounds import Outcome, Round, Stage

NAME: Final = "retrain"
"""Of its folder in the run and of its status."""
LOOK_SECONDS: Final = 15.0
TELL_SECONDS: Final = 10.0
SHADOW_SECONDS: Final = 900
SPARE: Final = 2
"""How many times the payments that the gate wants to see are scored in the shadow: the latest have not landed when it looks."""
POLL_SECONDS: Final = 0.2
_NOISE: Final = re.compile(r"WARN|log4j|log level|netlib")
"""What Spark and its Java say of themselves."""

Programs = Callable[[Round], Mapping[Stage, tuple[str, ...]]]
Raised = Callable[[], Collection[str]]


class Plan(NamedTuple):
    """What is asked for.

    Attributes:
        every: seconds between the beginnings of two rounds; None for one round now.
        programs: the command of each stage of a round.
        raised: asked for what the watch raises.
        look_seconds: between two looks whether something is due, or in the way.
    """

    every: float | None
    programs: Programs
    raised: Raised
    look_seconds: float = LOOK_SECONDS


def run(settings: Settings, root: Path, plan: Plan, environ: Mapping[str, str], screen: Screen) -> None:
    """Carry out one round, or rounds until somebody stops it (Ctrl-C, SIGTERM). Leaves rounds.json in `<run>/retrain`.

    Args:
        settings: of a run.
        root: folder that stages start in.
        plan: what is asked for.
        environ: environment that stages start from.
        screen: told what is being done.

    Raises:
        EnvironmentProblem: another retraining is at work in this run.
        Refused: the one round's model may not serve, or could not be judged.
        ClearholdError: the one round failed.
    """
    place = settings.paths.run.absolute() / NAME
    with supervisor.opened(place, root, environ, screen.say, ()) as tree:
        loop = _Loop(settings, place, plan, tree, screen)
        try:
            while (last := loop.next_round()) and plan.every is not None:
                pass
        except StopAsked:
            loop.report("stopped", "stopped; the next start goes on from here")
            return
    if last.outcome != "promoted":
        raise (ClearholdError if last.outcome == "failed" else Refused)(last.words)


def hindrance(settings: Settings) -> str | None:
    """What is in the way of training now, in a line: the registry, the lake, or the quality of what is in it."""
    try:
        landed.require(settings.paths.run)
        registry.champion_version(settings.registry)
        training.require_quality(settings.paths.run)
    except ClearholdError as problem:
        return str(problem)
    except (DeltaError, OSError) as problem:
        return f"the lake in {settings.paths.lake} cannot be read: {str(problem).splitlines()[0]}"
    return None


def programs(project: Project, run: Path, quick: bool) -> Programs:
    """The jobs that are the stages of a round in a run."""
    settings = config.load(run / "settings.yaml")
    payments = max(1, SPARE * settings.gate.shadow_payments)

    def of(now: Round) -> Mapping[Stage, tuple[str, ...]]:
        lake, hot = ((str(one.python), "-m") for one in (project.lake, project.hot))
        given = ("--config", str(run / "settings.yaml"))
        version = ("--version", str(now.version))
        limits = ("--payments", str(payments), "--for", str(SHADOW_SECONDS))
        return {
            rounds.TRAIN: (*lake, "jobs.train_model", *given, "--round", now.id, *["--quick"] * quick),
            rounds.SHADOW: (*hot, "jobs.shadow_model", *given, *version, *limits),
            rounds.GATE: (*lake, "jobs.promote_model", "--run", str(run), *version),
        }

    return of


class _Loop:
    def __init__(self, settings: Settings, place: Path, plan: Plan, tree: Supervisor, screen: Screen) -> None:
        self._settings, self._place, self._plan, self._tree, self._screen = settings, place, plan, tree, screen
        self._rounds = rounds.read(place)
        self._in_the_way = ""

    def next_round(self) -> Round:
        """Wait until one is due, unless one was left under way, and carry it out."""
        if self._rounds and self._rounds[-1].outcome is None:
            self._screen.say(f"going on with {self._rounds[-1].words}")
        else:
            self._rounds.append(self._awaited())
            self._screen.say(f"{self._rounds[-1].id} begins: {self._rounds[-1].reason}")
            self._keep()
        while self._rounds[-1].outcome is None:
            self._step(self._rounds[-1])
        self._screen.say(self._rounds[-1].words)
        return self._rounds[-1]

    def report(self, state: str, message: str) -> None:
        """Say how it is, for others."""
        status.report(self._settings.paths.status / f"{NAME}.json", state, message, rounds=len(self._rounds))

    def _awaited(self) -> Round:
        every = self._plan.every
        while True:
            raised, now = tuple(sorted(self._plan.raised())), time.time()
            reason = "it was asked for" if every is None else rounds.due(self._rounds, every, raised, now)
            if reason:
                return Round(f"round {datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}", reason, now, raised)
            due = datetime.fromtimestamp(self._rounds[-1].began + (every or 0), UTC)
            self.report("open", f"the next round begins at {due:%Y-%m-%d %H:%M:%S} UTC, or when something drifts")
            self._pause(self._plan.look_seconds)

    def _step(self, now: Round) -> None:
        """Do what is next in a round, once nothing is in the way."""
        if problem := hindrance(self._settings):
            self._wait(problem)
            return
        self._in_the_way = ""
        try:
            if now.stage == rounds.TRAIN:
                self._train(now)
            elif now.stage == rounds.SHADOW:
                self._shadow(now)
            else:
                self._judge(now)
        except Unavailable as problem:
            self._wait(str(problem))

    def _train(self, now: Round) -> None:
        if not registry.of_round(self._settings.registry, now.id):
            code, said = self._ended(now)
            if code and hindrance(self._settings):
                return
            if code:
                self._end("failed", said)
                return
        self._put(version=registry.of_round(self._settings.registry, now.id), stage=rounds.SHADOW)

    def _shadow(self, now: Round) -> None:
        code, said = self._ended(now)
        if code:
            self._end("failed", said)
        else:
            self._put(stage=rounds.GATE)

    def _judge(self, now: Round) -> None:
        if registry.champion_version(self._settings.registry) == now.version:
            self._end("promoted", "it serves")
            return
        verdict = self._settings.paths.run / promoting.FOLDER / str(now.version) / promoting.VERDICT
        verdict.unlink(missing_ok=True)
        code, said = self._ended(now)
        if not code:
            self._end("promoted", f"it passed the gate; {verdict.parent / promoting.REPORT}")
        elif verdict.exists():
            self._end(
                "refused",
                f"{'; '.join(json.loads(verdict.read_text())['refused_for'])}; {verdict.parent / promoting.REPORT}",
            )
        else:
            self._end("not judged" if code == UsageError.exit_code else "failed", said)

    def _ended(self, now: Round) -> tuple[int, str]:
        """Carry a stage out; its exit code, and what it said that tells most.

        Raises:
            Unavailable: a service that it needs does not answer.
            StopAsked: somebody asked to stop.
        """
        self._screen.say(f"{now.id}: {now.stage}{f', version {now.version}' if now.version else ''}")
        log = self._place / "logs" / f"{now.stage}.log"
        begin, told, at = log.stat().st_size if log.exists() else 0, "", time.monotonic()
        self._tree.start(Program(now.stage, self._plan.programs(now)[now.stage]))
        process = self._tree.processes[now.stage]
        while process.code is None:
            if self._tree.asked:
                raise StopAsked
            if time.monotonic() - at >= TELL_SECONDS:
                line, at = _last_line(log), time.monotonic()
                self.report("open", f"{now.id}: {now.stage}: {line}")
                if line != told:
                    told = line
                    self._screen.say(f"{now.stage}: {line}")
            time.sleep(POLL_SECONDS)
        self._tree.stop([now.stage])
        said = commands.telling_line(log.read_bytes()[begin:].decode(errors="replace")).removeprefix("clearhold: ")
        if process.code == Unavailable.exit_code:
            raise Unavailable(said)
        return process.code, said

    def _wait(self, problem: str) -> None:
        self.report("waiting", problem)
        if problem != self._in_the_way:
            self._screen.say(f"waiting: {problem}")
        self._in_the_way = problem
        self._pause(self._plan.look_seconds)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._tree.wait(lambda: time.monotonic() >= until, math.inf, "the pause")

    def _end(self, outcome: Outcome, why: str) -> None:
        self._put(outcome=outcome, why=why, ended=time.time())

    def _put(self, **changes: object) -> None:
        self._rounds[-1] = self._rounds[-1]._replace(**changes)  # type: ignore[arg-type]
        self._keep()

    def _keep(self) -> None:
        rounds.keep(self._place, self._rounds)
        self.report("open", self._rounds[-1].words)


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in commands.read(log)[-4000:].splitlines()]
    telling = [line for line in lines if line and not _NOISE.search(line)]
    return telling[-1][:200] if telling else "it has said nothing yet"
