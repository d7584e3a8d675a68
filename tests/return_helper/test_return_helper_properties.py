"""Whatever JSON stands where a row, a reply or an envelope is expected, only our own errors come of it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import (
    Address,
    Money,
    NewItem,
    NewLabel,
    NewReturn,
    Page,
    Parcel,
    ProviderError,
    Reply,
    Return,
    ReturnQuery,
    Secret,
    ShipmentQuery,
    Status,
    dump,
    load,
)
from returns_hub_return_helper import ReturnHelper

CALM = settings(deadline=None)  # the machine may be busy with other tests
ADAPTER = ReturnHelper(api_key=Secret("rr-key"), api_token=Secret("rr-token"))
DAY = datetime(2024, 3, 13, tzinfo=UTC)
META = {"status": 200, "data": {}, "errorCode": None, "error": {}}
NAMES = [
    "returnInventoryId", "returnRequestId", "returnRequestLineItemId", "shipmentId", "labelId", "rma", "itemRma", "sku",
    "handlingCode", "handlingStatusCode", "warehouseId", "createOn", "data", "totalNumberOfRecords", "referenceNumber",
    "shipmentStatusCode", "shipmentServiceType", "labelRequestStatusCode", "label", "labelUrl", "error", "cost",
    "costCurrencyCode", "returnRequestLineItems", "returnRequestLineItemVasList", "returnRequestLineItemVasId",
    "shipments", "remarks", "returnStatusCode", "shipmentCountryCode", "shipmentName", "description", "quantity", "value",
    "imageList", "imageUrl", "trackingNumber", "receiveDate", "sellerReferenceNumber", "meta", "status", "errorCode",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["2024-12-30T10:30:00Z", "0001-01-01T00:00:00", "ohd", "queued", "usa", "1E+999", "4", "N/A"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=10,
)
IDS = st.integers(min_value=1, max_value=2**62) | st.integers(min_value=1, max_value=9999).map(str)
# Mostly right, so that the inner readers are reached.
RECORDS = st.builds(
    lambda told, ids: {**told, **ids},
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6),
    st.fixed_dictionaries({"returnRequestId": IDS, "returnInventoryId": IDS, "shipmentId": IDS}),
)
NEW = NewReturn(
    order_number="1",
    items=[NewItem(name="T-shirt", value=Money(amount=Decimal(1), currency="usd"))],
    ship_from=Address(name="Jane", line1="1", city="x", postal_code="1", country="NL", phone="1", email="a@b.c"),
    label=NewLabel(
        service="s",
        warehouse_id="1",
        parcel=Parcel(weight_g=Decimal(1), length_cm=Decimal(1), width_cm=Decimal(1), height_cm=Decimal(1)),
    ),
)
BACKFILL = ADAPTER.backfill(DAY, DAY)

OPERATIONS: list[Any] = [
    lambda: ADAPTER.list_returns(ReturnQuery(created_after=DAY, created_before=DAY)),
    lambda: ADAPTER.list_returns(ReturnQuery(created_after=DAY, created_before=DAY, page_size=2), "2024-03-13:1:7"),
    lambda: ADAPTER.list_returns(ReturnQuery()),
    lambda: ADAPTER.list_shipments(ShipmentQuery(created_after=DAY, created_before=DAY)),
    lambda: ADAPTER.list_shipments(ShipmentQuery(return_id="1")),
    lambda: BACKFILL[0].read(None),
    lambda: BACKFILL[1].read("50"),
    lambda: ADAPTER.get_return("1"),
    lambda: ADAPTER.inventory("1"),
    lambda: ADAPTER.inventory_by_line_item("1"),
    lambda: ADAPTER.create_return(NEW),
    lambda: ADAPTER.cancel_label("1", "1"),
    lambda: ADAPTER.update_remark("1", "text"),
    lambda: ADAPTER.assign_sku("1", "text"),
]


def drive(operation: Any, reply: Reply) -> Any:
    """The operation's value or error, every request answered alike; any other exception escapes."""
    try:
        next(operation)
        for _ in range(12):
            operation.send(reply)
    except StopIteration as stop:
        return stop.value
    except ProviderError as error:
        return error
    raise AssertionError("the operation never ends")


def page_of(*rows: object, part: int = 0) -> Page[Return]:
    body = {"data": list(rows), "meta": META}
    page: Page[Return] = drive(BACKFILL[part].read(None), Reply(status=200, body=json.dumps(body).encode()))
    return page


@given(
    operation=st.sampled_from(OPERATIONS),
    payload=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=12)
    | RECORDS
    | st.lists(RECORDS, max_size=3).map(lambda rows: {"data": rows})
    | RECORDS.map(lambda row: {"data": row}),
)
def test_any_payload_gives_a_value_or_our_error(operation: Any, payload: dict[str, object]) -> None:
    drive(operation(), Reply(status=200, body=json.dumps({**payload, "meta": META}).encode()))


