"""Users, their passwords (Argon2id) and their sessions. Of a password or session token only a hash is ever stored."""

import functools
import hashlib
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Transaction

from pipelines.casework import audit, cases
from pipelines.casework.tables import Session, User
from pipelines.desk.roles import Permission, Role, may
from pipelines.errors import Conflict, UsageError

LEAST_LENGTH: Final = 12
ADMINISTRATOR: Final = "admin"
_HASHER: Final = PasswordHasher()


class Visit(NamedTuple):
    """Somebody who is in."""

    name: str
    role: str
    must_change: bool
    csrf: str


def first_administrator(transaction: Transaction, now_ms: int) -> str | None:
    """Make the first user where there is none; the password, shown once. None if there are users."""
    if transaction.scalars(select(User).limit(1)).first():
        return None
    return add(transaction, "system", ADMINISTRATOR, Role.ADMINISTRATOR, now_ms)


def add(transaction: Transaction, actor: str, name: str, role: str, now_ms: int) -> str:
    """Make a user; returns the password for the first visit, at which another one has to be chosen.

    Raises:
        UsageError: that is no name or role.
        Conflict: there is such a user.
    """
    if not (name.isascii() and name.replace("-", "").replace(".", "").isalnum() and 2 <= len(name) <= 40):
        raise UsageError("a user name has 2 to 40 letters, digits, dots or dashes")
    if role not in set(Role):
        raise UsageError(f"there is no role {role}; there are {', '.join(Role)}")
    if transaction.get(User, name):
        raise Conflict(f"there is a user {name}")
    password = secrets.token_urlsafe(12)
    transaction.add(User(name=name, role=role, password=_HASHER.hash(password), must_change=True, made_ms=now_ms))
    audit.write(transaction, now_ms, actor, "user.add", name, role=role)
    return password


def change(transaction: Transaction, actor: str, name: str, role: str, is_active: bool, now_ms: int) -> None:
    """Give a user another role, or take the way in; whoever is in is out at once, and their cases go back to the team.

    Raises:
        UsageError: there is no such user or role.
        Conflict: nobody would be left who can administer.
    """
    user = transaction.get(User, name)
    if user is None or role not in set(Role):
        raise UsageError(f"there is no user {name}, or no role {role}")
    user.role, user.is_active = role, is_active
    transaction.flush()
    if not transaction.scalars(select(User).where(User.role == Role.ADMINISTRATOR, User.is_active)).first():
        raise Conflict("somebody must remain who can administer")
    transaction.execute(delete(Session).where(Session.user == name))
    if not is_active:
        cases.reassign_all(transaction, name)
    audit.write(transaction, now_ms, actor, "user.change", name, role=role, is_active=is_active)


def reset(transaction: Transaction, actor: str, name: str, now_ms: int) -> str:
    """Give a user a new first password; whoever is in with the old one is out.

    Raises:
        UsageError: there is no such user.
    """
    user = transaction.get(User, name)
    if user is None:
        raise UsageError(f"there is no user {name}")
    password = secrets.token_urlsafe(12)
    user.password, user.must_change = _HASHER.hash(password), True
    transaction.execute(delete(Session).where(Session.user == name))
    audit.write(transaction, now_ms, actor, "user.reset", name)
    return password


def everybody(transaction: Transaction) -> Sequence[User]:
    """All users by name."""
    return transaction.scalars(select(User).order_by(User.name)).all()


def deciders(transaction: Transaction) -> list[str]:
    """Names of those who may come in and decide cases."""
    return [each.name for each in everybody(transaction) if each.is_active and may(each.role, Permission.DECIDE)]


def is_right(transaction: Transaction, name: str, password: str) -> bool:
    """Whether that is the password of a user who may come in. Takes as long for those who do not exist."""
    user = transaction.get(User, name)
    try:
        _HASHER.verify(user.password if user else _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return user is not None and user.is_active


def come_in(transaction: Transaction, name: str, now_ms: int) -> str:
    """Begin a session; its token, for the cookie."""
    token = secrets.token_urlsafe(32)
    transaction.add(Session(token=_hashed(token), user=name, csrf=secrets.token_urlsafe(24), seen_ms=now_ms))
    audit.write(transaction, now_ms, name, "user.in", name)
    return token


def visit(transaction: Transaction, token: str, since_ms: int) -> Visit | None:
    """Who that is, if they were last seen since then."""
    found = transaction.get(Session, _hashed(token))
    user = transaction.get(User, found.user) if found and found.seen_ms >= since_ms else None
    if found is None or user is None or not user.is_active:
        return None
    return Visit(user.name, user.role, user.must_change, found.csrf)


def last_seen(transaction: Transaction, token: str) -> int:
    """When that session did something; 0 of none."""
    found = transaction.get(Session, _hashed(token))
    return found.seen_ms if found else 0


def seen(transaction: Transaction, token: str, now_ms: int) -> None:
    """Note that somebody did something."""
    found = transaction.get(Session, _hashed(token))
    if found:
        found.seen_ms = now_ms


def leave(transaction: Transaction, token: str) -> None:
    """End a session."""
    transaction.execute(delete(Session).where(Session.token == _hashed(token)))


def set_password(transaction: Transaction, name: str, old: str, new: str, now_ms: int) -> None:
    """Choose another password; all sessions of that user end.

    Raises:
        UsageError: the old one is wrong, or the new one too weak.
    """
    if not is_right(transaction, name, old):
        raise UsageError("the present password is not right")
    if len(new) < LEAST_LENGTH or new == old or name.lower() in new.lower():
        raise UsageError(f"a password has at least {LEAST_LENGTH} characters, without your name, and is a new one")
    user = transaction.get_one(User, name)
    user.password, user.must_change = _HASHER.hash(new), False
    transaction.execute(delete(Session).where(Session.user == name))
    audit.write(transaction, now_ms, name, "user.password", name)


@functools.cache
def _nobody() -> str:
    """Verified for names that do not exist, so that they take as long as those that do."""
    return _HASHER.hash(secrets.token_hex(16))


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
