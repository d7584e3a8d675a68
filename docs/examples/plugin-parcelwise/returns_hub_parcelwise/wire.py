"""ParcelWise's own spelling: its GraphQL documents, and between its JSON and the model."""

from collections.abc import Mapping
from typing import Any, Final

from returns_hub import (
    Customer,
    Item,
    NewReturn,
    OrderRef,
    Page,
    Reason,
    Return,
    ReturnQuery,
    Status,
    format_time,
)
from returns_hub.wire import Record, parse_list, parse_rows, without_none
from returns_hub_parcelwise.statuses import STATUSES

_FIELDS: Final = """id reference state orderName createdAt updatedAt customer { email name }
lines { id sku title quantity reasonCode reasonText }"""
LIST: Final = f"""query List($first: Int!, $after: String, $filter: ReturnFilter, $newestFirst: Boolean) {{
returns(first: $first, after: $after, filter: $filter, newestFirst: $newestFirst) {{
totalCount pageInfo {{ endCursor hasNextPage }} nodes {{ {_FIELDS} }} }} }}"""
GET: Final = f"query Get($id: ID!) {{ return(id: $id) {{ {_FIELDS} }} }}"
CREATE: Final = f"mutation Create($input: ReturnInput!) {{ createReturn(input: $input) {{ {_FIELDS} }} }}"
MOVE: Final = f"mutation Move($id: ID!, $state: ReturnState!) {{ moveReturn(id: $id, state: $state) {{ {_FIELDS} }} }}"


def list_variables(query: ReturnQuery, cursor: str | None, *, size: int) -> dict[str, Any]:
    """The variables of a listing."""
    words = query.raw_status or tuple(word for status in query.status for word in STATUSES.words_for(status))
    filters = without_none(
        states=sorted(words) or None,
        createdFrom=query.created_after and format_time(query.created_after),
        createdTo=query.created_before and format_time(query.created_before),
        updatedFrom=query.updated_after and format_time(query.updated_after),
        email=query.customer_email,
        orderName=query.order_number,
    )
    return {"first": size, "after": cursor, "filter": filters, "newestFirst": query.newest_first}


def new_return(new: NewReturn) -> dict[str, Any]:
    """The input of a creation."""
    lines = [
        {"sku": item.sku, "quantity": item.quantity, "reasonCode": item.reason, "reasonText": item.notes}
        for item in new.items
    ]
    return {"orderName": new.order_number, "email": new.customer_email, "lines": lines}


def read_page(payload: Any) -> Page[Return]:
    """A page of a listing; a row without an id is an invalid record.

    Raises:
        UnexpectedReply: it is no connection of returns.
    """
    record = Record(payload if isinstance(payload, dict) else {})
    rows = parse_list(record.raw.get("nodes", ""), where="returns.nodes")
    items, invalid_records = parse_rows(enumerate(rows), read_return, where="returns.nodes")
    info = record.record("pageInfo")
    return Page(
        items=items,
        next=info.text("endCursor") if info.flag("hasNextPage") else None,
        total=record.whole("totalCount"),
        invalid_records=invalid_records,
    )


def read_return(raw: Mapping[str, Any]) -> Return:
    """A return from ParcelWise's JSON. A field that cannot be read stays empty, and is named in ``unreadable``.

    Raises:
        UnexpectedReply: it has no id.
    """
    record = Record(raw)
    state, order_name = record.text("state"), record.text("orderName")
    facts = STATUSES.look_up(state)
    return Return(
        provider="parcelwise",
        id=record.id("id"),
        number=record.text("reference"),
        status=facts.status or Status.UNKNOWN,
        status_raw=state,
        attention=facts.attention,
        order=OrderRef(number=order_name) if order_name else None,
        customer=_read_customer(record.record("customer")),
        items=tuple([_read_line(line) for line in record.records("lines")]),
        created_at=record.time("createdAt"),
        updated_at=record.time("updatedAt"),
        raw=raw,
        unreadable=record.unreadable,
    )


def _read_customer(record: Record) -> Customer | None:
    email, name = record.text("email"), record.text("name")
    return Customer(email=email, name=name) if email or name else None


def _read_line(record: Record) -> Item:
    code, text = record.text("reasonCode"), record.text("reasonText")
    return Item(
        id=record.optional_id("id"),
        sku=record.text("sku"),
        name=record.text("title"),
        quantity=record.number("quantity"),
        reason=Reason(code=code, text=text) if code or text else None,
        raw=record.raw,
    )
