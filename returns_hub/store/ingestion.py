"""How observations become rows: inside one transaction, as few statements as there are tables."""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Final, TypeAlias

from attrs import define, evolve, field, frozen
from sqlalchemy import Connection, Table

from returns_hub.events import Event, Origin
from returns_hub.merge import Derive, Observation, Stamp, State, merge
from returns_hub.model import Return
from returns_hub.store import correlation, rows, search
from returns_hub.store.correlation import Uncorrelated
from returns_hub.store.events import APPENDING
from returns_hub.store.known import Known, KnownReturn, read_known
from returns_hub.store.rows import EncodedReturn
from returns_hub.store.schema import ITEMS, MERGE_STATE, NAMES, RETURNS, SHIPMENTS, TERMS
from returns_hub.store.sql import Bulk, deleting, inserting, updating, upserting, write

_TICK: Final = timedelta(microseconds=1)
_LISTED: Final = (Origin.POLL, Origin.BACKFILL)

_Write: TypeAlias = tuple[Bulk, Sequence[rows.Row]]


@frozen(kw_only=True)
class ApplyResult:
    """What became of some observations: how many returns were new, changed with at least one event, or unchanged.

    ``refused`` observations could not be stored; ``waiting`` ones name a return only by parts that no return has yet.
    The returns in ``reread`` are to be read again: two observations of the same vendor time disagree about them, or
    a hint says that they changed. ``has_erased``: something of the account was erased, and is not to be stored again.
    """

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    events: int = 0
    refused: int = 0
    waiting: int = 0
    reread: tuple[str, ...] = ()
    has_erased: bool = False


@frozen
class DigestedObservation:
    """An observation, and the digest by which it is recognised when it comes again."""

    observation: Observation
    digest: str

    @functools.cached_property
    def encoded(self) -> EncodedReturn | None:
        """Its return as it is to be stored; None if it could not be read back."""
        return rows.encode_return(self.observation.ret)

    @property
    def stamp(self) -> Stamp:
        """How old its facts are."""
        return self.observation.stamp

    @property
    def is_listed(self) -> bool:
        """True if it is a row that a sync has read: several may belong to one return."""
        return self.observation.origin in _LISTED

    def no_later_than(self, now: datetime) -> "DigestedObservation":
        """The observation, as of now where the clock that dated it was ahead."""
        if self.observation.seen_at <= now:
            return self
        return evolve(self, observation=evolve(self.observation, seen_at=now))


@frozen
class _Mark:
    """How old the newest facts of a return are, and the digest of the observation that asserted them."""

    stamp: Stamp
    digest: str


@frozen(kw_only=True)
class _Change:
    """What is to be written of one return: ``before`` is what is stored, ``after`` what replaces it."""

    before: EncodedReturn | None
    after: EncodedReturn
    state: State
    digest: str
    events: tuple[Event, ...]
    reread: bool

    @property
    def id(self) -> str:
        """The id of the return."""
        return self.state.ret.id


@frozen(kw_only=True)
class ObservationBatch:
    """Observations as they are to be stored: of returns by their ids, and those that name a return only by its parts.

    ``refused`` observations cannot be stored.
    """

    of_returns: Mapping[str, Sequence[DigestedObservation]]
    uncorrelated: Sequence[Uncorrelated] = ()
    refused: int = 0


def prepare_batch(observations: Iterable[Observation]) -> ObservationBatch:
    """The observations, by what they are of."""
    of_returns: defaultdict[str, list[DigestedObservation]] = defaultdict(list)
    uncorrelated: list[Uncorrelated] = []
    refused = 0
    for observation in observations:
        ret = observation.ret
        digest = rows.digest_return(ret)
        if digest is None or not isinstance(ret.id, str):
            refused += 1
        elif rows.is_usable_id(ret.id):
            of_returns[ret.id].append(DigestedObservation(observation, digest))
        elif ret.id == "" and (encoded := rows.encode_return(ret)) and rows.names(ret):
            uncorrelated.append(Uncorrelated.of(observation, encoded.text))
        else:
            refused += 1
    return ObservationBatch(of_returns=of_returns, uncorrelated=uncorrelated, refused=refused)


