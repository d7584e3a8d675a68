"""The ReturnMate adapter: every endpoint of the ReturnMate API Reference (2024-12-31).

The reference shows few replies and contradicts itself in places; a comment says where a call does more than it shows.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from attrs import evolve, field, frozen

from returns_hub import (
    Capability,
    Direction,
    Label,
    LabelStatus,
    Limits,
    NewLabel,
    NewReturn,
    Note,
    NotFound,
    Operation,
    Page,
    ProviderError,
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
    UnexpectedReply,
    ValidationFailed,
    WebhookRequest,
    format_time,
    once_per_reply,
    to_secret,
    to_secrets,
)
from returns_hub.wire import (
    account_status_table,
    build_path,
    check_header_value,
    check_one_status,
    check_same_id,
    comparable,
    get,
    page_size,
    parse_id,
    parse_one,
    without_none,
)
from returns_hub_returnmate import webhooks, wire
from returns_hub_returnmate.pagination import (
    MAX_PAGE_SIZE,
    Cursor,
    KeysetPaginator,
    Rows,
    build_time,
    paging_parameters,
    read_rows,
    sorting_parameters,
    step_by_number,
)
from returns_hub_returnmate.protocol import BASE_URLS, LIMITS, Permission, Plan, checked, parse_payload, to_plan
from returns_hub_returnmate.reports import ReportCalls
from returns_hub_returnmate.statuses import (
    REFERENCE_WORDS,
    RETURN_STATUSES,
    SHIPMENT_STATUSES,
    WRITABLE_WORDS,
    fold,
)

T = TypeVar("T")


@frozen(kw_only=True)
class ReturnMate(ReportCalls):
    """A ReturnMate account.

    - ``api_key``: made at Settings, Integrations, API; one key for each environment.
    - ``plan``: the published limits of this plan are kept to.
    - ``currency``: ISO 4217, for the amounts, which the vendor prints without one.
    - ``status_map``: what the shop's own status words mean, each a status or a table of facts
      (``{"Quality Hold": {"status": "received", "attention": ["review"]}}``). They come before the vendor's words.
    - ``webhook_secrets``: every secret that may sign a delivery now; without one, deliveries are refused.
    - ``webhook_signature_header``: where the signature is. The vendor names the header for one of its two webhook
      screens only.
    """

    api_key: Secret = field(converter=to_secret, validator=check_header_value)
    plan: Plan = field(default=Plan.STARTER, converter=to_plan)
    status_map: Mapping[str, Any] = field(factory=dict)
    webhook_secrets: tuple[Secret, ...] = field(default=(), converter=to_secrets)
    webhook_signature_header: str = field(default=webhooks.SIGNATURE_HEADER, repr=False)
    _reader: wire.Reader = field(init=False, repr=False, eq=False)

    provider: ClassVar[str] = "returnmate"
    display_name: ClassVar[str] = "ReturnMate"
    base_urls: ClassVar[Mapping[str, str]] = BASE_URLS
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        {
            Capability.LIST_RETURNS: Support.YES,
            Capability.GET_RETURN: Support.YES,
            Capability.CREATE_RETURN: Support.PARTIAL,
            Capability.SET_STATUS: Support.PARTIAL,
            Capability.ADD_NOTE: Support.YES,
            Capability.LIST_SHIPMENTS: Support.PARTIAL,
            Capability.GET_SHIPMENT: Support.YES,
            Capability.TRACK: Support.YES,
            Capability.CREATE_LABEL: Support.PARTIAL,
            Capability.CANCEL_LABEL: Support.NO,
            Capability.INSTRUCT: Support.NO,
            Capability.CANCEL_INSTRUCTION: Support.NO,
            Capability.CHANGES: Support.NO,
            Capability.BACKFILL: Support.YES,
            Capability.RECEIVE: Support.PARTIAL,
            Capability.ORDER_LOOKUP: Support.NO,
        }
    )
    vocabularies: ClassVar[Mapping[str, StatusTable]] = MappingProxyType(
        {"return": RETURN_STATUSES, "shipment": SHIPMENT_STATUSES}
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        reader = wire.Reader(
            statuses=account_status_table(self.provider, RETURN_STATUSES, self.status_map),
            # A table counts the unknown words it is asked for: each account has its own.
            shipment_statuses=SHIPMENT_STATUSES.extended({}),
            currency=self.currency,
        )
        object.__setattr__(self, "_reader", reader)

    @property
    def limits(self) -> Limits:
        """The limits of the account's plan; whether they count for a key or an account is not published."""
        return LIMITS[self.plan]

    @property
    def statuses(self) -> StatusTable:
        """ReturnMate's words, and before them the account's own."""
        return self._reader.statuses

    def authorize(self, request: Request) -> Request:
        """The request with the key as a bearer token."""
        return evolve(request, headers=(*request.headers, ("Authorization", f"Bearer {self.api_key.reveal()}")))

    @once_per_reply
    def check(self, reply: Reply) -> Any:
        """What the envelope holds; None for an empty success.

        Raises:
            ProviderError: the subclass that says what the caller can do.
        """
        return parse_payload(reply)

    def list_returns(
        self, query: ReturnQuery, cursor: str | None = None, *, by_time: bool = False
    ) -> Operation[Page[Return]]:
        """One page of the RMAs that match, oldest first unless asked otherwise.

        Filters on status, order number and e-mail are also checked here: how strictly the vendor takes them is not
        documented. There is no filter on the time of a change. ``by_time`` goes on from the creation time of a page's last
        row, as a listing by status does anyway: rows that are deleted meanwhile then hide none.
        """
        if query.updated_after is not None:
            raise self.unsupported(Capability.LIST_RETURNS, "the vendor has no filter on the time of a change")
        start = Cursor.parse(cursor, size=self._page_size(query))
        fetch = partial(self._fetch_rmas, query)
        rows, found_at = yield from fetch(start)
        if by_time or found_at.edge is not None or self._is_filtered_by_status(query, found_at):
            step = yield from KeysetPaginator(fetch, query.newest_first).step(rows, found_at)
        else:
            step = step_by_number(rows, found_at)
        filtered = query.status or query.raw_status or query.order_number or query.customer_email
        return Page(
            items=[ret for ret in step.items if self._matches(query, ret)] if filtered else step.items,
            next=None if step.next is None else str(step.next),
            prefetch=tuple(map(str, step.prefetch)) if by_time else (),
            total=step.total if self._sends_every_filter(query, found_at) else None,
            invalid_records=step.invalid_records,
        )

    def get_return(self, return_id: str) -> Operation[Return]:
        """One RMA, with its items, shipments and timeline.

        Raises:
            UnexpectedReply: the reply is about another RMA.
        """
        reply = yield get(build_path("rmas", return_id))
        ret = parse_one(checked(self, reply, Permission.RMAS_READ), self._reader.parse_return, where="data")
        check_same_id(ret.id, return_id, where="data.id")
        return ret

    def create_return(self, new: NewReturn) -> Operation[Return]:
        """Create an RMA for a refund; what the vendor's reply leaves out of it stays empty.

        The reply is not documented. If it names no RMA, the RMA is looked up by order number, e-mail and items, and
        not finding exactly one is an ``UnexpectedReply``: the RMA was created all the same. ReturnMate mails the
        customer, and the shop's rules may approve or reject at once.
        """
        if new.resolution is not ResolutionKind.REFUND:
            raise self.unsupported(
                Capability.CREATE_RETURN, "the one return type that the vendor documents is a refund"
            )
        self._refuse(Capability.CREATE_RETURN, wire.unsupported_fields(new))
        if not all(item.sku for item in new.items):
            raise self.unsupported(
                Capability.CREATE_RETURN, "the vendor knows an item by its SKU only, and one has none"
            )
        reply = yield Request(method="POST", path="/rmas", json=wire.build_return(new))
        created = checked(self, reply, Permission.RMAS_WRITE)
        if isinstance(created, dict) and parse_id(created.get("id")):
            return parse_one(created, self._reader.parse_return, where="data")
        return (yield from self._find_created(new))

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Operation[Return]:
        """Set the RMA's status word, with a note in the same call, and give the RMA as it then is.

        Nothing says that it moves money; it may mail the customer and print a label. A neutral status becomes the
        shop's own word of ``status_map``, else the vendor's ``approved`` or ``rejected``.
        """
        check_one_status(status, raw_status)
        word = self._word_for(status) if status is not None else raw_status
        body = without_none(status=word, notes=note)
        reply = yield Request(method="PATCH", path=build_path("rmas", return_id), json=body)
        updated = checked(self, reply, Permission.RMAS_WRITE)
        # The reply is not documented: less than a whole RMA is read again.
        if isinstance(updated, dict) and updated.keys() >= wire.RMA_KEYS and parse_id(updated["id"]) == return_id:
            return parse_one(updated, self._reader.parse_return, where="data")
        return (yield from self.get_return(return_id))

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Operation[Note]:
        """Add a remark; ReturnMate keeps it in the RMA's timeline."""
        # Always with `internal`: what the vendor takes for its default is not documented.
        reply = yield Request(
            method="POST", path=build_path("rmas", return_id, "notes"), json={"content": text, "internal": internal}
        )
        return wire.parse_note(checked(self, reply, Permission.RMAS_WRITE), text=text, internal=internal)

    def list_shipments(self, query: ShipmentQuery, cursor: str | None = None) -> Operation[Page[Shipment]]:
        """One page of the shipments; those of one RMA come from the RMA itself, in one page."""
        if query.created_after is not None or query.created_before is not None:
            raise self.unsupported(Capability.LIST_SHIPMENTS, "the vendor documents no filter on the creation time")
        if query.return_id is not None:
            ret = yield from self.get_return(query.return_id)
            return Page(items=ret.shipments)
        position = Cursor.parse(cursor, size=self._page_size(query))
        reply = yield get("/shipments", paging_parameters(position))
        return _page(
            read_rows(reply, self._checker(Permission.SHIPMENTS_READ), self._reader.parse_shipment, position), position
        )

    def get_shipment(self, shipment_id: str) -> Operation[Shipment]:
        """One shipment. The shape of the reply is not documented: what is not recognised is in ``raw``.

        Raises:
            UnexpectedReply: the reply is about another shipment.
        """
        reply = yield get(build_path("shipments", shipment_id))
        data = checked(self, reply, Permission.SHIPMENTS_READ)
        shipment = parse_one(data, partial(self._reader.parse_shipment, shipment_id=shipment_id), where="data")
        check_same_id(shipment.id, shipment_id, where="data.id")
        return shipment

    def track(self, shipment_id: str) -> Operation[tuple[TrackingEvent, ...]]:
        """The carrier's scans, oldest first, untimed ones last.

        Their words are the carrier's: those that ReturnMate has for a shipment too are known, others stay unknown.
        """
        reply = yield get(build_path("shipments", shipment_id, "tracking"))
        try:
            return self._reader.parse_tracking(checked(self, reply, Permission.SHIPMENTS_READ))
        except NotFound:
            pass
        # Perhaps nothing was scanned yet, perhaps there is no such shipment: reading the shipment decides it.
        yield from self.get_shipment(shipment_id)
        return ()

    def create_label(self, return_id: str, new: NewLabel) -> Operation[Shipment]:
        """Buy a label for a parcel to the merchant. Never sent twice: a second label can cost money.

        The reply holds a label URL and a tracking number; an id is not documented. Where it has none, the shipment is
        looked up in the RMA, and failing that its tracking number stands for its id.
        """
        if new.direction is not Direction.INBOUND:
            raise self.unsupported(Capability.CREATE_LABEL, "the vendor documents no word for a parcel to the customer")
        self._refuse(Capability.CREATE_LABEL, wire.unsupported_label_fields(new))
        path = build_path("rmas", return_id, "shipments")
        reply = yield Request(method="POST", path=path, json=wire.build_label(new))
        data = checked(self, reply, Permission.SHIPMENTS_WRITE) or {}
        parse = partial(self._reader.parse_shipment, shipment_id="", return_id=return_id)
        made = wire.with_request(parse_one(data, parse, where="data"), new)
        if made.id in ("", return_id):
            made = evolve(made, id=(yield from self._shipment_id(return_id, made.tracking_number)))
        return made if made.label is not None else evolve(made, label=Label(status=LabelStatus.REQUESTED))

    def list_customer_returns(self, email: str, *, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of one customer's RMAs.

        Their e-mail becomes part of the path, which servers log; ``list_returns`` with ``customer_email`` asks the same.
        """
        position = Cursor.parse(cursor, size=self._page_size(ReturnQuery()))
        parameters = (*paging_parameters(position), *sorting_parameters())
        reply = yield get(build_path("customers", email, "rmas"), parameters)
        return _page(
            read_rows(reply, self._checker(Permission.CUSTOMERS_READ), self._reader.parse_return, position), position
        )

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """One slice, in order of creation and along its times, so that neither new RMAs nor deleted ones hide any.

        The vendor's total says from which pages on it can be read side by side.
        """
        query = ReturnQuery(created_after=since, created_before=until)
        return (
            Slice(
                key=f"created after {format_time(since)}",
                read=lambda cursor: self.list_returns(query, cursor, by_time=True),
            ),
        )

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the delivery is signed with one of the account's secrets (beyond the reference)."""
        webhooks.verify(request, self.webhook_secrets, header=self.webhook_signature_header)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request, signed with the first of the account's secrets."""
        return webhooks.sign(request, self.webhook_secrets, header=self.webhook_signature_header)

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """A hint to read one RMA again, or an unknown event (beyond the reference)."""
        return webhooks.read(request)

    def _page_size(self, query: ReturnQuery | ShipmentQuery) -> int:
        return page_size(self.page_size if query.page_size is None else query.page_size, maximum=MAX_PAGE_SIZE)

    def _checker(self, permission: Permission) -> Callable[[Reply], Any]:
        return partial(checked, self, permission=permission)

    def _fetch_rmas(self, query: ReturnQuery, cursor: Cursor) -> Operation[tuple[Rows[Return], Cursor]]:
        """The page at a cursor, and the cursor without what the vendor did not take of the query.

        Two things are not documented: whether a status word that the shop does not have is an error or an empty list, and whether the ``#`` of
        an order number belongs into the filter.
        """
        while True:
            reply = yield get("/rmas", self._list_parameters(query, cursor))
            try:
                rows = read_rows(reply, self._checker(Permission.RMAS_READ), self._reader.parse_return, cursor)
            except ValidationFailed:
                if not self._is_filtered_by_status(query, cursor):
                    raise
                cursor = evolve(cursor, unfiltered=True)
                continue
            if rows or cursor.page > 1:
                return rows, cursor
            if (query.order_number or "").startswith("#") and not cursor.bare:
                cursor = evolve(cursor, bare=True)
            elif (yield from self._uses_other_words(query, cursor)):
                cursor = evolve(cursor, unfiltered=True)
            else:
                return rows, cursor

    def _uses_other_words(self, query: ReturnQuery, cursor: Cursor) -> Operation[bool]:
        """True if the shop does not use the reference's words for a status, judged by its newest RMA: then finding nothing means nothing.

        Newer pages of the vendor show ``SUBMITTED`` and ``Label Sent``: to ask such a shop for ``pending`` finds nothing,
        and would look like there is nothing.
        """
        if query.raw_status or not self._is_filtered_by_status(query, cursor):
            return False
        newest = Cursor(size=1, unfiltered=True, bare=cursor.bare)
        reply = yield get("/rmas", self._list_parameters(evolve(query, newest_first=True), newest))
        rows = read_rows(reply, self._checker(Permission.RMAS_READ), self._reader.parse_return, newest)
        return any(ret.status_raw not in (None, *REFERENCE_WORDS, *self.status_map) for ret in rows.items)

    def _find_created(self, new: NewReturn) -> Operation[Return]:
        query = ReturnQuery(order_number=new.order_number, customer_email=new.customer_email, newest_first=True)
        page = yield from self.list_returns(query)
        found = [ret for ret in page.items if _may_be(ret, new)]
        if len(found) == 1:
            return found[0]
        raise UnexpectedReply("an RMA was created, and the reply does not say which", where="data.id")

    def _shipment_id(self, return_id: str, tracking_number: str | None) -> Operation[str]:
        """The id of the shipment just made: the RMA's own word for it, else its tracking number."""
        found: list[str] = []
        # The label is paid for: a failed read may not lose it.
        with suppress(ProviderError):
            ret = yield from self.get_return(return_id)
            found = [made.id for made in ret.shipments if tracking_number and made.tracking_number == tracking_number]
        if len(found) == 1:
            return found[0]
        if tracking_number:
            return tracking_number
        raise UnexpectedReply("a label was made, and the reply does not say for which shipment", where="data.id")

    def _word_for(self, status: Status) -> str:
        """The one word that sets this status in this shop."""
        known = [word for word in self.status_map if self._plainly_means(word, status)]
        known = known or [word for word in WRITABLE_WORDS if self._plainly_means(word, status)]
        if len(known) == 1:
            return known[0]
        problem = "several words of status_map mean" if known else "no word of the vendor or of status_map means"
        raise self.unsupported(Capability.SET_STATUS, f"{problem} {status}; give the word itself as raw_status")

    def _plainly_means(self, word: str, status: Status) -> bool:
        facts = self.statuses.look_up(word)
        return facts.status is status and not facts.attention

    def _status_words(self, query: ReturnQuery) -> tuple[str, ...]:
        """The words to filter by; none where the vendor documents no word for a status that is wanted.

        The reference's words alone are certain to be the vendor's; a shop's own come beside them, never in their place.
        """
        if query.raw_status:
            return query.raw_status
        words: dict[str, str] = {}
        for status in sorted(query.status):
            documented = [word for word in REFERENCE_WORDS if self.statuses.look_up(word).status is status]
            if not documented:
                return ()
            own = [word for word in self.status_map if self.statuses.look_up(word).status is status]
            words.update((fold(word), word) for word in (*documented, *own))
        return tuple(words.values())

    def _list_parameters(self, query: ReturnQuery, cursor: Cursor) -> list[tuple[str, str]]:
        words = () if cursor.unfiltered else self._status_words(query)
        after, before = cursor.window(query.created_after, query.created_before, newest_first=query.newest_first)
        number = query.order_number
        filters = without_none(
            created_after=after and build_time(after),
            created_before=before and build_time(before, up=True),
            customer_email=query.customer_email,
            order_number=_bare(number) if number and cursor.bare else number,
        )
        return [
            *paging_parameters(cursor),
            *sorting_parameters(newest_first=query.newest_first),
            # ReturnMate API Reference, "Filtering": the bracket form is for several values.
            *[("status" if len(words) == 1 else "status[]", word) for word in words],
            *filters.items(),
        ]

    def _is_filtered_by_status(self, query: ReturnQuery, cursor: Cursor) -> bool:
        """True of a listing by status: whoever approves what it shows takes rows out of it, and all pages move up."""
        return not cursor.unfiltered and bool(self._status_words(query))

    def _sends_every_filter(self, query: ReturnQuery, cursor: Cursor) -> bool:
        return not (query.status or query.raw_status) or self._is_filtered_by_status(query, cursor)

    def _matches(self, query: ReturnQuery, ret: Return) -> bool:
        """True unless the RMA itself says that it is not one of those asked for, compared as loosely as any vendor may."""
        number = ret.order.number if ret.order else None
        email = ret.customer.email if ret.customer else None
        return (
            (not query.status or ret.status in query.status)
            and (not query.raw_status or fold(ret.status_raw or "") in map(fold, query.raw_status))
            and (not (query.order_number and number) or _same_order(number, query.order_number))
            and (not (query.customer_email and email) or comparable(email) == comparable(query.customer_email))
        )

    def _refuse(self, capability: Capability, fields: list[str]) -> None:
        if fields:
            raise self.unsupported(capability, f"the vendor's call has no place for {', '.join(fields)}")


def _page(rows: Rows[T], cursor: Cursor) -> Page[T]:
    """A page of a listing that is counted off."""
    following = str(cursor.next_page()) if rows.has_more else None
    return Page(items=rows.items, next=following, total=rows.total, invalid_records=rows.invalid_records)


def _bare(order_number: str) -> str:
    return order_number.removeprefix("#")


def _same_order(one: str, other: str) -> bool:
    return _bare(comparable(one)) == _bare(comparable(other))


def _may_be(ret: Return, new: NewReturn) -> bool:
    """False if the RMA has items and they are not these."""
    wanted = Counter((comparable(item.sku or ""), item.quantity) for item in new.items)
    return not ret.items or Counter((comparable(item.sku or ""), item.quantity) for item in ret.items) == wanted
