"""The Returnless adapter: everything in the vendor's V1 documentation (Returnless V1 API, last changed 2023-01-23).

V1 is for accounts whose portal is not at ``panel.returnless.com``; V2 is another interface at another host.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from returns_hub import (
    Adapter,
    Capability,
    ConfigurationError,
    HttpAnswer,
    InvalidRecord,
    Limits,
    Operation,
    Order,
    Page,
    Rate,
    Receipt,
    Reply,
    Request,
    Return,
    ReturnQuery,
    Secret,
    Shipment,
    ShipmentQuery,
    Slice,
    Status,
    StatusTable,
    Support,
    UnsupportedOperation,
    WebhookRequest,
    format_time,
    once_per_reply,
    to_secret,
    to_secrets,
)
from returns_hub.wire import build_path, check_one_status, foreign_cursor, get, page_size, parse_list, parse_rows
from returns_hub_returnless import orders, protocol, webhooks, wire
from returns_hub_returnless.pagination import (
    MAX_PAGE_SIZE,
    Cursor,
    Fetched,
    Listing,
    Resource,
    ResourceName,
    Rows,
    read_newest,
    read_oldest,
    read_page,
)
from returns_hub_returnless.statuses import (
    BACK_TO_STOCK,
    REQUEST_STATUSES,
    REQUEST_WORD_BY_STATUS,
    RETURN_STATUSES,
    RETURN_WORD_BY_STATUS,
    TRACKING_STATUSES,
    WEBHOOK_ACTIONS,
)

RETURNS: Final = Resource(
    name="returns",
    id_key="return_id",
    time_key="return_date",
    updated_key="updated_at",
    statuses=tuple(RETURN_STATUSES.rows),
)
REQUESTS: Final = Resource(
    name="requests", id_key="request_id", time_key="request_date", statuses=tuple(REQUEST_STATUSES.rows)
)

_TABLES: Final[Mapping[str, StatusTable]] = {RETURNS.name: RETURN_STATUSES, REQUESTS.name: REQUEST_STATUSES}
_OLDER: Final = "older"


@frozen(kw_only=True)
class Returnless(Adapter):
    """A Returnless V1 account.

    - ``user``, ``password``: the API user and its password, from the portal's API keys.
    - ``signing_keys``: the API key of every return form (Webshop Integration), old and new while one is replaced. Without
      one, deliveries and order look-ups are refused.
    - ``timezone``: the IANA name of the zone of Returnless's times, which the vendor does not document. A wrong guess costs
      least with UTC.
    - ``order_timezone``: the zone of the shop's orders; None is that of ``timezone``.
    - ``poll_overlap``: how many seconds before the moment asked for changes are read from.
    - ``trust_unsigned_body``: believe the body of a webhook, which anybody could have written, instead of reading the
      return again.

    Raises:
        ConfigurationError: an option that cannot be meant; the text names it.
    """

    user: str = field(repr=False)
    password: Secret = field(converter=to_secret)
    signing_keys: tuple[Secret, ...] = field(default=(), converter=to_secrets)
    timezone: str = "UTC"
    order_timezone: str | None = None
    poll_overlap: int = 7200
    trust_unsigned_body: bool = False
    _parser: wire.RecordParser = field(init=False, repr=False, eq=False)

    provider: ClassVar[str] = "returnless"
    display_name: ClassVar[str] = "Returnless"
    base_urls: ClassVar[Mapping[str, str]] = protocol.BASE_URLS
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        {
            Capability.LIST_RETURNS: Support.YES,
            Capability.GET_RETURN: Support.YES,
            Capability.CREATE_RETURN: Support.NO,
            Capability.SET_STATUS: Support.PARTIAL,
            Capability.ADD_NOTE: Support.NO,
            Capability.LIST_SHIPMENTS: Support.PARTIAL,
            Capability.GET_SHIPMENT: Support.YES,
            Capability.TRACK: Support.NO,
            Capability.CREATE_LABEL: Support.NO,
            Capability.CANCEL_LABEL: Support.NO,
            Capability.INSTRUCT: Support.NO,
            Capability.CANCEL_INSTRUCTION: Support.NO,
            # Of the status only.
            Capability.CHANGES: Support.PARTIAL,
            Capability.BACKFILL: Support.YES,
            # Of new returns only.
            Capability.RECEIVE: Support.PARTIAL,
            Capability.ORDER_LOOKUP: Support.YES,
        }
    )
    vocabularies: ClassVar[Mapping[str, StatusTable]] = MappingProxyType(
        {
            "return": RETURN_STATUSES,
            "request": REQUEST_STATUSES,
            "shipment": TRACKING_STATUSES,
            "webhook": WEBHOOK_ACTIONS,
            "disposition": BACK_TO_STOCK,
        }
    )

    def __attrs_post_init__(self) -> None:
        if not self.user or ":" in self.user:
            # RFC 7617, section 2: a colon would end the user and begin the password.
            raise ConfigurationError("returnless: user is empty, or holds a colon, which no API user can")
        if not self.password:
            raise ConfigurationError("returnless: password is empty")
        if self.poll_overlap < 0:
            raise ConfigurationError("returnless: poll_overlap is a number of seconds, 0 or more")
        zone = _zone("timezone", self.timezone)
        parser = wire.RecordParser(
            zone=zone,
            order_zone=zone if self.order_timezone is None else _zone("order_timezone", self.order_timezone),
            # A table counts the unknown words that are looked up in it: each account has its own.
            returns=RETURN_STATUSES.extended({}),
            requests=REQUEST_STATUSES.extended({}),
            tracking=TRACKING_STATUSES.extended({}),
            stock=BACK_TO_STOCK.extended({}),
        )
        object.__setattr__(self, "_parser", parser)

    @property
    def limits(self) -> Limits:
        """A guess on the safe side: the vendor has a limit for each user and address, and does not publish it."""
        return Limits(rate=Rate(2, 1.0), assumed=True)

    @property
    def statuses(self) -> StatusTable:
        """The words of returns; requests have a vocabulary of their own."""
        return self._parser.returns

    @property
    def status_tables(self) -> tuple[StatusTable, ...]:
        """The words of returns, and those of requests."""
        return self._parser.returns, self._parser.requests, self._parser.tracking

    def check_base_url(self, url: str) -> None:
        """Refuses the address of Returnless V2, which is another API with other accounts."""
        protocol.refuse_v2(url)

    def authorize(self, request: Request) -> Request:
        """The request with user and password by HTTP Basic, in UTF-8."""
        header = protocol.build_authorization(self.user, self.password)
        return evolve(request, headers=(*request.headers, header))

    @once_per_reply
    def check(self, reply: Reply) -> Any:
        """The decoded body of a good reply.

        Raises:
            ProviderError: the subclass that says what the caller can do; the status decides, for a 429 has no body.
        """
        return protocol.parse_payload(reply)

    def list_returns(
        self,
        query: ReturnQuery,
        cursor: str | None = None,
        *,
        only: ResourceName | None = None,
        order_id: str | None = None,
    ) -> Operation[Page[Return]]:
        """One page of the returns that match, then of the requests, each list oldest first; or ``only`` one of them.

        ``order_id`` is the shop's internal one. A request stays in its list when a return has grown from it, which names
        it in ``request_id``. With ``newest_first`` both lists come as one: the newest 200 of each, and a gap where there
        are more. ``updated_after`` finds what changed its status.

        Raises:
            UnexpectedReply: the vendor does not honour the order or a filter.
            ValueError: the cursor is not one that this listing gave.
        """
        resources = [resource for resource in (RETURNS, REQUESTS) if only in (None, resource.name)]
        listings = [listing for resource in resources for listing in self._listings(resource, query, order_id)]
        read = self._read_newest if query.newest_first else self._read
        page = yield from read(listings, cursor)
        if not query.status:
            return page
        return evolve(page, items=[ret for ret in page.items if ret.status in query.status])

    def get_return(self, return_id: str) -> Operation[Return]:
        """One return; or one request, by ``request:`` and its id.

        Raises:
            NotFound: there is none.
            UnexpectedReply: the record that came has another id.
        """
        resource, record_id = _resource_of(return_id)
        reply = yield get(build_path(resource.name, record_id))
        record = protocol.parse_single(self.check(reply), resource.id_key, record_id)
        return self._parse(resource, protocol.sent_at(reply))(record)

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Operation[Return]:
        """The return or request, after its status was set.

        Which changes are allowed is not documented, nor what follows: a mail to the customer, or a label that can be made.
        A neutral status is sent where one word asserts it and nothing else; any other word goes as ``raw_status``.

        Raises:
            ValidationFailed: the vendor refused it; nothing was changed.
            UnsupportedOperation: no word means this status alone, or a note was given, for which the vendor has no place.
            ValueError: not exactly one of ``status`` and ``raw_status``.
        """
        check_one_status(status, raw_status)
        if note is not None:
            raise self.unsupported(Capability.SET_STATUS, "the vendor's call has no place for a note")
        resource, record_id = _resource_of(return_id)
        yield from self._put(resource, record_id, "status", raw_status or self._word_for(resource, status))
        return (yield from self.get_return(return_id))

    def set_free_shipping(self, request_id: str, *, free: bool) -> Operation[None]:
        """Set whether a request may be returned free of charge. No call shows what is set.

        Raises:
            UnsupportedOperation: the id is that of a return.
            ValidationFailed: the vendor refused it; nothing was changed.
        """
        resource, record_id = _resource_of(request_id)
        if resource is not REQUESTS:
            raise UnsupportedOperation(
                "returnless set_free_shipping: only a request has it, and its id begins with request:",
                provider=self.provider,
                operation="set_free_shipping",
            )
        yield from self._put(resource, record_id, "free_shipping", "1" if free else "0")

    def list_shipments(self, query: ShipmentQuery, cursor: str | None = None) -> Operation[Page[Shipment]]:
        """The newest shipments, or with ``oldest_first`` the oldest, 200 at most: the vendor has no second page. Or those of one return.

        Raises:
            UnsupportedOperation: the vendor has no filter on the time of creation.
        """
        if query.created_after is not None or query.created_before is not None:
            raise self.unsupported(Capability.LIST_SHIPMENTS, "the vendor has no filter on the creation time")
        if cursor is not None:
            raise foreign_cursor()
        if query.return_id is not None:
            ret = yield from self.get_return(query.return_id)
            return Page(items=ret.shipments)
        size = self._page_size(query.page_size)
        order, end = ("asc", "oldest") if query.oldest_first else ("desc", "newest")
        reply = yield get("/shipments", [("per_page", str(size)), ("sort_order", order)])
        rows = parse_list(self.check(reply), where="shipments")
        items, invalid = parse_rows(enumerate(rows), self._parser.parse_shipment, where="")
        gap = f"shipments: only the {end} {len(rows)} are sent; a return has its own"
        return Page(items=items, invalid_records=invalid, gaps=(gap,) if len(rows) >= size else ())

    def get_shipment(self, shipment_id: str) -> Operation[Shipment]:
        """One shipment, by its tracking number, which is the only identifier that it has."""
        reply = yield get(build_path("shipments", shipment_id))
        return self._parser.parse_shipment(protocol.parse_single(self.check(reply), "tracking_number", shipment_id))

    def changes(self, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of the returns, then the requests, whose status changed since a moment, or ``poll_overlap`` before it."""
        query = ReturnQuery(updated_after=since - timedelta(seconds=self.poll_overlap))
        return (yield from self.list_returns(query, cursor))

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """Two slices, the returns and the requests. What was created up to ``poll_overlap`` later may be among them."""
        query = ReturnQuery(created_after=since, created_before=until + timedelta(seconds=self.poll_overlap))
        return tuple(
            Slice(
                key=f"{resource.name} created after {format_time(since)}",
                read=partial(self.list_returns, query, only=resource.name),
            )
            for resource in (RETURNS, REQUESTS)
        )

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the return id in the URL is signed with one of the account's keys; nothing else is."""
        webhooks.verify_webhook(request, self.signing_keys)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request, with the return id that its URL ends in signed with the first of the account's keys."""
        return webhooks.sign_webhook(request, self.signing_keys)

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """A hint to read the return again; with ``trust_unsigned_body``, what the body says of it."""
        return webhooks.read_webhook(request, self._parser, trust_body=self.trust_unsigned_body)

    def read_order_lookup(self, request: WebhookRequest) -> str:
        """The order number that the URL ends in.

        Raises:
            WebhookRejected: it is not signed with one of the account's keys.
        """
        return webhooks.read_order_number(request, self.signing_keys)

    def answer_order_lookup(self, order: Order | None) -> HttpAnswer:
        """The documented response; 404 in the vendor's envelope where there is no such order.

        Raises:
            ValueError: the order lacks something that is required; the text names it.
        """
        return orders.build_answer(order, self._parser.order_zone)

    def _listings(self, resource: Resource, query: ReturnQuery, order_id: str | None) -> Iterable[Listing]:
        """What has to be read: the list, or once for each status of it, since the vendor takes one at a time."""
        zone = self._parser.zone
        after, before, updated = query.created_after, query.created_before, query.updated_after
        for status in _statuses_to_request(resource, query):
            yield Listing(
                resource=resource,
                zone=zone,
                reference=query.order_number,
                order_id=order_id,
                email=query.customer_email,
                status=status,
                start=after and wire.lower_bound(after, zone),
                end=before and wire.upper_bound(before, zone),
                updated_after=updated and wire.lower_bound(updated, zone),
                size=self._page_size(query.page_size),
            )

    def _read(self, listings: Sequence[Listing], cursor: str | None) -> Operation[Page[Return]]:
        """One page of the lists, one after the other. The cursor is the number of the list, and where the walk stands in it."""
        if not listings:
            return Page(items=())
        number, start = _parse_cursor(cursor, len(listings))
        listing = listings[number]
        page = yield from read_page(listing, start, self._fetch)
        items, invalid = parse_rows(page.rows, self._parse(listing.resource, page.sent_at), where="")
        following = None
        if page.next is not None:
            following = f"{number}:{page.next}"
        elif number + 1 < len(listings):
            following = f"{number + 1}:{Cursor()}"
        return Page(items=items, invalid_records=invalid, next=following, gaps=page.gaps)

    def _read_newest(self, listings: Sequence[Listing], cursor: str | None) -> Operation[Page[Return]]:
        """The newest rows of all lists as one; then, on a page of their own, those older than where one list ends.

        No filter ends before a time, so a list can be read down to the length of a page, and no further.
        """
        if cursor not in (None, _OLDER):
            raise foreign_cursor()
        older = cursor == _OLDER
        pages: list[tuple[Listing, Rows]] = []
        gaps: list[str] = []
        for listing in listings:
            page = yield from read_newest(evolve(listing, size=MAX_PAGE_SIZE) if older else listing, self._fetch)
            pages.append((listing, page))
            if older and not (yield from read_oldest(listing, self._fetch)).ids <= page.ids:
                gaps.append(f"{listing.resource.name}: only the newest {len(page)} can be listed newest first")
        # Down to the youngest of these, every list is whole on the first page.
        ends = [page.placed[listing.size - 1].at for listing, page in pages if len(page.placed) >= listing.size]
        items: list[Return] = []
        invalid: list[InvalidRecord] = []
        for listing, page in pages:
            rows = [row for row in page.placed if listing.includes(row) and older == any(row.at < end for end in ends)]
            shown = [(row.index, row.raw) for row in rows] + ([] if older else page.others)
            read, broken = parse_rows(shown, self._parse(listing.resource, page.sent_at), where="")
            items += read
            invalid += broken
        items.sort(key=_created, reverse=True)
        following = _OLDER if not older and any(len(page) for _, page in pages) else None
        return Page(items=items, invalid_records=tuple(invalid), next=following, gaps=tuple(gaps))

    def _page_size(self, asked: int | None) -> int:
        return page_size(self.page_size if asked is None else asked, maximum=MAX_PAGE_SIZE)

    def _fetch(self, name: str, query: Sequence[tuple[str, str]]) -> Operation[Fetched]:
        reply = yield get(f"/{name}", query)
        return Fetched(rows=parse_list(self.check(reply), where=name), sent_at=protocol.sent_at(reply))

    def _put(self, resource: Resource, record_id: str, name: str, value: str) -> Operation[None]:
        # Returnless V1 API, Update request: one value, in the query, and no body. It is absolute, so twice is once.
        path = build_path(resource.name, record_id)
        reply = yield Request(method="PUT", path=path, query=[(name, value)], replayable=True)
        protocol.check_updated(self.check(reply))

    def _parse(self, resource: Resource, sent_at: datetime | None) -> Callable[[Mapping[str, Any]], Return]:
        parser = evolve(self._parser, observed_at=sent_at)
        return parser.parse_return if resource is RETURNS else parser.parse_request

    def _word_for(self, resource: Resource, status: Status | None) -> str:
        words = RETURN_WORD_BY_STATUS if resource is RETURNS else REQUEST_WORD_BY_STATUS
        if status is None or status not in words:
            sentence = (
                f"no word for {resource.name} means {status} and nothing else; give the word itself as raw_status"
            )
            raise self.unsupported(Capability.SET_STATUS, sentence)
        return words[status]