@frozen(kw_only=True)
class Pass:
    """The run that observations are of: what it ``started`` to read at that moment belongs together.

    With ``overrules`` what it observes is right, whatever vendor's times are stored: for reconciling.
    """

    started: datetime
    overrules: bool = False


def apply(
    connection: Connection, account: str, batch: ObservationBatch, derive: Derive, of_pass: Pass | None = None
) -> ApplyResult:
    """Merge observations into what is stored, and store that with its events.

    What names a return by its parts is merged into the return that has them, or waits for it; and what has waited for a
    return is merged into it now. What is about a return that was erased is left out.
    """
    known = _read_known(connection, account, batch.of_returns)
    ingestion = _Ingestion(connection=connection, account=account, derive=derive, now=known.now, of_pass=of_pass)
    of_returns = _without_erased(connection, account, batch.of_returns) if known.has_erased else batch.of_returns
    names = ingestion.merge(of_returns, known)
    waiting = {each.key: each for each in batch.uncorrelated}
    while waiting or (names and known.has_waiting):
        stored = correlation.find_waiting(connection, account, names) if known.has_waiting else {}
        candidates = {**stored, **waiting}
        ids = correlation.correlate(
            connection, account, {key: each.parts for key, each in candidates.items()}, erased=known.has_erased
        )
        if not ids:
            break
        correlation.remove_waiting(connection, account, [stored[key] for key in ids if key in stored])
        found: defaultdict[str, list[DigestedObservation]] = defaultdict(list)
        for key, return_id in ids.items():
            if return_id == correlation.ERASED_RETURN:
                continue
            observation = candidates[key].observation_of(return_id)
            if observation is None:
                ingestion.reread[return_id] = None
            elif digest := rows.digest_return(observation.ret):
                found[return_id].append(DigestedObservation(observation, digest))
        waiting = {key: each for key, each in waiting.items() if key not in ids}
        # They may bring names that others wait for.
        names = ingestion.merge(found, _read_known(connection, account, found)) if found else []
    correlation.put_waiting(connection, account, waiting.values())
    changed = ingestion.changed - ingestion.created
    return ApplyResult(
        created=len(ingestion.created),
        changed=len(changed),
        unchanged=len(ingestion.observed - ingestion.created - changed),
        events=ingestion.events,
        refused=batch.refused + ingestion.refused,
        waiting=len(waiting),
        reread=tuple(ingestion.reread),
        has_erased=known.has_erased,
    )


def _read_known(connection: Connection, account: str, observed: Mapping[str, Sequence[DigestedObservation]]) -> Known:
    """What is stored of the returns; without what an observation that came before was made into."""
    digests = [{each.digest for each in group} for group in observed.values()]
    return read_known(connection, account, observed, [some.pop() for some in digests if len(some) == 1])


def _without_erased(
    connection: Connection, account: str, of_returns: Mapping[str, Sequence[DigestedObservation]]
) -> Mapping[str, Sequence[DigestedObservation]]:
    """Those of returns that were not erased, neither themselves nor the requests that they grew from."""
    names = {
        key: {rows.return_name(each) for each in (key, *(one.observation.ret.request_id for one in group)) if each}
        for key, group in of_returns.items()
    }
    erased = correlation.find_erased(connection, account, set().union(*names.values()))
    return {key: group for key, group in of_returns.items() if not erased & names[key]} if erased else of_returns


