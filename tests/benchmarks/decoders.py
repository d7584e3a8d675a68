"""Several ways from the bytes of a page to returns, doing the same work into the same shape, side by side.

    python tests/benchmarks/decoders.py [--rounds N]

The page is that of ``decode.py``: 100 ReturnMate RMAs. Every way gives frozen objects of classes with the same fields as ``Return``
and ``Item``, and what is in them: exact numbers, aware times, the vendor's words as neutral ones, the vendor's own objects in
``raw``. All get their rows from the same exact JSON decoder. For the peers a plain function gives the vendor's values the names of the model, and
pydantic, cattrs and msgspec check and build; the two last ways read Structs of the vendor's own shape, and map them by hand. That all
give equal results is asserted first. Processor time, rounds interleaved, medians.
"""

import argparse
import gc
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, get_args, get_origin

import attrs
import cattrs
import msgspec
import orjson
import pydantic
from decode import returnmate_body, seconds

from returns_hub import ResolutionStatus, Return, Status, decode_json, model
from returns_hub.wire import parse_rows
from returns_hub_returnmate.statuses import RETURN_STATUSES, SHIPMENT_STATUSES
from returns_hub_returnmate.wire import Reader

Row = Mapping[str, Any]


def as_model(row: Row) -> dict[str, Any]:
    """A row with the names of the model: what the classes of every peer are made of. It looks for every field that our reader looks for."""
    customer = row.get("customer") or {}
    facts = RETURN_STATUSES.look_up(row.get("status"))
    resolution = facts.resolution and {"kind": facts.resolution.value, "status": facts.resolution_status or "unknown"}
    return {
        "provider": "returnmate",
        "id": row["id"],
        "number": row.get("rma_number"),
        "status": facts.status or "unknown",
        "status_raw": row.get("status"),
        "attention": sorted(facts.attention),
        "order": {"number": row.get("order_number")},
        "customer": {"email": customer.get("email"), "name": customer.get("name")},
        "items": [
            {
                "id": item.get("id"),
                "sku": item.get("sku"),
                "name": item.get("name") or item.get("title"),
                "quantity": item.get("quantity"),
                "reason": {"code": item["reason"]} if item.get("reason") else None,
                "notes": [{"text": item["notes"]}] if item.get("notes") else [],
                "condition": item.get("condition"),
                "value": {"amount": item["price"]} if item.get("price") is not None else None,
                "raw": item,
            }
            for item in row.get("items") or ()
        ],
        "resolutions": [resolution] if resolution else [],
        "goods_expected": facts.goods_expected,
        "created_at": row.get("created_at"),
        "raw": row,
    }


def mirrored(kind: Any, build: Callable[[str, Mapping[str, tuple[Any, Any]]], type], known: dict[Any, Any]) -> Any:
    """A type of the model with every class in it replaced by one that ``build`` makes of its name and its fields' types and defaults."""
    if kind in known:
        return known[kind]
    if attrs.has(kind):
        fields = {
            field.name: (Any if field.name == "raw" else mirrored(field.type, build, known), field.default)
            for field in attrs.fields(kind)
        }
        known[kind] = build(kind.__name__, fields)
        return known[kind]
    if isinstance(kind, UnionType):
        (option,) = (option for option in get_args(kind) if option is not NoneType)
        return mirrored(option, build, known) | None
    if get_origin(kind) is tuple:
        return tuple[mirrored(get_args(kind)[0], build, known), ...]  # type: ignore[misc]
    return dict[str, str] if get_origin(kind) is Mapping else kind


def attrs_class(name: str, fields: Mapping[str, tuple[Any, Any]]) -> type:
    defaults = {
        key: attrs.field(default=default) for key, (_, default) in fields.items() if default is not attrs.NOTHING
    }
    kinds = {key: kind for key, (kind, _) in fields.items()}
    return attrs.frozen(kw_only=True)(type(name, (), {**defaults, "__annotations__": kinds, "__module__": __name__}))


def pydantic_class(name: str, fields: Mapping[str, tuple[Any, Any]]) -> type:
    def default(value: Any) -> Any:
        if value is attrs.NOTHING:
            return ...
        factory = getattr(value, "factory", None)
        return pydantic.Field(default_factory=factory) if factory else value

    kinds: dict[str, Any] = {key: (kind, default(value)) for key, (kind, value) in fields.items()}
    made: type = pydantic.create_model(name, __config__=pydantic.ConfigDict(frozen=True), **kinds)
    return made


def by_pydantic() -> Callable[[Row], Any]:
    kind = mirrored(Return, pydantic_class, {datetime: pydantic.AwareDatetime})
    validate: Callable[[Row], Any] = kind.model_validate
    return validate


def by_cattrs() -> Callable[[Row], Any]:
    kind = mirrored(Return, attrs_class, {})
    converter = cattrs.Converter()
    # The two that it has no default for.
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    return lambda row: converter.structure(row, kind)


