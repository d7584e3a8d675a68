"""How observations become rows: inside one transaction, as few statements as there are tables."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import define, evolve, field, frozen
from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from returns_hub.convert import dump, encode_json
from returns_hub.events import Event
from returns_hub.merge import Derive, MergeResult, Observation, Stamp, State, merge
from returns_hub.model import Return
from returns_hub.store import correlation, rows
from returns_hub.store.correlation import Uncorrelated
from returns_hub.store.events import append_events
from returns_hub.store.schema import ITEMS, MERGE_STATE, RETURNS, SHIPMENTS
from returns_hub.store.sql import chunks, upsert


@frozen(kw_only=True)
class ApplyResult:
    """What became of some observations: how many returns were new, told at least one event, or told nothing.

    ``refused`` observations could not be stored; ``waiting`` ones name a return only by parts that no return has yet.
    The returns in ``reread`` are to be read again: two observations of the same vendor time disagree about them, or
    there is news of them that nobody has told.
    """

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    events: int = 0
    refused: int = 0
    waiting: int = 0
    reread: tuple[str, ...] = ()


@frozen
class EncodedObservation:
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
    before: Return | None
    state: State
    text: str
    digest: str
    events: tuple[Event, ...]
    reread: bool


@frozen(kw_only=True)
class ObservationBatch:
    """What some observations tell: of returns by their ids, and of returns that they name only by their parts.

    ``refused`` observations cannot be stored.
    """

    of_returns: Mapping[str, Sequence[EncodedObservation]]
    nameless: Sequence[Uncorrelated] = ()
    refused: int = 0


@define
class _Outcome:
    """The returns that something was told of, by what became of them."""

    told: set[str] = field(factory=set)
    created: set[str] = field(factory=set)
    changed: set[str] = field(factory=set)
    reread: dict[str, None] = field(factory=dict)
    events: int = 0

    def applied(self, *, waiting: int, refused: int) -> ApplyResult:
        changed = self.changed - self.created
        return ApplyResult(
            created=len(self.created),
            changed=len(changed),
            unchanged=len(self.told - self.created - changed),
            events=self.events,
            refused=refused,
            waiting=waiting,
            reread=tuple(self.reread),
        )


def encode_batch(observations: Iterable[Observation]) -> ObservationBatch:
    """The observations, as they are to be stored."""
    of_returns: dict[str, list[EncodedObservation]] = {}
    nameless: list[Uncorrelated] = []
    refused = 0
    for observation in observations:
        ret = observation.ret
        text = rows.storable(ret)
        if text is not None and rows.is_usable_id(ret.id):
            of_returns.setdefault(ret.id, []).append(_telling(observation, text))
        elif text is not None and ret.id == "" and rows.names(ret):
            nameless.append(Uncorrelated.of(observation, text))
        else:
            refused += 1
    return ObservationBatch(of_returns=of_returns, nameless=nameless, refused=refused)


def apply(connection: Connection, account: str, told: ObservationBatch, derive: Derive) -> ApplyResult:
    """Merge what was told of each return into what is stored, and store that with its events.

    What names a return by its parts is told of the return that is meant, or waits for it; and what has waited for a
    return is told of it now.
    """
    outcome = _Outcome()
    fresh = _merge(connection, account, told.of_returns, derive, outcome)
    lost = {nameless.key: nameless for nameless in told.nameless}
    while lost or fresh:
        woken = correlation.find_waiting(connection, account, fresh)
        nameless = {**woken, **lost}
        ids = correlation.correlate(connection, account, {key: each.parts for key, each in nameless.items()})
        correlation.remove_waiting(connection, account, [woken[key] for key in ids if key in woken])
        found: defaultdict[str, list[EncodedObservation]] = defaultdict(list)
        for key, return_id in ids.items():
            observation = nameless[key].meaning(return_id)
            if observation is None:
                outcome.reread[return_id] = None
            elif text := rows.storable(observation.ret):
                found[return_id].append(_telling(observation, text))
        lost = {key: each for key, each in lost.items() if key not in ids}
        # What they tell may bring names that others wait for.
        fresh = _merge(connection, account, found, derive, outcome)
        if not ids:
            break
    correlation.put_waiting(connection, account, lost.values())
    return outcome.applied(waiting=len(lost), refused=told.refused)


def _telling(observation: Observation, text: str) -> EncodedObservation:
    return EncodedObservation(observation, text, rows.fingerprint(text))


def _merge(
    connection: Connection,
    account: str,
    told: Mapping[str, Sequence[EncodedObservation]],
    derive: Derive,
    outcome: _Outcome,
) -> list[str]:
    """Merge what is told by the ids of returns; the names that were not known of them before."""
    if not told:
        return []
    marks = _marks(connection, account, told)
    # An observation that came before changes nothing but the age of what it told, which merging would find out too.
    repeated = {key: mark for key, mark in marks.items() if all(t.digest == mark.digest for t in told[key])}
    states = _states(connection, account, {key: mark for key, mark in marks.items() if key not in repeated})
    news = {key: tellings for key, tellings in told.items() if key not in repeated}
    changes = [_change(account, marks.get(key), states.get(key), tellings, derive) for key, tellings in news.items()]
    # The life of a request goes on in the return that grew from it, and is told there.
    grown = _grown(connection, account, told)
    changes = [evolve(change, events=()) if change.state.ret.id in grown else change for change in changes]
    _renew(connection, account, {key: max(t.stamp for t in told[key]) for key in repeated}, repeated)
    _write(connection, account, changes)
    names = _fresh_names(news, states)
    correlation.record(connection, account, names)
    outcome.told.update(told)
    outcome.created.update(c.state.ret.id for c in changes if c.is_new and c.state.ret.id not in grown)
    outcome.changed.update(c.state.ret.id for c in changes if c.events and not c.is_new)
    outcome.reread.update(dict.fromkeys(c.state.ret.id for c in changes if c.reread))
    outcome.events += sum(len(change.events) for change in changes)
    return [name for name, _ in names]


def _fresh_names(
    news: Mapping[str, Sequence[EncodedObservation]], states: Mapping[str, State]
) -> list[tuple[str, str]]:
    """Pairs of a name that is told, and was not in what is stored, and the return's id."""
    fresh: list[tuple[str, str]] = []
    for key, tellings in news.items():
        named = dict.fromkeys(name for telling in tellings for name in rows.names(telling.observation.ret))
        known = set(rows.names(states[key].ret)) if named and key in states else set()
        fresh += [(name, key) for name in named if name not in known]
    return fresh


