"""Erasure: all that is stored of a return is removed, and digests of its names keep it from being stored again."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Connection, Table, bindparam, delete, select, update

from returns_hub.events import EventUnmapped, Origin, ReturnErased
from returns_hub.json_codec import encode_json
from returns_hub.reports import Erased
from returns_hub.scalars import format_time
from returns_hub.store import rows, search
from returns_hub.store.database import Database, database_time, store_errors
from returns_hub.store.events import append_events
from returns_hub.store.schema import (
    DELIVERIES,
    ERASED,
    EVENTS,
    ITEMS,
    MERGE_STATE,
    NAMES,
    RETURNS,
    SHIPMENTS,
    WAITING,
)
from returns_hub.store.sql import chunks, upsert

# Words of the vocabularies, counts, and the vendor's words for where things stand. All else may be a customer's.
_IMPERSONAL: Final = frozenset(
    {
        *("status", "status_raw", "attention", "kind", "goods_expected", "request_id", "event", "delivery"),
        *("quantity", "quantity_ordered", "quantity_received", "direction"),
        *("disposition", "disposition_raw", "disposition_status", "disposition_status_raw"),
    }
)
_NOTHING: Final = (None, None)


@frozen(kw_only=True)
class ReturnNames:
    """All that one return is called: ``ids``, among them those of the request that it grew from, and ``parts``."""

    ids: frozenset[str]
    parts: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Every name, ``return:ID`` for the ids."""
        return self.parts | {rows.return_name(key) for key in self.ids}


class Erasures:
    """Erases what a database holds of single returns."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def names(self, account: str, return_id: str) -> ReturnNames:
        """What a return is called, as far as anybody has said.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            return _names(connection, account, return_id)

    @store_errors
    def erase(
        self,
        account: str,
        return_id: str,
        *,
        deliveries: Collection[int],
        pending: int = 0,
        allow_resync: bool = False,
    ) -> Erased:
        """Remove a return and these deliveries in one transaction. Unless ``allow_resync``, it is not stored again.

        ``pending`` is how many deliveries are left to be processed first. Nothing is vacuumed yet.

        Raises:
            StoreError: the database fails. Nothing was removed.
        """
        with self.database.writing(durable=True) as connection:
            names = _names(connection, account, return_id)
            _mark(connection, account, return_id, names, allow_resync=allow_resync)
            events = _redact_events(connection, account, names.ids, deliveries)
            waiting = _remove_waiting(connection, account, names.parts)
            for key in names.ids:
                search.remove_terms(connection, account, key)
            stored = select(RETURNS.c.id).where(RETURNS.c.account == account, RETURNS.c.id.in_(names.ids))
            now = database_time(connection)
            append_events(
                connection, [_event(account, key, now) for key in sorted(connection.execute(stored).scalars())]
            )
            removed = [
                _remove(connection, table, account, column, names.ids)
                for table, column in ((RETURNS, "id"), *((each, "return_id") for each in _PARTS))
            ]
            gone = sum(
                connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(some))).rowcount
                for some in chunks(deliveries)
            )
        return Erased(
            returns=removed[0], events=events, deliveries=gone, pending=pending, waiting=waiting, vacuumed=False
        )


_PARTS: Final = (ITEMS, SHIPMENTS, MERGE_STATE, NAMES)


def _event(account: str, return_id: str, now: datetime) -> ReturnErased:
    identity = f"{account} {ReturnErased.type} {return_id} {format_time(now)}"
    return ReturnErased(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        account=account,
        return_id=return_id,
        occurred_at=now,
        recorded_at=now,
        origin=Origin.LOCAL,
    )


def _names(connection: Connection, account: str, return_id: str) -> ReturnNames:
    ids, found = {return_id}, {return_id}
    table = RETURNS.c
    while found:
        # A request and what grew from it are one life.
        query = select(table.id, table.request_id).where(table.account == account)
        # Two queries: asked for either, SQLite would read the whole account.
        conditions = (table.id.in_(found), table.request_id.in_(found))
        related = [row for condition in conditions for row in connection.execute(query.where(condition))]
        found = {key for row in related for key in row if key} - ids
        ids |= found
    of_returns = select(NAMES.c.name).where(NAMES.c.account == account, NAMES.c.return_id.in_(ids))
    return ReturnNames(ids=frozenset(ids), parts=frozenset(connection.execute(of_returns).scalars()))


def _mark(connection: Connection, account: str, return_id: str, names: ReturnNames, *, allow_resync: bool) -> None:
    """Keep what is called by any of the names out of the mirror, or with ``allow_resync`` no longer, if it was."""
    table = ERASED.c
    if allow_resync:
        digests = [rows.fingerprint(rows.return_name(key)) for key in names.ids]
        subjects = select(table.subject).where(table.account == account, table.digest.in_(digests))
        connection.execute(delete(ERASED).where(table.account == account, table.subject.in_(subjects)))
        return
    common = {
        "account": account,
        "subject": rows.fingerprint(rows.return_name(return_id)),
        "erased_at": database_time(connection),
    }
    upsert(connection, ERASED, [{**common, "digest": rows.fingerprint(name)} for name in sorted(names.all)])


def _remove(connection: Connection, table: Table, account: str, column: str, ids: Collection[str]) -> int:
    gone = delete(table).where(table.c.account == account, table.c[column].in_(ids))
    return connection.execute(gone).rowcount


def _remove_waiting(connection: Connection, account: str, parts: Collection[str]) -> int:
    """Remove the observations that name any of the parts, under all of their names; how many."""
    table = WAITING.c
    keys = {
        key
        for some in chunks(parts)
        for key in connection.execute(
            select(table.fingerprint).where(table.account == account, table.name.in_(some))
        ).scalars()
    }
    for some in chunks(keys):
        connection.execute(delete(WAITING).where(table.account == account, table.fingerprint.in_(some)))
    return len(keys)


def _redact_events(connection: Connection, account: str, ids: Collection[str], deliveries: Collection[int]) -> int:
    """Remove the personal values of the returns' events, and of those about deliveries that nobody could interpret; how many events."""
    table = EVENTS.c
    query = select(table.sequence, table.type, table.changes).where(table.account == account)
    found = list(connection.execute(query.where(table.return_id.in_(ids))))
    if deliveries:
        unmapped = connection.execute(query.where(table.return_id == "", table.type == EventUnmapped.type))
        gone = set(deliveries)
        found += [row for row in unmapped if rows.decode(row.changes).get("delivery", _NOTHING)[1] in gone]
    redacted = [{"of": row.sequence, "new": encode_json(_redact(rows.decode(row.changes)))} for row in found]
    if redacted:
        statement = update(EVENTS).where(table.sequence == bindparam("of")).values(changes=bindparam("new"))
        connection.execute(statement, redacted)
    return len(redacted)


def _redact(changes: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The changes of an event without what may be a customer's. A part is numbered: its id may be a tracking number."""
    redacted: dict[str, Sequence[Any]] = {}
    parts: dict[str, str] = {}
    for place, values in changes.items():
        part, _, name = place.rpartition("].") if "[" in place else ("", "", place)
        if part:
            part = parts.setdefault(part, f"{part.partition('[')[0]}[{len(parts) + 1}].")
        redacted[part + name] = values if name.rpartition(".")[2] in _IMPERSONAL else _NOTHING
    return redacted
