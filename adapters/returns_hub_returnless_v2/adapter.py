"""The Returnless V2 adapter, a preview: reading, changes, filing, approval, statuses by the account's ids, notes, webhooks, order look-up.

The vendor's own reference is not public. Every call here was documented by a support article, or seen in third parties' code that ran against
the live API; the page of this vendor says which.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Final

from attrs import evolve, field, frozen

from returns_hub import (
    Capability,
    Conflict,
    HttpAnswer,
    Limits,
    NewReturn,
    Note,
    Operation,
    Order,
    Page,
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
    TrackingEvent,
    ValidationFailed,
    WebhookRequest,
    format_time,
    once_per_reply,
    to_secret,
    to_secrets,
)
from returns_hub.wire import (
    Record,
    account_status_table,
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
    sign_body,
    verify_basic,
    verify_signed_body,
)
from returns_hub_returnless_v2 import new_return, orders, webhooks, wire
from returns_hub_returnless_v2.account import AccountCalls
from returns_hub_returnless_v2.pagination import (
    MAX_PAGE_SIZE,
    OVERLAP,
    Cursor,
    Parameters,
    Rows,
    months,
    read_ties,
    time_filter,
)
from returns_hub_returnless_v2.protocol import (
    BASE_URLS,
    DEFAULT_VERSION,
    LIMITS,
    READ_ONLY_VERSION,
    parse_payload,
    refuse_v1,
    to_version,
)
from returns_hub_returnless_v2.statuses import OWN_STATUSES, SHIPMENT_STATUSES, STATES

_RETURN_STATUS: Final = "returnstatus_"
_STATE_WORDS: Final = ("request", "return")
_RECORDS: Final = "/return-orders"


@frozen(kw_only=True)
class ReturnlessV2(AccountCalls):
    """A Returnless account whose panel is at ``panel.returnless.com``.

    - ``api_key``: made in the panel, sent as a bearer token.
    - ``version``: of the API, ``2025-01``; or ``2023-01``, which can only be read.
    - ``status_map``: what the account's own statuses mean, by their ids, each a status or a table of facts.
      Without a line a record is ``requested`` or ``approved``, by its state.
    - ``webhook_secrets``: the signing secrets of the webhooks, one or several; without one, deliveries are refused.
    - ``include_test_records``: take in the records of forms in test mode.
    - ``lookup_username``, ``lookup_password``: the HTTP Basic credentials with which orders are looked up.
    - ``form_id``, ``locale``: of the form by which :meth:`create_return` files returns.
    """

    api_key: Secret = field(converter=to_secret, validator=check_header_value)
    version: str = field(default=DEFAULT_VERSION, converter=to_version)
    status_map: Mapping[str, Any] = field(factory=dict)
    webhook_secrets: tuple[Secret, ...] = field(default=(), converter=to_secrets)
    include_test_records: bool = False
    lookup_username: str | None = field(default=None, repr=False)
    lookup_password: tuple[Secret, ...] = field(default=(), converter=to_secrets)
    form_id: str | None = field(default=None, repr=False)
    locale: str | None = field(default=None, repr=False)
    _reader: wire.Reader = field(init=False, repr=False, eq=False)

    provider: ClassVar[str] = "returnless_v2"
    display_name: ClassVar[str] = "Returnless V2"
    base_urls: ClassVar[Mapping[str, str]] = BASE_URLS
    order_lookup_method: ClassVar[str] = "POST"
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        {
            Capability.LIST_RETURNS: Support.YES,
            Capability.GET_RETURN: Support.YES,
            Capability.CREATE_RETURN: Support.PARTIAL,
            Capability.SET_STATUS: Support.PARTIAL,
            Capability.ADD_NOTE: Support.PARTIAL,
            Capability.LIST_SHIPMENTS: Support.YES,
            Capability.GET_SHIPMENT: Support.YES,
            Capability.TRACK: Support.YES,
            Capability.CREATE_LABEL: Support.NOT_IMPLEMENTED,
            Capability.CANCEL_LABEL: Support.NO,
            Capability.INSTRUCT: Support.NO,
            Capability.CANCEL_INSTRUCTION: Support.NO,
            Capability.CHANGES: Support.PARTIAL,
            Capability.BACKFILL: Support.YES,
            Capability.RECEIVE: Support.YES,
            Capability.ORDER_LOOKUP: Support.PARTIAL,
        }
    )
    preview: ClassVar[frozenset[Capability]] = frozenset(
        capability
        for capability, support in capabilities.items()
        if support in (Support.YES, Support.PARTIAL) and capability is not Capability.RECEIVE
    )
    vocabularies: ClassVar[Mapping[str, StatusTable]] = MappingProxyType(
        {"state": STATES, "shipment": SHIPMENT_STATUSES}
    )

    def __attrs_post_init__(self) -> None:
        # A table counts the unknown words it is asked for: each account has its own.
        reader = wire.Reader(
            statuses=account_status_table(self.provider, OWN_STATUSES, self.status_map),
            states=STATES.extended({}),
            shipment_statuses=SHIPMENT_STATUSES.extended({}),
        )
        object.__setattr__(self, "_reader", reader)

    @property
    def limits(self) -> Limits:
        """A guess, lowered by what the vendor answers: it publishes nothing."""
        return LIMITS

    @property
    def statuses(self) -> StatusTable:
        """The account's own statuses, by their ids."""
        return self._reader.statuses

    @property
    def status_tables(self) -> tuple[StatusTable, ...]:
        """The account's own statuses, states, and the statuses of shipments."""
        return (self._reader.statuses, self._reader.states, self._reader.shipment_statuses)

    def base_url_for(self, environment: str) -> str:
        """The address of the account's version."""
        return self.base_urls[environment].replace(DEFAULT_VERSION, self.version)

    def check_base_url(self, url: str) -> None:
        """Returns unless the address is that of Returnless V1.

        Raises:
            ConfigurationError: it is.
        """
        refuse_v1(url)

    def is_test_record(self, ret: Return) -> bool:
        """True of the record of a form in test mode, unless the account takes those."""
        return not self.include_test_records and wire.is_test(ret.raw)

    def authorize(self, request: Request) -> Request:
        """The request with the key, and with ``Accept``: without it the vendor's framework answers in HTML."""
        own = (("Authorization", f"Bearer {self.api_key.reveal()}"), ("Accept", "application/json"))
        return evolve(request, headers=(*request.headers, *own))

    @once_per_reply
    def check(self, reply: Reply) -> Any:
        """The decoded body; None for an empty success.

        Raises:
            ProviderError: the subclass that says what the caller can do.
        """
        return parse_payload(reply)

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of the records that match, requests among them.

        Every record is compared with the filters here too: a server that does not know one may ignore it. The e-mail is
        compared here alone.
        """
        filters = [
            *time_filter("created_at", "gte", query.created_after),
            *time_filter("created_at", "lte", query.created_before),
            *time_filter("updated_at", "gte", query.updated_after),
            *([("filter[order_number]", query.order_number)] if query.order_number else []),
        ]
        alternatives = self._alternatives(query)
        if alternatives == []:
            return Page(items=())
        page = yield from self._read_page(
            [[*filters, *each] for each in alternatives or [[]]],
            Cursor.parse(cursor),
            sort="-created_at" if query.newest_first else "created_at",
            size=self._page_size(query.page_size),
        )
        return evolve(
            page,
            items=[ret for ret in page.items if may_match(query, ret, words=(ret.status_raw, wire.state_of(ret.raw)))],
        )

    def get_return(self, return_id: str) -> Operation[Return]:
        """One record with everything that belongs to it, test records included.

        Raises:
            UnexpectedReply: the reply is about another record.
        """
        path = build_path(*self._records_path(return_id), return_id)
        reply = yield get(path, [("include", wire.ALL_INCLUDES)])
        try:
            payload = self.check(reply)
        except ValidationFailed:
            # A name that the server does not know is refused whole.
            payload = self.check((yield get(path)))
        ret = self._parse_single(payload)
        check_same_id(ret.id, return_id, where="data.id")
        return ret

    def create_return(self, new: NewReturn) -> Operation[Return]:
        """File a return by the account's form: the vendor looks the order up first, and then takes the items.

        Ids are Returnless's own: ``reference`` of each item is its line of the order, ``reason`` its reason, and
        ``custom_fields["country_id"]`` the country of ``ship_from``. The form's question is answered by the e-mail, or by
        ``custom_fields["input"]``. There is no idempotency key: a reply that is lost is not asked for again.

        Raises:
            ValidationFailed: also where the vendor does not find the order: nothing was filed then.
        """
        self._check_writes(Capability.CREATE_RETURN)
        if fields := new_return.unsupported_fields(new):
            raise self.unsupported(Capability.CREATE_RETURN, f"the vendor's call has no place for {', '.join(fields)}")
        if fields := new_return.missing_fields(new, form_id=self.form_id):
            raise self.unsupported(Capability.CREATE_RETURN, f"the vendor requires {', '.join(fields)}")
        intent = new_return.build_intent(new, form_id=self.form_id, locale=self.locale)
        reply = yield Request(method="POST", path="/return-order-intents", json=intent)
        body = new_return.build_return(new, self._made_id(reply))
        reply = yield Request(method="POST", path=_RECORDS, json=body)
        return (yield from self.get_return(self._made_id(reply)))

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Operation[Return]:
        """Approve or reject a request, or set a status of the account's own by its id; a note is added first.

        ``approved`` and ``rejected`` of a request are calls of their own and are not repeated; a request that is a return
        already is success. Any other status needs one line of ``status_map`` that means it. A status by its id may be set twice.
        """
        self._check_writes(Capability.SET_STATUS)
        check_one_status(status, raw_status)
        known = None if status is None else (yield from self._id_for(status, return_id))
        if note is not None:
            yield from self.add_note(return_id, note)
        if status is Status.APPROVED and known is None:
            return (yield from self._decide(return_id, "approve", becomes="return"))
        if status is Status.REJECTED and known is None:
            return (yield from self._decide(return_id, "reject", becomes=None))
        reply = yield Request(
            method="PATCH",
            path=build_path("return-orders", return_id, "status"),
            json={"status_id": raw_status if known is None else known},
            replayable=True,
        )
        self.check(reply)
        return (yield from self.get_return(return_id))

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Operation[Note]:
        """Add a note. Its body is that of version 2023-01: for this one nobody has shown it."""
        self._check_writes(Capability.ADD_NOTE)
        path = build_path("return-orders", return_id, "notes")
        body = {"note": text, "actor": "agent", "is_visible_for_customer": not internal}
        reply = yield Request(method="POST", path=path, json=body)
        try:
            payload = self.check(reply)
        except ValidationFailed as error:
            if "actor" not in error.fields:
                raise
            # Which words it takes is not known; nothing was written.
            del body["actor"]
            payload = self.check((yield Request(method="POST", path=path, json=body)))
        parse = partial(wire.parse_note, text=text, internal=internal)
        return parse_one(parse_object(payload).get("data"), parse, where="data")

    def list_shipments(self, query: ShipmentQuery, cursor: str | None = None) -> Operation[Page[Shipment]]:
        """One page of the shipments, of all returns or of one."""
        position = Cursor.parse(cursor)
        path = "/shipments"
        if query.return_id is not None:
            path = build_path("return-orders", query.return_id, "shipments")
        parameters = [
            *time_filter("created_at", "gte", query.created_after),
            *time_filter("created_at", "lt", query.created_before),
            ("per_page", str(self._page_size(query.page_size))),
        ]
        rows = yield from self._fetch(path, [*parameters, *_paged(position)])
        items, invalid_records = parse_rows(enumerate(rows.raw), self._reader.parse_shipment, where="data")
        following = position.next(rows.next, parts=1)
        return Page(
            items=[evolve(each, return_id=each.return_id or query.return_id) for each in items],
            next=None if following is None else str(following),
            invalid_records=invalid_records,
        )

    def get_shipment(self, shipment_id: str) -> Operation[Shipment]:
        """One shipment.

        Raises:
            UnexpectedReply: the reply is about another shipment.
        """
        reply = yield get(build_path("shipments", shipment_id))
        data = parse_object(self.check(reply)).get("data")
        shipment = parse_one(data, self._reader.parse_shipment, where="data")
        check_same_id(shipment.id, shipment_id, where="data.id")
        return shipment

    def track(self, shipment_id: str) -> Operation[tuple[TrackingEvent, ...]]:
        """The statuses that a shipment has had, oldest first, untimed ones last."""
        reply = yield get(build_path("shipments", shipment_id, "statuses"))
        payload = parse_object(self.check(reply))
        rows = [row for row in parse_list(payload.get("data"), where="data") if isinstance(row, dict)]
        scans = [self._reader.parse_scan(row) for row in rows]
        timed = [scan for scan in scans if scan.occurred_at is not None]
        timed.sort(key=lambda scan: format_time(scan.occurred_at) if scan.occurred_at else "")
        return (*timed, *[scan for scan in scans if scan.occurred_at is None])

    def changes(self, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of the records that changed since five minutes before a moment; then the shipments that did.

        A shipment does not move its return: its return is read again.
        """
        since -= OVERLAP
        position = Cursor.parse(cursor)
        walked = len(self._lists())
        if position.part < walked:
            parts: list[Parameters] = [time_filter("updated_at", "gte", since)]
            page = yield from self._read_page(parts, position, sort="updated_at", size=self._page_size())
            return page if page.next else evolve(page, next=str(Cursor(part=walked)))
        parameters = [*time_filter("updated_at", "gte", since), ("per_page", str(self._page_size()))]
        rows = yield from self._fetch("/shipments", [*parameters, *_paged(position)])
        ids = [wire.return_id_of(row) for row in rows.raw if isinstance(row, dict)]
        following = position.next(rows.next, parts=0)
        return Page(
            items=(),
            next=None if following is None else str(following),
            read_again=tuple(dict.fromkeys(each for each in ids if each is not None)),
        )

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """A slice for each month of creation."""
        return tuple(
            Slice(key=f"created in {start:%Y-%m}", read=partial(self._read_slice, start, end))
            for start, end in months(since, until)
        )

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the delivery is signed with one of the account's secrets."""
        verify_signed_body(request, webhooks.SIGNATURE_HEADER, self.webhook_secrets)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request, signed with the first of the account's secrets."""
        return sign_body(request, webhooks.SIGNATURE_HEADER, self.webhook_secrets)

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """A hint to read one record again, or an unknown event."""
        return webhooks.read(request, include_test_records=self.include_test_records)

    def read_order_lookup(self, request: WebhookRequest) -> str:
        """The order number in the body of a look-up that carries the account's Basic credentials.

        Raises:
            WebhookRejected: it does not, or has no number; ``not_configured`` where the account has no credentials.
        """
        verify_basic(request, Secret(self.lookup_username) if self.lookup_username else None, self.lookup_password)
        return orders.read_number(request)

    def answer_order_lookup(self, order: Order | None) -> HttpAnswer:
        """The order as the vendor's own connector answers it; 404 and ``{}`` where there is none.

        Raises:
            ValueError: the order lacks something that is required; the text names it.
        """
        return orders.build_answer(order)

    def _check_writes(self, capability: Capability) -> None:
        if self.version == READ_ONLY_VERSION:
            raise self.unsupported(
                capability, f"version {READ_ONLY_VERSION} is for reading; writes need {DEFAULT_VERSION}"
            )

    def _lists(self) -> tuple[str, ...]:
        """The lists that together hold all records: version 2023-01 keeps requests apart."""
        return ("/request-orders", _RECORDS) if self.version == READ_ONLY_VERSION else (_RECORDS,)

    def _records_path(self, return_id: str) -> tuple[str]:
        is_request = self.version == READ_ONLY_VERSION and return_id.startswith("requestorder_")
        return ("request-orders",) if is_request else ("return-orders",)

    def _page_size(self, asked: int | None = None) -> int:
        return page_size(self.page_size if asked is None else asked, maximum=MAX_PAGE_SIZE)

    def _fetch(self, path: str, parameters: Parameters) -> Operation[Rows]:
        return Rows.read(self.check((yield get(path, parameters))))

    def _read_page(
        self, parts: Sequence[Parameters], position: Cursor, *, sort: str, size: int
    ) -> Operation[Page[Return]]:
        """The page at a position, in one list after the other, with the rows that share the last one's stamp."""
        lists = self._lists()
        path = lists[position.part % len(lists)]
        filters = parts[position.part // len(lists)]
        column = sort.removeprefix("-")

        def fetch(parameters: Parameters) -> Operation[Rows]:
            included = [] if position.plain else [("include", wire.LIST_INCLUDES)]
            return (yield from self._fetch(path, [*parameters, *included]))

        asked = [*filters, ("sort", sort), ("per_page", str(size)), *_paged(position)]
        try:
            rows = yield from fetch(asked)
        except ValidationFailed as error:
            # A name of related data that the server does not know is a 400: then each record is read for itself.
            if position.plain or error.http_status != 400:
                raise
            position = evolve(position, plain=True)
            rows = yield from fetch(asked)
        ties, gaps = yield from read_ties(fetch, filters, rows, column=column, size=self._page_size())
        items, invalid_records = parse_rows(enumerate([*rows.raw, *ties]), self._reader.parse_return, where="data")
        if position.plain:
            whole = []
            for ret in items:
                whole.append((yield from self.get_return(ret.id)))  # noqa: PERF401 - no comprehension may yield
            items = tuple(whole)
        following = position.next(rows.next, parts=len(parts) * len(lists))
        return Page(
            items=items,
            next=None if following is None else str(following),
            invalid_records=invalid_records,
            gaps=gaps,
        )

    def _read_slice(self, start: datetime, end: datetime, cursor: str | None) -> Operation[Page[Return]]:
        filters = [*time_filter("created_at", "gte", start), *time_filter("created_at", "lt", end)]
        return self._read_page([filters], Cursor.parse(cursor), sort="created_at", size=self._page_size())

    def _made_id(self, reply: Reply) -> str:
        """The id of what was just made: all that is certain of such a reply."""
        return parse_one(parse_object(self.check(reply)).get("data"), lambda raw: Record(raw).id("id"), where="data")

    def _parse_single(self, payload: object) -> Return:
        return parse_one(parse_object(payload).get("data"), self._reader.parse_return, where="data")

    def _decide(self, return_id: str, decision: str, *, becomes: str | None) -> Operation[Return]:
        """Approve or reject a request; a record that is where it was to go is success."""
        reply = yield Request(method="POST", path=build_path("return-orders", return_id, decision), json={})
        try:
            self.check(reply)
        except (Conflict, ValidationFailed):
            ret = yield from self.get_return(return_id)
            if becomes is not None and wire.state_of(ret.raw) == becomes:
                return ret
            raise
        return (yield from self.get_return(return_id))

    def _id_for(self, status: Status, return_id: str) -> Operation[str | None]:
        """The account's id that sets a status; None where a call of its own does, for a request.

        Where several ids mean it, those of the record's own list count: an id of the other one would be refused.
        """
        known = [one for one, facts in self.statuses.rows.items() if facts.status is status and not facts.attention]
        has_call = status in (Status.APPROVED, Status.REJECTED)
        if not known and not has_call:
            raise self.unsupported(
                Capability.SET_STATUS, f"no id of status_map means {status}; add a line, or give the id as raw_status"
            )
        if not known or (len(known) == 1 and not has_call):
            return known[0] if known else None
        ret = yield from self.get_return(return_id)
        is_return = wire.state_of(ret.raw) == "return"
        if has_call and not is_return:
            return None
        own = [one for one in known if one.startswith(_RETURN_STATUS) is is_return]
        if len(own) == 1:
            return own[0]
        if has_call and not own:
            return None
        raise self.unsupported(
            Capability.SET_STATUS, f"{len(own)} ids of status_map mean {status} for this record; give one as raw_status"
        )

    def _alternatives(self, query: ReturnQuery) -> list[Parameters] | None:
        """Filters of which one must hold, each for a list of its own: None for none, an empty list for what cannot be."""
        if query.raw_status:
            return [[_status_filter(word)] for word in query.raw_status]
        if not query.status or query.status & {Status.UNKNOWN, Status.CLOSED}:
            return None
        words = [word for word in _STATE_WORDS if STATES.look_up(word).status in query.status]
        words += [one for one, facts in self.statuses.rows.items() if facts.status in query.status]
        return [[_status_filter(word)] for word in words]


def _paged(position: Cursor) -> list[tuple[str, str]]:
    return [("cursor", position.vendor)] if position.vendor else []


def _status_filter(word: str) -> tuple[str, str]:
    if word in _STATE_WORDS:
        return ("filter[return_type]", word)
    return ("filter[return_status]" if word.startswith(_RETURN_STATUS) else "filter[request_status]", word)
