"""A return taken apart into facts, and put together again.

A fact has a place in the return (its path) and the values of one field, or of a few that are asserted together. What is one
fact is said in :mod:`returns_hub.merge`.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeAlias, TypeVar

from attrs import AttrsInstance, fields, frozen

from returns_hub.model import Customer, Item, Label, Note, OrderRef, Parcel, Return, Service, Shipment, TrackingEvent
from returns_hub.scalars import format_time
from returns_hub.status import LabelStatus

_T = TypeVar("_T")

# ("number",), ("order", "id"), ("items", "17", "sku"), ("shipments", "s1", "label", "url"), ("notes", "n1").
# An item that only aliases name stands at ("aliases", ALIAS, …), by the first of them. What nothing names stands together
# at ("items", ""), notes without an id at (…, "notes", ""). A service stands at (…, "services", "id 7") or "code 3". That an item has an alias stands at
# ("items", "17", "aliases", ALIAS), or at ("aliases", ALIAS, "aliases", ALIAS).
Path: TypeAlias = tuple[str, ...]
Values: TypeAlias = tuple[Any, ...]

STATUS: Final = ("status",)
BESIDE_STATUS: Final = (("attention",), ("goods_expected",))
CREATED_AT: Final = ("created_at",)
NAMELESS_ITEMS: Final = ("items", "")

_RAW: Final = ("raw", "unreadable")
# The fields that are one fact, which is known by the first of them. Every other field is a fact of its own.
_TOGETHER: Final[Mapping[type[Any], tuple[tuple[str, ...], ...]]] = {
    Return: (("status", "status_raw", "attention", "goods_expected"), _RAW),
    Item: (("disposition", "disposition_raw"), ("disposition_status", "disposition_status_raw"), _RAW),
    Service: (("status", "status_raw"),),
    Shipment: (("status", "status_raw", "status_text"), _RAW),
    Label: (("status", "status_raw"), ("error", "reasons")),
}
_TAKEN_APART: Final = {
    Return: {"provider", "order", "customer", "items", "shipments", "notes"},
    Item: {"aliases", "services", "notes", "measured"},
    Shipment: {"label", "tracking", "parcel"},
}


@functools.cache
def _defaults(kind: type[AttrsInstance]) -> Mapping[str, Any]:
    return {attribute.name: attribute.default for attribute in fields(kind)}


@frozen
class _Alone:
    """The fields of a class that are facts of their own, with their defaults, and what fetches them all."""

    defaults: tuple[tuple[str, Any], ...]
    fetch: Callable[[object], Values]

    @classmethod
    def of(cls, kind: type[AttrsInstance]) -> "_Alone":
        other = {*_TAKEN_APART.get(kind, ()), *(name for group in _TOGETHER.get(kind, ()) for name in group)}
        defaults = {name: default for name, default in _defaults(kind).items() if name not in other}
        return cls(tuple(defaults.items()), attrgetter(*defaults))


_NAMES: Final[Mapping[type[Any], Mapping[str, tuple[str, ...]]]] = {
    kind: {names[0]: names for names in groups} for kind, groups in _TOGETHER.items()
}
_ALONE: Final[Mapping[type[Any], _Alone]] = {
    kind: _Alone.of(kind) for kind in (Return, OrderRef, Customer, Item, Service, Shipment, Label, Parcel)
}


@frozen(order=True)
class Stamp:
    """How old a fact is: by the vendor's clock first, then by when it was learnt, by ours."""

    at: datetime
    seen_at: datetime


@frozen
class Fact:
    """The values of the fields of a fact, and its age."""

    stamp: Stamp
    values: Values


def group_of(kind: type[AttrsInstance], name: str) -> tuple[str, ...]:
    """The fields that are one fact with a field, itself among them."""
    return next((group for group in _TOGETHER.get(kind, ()) if name in group), (name,))


