"""The Redo adapter: the returns part of Redo's REST API v2.2, and its webhooks.

Built from the vendor's OpenAPI schema, which its guides contradict in places; where they do, the schema counts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from returns_hub import (
    Capability,
    Disposition,
    Item,
    ItemInstruction,
    Limits,
    NewReturn,
    Note,
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
    parse_list,
    parse_object,
    parse_one,
    parse_rows,
    return_id_of,
    shipment_of,
    sign_static,
    verify_static,
)
from returns_hub_redo import webhooks, wire
from returns_hub_redo.pagination import MAX_PAGE_SIZE, OVERLAP, Cursor, list_request, slices
from returns_hub_redo.protocol import BASE_URLS, LIMITS, parse_payload
from returns_hub_redo.statuses import (
    FLAGS,
    RETURN_STATUSES,
    SHIPMENT_STATUSES,
    WORD_BY_STATUS,
    account_status_table,
)
from returns_hub_redo.subscriptions import SubscriptionCalls

_RESOLUTIONS = (ResolutionKind.REFUND, ResolutionKind.STORE_CREDIT)
_PROCESSED = (Disposition.RESTOCK, Disposition.DISPOSE)


@frozen(kw_only=True)
class Redo(SubscriptionCalls):
    """A Redo store.

    - ``api_key``: the API secret of Settings, Developer; it needs the scopes ``returns_read`` and, to write,
      ``returns_write``.
    - ``store_id``: the store's id of the same page, 24 hexadecimal digits.
    - ``webhook_secrets``: the bearer tokens that deliveries may carry now; without one, deliveries are refused.
    - ``delivered_means_received``: take the status ``delivered`` for ``received``. The vendor says that the parcel has
      arrived and waits to be processed.
    - ``allow_process``: let ``instruct`` process items, which pays out. The vendor calls it beta.
    """

    api_key: Secret = field(converter=to_secret, validator=check_header_value)
    store_id: str = field(repr=False)
    webhook_secrets: tuple[Secret, ...] = field(default=(), converter=to_secrets)
    delivered_means_received: bool = False
    allow_process: bool = False
    _reader: wire.Reader = field(init=False, repr=False, eq=False)

    provider: ClassVar[str] = "redo"
    display_name: ClassVar[str] = "Redo"
    base_urls: ClassVar[Mapping[str, str]] = BASE_URLS
    idempotency_header: ClassVar[str | None] = "Idempotency-Key"
    # A code can be spent; who assessed an item is the merchant's staff.
    secret_paths: ClassVar[tuple[str, ...]] = ("giftCards[].code", "assessments[].assignedUser")
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        {
            Capability.LIST_RETURNS: Support.PARTIAL,
            Capability.GET_RETURN: Support.YES,
            Capability.CREATE_RETURN: Support.PARTIAL,
            Capability.SET_STATUS: Support.PARTIAL,
            Capability.ADD_NOTE: Support.PARTIAL,
            Capability.LIST_SHIPMENTS: Support.PARTIAL,
            Capability.GET_SHIPMENT: Support.YES,
            Capability.TRACK: Support.PARTIAL,
            Capability.CREATE_LABEL: Support.NO,
            Capability.CANCEL_LABEL: Support.NO,
            Capability.INSTRUCT: Support.PARTIAL,
            Capability.CANCEL_INSTRUCTION: Support.NO,
            Capability.CHANGES: Support.YES,
            Capability.BACKFILL: Support.YES,
            Capability.RECEIVE: Support.YES,
            Capability.ORDER_LOOKUP: Support.NO,
        }
    )
    vocabularies: ClassVar[Mapping[str, StatusTable]] = MappingProxyType(
        {"return": RETURN_STATUSES, "shipment": SHIPMENT_STATUSES}
    )

    def __attrs_post_init__(self) -> None:
        reader = wire.Reader(
            statuses=account_status_table(delivered_means_received=self.delivered_means_received),
            # A table counts the unknown words it is asked for: each account has its own.
            shipment_statuses=SHIPMENT_STATUSES.extended({}),
        )
        object.__setattr__(self, "_reader", reader)

    @property
    def limits(self) -> Limits:
        """A guess: Redo has limits for each account, and does not publish them."""
        return LIMITS

    @property
    def statuses(self) -> StatusTable:
        """Redo's words, with what this account says of ``delivered``."""
        return self._reader.statuses

    @property
    def status_tables(self) -> tuple[StatusTable, ...]:
        """The words of returns and of shipments."""
        return (self._reader.statuses, self._reader.shipment_statuses)

    def takes_idempotency_key(self, request: Request) -> bool:
        """True of creating a return: for comments, processing and subscriptions the schema has no key."""
        return request.method == "POST" and request.path == build_path("stores", self.store_id, "returns")

    def authorize(self, request: Request) -> Request:
        """The request with the API secret as a bearer token."""
        return evolve(request, headers=(*request.headers, ("Authorization", f"Bearer {self.api_key.reveal()}")))

    @once_per_reply
    def check(self, reply: Reply) -> Any:
        """The decoded body; None for an empty success.

        Raises:
            ProviderError: the subclass that says what the caller can do.
        """
        return parse_payload(reply)

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of the returns that match, in the vendor's order, which is the newest first.

        Redo filters by status word, time of change and order number. Creation times and the e-mail are compared here: a
        page may be empty, and others follow. A status is asked for once for each word that may mean it.
        """
        words = self._words(query)
        if words is None:
            return Page(items=())
        parameters = [
            *([("updated_at_min", format_time(query.updated_after))] if query.updated_after else []),
            *([("provider_order_name", query.order_number)] if query.order_number else []),
        ]
        page = yield from self._read_page(parameters, words, Cursor.parse(cursor), size=self._page_size(query))
        return evolve(page, items=[ret for ret in page.items if may_match(query, ret)])

    def get_return(self, return_id: str) -> Operation[Return]:
        """One return, with everything that Redo says of it and its order.

        Raises:
            UnexpectedReply: the reply is about another return.
        """
        reply = yield get(build_path("returns", return_id))
        ret = self._parse_single(self.check(reply))
        check_same_id(ret.id, return_id, where="return.id")
        return ret

    def create_return(self, new: NewReturn) -> Operation[Return]:
        """Create a return for a refund or store credit; the same key gives the return that was made with it.

        Ids are the shop's own: ``custom_fields["order_id"]`` of the order, ``reference`` of each item is its line's.
        ``custom_fields["provider"]`` names the shop system, ``shopify`` unless given. The address to ship from is required.
        """
        if new.resolution not in _RESOLUTIONS:
            raise self.unsupported(
                Capability.CREATE_RETURN, "the vendor creates returns for refund or store_credit only"
            )
        if fields := wire.unsupported_fields(new):
            raise self.unsupported(Capability.CREATE_RETURN, f"the vendor's call has no place for {', '.join(fields)}")
        if fields := wire.missing_fields(new):
            raise self.unsupported(Capability.CREATE_RETURN, f"the vendor requires {', '.join(fields)}")
        path = build_path("stores", self.store_id, "returns")
        reply = yield Request(method="POST", path=path, json=wire.build_return(new))
        return self._parse_single(self.check(reply))

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Operation[Return]:
        """Set the status word, and give the return as it then is; a note is added as a comment first.

        ``closed`` completes every item and pays nothing. ``approved`` reopens a return that was completed or rejected:
        items and expiry are reset, money that was paid stays paid. ``cancelled`` resets the return, which stays readable.
        ``flagged`` can be set as ``raw_status``.
        """
        check_one_status(status, raw_status)
        word = raw_status if status is None else WORD_BY_STATUS.get(status)
        if word is None:
            known = ", ".join(WORD_BY_STATUS)
            raise self.unsupported(Capability.SET_STATUS, f"the vendor's API sets {known}; not {status}")
        if note is not None:
            yield from self.add_note(return_id, note)
        # The value is absolute: sending it twice does no more.
        reply = yield Request(
            method="PUT", path=build_path("returns", return_id, "status"), json={"status": word}, replayable=True
        )
        self.check(reply)
        return (yield from self.get_return(return_id))

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Operation[Note]:
        """Add a comment. The team alone sees it: there is no comment for the customer."""
        if not internal:
            raise self.unsupported(Capability.ADD_NOTE, "the vendor's comments are internal")
        reply = yield Request(
            method="POST", path=build_path("returns", return_id, "comments"), json={"comment": {"message": text}}
        )
        return wire.parse_comment(self.check(reply), text)

    def list_shipments(self, query: ShipmentQuery, cursor: str | None = None) -> Operation[Page[Shipment]]:
        """The shipments of a page of returns, or of one return: Redo has no list of shipments."""
        if query.created_after is not None or query.created_before is not None:
            raise self.unsupported(Capability.LIST_SHIPMENTS, "shipments have no creation time")
        if query.return_id is not None:
            ret = yield from self.get_return(query.return_id)
            return Page(items=ret.shipments)
        page = yield from self._read_page((), (), Cursor.parse(cursor), size=self._page_size(query))
        return Page(
            items=[shipment for ret in page.items for shipment in ret.shipments],
            next=page.next,
            invalid_records=page.invalid_records,
        )

    def get_shipment(self, shipment_id: str) -> Operation[Shipment]:
        """One shipment, read from its return: its id begins with the return's.

        Raises:
            NotFound: there is no such return, or it has no such shipment.
        """
        ret = yield from self.get_return(return_id_of(shipment_id))
        return shipment_of(ret, shipment_id)

    def track(self, shipment_id: str) -> Operation[tuple[TrackingEvent, ...]]:
        """What the shipment says of its way: its status, and when it arrived. Redo gives no scans."""
        return wire.scans((yield from self.get_shipment(shipment_id)))

    def instruct(self, items: Sequence[Item], instruction: ItemInstruction) -> Operation[tuple[Item, ...]]:
        """Process items of one return: restock them or not. **This pays the customer**, and is off unless ``allow_process``.

        The items are those of a return that was read: they name it. The vendor may wait until all items of the return
        are processed.
        """
        if not self.allow_process:
            raise self.unsupported(Capability.INSTRUCT, "processing pays the customer; set allow_process to allow it")
        if instruction.disposition not in _PROCESSED or instruction.ship_to or instruction.services:
            raise self.unsupported(Capability.INSTRUCT, "the vendor knows restock and dispose only")
        return_ids = {item.extra.get(wire.RETURN_ID) for item in items}
        return_id = return_ids.pop() if len(return_ids) == 1 else None
        if return_id is None or not all(item.id for item in items):
            raise self.unsupported(Capability.INSTRUCT, "give items of one return, as they were read")
        path = build_path("returns", return_id, "process")
        reply = yield Request(method="POST", path=path, json=wire.build_process(items, instruction))
        self.check(reply)
        ret = yield from self.get_return(return_id)
        return wire.with_items(ret, [item.id for item in items])

    def changes(self, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of the returns that changed since five minutes before a moment."""
        parameters = [("updated_at_min", format_time(since - OVERLAP))]
        return self._read_page(parameters, (), Cursor.parse(cursor), size=self._page_size(ReturnQuery()))

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """A slice for each year of last changes: Redo does not filter by creation.

        What is touched while it is read moves behind ``until``, where :meth:`changes` finds it.
        """
        return tuple(
            Slice(key=f"changed in {format_time(start)}/{format_time(end)}", read=partial(self._read_slice, start, end))
            for start, end in slices(since, until)
        )

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the delivery carries one of the account's bearer tokens."""
        verify_static(request, "Authorization", self.webhook_secrets, scheme="Bearer")

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request with the first of the account's bearer tokens."""
        return sign_static(request, "Authorization", self.webhook_secrets, scheme="Bearer")

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """The return as of its last change, or an unknown event."""
        return webhooks.read(request, self._reader)

    def _page_size(self, query: ReturnQuery | ShipmentQuery) -> int:
        return page_size(self.page_size if query.page_size is None else query.page_size, maximum=MAX_PAGE_SIZE)

    def _read_slice(self, start: datetime, end: datetime, cursor: str | None) -> Operation[Page[Return]]:
        parameters = [("updated_at_min", format_time(start)), ("updated_at_max", format_time(end))]
        return self._read_page(parameters, (), Cursor.parse(cursor), size=self._page_size(ReturnQuery()))

    def _read_page(
        self, parameters: Sequence[tuple[str, str]], words: Sequence[str], position: Cursor, *, size: int
    ) -> Operation[Page[Return]]:
        """The page at a position; of the list of one word after the other, where there are words."""
        word = words[position.word : position.word + 1]
        reply = yield list_request(
            build_path("stores", self.store_id, "returns"),
            [*parameters, *(("status", each) for each in word)],
            position,
            size=size,
        )
        payload = parse_object(self.check(reply))
        orders = [order for order in parse_list(payload.get("orders"), where="orders") if isinstance(order, dict)]
        by_id = wire.orders_by_id(orders)
        items, invalid_records = parse_rows(
            enumerate(parse_list(payload.get("returns"), where="returns")),
            lambda raw: self._reader.parse_return(raw, wire.joined_order(raw, by_id)),
            where="returns",
        )
        following = position.next(reply.header("X-Page-Next"), words=len(words))
        return Page(items=items, next=None if following is None else str(following), invalid_records=invalid_records)

    def _parse_single(self, payload: object) -> Return:
        body = parse_object(payload)
        order = body.get("order")
        return parse_one(
            body.get("return"),
            lambda raw: self._reader.parse_return(raw, order if isinstance(order, dict) else None),
            where="return",
        )

    def _words(self, query: ReturnQuery) -> tuple[str, ...] | None:
        """The words to ask for, one after the other: none asks for all, None for nothing, as no word means what is wanted.

        A flag may stand on a return at any step before the last, and ``open`` on one that is ready to be shipped.
        """
        if query.raw_status or not query.status or Status.UNKNOWN in query.status:
            return query.raw_status
        words: dict[str, None] = {}
        for status in sorted(query.status):
            words.update(dict.fromkeys(self.statuses.words_for(status)))
            if status is Status.READY_TO_SHIP:
                words.update(dict.fromkeys(self.statuses.words_for(Status.APPROVED)))
            if status in (Status.APPROVED, Status.READY_TO_SHIP, Status.IN_TRANSIT):
                words.update(dict.fromkeys(FLAGS))
        return tuple(words) or None
