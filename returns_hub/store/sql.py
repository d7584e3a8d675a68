"""Statements that both databases spell alike, and lists in chunks that both of them take."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from returns_hub.store.rows import Row

T = TypeVar("T")

# SQLite before 3.32 takes at most 999 parameters in a statement.
_AT_ONCE: Final = 500

INSERT: Final[Mapping[str, Callable[[Table], Any]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""By dialect, the ``INSERT`` that knows of conflicts."""


def upsert(connection: Connection, table: Table, new_rows: Sequence[Row]) -> None:
    """Insert the rows; one whose primary key is there replaces what is there."""
    if new_rows:
        new = INSERT[connection.dialect.name](table)
        values = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
        connection.execute(new.on_conflict_do_update(index_elements=table.primary_key, set_=values), new_rows)


def insert_new(connection: Connection, table: Table, new_rows: Sequence[Row], *, key: str | None = None) -> None:
    """Insert the rows but those whose primary key, or the unique column ``key``, is there already."""
    if new_rows:
        elements = [key] if key else table.primary_key
        new = INSERT[connection.dialect.name](table)
        connection.execute(new.on_conflict_do_nothing(index_elements=elements), new_rows)


def chunks(values: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """The values, so many at a time as one statement may hold."""
    remaining = iter(values)
    while some := tuple(islice(remaining, _AT_ONCE)):
        yield some
