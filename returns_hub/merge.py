"""What is known of a return, and what one more observation makes of it. Pure: no I/O, no clock.

A return is a set of facts, and each fact is as old as the observation that told it. A later observation wins,
fact by fact; what it does not tell stays. So the same observations come to the same state in any order and however
often each of them arrives (it is a last-writer-wins map), and an event is told when, and only when, a fact changed.

What is one fact:

- ``status``, ``status_raw``, ``attention`` and ``goods_expected`` come from one word and are told together: an
  observation with a status also tells that nobody has to look at the return. Without a status, attention and
  expected goods stand for themselves.
- Items and shipments are known by their ``id`` and merge field by field. Each alias of an item is a fact of its own
  that nothing takes back. Items that are named only by aliases, and share one, are one item; it lends all that is known
  of it, its aliases too, to the items with an id that have one of them. Items that nothing names are one fact together,
  and give way for good once the vendor names its items.
- Of order, customer and label every field is a fact; an address, or a list of notes, of scans or of resolutions, is one.
- ``created_at`` is the earliest that was ever told, ``raw`` the newest.

What a vendor leaves to be concluded from all of this (``Adapter.derive``) is no fact: it is concluded anew from what is
known, whenever something is learnt.

What no event tells: ``raw`` and ``updated_at``; another word of the vendor for where an item or a shipment stood already,
since a webhook and a listing may spell one fact in two ways; and what was told of an item under an alias already, once
it turns out whose alias that is.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar

from attrs import AttrsInstance, evolve, fields, frozen, has

from returns_hub.convert import dump
from returns_hub.events import (
    Event,
    ItemDispositionChanged,
    ItemImagesChanged,
    ItemReceived,
    LabelFailed,
    LabelReady,
    Origin,
    ResolutionChanged,
    ReturnAttentionChanged,
    ReturnCreated,
    ReturnStatusChanged,
    ReturnUpdated,
    ShipmentUpdated,
)
from returns_hub.model import Customer, Item, Label, OrderRef, Return, Shipment
from returns_hub.scalars import format_time
from returns_hub.status import LabelStatus


@frozen(order=True)
class Stamp:
    """How old a fact is: by the vendor's clock first, then by when we learnt it, by ours."""

    at: datetime
    seen_at: datetime


@frozen(kw_only=True)
class Observation:
    """What somebody told about a return at one moment. A field left empty is not told.

    ``at`` is the vendor's time of it, ``seen_at`` is when the request was sent or the delivery came in, by our clock.
    """

    ret: Return
    at: datetime
    seen_at: datetime
    origin: Origin = Origin.POLL

    @property
    def stamp(self) -> Stamp:
        """The age of every fact told here."""
        # A vendor's time in our future counts as ours: one wrong clock would make a fact unchangeable for years.
        return Stamp(min(self.at, self.seen_at), self.seen_at)


def observed(ret: Return, *, seen_at: datetime, origin: Origin = Origin.POLL) -> Observation:
    """A return as the vendor's API showed it: as of its ``updated_at``, or of ``seen_at`` where it has none."""
    return Observation(ret=ret, at=ret.updated_at or seen_at, seen_at=seen_at, origin=origin)


@frozen(kw_only=True)
class Layer:
    """Facts of one age: a return that holds these and nothing else."""

    stamp: Stamp
    ret: Return


