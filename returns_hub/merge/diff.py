"""The events of a difference between two states of a return.

There is no event for ``raw``, ``unreadable`` and ``updated_at``; for a list in another order; for an address that is only
signed anew; or for another spelling of a word: a webhook and a listing may spell one fact in two ways.
"""

import functools
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from attrs import AttrsInstance, evolve, fields

from returns_hub.convert import dump
from returns_hub.events import (
    Changes,
    Event,
    ItemAdded,
    ItemDispositionChanged,
    ItemExtraChanged,
    ItemImagesChanged,
    ItemMeasured,
    ItemNotesChanged,
    ItemReceived,
    ItemServicesChanged,
    LabelFailed,
    LabelReady,
    Origin,
    ResolutionChanged,
    ReturnAttentionChanged,
    ReturnCreated,
    ReturnNotesChanged,
    ReturnStatusChanged,
    ReturnUpdated,
    ShipmentUpdated,
)
from returns_hub.merge.comparison import WORDS, is_equivalent, is_spelling
from returns_hub.merge.facts import Stamp, is_asserted, service_key
from returns_hub.model import Item, Return, Service, Shipment
from returns_hub.scalars import format_time
from returns_hub.status import LabelStatus

_PartT = TypeVar("_PartT", Item, Service)

# A field that differs: its name, and its value before and after.
_Difference: TypeAlias = tuple[str, Any, Any]
# The type of the event of a change, the part it is about, the name of what changed, and its value before and after.
_Change: TypeAlias = tuple[type[Event], str, str, Any, Any]

# A label's reasons are its error in parts.
_WITHOUT_EVENT: Final = frozenset({"updated_at", "reasons"})

_RETURN_EVENTS: Final[Mapping[str, type[Event]]] = {
    "status": ReturnStatusChanged,
    "status_raw": ReturnStatusChanged,
    "attention": ReturnAttentionChanged,
    "resolutions": ResolutionChanged,
    "notes": ReturnNotesChanged,
}
_ITEM_EVENTS: Final[Mapping[str, type[Event]]] = {
    "disposition": ItemDispositionChanged,
    "disposition_status": ItemDispositionChanged,
    "disposition_raw": ItemDispositionChanged,
    "disposition_status_raw": ItemDispositionChanged,
    "images": ItemImagesChanged,
    "notes": ItemNotesChanged,
    "measured": ItemMeasured,
    "resolutions": ResolutionChanged,
    "extra": ItemExtraChanged,
}
_LABEL_EVENTS: Final[Mapping[LabelStatus, type[Event]]] = {
    LabelStatus.READY: LabelReady,
    LabelStatus.FAILED: LabelFailed,
}


_encode_identity: Final = json.JSONEncoder(sort_keys=True).encode


def created_event(ret: Return, *, account: str, stamp: Stamp, origin: Origin) -> Event:
    """The event of a return that was not known."""
    changes = {"status": (None, ret.status.value), "status_raw": (None, ret.status_raw)}
    if ret.request_id:
        changes["request_id"] = (None, ret.request_id)
    return _event(ReturnCreated, ret.id, changes, account=account, stamp=stamp, origin=origin)


def changed_events(before: Return, after: Return, *, account: str, stamp: Stamp, origin: Origin) -> tuple[Event, ...]:
    """One event for each kind of change to each part of a return."""
    grouped: defaultdict[tuple[type[Event], str], dict[str, tuple[Any, Any]]] = defaultdict(dict)
    for kind, part, name, old, new in _return_changes(before, after):
        grouped[kind, part][name] = (dump(old), dump(new))
    return tuple(
        _event(kind, after.id, changes, account=account, stamp=stamp, origin=origin)
        for (kind, _), changes in grouped.items()
    )


def _event(kind: type[Event], return_id: str, changes: Changes, *, account: str, stamp: Stamp, origin: Origin) -> Event:
    # A return is created once. Any other change can come again, at another time.
    when = [] if kind.type == ReturnCreated.type else [changes, format_time(stamp.at), format_time(stamp.seen_at)]
    identity = _encode_identity([account, return_id, kind.type, *when])
    return kind(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        account=account,
        return_id=return_id,
        occurred_at=stamp.at,
        recorded_at=stamp.seen_at,
        origin=origin,
        changes=changes,
    )


