"""Return Helper's notifications: how they are verified, and what each of them tells.

A delivery is signed as a whole: the address that is registered with the vendor, the ``timestamp`` header and the exact body.
So its body is believed. What a notification names differs: a return request, or only a shipment, an inventory, a line item,
or a service on one; the mirror finds the return that has it. Sources: the getting-started page (Return Helper API, Getting started), and the older API
documentation (last changed 2025-11-17), whose samples show the bodies. All were read on 2026-11-21.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen

from returns_hub import (
    ConfigurationError,
    Direction,
    Disposition,
    HttpAnswer,
    Item,
    Note,
    OrderRef,
    Receipt,
    Return,
    ReturnHint,
    ReturnKind,
    ReturnObserved,
    Secret,
    Shipment,
    UnexpectedReply,
    UnknownEvent,
    WebhookRejected,
    WebhookRequest,
    body_digest,
    decode_json,
    parse_time,
    single_header,
)
from returns_hub_return_helper.parts import (
    PROVIDER,
    SPLIT,
    aliases,
    code,
    custom_fields,
    identifier,
    images,
    item,
    label,
    moment,
    optional_identifier,
    part,
    parts,
    recall_alias,
    recalled,
    resend_alias,
    resend_shipments,
    sender,
    shipment,
    text,
    vas_alias,
    with_images,
)
from returns_hub_return_helper.statuses import Words

SIGNATURE_HEADER: Final = "returnhelper-signature"
OLD_SIGNATURE_HEADER: Final = "signature"
TIMESTAMP_HEADER: Final = "timestamp"

# Anything but 200 counts as failed, and after ten failures nothing comes for a day.
_ANSWER: Final = HttpAnswer(status=200)
_SIGNATURE: Final = re.compile(r"[A-Za-z0-9+/]{43}=\Z")
_TIMESTAMP: Final = re.compile(r"[!-~]{1,64}\Z")
_NOTIFICATION_ID: Final = re.compile(r"[!-~]{1,200}\Z")

_Event: TypeAlias = ReturnHint | ReturnObserved | UnknownEvent


def signed_text(*, url: str, timestamp: str, body: bytes) -> bytes:
    """What the vendor signs: ``POST``, the registered address, the ``timestamp`` header and the body, with nothing between."""
    return f"POST{url}{timestamp}".encode() + body


def signing_key(key: Secret) -> bytes:
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


def verify(request: WebhookRequest, *, keys: Iterable[Secret], url: str | None, tolerance: timedelta) -> None:
    """Returns if the delivery is signed with one of the live keys, at a time that is at most ``tolerance`` from our clock.

    ``url`` is the address as it is registered with the vendor; the one of the request does not matter. The time in the body
    is never looked at: a retry may keep it.

    Raises:
        WebhookRejected: and nothing else, whatever came in.
    """
    live = _live(keys)
    if not url:
        raise WebhookRejected(
            "not_configured", "no webhook_url is configured for this account: it is part of what is signed"
        )
    if request.method.upper() != "POST":
        raise WebhookRejected("wrong_method", "a delivery is a POST")
    signature = _signature(request)
    timestamp = _timestamp(request)
    message = signed_text(url=url, timestamp=timestamp, body=request.body)
    matches = [hmac.compare_digest(_signed(message, key), signature) for key in live]
    if not any(matches):
        raise WebhookRejected("wrong_signature", "the signature does not match")
    _check_freshness(timestamp, request.received_at, tolerance)


def read(words: Words, request: WebhookRequest) -> Receipt:
    """What a verified delivery tells. Never an error: what cannot be interpreted is an ``UnknownEvent`` with the bytes."""
    body = _decoded(request.body)
    name = _word(body.get("action")) or _word(body.get("category"))
    events = _events(words, name, body, _occurred_at(request, body)) or (UnknownEvent(name=name, body=request.body),)
    notification_id = _word(body.get("notificationId")) or ""
    known_by_id = _NOTIFICATION_ID.match(notification_id)
    return Receipt(
        events=events, answer=_ANSWER, dedupe_key=notification_id if known_by_id else body_digest(request.body)
    )


def _events(words: Words, name: str | None, body: Mapping[str, Any], occurred_at: datetime) -> tuple[_Event, ...]:
    """What a notification tells; nothing if its action, or its body, is not one of those that are documented."""
    reader = _READERS.get(name or "")
    if name is None or reader is None:
        return ()
    try:
        return reader(_Notification(words=words, name=name, body=body, occurred_at=occurred_at))
    except UnexpectedReply:
        return ()


def _live(keys: Iterable[Secret]) -> list[bytes]:
    live = []
    for key in keys:
        with suppress(ConfigurationError):
            live.append(signing_key(key))
    if not live:
        raise WebhookRejected("not_configured", "no usable signing key is configured for this account")
    return live


def _signature(request: WebhookRequest) -> bytes:
    """The signature as it stands in its header, which had a shorter name before 2023."""
    is_old = not request.header(SIGNATURE_HEADER) and request.header(OLD_SIGNATURE_HEADER)
    signature = single_header(request, OLD_SIGNATURE_HEADER if is_old else SIGNATURE_HEADER)
    if not _SIGNATURE.match(signature):
        raise WebhookRejected("malformed_signature", "the signature is not the Base64 of 32 bytes")
    return signature.encode()


def _timestamp(request: WebhookRequest) -> str:
    values = request.header(TIMESTAMP_HEADER)
    timestamp = "".join(values).strip()
    if not timestamp:
        raise WebhookRejected("missing_timestamp", "the header timestamp is missing")
    if len(values) > 1 or not _TIMESTAMP.match(timestamp):
        raise WebhookRejected("malformed_timestamp", "the header timestamp is not one time")
    return timestamp


def _signed(message: bytes, key: bytes) -> bytes:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest())


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


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        value = decode_json(body)
    except UnexpectedReply:
        return {}
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _occurred_at(request: WebhookRequest, body: Mapping[str, Any]) -> datetime:
    """The time in the body; where there is none, the one that is signed beside it, and at last that of the arrival."""
    for told in (body.get("eventTime"), *request.header(TIMESTAMP_HEADER)):
        try:
            when = moment(told)
        except UnexpectedReply:
            continue
        if when is not None:
            return when
    return request.received_at


@frozen(kw_only=True)
class _Notification:
    """A notification whose action is known: its body, when it happened, and the tables to read it by."""

    words: Words
    name: str
    body: Mapping[str, Any]
    occurred_at: datetime

    def observed(self, return_id: str | None, **told: Any) -> ReturnObserved:
        """That this return, or the one that has these parts, is told these facts."""
        ret = Return(provider=PROVIDER, id=return_id or "", updated_at=self.occurred_at, **told)
        return ReturnObserved(name=self.name, observed=ret, occurred_at=self.occurred_at, raw=self.body)


_Reader: TypeAlias = Callable[[_Notification], tuple[_Event, ...]]


def _label_generated(told: _Notification) -> tuple[_Event, ...]:
    """The label of a shipment. The vendor may make a new one after a failure: never match by ``labelId``."""
    raw = part(told.body, "label")
    return_id = _return_id(raw)
    made = Shipment(
        id=identifier(raw.get("shipmentId"), where="label.shipmentId"),
        return_id=return_id,
        direction=Direction.INBOUND,
        carrier=text(raw, "carrier"),
        service=code(raw.get("serviceType")) or None,
        tracking_number=text(raw, "trackingNumber"),
        label=label(told.words, raw),
    )
    return (told.observed(return_id, shipments=(made,), order=_order(raw)),)


def _shipment_arrived(told: _Notification) -> tuple[_Event, ...]:
    """A parcel has arrived: both versions have the same category and action, and differ in shape."""
    raw = part(told.body, "shipment")
    if "returnRequest" in told.body or "label" in told.body or "shipmentStatusCode" in raw:
        return _whole(told, ReturnKind.UNKNOWN)
    return_id = identifier(raw.get("returnRequestId"), where="shipment.returnRequestId")
    return (
        told.observed(
            return_id,
            shipments=(shipment(told.words, raw),),
            order=_order(raw),
            custom_fields=custom_fields(raw.get("customFieldMap")),
        ),
    )


def _unknown_assigned(told: _Notification) -> tuple[_Event, ...]:
    """A parcel that nobody announced turned out to be the account's."""
    return _whole(told, ReturnKind.UNANNOUNCED)