def _marks(connection: Connection, account: str, ids: Iterable[str]) -> dict[str, _Mark]:
    table = MERGE_STATE.c
    query = select(table.return_id, table.at, table.seen_at, table.fingerprint)
    return {
        row.return_id: _Mark(Stamp(row.at, row.seen_at), row.fingerprint)
        for some in chunks(ids)
        for row in connection.execute(query.where(table.account == account, table.return_id.in_(some)))
    }


def _grown(connection: Connection, account: str, told: Mapping[str, Sequence[EncodedObservation]]) -> set[str]:
    """Those of the ids that name requests from which a return grew, whether stored or told now."""
    request_id = RETURNS.c.request_id
    grown = {telling.observation.ret.request_id for tellings in told.values() for telling in tellings}
    for some in chunks(told):
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
        for some in chunks(marks)
        for row in connection.execute(query.where(table.account == account, table.id.in_(some)))
    }


def _change(
    account: str, mark: _Mark | None, state: State | None, tellings: Sequence[EncodedObservation], derive: Derive
) -> _Change:
    before = None if state is None else state.ret
    merged: list[MergeResult] = []
    for telling in tellings:
        merged.append(merge(state, telling.observation, account=account, derive=derive))
        state = merged[-1].state
    final = merged[-1].state
    is_as_told = mark is None and len(tellings) == 1 and final.ret == tellings[0].observation.ret
    return _Change(
        is_new=mark is None,
        before=before,
        state=final,
        text=tellings[0].text if is_as_told else encode_json(dump(final.ret, raw=True)),
        digest=_digest(mark, tellings),
        events=tuple(event for each in merged for event in each.events),
        reread=any(each.reread for each in merged),
    )


def _digest(mark: _Mark | None, tellings: Sequence[EncodedObservation]) -> str:
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
    upsert(connection, RETURNS, [rows.return_row(account, change.state.ret, change.text) for change in changes])
    upsert(connection, MERGE_STATE, [rows.merge_row(account, change.state, change.digest) for change in changes])
    _replace(connection, ITEMS, account, changes, rows.item_rows)
    _replace(connection, SHIPMENTS, account, changes, rows.shipment_rows)
    append_events(connection, [event for change in changes for event in change.events])


def _replace(
    connection: Connection,
    table: Table,
    account: str,
    changes: Sequence[_Change],
    rows_of: Callable[[str, Return], list[rows.Row]],
) -> None:
    """Write the parts of the returns anew, where they are not as they were."""
    known: list[rows.Row] = []
    new_rows: list[rows.Row] = []
    for change in changes:
        told = rows_of(account, change.state.ret)
        if change.before is not None and rows_of(account, change.before) == told:
            continue
        new_rows += told
        if not change.is_new:
            known.append({"of": change.state.ret.id})
    if known:
        of_return = (table.c.account == account) & (table.c.return_id == bindparam("of"))
        connection.execute(delete(table).where(of_return), known)
    if new_rows:
        connection.execute(insert(table), new_rows)