def is_asserted(kind: type[AttrsInstance], name: str, value: object) -> bool:
    """False for None, for anything empty, and for ``unknown`` where a field is that by default."""
    # Zero and no are values, and nothing else that is false.
    return value is not None and value is not _defaults(kind)[name] and bool(value or value == 0)


def service_key(service: Service) -> str | None:
    """What names a service among those of its item: its id, or its code where there is none."""
    if service.id:
        return f"id {service.id}"
    return f"code {service.code}" if service.code else None


def read_facts(ret: Return) -> dict[Path, Values]:
    """Every fact that a return asserts."""
    facts: dict[Path, Values] = {}
    _read(facts, (), ret)
    if not is_asserted(Return, "status", ret.status) and ret.status_raw is None:
        facts.pop(STATUS, None)
        beside = ((path, getattr(ret, *path)) for path in BESIDE_STATUS)
        facts.update((path, (value,)) for path, value in beside if is_asserted(Return, *path, value))
    if ret.order is not None:
        _read(facts, ("order",), ret.order)
    if ret.customer is not None:
        _read(facts, ("customer",), ret.customer)
    _read_list(facts, ("notes",), ret.notes, _note_key)
    if all(item.id or item.aliases for item in ret.items):
        for item in ret.items:
            _read_item(facts, item)
    else:
        facts[NAMELESS_ITEMS] = (ret.items,)
    for shipment in ret.shipments:
        place = ("shipments", shipment.id)
        _read(facts, place, shipment)
        _read_list(facts, (*place, "tracking"), shipment.tracking, _scan_key)
        if shipment.label is not None:
            _read_label(facts, (*place, "label"), shipment.label)
        if shipment.parcel is not None:
            _read(facts, (*place, "parcel"), shipment.parcel)
    return facts


def build_return(ret: Return, facts: Mapping[Path, Values]) -> Return:
    """The same return as ``ret``, asserting these facts and no others: the inverse of :func:`read_facts`."""
    root: _Node = {}
    for path, values in facts.items():
        node = root
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = values
    order, customer, notes, shipments = (root.pop(name, {}) for name in ("order", "customer", "notes", "shipments"))
    named, aliased = root.pop("items", {}), root.pop("aliases", {})
    (nameless,) = named.pop("", ((),))
    return _build(
        Return,
        root,
        provider=ret.provider,
        id=ret.id,
        order=_build(OrderRef, order) if order else None,
        customer=_build(Customer, customer) if customer else None,
        notes=_build_notes(notes),
        items=(
            *(_build_item(named[key], id=key) for key in sorted(named, key=rank)),
            *(_build_item(aliased[key], alias=key) for key in sorted(aliased, key=rank)),
            *nameless,
        ),
        shipments=tuple(_build_shipment(key, shipments[key]) for key in sorted(shipments, key=rank)),
    )


def rank(identifier: str) -> tuple[int, str]:
    """The order of identifiers: numbers spelt as text come in the order of the numbers."""
    return len(identifier), identifier


def _read(facts: dict[Path, Values], place: Path, part: AttrsInstance) -> None:
    kind = type(part)
    alone, together = _ALONE[kind], _TOGETHER.get(kind, ())
    # Merging spends its time here: all fields are fetched at once, and what is_asserted does is repeated in line.
    for (name, default), value in zip(alone.defaults, alone.fetch(part), strict=True):
        if value is not None and value is not default and (value or value == 0):
            facts[*place, name] = (value,)
    for names in together:
        values = tuple([getattr(part, name) for name in names])
        if any(is_asserted(kind, name, value) for name, value in zip(names, values, strict=True)):
            facts[*place, names[0]] = values


def _read_item(facts: dict[Path, Values], item: Item) -> None:
    place = ("items", item.id) if item.id else ("aliases", min(item.aliases, key=rank))
    _read(facts, place, item)
    facts.update(((*place, "aliases", alias), (alias,)) for alias in item.aliases)
    _read_list(facts, (*place, "notes"), item.notes, _note_key)
    if item.measured is not None:
        _read(facts, (*place, "measured"), item.measured)
    _read_list(facts, (*place, "services"), [one for one in item.services if not service_key(one)], service_key)
    for service in item.services:
        if key := service_key(service):
            _read(facts, (*place, "services", key), service)


