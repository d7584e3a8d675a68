"""How observations become rows: inside one transaction, as few statements as there are tables."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from attrs import evolve, frozen
from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from returns_hub.convert import dump, encode_json
from returns_hub.events import Event
from returns_hub.merge import Merged, Observation, Stamp, State, merge
from returns_hub.store import rows
from returns_hub.store.schema import CHECKPOINTS, EVENTS, ITEMS, MERGE_STATE, RETURNS, SHIPMENTS

# SQLite before 3.32 takes at most 999 parameters in a statement.
_AT_ONCE: Final = 500
_INSERT: Final[Mapping[str, Callable[[Table], Any]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@frozen(kw_only=True)
class Applied:
    """What became of some observations: how many returns were new, told at least one event, or told nothing.

    ``refused`` observations could not be stored. Of the returns in ``reread``, two observations of the same vendor time
    disagree.
    """

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    events: int = 0
    refused: int = 0
    reread: tuple[str, ...] = ()


@frozen
class Telling:
    """An observation as it is to be stored, and the digest by which it is recognised when it comes again."""

    observation: Observation
    text: str
    digest: str

    @property
    def stamp(self) -> Stamp:
        """How old its facts are."""
        return self.observation.stamp


@frozen
class _Mark:
    """How old the newest facts of a return are, and the digest of the observation that told them."""

    stamp: Stamp
    digest: str


@frozen(kw_only=True)
class _Change:
    """What is to be written of one return."""

    is_new: bool
    state: State
    text: str
    digest: str
    events: tuple[Event, ...]
    reread: bool


def by_return(observations: Iterable[Observation]) -> tuple[dict[str, list[Telling]], int]:
    """The observations of each return, and how many of them cannot be stored."""
    told: dict[str, list[Telling]] = {}
    refused = 0
    for observation in observations:
        text = rows.storable(observation.ret)
        if text is None:
            refused += 1
        else:
            told.setdefault(observation.ret.id, []).append(Telling(observation, text, rows.fingerprint(text)))
    return told, refused


def apply(connection: Connection, account: str, told: Mapping[str, Sequence[Telling]]) -> Applied:
    """Merge the observations of each return into what is stored, and store that with its events."""
    marks = _marks(connection, account, told)
    # An observation that came before changes nothing but the age of what it told, which merging would find out too.
    repeated = {key: mark for key, mark in marks.items() if all(t.digest == mark.digest for t in told[key])}
    states = _states(connection, account, {key: mark for key, mark in marks.items() if key not in repeated})
    changes = [
        _change(account, marks.get(key), states.get(key), tellings)
        for key, tellings in told.items()
        if key not in repeated
    ]
    # The life of a request goes on in the return that grew from it, and is told there.
    grown = _grown(connection, account, told)
    changes = [evolve(change, events=()) if change.state.ret.id in grown else change for change in changes]
    _renew(connection, account, {key: max(t.stamp for t in told[key]) for key in repeated}, repeated)
    _write(connection, account, changes)
    created = sum(change.is_new and change.state.ret.id not in grown for change in changes)
    changed = sum(bool(change.events) for change in changes if not change.is_new)
    return Applied(
        created=created,
        changed=changed,
        unchanged=len(told) - created - changed,
        events=sum(len(change.events) for change in changes),
        reread=tuple(change.state.ret.id for change in changes if change.reread),
    )


def save_checkpoints(connection: Connection, account: str, checkpoints: Mapping[str, Any]) -> None:
    """Store the checkpoints, and remove those whose value is None."""
    table = CHECKPOINTS.c
    for name, value in checkpoints.items():
        if value is None:
            connection.execute(delete(CHECKPOINTS).where(table.account == account, table.name == name))
        else:
            _upsert(connection, CHECKPOINTS, [{"account": account, "name": name, "value": encode_json(value)}])


def _marks(connection: Connection, account: str, ids: Iterable[str]) -> dict[str, _Mark]:
    table = MERGE_STATE.c
    query = select(table.return_id, table.at, table.seen_at, table.fingerprint)
    return {
        row.return_id: _Mark(Stamp(row.at, row.seen_at), row.fingerprint)
        for some in _portions(ids)
        for row in connection.execute(query.where(table.account == account, table.return_id.in_(some)))
    }


def _grown(connection: Connection, account: str, told: Mapping[str, Sequence[Telling]]) -> set[str]:
    """Those of the ids that name requests from which a return grew, whether stored or told now."""
    request_id = RETURNS.c.request_id
    grown = {telling.observation.ret.request_id for tellings in told.values() for telling in tellings}
    for some in _portions(told):
        query = select(request_id).where(RETURNS.c.account == account, request_id.in_(some))
        grown.update(connection.execute(query).scalars())
    return {key for key in grown if key}


def _states(connection: Connection, account: str, marks: Mapping[str, _Mark]) -> dict[str, State]:
    table = RETURNS.c
    query = select(table.id, table.object, MERGE_STATE.c.layers).join(
        MERGE_STATE, (MERGE_STATE.c.account == table.account) & (MERGE_STATE.c.return_id == table.id)
    )
    return {
        row.id: rows.read_state(rows.read_return(row.object, row.id), row.layers, marks[row.id].stamp)
        for some in _portions(marks)
        for row in connection.execute(query.where(table.account == account, table.id.in_(some)))
    }


def _change(account: str, mark: _Mark | None, state: State | None, tellings: Sequence[Telling]) -> _Change:
    merged: list[Merged] = []
    for telling in tellings:
        merged.append(merge(state, telling.observation, account=account))
        state = merged[-1].state
    final = merged[-1].state
    as_told = mark is None and len(tellings) == 1 and final.ret == tellings[0].observation.ret
    return _Change(
        is_new=mark is None,
        state=final,
        text=tellings[0].text if as_told else encode_json(dump(final.ret, raw=True)),
        digest=_digest(mark, tellings),
        events=tuple(event for each in merged for event in each.events),
        reread=any(each.reread for each in merged),
    )


def _digest(mark: _Mark | None, tellings: Sequence[Telling]) -> str:
    """The digest of the newest observation, ``""`` where several that differ are equally new."""
    told = [(t.stamp, t.digest) for t in tellings] + ([(mark.stamp, mark.digest)] if mark else [])
    newest = max(stamp for stamp, _ in told)
    digests = {digest for stamp, digest in told if stamp == newest}
    return digests.pop() if len(digests) == 1 else ""


def _renew(connection: Connection, account: str, seen: Mapping[str, Stamp], marks: Mapping[str, _Mark]) -> None:
    """Say of returns that told what they told before how old that is now."""
    later = [
        {"of": key, "new_at": stamp.at, "new_seen_at": stamp.seen_at}
        for key, stamp in seen.items()
        if stamp > marks[key].stamp
    ]
    if later:
        table = MERGE_STATE.c
        statement = update(MERGE_STATE).where(table.account == account, table.return_id == bindparam("of"))
        connection.execute(statement.values(at=bindparam("new_at"), seen_at=bindparam("new_seen_at")), later)


def _write(connection: Connection, account: str, changes: Sequence[_Change]) -> None:
    returns = [change.state.ret for change in changes]
    _upsert(connection, RETURNS, [rows.return_row(account, change.state.ret, change.text) for change in changes])
    _upsert(connection, MERGE_STATE, [rows.merge_row(account, change.state, change.digest) for change in changes])
    known = [{"of": change.state.ret.id} for change in changes if not change.is_new]
    _replace(connection, ITEMS, account, known, [row for ret in returns for row in rows.item_rows(account, ret)])
    _replace(
        connection, SHIPMENTS, account, known, [row for ret in returns for row in rows.shipment_rows(account, ret)]
    )
    events = [rows.event_row(event) for change in changes for event in change.events]
    if events:
        # By its id an event is told once, even where its return was removed by hand and is read anew.
        new = _INSERT[connection.dialect.name](EVENTS)
        connection.execute(new.on_conflict_do_nothing(index_elements=["id"]), events)


def _upsert(connection: Connection, table: Table, new_rows: Sequence[rows.Row]) -> None:
    if new_rows:
        new = _INSERT[connection.dialect.name](table)
        values = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
        connection.execute(new.on_conflict_do_update(index_elements=table.primary_key, set_=values), new_rows)


def _replace(
    connection: Connection, table: Table, account: str, known: Sequence[rows.Row], new_rows: Sequence[rows.Row]
) -> None:
    if known:
        of_return = (table.c.account == account) & (table.c.return_id == bindparam("of"))
        connection.execute(delete(table).where(of_return), known)
    if new_rows:
        connection.execute(insert(table), new_rows)


def _portions(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    remaining = iter(ids)
    while some := tuple(islice(remaining, _AT_ONCE)):
        yield some
