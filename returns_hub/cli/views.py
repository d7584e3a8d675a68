"""How returns and events look: as tables for people, as plain data for programs.

A list shows what identifies a return and where it stands. Who the customer is stands in the detail only, and the link
of a label in neither: whoever has the link can print the label.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from returns_hub.cli.output import (
    Cell,
    Column,
    clean,
    format_date,
    format_time,
    print_heading,
    print_line,
    print_pairs,
    print_table,
    styled,
    zone_name,
)
from returns_hub.convert import dump
from returns_hub.events import Event
from returns_hub.model import Address, Customer, Item, Label, Money, Resolution, Return, Service, Shipment
from returns_hub.status import ReturnKind, Status

if TYPE_CHECKING:
    from returns_hub.store import StoredReturn

_STYLES: Final = {
    Status.REJECTED: "red",
    Status.CANCELLED: "dim",
    Status.EXPIRED: "dim",
    Status.CLOSED: "dim",
    Status.RESOLVED: "green",
    Status.REQUESTED: "yellow",
    Status.UNKNOWN: "magenta",
}
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_LINKS: Final = frozenset({"label.url", "label.qr_code_url"})
# An event names the part it is about already.
_IDENTIFIERS: Final = frozenset({"id", "return_id"})


def print_returns(returns: "Iterable[StoredReturn]") -> None:
    """A line for each return. The vendor's word stands beside ours where the terminal is wide enough.

    A return without a number has its id in that column.
    """
    returns = list(returns)
    one_account = len({stored.account for stored in returns}) == 1
    columns = (
        Column("account", drop=7 if one_account else 2),
        Column("id", drop=1),
        Column("number"),
        Column("status"),
        Column("vendor's word", drop=6),
        Column("attention", prose=True),
        Column("order"),
        Column("items", drop=5),
        Column("created", drop=3),
        Column("updated", drop=4),
    )
    print_table(columns, (_return_row(stored) for stored in returns))


def print_return(stored: "StoredReturn", events: Iterable[Event]) -> None:
    """All that is known of one return, with the vendor's history of it and ours as one timeline."""
    ret = stored.ret
    print_line(Text.assemble((clean(ret.number or ret.id), "bold"), f"  {stored.account} ({ret.provider})"))
    print_pairs(_summary(ret))
    _section("Items", _ITEMS, [_item_row(item) for item in ret.items])
    _section("Services", _SERVICES, [_service_row(item, service) for item in ret.items for service in item.services])
    _section("Shipments", _SHIPMENTS, [_shipment_row(shipment) for shipment in ret.shipments])
    _section("Answers", _ANSWERS, [(answer.question or answer.id, answer.answer) for answer in ret.answers])
    _section("Notes", _NOTES, list(_note_rows(ret)))
    _section(f"Timeline ({zone_name()})", _TIMELINE, _timeline(ret, events))


def print_events(events: Iterable[Event]) -> None:
    """A line for each event, with what changed from what to what."""
    columns = (
        Column("seq"),
        Column("time", time=True),
        Column("account"),
        Column("return"),
        Column("origin", drop=1),
        Column("event", prose=True),
    )
    print_table(columns, (_event_row(event) for event in events))


def event_line(event: Event) -> str:
    """An event as one line."""
    return f"{format_time(event.occurred_at)}  {event.account} {event.return_id}  {_describe(event)}"


def return_data(stored: "StoredReturn", *, raw: bool = False) -> dict[str, Any]:
    """A return for programs: its account, then the keys of the model."""
    return {"account": stored.account, **dump(stored.ret, raw=raw)}


def event_data(event: Event) -> dict[str, Any]:
    """An event for programs."""
    return {
        "sequence": event.sequence,
        "id": event.id,
        "type": event.type,
        "account": event.account,
        "return_id": event.return_id or None,
        "occurred_at": dump(event.occurred_at),
        "recorded_at": dump(event.recorded_at),
        "origin": event.origin.value,
        "changes": {name: list(values) for name, values in event.changes.items()},
        "delivery_id": event.delivery_id,
    }


