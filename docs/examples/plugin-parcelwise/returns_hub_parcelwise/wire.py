"""ParcelWise's own spelling: its GraphQL documents, and between its JSON and the model."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from attrs import field, frozen

from returns_hub import (
    Customer,
    InvalidRecord,
    Item,
    NewReturn,
    OrderRef,
    Page,
    Reason,
    Return,
    ReturnQuery,
    Status,
    UnexpectedReply,
    format_time,
    structure,
)
from returns_hub_parcelwise.statuses import STATUSES

T = TypeVar("T")

_FIELDS: Final = """id reference state orderName createdAt updatedAt customer { email name }
lines { id sku title quantity reasonCode reasonText }"""
LIST: Final = f"""query List($first: Int!, $after: String, $filter: ReturnFilter, $newestFirst: Boolean) {{
returns(first: $first, after: $after, filter: $filter, newestFirst: $newestFirst) {{
totalCount pageInfo {{ endCursor hasNextPage }} nodes {{ {_FIELDS} }} }} }}"""
GET: Final = f"query Get($id: ID!) {{ return(id: $id) {{ {_FIELDS} }} }}"
CREATE: Final = f"mutation Create($input: ReturnInput!) {{ createReturn(input: $input) {{ {_FIELDS} }} }}"
MOVE: Final = f"mutation Move($id: ID!, $state: ReturnState!) {{ moveReturn(id: $id, state: $state) {{ {_FIELDS} }} }}"


@frozen(kw_only=True)
class _Customer:
    email: str | None = None
    name: str | None = None


@frozen(kw_only=True)
class _Line:
    id: str
    sku: str | None = None
    title: str | None = None
    quantity: Decimal | None = None
    reasonCode: str | None = None  # noqa: N815 - the vendor's own spelling
    reasonText: str | None = None  # noqa: N815


@frozen(kw_only=True)
class _Return:
    id: str
    reference: str | None = None
    state: str | None = None
    orderName: str | None = None  # noqa: N815
    createdAt: datetime | None = None  # noqa: N815
    updatedAt: datetime | None = None  # noqa: N815
    customer: _Customer | None = None
    lines: list[_Line] = field(factory=list)


@frozen(kw_only=True)
class _PageInfo:
    hasNextPage: bool  # noqa: N815
    endCursor: str | None = None  # noqa: N815


@frozen(kw_only=True)
class _Connection:
    nodes: list[Any]
    pageInfo: _PageInfo  # noqa: N815
    totalCount: int | None = None  # noqa: N815


def list_variables(query: ReturnQuery, cursor: str | None, *, size: int) -> dict[str, Any]:
    """The variables of a listing."""
    words = query.raw_status or tuple(word for status in query.status for word in STATUSES.words_for(status))
    asked = {
        "states": sorted(words) or None,
        "createdFrom": _told(query.created_after),
        "createdTo": _told(query.created_before),
        "updatedFrom": _told(query.updated_after),
        "email": query.customer_email,
        "orderName": query.order_number,
    }
    filters = {name: value for name, value in asked.items() if value is not None}
    return {"first": size, "after": cursor, "filter": filters, "newestFirst": query.newest_first}


def new_return(new: NewReturn) -> dict[str, Any]:
    """The input of a creation."""
    lines = [
        {"sku": item.sku, "quantity": item.quantity, "reasonCode": item.reason, "reasonText": item.notes}
        for item in new.items
    ]
    return {"orderName": new.order_number, "email": new.customer_email, "lines": lines}


def read_page(payload: Any) -> Page[Return]:
    """A page of a listing; a row that cannot be read is set aside.

    Raises:
        UnexpectedReply: it is no connection of returns.
    """
    told = structure(payload, _Connection)
    items, invalid_records = [], []
    for index, row in enumerate(told.nodes):
        try:
            items.append(read_return(row))
        except UnexpectedReply as error:
            invalid_records.append(InvalidRecord(where=f"returns.nodes[{index}].{error.where}", raw=row))
    info = told.pageInfo
    return Page(
        items=items,
        next=info.endCursor if info.hasNextPage else None,
        total=told.totalCount,
        invalid_records=tuple(invalid_records),
    )


def read_return(raw: Any) -> Return:
    """A return from ParcelWise's JSON.

    Raises:
        UnexpectedReply: a field has another type than documented; the error says which.
    """
    told = structure(raw, _Return)
    facts = STATUSES.look_up(told.state)
    return Return(
        provider="parcelwise",
        id=told.id,
        number=told.reference,
        status=facts.status or Status.UNKNOWN,
        status_raw=told.state,
        attention=facts.attention,
        order=OrderRef(number=told.orderName) if told.orderName else None,
        customer=Customer(email=told.customer.email, name=told.customer.name) if told.customer else None,
        items=tuple(_read_line(line, of) for line, of in zip(told.lines, _lines(raw), strict=True)),
        created_at=told.createdAt,
        updated_at=told.updatedAt,
        raw=raw,
    )


def _lines(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(raw.get("lines") or ())


def _read_line(line: _Line, raw: Mapping[str, Any]) -> Item:
    told = line.reasonCode or line.reasonText
    return Item(
        id=line.id,
        sku=line.sku,
        name=line.title,
        quantity=line.quantity,
        reason=Reason(code=line.reasonCode, text=line.reasonText) if told else None,
        raw=raw,
    )


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
