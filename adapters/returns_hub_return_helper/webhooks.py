"""Return Helper's notifications: how they are verified, and what each of them asserts.

A delivery is signed as a whole: the address that is registered with the vendor, the ``timestamp`` header and the exact body.
So its body is believed. What a notification names differs: a return request, or only a shipment, an inventory, a line item,
or a service on one; the mirror finds the return that has it.
Sources: Return Helper API, Getting started; the bodies are those of the samples of the Return Helper legacy documentation.
"""

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen

from returns_hub import (
    ConfigurationError,
    Direction,
    Disposition,
    HttpAnswer,
    Item,
    Label,
    Reason,
    Receipt,
    Return,
    ReturnHint,
    ReturnKind,
    ReturnObserved,
    Secret,
    Service,
    Shipment,
    ShipmentStatus,
    TrackingEvent,
    UnexpectedReply,
    UnknownEvent,
    WebhookRejected,
    WebhookRequest,
    body_digest,
    decode_json,
    parse_time,
    single_header,
)
from returns_hub.wire import Record, sign_hmac_sha256_base64, verify_hmac_sha256_base64, with_headers
from returns_hub_return_helper.wire import (
    PROVIDER,
    RECALL_CODE,
    SPLIT_CODE,
    Parser,
    find_id,
    parse_aliases,
    parse_customer,
    parse_images,
    parse_metas,
    parse_money,
    parse_order,
    parse_parcel,
    parse_place,
    parse_remarks,
    recall_alias,
    require_id,
    service_alias,
)

SIGNATURE_HEADER: Final = "returnhelper-signature"
OLD_SIGNATURE_HEADER: Final = "signature"
TIMESTAMP_HEADER: Final = "timestamp"

# Anything but 200 counts as failed, and after ten failures nothing comes for a day.
_ANSWER: Final = HttpAnswer(status=200)
_TIMESTAMP: Final = re.compile(r"[!-~]{1,64}\Z")
_NOTIFICATION_ID: Final = re.compile(r"[!-~]{1,200}\Z")
_ID_NAME: Final = re.compile(r"[a-z][A-Za-z0-9]{0,60}Id", re.ASCII)
_MAX_IDS: Final = 20
# Of the account, and of the delivery.
_BOOKKEEPING_IDS: Final = frozenset({"apiId", "warehouseApiId", "userApiId", "notificationId", "correlationId"})

_Event: TypeAlias = ReturnHint | ReturnObserved | UnknownEvent


def signed_text(*, url: str, timestamp: str, body: bytes) -> bytes:
    """What the vendor signs: ``POST``, the registered address, the ``timestamp`` header and the body, with nothing between."""
    return f"POST{url}{timestamp}".encode() + body