def _whole(told: _Notification, kind: ReturnKind) -> tuple[_Event, ...]:
    """A return request with its shipment, its label and its inventories. A line item without an inventory is in ``raw`` only."""
    body = told.body
    raw = part(body, "shipment")
    request = part(body, "returnRequest") if body.get("returnRequest") is not None else raw
    arrived = shipment(told.words, {**raw, "label": body.get("label")})
    pictures = {
        alias: images(row.get("imageUrlList"))
        for row in parts(body, "returnRequestLineItemIncludeImageList")
        for alias in aliases(part(row, "returnRequestLineItem"))
    }
    items = [
        with_images(one, next((pictures[alias] for alias in one.aliases if alias in pictures), ()))
        for one in (item(told.words, row) for row in parts(body, "returnInventoryList", "returnInventory"))
    ]
    customer, address = sender(raw)
    return (
        told.observed(
            identifier(request.get("returnRequestId"), where="returnRequestId"),
            kind=kind,
            shipments=(arrived,),
            items=tuple(items),
            order=_order(raw),
            customer=customer,
            address=address,
            raw=body,
            **_request(request),
        ),
    )


def _inventory_created(told: _Notification) -> tuple[_Event, ...]:
    """An inventory, one notification for each; its line item is not named."""
    raw, parcel = part(told.body, "returnInventory"), part(told.body, "shipment")
    return (
        told.observed(
            identifier(parcel.get("returnRequestId", raw.get("returnRequestId")), where="shipment.returnRequestId"),
            items=(item(told.words, raw),),
            shipments=(shipment(told.words, parcel),),
            order=_order(parcel),
            custom_fields=custom_fields(parcel.get("customFieldMap")),
            created_at=moment(raw.get("createOn"), where="returnInventory.createOn"),
        ),
    )


