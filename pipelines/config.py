"""Typed settings. Read once, by a job; every other module is handed the part it needs."""

from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from pipelines.errors import ConfigurationError
from pipelines.folders import SCHEME, Folder, in_store

PREFIX: Final = "CLEARHOLD_"
DIVIDER: Final = "__"
"""CLEARHOLD_HOT__MASTER is the setting hot.master."""


class Section(BaseModel):
    """A group of settings: unknown keys are refused, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(Section):
    """Where the broker is and how topics are laid out."""

    bootstrap: str = "127.0.0.1:9092"
    partitions: int = Field(2, ge=1, description="partitions of the payment topics")
    replication: int = Field(1, ge=1)
    retention_hours: int = Field(24 * 7, ge=1)


class Registry(Section):
    """Where MLflow is and what the model is called there."""

    uri: str = "http://127.0.0.1:5000"
    model: str = "clearhold"
    poll_seconds: float = Field(2.0, gt=0, description="how often the stream looks for another champion")


class Hot(Section):
    """The decision path on Spark real-time mode."""

    master: str = Field("local[32]", description="slots: more than all tasks of both queries, or a swap starves them")
    driver_memory: str = "2g"
    java_options: str = Field("", description="of the Java machine that decides")
    state_partitions: int = Field(2, ge=1, description="partitions of each keyed stage")
    checkpoint_seconds: int = Field(240, ge=5, description="seconds between checkpoints; each stops the flow briefly")
    place_seconds: float = Field(20, gt=0, description="how often the place reached is kept, for an exact restart")
    standby: bool = Field(False, description="a second one waits warm and takes over when the first one ends")
    await_history: bool = Field(False, description="open only after a published history is in the state")
    planned_ahead: int = Field(16, ge=0, description="times the stateful query is planned before a checkpoint has to")
    warmup_records: int = Field(20_000, ge=0, description="recent history records scored before the door opens")


class Lake(Section):
    """The lake jobs on Spark micro-batch and batch."""

    master: str = "local[2]"
    driver_memory: str = "1g"
    trigger_seconds: int = Field(5, ge=1, description="seconds between landing batches")
    batch_records: int = Field(100_000, ge=1, description="most records of a landing batch, held in memory meanwhile")
    behind_records: int = Field(10_000, ge=1, description="the same for a history, which decisions would wait behind")
    quality_batches: int = Field(60, ge=1, description="landing batches between quality checks")
    watch_seconds: int = Field(3600, ge=1, description="seconds between looks at drift in a live run")
    tend_seconds: int = Field(3600, ge=1, description="seconds between rounds of upkeep in a live run")


class Labels(Section):
    """Whose word counts about what a payment was, and when enough is known."""

    precedence: tuple[str, ...] = Field(
        ("chargeback", "analyst", "cardholder", "system"), description="trusted sources, the most trusted one first"
    )
    mature_share: float = Field(
        0.95, gt=0, lt=1, description="share of frauds that must be known before a day is learned from"
    )
    delay_days: int = Field(7, ge=0, description="the same as an age in days, where too few frauds are known to tell")


class Gate(Section):
    """What a challenger must reach before it may serve."""

    frauds: int = Field(20, ge=1, description="frauds in the days on which champion and challenger are compared")
    calibration_error: float = Field(
        0.35, gt=0, description="most that predicted and observed frauds may differ beyond chance, relative"
    )
    score_us: float = Field(100, gt=0, description="microseconds that scoring a payment may take on one core")
    shadow_payments: int = Field(
        200, ge=0, description="live payments that the challenger must have scored in the shadow"
    )
    alert_ratio: float = Field(2.0, gt=0, description="most alerts, against the champion's")
    alert_floor: float = Field(
        0.01, ge=0, description="share of payments that may be alerts however few the champion has"
    )


class Desk(Section):
    """The web application for analysts, managers and engineers, and what it sends."""

    host: str = Field("127.0.0.1", description="address it listens on")
    port: int = Field(8080, ge=0, le=65_535)
    address: str = Field(
        "", description="what people type, when it is not http://host:port; links in messages begin with it"
    )
    database: str = Field(
        "", description="SQLAlchemy URL; a SQLite file below the run when empty. Passwords: PGPASSWORD or PGPASSFILE"
    )
    certificate: Path | None = Field(None, description="TLS certificate (PEM), with key")
    key: Path | None = None
    contained: bool = Field(
        False,
        description="it runs in a container, and its port can only be reached at address, which is this machine's own",
    )
    behind_proxy: bool = Field(False, description="a proxy in front ends TLS, and address says https")
    secret: Path | None = Field(
        None, description="file with the key that signs links; one is made below the run when absent"
    )
    idle_minutes: float = Field(15, gt=0, description="without a click for so long, a session ends")
    link_days: float = Field(7, gt=0, description="how long a cardholder can answer")
    cardholders: str = Field("", description="Apprise URL for messages to cardholders; a local inbox when empty")
    team: str = Field("", description="the same for the team")


class Paths(Section):
    """Folders and files; everything a run writes is below `run`, or below `store`."""

    run: Path = Path("run/live")
    store: str = Field(
        "",
        pattern=rf"^({SCHEME}[^/]+/.*[^/])?$",
        description="folder in an object store, s3a://bucket/folder, for lake and checkpoints; below `run` when empty",
    )
    policy: Path = Path("conf/policy.yaml")

    @property
    def lake(self) -> Folder:
        """Delta tables, one folder each."""
        return self._kept / "lake"

    @property
    def checkpoints(self) -> Folder:
        """Streaming checkpoints, one folder a query."""
        return self._kept / "checkpoints"

    @property
    def _kept(self) -> Folder:
        return in_store(self.store, self.run / "locks") if self.store else self.run

    @property
    def status(self) -> Path:
        """Small JSON files in which each process says how it is."""
        return self.run / "status"

    @property
    def policies(self) -> Path:
        """Every policy that has served, by version."""
        return self.run / "policies"

    @property
    def watch_metrics(self) -> Path:
        """What the watch found, in Prometheus' text format."""
        return self.run / "metrics" / "watch.prom"

    @property
    def desk(self) -> Path:
        """What the desk keeps: its database where it is SQLite, its secret, its local inbox."""
        return self.run / "desk"

    @property
    def first_password(self) -> Path:
        """How to come in for the first time; gone once the administrator has chosen a password."""
        return self.desk / "first-password"

    @property
    def models(self) -> Path:
        """Models fetched from the registry; the last good one serves when the registry is away."""
        return self.run / "models"