def by_msgspec() -> Callable[[Row], Any]:
    kind = mirrored(Return, attrs_class, {})
    return lambda row: msgspec.convert(row, kind)


class WireCustomer(msgspec.Struct):
    email: str | None = None
    name: str | None = None


class WireItem(msgspec.Struct):
    id: str | None = None
    sku: str | None = None
    name: str | None = None
    title: str | None = None
    quantity: Decimal | None = None
    reason: str | None = None
    notes: str | None = None
    condition: str | None = None
    price: Decimal | None = None


class WireRma(msgspec.Struct):
    id: str
    rma_number: str | None = None
    status: str | None = None
    order_number: str | None = None
    customer: WireCustomer | None = None
    items: tuple[WireItem, ...] = ()
    created_at: datetime | None = None


def by_structs(classes: Mapping[str, Any]) -> Callable[[bytes], Sequence[Any]]:
    """Structs of the vendor's shape, read by msgspec; and the objects of the model from them, written by hand."""
    make = SimpleNamespace(**classes)

    def item(line: WireItem, raw: Row) -> Any:
        return make.Item(
            id=line.id,
            sku=line.sku,
            name=line.name or line.title,
            quantity=line.quantity,
            reason=make.Reason(code=line.reason) if line.reason else None,
            notes=(make.Note(text=line.notes),) if line.notes else (),
            condition=line.condition,
            value=make.Money(amount=line.price) if line.price is not None else None,
            raw=raw,
        )

    def build(raw: Row) -> Any:
        rma = msgspec.convert(raw, WireRma)
        facts, customer, lines = RETURN_STATUSES.look_up(rma.status), rma.customer, raw.get("items") or ()
        outcome = facts.resolution and make.Resolution(
            kind=facts.resolution, status=facts.resolution_status or ResolutionStatus.UNKNOWN
        )
        return make.Return(
            provider="returnmate",
            id=rma.id,
            number=rma.rma_number,
            status=facts.status or Status.UNKNOWN,
            status_raw=rma.status,
            attention=facts.attention,
            order=make.OrderRef(number=rma.order_number) if rma.order_number else None,
            customer=make.Customer(email=customer.email, name=customer.name) if customer else None,
            items=tuple([item(*pair) for pair in zip(rma.items, lines, strict=True)]),
            resolutions=(outcome,) if outcome else (),
            goods_expected=facts.goods_expected,
            created_at=rma.created_at,
            raw=raw,
        )

    return lambda body: [build(row) for row in decode_json(body)["data"]]


def attrs_classes() -> dict[str, Any]:
    known: dict[Any, Any] = {}
    mirrored(Return, attrs_class, known)
    return {kind.__name__: made for kind, made in known.items()}


def peer(build: Callable[[Row], Any]) -> Callable[[bytes], Sequence[Any]]:
    return lambda body: [build(as_model(row)) for row in decode_json(body)["data"]]


def plain(value: Any) -> Any:
    """What can be compared of a value of any of them; types of scalars included."""
    if attrs.has(type(value)):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, pydantic.BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, datetime):
        assert value.tzinfo is not None
        return value.astimezone(UTC)
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, StrEnum | str | Decimal):
        return type(value).__name__, str(value)
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()

    body = returnmate_body()
    reader = Reader(statuses=RETURN_STATUSES, shipment_statuses=SHIPMENT_STATUSES)
    ways: dict[str, Callable[[bytes], Sequence[Any]]] = {
        "returns-hub": lambda body: parse_rows(enumerate(decode_json(body)["data"]), reader.parse_return, where="data")[
            0
        ],
        f"pydantic {pydantic.VERSION}": peer(by_pydantic()),
        "cattrs, `Converter()`": peer(by_cattrs()),
        f"msgspec {msgspec.__version__} into attrs": peer(by_msgspec()),
        "msgspec into Structs, then attrs by hand": by_structs(attrs_classes()),
        "the same, then the classes of returns-hub": by_structs(vars(model)),
    }
    expected, *others = [[plain(ret) for ret in way(body)] for way in ways.values()]
    for name, other in zip(list(ways)[1:], others, strict=True):
        assert other == expected, f"{name} gives something else"

    took: dict[str, list[float]] = {name: [] for name in ("orjson.loads", *ways)}
    gc.collect()
    for _ in range(arguments.rounds):
        took["orjson.loads"].append(seconds(lambda: orjson.loads(body)))
        for name, way in ways.items():
            took[name].append(seconds(lambda way=way: way(body)))  # type: ignore[misc]
    median = {name: statistics.median(times) for name, times in took.items()}
    print("| Way | Time | Ratio to `orjson.loads` | Ratio to returns-hub |")
    print("| --- | --- | --- | --- |")
    for name in ways:
        to_floor, to_ours = median[name] / median["orjson.loads"], median[name] / median["returns-hub"]
        print(f"| {name} | {median[name] * 1e6:,.0f} µs | {to_floor:.1f} | {to_ours:.2f} |")


if __name__ == "__main__":
    main()