@frozen(kw_only=True)
class State:
    """All that is known of a return: ``ret`` is what the ``layers``, newest first, come to, and what follows from that.

    Each layer holds only what no later one told. Most returns have one layer, and it is ``ret`` itself.
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


Derive: TypeAlias = Callable[[Return], Return]


def derive_nothing(ret: Return) -> Return:
    """The return itself: nothing follows from its parts."""
    return ret


def merge(
    stored: State | None, observation: Observation, *, account: str, derive: Derive = derive_nothing
) -> MergeResult:
    """What a stored state, or none, and an observation come to, and what changed by it.

    ``derive`` adds to everything that is known what follows from it. No layer holds that, so it follows the same in
    whatever order the observations came.
    """
    known: dict[_Path, _Fact] = {}
    for layer in reversed(stored.layers if stored else ()):
        known.update((path, _Fact(layer.stamp, values)) for path, values in _facts(layer.ret).items())
    reread = False
    for path, values in _facts(observation.ret).items():
        told, before = _Fact(observation.stamp, values), known.get(path)
        reread = reread or (before is not None and _disagree(path, told, before))
        if before is None or _wins(path, told, before):
            known[path] = told
    state = _state(observation.ret, known, derive)
    return MergeResult(state=state, events=_events(stored, state.ret, observation, account), reread=reread)


def restrict_fields(ret: Return, known: Return) -> Return:
    """``ret`` without what ``known`` tells nothing of: a return read by its id, as a listing would have told it.

    Where it stands is told in any case, and so is ``raw``; the timeline never is, which repeats what else changed.
    """
    told: Return = _narrowed(ret, known)
    return evolve(told, timeline=(), **{name: getattr(ret, name) for name in _FACTS[Return]["status"]})


def _narrowed(part: Any, known: Any) -> Any:
    if _is_silent(known):
        return known
    if isinstance(part, tuple):
        same = {getattr(each, "id", None) or index: each for index, each in enumerate(known)}
        keys = [getattr(each, "id", None) or index for index, each in enumerate(part)]
        return tuple(_narrowed(each, same.get(key, each)) for key, each in zip(keys, part, strict=True))
    if has(type(part)):
        compared = [attribute.name for attribute in fields(type(part)) if attribute.eq]
        return evolve(part, **{name: _narrowed(getattr(part, name), getattr(known, name)) for name in compared})
    return part


_T = TypeVar("_T")

# The place of a fact: ("number",), ("order", "id"), ("items", "17", "sku"), ("shipments", "s1", "label", "url").
# An item that only aliases name stands at ("aliases", ALIAS, …), by the first of them; items that nothing names stand at
# ("items",). That an item has an alias stands at ("items", "17", "aliases", ALIAS), or ("aliases", ALIAS, "aliases", ALIAS).
_Path: TypeAlias = tuple[str, ...]
_Values: TypeAlias = tuple[Any, ...]

_STATUS: Final = ("status",)
_BESIDE_STATUS: Final = (("attention",), ("goods_expected",))
_CREATED_AT: Final = ("created_at",)
_NAMELESS_ITEMS: Final = ("items",)

# The fields that are one fact, which is known by the first of them. Every other field is a fact of its own.
_TOGETHER: Final[Mapping[type[Any], tuple[tuple[str, ...], ...]]] = {
    Return: (("status", "status_raw", "attention", "goods_expected"), ("raw", "unreadable")),
    Item: (
        ("disposition", "disposition_raw"),
        ("disposition_status", "disposition_status_raw"),
        ("raw", "unreadable"),
    ),
    Shipment: (("status", "status_raw", "status_text"), ("raw", "unreadable")),
    Label: (("status", "status_raw", "error", "reasons"),),
}
_TAKEN_APART: Final = {
    Return: {"provider", "order", "customer", "items", "shipments"},
    Item: {"aliases"},
    Shipment: {"label"},
}


def _facts_of(kind: type[Any]) -> Mapping[str, tuple[str, ...]]:
    groups, apart = _TOGETHER.get(kind, ()), _TAKEN_APART.get(kind, set())
    together = {name for group in groups for name in group}
    alone = (a.name for a in fields(kind) if a.name not in together and a.name not in apart)
    return {group[0]: group for group in (*groups, *((name,) for name in alone))}


_FACTS: Final[Mapping[type[Any], Mapping[str, tuple[str, ...]]]] = {
    kind: _facts_of(kind) for kind in (Return, OrderRef, Customer, Item, Shipment, Label)
}


@frozen
class _Fact:
    """A fact: the values of its fields, and its age."""

    stamp: Stamp
    values: _Values


def _facts(ret: Return) -> dict[_Path, _Values]:
    """Everything that a return tells."""
    told: dict[_Path, _Values] = {}
    _collect(told, (), ret)
    if _is_silent(ret.status) and _is_silent(ret.status_raw):
        told.pop(_STATUS, None)
        told.update((path, (getattr(ret, *path),)) for path in _BESIDE_STATUS if not _is_silent(getattr(ret, *path)))
    if ret.order is not None:
        _collect(told, ("order",), ret.order)
    if ret.customer is not None:
        _collect(told, ("customer",), ret.customer)
    if all(item.id or item.aliases for item in ret.items):
        for item in ret.items:
            place = ("items", item.id) if item.id else ("aliases", min(item.aliases, key=_rank))
            _collect(told, place, item)
            told.update(((*place, "aliases", alias), (alias,)) for alias in item.aliases)
    else:
        told[_NAMELESS_ITEMS] = (ret.items,)
    for shipment in ret.shipments:
        _collect(told, ("shipments", shipment.id), shipment)
        if shipment.label is not None:
            _collect(told, ("shipments", shipment.id, "label"), shipment.label)
    return told


def _collect(told: dict[_Path, _Values], place: _Path, part: object) -> None:
    for name, names in _FACTS[type(part)].items():
        values = tuple([getattr(part, field) for field in names])
        if not all(map(_is_silent, values)):
            told[*place, name] = values


def _is_silent(value: object) -> bool:
    """True for a field that tells nothing: None, anything empty, and the vocabularies' ``unknown``."""
    if isinstance(value, Enum):
        return bool(value.value == "unknown")
    return value is None or (isinstance(value, Sized) and not value)


