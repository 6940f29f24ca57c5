"""The stack on one machine: a run's folder, its ports, its settings, and the programs that are started there."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from pipelines import config, status
from pipelines.catalog import TOPICS
from pipelines.config import Settings
from pipelines.errors import ConfigurationError
from pipelines.folders import remove
from pipelines.local import broker, cluster, java, ports, supervisor, topics, tracking
from pipelines.local.broker import Broker
from pipelines.local.cluster import Cluster
from pipelines.local.java import Java
from pipelines.local.process import Program
from pipelines.local.project import Environment, Project
from pipelines.local.supervisor import Supervisor
from pipelines.local.tracking import Tracking

HOT: Final = "hot"
STANDBY: Final = "standby"
DESK: Final = "desk"
LAST_TO_STOP: Final = (
    ("bank",),
    (HOT, STANDBY, DESK, "landing", "reasons"),
    (tracking.NAME, broker.NAME, cluster.MASTER),
)
"""Nobody sends any more, then nobody decides or lands, then nobody is left who needs the broker."""
RESTARTS: Final = 5
ANSWER_SECONDS = 120.0
TELL_SECONDS = 10.0


class Stack:
    """An open run. `settings` are what every job of it is given, also written to `settings_file`."""

    def __init__(self, project: Project, settings: Settings, runtime: Java, processes: Supervisor) -> None:
        """Choose ports and write the settings down."""
        self.project, self.processes = project, processes
        self._told: dict[str, tuple[str, float]] = {}
        self._cluster: Cluster | None = None
        run = settings.paths.run.absolute()
        self.settings_file = run / "settings.yaml"
        port, controller_port, registry_port, desk_port = ports.choose(_last_ports(run, settings.desk.port))
        self._keep_ports(run, port, controller_port, registry_port, desk_port)
        self._broker = Broker(run / "broker", port, controller_port, runtime, project.jars)
        self._tracking = Tracking(run / "registry", registry_port, project.lake.python)
        self.settings = settings.model_copy(
            update={
                "kafka": settings.kafka.model_copy(update={"bootstrap": self._broker.bootstrap}),
                "registry": settings.registry.model_copy(update={"uri": self._tracking.uri}),
                "desk": settings.desk.model_copy(update={"port": desk_port}),
                "paths": settings.paths.model_copy(update={"run": run, "policy": settings.paths.policy.absolute()}),
            }
        )
        config.dump(self.settings, self.settings_file)

    def start_registry(self) -> None:
        """Start MLflow and go on: it takes 10 to 20 s to answer."""
        self.processes.start(self._tracking.program())
        self.processes.say(f"registry is starting on {self._tracking.uri}")

    def await_registry(self) -> None:
        """Wait until MLflow answers."""
        self.processes.wait(
            lambda: tracking.answers(self._tracking.uri), ANSWER_SECONDS, "the registry does not answer"
        )

    def start_broker(self) -> None:
        """Start Kafka, wait until it answers (about 5 s) and make the topics."""
        self._broker.prepare()
        self.processes.start(self._broker.program())
        self.processes.wait(
            lambda: broker.answers(self._broker.bootstrap), ANSWER_SECONDS, "the broker does not answer"
        )
        topics.create(self.settings.kafka, TOPICS)
        self.processes.say(f"broker answers on {self._broker.bootstrap}")

    def start_job(
        self,
        name: str,
        module: str,
        *arguments: str,
        restarts: int = 0,
        once: bool = False,
        settings: Path | None = None,
    ) -> None:
        """Start `python -m MODULE --config ... ARGUMENTS` under a name; the hot application runs in an environment of its own.

        `settings`: another file than the run's own.
        """
        environment = self._environment(name)
        command = (str(environment.python), "-m", module, "--config", str(settings or self.settings_file), *arguments)
        self.processes.start(Program(name, command, self.project.logging(environment), restarts, once))

    def start_cluster(self, workers: int, processors: int | None = None) -> None:
        """Start a Spark standalone cluster; the hot application is submitted to it from now on.

        Args:
            workers: how many.
            processors: how many of the machine's they share; None for all.

        Raises:
            UsageError: there cannot be so many.
        """
        cluster.require(workers, processors)
        made = Cluster(self.project, self.settings.paths.run / "cluster", ports.choose([0])[0], workers, processors)
        for program in made.programs():
            self.processes.start(program)
        self.processes.wait(made.answers, ANSWER_SECONDS, "the cluster's master does not answer")
        self.processes.say(f"a cluster of {workers} workers is at {made.master}")
        self._cluster = made

    def start_hot(self) -> None:
        """Start the hot application: in a process of its own, or on the cluster where one was started."""
        if self._cluster:
            job = ("jobs/decide.py", "--config", str(self.settings_file))
            self.processes.start(self._cluster.submit(HOT, *job, restarts=RESTARTS))
        else:
            self.start_job(HOT, "jobs.decide", restarts=RESTARTS)

    def start_landing(self) -> None:
        """Start what lands, and beside it who gives reasons, looks at the quality of what landed and keeps tables in order."""
        self.start_job("landing", "jobs.land_events", restarts=RESTARTS)
        self.start_job("reasons", "jobs.give_reasons", restarts=RESTARTS)
        self.start_job("quality", "jobs.watch_quality", restarts=RESTARTS)
        self.start_job(
            "watch", "jobs.watch_model", "--every", f"{self.settings.lake.watch_seconds}s", restarts=RESTARTS
        )
        self.start_job("upkeep", "jobs.tend_tables", "--every", str(self.settings.lake.tend_seconds), restarts=RESTARTS)

    def start_desk(self) -> None:
        """Start the desk."""
        self.start_job(DESK, "jobs.serve_desk", restarts=RESTARTS)

    def start_standby(self) -> bool:
        """Start the second hot application, where the settings ask for it: it gets warm and waits. Whether they do."""
        if self.settings.hot.standby:
            self.start_job(STANDBY, "jobs.decide", restarts=RESTARTS)
        return self.settings.hot.standby

    def status(self, name: str) -> dict[str, Any]:
        """What a process says of itself; empty until it says something."""
        return status.look(self.settings.paths.status / f"{name}.json")

    def await_open(self, name: str, seconds: float) -> None:
        """Wait until a process says that it is open."""
        self.wait(lambda: self.status(name).get("state") == "open", seconds, f"{name} does not open", (name,))

    def wait(self, until: Callable[[], bool], seconds: float, what: str, telling: Sequence[str] = ()) -> None:
        """Wait until something is so, and now and then tell what the processes named in `telling` say of themselves."""

        def looked() -> bool:
            if until():
                return True
            for name in telling:
                self._tell(name)
            return False

        self.processes.wait(looked, seconds, what)

    def _tell(self, name: str) -> None:
        message, (told, at) = self.status(name).get("message"), self._told.get(name, ("", 0.0))
        if message and message != told and time.monotonic() - at >= TELL_SECONDS:
            self._told[name] = (message, time.monotonic())
            self.processes.say(f"{name}: {message}")

    def _environment(self, name: str) -> Environment:
        return self.project.hot if name in (HOT, STANDBY) else self.project.lake

    def _keep_ports(self, run: Path, *chosen: int) -> None:
        (run / "ports.json").write_text(json.dumps(chosen))


@contextmanager
def opened(
    project: Project,
    settings: Settings,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    fresh: bool = False,
) -> Iterator[Stack]:
    """Open the run that `settings.paths.run` names; at the end every process of it has ended.

    Args:
        project: where environments and jars are.
        settings: broker and registry addresses in it are replaced by the ports that are chosen.
        environ: environment that programs start from.
        say: tells the user one line.
        fresh: remove what an earlier run has left there.

    Raises:
        EnvironmentProblem: another run is active there, no Java, no port.
        ConfigurationError: the folder holds something that is not a run.
    """
    run = settings.paths.run
    runtime = java.require(project, environ)
    with supervisor.opened(run, project.root, _surroundings(run, environ, runtime), say, LAST_TO_STOP) as processes:
        if fresh:
            wipe(run)
            for kept in (settings.paths.lake, settings.paths.checkpoints):
                remove(kept)
        else:
            require_same_store(settings)
        yield Stack(project, settings, runtime, processes)


def require_same_store(settings: Settings) -> None:
    """Refuse to go on with a run whose lake and checkpoints are elsewhere.

    Raises:
        ConfigurationError: they are.
    """
    file, run = settings.paths.run / "settings.yaml", settings.paths.run
    kept = yaml.safe_load(file.read_text())["paths"].get("store", "") if file.exists() else settings.paths.store
    if kept != settings.paths.store:
        there, asked = kept or run, settings.paths.store or run
        raise ConfigurationError(
            f"{run} has its lake and checkpoints in {there}, not in {asked}: say CLEARHOLD_PATHS__STORE={kept}, or FRESH=1"
        )


def wipe(run: Path) -> None:
    """Remove what a run has written, its folder excepted.

    Raises:
        ConfigurationError: the folder holds something that is not a run.
    """
    strange = {entry.name for entry in run.iterdir()} - {"tmp", "logs"}
    if strange and not (run / "ports.json").exists():
        raise ConfigurationError(
            f"{run} holds files that no run has written: not removed; choose another folder or empty it"
        )
    for entry in run.iterdir():
        if entry.name != "tmp":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _surroundings(run: Path, environ: Mapping[str, str], runtime: Java) -> dict[str, str]:
    """Environment of every program: this Java, temporary files below the run, no proxy in between.

    Settings are handed to a program in its file: those in the variables are in there, as they were when the run was opened.
    """
    temporary = str(run.absolute() / "tmp")
    local = "127.0.0.1,localhost"
    return {
        **{name: value for name, value in environ.items() if not config.is_setting(name)},
        "JAVA_HOME": str(runtime.home),
        "JDK_JAVA_OPTIONS": f'"-Djava.io.tmpdir={temporary}" -XX:+PerfDisableSharedMem',
        "TMPDIR": temporary,
        "SPARK_LOCAL_DIRS": temporary,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": ",".join(filter(None, [environ.get("NO_PROXY"), local])),
        "no_proxy": ",".join(filter(None, [environ.get("no_proxy"), local])),
    }


def _last_ports(run: Path, desk: int) -> list[int]:
    """Ports of the run before: whoever kept an address finds it again, where the port is still free.

    In a new run the desk gets the port that its settings name.
    """
    first = [0, 0, 0, desk]
    try:
        kept = json.loads((run / "ports.json").read_text())
    except (OSError, ValueError):
        return first
    return [*kept, *first[len(kept) :]]
