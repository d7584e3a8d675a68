"""The check list at the end of the wire reference: a test a number."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    Attention,
    ConfigurationError,
    Conflict,
    Disposition,
    DispositionStatus,
    LabelStatus,
    Money,
    NewLabel,
    NewReturn,
    RateLimited,
    Reply,
    Request,
    ResolutionKind,
    ResolutionStatus,
    Return,
    ReturnObserved,
    ReturnQuery,
    Secret,
    ShipmentStatus,
    Status,
    UnknownEvent,
    UnsupportedOperation,
    ValidationFailed,
    WebhookRejected,
    WebhookRequest,
    connect,
)
from returns_hub.testing import serve
from returns_hub_aftership import AfterShip
from returns_hub_aftership.sandbox import AfterShipSandbox
from returns_hub_aftership.sandbox.seed import EXAMPLE_ID, example

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
OK = {"code": 20000, "type": "OK", "message": "OK"}
# Section 13 of the reference: computed there, as the vendor prints no vector.
VECTOR_BODY = b'{"id":"e1","event":"return.approved","data":{"id":"r1"}}'
VECTOR_SECRET = "hub-test-secret"
VECTOR_SIGNATURE = "W6eSawqLgqIpyYSx2JurBBUsSQHaLH8LTLexTmIbAPs="


@pytest.fixture(scope="module")
def aftership() -> AfterShip:
    return AfterShip(
        api_key=Secret("asat_key"), webhook_secrets=[VECTOR_SECRET], platform="shopify", store_id="demo-shoes"
    )


def reply(data: Any, *, status: int = 200, meta: Mapping[str, Any] = OK, date: str = "", **beside: Any) -> Reply:
    body = {"meta": meta, "data": data, **beside}
    return Reply(status=status, headers={"date": date} if date else {}, body=json.dumps(body).encode())


def finish(operation: Any, *replies: Reply) -> tuple[Any, list[Request]]:
    """What the operation returns when it is answered so, and what it sent."""
    sent = [next(operation)]
    for each in replies[:-1]:
        sent.append(operation.send(each))  # noqa: PERF401 - the operation is driven
    with pytest.raises(StopIteration) as stop:
        operation.send(replies[-1])
    return stop.value.value, sent


def read(aftership: AfterShip, **fields: Any) -> Return:
    """The example of the reference with other fields, as ``get_return`` gives it."""
    ret: Return = finish(aftership.get_return(EXAMPLE_ID), reply({**example(), **fields}))[0]
    return ret


def item(**fields: Any) -> dict[str, Any]:
    return {**example()["return_items"][0], **fields}


def shipment(**fields: Any) -> dict[str, Any]:
    return {**example()["shipments"][0], **fields}


def listed(*rows: Any, total: int | None = None, page: int = 1, date: str = "") -> Reply:
    count = len(rows) if total is None else total
    pagination = {"total": count, "page": page, "limit": 50, "has_next_page": page * 50 < count}
    return reply({"returns": list(rows), "pagination": pagination}, date=date)


def delivery(body: bytes, **headers: str) -> WebhookRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebhookRequest(
        method="POST", url="https://platform.example/webhooks/acme", headers=named, body=body, received_at=NOW
    )


def event(aftership: AfterShip, **fields: Any) -> WebhookRequest:
    """A signed delivery."""
    body = {"id": "e" * 32, "event": "return.approved", "created_at": "2026-10-02T10:00:00.000Z", "data": example()}
    return aftership.sign_webhook(delivery(json.dumps({**body, **fields}).encode()))


def test_1_the_key_has_a_header_of_its_own_and_the_version_is_in_the_address(aftership: AfterShip) -> None:
    request = aftership.authorize(Request(method="GET", path="/returns"))
    assert request.headers == (("as-api-key", "asat_key"),)
    assert aftership.base_urls == {"production": "https://api.aftership.com/returns/2026-07"}
    older = AfterShip(api_key=Secret("asat_key"), version="2025-01")
    assert older.base_url_for("production") == "https://api.aftership.com/returns/2025-01"
    assert aftership.request_id_headers == ("as-trace-id",)
    with pytest.raises(ConfigurationError, match="version must be one of 2026-07"):
        AfterShip(api_key=Secret("asat_key"), version="2030-01")


def test_2_the_http_status_decides(aftership: AfterShip) -> None:
    ret, _ = finish(aftership.get_return(EXAMPLE_ID), reply(example(), meta={"code": 40400, "message": "?"}))
    assert ret.id == EXAMPLE_ID
    operation = aftership.get_return(EXAMPLE_ID)
    next(operation)
    with pytest.raises(ValidationFailed) as caught:
        operation.send(
            reply(
                None, status=422, meta={"code": 42200, "message": "no", "errors": [{"path": "a[0].b", "info": "bad"}]}
            )
        )
    assert (caught.value.fields, caught.value.vendor_code) == ({"a[0].b": "bad"}, "42200")


@pytest.mark.parametrize("status", [200, 201, 202])
def test_3_every_2xx_is_success(aftership: AfterShip, status: int) -> None:
    ret, sent = finish(
        aftership.set_status(EXAMPLE_ID, Status.APPROVED), reply(example(), status=status, meta={"code": 20200})
    )
    assert (ret.id, sent[0].path) == (EXAMPLE_ID, f"/returns/{EXAMPLE_ID}/approve")


def test_4_the_list_is_an_object_or_an_array(aftership: AfterShip) -> None:
    for answer in (listed(example()), reply([example()]), reply([example()], pagination={"total": 1})):
        page, _ = finish(aftership.list_returns(ReturnQuery()), answer)
        assert ([ret.id for ret in page.items], page.next) == ([EXAMPLE_ID], None)


def test_4_without_a_total_a_full_page_is_followed(aftership: AfterShip) -> None:
    rows = [{**example(), "id": f"{number:032x}"} for number in range(50)]
    page, _ = finish(aftership.list_returns(ReturnQuery()), reply(rows))
    assert (len(page.items), page.next is not None) == (50, True)


def test_5_a_window_of_more_than_ten_thousand_is_split(aftership: AfterShip) -> None:
    """Two hundred pages of one row are two hundred rows: the adapter sees the same cap as with fifty."""
    vendor = AfterShipSandbox(count=330, now=lambda: NOW)
    with (
        serve(vendor) as running,
        connect("aftership", base_url=running.url + vendor.base_path, rate_limit="none", **vendor.options) as client,
    ):
        assert {ret.id for ret in client.list_returns(page_size=1)} == vendor.return_ids
        assert {ret.id for ret in client.list_returns(page_size=1, newest_first=True)} == vendor.return_ids


def test_5_what_cannot_be_split_is_a_gap(aftership: AfterShip) -> None:
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    query = ReturnQuery(created_after=moment, created_before=moment, newest_first=True)
    page, _ = finish(aftership.list_returns(query), listed(example(), total=10_007))
    assert page.gaps == ("7 returns of one window cannot be listed: it cannot be made smaller",)


def test_6_the_end_of_a_walk_is_fixed_by_the_vendors_clock(aftership: AfterShip) -> None:
    query = ReturnQuery(newest_first=True)
    first = aftership.list_returns(query)
    assert dict(next(first).query).keys() == {"page", "limit"}
    with pytest.raises(StopIteration) as stop:
        first.send(listed(example(), total=120, date="Mon, 05 Oct 2026 12:00:00 GMT"))
    second = next(aftership.list_returns(query, stop.value.value.next))
    assert second.query == (
        ("created_at_min", "2025-10-05T12:00:00Z"),
        ("created_at_max", "2026-10-05T12:00:01Z"),
        ("page", "2"),
        ("limit", "50"),
    )


def test_6_inserts_at_the_top_hide_nothing() -> None:
    vendor = AfterShipSandbox(count=230, now=lambda: NOW)
    before = vendor.return_ids
    with (
        serve(vendor) as running,
        connect("aftership", base_url=running.url + vendor.base_path, rate_limit="none", **vendor.options) as client,
    ):
        seen = []
        for number, ret in enumerate(client.list_returns(newest_first=True)):
            seen.append(ret.id)
            if number % 40 == 10:
                vendor.add_return(f"{number:032x}", created_at="2026-10-05T11:59:59.000Z")
        assert set(seen) >= before
        assert len(seen) == len(set(seen))


def test_6_returns_that_leave_a_listing_by_status_hide_none() -> None:
    vendor = AfterShipSandbox(count=600, now=lambda: NOW)
    wanted = {one for one, wire in vendor.returns.items() if wire["approval_status"] == "submitted"}
    with (
        serve(vendor) as running,
        connect("aftership", base_url=running.url + vendor.base_path, rate_limit="none", **vendor.options) as client,
    ):
        approved = {
            client.set_status(ret.id, Status.APPROVED).id
            for ret in client.list_returns(status=Status.REQUESTED, page_size=10)
        }
    assert approved == wanted


def test_7_the_listing_reaches_a_year_back(aftership: AfterShip) -> None:
    assert aftership.listing_reach is not None
    assert aftership.listing_reach.days == 365


def test_8_an_order_name_keeps_its_hash(aftership: AfterShip) -> None:
    page, sent = finish(aftership.list_returns(ReturnQuery(order_number="20417")), listed(), listed(example()))
    assert [dict(request.query)["order_name"] for request in sent] == ["20417", "#20417"]
    assert [ret.id for ret in page.items] == [EXAMPLE_ID]


def test_9_ids_are_the_vendors_and_an_rma_is_none(aftership: AfterShip) -> None:
    ret = read(aftership)
    assert (ret.id, ret.number) == (EXAMPLE_ID, "K7Q2M9XA")
    assert (ret.items[0].id, ret.items[0].aliases) == (f"{EXAMPLE_ID}/13000000000011", ("13000000000011",))


def test_10_quantities_are_kept_apart(aftership: AfterShip) -> None:
    fields = {"ordered_quantity": 5, "intended_return_quantity": 4, "return_quantity": 3, "received_quantity": 2}
    (one,) = read(aftership, return_items=[item(**fields, refund_quantity=1, restocked_quantity=0)]).items
    assert (one.quantity_ordered, one.quantity, one.quantity_received) == (Decimal(5), Decimal(3), Decimal(2))
    assert (one.extra["refund_quantity"], one.extra["restocked_quantity"]) == ("1", "0")
    assert read(aftership, return_items=[item(return_quantity=None)]).items[0].quantity == Decimal(1)


@pytest.mark.parametrize(
    ("shipping", "status"),
    [
        ("received", Status.RECEIVED),
        ("partially_received", Status.IN_TRANSIT),
        ("delivered", Status.IN_TRANSIT),
        ("dropped", Status.IN_TRANSIT),
        ("pending", Status.READY_TO_SHIP),
        ("no_label", Status.APPROVED),
        ("void", Status.APPROVED),
        (None, Status.APPROVED),
        ("teleported", Status.UNKNOWN),
    ],
)
def test_11_and_12_only_received_is_received(aftership: AfterShip, shipping: str | None, status: Status) -> None:
    ret = read(aftership, shipping_status=shipping)
    assert (ret.status, ret.status_raw) == (status, f"approved/{shipping}" if shipping else "approved")


def test_11_gradings_of_every_unit_are_the_inspection(aftership: AfterShip) -> None:
    def receiving(*grades: str) -> list[dict[str, Any]]:
        gradings = [{"grade": grade, "quantity": 1} for grade in grades]
        items = [{"external_id": "13000000000011", "quantity": 2, "gradings": gradings}]
        return [{"id": "x", "received_at": "2026-10-04T08:00:00Z", "items": items}]

    half = read(aftership, shipping_status="received", receivings=receiving("a"))
    assert (half.status, half.items[0].condition) == (Status.RECEIVED, "a")
    whole = read(aftership, shipping_status="received", receivings=receiving("a", "b"))
    assert (whole.status, whole.items[0].condition) == (Status.INSPECTED, "a, b")
    assert whole.items[0].received_at == datetime(2026, 10, 4, 8, tzinfo=UTC)


def test_13_an_expired_return_voids_what_was_not_used(aftership: AfterShip) -> None:
    unused, used = shipment(tracking_status="Pending"), shipment(id="b" * 32, tracking_status="InTransit")
    ret = read(aftership, approval_status="expired", shipments=[unused, used])
    assert ret.status is Status.EXPIRED
    assert [each.label.status for each in ret.shipments if each.label] == [LabelStatus.VOID, LabelStatus.READY]


def test_14_an_expired_tracking_is_no_expired_return(aftership: AfterShip) -> None:
    ret = read(aftership, shipments=[shipment(tracking_status="Expired")])
    assert (ret.status, ret.shipments[0].status) == (Status.IN_TRANSIT, ShipmentStatus.EXPIRED)


def test_15_done_does_not_mean_refunded(aftership: AfterShip) -> None:
    done = read(aftership, approval_status="done", resolved_at="2026-10-05T00:00:00Z")
    assert (done.status, done.resolutions[0].status) == (Status.CLOSED, ResolutionStatus.PENDING)
    paid = read(
        aftership,
        approval_status="done",
        refunded_at="2026-10-06T00:00:00Z",
        refunded_total={"amount": "59.00", "currency": "USD"},
    )
    assert (paid.resolutions[0].status, paid.resolutions[0].amount) == (
        ResolutionStatus.DONE,
        Money(amount="59.00", currency="USD"),
    )


def test_16_an_upsell_is_an_exchange(aftership: AfterShip) -> None:
    assert read(aftership, outcomes=["upsell"]).resolutions[0].kind is ResolutionKind.EXCHANGE
    credit = read(aftership, outcomes=["refund"], refund_destination="store_credit")
    assert credit.resolutions[0].kind is ResolutionKind.STORE_CREDIT


def test_17_countries_are_alpha_3(aftership: AfterShip) -> None:
    address = {"contact_name": "Kim Muster", "street_1": "1 Test St", "country_region": {"code": "USA"}}
    ret = read(aftership, shipping_address=address)
    assert ret.address is not None
    assert (ret.address.country, ret.address.name, ret.address.line1) == ("US", "Kim Muster", "1 Test St")


def test_18_amounts_are_texts(aftership: AfterShip) -> None:
    assert read(aftership).shipments[0].cost == Money(amount="4.10", currency="USD")


def test_19_customers_are_not_mailed_unless_it_is_set(aftership: AfterShip) -> None:
    assert next(aftership.set_status(EXAMPLE_ID, Status.APPROVED)).json == {"notify_customer": False}
    loud = AfterShip(api_key=Secret("asat_key"), notify_customer=True)
    assert next(loud.set_status(EXAMPLE_ID, Status.CLOSED)).json == {"notify_customer": True}


def test_20_a_rejection_needs_its_reason(aftership: AfterShip) -> None:
    with pytest.raises(UnsupportedOperation, match="reason"):
        next(aftership.set_status(EXAMPLE_ID, Status.REJECTED))
    request = next(aftership.set_status(EXAMPLE_ID, Status.REJECTED, note="Too late"))
    assert request.json == {"reject_reason": "Too late", "notify_customer": False}


def test_a_conflict_at_the_wanted_status_is_success(aftership: AfterShip) -> None:
    conflict = reply(None, status=409, meta={"code": 40900, "message": "Only approved"})
    done = reply({**example(), "approval_status": "done"})
    ret, _ = finish(aftership.set_status(EXAMPLE_ID, Status.CLOSED), conflict, done)
    assert ret.status is Status.CLOSED
    operation = aftership.set_status(EXAMPLE_ID, Status.CLOSED)
    next(operation)
    operation.send(conflict)
    with pytest.raises(Conflict):
        operation.send(reply({**example(), "approval_status": "rejected"}))


def test_21_one_shipment_is_attached(aftership: AfterShip) -> None:
    request = next(
        aftership.attach_shipment(
            EXAMPLE_ID,
            tracking_number="9",
            carrier="usps",
            label_url="https://l.example/1.pdf",
            charge="3.20",
            currency="USD",
        )
    )
    assert request.json == {
        "shipments": [
            {
                "tracking_number": "9",
                "slug": "usps",
                "label": {
                    "url": "https://l.example/1.pdf",
                    "total_charge": {"amount": "3.20", "currency": "USD"},
                },
            }
        ]
    }


def test_22_the_vector_is_accepted_in_either_header(aftership: AfterShip) -> None:
    aftership.verify_webhook(delivery(VECTOR_BODY, as_signature_hmac_sha256=VECTOR_SIGNATURE))
    aftership.verify_webhook(delivery(VECTOR_BODY, am_webhook_signature="hmac-sha256=" + VECTOR_SIGNATURE))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing_signature"),
        ({"as_signature_hmac_sha256": "QUJD"}, "malformed_signature"),
        ({"as_signature_hmac_sha256": VECTOR_SIGNATURE.replace("W6e", "W6f")}, "wrong_signature"),
        ({"am_webhook_signature": "hmac-sha256=QUJD"}, "malformed_signature"),
        (
            {
                "as_signature_hmac_sha256": VECTOR_SIGNATURE.replace("W6e", "W6f"),
                "am_webhook_signature": "hmac-sha256=" + VECTOR_SIGNATURE,
            },
            "wrong_signature",
        ),
    ],
)
def test_22_a_wrong_signature_is_refused(aftership: AfterShip, headers: Mapping[str, str], reason: str) -> None:
    with pytest.raises(WebhookRejected) as caught:
        aftership.verify_webhook(delivery(VECTOR_BODY, **headers))
    assert caught.value.reason == reason


def test_23_an_event_is_known_by_its_id(aftership: AfterShip) -> None:
    receipt = aftership.receive(event(aftership))
    (seen,) = receipt.events
    assert isinstance(seen, ReturnObserved)
    assert (receipt.dedupe_key, seen.occurred_at) == ("e" * 32, datetime(2026, 10, 2, 10, tzinfo=UTC))


def test_24_an_unknown_event_is_a_snapshot_all_the_same(aftership: AfterShip) -> None:
    (seen,) = aftership.receive(event(aftership, event="return.teleported")).events
    assert isinstance(seen, ReturnObserved)
    assert seen.observed.status is Status.IN_TRANSIT


def test_24_the_name_of_an_auto_approved_submission_is_not_believed(aftership: AfterShip) -> None:
    (seen,) = aftership.receive(event(aftership, event="return.submitted")).events
    assert isinstance(seen, ReturnObserved)
    assert seen.observed.status is Status.IN_TRANSIT


def test_24_an_older_body_has_one_status_word(aftership: AfterShip) -> None:
    old = {name: value for name, value in example().items() if name not in ("approval_status", "shipping_status")}
    for word, status in (("shipped", Status.IN_TRANSIT), ("received", Status.RECEIVED), ("done", Status.CLOSED)):
        (seen,) = aftership.receive(event(aftership, event="updated", data={**old, "status": word})).events
        assert isinstance(seen, ReturnObserved)
        assert (seen.observed.status, seen.observed.status_raw) == (status, word)


def test_24_a_test_event_is_acknowledged_and_dropped(aftership: AfterShip) -> None:
    receipt = aftership.receive(event(aftership, is_test=True, id=None))
    assert (receipt.events, receipt.answer.status) == ((), 200)


def test_24_other_products_of_the_company_are_unknown(aftership: AfterShip) -> None:
    (seen,) = aftership.receive(event(aftership, event=None, event_type="tracking_update")).events
    assert isinstance(seen, UnknownEvent)


def test_25_a_429_on_create_is_a_rate_limit(aftership: AfterShip) -> None:
    from tests.aftership.test_aftership_conformance import NEW

    operation = aftership.create_return(NEW)
    next(operation)
    with pytest.raises(RateLimited):
        operation.send(reply(None, status=429, meta={"code": 42900, "message": "wait"}))


def test_creation_sends_the_shops_own_ids(aftership: AfterShip) -> None:
    from tests.aftership.test_aftership_conformance import NEW

    assert next(aftership.create_return(NEW)).json == {
        "order": {"external_id": "5550001112223", "store": {"platform": "shopify", "external_id": "demo-shoes"}},
        "return_items": [
            {
                "external_order_item_id": "13000000000011",
                "intended_return_quantity": 1,
                "return_reason": "Too small",
                "resolution": "refund",
            }
        ],
        "refund_destination": "original_payment",
    }
    with pytest.raises(UnsupportedOperation, match=r"requires custom_fields\['order_id'\], items"):
        next(aftership.create_return(NewReturn(order_number="#1")))


def test_a_label_comes_later_and_may_fail() -> None:
    vendor = AfterShipSandbox(count=120, now=lambda: NOW)
    first, second = [one for one, wire in vendor.returns.items() if wire["approval_status"] == "submitted"][:2]
    with (
        serve(vendor) as running,
        connect("aftership", base_url=running.url + vendor.base_path, **vendor.options) as client,
    ):
        requested = client.create_label(first, NewLabel())
        assert requested.label is not None
        assert (requested.id, requested.label.status) == ("", LabelStatus.REQUESTED)
        vendor.make_labels()
        ready = client.get_return(first)
        assert ready.shipments[0].label is not None
        assert (ready.status, ready.shipments[0].label.status) == (Status.READY_TO_SHIP, LabelStatus.READY)
        client.create_label(second, NewLabel())
        vendor.make_labels(fail=True)
        assert client.get_return(second).attention == {Attention.LABEL_FAILED}


def test_a_bundle_is_received_by_its_parts(aftership: AfterShip) -> None:
    children = [
        {"external_id": f"13000000000011{part}", "return_quantity": 1, "received_quantity": 0} for part in (1, 2)
    ]
    bundle = read(aftership, return_items=[item(bundled_items=children)])
    assert [(each.id, each.parent_id) for each in bundle.items] == [
        (f"{EXAMPLE_ID}/13000000000011", None),
        (f"{EXAMPLE_ID}/130000000000111", f"{EXAMPLE_ID}/13000000000011"),
        (f"{EXAMPLE_ID}/130000000000112", f"{EXAMPLE_ID}/13000000000011"),
    ]
    operation = aftership.set_status(EXAMPLE_ID, Status.RECEIVED)
    next(operation)
    green = item(id="9", external_order_item_id="9", green_return=True)
    gone = item(id="8", external_order_item_id="8", removed_quantity=1)
    request = operation.send(reply({**example(), "return_items": [item(bundled_items=children), green, gone]}))
    assert request.json["items"] == [
        {"external_id": "130000000000111", "quantity": 1},
        {"external_id": "130000000000112", "quantity": 1},
    ]


def test_a_green_return_is_kept(aftership: AfterShip) -> None:
    ret = read(aftership, return_items=[item(green_return=True)])
    assert (ret.goods_expected, ret.items[0].disposition, ret.items[0].disposition_status) == (
        False,
        Disposition.KEEP,
        DispositionStatus.DONE,
    )
    assert read(aftership, return_method={"type": "green_return"}).goods_expected is False


def test_an_item_that_was_taken_out_is_not_there(aftership: AfterShip) -> None:
    assert read(aftership, return_items=[item(removed_quantity=1)]).items == ()


def test_what_was_restocked_is_done(aftership: AfterShip) -> None:
    (one,) = read(aftership, return_items=[item(received_quantity=1, restocked_quantity=1)]).items
    assert (one.disposition, one.disposition_status) == (Disposition.RESTOCK, DispositionStatus.DONE)


@pytest.mark.parametrize(
    ("word", "attention"),
    [
        ("flagged", {Attention.REVIEW}),
        ("refund_failed", {Attention.EXCEPTION}),
        ("charge_failed", {Attention.EXCEPTION, Attention.PAYMENT_DUE}),
    ],
)
def test_exceptions_ask_for_attention(aftership: AfterShip, word: str, attention: set[Attention]) -> None:
    assert set(read(aftership, exceptions=[word]).attention) == attention


def test_a_failed_refund_is_a_failed_resolution(aftership: AfterShip) -> None:
    assert read(aftership, exceptions=["refund_failed"]).resolutions[0].status is ResolutionStatus.FAILED
