"""Every table of the desk. Times are epoch milliseconds of the wall clock; `event_ms` is the payment's own time."""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

OPEN: Final = "open"
CLAIMED: Final = "claimed"
WAITING: Final = "waiting"
CLOSED: Final = "closed"
STATES: Final = (OPEN, CLAIMED, WAITING, CLOSED)
_NOT_CLOSED: Final = text(f"state <> '{CLOSED}'")
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up only what it calls INTEGER."""


class Base(DeclarativeBase):
    """What all tables share."""

    type_annotation_map = {int: BigInteger, dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012 - SQLAlchemy's own form


class Case(Base):
    """What a team works on: the alerts of one card until somebody says what they were. At most one that is not closed a card.

    `rank` orders the queue, highest first; see `ranking`.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("one_open_case_a_card", "card_id", unique=True, sqlite_where=_NOT_CLOSED, postgresql_where=_NOT_CLOSED),
        Index("cases_by_rank", "state", "rank"),
        Index("cases_by_assignee", "assignee", "state", "rank"),
        Index("cases_by_closing", "state", "closed_ms"),
        Index("cases_by_wake", "state", "wake_ms"),
        Index("cases_of_card", "card_id"),
    )
    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    card_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(8))
    assignee: Mapped[str | None] = mapped_column(String(40))
    escalated: Mapped[bool] = mapped_column(Boolean, default=False)
    outcome: Mapped[str | None] = mapped_column(String(16))
    expected_loss: Mapped[float]
    currency: Mapped[str] = mapped_column(String(3))
    rank: Mapped[float]
    opened_ms: Mapped[int]
    changed_ms: Mapped[int]
    wake_ms: Mapped[int | None]
    closed_ms: Mapped[int | None]
    alerts: Mapped[list["Alert"]] = relationship(order_by="Alert.event_ms.desc()", back_populates="case")


class Alert(Base):
    """A decision other than approve: the first one about its payment. It belongs to a case once a case is made of it."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("alerts_of_case", "case_id"),
        Index("alerts_of_card", "card_id", "event_ms"),
        Index("alerts_at_merchant", "merchant_id", "event_ms"),
        Index("alerts_of_device", "device_id", "event_ms"),
        Index("alerts_by_decision", "decided_ms"),
    )
    transaction_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    card_id: Mapped[str] = mapped_column(String(64))
    merchant_id: Mapped[str] = mapped_column(String(64))
    device_id: Mapped[str | None] = mapped_column(String(64))
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    channel: Mapped[str | None] = mapped_column(String(16))
    event_ms: Mapped[int]
    action: Mapped[str] = mapped_column(String(10))
    probability: Mapped[float]
    decided_ms: Mapped[int]
    decision: Mapped[dict[str, Any]]
    """The whole record as it was decided (schemas.DECISION)."""
    verdict: Mapped[str | None] = mapped_column(String(8))
    verdict_source: Mapped[str | None] = mapped_column(String(16))
    verdict_ms: Mapped[int | None]
    case: Mapped[Case | None] = relationship(back_populates="alerts")


class Entry(Base):
    """A line of a case's history: who did what, and what they wrote."""

    __tablename__ = "entries"
    __table_args__ = (Index("entries_of_case", "case_id", "id"),)
    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    at_ms: Mapped[int]
    actor: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(Text)


class Message(Base):
    """A notification on its way: written with what it is about, sent by the outbox, once for each `id`."""

    __tablename__ = "messages"
    __table_args__ = (Index("messages_due", "state", "due_ms"), Index("messages_by_writing", "written_ms"))
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    transaction_id: Mapped[str] = mapped_column(String(64))
    audience: Mapped[str] = mapped_column(String(12))
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    written_ms: Mapped[int]
    due_ms: Mapped[int]
    sent_ms: Mapped[int | None]
    trouble: Mapped[str | None] = mapped_column(Text)


class Signal(Base):
    """A verdict or listing on its way to Kafka; until `due_ms` it can be taken back."""

    __tablename__ = "signals"
    __table_args__ = (Index("signals_due", "state", "due_ms"), Index("signals_of_case", "case_id"))
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    record: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(8))
    due_ms: Mapped[int]
    sent_ms: Mapped[int | None]


class Answer(Base):
    """What a cardholder said through a link. A link answers once."""

    __tablename__ = "answers"
    transaction_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(8))
    at_ms: Mapped[int]


class Place(Base):
    """How far a topic has been taken in: written in the transaction that holds what came of it."""

    __tablename__ = "places"
    topic: Mapped[str] = mapped_column(String(40), primary_key=True)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True)
    next_offset: Mapped[int]
    appended_ms: Mapped[int]
    event_ms: Mapped[int]


class User(Base):
    """Who may come in."""

    __tablename__ = "users"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    password: Mapped[str] = mapped_column(String(200))
    must_change: Mapped[bool] = mapped_column(Boolean, default=True)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    made_ms: Mapped[int]


class Session(Base):
    """Somebody who is in. Of the cookie only a hash is kept."""

    __tablename__ = "sessions"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("users.name"))
    csrf: Mapped[str] = mapped_column(String(64))
    seen_ms: Mapped[int]


class Audit(Base):
    """Who did what, each line sealed with the hash of the one before."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    at_ms: Mapped[int]
    actor: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(24))
    subject: Mapped[str] = mapped_column(String(80))
    details: Mapped[dict[str, Any]]
    seal: Mapped[str] = mapped_column(String(64))


class PolicyVersion(Base):
    """A policy that was saved here: what it says, who saved it and why. The last one is in force once it is told."""

    __tablename__ = "policies"
    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    version: Mapped[str] = mapped_column(String(60))
    content: Mapped[dict[str, Any]]
    who: Mapped[str] = mapped_column(String(40))
    why: Mapped[str] = mapped_column(Text)
    at_ms: Mapped[int]
    told_ms: Mapped[int | None]


class Listing(Base):
    """What is listed as heard on topic `signals`: an entity (card_id, merchant_id, device_id) and which one."""

    __tablename__ = "listings"
    entity: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(String(64), primary_key=True)
    listed: Mapped[str] = mapped_column(String(8))
    until_ms: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(16))
    heard_ms: Mapped[int]
