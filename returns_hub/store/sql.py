"""Statements for many rows at a time, and lists in chunks that both databases take.

Rows of several tables are written together: with SQLite by the driver, one statement a table; with PostgreSQL in one round trip, where
each statement would otherwise cost one.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, Final, TypeAlias, TypeVar

from attrs import frozen
from sqlalchemy import BigInteger, Boolean, Column, Connection, Double, Integer, LargeBinary, Table, Text
from sqlalchemy.types import TypeEngine

from returns_hub.store.rows import Row
from returns_hub.store.schema import Moment, file_time

T = TypeVar("T")

# SQLite before 3.32 takes at most 999 parameters in a statement.
_AT_ONCE: Final = 500

# PostgreSQL's names for the types of our columns. Its dialect has them too, but is not imported for SQLite.
_TYPES: Final[Mapping[type[TypeEngine[Any]], str]] = {
    BigInteger: "BIGINT",
    Boolean: "BOOLEAN",
    Double: "DOUBLE PRECISION",
    Integer: "INTEGER",
    LargeBinary: "BYTEA",
    Moment: "TIMESTAMP WITH TIME ZONE",
    Text: "TEXT",
}

_Columns: TypeAlias = Sequence[Column[Any]]


def insert_into(connection: Connection, table: Table) -> Any:
    """The ``INSERT`` that knows of conflicts, for the connection's database."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


@frozen
class Bulk:
    """A statement for many rows: ``for_each`` is SQLite's for one of them, ``for_all`` PostgreSQL's for all of them.

    Its parameters are the values of ``columns``: of one row, or a list of each. ``channel`` is what PostgreSQL notifies.
    """

    columns: _Columns
    for_each: str
    for_all: str
    channel: str | None = None


@functools.cache
def upserting(table: Table) -> Bulk:
    """Insert the rows; one whose primary key is there replaces what is there."""
    others = [column for column in table.c if not column.primary_key]
    changes = _join(others, "{0} = excluded.{0}")
    return _inserting(table, _join(table.primary_key, "{0}"), f"UPDATE SET {changes}" if changes else "NOTHING")


@functools.cache
def inserting(table: Table, *, key: str | None = None, channel: str | None = None) -> Bulk:
    """Insert the rows, in their order, but those whose primary key, or the unique column ``key``, is there already."""
    return _inserting(table, key or _join(table.primary_key, "{0}"), "NOTHING", channel)


def _inserting(table: Table, key: str, otherwise: str, channel: str | None = None) -> Bulk:
    # Columns that the database numbers are left out.
    columns = [column for column in table.c if column.autoincrement is not True]
    names = _join(columns, "{0}")
    insert, conflict = f"INSERT INTO {table.name} ({names})", f"ON CONFLICT ({key}) DO {otherwise}"
    return Bulk(
        columns=columns,
        for_each=f"{insert} VALUES ({_join(columns, '?')}) {conflict}",
        for_all=f"{insert} SELECT {names} FROM {_unnest(columns)} ORDER BY ordinality {conflict}",  # noqa: S608 - names of ours
        channel=channel,
    )


@functools.cache
def updating(table: Table, *names: str) -> Bulk:
    """Change these columns of rows that are there."""
    changed, key = [table.c[name] for name in names], list(table.primary_key)
    update = f"UPDATE {table.name} SET"
    return Bulk(
        columns=[*changed, *key],
        for_each=f"{update} {_join(changed, '{0} = ?')} WHERE {_join(key, '{0} = ?', ' AND ')}",
        for_all=f"{update} {_join(changed, '{0} = new.{0}')} FROM {_unnest([*changed, *key])} WHERE {_is_new(table)}",
    )


@functools.cache
def deleting(table: Table) -> Bulk:
    """Delete the rows that have the primary keys of these."""
    key = list(table.primary_key)
    return Bulk(
        columns=key,
        for_each=f"DELETE FROM {table.name} WHERE {_join(key, '{0} = ?', ' AND ')}",  # noqa: S608 - names of ours
        for_all=f"DELETE FROM {table.name} USING {_unnest(key)} WHERE {_is_new(table)}",  # noqa: S608 - names of ours
    )


def _join(columns: Iterable[Column[Any]], each: str, separator: str = ", ") -> str:
    return separator.join(each.format(column.name) for column in columns)


def _unnest(columns: _Columns) -> str:
    # Binary arrays cost a sixth of what text costs.
    arrays = ", ".join(f"%b::{_TYPES[type(column.type)]}[]" for column in columns)
    return f"unnest({arrays}) WITH ORDINALITY AS new ({_join(columns, '{0}')}, ordinality)"


def _is_new(table: Table) -> str:
    return _join(table.primary_key, f"{table.name}.{{0}} = new.{{0}}", " AND ")


def write(connection: Connection, bulks: Iterable[tuple[Bulk, Sequence[Row]]]) -> None:
    """Execute statements, each for its rows. No two of them may be about the same row: PostgreSQL executes all of them at once."""
    dialect = connection.dialect.name
    filled = [
        (bulk, [_bound(column, new_rows, dialect) for column in bulk.columns]) for bulk, new_rows in bulks if new_rows
    ]
    if dialect == "sqlite":
        for bulk, values in filled:
            connection.exec_driver_sql(bulk.for_each, list(zip(*values, strict=True)))
    elif filled:
        steps = ", ".join(f"step{number} AS ({bulk.for_all})" for number, (bulk, _) in enumerate(filled))
        notices = [f"pg_notify('{channel}', '')" for channel in {bulk.channel for bulk, _ in filled} if channel]
        parameters = tuple(value for _, values in filled for value in values)
        connection.exec_driver_sql(f"WITH {steps} SELECT {', '.join(notices) or 1}", parameters)


def _bound(column: Column[Any], new_rows: Iterable[Row], dialect: str) -> list[Any]:
    """The values of a column, as the driver takes them."""
    values = list(map(itemgetter(column.name), new_rows))
    if dialect == "sqlite":
        if isinstance(column.type, Moment):
            # Many rows of a return share a value.
            moments = dict(zip(map(id, values), values, strict=True))
            texts = {key: moment and file_time(moment) for key, moment in moments.items()}
            return [texts[id(value)] for value in values]
        return values
    if isinstance(column.type, Text):
        # An array has elements of one type.
        return [value if value is None or type(value) is str else str(value) for value in values]
    return values


def upsert(connection: Connection, table: Table, new_rows: Sequence[Row]) -> None:
    """Insert the rows; one whose primary key is there replaces what is there."""
    write(connection, [(upserting(table), new_rows)])


def insert_new(connection: Connection, table: Table, new_rows: Sequence[Row]) -> None:
    """Insert the rows but those whose primary key is there already."""
    write(connection, [(inserting(table), new_rows)])


def chunks(values: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """The values, so many at a time as one statement may hold."""
    remaining = iter(values)
    while some := tuple(islice(remaining, _AT_ONCE)):
        yield some
