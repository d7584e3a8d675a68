"""The ReturnMate adapter: every endpoint of the vendor's API reference (ReturnMate API Reference, dated 2024-12-31).

The reference shows few replies and contradicts itself in places; a comment says where a call does more than it shows.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import ceil
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, TypeVar

from attrs import evolve, field, frozen

from returns_hub import (
    Adapter,
    Capability,
    ConfigurationError,
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
    Rate,
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
    parse_time,
)
from returns_hub.wire import (
    build_path,
    check_header_value,
    check_one_status,
    get,
    page_size,
    parse_id,
    parse_list,
    parse_one,
    parse_rows,
)
from returns_hub_returnmate import webhooks, wire
from returns_hub_returnmate.statuses import (
    REFERENCE_WORDS,
    RETURN_STATUSES,
    SHIPMENT_STATUSES,
    WRITABLE_WORDS,
    account_status_table,
    fold,
)

T = TypeVar("T")


class Plan(StrEnum):
    """What the merchant pays ReturnMate for; it decides the rate limit."""

    STARTER = "starter"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


# ReturnMate API Reference, "Rate Limits".
_LIMITS: Final[Mapping[str, Limits]] = {
    Plan.STARTER: Limits(rate=Rate(60, 60.0), per_day=10_000),
    Plan.PROFESSIONAL: Limits(rate=Rate(120, 60.0), per_day=50_000),
    Plan.ENTERPRISE: Limits(rate=Rate(300, 60.0)),
}
_MAX_PAGE_SIZE: Final = 100
_MAX_PREFETCH: Final = 8
_PAGES_WORTH_A_START: Final = 8
_CURRENCY: Final = re.compile(r"[A-Z]{3}\Z")
_CURSOR: Final = re.compile(r"([1-9]\d{0,8})(u?)(b?)(?:@([\d:.TZ-]{10,40})/([1-9]\d{0,8}))?\Z")
_SECOND: Final = timedelta(seconds=1)


@frozen(kw_only=True)
class _Spot:
    """Where a listing stands: its page, and what the vendor did not take of the query on the first one.

    As a cursor it is the page number; ``u`` after it says that the status filter is left out, ``b`` that the order
    number is sent bare of its ``#``. In a listing from which rows disappear while it is read, ``@edge/inner`` follows:
    the creation time of the last row, from which on the vendor is asked again, and the page counted from there.
    """

    page: int = 1
    unfiltered: bool = False
    bare: bool = False
    edge: datetime | None = None
    inner: int = 1

    @classmethod
    def parse(cls, cursor: str | None) -> "_Spot":
        match = _CURSOR.match(cursor or "1")
        if match is None:
            raise ValueError("the cursor is not one that this listing gave")
        page, unfiltered, bare, edge, inner = match.groups()
        return cls(
            page=int(page),
            unfiltered=bool(unfiltered),
            bare=bool(bare),
            edge=parse_time(edge) if edge else None,
            inner=int(inner or 1),
        )

    @property
    def number(self) -> int:
        """The page to ask for."""
        return self.page if self.edge is None else self.inner

    def following(self, edge: datetime | None) -> "_Spot":
        """Where the next page is: behind the rows of this time, or, without one, behind this page."""
        if edge is None:
            return evolve(self, page=self.page + 1, inner=self.inner + 1)
        return evolve(self, page=self.page + 1, edge=edge, inner=1)

    def cursor(self) -> str:
        edge = "" if self.edge is None else f"@{format_time(self.edge)}/{self.inner}"
        return f"{self.page}{'u' * self.unfiltered}{'b' * self.bare}{edge}"


@frozen(kw_only=True)
class ReturnMate(Adapter):
    """A ReturnMate account.

    - ``api_key``: made at Settings, Integrations, API; one key for each environment.
    - ``plan``: the published limits of this plan are kept to.
    - ``currency``: ISO 4217, for the amounts; the vendor tells none.
    - ``status_map``: what the shop's own status words mean, each a status or a table of facts
      (``{"Quality Hold": {"status": "received", "attention": ["review"]}}``). They come before the vendor's words.
    - ``webhook_secrets``: every secret that may sign a delivery now; without one, deliveries are refused.
    - ``webhook_signature_header``: where the signature is. The vendor names the header for one of its two webhook
      screens only.
    """

    api_key: Secret
    plan: Plan = Plan.STARTER
    currency: str | None = None
    status_map: Mapping[str, Any] = field(factory=dict)
    webhook_secrets: tuple[Secret, ...] = ()
    webhook_signature_header: str = webhooks.SIGNATURE_HEADER
    _reader: wire.Reader = field(init=False, repr=False, eq=False)

    provider: ClassVar[str] = "returnmate"
    display_name: ClassVar[str] = "ReturnMate"
    # The version is part of the base: the endpoint headings of the reference, "/v1/rmas", repeat it.
    base_urls: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "production": "https://api.returnmate.io/v1",
            "sandbox": "https://api.sandbox.returnmate.io/v1",
        }
    )
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
        check_header_value(self.provider, "api_key", self.api_key)
        if self.currency is not None and not _CURRENCY.match(self.currency):
            raise ConfigurationError("returnmate: currency is three capital letters (ISO 4217), for instance AUD")
        reader = wire.Reader(
            statuses=account_status_table(self.status_map),
            # A table counts the unknown words it is asked for: each account has its own.
            shipment_statuses=SHIPMENT_STATUSES.extended({}),
            currency=self.currency,
        )
        object.__setattr__(self, "_reader", reader)

    @property
    def limits(self) -> Limits:
        """The limits of the account's plan; whether they count for a key or an account is not published."""
        return _LIMITS[self.plan]

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
        return wire.parse_payload(reply)

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
        size = page_size(query.page_size, maximum=_MAX_PAGE_SIZE)
        page, spot = yield from self._read_page(query, _Spot.parse(cursor), size)
        found = {ret.id: ret for ret in page.items}
        invalid_records = page.invalid_records
        # A page that goes no further than the last row of the page before may hold nothing new: one that does is wanted.
        while page.next is not None and spot.edge is not None and _edge(page, spot, query) is None:
            page, spot = yield from self._read_page(query, spot.following(None), size)
            invalid_records += page.invalid_records
            if found.keys() >= {ret.id for ret in page.items}:
                break
            found.update((ret.id, ret) for ret in page.items)
        filtered = query.status or query.raw_status or query.order_number or query.customer_email
        following = page.next
        edge = _edge(page, spot, query) if by_time or self._loses_rows(query, spot) else None
        if following is not None and edge is not None:
            following = spot.following(edge).cursor()
        by_number = spot.edge is None and (edge is None or spot.page == 1)
        return Page(
            items=[ret for ret in found.values() if not filtered or self._matches(query, ret)],
            next=following,
            prefetch=_ahead(following, spot, page) if by_time else (),
            total=page.total if by_number and self._sends_every_filter(query, spot) else None,
            invalid_records=invalid_records,
        )

    def get_return(self, return_id: str) -> Operation[Return]:
        """One RMA, with its items, shipments and timeline."""
        reply = yield get(build_path("rmas", return_id))
        return parse_one(self.check(reply), self._reader.parse_return, where="data")

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
        created = self.check(reply)
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
        body = {"status": word} if note is None else {"status": word, "notes": note}
        reply = yield Request(method="PATCH", path=build_path("rmas", return_id), json=body)
        updated = self.check(reply)
        # The reply is not documented: less than a whole RMA is read again.
        if isinstance(updated, dict) and updated.keys() >= wire.RMA_KEYS:
            return parse_one(updated, self._reader.parse_return, where="data")
        return (yield from self.get_return(return_id))

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Operation[Note]:
        """Add a remark; ReturnMate keeps it in the RMA's timeline."""
        # Always with `internal`: what the vendor takes for its default is not documented.
        reply = yield Request(
            method="POST", path=build_path("rmas", return_id, "notes"), json={"content": text, "internal": internal}
        )
        return wire.parse_note(self.check(reply), text=text, internal=internal)

    def list_shipments(self, query: ShipmentQuery, cursor: str | None = None) -> Operation[Page[Shipment]]:
        """One page of the shipments; those of one RMA come from the RMA itself, in one page."""
        if query.created_after is not None or query.created_before is not None:
            raise self.unsupported(Capability.LIST_SHIPMENTS, "the vendor documents no filter on the creation time")
        size = page_size(query.page_size, maximum=_MAX_PAGE_SIZE)
        if query.return_id is not None:
            ret = yield from self.get_return(query.return_id)
            return Page(items=ret.shipments)
        spot = _Spot.parse(cursor)
        reply = yield get("/shipments", _paging(spot, size))
        return self._page(reply, spot, size, self._reader.parse_shipment)

    def get_shipment(self, shipment_id: str) -> Operation[Shipment]:
        """One shipment. What the reply holds is not documented: what is recognised is told, the rest is in ``raw``."""
        reply = yield get(build_path("shipments", shipment_id))
        return parse_one(
            self.check(reply), lambda raw: self._reader.parse_shipment(raw, shipment_id=shipment_id), where="data"
        )

    def track(self, shipment_id: str) -> Operation[tuple[TrackingEvent, ...]]:
        """The carrier's scans, in the carrier's words: ReturnMate documents none, so ``status`` stays unknown."""
        reply = yield get(build_path("shipments", shipment_id, "tracking"))
        try:
            return wire.parse_tracking(self.check(reply))
        except NotFound:
            pass
        # Perhaps nothing was scanned yet, perhaps there is no such shipment: the shipment itself tells which.
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
        made = parse_one(
            self.check(reply) or {},
            lambda raw: self._reader.parse_shipment(raw, shipment_id="", return_id=return_id),
            where="data",
        )
        if made.id in ("", return_id):
            made = evolve(made, id=(yield from self._shipment_id(return_id, made.tracking_number)))
        return made if made.label is not None else evolve(made, label=Label(status=LabelStatus.REQUESTED))

    def list_customer_returns(self, email: str, *, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of one customer's RMAs.

        Their e-mail becomes part of the path, which servers log; ``list_returns`` with ``customer_email`` asks the same.
        """
        spot = _Spot.parse(cursor)
        reply = yield get(build_path("customers", email, "rmas"), (*_paging(spot, _MAX_PAGE_SIZE), *_sorting()))
        return self._page(reply, spot, _MAX_PAGE_SIZE, self._reader.parse_return)

    def customer_stats(self, email: str) -> Operation[wire.CustomerStats]:
        """What ReturnMate counts of one customer's returns."""
        reply = yield get(build_path("customers", email, "stats"))
        return parse_one(self.check(reply), self._reader.parse_stats, where="data")

    def reports_summary(
        self,
        *,
        start_date: date | None = None,
        end_date: date | None = None,
        group_by: Literal["day", "week", "month"] | None = None,
    ) -> Operation[wire.ReturnsSummary]:
        """The counts of a period, by status and by reason. Whether the last day counts is not documented."""
        query = {
            "start_date": start_date and wire.build_date(start_date),
            "end_date": end_date and wire.build_date(end_date),
            "group_by": group_by,
        }
        reply = yield get("/reports/returns", [(name, value) for name, value in query.items() if value])
        data = self.check(reply)
        if isinstance(data, list):
            return wire.ReturnsSummary(periods=tuple(data), raw=data)
        return parse_one(data, self._reader.parse_summary, where="data")

    def reports_reasons(self) -> Operation[wire.Report]:
        """Why things come back, as ReturnMate reports it; its shape is not documented."""
        reply = yield get("/reports/reasons")
        return wire.Report(raw=self.check(reply))

    def reports_carriers(self) -> Operation[wire.Report]:
        """How the carriers perform, as ReturnMate reports it; its shape is not documented."""
        reply = yield get("/reports/carriers")
        return wire.Report(raw=self.check(reply))

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """One slice, in order of creation and along its times, so that neither new RMAs nor deleted ones hide any.

        The vendor's total tells where it can be read from, side by side.
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

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """A hint to read one RMA again, or an unknown event (beyond the reference)."""
        return webhooks.read(request)

    def _read_page(self, query: ReturnQuery, spot: _Spot, size: int) -> Operation[tuple[Page[Return], _Spot]]:
        """A page of RMAs, and where it was found: the vendor may not take the query as it is."""
        while True:
            reply = yield get("/rmas", self._list_query(query, spot, size))
            looser = self._loosened(query, spot, reply)
            if looser is None:
                page = self._page(reply, spot, size, self._reader.parse_return)
                if _lies_beyond(page, spot, query):
                    # The vendor does not filter by creation: by the number of the page, then.
                    looser = evolve(spot, edge=None)
                elif spot.page == 1 and not page.items and (yield from self._speaks_otherwise(query, spot)):
                    looser = evolve(spot, unfiltered=True)
                else:
                    return page, spot
            spot = looser

    def _speaks_otherwise(self, query: ReturnQuery, spot: _Spot) -> Operation[bool]:
        """Whether the shop, which has nothing at the reference's words for a status, does not use these words: the newest RMA tells.

        Newer pages of the vendor show ``SUBMITTED`` and ``Label Sent``: to ask such a shop for ``pending`` finds nothing,
        and would look like there is nothing.
        """
        if query.raw_status or not self._loses_rows(query, spot):
            return False
        newest = evolve(query, newest_first=True)
        reply = yield get("/rmas", self._list_query(newest, evolve(spot, unfiltered=True), 1))
        page = self._page(reply, spot, 1, self._reader.parse_return)
        return any(ret.status_raw not in (None, *REFERENCE_WORDS, *self.status_map) for ret in page.items)

    def _find_created(self, new: NewReturn) -> Operation[Return]:
        query = ReturnQuery(order_number=new.order_number, customer_email=new.customer_email, newest_first=True)
        page = yield from self.list_returns(query)
        found = [ret for ret in page.items if _holds_items(ret, new)]
        if len(found) == 1:
            return found[0]
        raise UnexpectedReply("an RMA was created, and the reply does not tell which", where="data.id")

    def _shipment_id(self, return_id: str, tracking_number: str | None) -> Operation[str]:
        """The id of the shipment just made: the RMA's own word for it, else its tracking number."""
        found: list[str] = []
        # The label is paid for, and the reply told of it: a look that fails may not lose it.
        with suppress(ProviderError):
            ret = yield from self.get_return(return_id)
            found = [made.id for made in ret.shipments if tracking_number and made.tracking_number == tracking_number]
        if len(found) == 1:
            return found[0]
        if tracking_number:
            return tracking_number
        raise UnexpectedReply("a label was made, and the reply does not tell for which shipment", where="data.id")

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

        The seed's words alone are certain to be the vendor's; a shop's own come beside them, never in their place.
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

    def _list_query(self, query: ReturnQuery, spot: _Spot, size: int) -> list[tuple[str, str]]:
        pairs = [*_paging(spot, size), *_sorting(newest_first=query.newest_first)]
        words = () if spot.unfiltered else self._status_words(query)
        # ReturnMate API Reference, "Filtering": the bracket form is for several values.
        pairs += [("status" if len(words) == 1 else "status[]", word) for word in words]
        after, before = query.created_after, query.created_before
        if spot.edge is not None and query.newest_first:
            before = spot.edge + _SECOND
        elif spot.edge is not None:
            # Whether "after" takes in the time itself is not documented: the last second is read again.
            after = spot.edge - _SECOND
        if after is not None:
            pairs.append(("created_after", wire.build_time(after)))
        if before is not None:
            pairs.append(("created_before", wire.build_time(before, up=True)))
        if query.customer_email is not None:
            pairs.append(("customer_email", query.customer_email))
        if query.order_number is not None:
            number = query.order_number
            pairs.append(("order_number", _bare(number) if spot.bare else number))
        return pairs

    def _loosened(self, query: ReturnQuery, spot: _Spot, reply: Reply) -> _Spot | None:
        """The page asked for in another way that may find more; None if this reply stands.

        Two things are not documented: whether a status word that the shop does not have is an error, and whether the
        ``#`` of an order number belongs into the filter.
        """
        try:
            data = self.check(reply)
        except ValidationFailed:
            if spot.unfiltered or not self._status_words(query):
                raise
            return evolve(spot, unfiltered=True)
        except NotFound:
            return None
        number = query.order_number or ""
        if data == [] and number.startswith("#") and spot.page == 1 and not spot.bare:
            return evolve(spot, bare=True)
        return None

    def _loses_rows(self, query: ReturnQuery, spot: _Spot) -> bool:
        """True of a listing by status: whoever approves what it shows takes rows out of it, and all pages move up."""
        return not spot.unfiltered and bool(self._status_words(query))

    def _sends_every_filter(self, query: ReturnQuery, spot: _Spot) -> bool:
        return not (query.status or query.raw_status) or (bool(self._status_words(query)) and not spot.unfiltered)

    def _matches(self, query: ReturnQuery, ret: Return) -> bool:
        """True unless the RMA itself says that it is not one of those asked for."""
        number = ret.order.number if ret.order else None
        email = ret.customer.email if ret.customer else None
        return (
            (not query.status or ret.status in query.status)
            and (not query.raw_status or fold(ret.status_raw or "") in map(fold, query.raw_status))
            and (query.order_number is None or number is None or _bare(number) == _bare(query.order_number))
            and (query.customer_email is None or email is None or email.casefold() == query.customer_email.casefold())
        )

    def _page(self, reply: Reply, spot: _Spot, size: int, parse: Callable[[Mapping[str, Any]], T]) -> Page[T]:
        try:
            data = self.check(reply)
        except NotFound:
            # A page past the last one may be an empty list or a 404.
            if spot.page == 1:
                raise
            return Page(items=())
        if not reply.body.strip():
            # A list that is null is empty; a reply that is nothing is no list.
            raise UnexpectedReply("a list is expected", where="data")
        rows = parse_list(data, where="data")
        items, invalid_records = parse_rows(enumerate(rows), parse, where="data")
        meta = wire.parse_meta(reply)
        more = meta.has_more(page=spot.number, asked=size, rows=len(rows))
        following = spot.following(None).cursor() if more else None
        return Page(items=items, next=following, total=meta.total, invalid_records=invalid_records)

    def _refuse(self, capability: Capability, fields: list[str]) -> None:
        if fields:
            raise self.unsupported(capability, f"the vendor's call has no place for {', '.join(fields)}")


def _paging(spot: _Spot, size: int) -> list[tuple[str, str]]:
    return [("page", str(spot.number)), ("per_page", str(size))]


def _sorting(*, newest_first: bool = False) -> list[tuple[str, str]]:
    # Oldest first, rows that are added meanwhile move no page. The default order is not documented.
    return [("sort", "created_at"), ("order", "desc" if newest_first else "asc")]


def _edge(page: Page[Return], spot: _Spot, query: ReturnQuery) -> datetime | None:
    """When the last row of a page was created, if that is further on; None where the rows do not say, or are unsorted."""
    times = [ret.created_at for ret in page.items if ret.created_at is not None]
    if not times or len(times) < len(page.items) or times != sorted(times, reverse=query.newest_first):
        return None
    last = times[-1]
    if spot.edge is None:
        return last
    further = last < spot.edge if query.newest_first else last > spot.edge
    return last if further else None


def _ahead(following: str | None, spot: _Spot, page: Page[Return]) -> tuple[str, ...]:
    """Where a listing along creation times goes on, and the pages further on from which that can be done side by side."""
    if following is None or page.total is None or spot.edge is not None:
        return ()
    pages = ceil(page.total / (len(page.items) + len(page.invalid_records))) - spot.page
    # Each of them but the first meets the one behind it in the middle of a page: a few are worth that, many are not.
    count = min(_MAX_PREFETCH, pages // _PAGES_WORTH_A_START)
    further = (evolve(spot, page=spot.page + 1 + pages * number // count) for number in range(1, count))
    return (following, *(start.cursor() for start in further))


def _lies_beyond(page: Page[Return], spot: _Spot, query: ReturnQuery) -> bool:
    """True if a row lies outside the time that was asked for."""
    if spot.edge is None:
        return False
    times = [ret.created_at for ret in page.items if ret.created_at is not None]
    if query.newest_first:
        return any(time > spot.edge + 2 * _SECOND for time in times)
    return any(time < spot.edge - 2 * _SECOND for time in times)


def _bare(order_number: str) -> str:
    return order_number.removeprefix("#")


def _holds_items(ret: Return, new: NewReturn) -> bool:
    """False if the RMA tells its items and they are not these."""
    wanted = Counter((item.sku, item.quantity) for item in new.items)
    return not ret.items or Counter((item.sku, item.quantity) for item in ret.items) == wanted
