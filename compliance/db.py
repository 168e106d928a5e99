"""The database: one extension, exact column types, one transaction around a use-case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Generic, TypeVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Dialect, Engine, MetaData, String, event
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from compliance.rules.terms import Term

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_writing: ContextVar[bool] = ContextVar("writing", default=True)
_lasting: ContextVar[bool] = ContextVar("lasting", default=True)


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)

TermT = TypeVar("TermT", bound=Term)


class Instant(TypeDecorator[dt.datetime]):
    """An aware moment, kept in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """To UTC; SQLite keeps no zone, so it is dropped there and put back on reading."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        """Back to an aware moment in UTC."""
        if value is None:
            return None
        moment: dt.datetime = value
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


class Exact(TypeDecorator[Decimal]):
    """An exact decimal, kept as its text, because SQLite would make it a float."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """The decimal's own text."""
        return None if value is None else str(Decimal(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Back to the decimal."""
        return None if value is None else Decimal(value)


class TermColumn(TypeDecorator[TermT], Generic[TermT]):
    """A word of a closed vocabulary; anything else cannot be stored."""

    impl = String(40)
    cache_ok = True

    def __init__(self, vocabulary: type[TermT]) -> None:
        super().__init__(40)
        self.vocabulary = vocabulary

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The word itself; raises ValueError for a word outside the vocabulary."""
        return None if value is None else str(self.vocabulary(value).value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> TermT | None:
        """Back to the term."""
        return None if value is None else self.vocabulary(value)


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    if type(connection).__module__.split(".")[0] != "sqlite3":
        return
    connection.isolation_level = None  # the driver must not begin by itself
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    lasting = _lasting.get()
    if connection.dialect.name == "sqlite":
        if connection.info.get("lasting", True) is not lasting:
            connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
            connection.info["lasting"] = lasting
        # A plain BEGIN takes no lock until the first write, and then loses updates.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")
    elif not lasting:
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")


def only_reading(reading: bool) -> None:
    """Say whether what follows only reads, so that readers do not queue for the lock."""
    _writing.set(not reading)


@contextmanager
def transaction(*, lasting: bool = True) -> Iterator[Any]:
    """One transaction around a use-case: committed at the end, rolled back if anything raises.

    One that is not `lasting` survives the end of this process at once, and a power cut only after
    the next lasting one (or a second, on PostgreSQL).
    """
    if db.session.new or db.session.dirty or db.session.deleted:
        raise RuntimeError("a transaction must begin with nothing pending")
    db.session.rollback()
    before, lasted = _writing.set(True), _lasting.set(lasting)
    try:
        yield db.session
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _writing.reset(before)
        _lasting.reset(lasted)