@CALM
@given(body=JSON, status=st.integers(min_value=100, max_value=599))
def test_any_envelope_gives_a_value_or_our_error(body: object, status: int) -> None:
    drive(ADAPTER.get_return("1"), Reply(status=status, body=json.dumps(body).encode()))


@CALM
@given(
    meta=st.fixed_dictionaries({}, optional={"status": JSON, "errorCode": JSON, "error": JSON, "data": JSON}),
    correlation=JSON,
    status=st.sampled_from([200, 201, 400, 401, 403, 409, 500]),
)
def test_any_meta_gives_a_value_or_our_error(meta: object, correlation: object, status: int) -> None:
    body = {"meta": meta, "correlationId": correlation}
    drive(ADAPTER.get_return("1"), Reply(status=status, body=json.dumps(body).encode()))


@CALM
@given(body=st.binary(max_size=60), status=st.sampled_from([200, 204, 400, 500]))
def test_any_bytes_give_a_value_or_our_error(body: bytes, status: int) -> None:
    drive(ADAPTER.get_return("1"), Reply(status=status, body=body))


@CALM
@given(row=JSON | RECORDS, part=st.sampled_from([0, 1]))
def test_any_row_is_read_or_set_aside(row: object, part: int) -> None:
    page = page_of(row, part=part)
    assert len(page.items) + len(page.invalid_records) == 1


@CALM
@given(rows=st.lists(RECORDS, max_size=5), part=st.sampled_from([0, 1]))
def test_any_row_that_is_read_survives_dump_and_load(rows: list[object], part: int) -> None:
    items = page_of(*rows, part=part).items
    assert tuple(load(json.loads(json.dumps(dump(ret))), Return) for ret in items) == items


@CALM
@given(rows=st.lists(RECORDS, max_size=6))
def test_no_inventory_is_lost_where_rows_become_returns(rows: list[Any]) -> None:
    page = page_of(*rows)
    broken = [record.raw for record in page.invalid_records]
    read = [row for row in json.loads(json.dumps(rows), parse_float=Decimal) if row not in broken]
    found = {(ret.id, item.id) for ret in page.items for item in ret.items}
    assert found == {(str(row["returnRequestId"]), str(row["returnInventoryId"])) for row in read}
    assert len({ret.id for ret in page.items}) == len(page.items)


@CALM
@given(rows=st.lists(RECORDS, max_size=4), part=st.sampled_from([0, 1]))
def test_whatever_was_read_comes_to_a_status(rows: list[object], part: int) -> None:
    for ret in page_of(*rows, part=part).items:
        derived = ADAPTER.derive(ret)
        assert (derived.status is Status.UNKNOWN) == (not ret.items and not ret.shipments)
        assert ADAPTER.derive(derived) == derived
        assert [item.id for item in derived.items] == [item.id for item in ret.items]
        assert [shipment.id for shipment in derived.shipments] == [shipment.id for shipment in ret.shipments]


@CALM
@given(cursor=st.text(max_size=30) | st.from_regex(r"\d{4}-\d\d-\d\d:\d{1,5}:\d{1,10}", fullmatch=True))
def test_any_cursor_is_one_of_ours_or_a_value_error(cursor: str) -> None:
    try:
        next(ADAPTER.list_returns(ReturnQuery(created_after=DAY, created_before=DAY), cursor))
    except ValueError:
        return


@CALM
@given(identifier=st.text(max_size=30))
def test_any_identifier_stays_out_of_the_path(identifier: str) -> None:
    request = next(ADAPTER.get_return(identifier))
    assert (request.path, request.query) == (
        "/returnrequest/getReturnRequest",
        (("returnRequestId", identifier),),
    )


@CALM
@given(
    text=st.text(max_size=60),
    amount=st.decimals(allow_nan=False, allow_infinity=False) | st.none(),
    side=st.decimals(allow_nan=False, allow_infinity=False) | st.none(),
    count=st.integers(min_value=0, max_value=2),
)
def test_any_new_return_is_sent_or_refused(text: str, amount: Decimal | None, side: Decimal | None, count: int) -> None:
    item = NewItem(name=text, weight_g=amount, value=amount if amount is None else Money(amount=amount, currency=text))
    label = NewLabel(service=text, warehouse_id=text, parcel=Parcel(length_cm=side, width_cm=side, height_cm=side))
    new = evolve(NEW, reference=text, custom_fields={text: text}, items=[item] * count, label=label)
    try:
        next(evolve(ADAPTER, several_items=True).create_return(new))
    except ProviderError:
        return