_ITEMS: Final = (
    Column("sku"),
    Column("id", drop=6),
    Column("name", prose=True, drop=1),
    Column("quantity"),
    Column("received", drop=3),
    Column("reason", prose=True),
    Column("condition", drop=5),
    Column("disposition", prose=True, drop=4),
    Column("value", drop=2),
)
_SERVICES: Final = (
    Column("item"),
    Column("service"),
    Column("status"),
    Column("quantity", drop=1),
    Column("result", prose=True),
)
_SHIPMENTS: Final = (
    Column("id"),
    Column("direction", drop=3),
    Column("status", prose=True),
    Column("carrier", drop=1),
    Column("service", drop=2),
    Column("tracking number"),
    Column("label", prose=True),
)
_ANSWERS: Final = (Column("question", prose=True), Column("answer", prose=True))
_NOTES: Final = (Column("time"), Column("item", drop=2), Column("author", drop=1), Column("text", prose=True))
_TIMELINE: Final = (Column("seq", drop=1), Column("time"), Column("source"), Column("what", prose=True))


def _section(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    if rows:
        print_heading(title)
        print_table(columns, rows)


def _style(status: Status) -> str:
    return _STYLES.get(status, "cyan")


def _attention(ret: Return) -> str:
    return " ".join(sorted(ret.attention))


def _return_row(stored: "StoredReturn") -> Sequence[Cell]:
    ret = stored.ret
    return (
        stored.account,
        ret.id,
        ret.number or ret.id,
        Text(ret.status, style=_style(ret.status)),
        ret.status_raw,
        styled(_attention(ret), "yellow") if ret.attention else None,
        ret.order.number if ret.order else None,
        str(len(ret.items)),
        format_date(ret.created_at),
        format_date(ret.updated_at),
    )


def _summary(ret: Return) -> Iterator[tuple[str, Cell]]:
    yield "id", ret.id
    yield "status", Text(clean(_with_raw(ret.status, ret.status_raw)), style=_style(ret.status))
    yield "attention", styled(_attention(ret), "yellow") if ret.attention else None
    yield "goods", "none are expected" if ret.goods_expected is False else None
    yield "kind", ret.kind.value if ret.kind is not ReturnKind.UNKNOWN else None
    yield "order", (ret.order.number or ret.order.id) if ret.order else None
    yield "customer", _customer(ret.customer)
    yield "address", _address(ret.address)
    yield "resolution", ", ".join(map(_resolution, ret.resolutions))
    yield "form", ret.form
    yield "attachments", ", ".join(ret.attachments)
    yield "reference", ret.reference
    yield "request", ret.request_id
    for name, value in ret.custom_fields.items():
        yield clean(name), value
    yield "created", _zoned(ret.created_at)
    yield "updated", _zoned(ret.updated_at)
    yield "unreadable", ", ".join(ret.unreadable)


def _zoned(time: datetime | None) -> str | None:
    return None if time is None else f"{format_time(time)} {zone_name()}"


def _customer(customer: Customer | None) -> str | None:
    if customer is None:
        return None
    mail = customer.email and f"<{customer.email}>"
    return " ".join(part for part in (customer.name, mail, customer.phone) if part) or customer.id


def _address(address: Address | None) -> str | None:
    if address is None:
        return None
    name = address.name or " ".join(part for part in (address.first_name, address.last_name) if part)
    line = " ".join(part for part in (address.line1, address.house_number, address.house_number_addition) if part)
    town = " ".join(part for part in (address.postal_code, address.city) if part)
    parts = (name, address.company, line, address.line2, address.line3, town, address.state, address.country)
    return ", ".join(part for part in parts if part)


def _money(money: Money | None) -> str | None:
    return None if money is None else " ".join(part for part in (f"{money.amount:f}", money.currency) if part)


def _resolution(resolution: Resolution) -> str:
    return " ".join(
        part for part in (resolution.kind.value, resolution.status.value, _money(resolution.amount)) if part
    )


def _number(number: Decimal | None) -> str | None:
    # A vendor that writes every quantity with four decimals means no more by them.
    return None if number is None else f"{number.normalize():f}"


def _item_row(item: Item) -> Sequence[Cell]:
    return (
        item.sku or item.barcode,
        item.id,
        item.name,
        _number(item.quantity),
        _number(item.quantity_received),
        (item.reason.text or item.reason.code) if item.reason else None,
        item.condition,
        " ".join(
            filter(
                None,
                (
                    _with_raw(item.disposition, item.disposition_raw),
                    _with_raw(item.disposition_status, item.disposition_status_raw),
                ),
            )
        ),
        _money(item.value),
    )


def _service_row(item: Item, service: Service) -> Sequence[Cell]:
    return (
        item.sku or item.id,
        service.code or service.id,
        _with_raw(service.status, service.status_raw),
        _number(service.quantity),
        service.result,
    )


def _shipment_row(shipment: Shipment) -> Sequence[Cell]:
    status = _with_raw(shipment.status, shipment.status_raw)
    return (
        shipment.id,
        shipment.direction,
        " ".join(part for part in (status, shipment.status_text) if part),
        shipment.carrier,
        shipment.service,
        shipment.tracking_number,
        _label(shipment.label),
    )


def _label(label: Label | None) -> str | None:
    if label is None:
        return None
    return " ".join(part for part in (_with_raw(label.status, label.status_raw), label.error) if part)


def _note_rows(ret: Return) -> Iterator[Sequence[Cell]]:
    for note in ret.notes:
        yield format_time(note.created_at), None, note.author, note.text
    for item in ret.items:
        for note in item.notes:
            yield format_time(note.created_at), item.sku or item.id, note.author, note.text


def _event_row(event: Event) -> Sequence[Cell]:
    return (
        str(event.sequence),
        format_time(event.occurred_at),
        event.account,
        event.return_id,
        event.origin.value,
        _describe(event),
    )


def _describe(event: Event) -> str:
    """The event's type, and what changed, part by part."""
    parts: defaultdict[str, dict[str, tuple[Any, Any]]] = defaultdict(dict)
    for place, values in event.changes.items():
        part, _, name = place.rpartition("].")
        parts[f"{part}]" if part else ""][name] = values
    details = "; ".join(" ".join(filter(None, (part, _changes(changes)))) for part, changes in parts.items())
    return f"{event.type}: {details}" if details else event.type


def _changes(changes: dict[str, tuple[Any, Any]]) -> str:
    texts = []
    if "status" in changes and "status_raw" in changes:
        before, after = zip(changes.pop("status"), changes.pop("status_raw"), strict=True)
        texts.append(_arrow(_with_raw(*before), _with_raw(*after)))
    texts += [_change(name, *values) for name, values in changes.items() if name not in _IDENTIFIERS]
    return ", ".join(texts)


def _with_raw(status: str | None, word: str | None) -> str:
    """Our status, and the vendor's word for it where that is another one."""
    return " ".join(part for part in (status, f"({word})" if word and word != status else None) if part)


def _arrow(before: str, after: str) -> str:
    return f"{before} → {after}" if before else after


def _change(name: str, before: Any, after: Any) -> str:
    """What changed from what to what; of links of labels, and of what has parts of its own, that it did."""
    if name in _LINKS or _has_parts(before) or _has_parts(after):
        return f"{name} changed"
    return f"{name} {_arrow(_value(before), _value(after) or '-')}"


def _has_parts(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list | tuple) and any(_has_parts(part) for part in value))


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _timeline(ret: Return, events: Iterable[Event]) -> list[Sequence[Cell]]:
    """The events in the order of their sequence, and among them, by time, what the vendor and the carrier dated.

    Entries without a time come last.
    """
    entries: list[tuple[datetime, Sequence[Cell]]] = []
    latest = _EARLIEST
    for event in events:
        # Vendors' times are not in the order in which they were reported; the sequence is.
        latest = max(latest, event.occurred_at)
        cause = "" if event.delivery_id is None else f" {event.delivery_id}"
        source = f"returns-hub, {event.origin.value}{cause}"
        entries.append((latest, (str(event.sequence), format_time(event.occurred_at), source, _describe(event))))
    for entry in ret.timeline:
        text = " ".join(part for part in (entry.kind and f"{entry.kind}:", entry.text) if part)
        row = (None, format_time(entry.occurred_at), entry.author or ret.provider, text)
        entries.append((entry.occurred_at or _NEVER, row))
    for shipment in ret.shipments:
        for scan in shipment.tracking:
            what = ", ".join(
                part for part in (scan.text or _with_raw(scan.status, scan.status_raw), scan.location) if part
            )
            row = (None, format_time(scan.occurred_at), shipment.carrier or "carrier", what)
            entries.append((scan.occurred_at or _NEVER, row))
    return [row for _, row in sorted(entries, key=lambda entry: entry[0])]