def _wins(path: _Path, told: _Fact, before: _Fact) -> bool:
    """True if ``told`` is the one to keep. Swapping the two swaps the answer, unless they are the same."""
    if path == _CREATED_AT and told.values != before.values:
        return told.values < before.values
    if told.stamp != before.stamp:
        return told.stamp > before.stamp
    return _text(told.values) > _text(before.values)


def _disagree(path: _Path, told: _Fact, before: _Fact) -> bool:
    same_time = told.stamp.at == before.stamp.at
    return same_time and told.values != before.values and path != _CREATED_AT and path[-1] != "raw"


def _text(values: _Values) -> str:
    """The values spelt in one way that is always the same, and not the same for a number and its text."""
    spelt = [value if isinstance(value, dict) else dump(value, raw=True) for value in values]
    return json.dumps(spelt, sort_keys=True, default=repr)


def _state(ret: Return, known: dict[_Path, _Fact], derive: Derive) -> State:
    """The layers of what is known, and the return that they come to."""
    _drop_dead(known)
    ages: defaultdict[Stamp, dict[_Path, _Values]] = defaultdict(dict)
    for path, told in known.items():
        ages[told.stamp][path] = told.values
    layers = tuple(Layer(stamp=age, ret=_assembled(ret, ages[age])) for age in sorted(ages, reverse=True))
    if len(layers) == 1 and not any(path[0] == "aliases" for path in known):
        return State(ret=derive(layers[0].ret), layers=layers)
    return State(ret=derive(_assembled(ret, _visible(known))), layers=layers)


def _drop_dead(known: dict[_Path, _Fact]) -> None:
    """Forget what can never be seen again, whatever may still be told."""
    word = known.get(_STATUS)
    for path in _BESIDE_STATUS:
        if word and path in known and known[path].stamp <= word.stamp:
            del known[path]
    if any(path[0] in ("items", "aliases") and path != _NAMELESS_ITEMS for path in known):
        known.pop(_NAMELESS_ITEMS, None)


def _visible(known: Mapping[_Path, _Fact]) -> dict[_Path, _Values]:
    """The facts where a reader looks for them: beside the status, and at the items that an alias means."""
    shown = dict(known)
    if word := shown.get(_STATUS):
        status, status_raw, *beside = word.values
        later = (
            shown.pop(path).values[0] if path in shown else own
            for path, own in zip(_BESIDE_STATUS, beside, strict=True)
        )
        shown[_STATUS] = _Fact(word.stamp, (status, status_raw, *later))
    meant = _meant(known)
    for path, told in {path: shown.pop(path) for path in known if path[0] == "aliases"}.items():
        for place in meant[path[1]]:
            own = (*place, *path[2:])
            if own not in shown or _wins(own, told, shown[own]):
                shown[own] = told
    return {path: told.values for path, told in shown.items()}


def _meant(known: Iterable[_Path]) -> dict[str, list[_Path]]:
    """For each alias that an item without an id has: the items that are meant by it.

    These are the items with an id that have it, or another alias that some items without an id say is of the same thing.
    Where there are none, it is one without an id, at the first of all these aliases.
    """
    alike: dict[str, set[str]] = {}
    having: defaultdict[str, list[_Path]] = defaultdict(list)
    for path in known:
        if path[2:3] != ("aliases",):
            continue
        if path[0] == "items":
            having[path[3]].append(path[:2])
            continue
        few, many = sorted((alike.setdefault(path[1], {path[1]}), alike.setdefault(path[3], {path[3]})), key=len)
        if few is not many:
            many |= few
            alike.update(dict.fromkeys(few, many))
    meant: dict[str, list[_Path]] = {}
    for alias, aliases in alike.items():
        if alias not in meant:
            owners = list(dict.fromkeys(owner for each in aliases for owner in having[each]))
            meant.update(dict.fromkeys(aliases, owners or [("aliases", min(aliases, key=_rank))]))
    return meant