def decode_signing_key(key: Secret) -> bytes:
    """The bytes of a signing key, which the portal shows as Base64.

    Raises:
        ConfigurationError: it is empty, or no Base64.
    """
    try:
        decoded = base64.b64decode(key.reveal(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise ConfigurationError("return_helper: a signing key is empty, or no Base64")
    return decoded


def format_timestamp(moment: datetime) -> str:
    """The form of the header ``timestamp`` and of ``eventTime``: UTC, seven digits of a second, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def sign(*, url: str, timestamp: str, body: bytes, keys: Iterable[Secret]) -> str:
    """The value of the signature header under the first live key.

    Raises:
        ConfigurationError: there is no key, or it is no Base64.
    """
    live = map(decode_signing_key, keys)
    return sign_hmac_sha256_base64(signed_text(url=url, timestamp=timestamp, body=body), live)


def sign_webhook(request: WebhookRequest, *, keys: Iterable[Secret], url: str | None) -> WebhookRequest:
    """The request, signed with the first live key for the registered address, at its ``received_at``.

    Raises:
        ConfigurationError: there is no usable key, or no registered address.
    """
    if not url:
        raise ConfigurationError("return_helper: webhook_url is part of what is signed, and is not configured")
    timestamp = format_timestamp(request.received_at)
    signature = sign(url=url, timestamp=timestamp, body=request.body, keys=keys)
    return with_headers(request, (SIGNATURE_HEADER, signature), (TIMESTAMP_HEADER, timestamp))


def verify(request: WebhookRequest, *, keys: Iterable[Secret], url: str | None, tolerance: timedelta) -> None:
    """Returns if the delivery is signed with one of the live keys, at a time that is at most ``tolerance`` from our clock.

    ``url`` is the address as it is registered with the vendor; the one of the request does not matter. The time in the body
    is never looked at: a retry may keep it.

    Raises:
        WebhookRejected: and nothing else, whatever came in.
    """
    live = _decode_live_keys(keys)
    if not url:
        raise WebhookRejected(
            "not_configured", "no webhook_url is configured for this account: it is part of what is signed"
        )
    if request.method.upper() != "POST":
        raise WebhookRejected("wrong_method", "a delivery is a POST")
    # The header had a shorter name before 2023.
    is_old = not request.header(SIGNATURE_HEADER) and request.header(OLD_SIGNATURE_HEADER)
    signature = single_header(request, OLD_SIGNATURE_HEADER if is_old else SIGNATURE_HEADER)
    timestamp = _read_timestamp(request)
    verify_hmac_sha256_base64(signed_text(url=url, timestamp=timestamp, body=request.body), signature, live)
    _check_freshness(timestamp, request.received_at, tolerance)


def _decode_live_keys(keys: Iterable[Secret]) -> list[bytes]:
    live = []
    for key in keys:
        with suppress(ConfigurationError):
            live.append(decode_signing_key(key))
    if not live:
        raise WebhookRejected("not_configured", "no usable signing key is configured for this account")
    return live


def _read_timestamp(request: WebhookRequest) -> str:
    values = request.header(TIMESTAMP_HEADER)
    timestamp = "".join(values).strip()
    if not timestamp:
        raise WebhookRejected("missing_timestamp", "the header timestamp is missing")
    if len(values) > 1 or not _TIMESTAMP.match(timestamp):
        raise WebhookRejected("malformed_timestamp", "the header timestamp is not one time")
    return timestamp


def _check_freshness(timestamp: str, now: datetime, tolerance: timedelta) -> None:
    try:
        signed_at = parse_time(timestamp)
    except ValueError:
        signed_at = None
    if signed_at is None:
        raise WebhookRejected("malformed_timestamp", "the signed timestamp is no time")
    if abs(now - signed_at) > tolerance:
        raise WebhookRejected(
            "stale_timestamp", f"the signed timestamp is more than {tolerance.total_seconds():.0f} s from our clock"
        )


def read(parser: Parser, request: WebhookRequest) -> Receipt:
    """What a verified delivery asserts. Never an error: what cannot be interpreted is an ``UnknownEvent`` with the bytes and its ids."""
    body = _decode(request.body)
    record = Record(body)
    name = _name(body.get("action")) or _name(body.get("category"))
    events = _read_events(parser, name, record, _occurred_at(request, body))
    notification_id = _name(body.get("notificationId")) or ""
    return Receipt(
        events=events or (UnknownEvent(name=name, body=request.body, ids=_find_ids(body)),),
        answer=_ANSWER,
        dedupe_key=notification_id if _NOTIFICATION_ID.match(notification_id) else body_digest(request.body),
    )


def _read_events(parser: Parser, name: str | None, record: Record, occurred_at: datetime) -> tuple[_Event, ...]:
    """What a notification says; nothing if its action is not one of those that are documented, or it names nothing."""
    reader = _READERS.get(name or "")
    if name is None or reader is None:
        return ()
    try:
        return reader(_Notification(parser=parser, name=name, body=record, occurred_at=occurred_at))
    except UnexpectedReply:
        return ()


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        value = decode_json(body)
    except UnexpectedReply:
        return {}
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _find_ids(body: Mapping[str, Any]) -> dict[str, str]:
    """The identifiers of a notification and of the objects directly in it, by the vendor's names. FBA's bodies are documented nowhere."""
    inside = [value for value in body.values() if isinstance(value, dict)]
    named = [(name, Record(each)) for each in (*inside, body) for name in each if _ID_NAME.fullmatch(name)]
    found = {name: find_id(record, name) for name, record in named if name not in _BOOKKEEPING_IDS}
    return {name: value for name, value in list(found.items())[:_MAX_IDS] if value is not None}


def _occurred_at(request: WebhookRequest, body: Mapping[str, Any]) -> datetime:
    """The time in the body; where there is none, the one that is signed beside it, and at last that of the arrival."""
    signed: dict[str, Any] = dict(zip(("timestamp",), request.header(TIMESTAMP_HEADER), strict=False))
    return Record(body).time("eventTime") or Record(signed).time("timestamp") or request.received_at


@frozen(kw_only=True)
class _Notification:
    """A notification whose action is known: its body, when it happened, and the parser of the account."""

    parser: Parser
    name: str
    body: Record
    occurred_at: datetime

    def observed(self, return_id: str | None, **facts: Any) -> ReturnObserved:
        """That these facts hold of this return, or of the one that has these parts.

        Raises:
            UnexpectedReply: neither a return nor a part of one is named.
        """
        ret = Return(
            provider=PROVIDER,
            id=return_id or "",
            updated_at=self.occurred_at,
            **{"raw": self.body.raw, "unreadable": self.body.unreadable, **facts},
        )
        if not ret.id and not ret.shipments and not ret.items:
            raise UnexpectedReply("a notification that names nothing")
        return ReturnObserved(name=self.name, observed=ret, occurred_at=self.occurred_at, raw=self.body.raw)

    def shipments(self, record: Record, *, label: Record | None = None) -> tuple[Shipment, ...]:
        """The shipment of an object; none where it does not name it."""
        has_id = find_id(record, "shipmentId") is not None
        return (self.parser.shipment(record, label=label),) if has_id else ()

    def inventories(self, records: Iterable[Record]) -> tuple[Item, ...]:
        """The inventories of a list; one that is not named is left out."""
        return tuple([self.parser.inventory(each) for each in records if find_id(each, "returnInventoryId")])


_Reader: TypeAlias = Callable[[_Notification], tuple[_Event, ...]]


def _label_generated(notification: _Notification) -> tuple[_Event, ...]:
    """The label of a shipment. The vendor may make a new one after a failure: never match by ``labelId``."""
    record = notification.body.record("label")
    made = notification.parser.shipment(record)
    return (
        notification.observed(
            made.return_id,
            shipments=(evolve(made, number=made.number or record.text("refKey"), raw={}),),
            order=parse_order(record),
        ),
    )


def _shipment_arrived(notification: _Notification) -> tuple[_Event, ...]:
    """A parcel has arrived: both versions have the same category and action, and differ in shape."""
    body, record = notification.body, notification.body.record("shipment")
    if "returnRequest" in body.raw or "label" in body.raw or "shipmentStatusCode" in record.raw:
        return _whole_request(notification, ReturnKind.UNKNOWN)
    return (
        notification.observed(
            find_id(record, "returnRequestId"),
            shipments=notification.shipments(record),
            order=parse_order(record),
            custom_fields=record.text_map("customFieldMap"),
        ),
    )


def _unknown_assigned(notification: _Notification) -> tuple[_Event, ...]:
    """A parcel that nobody announced turned out to be the account's."""
    return _whole_request(notification, ReturnKind.UNANNOUNCED)


def _whole_request(notification: _Notification, kind: ReturnKind) -> tuple[_Event, ...]:
    """A return request with its shipment, its label and its inventories. A line item without an inventory is in ``raw`` only."""
    body, record = notification.body, notification.body.record("shipment")
    request = body.record("returnRequest") if body.raw.get("returnRequest") else record
    images = {
        alias: parse_images(row)
        for row in body.records("returnRequestLineItemIncludeImageList")
        for alias in parse_aliases(row.record("returnRequestLineItem"))
    }
    inventories = [
        evolve(item, images=item.images or next((images[alias] for alias in item.aliases if alias in images), ()))
        for item in notification.inventories(body.records("returnInventoryList", "returnInventory"))
    ]
    return (
        notification.observed(
            find_id(request, "returnRequestId") or find_id(record, "returnRequestId"),
            kind=kind,
            shipments=notification.shipments(record, label=body.record("label")),
            items=tuple(inventories),
            order=parse_order(record),
            customer=parse_customer(record),
            address=parse_place(record, prefix="shipment"),
            **notification.parser.request_facts(request),
        ),
    )


def _inventory_created(notification: _Notification) -> tuple[_Event, ...]:
    """An inventory, one notification for each; its line item is not named."""
    record, parcel = notification.body.record("returnInventory"), notification.body.record("shipment")
    return (
        notification.observed(
            find_id(parcel, "returnRequestId") or find_id(record, "returnRequestId"),
            items=notification.inventories([record]),
            shipments=notification.shipments(parcel),
            order=parse_order(parcel),
            custom_fields=parcel.text_map("customFieldMap"),
            created_at=record.time("createOn"),
        ),
    )


def _inventory_updated(notification: _Notification) -> tuple[_Event, ...]:
    """An inventory as it now is: a handling completed or cancelled, its measures or its remarks changed, its SKU assigned."""
    body = notification.body
    record, request = body.record("returnInventory"), body.record("returnRequest")
    items = [evolve(item, extra={**item.extra, **parse_metas(body)}) for item in notification.inventories([record])]
    parcel = body.record("shipment")
    return (
        notification.observed(
            find_id(record, "returnRequestId") or find_id(request, "returnRequestId"),
            items=tuple(items),
            shipments=notification.shipments(parcel),
            order=parse_order(parcel),
            customer=parse_customer(parcel),
            address=parse_place(parcel, prefix="shipment"),
            **notification.parser.request_facts(request),
        ),
    )


def _recall_updated(notification: _Notification) -> tuple[_Event, ...]:
    """The inventories of a recall. They may be of several returns, and none of these is named: each is reported by itself."""
    record, words = notification.body.record("recall"), notification.parser.words
    rows = [row for row in record.records("recallInventoryList") if find_id(row, "returnInventoryId")]
    recalled = [notification.parser.recalled(row) for row in rows]
    if recalled:
        recall_id = find_id(record, "recallId")
        aliases = (recall_alias(recall_id),) if recall_id else ()
        notes = parse_remarks(record, of="recall")
        return tuple(
            notification.observed(
                None,
                items=(evolve(item, aliases=(*item.aliases, *aliases), notes=(*item.notes, *notes)),),
                shipments=parcels,
            )
            for item, parcels in recalled
        )
    # Before July 2022 a recall named no inventories: whatever is known to be in it.
    word = record.text("recallStatusCode")
    progress = words["recall_update"].look_up(notification.body.text("recallUpdateTypeStatus")).disposition_status
    item = Item(
        aliases=(recall_alias(require_id(record, "recallId")),),
        disposition=Disposition.RETURN_TO_OWNER,
        disposition_raw=RECALL_CODE,
        disposition_status=progress or words["recall"].look_up(word).disposition_status,
        disposition_status_raw=word,
        notes=parse_remarks(record, of="recall"),
    )
    return (notification.observed(None, items=(item,)),)


def _resend_updated(notification: _Notification) -> tuple[_Event, ...]:
    """A resend and its inventories, by their returns. What these say of their handling is older: they stay on hold in it."""
    parser, resend = notification.parser, notification.body.record("resend")
    parcels = parser.resend_shipments(notification.body.records("resendShipmentList"), resend=resend)
    by_return: defaultdict[str, list[Item]] = defaultdict(list)
    without_return: list[Item] = []
    for row in notification.body.records("returnInventoryList"):
        if find_id(row, "returnInventoryId"):
            item, return_id = parser.resent(resend, parser.inventory(row)), find_id(row, "returnRequestId")
            (by_return[return_id] if return_id else without_return).append(item)
    if not by_return and not without_return:
        # Whatever is known to be in the resend.
        return (notification.observed(None, items=(parser.resent(resend, Item()),), shipments=parcels),)
    return (
        *(notification.observed(key, items=tuple(items), shipments=parcels) for key, items in by_return.items()),
        *(notification.observed(None, items=(item,)) for item in without_return),
    )


def _resend_tracking_updated(notification: _Notification) -> tuple[_Event, ...]:
    """The older form, until the end of 2024: it names no inventory, so whatever is known to be in the resend."""
    parser, body = notification.parser, notification.body
    resend = body.record("resend")
    parcel = Record({"trackingNumber": body.text("trackingNumber"), "error": body.text("failureReason")})
    return (
        notification.observed(
            None,
            items=(parser.resent(resend, Item()),),
            shipments=parser.resend_shipments([parcel], resend=resend),
        ),
    )


def _vas_updated(notification: _Notification) -> tuple[_Event, ...]:
    """Services done or failed, each named by its own id alone. The vendor's advice is to read the inventory again."""
    events: list[_Event] = []
    for row in notification.body.records("updateVasList", "returnInventoryList"):
        service_id = find_id(row, "returnRequestLineItemVasId")
        if service_id is None:
            continue
        alias, return_id = service_alias(service_id), find_id(row, "returnRequestId")
        item = Item(
            id=find_id(row, "returnInventoryId"),
            aliases=(alias, *(other for other in parse_aliases(row) if other != alias)),
            services=(notification.parser.service(row),),
            images=parse_images(row),
            measured=parse_parcel(row),
            raw=row.raw,
        )
        events.append(notification.observed(return_id, items=(item,)))
        hint = ReturnHint(
            name=notification.name, return_id=return_id, aliases=(f"item:{alias}",), raw=notification.body.raw
        )
        events.append(hint)
    return tuple(events)


def _line_item_split(notification: _Notification) -> tuple[_Event, ...]:
    """An inventory in pieces, each an inventory now. What becomes of the whole is not documented, but to read it again."""
    body, parser = notification.body, notification.parser
    return_id = require_id(body, "returnRequestId")
    word = body.text("vasStatusCode")
    progress = parser.words["vas_status"].look_up(word).disposition_status
    service_id = find_id(body, "returnRequestLineItemVasId")
    split = Service(id=service_id, code=SPLIT_CODE, status=progress, status_raw=word)
    whole = Item(
        aliases=parse_aliases(body),
        services=(split,) if service_id else (),
        disposition=Disposition.REWORK,
        disposition_raw=SPLIT_CODE,
        disposition_status=progress,
        disposition_status_raw=word,
    )
    rows = body.records("splitLineItemAndReturnInventoryList")
    pieces = [
        evolve(item, measured=parse_parcel(row.record("returnRequestLineItemSupplement")) or item.measured)
        for row in rows
        for item in notification.inventories([row.record("returnInventory")])
    ]
    return (
        notification.observed(return_id, items=(*pieces, *([whole] if whole.aliases else []))),
        ReturnHint(name=notification.name, return_id=return_id, raw=body.raw),
    )


def _images_changed(notification: _Notification) -> tuple[_Event, ...]:
    """The images of a line item, all that there are now. Its inventory is not named, or not in every version."""
    body = notification.body
    line_item = body.record("returnRequestLineItem")
    item = evolve(
        notification.parser.line_item(line_item),
        id=find_id(body, "returnInventoryId") or find_id(line_item, "returnInventoryId"),
        images=parse_images(body),
        raw={},
    )
    if not item.id and not item.aliases:
        raise UnexpectedReply("a line item is not named", where="returnRequestLineItem.returnRequestLineItemId")
    return (notification.observed(find_id(line_item, "returnRequestId"), items=(item,)),)


def _recalibrated(notification: _Notification) -> tuple[_Event, ...]:
    """An inventory was measured again. The measures come without units, and the vendor's only ones are grams and centimetres."""
    record = notification.body.record("recalibrateSupplement")
    return (notification.observed(find_id(record, "returnRequestId"), items=notification.inventories([record])),)


def _rma_swapped(notification: _Notification) -> tuple[_Event, ...]:
    """The warehouse had given an inventory another one's RMA."""
    record = notification.body.record("payload")
    item = Item(id=require_id(record, "returnInventoryId"), rma=record.text("newRma"))
    return (notification.observed(find_id(record, "returnRequestId"), items=(item,)),)


def _consolidated(notification: _Notification) -> tuple[_Event, ...]:
    """Inventories of an order of consolidate shipping. They may be of several returns, and none of these is named."""
    body = notification.body
    orders = body.records("order")
    parcels = [(parcel, parcel) for parcel in body.records("shipment")] or [
        (parcel, order) for order in orders for parcel in order.records("shipmentList")
    ]
    return tuple(
        [
            _consolidated_inventory(notification, row, parcel=parcel, order=order)
            for parcel, order in parcels
            for box in parcel.records("boxList")
            for row in box.records("consolidateShippingInventoryList")
            if find_id(row, "returnInventoryId")
        ]
    )


def _consolidated_inventory(
    notification: _Notification, row: Record, *, parcel: Record, order: Record
) -> ReturnObserved:
    words = notification.parser.words
    word = row.text("consolidateShippingInventoryStatus")
    shipped = parcel.text("consolidateShippingShipmentStatus")
    item = Item(
        id=require_id(row, "returnInventoryId"),
        rma=row.text("rma"),
        disposition=Disposition.FORWARD,
        disposition_status=words["consolidate_inventory"].look_up(word).disposition_status,
        disposition_status_raw=word,
    )
    number = find_id(row, "consolidateShippingInventoryId")
    status = words["consolidate_shipment"].look_up(shipped).shipment
    shipped_at = parcel.time("shipDate")
    left = TrackingEvent(occurred_at=shipped_at, status=status or ShipmentStatus.UNKNOWN, status_raw=shipped)
    outbound = Shipment(
        id=f"consolidate:{number}",
        number=parcel.text("consolidateShippingShipmentNumber"),
        reference=order.text("consolidateShippingOrderNumber"),
        direction=Direction.OUTBOUND,
        status=status,
        status_raw=shipped,
        carrier=parcel.text("serviceProvider"),
        service=order.text("shippingMethod"),
        tracking_number=parcel.text("awb"),
        ship_to=parse_place(order, prefix="shipTo"),
        warehouse_id=find_id(order, "outboundWarehouseId"),
        tracking=(left,) if shipped_at else (),
        raw=parcel.raw,
    )
    return notification.observed(None, items=(item,), shipments=(outbound,) if number else ())


def _buyer_label_generated(notification: _Notification) -> tuple[_Event, ...]:
    """A return that a buyer made on a branded page: new to the account. Its lines have identifiers of their own."""
    record = notification.body.record("buyerReturn")
    parser = notification.parser
    (parcel,) = notification.shipments(record) or (None,)
    if parcel is not None:
        label = parcel.label or Label()
        parcel = evolve(parcel, label=evolve(label, url=record.record("labelFile").text("labelUrl") or label.url))
    return (
        notification.observed(
            find_id(record, "returnRequestId"),
            kind=ReturnKind.CUSTOMER,
            shipments=() if parcel is None else (parcel,),
            items=tuple(map(_buyer_line, record.records("buyerReturnLineItemList", "buyerReturnLine"))),
            order=parse_order(record),
            customer=parse_customer(record),
            address=parse_place(record, prefix="shipment"),
            custom_fields=record.text_map("customFieldMap"),
            **{**parser.request_facts(record), "created_at": record.time("createdAt")},
        ),
    )


def _buyer_line(record: Record) -> Item:
    reason = Reason(code=record.text("returnReasonCode"), text=record.text("returnReason"))
    number = find_id(record, "buyerReturnLineItemId")
    return Item(
        aliases=(f"buyer:{number}",) if number else (),
        reference=record.text("referenceNumber"),
        name=record.text("description"),
        quantity=record.number("quantity"),
        reason=None if reason == Reason() else reason,
        value=parse_money(record, "value", "valueCurrencyCode"),
        raw=record.raw,
    )


# By `action`. The six of consolidate shipping, and those with a name of their own, have the same word as `category`.
_READERS: Final[Mapping[str, _Reader]] = MappingProxyType(
    {
        "labelGenerated": _label_generated,
        "markShipmentArrive": _shipment_arrived,
        "newInventoryCreated": _inventory_created,
        "assignUnknown": _unknown_assigned,
        "recallUpdateStatus": _recall_updated,
        "updateResendStatus": _resend_updated,
        "updateResendTrackingNumber": _resend_tracking_updated,
        "vasUpdated": _vas_updated,
        "splitLineItem": _line_item_split,
        "changeLineItemImage": _images_changed,
        "completeInventoryHandling": _inventory_updated,
        # Listed without a body; what is not an inventory is kept as it came.
        "cancelInventoryHandling": _inventory_updated,
        "completeRecalibrate": _recalibrated,
        "notifyUserRmaSwapped": _rma_swapped,
        "updateReturnInventoryMeta": _inventory_updated,
        "warehouseUpdateWarehouseRemarks": _inventory_updated,
        "userUpdateReturnInventorySku": _inventory_updated,
        # The price of an order, and its cancellation, name no inventory: they are kept as they came.
        "consolidateShippingOrderShippingFeeUpdated": _consolidated,
        "consolidateShippingOrderInventoryAllPacked": _consolidated,
        "consolidateShippingShipmentSent": _consolidated,
        "consolidateShippingShipmentShipped": _consolidated,
        "consolidateShippingOrderCompleted": _consolidated,
        "consolidateShippingOrderCancelled": _consolidated,
        "buyerReturnLabelGenerated": _buyer_label_generated,
    }
)