class Settings(BaseSettings):
    """All settings of one deployment."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter=DIVIDER, env_ignore_empty=True
    )

    kafka: Kafka = Kafka()
    registry: Registry = Registry()
    hot: Hot = Hot()
    lake: Lake = Lake()
    labels: Labels = Labels()
    gate: Gate = Gate()
    desk: Desk = Desk()
    paths: Paths = Paths()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only `load` looks into the environment."""
        return (init_settings,)


def load(*files: Path) -> Settings:
    """Settings from YAML files, later ones over earlier ones, and over them what the environment says.

    The variable of `hot.master` is CLEARHOLD_HOT__MASTER, and so on; an empty one says nothing.

    Raises:
        ConfigurationError: a file is missing, is not YAML, or holds an unknown or impossible setting.
    """
    merged: dict[str, Any] = {}
    for file in files:
        try:
            merged = _overlay(merged, yaml.safe_load(file.read_text()) or {})
        except (OSError, yaml.YAMLError) as problem:
            raise ConfigurationError(f"settings file {file} cannot be read: {problem}") from problem
    merged = _overlay(merged, EnvSettingsSource(Settings)())
    try:
        return Settings(**merged)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"setting {where}: {first['msg']} (in {', '.join(map(str, files))} or the environment)"
        ) from problem


def lake_of(run: Path) -> Folder:
    """The lake of a run: in the store that its settings name, otherwise in its folder."""
    file = run / "settings.yaml"
    return Paths(run=run, store=load(file).paths.store if file.exists() else "").lake


def is_setting(variable: str) -> bool:
    """Whether a variable of the environment is a setting for `load`."""
    return variable.startswith(PREFIX) and DIVIDER in variable


def dump(settings: Settings, file: Path) -> None:
    """Write settings as YAML that `load` reads back."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False))


def _overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _overlay(merged[key], value) if both else value
    return merged
