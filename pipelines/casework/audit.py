"""Who did what, in a chain: every line carries a hash over itself and the line before, so none can be changed or taken out."""

import hashlib
import json
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipelines.casework.tables import Audit
from pipelines.errors import Mismatch

FIRST_SEAL: Final = "0" * 64
_CHUNK: Final = 1_000


class Chain(NamedTuple):
    """A chain that holds: how many lines, and the seal of the last one. Whoever has noted a seal can ask for it later."""

    lines: int
    seal: str


def write(session: Session, at_ms: int, actor: str, action: str, subject: str, **details: Any) -> None:
    """Add a line, in the transaction of what it tells about."""
    session.flush()
    last = session.scalars(select(Audit).order_by(Audit.id.desc()).limit(1)).first()
    line = Audit(
        id=last.id + 1 if last else 1, at_ms=at_ms, actor=actor, action=action, subject=subject, details=details
    )
    line.seal = _sealed(line, last.seal if last else FIRST_SEAL)
    session.add(line)


def verify(session: Session, noted: str | None = None) -> Chain:
    """Walk the whole chain.

    Args:
        session: reads.
        noted: a seal from earlier, which must still be there: lines cut off at the end leave a chain that holds.

    Raises:
        Mismatch: a line was changed, added or taken out; it says which one.
    """
    seal, lines, seen = FIRST_SEAL, 0, noted in (None, FIRST_SEAL)
    for line in session.scalars(select(Audit).order_by(Audit.id).execution_options(yield_per=_CHUNK)):
        lines += 1
        if line.id != lines:
            raise Mismatch(f"audit: line {lines} is missing")
        if _sealed(line, seal) != line.seal:
            raise Mismatch(f"audit: line {line.id} is not as it was written, or the one before it")
        seal = line.seal
        seen = seen or seal == noted
    if not seen:
        raise Mismatch(f"audit: the chain holds, but no line carries the seal {noted}: its end was cut off")
    return Chain(lines, seal)


def _sealed(line: Audit, before: str) -> str:
    content = [before, line.id, line.at_ms, line.actor, line.action, line.subject, line.details]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
