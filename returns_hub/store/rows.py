"""Between the model and the rows of the mirror."""

import functools
import hashlib
import json
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, TypeAlias

from attrs import field, frozen
from sqlalchemy import RowMapping

from returns_hub.convert import dump, load
from returns_hub.errors import ReturnsHubError, StoreError
from returns_hub.events import EVENT_TYPES, Event, Origin
from returns_hub.json_codec import encode_json
from returns_hub.merge import Layer, Stamp, State
from returns_hub.model import Return
from returns_hub.scalars import format_time, parse_time
from returns_hub.store.schema import MAX_COLUMN_CHARS
from returns_hub.store.validation import is_valid

Row: TypeAlias = Mapping[str, Any]
# Where something stands in what surrounds it, and where that stands; None for the whole.
_Place: TypeAlias = "tuple[_Place, str | int] | None"

_MAX_ID_CHARS: Final = 255
# What is nested no deeper can be read back, however deep in a program that is done.
_MAX_DEPTH: Final = 200


def decode(text: str) -> Any:
    """What :func:`returns_hub.json_codec.encode_json` was given."""
    return json.loads(text, parse_float=Decimal)


@frozen
class EncodedReturn:
    """A return as it is stored: ``data`` is what :func:`returns_hub.dump` gives with ``raw`` and without ``defaults``, ``text`` its JSON.

    What the return's own ``raw`` contains is not stored once more: a part's ``raw`` that stands in it is the place there, a list of
    keys and indexes.
    """

    ret: Return
    data: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, ret: Return) -> "EncodedReturn":
        """The return, encoded.

        Raises:
            TypeError, ValueError: JSON has no form for something of it.
        """
        return cls(ret, _dump_once(ret))

    @functools.cached_property
    def text(self) -> str:
        """The JSON."""
        return encode_json(self.data)


def _dump_once(ret: Return) -> dict[str, Any]:
    """The return as it is stored."""
    data: dict[str, Any] = dump(ret, raw=True, defaults=False)
    whole = data.pop("raw", None)
    if whole is not None:
        places: dict[int, _Place] = {}
        nodes: list[tuple[Any, _Place]] = [(whole, None)]
        while nodes:
            node, place = nodes.pop()
            if type(node) is dict:
                places[id(node)] = place
                nodes += [(part, (place, key)) for key, part in node.items() if type(part) in _NESTED]
            else:
                nodes += [(part, (place, index)) for index, part in enumerate(node) if type(part) in _NESTED]
        for part in _with_raw(data):
            if id(part["raw"]) in places:
                part["raw"] = _steps(places[id(part["raw"])])
        data["raw"] = whole
    return data


def _steps(place: _Place) -> list[str | int]:
    """The keys and indexes that lead to a place, from the outermost."""
    steps: list[str | int] = []
    while place is not None:
        place, step = place
        steps.append(step)
    return steps[::-1]


def _load_once(data: Any) -> Return:
    """The inverse of :func:`_dump_once`.

    Raises:
        ReturnsHubError, LookupError, TypeError: the data are not of a return.
    """
    whole = data.pop("raw", None)
    for part in _with_raw(data):
        if type(part["raw"]) is list:
            part["raw"] = functools.reduce(operator.getitem, part["raw"], whole)
    return load(data if whole is None else {**data, "raw": whole}, Return)


def _with_raw(data: Any) -> Iterator[dict[str, Any]]:
    """The objects in ``data`` that have the vendor's own object beside them."""
    nodes = [data]
    while nodes:
        node = nodes.pop()
        if type(node) is list:
            nodes += node
        elif type(node) is dict:
            if type(node.get("raw")) in _NESTED:
                yield node
            nodes += [part for name, part in node.items() if name != "raw" and type(part) in _NESTED]


_NESTED: Final = (dict, list)


def encode_return(ret: Return) -> EncodedReturn | None:
    """The return as it is stored; None if it could not be read back.

    It is made of a stranger's data: better one record refused than a mirror that cannot be read.
    """
    try:
        if not is_valid(ret):
            return None
        encoded = EncodedReturn.of(ret)
        if "NaN" in encoded.text or "Infinity" in encoded.text:
            json.loads(encoded.text, parse_constant=_refuse_constant)
    except (ArithmeticError, RecursionError, TypeError, ValueError):
        return None
    brackets = encoded.text.count("{") + encoded.text.count("[")
    return None if brackets > _MAX_DEPTH and _is_deeper(encoded.data, _MAX_DEPTH) else encoded


def digest_return(ret: Return) -> str | None:
    """A digest by which the same return is recognised when it is observed again, however the vendor orders its keys.

    It takes a fifth of the time of :func:`encode_return`, and most returns that are observed are stored already. None for what cannot be
    stored.
    """
    if type(ret) is not Return:
        return None
    try:
        return fingerprint(_quick_encoder()(ret))
    except (ArithmeticError, RecursionError, TypeError, ValueError):
        # It has something of a vendor's that only the exact encoder knows.
        encoded = encode_return(ret)
        return None if encoded is None else fingerprint(encoded.text)


@functools.cache
def _quick_encoder() -> Callable[[object], bytes]:
    from msgspec.json import Encoder

    return Encoder(decimal_format="number", order="deterministic").encode