@define(kw_only=True)
class _Ingestion:
    """Merges observations within one transaction, and counts what becomes of the returns, by their ids."""

    connection: Connection
    account: str
    derive: Derive
    now: datetime
    of_pass: Pass | None = None
    observed: set[str] = field(factory=set)
    created: set[str] = field(factory=set)
    changed: set[str] = field(factory=set)
    reread: dict[str, None] = field(factory=dict)
    events: int = 0
    refused: int = 0
    _before: datetime = field(init=False, default=datetime.max.replace(tzinfo=UTC))

    def merge(self, observed: Mapping[str, Sequence[DigestedObservation]], known: Known) -> list[str]:
        """Merge observations of returns by their ids; the names of parts that were not known before."""
        if not observed:
            return []
        observed = {key: [each.no_later_than(self.now) for each in group] for key, group in observed.items()}
        self._before = min(each.stamp.seen_at for group in observed.values() for each in group) - _TICK
        marks = {
            key: _Mark(self._past(each.stamp), each.digest) for key, each in known.returns.items() if key in observed
        }
        # An observation that came before changes nothing but the age of its facts, which merging would find out too.
        repeated = {key for key, mark in marks.items() if all(each.digest == mark.digest for each in observed[key])}
        fresh = {key: self._storable(group) for key, group in observed.items() if key not in repeated}
        observed = {key: group for key, group in observed.items() if key in repeated or fresh[key]}
        fresh = {key: group for key, group in fresh.items() if group}
        states = {
            key: self._state(rows.read_return(stored.object, key), stored.layers, marks[key].stamp)
            for key in fresh
            if (stored := known.returns.get(key)) and stored.object is not None
        }
        # The life of a request goes on in the return that grew from it, and so do its events.
        grown = known.grown.union(each.observation.ret.request_id for group in observed.values() for each in group)
        changes = [
            self._change(
                marks.get(key),
                states.get(key),
                group,
                is_incomplete=key in states and self._is_incomplete(group, known.returns[key]),
            )
            for key, group in fresh.items()
        ]
        changes = [evolve(change, events=()) if change.id in grown else change for change in changes]
        seen = {key: max(each.stamp for each in observed[key]) for key in repeated}
        names = _new_names(fresh, states)
        write(self.connection, [self._renewed(seen, marks), *self._written(changes), self._named(names)])
        self.observed.update(observed)
        self.created.update(change.id for change in changes if change.before is None and change.id not in grown)
        self.changed.update(change.id for change in changes if change.events and change.before is not None)
        self.reread.update(dict.fromkeys(change.id for change in changes if change.reread))
        self.events += sum(len(change.events) for change in changes)
        return [name for name, _ in names]

    @property
    def _overrules(self) -> datetime | None:
        """The moment before which nothing learnt stands against what is observed; None unless this is a reconciliation."""
        return self.of_pass.started if self.of_pass is not None and self.of_pass.overrules else None

    def _storable(self, group: Sequence[DigestedObservation]) -> Sequence[DigestedObservation]:
        """Those of the observations that can be stored; the others are refused."""
        storable = [each for each in group if each.encoded is not None]
        self.refused += len(group) - len(storable)
        return storable

    def _state(self, ret: Return, layers: str | None, newest: Stamp) -> State:
        """The stored state, no fact of which is of the future."""
        state = rows.read_state(ret, layers, newest)
        if all(layer.stamp.seen_at <= self.now for layer in state.layers):
            return state
        past = [evolve(layer, stamp=self._past(layer.stamp)) for layer in state.layers]
        return evolve(state, layers=tuple(sorted(past, key=attrgetter("stamp"), reverse=True)))

    def _past(self, stamp: Stamp) -> Stamp:
        """The stamp; for one of the future, left by a clock that was ahead, one from just before what is seen now."""
        if stamp.seen_at <= self.now:
            return stamp
        return Stamp(stamp.at if stamp.at <= self.now else self._before, self._before)

    def _is_incomplete(self, observed: Sequence[DigestedObservation], stored: KnownReturn) -> bool:
        """True if the same run, or the same backfill, has created the return: it is being put together."""
        listed = {each.observation.origin for each in observed if each.is_listed}
        if self.of_pass is None or stored.created is None or not listed:
            return False
        origin, moment = stored.created
        in_this_run = moment >= self.of_pass.started and origin in _LISTED
        # A backfill may take several runs.
        return in_this_run or (origin is Origin.BACKFILL and Origin.BACKFILL in listed)

    def _change(
        self,
        mark: _Mark | None,
        before: State | None,
        observed: Sequence[DigestedObservation],
        *,
        is_incomplete: bool,
    ) -> _Change:
        """What the observations of one return, in their order, make of what is stored."""
        state = before
        events: list[Event] = []
        reread = False
        for each in observed:
            merged = merge(
                state,
                each.observation,
                account=self.account,
                derive=self.derive,
                completes=each.is_listed and (is_incomplete or (before is None and state is not None)),
                overrules_before=self._overrules,
            )
            state = merged.state
            caused_by = each.observation.delivery_id
            events += merged.events if caused_by is None else [evolve(e, delivery_id=caused_by) for e in merged.events]
            reread = reread or merged.reread
        if state is None:
            raise ValueError("no observation")
        only = observed[0]
        is_as_observed = before is None and len(observed) == 1 and state.ret == only.observation.ret
        return _Change(
            before=None if before is None else EncodedReturn.of(before.ret),
            after=only.encoded if is_as_observed and only.encoded else EncodedReturn.of(state.ret),
            state=state,
            digest=only.digest if self._overrules and len(observed) == 1 else _digest(mark, observed),
            events=tuple(events),
            reread=reread,
        )

    def _renewed(self, seen: Mapping[str, Stamp], marks: Mapping[str, _Mark]) -> _Write:
        """Of returns that were observed as before, how old that is now."""
        later = [
            {"account": self.account, "return_id": key, "at": stamp.at, "seen_at": stamp.seen_at}
            for key, stamp in seen.items()
            if stamp > marks[key].stamp
        ]
        return updating(MERGE_STATE, "at", "seen_at"), later

    def _named(self, names: Sequence[tuple[str, str]]) -> _Write:
        return inserting(NAMES), [
            {"account": self.account, "name": name, "return_id": return_id} for name, return_id in names
        ]

    def _written(self, changes: Sequence[_Change]) -> Sequence[_Write]:
        account = self.account
        events = [rows.event_row(event) for change in changes for event in change.events]
        gone, new = search.changed_terms(account, [(change.before, change.after) for change in changes])
        return [
            (upserting(RETURNS), [rows.return_row(account, change.after) for change in changes]),
            (upserting(MERGE_STATE), [rows.merge_row(account, change.state, change.digest) for change in changes]),
            (deleting(TERMS), gone),
            (inserting(TERMS), new),
            *self._parts(ITEMS, changes, rows.item_rows),
            *self._parts(SHIPMENTS, changes, rows.shipment_rows),
            (APPENDING, events),
        ]

    def _parts(
        self, table: Table, changes: Sequence[_Change], rows_of: Callable[[str, EncodedReturn], list[rows.Row]]
    ) -> Sequence[_Write]:
        """The parts of the returns that are not as they were at their positions, and the positions that are left."""
        gone: list[rows.Row] = []
        new: list[rows.Row] = []
        for change in changes:
            before = rows_of(self.account, change.before) if change.before else []
            after = rows_of(self.account, change.after)
            gone += before[len(after) :]
            new += [row for position, row in enumerate(after) if before[position : position + 1] != [row]]
        return (deleting(table), gone), (upserting(table), new)


def _new_names(
    observed: Mapping[str, Sequence[DigestedObservation]], states: Mapping[str, State]
) -> list[tuple[str, str]]:
    """Pairs of a name of a part that is not in what is stored, and the return's id."""
    new: list[tuple[str, str]] = []
    for key, group in observed.items():
        names = dict.fromkeys(name for each in group for name in rows.names(each.observation.ret))
        known = set(rows.names(states[key].ret)) if names and key in states else set()
        new += [(name, key) for name in names if name not in known]
    return new


def _digest(mark: _Mark | None, observed: Sequence[DigestedObservation]) -> str:
    """The digest of the newest observation, ``""`` where several that differ are equally new."""
    known = [(each.stamp, each.digest) for each in observed] + ([(mark.stamp, mark.digest)] if mark else [])
    newest = max(stamp for stamp, _ in known)
    digests = {digest for stamp, digest in known if stamp == newest}
    return digests.pop() if len(digests) == 1 else ""