def _assembled(ret: Return, facts: Mapping[_Path, _Values]) -> Return:
    """The same return as ``ret``, telling these facts and no others: the inverse of :func:`_facts`."""
    places: defaultdict[_Path, dict[str, _Values]] = defaultdict(dict)
    for path, values in facts.items():
        places[path[:-1]][path[-1]] = values
    named = [
        _part(Item, places["items", key], id=key, aliases=_aliases(places["items", key, "aliases"]))
        for key in _keys(places, "items")
    ]
    aliased = [
        _part(Item, places["aliases", key], aliases=_aliases({key, *places["aliases", key, "aliases"]}))
        for key in _keys(places, "aliases")
    ]
    shipments = [
        _part(
            Shipment, places["shipments", key], id=key, label=_optional(Label, places.get(("shipments", key, "label")))
        )
        for key in _keys(places, "shipments")
    ]
    return _part(
        Return,
        places[()],
        provider=ret.provider,
        id=ret.id,
        order=_optional(OrderRef, places.get(("order",))),
        customer=_optional(Customer, places.get(("customer",))),
        items=(*named, *aliased),
        shipments=tuple(shipments),
    )


def _keys(places: Iterable[_Path], kind: str) -> list[str]:
    """The identifiers of the parts of one kind."""
    return sorted({place[1] for place in places if place[:1] == (kind,)}, key=_rank)


def _aliases(told: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(told, key=_rank))


def _rank(identifier: str) -> tuple[int, str]:
    """The order of identifiers: numbers spelt as text come in the order of the numbers."""
    return len(identifier), identifier


def _part(kind: type[_T], told: Mapping[str, _Values], **given: Any) -> _T:
    for name, values in told.items():
        given.update(zip(_FACTS[kind].get(name, (name,)), values, strict=True))
    return kind(**given)


def _optional(kind: type[_T], told: Mapping[str, _Values] | None) -> _T | None:
    return None if told is None else _part(kind, told)


# The fields that hold a vendor's word, and the one that holds the neutral word for it.
_WORDS: Final[Mapping[type[Any], Mapping[str, str]]] = {
    Item: {"disposition_raw": "disposition", "disposition_status_raw": "disposition_status"},
    Shipment: {"status_raw": "status"},
}

# The event that tells of a change, the part it is about, the name of what changed, and its value before and after.
_Change: TypeAlias = tuple[type[Event], str, str, Any, Any]

_RETURN_EVENTS: Final[Mapping[str, type[Event]]] = {
    "status": ReturnStatusChanged,
    "status_raw": ReturnStatusChanged,
    "attention": ReturnAttentionChanged,
    "resolutions": ResolutionChanged,
}
_ITEM_EVENTS: Final[Mapping[str, type[Event]]] = {
    "disposition": ItemDispositionChanged,
    "disposition_status": ItemDispositionChanged,
    "disposition_raw": ItemDispositionChanged,
    "images": ItemImagesChanged,
}
_LABEL_EVENTS: Final[Mapping[LabelStatus, type[Event]]] = {
    LabelStatus.READY: LabelReady,
    LabelStatus.FAILED: LabelFailed,
}


def _events(stored: State | None, after: Return, observation: Observation, account: str) -> tuple[Event, ...]:
    """One event for each kind of change to each part; for a return that was not known, its creation alone."""
    if stored is None:
        first = {"status": (None, dump(after.status)), "status_raw": (None, after.status_raw)}
        if after.request_id:
            first["request_id"] = (None, after.request_id)
        return (_event(ReturnCreated, first, after, observation, account),)
    grouped: defaultdict[tuple[type[Event], str], dict[str, tuple[Any, Any]]] = defaultdict(dict)
    for kind, part, name, old, new in _return_changes(stored.ret, after):
        grouped[kind, part][name] = (dump(old), dump(new))
    return tuple(_event(kind, changes, after, observation, account) for (kind, _), changes in grouped.items())