def _inventory_told(told: _Notification) -> tuple[_Event, ...]:
    """An inventory as it now is: a handling completed or cancelled, its measures or its remarks changed, its SKU assigned."""
    body = told.body
    raw = {**part(body, "returnInventory"), **_metas(body)}
    request = part(body, "returnRequest") if body.get("returnRequest") is not None else {}
    facts = _request(request)
    remarks = text(raw, "warehouseRemarks")
    if remarks:
        facts["notes"] = (*facts["notes"], Note(text=remarks, author="warehouse"))
    return (
        told.observed(
            _return_id(raw) or _return_id(request),
            items=(item(told.words, raw),),
            shipments=tuple(shipment(told.words, row) for row in parts(body, "shipment")),
            **facts,
        ),
    )


def _metas(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of an inventory beside it: as ``newInventoryCreated`` has it, inside."""
    return {name: body[name] for name in ("returnInventoryMetaList",) if name in body}


def _recall_updated(told: _Notification) -> tuple[_Event, ...]:
    """The inventories of a recall. They may be of several returns, and none of these is named: each is told by itself."""
    raw = part(told.body, "recall")
    recalls = [recalled(told.words, row) for row in parts(raw, "recallInventoryList")]
    if recalls:
        return tuple(told.observed(None, items=(one,), shipments=parcels) for one, parcels in recalls)
    # Before July 2022 a recall named no inventories: whatever is known to be in it.
    word = code(raw.get("recallStatusCode"))
    progress = told.words["recall_update"].look_up(code(told.body.get("recallUpdateTypeStatus"))).disposition_status
    one = Item(
        aliases=(recall_alias(raw.get("recallId")),),
        disposition=Disposition.RETURN_TO_OWNER,
        disposition_status=progress or told.words["recall"].look_up(word).disposition_status,
        disposition_raw=word or None,
    )
    return (told.observed(None, items=(one,)),)


def _resend_updated(told: _Notification) -> tuple[_Event, ...]:
    """A resend and its inventories, by their returns. What these say of their handling is older: they stay on hold in it."""
    raw = part(told.body, "resend")
    parcels = resend_shipments(told.words, parts(told.body, "resendShipmentList"), resend=raw)
    by_return: defaultdict[str, list[Item]] = defaultdict(list)
    nowhere: list[Item] = []
    for row in parts(told.body, "returnInventoryList"):
        of_inventory = {name: value for name, value in row.items() if name not in _HANDLING}
        one, return_id = _resent(told.words, raw, of=item(told.words, of_inventory)), _return_id(row)
        (by_return[return_id] if return_id else nowhere).append(one)
    if not by_return and not nowhere:
        nowhere.append(_resent(told.words, raw))
    return (
        *(told.observed(return_id, items=tuple(items), shipments=parcels) for return_id, items in by_return.items()),
        *(told.observed(None, items=(one,)) for one in nowhere),
    )


def _resend_tracking_updated(told: _Notification) -> tuple[_Event, ...]:
    """The older form, until the end of 2024: it names no inventory, so whatever is known to be in the resend."""
    raw = part(told.body, "resend")
    number = text(told.body, "trackingNumber")
    parcel = {"trackingNumber": number, "error": text(told.body, "failureReason")}
    return (
        told.observed(
            None, items=(_resent(told.words, raw),), shipments=resend_shipments(told.words, [parcel], resend=raw)
        ),
    )


def _resent(words: Words, resend: Mapping[str, Any], *, of: Item | None = None) -> Item:
    """An inventory of a resend, or for None whichever are in it."""
    word = code(resend.get("resendStatusCode"))
    one = of or Item()
    return evolve(
        one,
        aliases=(*one.aliases, resend_alias(resend.get("resendId"))),
        disposition=Disposition.FORWARD,
        disposition_status=words["resend"].look_up(word).disposition_status,
        disposition_raw=word or None,
    )


def _vas_updated(told: _Notification) -> tuple[_Event, ...]:
    """Services done or failed, each named by its own id alone. The vendor's advice is to read the inventory again."""
    events: list[_Event] = []
    for row in parts(told.body, "updateVasList", "returnInventoryList"):
        alias = vas_alias(row.get("returnRequestLineItemVasId"))
        one = Item(
            # The service first: an item without an id is known by the first of its aliases.
            aliases=(alias, *(other for other in aliases(row) if other != alias)),
            disposition=Disposition.REWORK,
            disposition_status=told.words["vas_status"].look_up(code(row.get("vasStatusCode"))).disposition_status,
            disposition_raw=code(row.get("vasStatusCode")) or None,
            images=images(row.get("imageUrlList")),
            raw=row,
        )
        events.append(told.observed(_return_id(row), items=(one,)))
        events.append(ReturnHint(name=told.name, return_id=_return_id(row), aliases=(f"item:{alias}",), raw=told.body))
    return tuple(events)


def _line_item_split(told: _Notification) -> tuple[_Event, ...]:
    """An inventory in pieces, each an inventory now. What becomes of the whole is not documented, but to read it again."""
    body = told.body
    return_id = identifier(body.get("returnRequestId"), where="returnRequestId")
    progress = told.words["vas_status"].look_up(code(body.get("vasStatusCode"))).disposition_status
    whole = Item(
        aliases=aliases(body), disposition=Disposition.REWORK, disposition_status=progress, disposition_raw=SPLIT
    )
    rows = parts(body, "splitLineItemAndReturnInventoryList")
    pieces = tuple(item(told.words, part(row, "returnInventory")) for row in rows)
    return (
        told.observed(return_id, items=(*pieces, whole)),
        ReturnHint(name=told.name, return_id=return_id, raw=body),
    )


def _images_changed(told: _Notification) -> tuple[_Event, ...]:
    """The images of a line item, all that there are now. Its inventory is not named, or not in every version."""
    line = part(told.body, "returnRequestLineItem")
    held = told.body.get("returnInventoryId", line.get("returnInventoryId"))
    one = Item(
        id=optional_identifier(held, where="returnInventoryId"),
        aliases=aliases(line),
        images=images(told.body.get("imageUrlList")),
    )
    if not one.id and not one.aliases:
        raise UnexpectedReply("a line item is not named", where="returnRequestLineItem.returnRequestLineItemId")
    return (told.observed(_return_id(line), items=(one,)),)


def _recalibrated(told: _Notification) -> tuple[_Event, ...]:
    """An inventory was measured again. The measures, which come without units, are in ``raw``."""
    raw = part(told.body, "recalibrateSupplement")
    return (told.observed(_return_id(raw), items=(item(told.words, raw),)),)


def _rma_swapped(told: _Notification) -> tuple[_Event, ...]:
    """The warehouse had given an inventory another one's RMA."""
    raw = part(told.body, "payload")
    one = Item(id=identifier(raw.get("returnInventoryId"), where="payload.returnInventoryId"), rma=text(raw, "newRma"))
    return (told.observed(_return_id(raw), items=(one,)),)


def _consolidated(told: _Notification) -> tuple[_Event, ...]:
    """Inventories of an order of consolidate shipping. They may be of several returns, and none of these is named."""
    order = parts(told.body, "order")
    parcels = parts(told.body, "shipment") or tuple(row for one in order for row in parts(one, "shipmentList"))
    return tuple(
        _consolidated_one(told, parcel, row)
        for parcel in parcels
        for box in parts(parcel, "boxList")
        for row in parts(box, "consolidateShippingInventoryList")
    )


def _consolidated_one(told: _Notification, parcel: Mapping[str, Any], row: Mapping[str, Any]) -> ReturnObserved:
    word = code(row.get("consolidateShippingInventoryStatus"))
    shipped = code(parcel.get("consolidateShippingShipmentStatus"))
    one = Item(
        id=identifier(row.get("returnInventoryId"), where="returnInventoryId"),
        rma=text(row, "rma"),
        disposition=Disposition.FORWARD,
        disposition_status=told.words["consolidate_inventory"].look_up(word).disposition_status,
        disposition_raw=word or None,
    )
    number = identifier(row.get("consolidateShippingInventoryId"), where="consolidateShippingInventoryId")
    outbound = Shipment(
        id=f"consolidate:{number}",
        direction=Direction.OUTBOUND,
        status=told.words["consolidate_shipment"].look_up(shipped).shipment,
        status_raw=shipped or None,
        carrier=text(parcel, "serviceProvider"),
        tracking_number=text(parcel, "awb"),
        raw=parcel,
    )
    return told.observed(None, items=(one,), shipments=(outbound,))


def _buyer_label_generated(told: _Notification) -> tuple[_Event, ...]:
    """A return that a buyer made on a branded page: new to the account. Its lines have identifiers of their own, in ``raw``."""
    raw = part(told.body, "buyerReturn")
    file = part(raw, "labelFile") if raw.get("labelFile") is not None else {}
    customer, address = sender(raw)
    parcel = shipment(told.words, {**raw, "labelUrl": file.get("labelUrl")})
    return (
        told.observed(
            identifier(raw.get("returnRequestId"), where="buyerReturn.returnRequestId"),
            number=text(raw, "returnRequestNumber"),
            kind=ReturnKind.CUSTOMER,
            shipments=(parcel,),
            order=_order(raw),
            customer=customer,
            address=address,
            custom_fields=custom_fields(raw.get("customFieldMap")),
            created_at=moment(raw.get("createdAt"), where="buyerReturn.createdAt"),
            raw=raw,
        ),
    )


def _return_id(raw: Mapping[str, Any]) -> str | None:
    return optional_identifier(raw.get("returnRequestId"), where="returnRequestId")


def _order(raw: Mapping[str, Any]) -> OrderRef | None:
    """The order by its ``referenceNumber``, which is the ``orderNumber`` of the creation."""
    number = text(raw, "referenceNumber")
    return OrderRef(number=number) if number else None


def _request(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a return request tells of the return itself."""
    remarks = text(raw, "remarks")
    return {
        "number": text(raw, "returnRequestNumber"),
        "reference": text(raw, "sellerReferenceNumber"),
        "status_raw": code(raw.get("returnStatusCode")) or None,
        "notes": (Note(text=remarks),) if remarks else (),
        "created_at": moment(raw.get("createOn"), where="createOn"),
    }


_HANDLING: Final = frozenset({"handlingCode", "handlingStatusCode"})

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
        "completeInventoryHandling": _inventory_told,
        # Listed without a body; what is not an inventory is kept as it came.
        "cancelInventoryHandling": _inventory_told,
        "completeRecalibrate": _recalibrated,
        "notifyUserRmaSwapped": _rma_swapped,
        "updateReturnInventoryMeta": _inventory_told,
        "warehouseUpdateWarehouseRemarks": _inventory_told,
        "userUpdateReturnInventorySku": _inventory_told,
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
