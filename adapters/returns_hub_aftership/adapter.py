"""The AfterShip adapter: the Returns API, version 2026-07 and those before it, and its webhooks.

AfterShip's Tracking API is another product; its words appear here inside the shipments of a return.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from returns_hub import (
    Adapter,
    Capability,
    Conflict,
    Limits,
    NewLabel,
    NewReturn,
    Operation,
    Page,
    Receipt,
    Reply,
    Request,
    ResolutionKind,
    Return,
    ReturnQuery,
    Secret,
    Shipment,
    ShipmentQuery,
    Slice,
    Status,
    StatusTable,
    Support,
    TrackingEvent,
    ValidationFailed,
    WebhookRequest,
    format_time,
    once_per_reply,
    to_secret,
    to_secrets,
)
from returns_hub.wire import (
    build_path,
    check_header_value,
    check_one_status,
    check_same_id,
    get,
    may_match,
    page_size,
    parse_one,
    parse_rows,
    return_id_of,
    shipment_of,
    without_none,
)
from returns_hub_aftership import webhooks, wire
from returns_hub_aftership.pagination import (
    MAX_PAGE_SIZE,
    REACH,
    SMALL_PAGE_SIZE,
    Cursor,
    Rows,
    Window,
    slices,
    step,
)
from returns_hub_aftership.protocol import BASE_URLS, DEFAULT_VERSION, LIMITS, parse_payload, to_version
from returns_hub_aftership.statuses import (
    APPROVAL_BY_STATUS,
    APPROVAL_WORDS,
    DROPOFF_STATUSES,
    EXCEPTIONS,
    RETURN_STATUSES,
    TRACKING_STATUSES,
)

_RESOLUTIONS = (ResolutionKind.REFUND, ResolutionKind.STORE_CREDIT)
_SETTABLE: Mapping[str, Status] = MappingProxyType(
    {"approved": Status.APPROVED, "done": Status.CLOSED, "rejected": Status.REJECTED}
)


@frozen(kw_only=True)
class AfterShip(Adapter):
    """An AfterShip organisation.

    - ``api_key``: a key for the Returns product, sent as ``as-api-key``.
    - ``webhook_secrets``: every secret that may sign a delivery now; without one, deliveries are refused.
    - ``version``: of the API, ``2026-07`` unless the account is pinned to an older one.
    - ``platform``, ``store_id``: the shop system and the store's id there, for :meth:`create_return`.
    - ``notify_customer``: have AfterShip mail the customer about what is done through the API.
    """

    api_key: Secret = field(converter=to_secret, validator=check_header_value)
    webhook_secrets: tuple[Secret, ...] = field(default=(), converter=to_secrets)
    version: str = field(default=DEFAULT_VERSION, converter=to_version)
    platform: str | None = field(default=None, repr=False)
    store_id: str | None = field(default=None, repr=False)
    notify_customer: bool = False
    _reader: wire.Reader = field(init=False, repr=False, eq=False)

    provider: ClassVar[str] = "aftership"
    display_name: ClassVar[str] = "AfterShip Returns"
    base_urls: ClassVar[Mapping[str, str]] = BASE_URLS
    request_id_headers: ClassVar[Sequence[str]] = ("as-trace-id",)
    listing_reach: ClassVar[timedelta | None] = REACH
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        {
            Capability.LIST_RETURNS: Support.YES,
            Capability.GET_RETURN: Support.YES,
            Capability.CREATE_RETURN: Support.PARTIAL,
            Capability.SET_STATUS: Support.PARTIAL,
            Capability.ADD_NOTE: Support.NO,
            Capability.LIST_SHIPMENTS: Support.PARTIAL,
            Capability.GET_SHIPMENT: Support.PARTIAL,
            Capability.TRACK: Support.PARTIAL,
            Capability.CREATE_LABEL: Support.PARTIAL,
            Capability.CANCEL_LABEL: Support.NO,
            Capability.INSTRUCT: Support.NO,
            Capability.CANCEL_INSTRUCTION: Support.NO,
            Capability.CHANGES: Support.NO,
            Capability.BACKFILL: Support.YES,
            Capability.RECEIVE: Support.YES,
            Capability.ORDER_LOOKUP: Support.NO,
        }
    )
    vocabularies: ClassVar[Mapping[str, StatusTable]] = MappingProxyType(
        {
            "return": RETURN_STATUSES,
            "exception": EXCEPTIONS,
            "tracking": TRACKING_STATUSES,
            "dropoff": DROPOFF_STATUSES,
        }
    )

    def __attrs_post_init__(self) -> None:
        # A table counts the unknown words it is asked for: each account has its own.
        reader = wire.Reader(
            statuses=RETURN_STATUSES.extended({}),
            exceptions=EXCEPTIONS.extended({}),
            tracking=TRACKING_STATUSES.extended({}),
            dropoffs=DROPOFF_STATUSES.extended({}),
        )
        object.__setattr__(self, "_reader", reader)

    @property
    def limits(self) -> Limits:
        """Ten requests a second for the organisation, over all of its keys."""
        return LIMITS

    @property
    def statuses(self) -> StatusTable:
        """The words of approval and shipping together."""
        return self._reader.statuses

    @property
    def status_tables(self) -> tuple[StatusTable, ...]:
        """Every table of the account."""
        reader = self._reader
        return (reader.statuses, reader.exceptions, reader.tracking, reader.dropoffs)

    def base_url_for(self, environment: str) -> str:
        """The address of the account's version."""
        return self.base_urls[environment].replace(DEFAULT_VERSION, self.version)

    def authorize(self, request: Request) -> Request:
        """The request with the key."""
        return evolve(request, headers=(*request.headers, ("as-api-key", self.api_key.reveal())))

    @once_per_reply
    def check(self, reply: Reply) -> Any:
        """What the envelope holds.

        Raises:
            ProviderError: the subclass that says what the caller can do.
        """
        return parse_payload(reply)

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of the returns that match, of at most the last 365 days.

        The vendor filters by approval only: how far the goods have come is compared here, so a page may be empty and others
        follow. There is no filter on the time of a change.
        """
        if query.updated_after is not None:
            raise self.unsupported(Capability.LIST_RETURNS, "the vendor has no filter on the time of a change")
        words = self._words(query)
        if words == ():
            return Page(items=())
        start = Window(query.created_after, query.created_before)
        size = page_size(self.page_size if query.page_size is None else query.page_size, maximum=MAX_PAGE_SIZE)
        position = Cursor.parse(cursor, size=size, window=start)
        found = yield from step(
            partial(self._fetch, query, words or ("",)),
            position,
            words=len(words or ("",)),
            start=start,
            oldest_first=not query.newest_first,
        )
        raw = found.rows.raw
        items, invalid_records = parse_rows(enumerate(raw), self._reader.parse_return, where="data.returns")
        if not query.newest_first and found.rows.total is not None:
            items = items[::-1]
        single = len(words or ("",)) == 1 and len(position.windows) == 1 and not (query.status or query.raw_status)
        return Page(
            items=[ret for ret in items if may_match(query, ret, words=_words(ret))],
            next=None if found.next is None else str(found.next),
            total=found.rows.total if single else None,
            invalid_records=invalid_records,
            gaps=found.gaps,
        )

    def get_return(self, return_id: str) -> Operation[Return]:
        """One return, also one that is older than the listing reaches.

        Raises:
            UnexpectedReply: the reply is about another return.
        """
        reply = yield get(build_path("returns", return_id))
        ret = self._parse(reply)
        check_same_id(ret.id, return_id, where="data.id")
        return ret

    def create_return(self, new: NewReturn) -> Operation[Return]:
        """File a return for a refund or store credit.

        Ids are the shop's own: ``custom_fields["order_id"]`` of the order, ``reference`` of each item is its line's. The store is
        the account's ``platform`` and ``store_id``, or ``custom_fields`` of these names; ``custom_fields["return_method"]`` is
        how the goods come back. AfterShip has no idempotency key: a reply that is lost is not asked for again.
        """
        if new.resolution not in _RESOLUTIONS:
            raise self.unsupported(
                Capability.CREATE_RETURN, "the adapter files returns for refund or store_credit only"
            )
        if fields := wire.unsupported_fields(new):
            raise self.unsupported(Capability.CREATE_RETURN, f"the vendor's call has no place for {', '.join(fields)}")
        if fields := wire.missing_fields(new, platform=self.platform, store_id=self.store_id):
            raise self.unsupported(Capability.CREATE_RETURN, f"the vendor requires {', '.join(fields)}")
        body = wire.build_return(new, platform=self.platform, store_id=self.store_id)
        return self._parse((yield Request(method="POST", path="/returns", json=body)))

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Operation[Return]:
        """Approve, resolve, reject or receive a return; a note is the reason of a rejection, which needs one.

        ``received`` books in everything that has not come yet, except for what the customer keeps. A return that is already
        where it is to go is success. The customer is mailed only where ``notify_customer`` is set.
        """
        check_one_status(status, raw_status)
        wanted = _SETTABLE.get(raw_status or "") if status is None else status
        if wanted is Status.RESOLVED:
            wanted = Status.CLOSED
        if wanted is Status.REJECTED and not note:
            raise self.unsupported(Capability.SET_STATUS, "the vendor wants the reason of a rejection; give it as note")
        if note and wanted is not Status.REJECTED:
            raise self.unsupported(Capability.SET_STATUS, "the vendor takes a note with a rejection only")
        body: dict[str, Any] = {"notify_customer": self.notify_customer}
        match wanted:
            case Status.APPROVED:
                action = "approve"
            case Status.CLOSED:
                action = "resolve"
            case Status.REJECTED:
                action, body = "reject", {"reject_reason": note, **body}
            case Status.RECEIVED:
                ret = yield from self.get_return(return_id)
                missing = wire.open_items(ret.raw)
                if not missing:
                    return ret
                action, body = "receive-items", {"items": missing, **body}
            case _:
                raise self.unsupported(
                    Capability.SET_STATUS,
                    "the vendor's API sets approved, received, closed and rejected, and the words approved, done, rejected",
                )
        reply = yield Request(method="POST", path=build_path("returns", return_id, action), json=body)
        try:
            return self._parse(reply)
        except Conflict:
            ret = yield from self.get_return(return_id)
            if ret.status is wanted:
                return ret
            raise

    def list_shipments(
        self,
        query: ShipmentQuery,
        cursor: str | None = None,  # noqa: ARG002 - there is one page
    ) -> Operation[Page[Shipment]]:
        """The shipments of one return: AfterShip has no list of them."""
        if query.return_id is None:
            raise self.unsupported(Capability.LIST_SHIPMENTS, "the vendor lists the shipments of one return only")
        if query.created_after is not None or query.created_before is not None:
            raise self.unsupported(Capability.LIST_SHIPMENTS, "the vendor has no filter on the creation time")
        ret = yield from self.get_return(query.return_id)
        return Page(items=ret.shipments)

    def get_shipment(self, shipment_id: str) -> Operation[Shipment]:
        """One shipment, read from its return: its id begins with the return's.

        Raises:
            NotFound: there is no such return, or it has no such shipment.
        """
        ret = yield from self.get_return(return_id_of(shipment_id))
        return shipment_of(ret, shipment_id)

    def track(self, shipment_id: str) -> Operation[tuple[TrackingEvent, ...]]:
        """The last word of the carrier: AfterShip Returns gives no scans."""
        return (yield from self.get_shipment(shipment_id)).tracking

    def create_label(self, return_id: str, new: NewLabel) -> Operation[Shipment]:
        """Approve a return that waits for it, with a label; the label comes later, by webhook or at the next sync.

        Until then the shipment has no id, and its label is ``requested``. On a return that was approved before no call makes a
        label: that is a ``Conflict``.
        """
        if new != NewLabel():
            raise self.unsupported(Capability.CREATE_LABEL, "the vendor chooses carrier, service and warehouse itself")
        body = {"generate_label": True, "notify_customer": self.notify_customer}
        reply = yield Request(method="POST", path=build_path("returns", return_id, "approve"), json=body)
        ret = self._parse(reply)
        return ret.shipments[-1] if ret.shipments else wire.requested_shipment(ret)

    def attach_shipment(
        self, return_id: str, *, tracking_number: str, carrier: str, label_url: str, charge: str, currency: str
    ) -> Operation[Return]:
        """Register a label that was made elsewhere; at most one for a return. ``charge`` is what it cost."""
        label = {"url": label_url, "total_charge": {"amount": charge, "currency": currency}}
        shipment = {"tracking_number": tracking_number, "slug": carrier, "label": label}
        reply = yield Request(
            method="POST", path=build_path("returns", return_id, "attach-shipments"), json={"shipments": [shipment]}
        )
        return self._parse(reply)

    def receive_items(self, return_id: str, items: Mapping[str, int]) -> Operation[Return]:
        """Book in items of a return, by the shop's id of the order line and how many have come.

        Of a bundle that was filed whole these are the ids of its parts.
        """
        body = {
            "items": [{"external_id": key, "quantity": count} for key, count in items.items()],
            "notify_customer": self.notify_customer,
        }
        reply = yield Request(method="POST", path=build_path("returns", return_id, "receive-items"), json=body)
        return self._parse(reply)

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """A slice for every two months; one that holds more than the vendor shows is split on the way."""
        return tuple(Slice(key=str(window), read=partial(self._read_slice, window)) for window in slices(since, until))

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the delivery is signed with one of the account's secrets."""
        webhooks.verify(request, self.webhook_secrets)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request, signed with the first of the account's secrets."""
        return webhooks.sign(request, self.webhook_secrets)

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """The return as of the event, or an unknown event."""
        return webhooks.read(request, self._reader)

    def _parse(self, reply: Reply) -> Return:
        return parse_one(self.check(reply), self._reader.parse_return, where="data")

    def _read_slice(self, window: Window, cursor: str | None) -> Operation[Page[Return]]:
        query = ReturnQuery(created_after=window.start, created_before=window.end, newest_first=True)
        return self.list_returns(query, cursor)

    def _fetch(self, query: ReturnQuery, words: Sequence[str], cursor: Cursor) -> Operation[tuple[Rows, Cursor, Reply]]:
        """The page of a cursor. One of fifty rows that is refused is asked for with twenty: the documents say both."""
        window, word = cursor.windows[0], words[cursor.word]
        number = query.order_number
        while True:
            parameters = without_none(
                created_at_min=window.start and format_time(window.start),
                created_at_max=window.end and format_time(window.end),
                approval_status=word or None,
                customer_email=query.customer_email,
                order_name=number,
                page=str(cursor.page),
                limit=str(cursor.size),
            )
            reply = yield get("/returns", parameters.items())
            try:
                rows = Rows.read(self.check(reply), reply.json())
            except ValidationFailed as error:
                if cursor.size <= SMALL_PAGE_SIZE or cursor.page > 1 or (error.fields and "limit" not in error.fields):
                    raise
                cursor = evolve(cursor, size=SMALL_PAGE_SIZE)
                continue
            if rows.raw or not number or number.startswith("#"):
                return rows, cursor, reply
            # The name of an order has its hash at the vendor.
            number = f"#{number}"

    def _words(self, query: ReturnQuery) -> tuple[str, ...] | None:
        """The approval words to ask for, one after the other: None asks for all, an empty tuple for nothing.

        A word that is not one of the documented five would be an error of the whole call.
        """
        if query.raw_status:
            asked = {word.partition("/")[0] for word in query.raw_status}
            return None if asked - set(APPROVAL_WORDS) else tuple(word for word in APPROVAL_WORDS if word in asked)
        if not query.status or Status.UNKNOWN in query.status:
            return None
        meant = {APPROVAL_BY_STATUS[status] for status in query.status if status in APPROVAL_BY_STATUS}
        return tuple(word for word in APPROVAL_WORDS if word in meant)


def _words(ret: Return) -> tuple[str, ...]:
    """The words by which a ``raw_status`` may name a return: that of the approval, and both together."""
    word = ret.status_raw or ""
    return (word, word.partition("/")[0])