def _statuses_to_request(resource: Resource, query: ReturnQuery) -> tuple[str | None, ...]:
    """The statuses to ask a list for, one by one; None asks for all of it."""
    own = _TABLES[resource.name]
    if query.raw_status:
        # A word that only the other list has is not asked for here; one that neither has, in both.
        tables = _TABLES.values()
        words = [w for w in query.raw_status if own.knows(w) or not any(table.knows(w) for table in tables)]
        return tuple(dict.fromkeys(words))
    if not query.status or Status.UNKNOWN in query.status:
        return (None,)
    return tuple(word for word, facts in own.rows.items() if facts.status in query.status)


def _parse_cursor(cursor: str | None, listings: int) -> tuple[int, Cursor]:
    if cursor is None:
        return 0, Cursor()
    number, _, start = cursor.partition(":")
    if not re.fullmatch(r"\d{1,2}", number, re.ASCII) or int(number) >= listings:
        raise foreign_cursor()
    return int(number), Cursor.parse(start)


def _resource_of(return_id: str) -> tuple[Resource, str]:
    """Which list a return is in, and its id there: requests and returns share numbers."""
    if return_id.startswith(wire.REQUEST_PREFIX):
        return REQUESTS, return_id.removeprefix(wire.REQUEST_PREFIX)
    return RETURNS, return_id


def _created(ret: Return) -> datetime:
    return ret.created_at or datetime.min.replace(tzinfo=UTC)


def _zone(option: str, name: str) -> tzinfo:
    if name == "UTC":
        # Also where there is no time zone database, as on Windows.
        return UTC
    with suppress(OSError, ValueError, KeyError):
        return ZoneInfo(name)
    raise ConfigurationError(f"returnless: {option} is an IANA name such as Europe/Amsterdam or UTC")
