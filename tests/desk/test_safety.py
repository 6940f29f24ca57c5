"""Open to others only with protection, and secrets that only we can read."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Desk, Paths, Settings
from pipelines.desk import safety
from pipelines.errors import ConfigurationError

OPEN = "0.0.0.0"
PROXY = {"behind_proxy": True, "address": "https://desk.example"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": OPEN}, "open to others: set desk.certificate"),
        (
            {"host": OPEN, "behind_proxy": True, "address": "http://desk.example"},
            "open to others: set desk.certificate",
        ),
        ({"host": OPEN, **PROXY}, "set desk.secret to a file"),
        ({"host": OPEN, "certificate": "c.pem", "key": "k.pem"}, "set desk.secret to a file"),
        ({"host": OPEN, "certificate": "c.pem", "key": "k.pem", "secret": "s"}, "and desk.address"),
        ({"host": OPEN, "secret": "s", "contained": True, "address": "http://desk.example"}, "set desk.certificate"),
        ({"host": OPEN, "contained": True, "address": "http://127.0.0.1:8080"}, "set desk.secret to a file"),
        ({"certificate": "c.pem"}, "desk.certificate and desk.key go together"),
        ({"host": "no.such.host.invalid"}, "is no address of this machine"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refused:
        safety.require(Desk.model_validate(settings))
    assert refused.value.exit_code == 78


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": "localhost"},
        {"host": OPEN, "secret": "s", **PROXY},
        {"host": OPEN, "secret": "s", "contained": True, "address": "http://127.0.0.1:8080"},
        {"host": OPEN, "secret": "s", "address": "https://desk.example", "certificate": "c.pem", "key": "k.pem"},
    ],
)
def test_what_is_fine(settings: dict[str, Any]) -> None:
    safety.require(Desk.model_validate(settings))


def test_a_secret_is_made_once_and_only_we_can_read_it(tmp_path: Path) -> None:
    settings = Settings(paths=Paths(run=tmp_path))
    made = safety.secret(settings.desk, settings.paths)
    assert len(made) >= safety.LEAST_SECRET and safety.secret(settings.desk, settings.paths) == made
    assert stat.S_IMODE(os.stat(tmp_path / "desk" / "secret").st_mode) == 0o600


def test_a_secret_that_is_short_or_missing(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    settings = Settings(paths=Paths(run=tmp_path), desk=Desk(secret=file))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        safety.secret(settings.desk, settings.paths)
    file.write_text("short")
    with pytest.raises(ConfigurationError, match="holds 5 characters, it needs 32"):
        safety.secret(settings.desk, settings.paths)