def _event(
    kind: type[Event], changes: Mapping[str, tuple[Any, Any]], ret: Return, observation: Observation, account: str
) -> Event:
    stamp = observation.stamp
    # A return is created once. Any other change can come again, at another time.
    when = [] if kind is ReturnCreated else [changes, format_time(stamp.at), format_time(stamp.seen_at)]
    identity = json.dumps([account, ret.id, kind.type, *when], sort_keys=True)
    return kind(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        account=account,
        return_id=ret.id,
        occurred_at=stamp.at,
        recorded_at=stamp.seen_at,
        origin=observation.origin,
        changes=changes,
    )


def _return_changes(before: Return, after: Return) -> Iterator[_Change]:
    for name, old, new in _differences(before, after):
        if name == "items":
            yield from _item_changes(old, new)
        elif name == "shipments":
            yield from _shipment_changes(old, new)
        elif name != "updated_at":
            yield _RETURN_EVENTS.get(name, ReturnUpdated), "", name, old, new


def _item_changes(before: tuple[Item, ...], after: tuple[Item, ...]) -> Iterator[_Change]:
    if not all(item.id or item.aliases for item in (*before, *after)):
        # Nothing says which is which: they are compared as a whole, wherever each of them stands.
        if Counter(map(_without_spelling, before)) != Counter(map(_without_spelling, after)):
            yield ReturnUpdated, "", "items", before, after
        return
    known = {item.id: item for item in before if item.id}
    aliased = {alias: item for item in before if not item.id for alias in item.aliases}
    for item in after:
        key = item.id or item.aliases[0]
        olds = [known[item.id]] if item.id in known else []
        olds += dict.fromkeys(aliased[alias] for alias in item.aliases if alias in aliased)
        old = _told_before(item, olds)
        for name, was, now in _differences(old, item):
            if name in _WORDS[Item] and _are_same(old, item, _WORDS[Item][name]):
                continue
            kind = _ITEM_EVENTS.get(name, ReturnUpdated)
            if name == "quantity_received" and (was is None or now > was):
                kind = ItemReceived
            yield kind, "" if kind is ReturnUpdated else key, f"items[{key}].{name}", was, now


def _without_spelling(item: Item) -> Item:
    """The item without the vendor's words beside neutral ones that are known."""
    words: dict[str, Any] = {
        raw: None for raw, neutral in _WORDS[Item].items() if not _is_silent(getattr(item, neutral))
    }
    return evolve(item, **words)


def _told_before(item: Item, olds: Sequence[Item]) -> Item | None:
    """What was told of an item: ``olds`` is the item itself, and those without an id that turned out to be the same.

    A value that was told under any of these names is no news under this one. Whose alias it is, is.
    """
    if len(olds) < 2:
        return olds[0] if olds else None
    told: dict[str, Any] = {}
    for name in (attribute.name for attribute in fields(Item) if attribute.eq):
        values = [value for old in olds if not _is_silent(value := getattr(old, name))]
        if values and name != "aliases":
            now = getattr(item, name)
            told[name] = now if now in values else values[0]
    return evolve(olds[0], **told)


def _shipment_changes(before: tuple[Shipment, ...], after: tuple[Shipment, ...]) -> Iterator[_Change]:
    known = {shipment.id: shipment for shipment in before}
    for shipment in after:
        old = known.get(shipment.id)
        for name, was, now in _differences(old, shipment):
            if name in _WORDS[Shipment] and _are_same(old, shipment, _WORDS[Shipment][name]):
                continue
            place = f"shipments[{shipment.id}].{name}"
            if name != "label":
                yield ShipmentUpdated, shipment.id, place, was, now
                continue
            changes = list(_differences(was, now))
            moved = any(part == "status" for part, _, _ in changes)
            kind = _LABEL_EVENTS.get(now.status, ShipmentUpdated) if moved else ShipmentUpdated
            yield from ((kind, shipment.id, f"{place}.{part}", *values) for part, *values in changes)


def _differences(before: AttrsInstance | None, after: AttrsInstance) -> Iterator[tuple[str, Any, Any]]:
    """The fields that differ, with their values; of a part that is new, the fields that tell something."""
    for attribute in fields(type(after)):
        name = attribute.name
        old, new = getattr(before, name, None), getattr(after, name)
        # A label's reasons are its error in parts.
        if name == "reasons":
            continue
        if attribute.eq and old != new and not (before is None and _is_silent(new)):
            yield name, old, new


def _are_same(before: AttrsInstance | None, after: AttrsInstance, name: str) -> bool:
    """True if a field tells something, and told the same before."""
    now = getattr(after, name)
    return before is not None and getattr(before, name) == now and not _is_silent(now)
