"""What is known of a return, and what one more observation makes of it. Pure: no I/O, no clock.

A return is a set of facts, and each fact is as old as the observation that asserted it. A later observation wins,
fact by fact; a fact that it does not assert stays. So the same observations come to the same state in any order and however
often each of them arrives (it is a last-writer-wins map), and there is an event if, and only if, a fact changed.

A field asserts nothing if it is None, empty, or ``unknown`` where it is that by default. An ``unknown`` that a vendor's word
stands beside, or that is set where the default is None, is a fact like any other: the vendor used a word without a meaning here.

What is one fact:

- ``status``, ``status_raw``, ``attention`` and ``goods_expected`` come from one word and are one fact: an
  observation with a status also asserts that nobody has to look at the return. Without a status, attention and
  expected goods stand for themselves.
- Any other neutral word and the vendor's word beside it are one fact.
- Items and shipments are known by their ``id`` and merge field by field; so do the services of an item, which are known by
  their ``id`` or else their ``code``. Each alias of an item is a fact of its own that nothing takes back. Items that are named
  only by aliases, and share one, are one item; it lends all that is known of it, its aliases too, to the items with an id
  that have one of them. Items that nothing names are one fact together, and give way for good once the vendor names its items.
- Each note with an id, and each scan with a time, is a fact that no other list of notes or scans takes back; those without are
  one fact together.
- Of order, customer, label and the measures of a parcel every field is a fact; an address, or a list of resolutions or images,
  is one. A label that failed keeps its error until an observation has another status.
- ``created_at`` is the earliest that was ever observed, ``raw`` the newest.

What a vendor leaves to be concluded from all of this (``Adapter.derive``) is no fact: it is concluded anew from what is
known, whenever something is learnt.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from attrs import evolve, fields, frozen, has

from returns_hub.events import Event, Origin
from returns_hub.merge.aliases import visible_facts
from returns_hub.merge.diff import changed_events, created_event
from returns_hub.merge.facts import (
    BESIDE_STATUS,
    CREATED_AT,
    NAMELESS_ITEMS,
    STATUS,
    Fact,
    Path,
    Stamp,
    Values,
    build_return,
    group_of,
    is_asserted,
    read_facts,
)
from returns_hub.merge.precedence import contradicts, wins
from returns_hub.model import Return

__all__ = [
    "Derive",
    "Layer",
    "MergeResult",
    "Observation",
    "Stamp",
    "State",
    "derive_nothing",
    "merge",
    "observed",
    "restrict_fields",
]

Derive: TypeAlias = Callable[[Return], Return]

_Known: TypeAlias = dict[Path, Fact]
_PARTS: Final = ("items", "aliases")

# A date is whole seconds, and busy servers write the one of a moment ago.
_ROUNDING: Final = timedelta(seconds=5)


@frozen(kw_only=True)
class Observation:
    """What somebody asserts about a return as of one moment. A field left empty asserts nothing.

    ``at`` is the vendor's time of it, ``seen_at`` is when the request was sent or the delivery came in, by our clock.
    ``delivery_id`` is that of the webhook delivery that asserts it, or had it read.
    """

    ret: Return
    at: datetime
    seen_at: datetime
    origin: Origin = Origin.POLL
    delivery_id: int | None = None

    @property
    def stamp(self) -> Stamp:
        """The age of every fact asserted here."""
        # A vendor's time in our future counts as ours: one wrong clock would make a fact unchangeable for years.
        return Stamp(min(self.at, self.seen_at), self.seen_at)


def observed(
    ret: Return, *, seen_at: datetime, origin: Origin = Origin.POLL, vendor_time: datetime | None = None
) -> Observation:
    """A return as the vendor's API showed it: as of its ``updated_at``, or of ``seen_at`` where it has none.

    ``vendor_time`` is what the vendor's clock showed at the answer. Where ours is ahead of it, by more than servers round
    theirs, the return is as of that: what the vendor says of a later moment wins.
    """
    shown_at = seen_at if vendor_time is None or seen_at < vendor_time + _ROUNDING else vendor_time
    return Observation(ret=ret, at=ret.updated_at or shown_at, seen_at=seen_at, origin=origin)


@frozen(kw_only=True)
class Layer:
    """Facts of one age: a return that holds these and nothing else."""

    stamp: Stamp
    ret: Return


@frozen(kw_only=True)
class State:
    """All that is known of a return: ``ret`` is what the ``layers``, newest first, come to, and what follows from that.

    Each layer holds only what no later one asserts. Most returns have one layer, and it is ``ret`` itself.
    """

    ret: Return
    layers: tuple[Layer, ...]


@frozen(kw_only=True)
class MergeResult:
    """A state after an observation, and the events of it.

    ``reread``: observations of the same vendor time disagree. The one learnt last won, but only the vendor knows
    which is right: read the return again.
    """

    state: State
    events: tuple[Event, ...] = ()
    reread: bool = False


def derive_nothing(ret: Return) -> Return:
    """The return itself: nothing follows from its parts."""
    return ret


def merge(
    stored: State | None,
    observation: Observation,
    *,
    account: str,
    derive: Derive = derive_nothing,
    completes: bool = False,
    overrules_before: datetime | None = None,
) -> MergeResult:
    """What a stored state, or none, and an observation come to, and the events of the difference.

    ``derive`` adds to everything that is known what follows from it. No layer holds that, so it follows the same in
    whatever order the observations came.

    ``completes`` is for a further row of a return that the same run has created: what it adds to the return belongs to
    ``return.created``, an earlier creation among it, and only what it changes has events. ``overrules_before`` is for reconciling: a fact that was learnt
    before this moment, by our clock, gives way to what the observation says otherwise, whatever the vendor's times are.
    """
    source: dict[str, Any] = {"account": account, "stamp": observation.stamp, "origin": observation.origin}
    if stored is None:
        state = _first_state(observation, derive)
        return MergeResult(state=state, events=(created_event(state.ret, **source),))
    known = _known(stored)
    earlier = dict(known)
    added: _Known = {}
    reread = False
    facts = read_facts(observation.ret)
    overruled = {
        path
        for path in facts
        if overrules_before is not None
        and path in known
        and path != CREATED_AT
        and known[path].stamp.seen_at < overrules_before
    }
    stamp = seen = observation.stamp
    if overruled:
        # As old as the newest of what it replaces, and learnt later: a copy of an earlier observation cannot bring that back.
        stamp = Stamp(max(stamp.at, *(known[path].stamp.at for path in overruled)), stamp.seen_at)
    for path, values in facts.items():
        old = known.get(path)
        if old is None:
            added[path] = Fact(stamp, values)
        elif path in overruled:
            known[path] = Fact(stamp, values)
        else:
            fact = Fact(seen, values)
            reread = reread or contradicts(path, fact, old)
            if wins(path, fact, old):
                known[path] = fact
                if path == CREATED_AT:
                    earlier[path] = fact
    known.update(added)
    state = _state(observation.ret, known, derive)
    before = _visible(stored.ret, earlier | added, derive) if completes else stored.ret
    return MergeResult(state=state, events=changed_events(before, state.ret, **source), reread=reread)


def restrict_fields(ret: Return, known: Return) -> Return:
    """``ret`` with the fields that ``known`` asserts: a return read by its id, reduced to what a listing shows.

    The status is kept in any case, and so is ``raw``; the timeline never is: it repeats what else changed.
    """
    restricted: Return = _restrict(ret, known)
    return evolve(restricted, timeline=(), **{name: getattr(ret, name) for name in group_of(Return, "status")})


def _restrict(part: Any, known: Any) -> Any:
    if isinstance(part, tuple):
        same = {getattr(each, "id", None) or index: each for index, each in enumerate(known)}
        keys = [getattr(each, "id", None) or index for index, each in enumerate(part)]
        return tuple(_restrict(each, same.get(key, each)) for key, each in zip(keys, part, strict=True))
    kind = type(part)
    if not has(kind) or type(known) is not kind:
        return part
    kept: dict[str, Any] = {}
    for name in (attribute.name for attribute in fields(kind) if attribute.eq):
        old = getattr(known, name)
        if is_asserted(kind, name, old):
            kept[name] = _restrict(getattr(part, name), old)
        elif not any(is_asserted(kind, other, getattr(known, other)) for other in group_of(kind, name)):
            kept[name] = old
    return evolve(part, **kept)


def _first_state(observation: Observation, derive: Derive) -> State:
    """The state of a return of which nothing is known: one layer, in which no fact stands against another."""
    facts = read_facts(observation.ret)
    if any(item.aliases and not item.id for item in observation.ret.items):
        return _state(
            observation.ret, {path: Fact(observation.stamp, values) for path, values in facts.items()}, derive
        )
    ret = build_return(observation.ret, facts)
    return State(ret=derive(ret), layers=(Layer(stamp=observation.stamp, ret=ret),))


def _known(stored: State) -> _Known:
    known: _Known = {}
    for layer in reversed(stored.layers):
        known.update((path, Fact(layer.stamp, values)) for path, values in read_facts(layer.ret).items())
    return known


def _state(ret: Return, known: _Known, derive: Derive) -> State:
    """The layers of what is known, and the return that they come to."""
    _drop_dead(known)
    ages: defaultdict[Stamp, dict[Path, Values]] = defaultdict(dict)
    stamp: Stamp | None = None
    group: dict[Path, Values] = {}
    for path, fact in known.items():
        # Facts that were learnt together have one stamp, and to hash it takes longer than all else here.
        if fact.stamp is not stamp:
            stamp = fact.stamp
            group = ages[stamp]
        group[path] = fact.values
    layers = tuple(Layer(stamp=age, ret=build_return(ret, ages[age])) for age in sorted(ages, reverse=True))
    if len(layers) == 1 and not any(path[0] == "aliases" for path in known):
        return State(ret=derive(layers[0].ret), layers=layers)
    return State(ret=derive(build_return(ret, visible_facts(known))), layers=layers)


def _visible(ret: Return, known: _Known, derive: Derive) -> Return:
    """The return that facts come to, and what follows from it."""
    _drop_dead(known)
    return derive(build_return(ret, visible_facts(known)))


def _drop_dead(known: _Known) -> None:
    """Remove facts that no later observation can make visible again."""
    word = known.get(STATUS)
    for path in BESIDE_STATUS:
        if word and path in known and known[path].stamp <= word.stamp:
            del known[path]
    if any(path[0] in _PARTS and path != NAMELESS_ITEMS for path in known):
        known.pop(NAMELESS_ITEMS, None)