def _is_deeper(value: object, depth: int) -> bool:
    """True if lists and objects stand more than so many levels inside each other."""
    level = [value]
    for _ in range(depth):
        level = [
            part
            for each in level
            if isinstance(each, dict | list | tuple)
            for part in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def is_usable_id(key: str) -> bool:
    """True for an id, or a name, that both databases can hold and index as it is."""
    return 0 < len(key) <= _MAX_ID_CHARS and plain(key) == key


def return_name(return_id: str) -> str:
    """The name of a return beside those of parts."""
    return f"return:{return_id}"


def names(ret: Return) -> list[str]:
    """The names of the parts of a return: ``shipment:ID``, ``item:ID``, and ``alias:ALIAS`` of an item."""
    found = [f"shipment:{shipment.id}" for shipment in ret.shipments]
    found += [f"item:{item.id}" for item in ret.items if item.id]
    found += [f"alias:{alias}" for item in ret.items for alias in item.aliases]
    return [name for name in dict.fromkeys(found) if is_usable_id(name)]


def read_return(text: str, return_id: str) -> Return:
    """The return of an ``object`` column.

    Raises:
        StoreError: the row holds something else.
    """
    ret: Return | None = None
    with suppress(AttributeError, LookupError, RecursionError, ReturnsHubError, TypeError, ValueError):
        ret = _load_once(decode(text))
    if ret is None:
        raise StoreError(
            f"the mirror's row of {return_id} cannot be read; restore the mirror, or remove it and sync again"
        )
    return ret


def fingerprint(text: str | bytes) -> str:
    """A digest by which the same is recognised when it comes again."""
    return hashlib.blake2b(text.encode() if isinstance(text, str) else text, digest_size=16).hexdigest()


def return_row(account: str, encoded: EncodedReturn) -> Row:
    """The row of a return."""
    ret = encoded.ret
    return {
        "account": account,
        "id": ret.id,
        "provider": ret.provider,
        "number": column(ret.number),
        "kind": ret.kind.value,
        "status": ret.status.value,
        "status_raw": column(ret.status_raw),
        "attention": f" {' '.join(sorted(ret.attention))} ",
        "order_number": column(ret.order.number) if ret.order else None,
        "customer_email": column(ret.customer.email) if ret.customer else None,
        "reference": column(ret.reference),
        "request_id": column(ret.request_id),
        "goods_expected": ret.goods_expected,
        "created_at": ret.created_at,
        "updated_at": ret.updated_at,
        "unreadable": encode_json(ret.unreadable) if ret.unreadable else None,
        "object": encoded.text,
    }


def item_rows(account: str, encoded: EncodedReturn) -> list[Row]:
    """The rows of a return's items."""
    return [
        {
            "account": account,
            "return_id": encoded.ret.id,
            "position": position,
            "id": column(item.id),
            "sku": column(item.sku),
            "barcode": column(item.barcode),
            "rma": column(item.rma),
            "quantity": None if item.quantity is None else float(item.quantity),
            "quantity_received": None if item.quantity_received is None else float(item.quantity_received),
            "disposition": item.disposition and item.disposition.value,
            "disposition_status": item.disposition_status and item.disposition_status.value,
        }
        for position, item in enumerate(encoded.ret.items)
    ]


def shipment_rows(account: str, encoded: EncodedReturn) -> list[Row]:
    """The rows of a return's shipments."""
    return [
        {
            "account": account,
            "return_id": encoded.ret.id,
            "position": position,
            "id": column(shipment.id),
            "direction": shipment.direction and shipment.direction.value,
            "status": shipment.status and shipment.status.value,
            "carrier": column(shipment.carrier),
            "tracking_number": column(shipment.tracking_number),
            "label_status": shipment.label and shipment.label.status.value,
        }
        for position, shipment in enumerate(encoded.ret.shipments)
    ]


def merge_row(account: str, state: State, digest: str) -> Row:
    """The row of what merging needs beside the return."""
    newest = state.layers[0]
    return {
        "account": account,
        "return_id": state.ret.id,
        "at": newest.stamp.at,
        "seen_at": newest.stamp.seen_at,
        "fingerprint": digest,
        "layers": None if newest.ret is state.ret else encode_json([_layer(layer) for layer in state.layers]),
    }


def _layer(layer: Layer) -> Row:
    return {
        "at": format_time(layer.stamp.at),
        "seen_at": format_time(layer.stamp.seen_at),
        "ret": _dump_once(layer.ret),
    }


def read_state(ret: Return, layers: str | None, newest: Stamp) -> State:
    """The state of a stored return, from its merge row."""
    if layers is None:
        return State(ret=ret, layers=(Layer(stamp=newest, ret=ret),))
    first, *older = (
        Layer(stamp=Stamp(parse_time(layer["at"]), parse_time(layer["seen_at"])), ret=_load_once(layer["ret"]))
        for layer in decode(layers)
    )
    # The column is the younger of the two: a repeated observation moves it and leaves the layers alone.
    return State(ret=ret, layers=(Layer(stamp=newest, ret=first.ret), *older))


def event_row(event: Event) -> Row:
    """The row of an event; the database numbers it."""
    return {
        "id": event.id,
        "type": event.type,
        "account": event.account,
        "return_id": event.return_id,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "origin": event.origin.value,
        "changes": encode_json(event.changes),
        "delivery_id": event.delivery_id,
    }


def read_event(row: RowMapping) -> Event:
    """The event of a row."""
    return EVENT_TYPES[row["type"]](
        sequence=row["sequence"],
        id=row["id"],
        account=row["account"],
        return_id=row["return_id"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        origin=Origin(row["origin"]),
        changes={name: (before, after) for name, (before, after) in decode(row["changes"]).items()},
        delivery_id=row["delivery_id"],
    )


def column(text: str | None) -> str | None:
    """Text as a column that is searched holds it."""
    return text and plain(text)[:MAX_COLUMN_CHARS]


def plain(text: str) -> str:
    """Text as both databases can hold it: PostgreSQL has no NUL and UTF-8 no half of a surrogate pair."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode(errors="ignore").decode()
