"""Versions of the policy: saved with who and why, told to the stream, and found again later."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from pipelines import cards
from pipelines.casework import audit
from pipelines.casework.tables import PolicyVersion
from pipelines.errors import Conflict, UsageError
from pipelines.rules.policy import Policy, said


def save(
    session: Session, actor: str, content: Mapping[str, Any], why: str, seen: int | None, now_ms: int
) -> PolicyVersion:
    """Save a policy; it is told within a second and in force within a few more.

    Args:
        session: writes.
        actor: who saves it.
        content: as in a policy file.
        why: in the words of who saves it.
        seen: number of the version that they changed, None if there was none.
        now_ms: epoch milliseconds.

    Raises:
        UsageError: it cannot be run, says why in one line, or there is no reason given.
        Conflict: somebody else has saved one meanwhile, or nothing would change.
    """
    why = cards.without(why)
    if not why:
        raise UsageError("say why: whoever looks at a decision later wants to know")
    try:
        wanted = Policy.model_validate(content)
    except ValidationError as problem:
        raise UsageError(f"this policy cannot be run: {said(problem)}") from problem
    last = latest(session)
    if (last.id if last else None) != seen:
        raise Conflict(f"{last.who if last else 'somebody'} has saved another version meanwhile: look at it first")
    if last and last.version == wanted.version:
        raise Conflict("that is what is in force: nothing would change")
    saved = PolicyVersion(
        version=wanted.version, content=wanted.model_dump(mode="json"), who=actor, why=why, at_ms=now_ms
    )
    session.add(saved)
    audit.write(session, now_ms, actor, "policy.save", wanted.version, why=why)
    return saved


def latest(session: Session) -> PolicyVersion | None:
    """The last one that was saved."""
    return session.scalars(select(PolicyVersion).order_by(PolicyVersion.id.desc()).limit(1)).first()


def history(session: Session, most: int) -> Sequence[PolicyVersion]:
    """Versions, newest first."""
    return session.scalars(select(PolicyVersion).order_by(PolicyVersion.id.desc()).limit(most)).all()


def untold(session: Session) -> PolicyVersion | None:
    """The last one, if it has not been told."""
    last = latest(session)
    return last if last and last.told_ms is None else None


def told(session: Session, number: int, now_ms: int) -> None:
    """The broker has it."""
    session.get_one(PolicyVersion, number).told_ms = now_ms