def _return_changes(before: Return, after: Return) -> Iterator[_Change]:
    for name, old, new in _differences(before, after):
        if name == "items":
            yield from _item_changes(old, new)
        elif name == "shipments":
            yield from _shipment_changes(old, new)
        else:
            yield _RETURN_EVENTS.get(name, ReturnUpdated), "", name, old, new


def _item_changes(before: tuple[Item, ...], after: tuple[Item, ...]) -> Iterator[_Change]:
    if not all(item.id or item.aliases for item in (*before, *after)):
        # Nothing says which is which: they are compared as a whole, wherever each of them stands.
        if not is_equivalent("items", before, after):
            yield ReturnUpdated, "", "items", before, after
        return
    known = {item.id: item for item in before if item.id}
    aliased = {alias: item for item in before if not item.id for alias in item.aliases}
    for item in after:
        olds = [known[item.id]] if item.id in known else []
        olds += dict.fromkeys(aliased[alias] for alias in item.aliases if alias in aliased)
        is_new = item.id not in known if item.id else not olds
        yield from _changes_of_item(olds, item, ItemAdded if is_new else ReturnUpdated)


def _changes_of_item(olds: Sequence[Item], item: Item, other: type[Event]) -> Iterator[_Change]:
    """The changes of one item. ``other`` is the event for what has none of its own."""
    key = item.id or item.aliases[0]
    for name, old, new in _differences(_known_before(olds, item), item):
        place = f"items[{key}].{name}"
        if name == "services":
            for part, *values in _service_differences([each for one in olds for each in one.services], new):
                yield ItemServicesChanged, key, f"{place}{part}", *values
            continue
        kind = _ITEM_EVENTS.get(name, other)
        if name == "quantity_received" and (old is None or new > old):
            kind = ItemReceived
        yield kind, "" if kind is ReturnUpdated else key, place, old, new


def _service_differences(before: Sequence[Service], after: Sequence[Service]) -> Iterator[_Difference]:
    for number, service in enumerate(after):
        key = service_key(service)
        olds = [old for old in before if service_key(old) == key]
        for name, old, new in _differences(_known_before(olds, service), service):
            yield f"[{service.id or service.code or number}].{name}", old, new


def _shipment_changes(before: tuple[Shipment, ...], after: tuple[Shipment, ...]) -> Iterator[_Change]:
    known = {shipment.id: shipment for shipment in before}
    for shipment in after:
        for name, old, new in _differences(known.get(shipment.id), shipment):
            place = f"shipments[{shipment.id}].{name}"
            if name != "label" or new is None:
                yield ShipmentUpdated, shipment.id, place, old, new
                continue
            changes = list(_differences(old, new))
            moved = any(part == "status" for part, _, _ in changes)
            kind = _LABEL_EVENTS.get(new.status, ShipmentUpdated) if moved else ShipmentUpdated
            yield from ((kind, shipment.id, f"{place}.{part}", *values) for part, *values in changes)


def _known_before(olds: Sequence[_PartT], part: _PartT) -> _PartT | None:
    """What was known of a part: ``olds`` is the part itself, and those under other names that turned out to be the same.

    A value that was known under any of these names is no change under this one. A new alias is.
    """
    if len(olds) < 2:
        return olds[0] if olds else None
    kind = type(part)
    known: dict[str, Any] = {}
    for name in (attribute.name for attribute in fields(kind) if attribute.eq):
        values = [value for old in olds if is_asserted(kind, name, value := getattr(old, name))]
        if values and name != "aliases":
            now = getattr(part, name)
            known[name] = now if now in values else values[0]
    return evolve(olds[0], **known)


def _differences(before: AttrsInstance | None, after: AttrsInstance) -> Iterator[_Difference]:
    """The fields that say something else, with their values; of a new part, the fields that assert something."""
    kind = type(after)
    words = WORDS.get(kind, {})
    for name in _compared(kind):
        old, new = getattr(before, name, None), getattr(after, name)
        if before is None:
            if is_asserted(kind, name, new):
                yield name, old, new
        elif not is_equivalent(name, old, new) and not (
            name in words and is_spelling(before, after, name, words[name])
        ):
            yield name, old, new


@functools.cache
def _compared(kind: type[AttrsInstance]) -> tuple[str, ...]:
    return tuple(a.name for a in fields(kind) if a.eq and a.name not in _WITHOUT_EVENT)
