"""Open to others only with protection; secrets in files that only we can read."""

import ipaddress
import secrets
import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pipelines.config import Desk, Paths
from pipelines.errors import ConfigurationError

LEAST_SECRET: Final = 32


def require(desk: Desk) -> None:
    """Refuse to be open to others without protection.

    Raises:
        ConfigurationError: it is not what it should be; the line says what to set.
    """
    try:
        is_local = ipaddress.ip_address(socket.gethostbyname(desk.host)).is_loopback
    except (OSError, ValueError) as problem:
        raise ConfigurationError(f"desk.host {desk.host} is no address of this machine") from problem
    if bool(desk.certificate) != bool(desk.key):
        raise ConfigurationError("desk.certificate and desk.key go together")
    secure = bool(desk.certificate) or (desk.behind_proxy and desk.address.startswith("https://")) or _at_home(desk)
    if not is_local and not secure:
        raise ConfigurationError(
            f"desk.host {desk.host} is open to others: set desk.certificate and desk.key, or desk.behind_proxy with an "
            "https:// desk.address"
        )
    if not is_local and not (desk.secret and desk.address):
        raise ConfigurationError(
            f"desk.host {desk.host} is open to others: set desk.secret to a file with a key of your own, and desk.address"
        )


def address(desk: Desk) -> str:
    """What people type."""
    return desk.address or f"{'https' if desk.certificate else 'http'}://{desk.host}:{desk.port}"


def _at_home(desk: Desk) -> bool:
    """Whether it listens inside a container whose port this machine alone can reach."""
    return desk.contained and urlsplit(desk.address).hostname in ("127.0.0.1", "localhost", "::1")


def secret(desk: Desk, paths: Paths) -> str:
    """What signs links: from the file that the settings name, or one that is made below the run.

    Raises:
        ConfigurationError: the file cannot be read or holds too little.
    """
    file = desk.secret or paths.desk / "secret"
    if desk.secret is None and not file.exists():
        put_private(file, secrets.token_urlsafe(LEAST_SECRET))
    try:
        found = file.read_text().strip()
    except OSError as problem:
        raise ConfigurationError(f"desk.secret {file} cannot be read: {problem.strerror}") from problem
    if len(found) < LEAST_SECRET:
        raise ConfigurationError(f"desk.secret {file} holds {len(found)} characters, it needs {LEAST_SECRET}")
    return found


def put_private(file: Path, text: str) -> None:
    """Write a file that only we can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    file.write_text(text + "\n")