def _read_label(facts: dict[Path, Values], place: Path, label: Label) -> None:
    """A failed label without an error is silent about it; any other label asserts that it has none."""
    _read(facts, place, label)
    status, error = facts.get((*place, "status"), (None,))[0], (*place, "error")
    if status is LabelStatus.FAILED:
        # The same parcel may stand in a return twice.
        if not any(facts.get(error, (True,))):
            del facts[error]
    elif status is not None:
        facts[error] = (label.error, label.reasons)


def _read_list(facts: dict[Path, Values], place: Path, parts: Sequence[_T], key_of: Callable[[_T], str | None]) -> None:
    """Each part with a key is a fact, and those without one are a fact together."""
    nameless: list[_T] = []
    for part in parts:
        if key := key_of(part):
            facts[*place, key] = (part,)
        else:
            nameless.append(part)
    if nameless:
        facts[*place, ""] = (tuple(nameless),)


def _note_key(note: Note) -> str | None:
    return note.id


def _scan_key(scan: TrackingEvent) -> str | None:
    if scan.occurred_at is None:
        return None
    return f"{format_time(scan.occurred_at)} {scan.status_raw or scan.status.value}"


_Node: TypeAlias = dict[str, Any]
"""The facts below a place: by the name of a field its values, by that of a part the node of the part."""


def _build_item(node: _Node, *, id: str | None = None, alias: str | None = None) -> Item:
    aliases = {*node.pop("aliases", {}), *([alias] if alias else [])}
    services, notes, measured = (node.pop(name, {}) for name in ("services", "notes", "measured"))
    (nameless,) = services.pop("", ((),))
    return _build(
        Item,
        node,
        id=id,
        aliases=tuple(sorted(aliases, key=rank)),
        services=(*(_build_service(key, services[key]) for key in sorted(services, key=rank)), *nameless),
        notes=_build_notes(notes),
        measured=_build(Parcel, measured) if measured else None,
    )


def _build_service(key: str, node: _Node) -> Service:
    name, value = key.split(" ", 1)
    return _build(Service, node, **{name: value})


def _build_shipment(key: str, node: _Node) -> Shipment:
    label, tracking, parcel = (node.pop(name, {}) for name in ("label", "tracking", "parcel"))
    (nameless,) = tracking.pop("", ((),))
    scans = [scan for _, (scan,) in sorted(tracking.items(), key=lambda entry: entry[0])]
    return _build(
        Shipment,
        node,
        id=key,
        label=_build_label(label) if label else None,
        parcel=_build(Parcel, parcel) if parcel else None,
        tracking=(*scans, *nameless),
    )


def _build_label(node: _Node) -> Label:
    if "error" in node and not any(node["error"]) and "status" not in node:
        # That there was no error is all that is left of what a label once was: any status but failed says that.
        return _build(Label, node, status=LabelStatus.READY)
    return _build(Label, node)


def _build_notes(node: _Node) -> tuple[Note, ...]:
    """Those with an id, oldest first, then those without one."""
    (nameless,) = node.pop("", ((),))
    # A note without a time comes first; the time of one is never compared with the lack of it in another.
    named = sorted(
        ((note.created_at is not None, note.created_at, rank(key), note) for key, (note,) in node.items()),
        key=lambda entry: entry[:3],
    )
    return (*(note for *_, note in named), *nameless)


def _build(kind: type[_T], node: Mapping[str, Values], **given: Any) -> _T:
    together = _NAMES.get(kind, {})
    for name, values in node.items():
        if name in together:
            given.update(zip(together[name], values, strict=True))
        else:
            (given[name],) = values
    return kind(**given)
