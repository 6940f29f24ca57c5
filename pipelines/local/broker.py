"""A real Kafka broker from jars: one KRaft node on 127.0.0.1, its records below the run's folder."""

import base64
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipelines.errors import EnvironmentProblem
from pipelines.local import commands
from pipelines.local.java import Java
from pipelines.local.process import Program

NAME: Final = "broker"

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
listeners={listeners},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
# voters by setting, not by record: a resumed run may have another port
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={records}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=1
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=8388608
"""


Listeners = Mapping[str, tuple[str, str]]
"""By name, PLAINTEXT or HOST: where it listens and what clients are told, both host:port."""


class Broker(NamedTuple):
    """Where a broker's folder is, its ports, and what it runs on. It listens on 127.0.0.1 where no `listeners` are given."""

    folder: Path
    port: int
    controller_port: int
    java: Java
    jars: Path
    listeners: Listeners | None = None

    @property
    def bootstrap(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def properties(self) -> Path:
        """Its settings file."""
        return self.folder / "server.properties"

    def prepare(self) -> None:
        """Write its settings and, the first time, format its folder (about 2 s).

        Raises:
            EnvironmentProblem: the folder cannot be formatted.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        records = self.folder / "records"
        doors = self.listeners or {"PLAINTEXT": (self.bootstrap, self.bootstrap)}
        settings = PROPERTIES.format(
            listeners=",".join(f"{name}://{listening}" for name, (listening, _) in doors.items()),
            advertised=",".join(f"{name}://{told}" for name, (_, told) in doors.items()),
            controller_port=self.controller_port,
            records=records.absolute(),
        )
        self.properties.write_text(settings)
        if not (records / "meta.properties").exists():
            self._format()

    def program(self, restarts: int = 5) -> Program:
        """The broker as a supervised program."""
        log_options = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
        memory = ("-Xmx512m", "-XX:MaxGCPauseMillis=20", "-XX:+ExplicitGCInvokesConcurrent")
        pages = ("-XX:+IgnoreUnrecognizedVMOptions", "-XX:+UseTransparentHugePages")  # only Linux has them
        command = (*self._java, *memory, *pages, *log_options, "kafka.Kafka", str(self.properties.absolute()))
        return Program(NAME, command, restarts=restarts)

    @property
    def _java(self) -> tuple[str, ...]:
        return self.java.command, "-cp", f"{self.jars.absolute() / 'broker'}/*"

    def _format(self) -> None:
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster_id(), "-c", str(self.properties.absolute()))
        done = subprocess.run(
            [*self._java, "-Xmx128m", "-XX:TieredStopAtLevel=1", *tool],
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            raise EnvironmentProblem(
                f"Kafka cannot use {self.folder}: {commands.telling_line(done.stdout + done.stderr)}"
            )


def cluster_id() -> str:
    """A new id of a cluster. It never begins with a dash, which Kafka's tools would take for an option."""
    return base64.urlsafe_b64encode(b"C" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


def answers(bootstrap: str) -> bool:
    """Whether a broker answers there now."""
    try:
        return bool(AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=1).brokers)
    except KafkaException:
        return False
