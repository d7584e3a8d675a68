"""A simulator of Returnless V1, strict and seeded: the API that it has, and the calls that it makes to a shop.

The REST side answers over :func:`returns_hub.testing.serve`. The calling side looks orders up and delivers webhooks to
whatever URL it is given. Paths, parameters, words and shapes are those of Returnless V1 API; where
only the vendor's own shop connectors show a thing, it says "connector". What both leave open is decided here and marked
"undocumented"; where a client must be ready for another decision, there is an option.
"""

import base64
import hashlib
import hmac
import itertools
import json
import random
import re
import time
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, TypeAlias
from urllib.parse import quote
from zoneinfo import ZoneInfo

from attrs import define, evolve, field, frozen

from returns_hub import HttpAnswer, parse_time
from returns_hub.testing import Call, Fault, Faults, Refusal, Simulator, TriggerResult, call_platform, json_answer

Json: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["requests", "returns"]

# Returnless V1 API, Request statuses and Return statuses, in their order.
REQUEST_STATUSES: Final = (
    "concept",
    "open",
    "expired",
    "on_hold",
    "cancelled",
    "approved",
    "approved_without_shipment",
    "rejected",
    "customer_viewed",
    "label_created",
)
RETURN_STATUSES: Final = (
    "processing",
    "received",
    "complete",
    "checked",
    "re-check",
    "completed",
    "declined",
    "delivered",
    "exception",
    "exchanged",
    "pending_payment",
    "closed",
)
# Shown by the examples of Returnless V1 API and defined nowhere; the last of each is made up.
UNDOCUMENTED_STATUSES: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {"requests": ("processing", "completed", "received", "in_limbo"), "returns": ("approved", "in_limbo")}
)
# "Any of the supported states", and `completed`, with which Returnless V1 API shows how a request is updated.
_SETTABLE: Final[Mapping[Kind, frozenset[str]]] = MappingProxyType(
    {"requests": frozenset({*REQUEST_STATUSES, "completed"}), "returns": frozenset(RETURN_STATUSES)}
)
_UPDATED: Final[Mapping[Kind, str]] = MappingProxyType(
    {"requests": "Request updated successfully!", "returns": "Return updated successfully!"}
)
_ID: Final[Mapping[Kind, str]] = MappingProxyType({"requests": "request_id", "returns": "return_id"})
_DATE: Final[Mapping[Kind, str]] = MappingProxyType({"requests": "request_date", "returns": "return_date"})

PAGING: Final = frozenset({"per_page", "sort_order"})
FILTERS: Final = frozenset({"reference", "order_id", "created_after", "emailaddress", "status", "updated_after"})
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z", re.ASCII)
_PER_PAGE: Final = re.compile(r"\d{1,3}\Z", re.ASCII)
_SHIPMENT: Final = (
    *("tracking_number", "tracking_status_id", "tracking_status", "tracking_url", "shipping_label_link"),
    *("return_id", "return", "status", "reference", "order_id", "return_date", "form"),
    *("customer_id", "customer_email", "returned_products"),
)
_WEBHOOK: Final = (
    *("return_id", "return", "reference", "order_id", "order_date", "return_date", "form"),
    *("customer_id", "customer_email", "request_id", "shipping_description"),
    *("tracking_number", "tracking_status_id", "tracking_status", "tracking_url", "shipping_label_link"),
    *("billing_address", "returned_products", "return_questions"),
)

RETRIES: Final = 10  # Returnless V1 API, Failures and retries: "10 times in 3 hours"
RETRY_EVERY: Final = timedelta(hours=3) / RETRIES  # undocumented: that they are spread evenly

FIRST_CREATED: Final = datetime(2020, 6, 1, tzinfo=UTC)
LAST_CREATED: Final = datetime(2024, 12, 30, tzinfo=UTC)
SAME_SECOND: Final = datetime(2023, 6, 1, 12, 0, 0, tzinfo=UTC)


def signature(key: str, text: str) -> str:
    """The value of ``returnless-signature``: HMAC-SHA256 of an order number or a return id, in lower-case hex (Returnless V1 API)."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


@frozen
class Attempt:
    """One delivery of a webhook. ``after`` counts from the first one, by the vendor's clock; ``status`` None: no answer."""

    after: timedelta
    status: int | None


@frozen
class Delivery:
    """A webhook and every attempt to deliver it, until it was acknowledged or dropped for good."""

    return_id: str
    attempts: tuple[Attempt, ...]

    @property
    def acknowledged(self) -> bool:
        """True if the last answer was 201: anything else is a failure (Returnless V1 API, Failures and retries)."""
        return self.attempts[-1].status == 201


class _ReturnlessFaults(Faults):
    """The faults that every simulator has; a 429 has an empty body (Returnless V1 API, Rate limiting)."""

    def answer_with(
        self, answer: HttpAnswer, name: str = "answer_with", *, after_work: bool = False, **when: Any
    ) -> Fault:
        if name == "too_many_requests":
            headers = [(key, value) for key, value in answer.headers if key != "content-type"]
            answer = evolve(answer, headers=headers, body=b"")
        return super().answer_with(answer, name, after_work=after_work, **when)


@define(kw_only=True, eq=False)
class _Record:
    """A request or a return as a listing tells it, and what no listing tells.

    ``changed`` is when the status last changed, ``updated`` when anything did. ``kept`` are the lines of the order that the
    customer keeps, ``more_parcels`` the parcels after the first, ``single`` what GET of this one record says differently.
    """

    kind: Kind
    wire: Json
    created: datetime
    changed: datetime
    updated: datetime
    kept: Sequence[Json] = ()
    more_parcels: Sequence[Json] = ()
    single: Json = field(factory=dict)

    @property
    def id(self) -> str:
        """The return id; for a request, ``request:`` and its id, for the two kinds share numbers."""
        own = str(self.wire[_ID[self.kind]])
        return own if self.kind == "returns" else f"request:{own}"


class ReturnlessSandbox(Simulator):
    """Returnless with ``count`` seeded returns and as many requests, the examples of its documentation among them.

    About half of the requests grew into a return, which names them in ``request_id``. Requests and returns have the same
    numbers for ids, as Returnless V1 API's 948191 has. People, orders and parcels other than Returnless V1 API's are fictitious. The same
    arguments give the same data. In Python a record's id is the return id, or ``request:`` and the request id.

    What the vendor leaves open, and a client must be ready for:

    - ``exclusive_bounds``: ``created_after`` and ``updated_after`` leave out the second itself.
    - ``per_page_cap``: a listing silently has no more rows than this, whatever ``per_page`` says.
    - ``default_per_page``: how many rows come where ``per_page`` is not sent.
    - ``same_second``: so many of the requests were created in the second ``SAME_SECOND``, and so many returns a day
      later, their statuses spread over the vocabulary.
    - ``ignored``: parameters that are accepted and do nothing: any of the filters, ``sort_order``, ``per_page``.
    - ``one_filter``: of several filters only the last one sent counts; the documentation's example combines two.
    - ``any_update_matches``: ``updated_after`` finds whatever was updated, not only what changed its status.
    - ``updated_order``: a listing is in the order of the last update: ``always``, or ``filtered``, with ``updated_after``.
    - ``page_parameter``: what becomes of ``page``: ``refused`` as unknown, ``ignored``, ``answered`` with an empty list after
      the end, or ``last_again`` with the last page again.
    - ``ignore_unknown_parameters``: instead of refusing them with 400.
    - ``timezone``: of every time that Returnless stamps; in the hour that autumn repeats, later ones may read earlier.
      ``order_date`` is the shop's own, and in UTC.
    - ``filter_timezone``: in which filters are read, where it is another one.
    - ``unknown_id``: what a GET or PUT of an id that does not exist brings.
    - ``login_status``: what wrong credentials bring.
    - ``undocumented_statuses``: some statuses are not in the vocabulary, and some parcels have a tracking status never shown.
    - ``hostile_texts``: every fifth order has texts that break what is careless: markup, control characters, formulas, much
      text, an order number and a tracking number that need encoding, and an order date that is none.

    Its limits and its clock:

    - ``requests_per_minute``: None sets no limit. Refused requests are counted in ``violations``.
    - ``timeout``: for how many seconds its own calls wait for an answer.
    - ``pause``: how it lets so many seconds pass between retries; by default three hours take a third of a second.
    - ``now``: the clock, for the limit and for what changes.
    """

    provider: ClassVar[str] = "returnless"

    def __init__(
        self,
        *,
        count: int = 200,
        seed: int = 1,
        user: str = "sandbox-user",
        password: str = "sandbox-password",  # noqa: S107  a simulator's, and not a secret
        signing_key: str = "sandbox-signing-key",
        exclusive_bounds: bool = False,
        per_page_cap: int | None = None,
        default_per_page: int = 50,
        same_second: int = 0,
        ignored: Collection[str] = (),
        one_filter: bool = False,
        any_update_matches: bool = False,
        updated_order: Literal["never", "filtered", "always"] = "never",
        page_parameter: Literal["refused", "ignored", "answered", "last_again"] = "refused",
        ignore_unknown_parameters: bool = False,
        timezone: str = "UTC",
        filter_timezone: str | None = None,
        unknown_id: Literal["404", "[]", "{}", "null"] = "404",
        login_status: Literal[401, 403] = 401,
        undocumented_statuses: bool = False,
        hostile_texts: bool = False,
        requests_per_minute: int | None = None,
        timeout: float = 5.0,
        pause: Callable[[float], object] = lambda seconds: time.sleep(seconds / 32_400),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(
            faults=_ReturnlessFaults(
                error_body=lambda status: _failed(f"Fault {status} was switched on"),
                soft_error_body=_failed("A fault was switched on"),
                rows=lambda payload: payload if isinstance(payload, list) else None,
            )
        )
        if unknown := set(ignored) - FILTERS - PAGING:
            raise ValueError(f"no such parameter: {min(unknown)}")
        self.options: Mapping[str, Any] = {"user": user, "password": password, "signing_keys": [signing_key]} | (
            {} if timezone == "UTC" else {"timezone": timezone}
        )
        self.violations = 0
        self.free_shipping: dict[str, str] = {}
        """What PUT has set, by the id of the request: no GET tells."""
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._signing_key = signing_key
        self._exclusive_bounds = exclusive_bounds
        self._per_page_cap = per_page_cap or 200
        self._default_per_page = default_per_page
        self._ignored = frozenset(ignored)
        self._one_filter = one_filter
        self._any_update_matches = any_update_matches
        self._updated_order = updated_order
        self._page_parameter = page_parameter
        self._ignore_unknown_parameters = ignore_unknown_parameters
        self._zone = ZoneInfo(timezone)
        self._filter_zone = ZoneInfo(filter_timezone or timezone)
        self._unknown_id = unknown_id
        self._login_status = login_status
        self._requests_per_minute = requests_per_minute
        self._patience = timeout
        self._pause = pause
        self._now = now
        self._used: Counter[int] = Counter()
        self._unsent: list[str] = []
        self._records: dict[str, _Record] = {}
        self._by_time: Mapping[Kind, list[_Record]] = {"requests": [], "returns": []}
        self._fiction = _Fiction(seed=seed, zone=self._zone, strange=undocumented_statuses, hostile=hostile_texts)
        examples = _examples(self._zone)
        for kind in self._by_time:
            for record in [example for example in examples if example.kind == kind][:count]:
                self._insert(record)
        for record in self._fiction.history(max(0, count - 2), same_second):
            self._insert(record)

    @property
    def records(self) -> Mapping[str, Json]:
        """Every request and return by id, as a listing tells it; requests first, and each kind oldest first."""
        with self.lock:
            return {record.id: record.wire for kind in self._by_time.values() for record in kind}

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all returns, and of the requests from which none of them grew: what a mirror should hold."""
        with self.lock:
            grown = {f"request:{record.wire['request_id']}" for record in self._by_time["returns"]}
            return frozenset(self._records.keys() - grown)

    def set_status(self, return_id: str, word: str) -> None:
        """Move a return or a request to a status, as staff would in the portal: any word goes.

        Like the notes that Returnless V1 API shows, one tells of the change. Nothing happens where the word is the same.
        """
        with self.lock:
            record = self._records[return_id]
            if record.wire["status"] == word:
                return
            record.wire["return_notes"].append(
                _note(
                    f"The status has been changed from {_title(record.wire['status'])} to {_title(word)}", self._stamp()
                )
            )
            record.wire["status"] = word
            record.changed = self._touch(record)

    def edit(self, return_id: str, **fields: Any) -> None:
        """Change anything but the status: a received quantity, a note, a label that was made.

        A return's ``updated_at`` moves; the time of its status does not.
        """
        with self.lock:
            record = self._records[return_id]
            record.wire.update(fields)
            self._touch(record)

    def add_request(self, *, status: str = "open", created_at: datetime | None = None, **fields: Any) -> str:
        """A new request, created now unless told otherwise, with ``fields`` as given and the others made up; its id."""
        with self.lock:
            created = (created_at or self._now()).replace(microsecond=0)
            record = self._fiction.request(self._fiction.order(created), created, status, changed=created)
            record.wire.update(fields)
            return self._insert(record).id

    def add_return(
        self,
        *,
        request: str | None = None,
        status: str = "processing",
        created_at: datetime | None = None,
        **fields: Any,
    ) -> str:
        """A new return, created now unless told otherwise, with ``fields`` as given and the others made up; its id.

        A customer made it, so a webhook about it waits for :meth:`deliver_batch`. ``request`` is the id of the request that it
        grows from: that one is ``label_created`` then (Returnless V1 API, Request statuses).
        """
        with self.lock:
            created = (created_at or self._now()).replace(microsecond=0)
            grown_from = None if request is None else self._records[request]
            order = self._fiction.order(created)
            record = self._fiction.return_(order, created, status, changed=created, grown_from=grown_from)
            record.wire.update(fields)
            if request is not None:
                self.set_status(request, "label_created")
            self._unsent.append(self._insert(record).id)
            return record.id

    def webhook(self, return_id: str) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of the webhook about a return (Returnless V1 API, New Return webhook).

        The signature covers the id in the URL and not a byte of the body. Every line of the order is in it, those that the
        customer keeps with a quantity of zero.
        """
        with self.lock:
            record = self._records[return_id]
            payload = {"action": "return_created"} | {name: record.wire[name] for name in _WEBHOOK}
            returned = [_without(line, "return_item_id") for line in record.wire["returned_products"]]
            payload["returned_products"] = [*returned, *record.kept]
        headers = {"Content-Type": "application/json", "returnless-signature": signature(self._signing_key, return_id)}
        return headers, json.dumps(payload).encode()

    def call_order_lookup(self, platform_url: str, order_number: str) -> HttpAnswer | None:
        """Ask a shop for an order, as when a customer clicks "Find Order" (Returnless V1 API, Order Info API); None: no answer.

        The number is joined to the URL as it is, percent-encoded. Redirects are not followed (undocumented).
        """
        headers = {"returnless-signature": signature(self._signing_key, order_number)}
        return call_platform("GET", platform_url + quote(order_number, safe=""), headers, timeout=self._patience)

    def deliver_webhook(self, webhook_url: str, return_id: str) -> Delivery:
        """Tell of a return until it is acknowledged, or dropped after the last retry (Returnless V1 API, Failures and retries)."""
        return self._deliver(webhook_url, [return_id])[0]

    def deliver_batch(self, webhook_url: str) -> tuple[Delivery, ...]:
        """Tell of every return added since the last batch. Returnless V1 API, Webhooks: one every 15 minutes.

        Undocumented: that what failed is tried again together, and in the old order.
        """
        with self.lock:
            waiting, self._unsent = self._unsent, []
        return self._deliver(webhook_url, waiting)

    def trigger(self, webhook_url: str) -> TriggerResult:
        """A customer makes a return: its webhook, to ``webhook_url``, a slash and the id."""
        return_id = self.add_return()
        with self.lock:
            self._unsent.remove(return_id)
        delivery = self.deliver_webhook(webhook_url + "/", return_id)
        return TriggerResult(return_id, tuple([attempt.status for attempt in delivery.attempts]))

    def _deliver(self, webhook_url: str, return_ids: Sequence[str]) -> tuple[Delivery, ...]:
        messages = {return_id: self.webhook(return_id) for return_id in return_ids}
        deliveries = {return_id: Delivery(return_id, ()) for return_id in messages}
        for retry in range(1 + RETRIES):
            waiting = [one for one in deliveries.values() if not one.attempts or not one.acknowledged]
            if not waiting:
                break
            if retry:
                self._pause(RETRY_EVERY.total_seconds())
            for one in waiting:
                headers, body = messages[one.return_id]
                url = webhook_url + quote(one.return_id, safe="")
                answer = call_platform("POST", url, headers, body, timeout=self._patience)
                attempt = Attempt(after=retry * RETRY_EVERY, status=answer.status if answer else None)
                deliveries[one.return_id] = evolve(one, attempts=(*one.attempts, attempt))
        return tuple(deliveries.values())

    def answer(self, call: Call) -> HttpAnswer:
        """Refuses wrong credentials, then too many calls, then whatever is wrong with the call.

        Returnless V1 API, Rate limiting: per user and IP address, 429, an empty body. Undocumented: the number, and the window, a whole
        minute here; and that an error has a body like that of a PUT.
        """
        if call.headers.get("authorization") != self._authorization:
            raise _refusal(self._login_status, "Invalid API credentials")
        if self._requests_per_minute is not None:
            minute = int(self._now().timestamp()) // 60
            if self._used[minute] >= self._requests_per_minute:
                self.violations += 1
                return HttpAnswer(status=429)
            self._used[minute] += 1
        return self._route(call)

    def _route(self, call: Call) -> HttpAnswer:
        match call.method, call.segments:
            case "GET", (("requests" | "returns") as kind,):
                return self._list_records(call, kind)
            case "GET", (("requests" | "returns") as kind, record_id):
                return self._get_record(call, kind, record_id)
            case "PUT", (("requests" | "returns") as kind, record_id):
                return self._update_record(call, kind, record_id)
            case "GET", ("shipments",):
                return self._list_shipments(call)
            case "GET", ("shipments", tracking_number):
                return self._get_shipment(call, tracking_number)
        raise _refusal(404, "No such endpoint")

    def _list_records(self, call: Call, kind: Kind) -> HttpAnswer:
        """A bare list, without a count or links (Returnless V1 API, Get all requests and Get all returns)."""
        query = self._parameters(call, PAGING | FILTERS)
        return self._page(query, self._select(kind, query), render=lambda record: record.wire)

    def _get_record(self, call: Call, kind: Kind, record_id: str) -> HttpAnswer:
        """A bare object. One return is told without the ``return_type`` that a listing has (Returnless V1 API, Get single return)."""
        self._parameters(call, frozenset())
        record = self._find(kind, record_id)
        if record is None:
            return self._not_found()
        return json_answer(200, _without(record.wire, "return_type") | record.single)

    def _update_record(self, call: Call, kind: Kind, record_id: str) -> HttpAnswer:
        """The values come in the query (Returnless V1 API, Update request and Update return); a body is not looked at.

        Undocumented: a refusal, here ``result`` false under HTTP 200, for a word that is not in the vocabulary, for several values at
        once, and for none.
        """
        known = {"status", "free_shipping"} if kind == "requests" else {"status"}
        query = self._parameters(call, frozenset(known))
        record = self._find(kind, record_id)
        if record is None:
            return self._not_found()
        match list(query.items()):
            case [("status", word)] if word in _SETTABLE[kind]:
                self.set_status(record.id, word)
            case [("free_shipping", ("0" | "1") as digit)]:
                self.free_shipping[record.id] = digit
            case _:
                return json_answer(200, _failed("Nothing was updated."))
        return json_answer(200, {"result": True, "message": _UPDATED[kind]})

    def _list_shipments(self, call: Call) -> HttpAnswer:
        """No filters (Returnless V1 API, Get all shipments). Undocumented: a shipment is as old as its return."""
        query = self._parameters(call, PAGING)
        parcels = list(self._parcels())[:: _direction(query)]
        return self._page(query, parcels, render=lambda parcel: _shipment(*parcel))

    def _get_shipment(self, call: Call, tracking_number: str) -> HttpAnswer:
        """A list of one (Returnless V1 API, Get single shipment)."""
        self._parameters(call, frozenset())
        found = [parcel for parcel in self._parcels() if parcel[1]["tracking_number"] == tracking_number]
        return json_answer(200, [_shipment(*parcel) for parcel in found]) if found else self._not_found()

    def _parcels(self) -> Iterator[tuple[Json, Json]]:
        """Every return that has a label, with each of its parcels. Undocumented: that there may be several."""
        for record in self._by_time["returns"]:
            if record.wire["tracking_number"]:
                yield record.wire, record.wire
                for parcel in record.more_parcels:
                    yield record.wire, parcel

    def _parameters(self, call: Call, known: frozenset[str]) -> Mapping[str, str]:
        """The query by name. Undocumented: that what is unknown or given twice is refused."""
        if known >= PAGING and self._page_parameter in ("answered", "last_again"):
            known |= {"page"}
        skipped = {"page"} if known >= PAGING and self._page_parameter == "ignored" else set[str]()
        query: dict[str, str] = {}
        for name, value in call.query:
            if name in query:
                raise _refusal(400, f"{name} was given more than once")
            if name in known:
                query[name] = value
            elif name not in skipped and not self._ignore_unknown_parameters:
                raise _refusal(400, f"unknown parameter {name[:40]}")
        if known >= FILTERS:
            dropped = [name for name in query if name in FILTERS][:-1] if self._one_filter else []
            query = {name: value for name, value in query.items() if name not in {*self._ignored, *dropped}}
        return query

    def _select(self, kind: Kind, query: Mapping[str, str]) -> Iterator[_Record]:
        """The records that match, in order. Creation time is looked up in an index: a page costs what is read for it.

        Undocumented: an e-mail address matches in any case, everything else only as it is stored.
        """
        created_after, updated_after = self._moment(query, "created_after"), self._moment(query, "updated_after")
        records: Sequence[_Record] = self._by_time[kind]
        if created_after is not None:
            cut = bisect_right if self._exclusive_bounds else bisect_left
            records = records[cut(records, created_after, key=attrgetter("created")) :]
        if self._updated_order == "always" or (self._updated_order == "filtered" and updated_after is not None):
            records = sorted(records, key=attrgetter("updated"))
        for record in records[:: _direction(query)]:
            if (
                all(
                    query.get(name, record.wire[name]) == record.wire[name]
                    for name in ("reference", "order_id", "status")
                )
                and (
                    "emailaddress" not in query
                    or query["emailaddress"].casefold() == record.wire["customer_email"].casefold()
                )
                and (updated_after is None or self._is_updated_after(record, updated_after))
            ):
                yield record

    def _is_updated_after(self, record: _Record, bound: datetime) -> bool:
        """Returnless V1 API: "with a status changed after a certain DateTime"."""
        moment = record.updated if self._any_update_matches else record.changed
        return moment > bound or (moment == bound and not self._exclusive_bounds)

    def _page(self, query: Mapping[str, str], rows: Iterable[Any], *, render: Callable[[Any], Json]) -> HttpAnswer:
        """Returnless V1 API: ``per_page`` is 1 to 200. Undocumented: that anything else is refused, and ``page`` altogether."""
        text = query.get("per_page", str(self._default_per_page))
        if not _PER_PAGE.match(text) or not 1 <= int(text) <= 200:
            raise _refusal(400, "per_page must be a number from 1 to 200")
        size = min(int(text), self._per_page_cap)
        if "page" in query:
            rows = self._numbered_page(query["page"], list(rows), size)
        return json_answer(200, [render(row) for row in islice(rows, size)])

    def _numbered_page(self, text: str, rows: Sequence[Any], size: int) -> Sequence[Any]:
        if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII):
            raise _refusal(400, "page must be a whole number from 1")
        page = int(text)
        if self._page_parameter == "last_again":
            page = min(page, max(1, -(-len(rows) // size)))
        return rows[(page - 1) * size :]

    def _moment(self, query: Mapping[str, str], name: str) -> datetime | None:
        """A time as Returnless V1 API writes it in its table of filters; "2022-02-01+00:00:00" there is the same, encoded."""
        if name not in query:
            return None
        if not _TIME.match(query[name]):
            raise _refusal(400, f"{name} must look like 2021-02-15 00:00:00")
        try:
            return parse_time(query[name], zone=self._filter_zone)
        except ValueError:
            raise _refusal(400, f"{name} is no time") from None

    def _find(self, kind: Kind, record_id: str) -> _Record | None:
        return self._records.get(record_id if kind == "returns" else f"request:{record_id}")

    def _not_found(self) -> HttpAnswer:
        if self._unknown_id == "404":
            return json_answer(404, _failed("Not found."))
        return json_answer(200, json.loads(self._unknown_id))

    def _insert(self, record: _Record) -> _Record:
        self._records[record.id] = record
        insort(self._by_time[record.kind], record, key=attrgetter("created"))
        return record

    def _touch(self, record: _Record) -> datetime:
        """The moment at which the record was updated: now."""
        record.updated = self._now().replace(microsecond=0)
        record.single = {}
        if record.kind == "returns":
            record.wire["updated_at"] = self._stamp()
        return record.updated

    def _stamp(self) -> str:
        return _print_time(self._now(), self._zone)


def _failed(message: str) -> Json:
    return {"result": False, "message": message}


def _refusal(status: int, message: str) -> Refusal:
    return Refusal(json_answer(status, _failed(message)))


def _without(record: Mapping[str, Any], name: str) -> Json:
    return {key: value for key, value in record.items() if key != name}


def _title(word: str) -> str:
    return word.replace("_", " ").capitalize()


def _note(message: str, stamp: str) -> Json:
    return {"message": message, "name": "Returnless Support", "quote_id": 408516, "created_at": stamp}


def _shipment(ret: Json, parcel: Json) -> Json:
    """A parcel with the facts of its return; its ``status`` is the return's (Returnless V1 API, Shipments endpoint)."""
    return {name: parcel[name] if name in parcel else ret[name] for name in _SHIPMENT}


def _direction(query: Mapping[str, str]) -> int:
    """Returnless V1 API, sort_order: newest first is the default. Undocumented: that any other word than its two is refused."""
    match query.get("sort_order", "desc"):
        case "asc":
            return 1
        case "desc":
            return -1
    raise _refusal(400, "sort_order must be asc or desc")


def _print_time(moment: datetime, zone: tzinfo) -> str:
    """Without a zone, as in every example of Returnless V1 API."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


# Returnless V1 API, Get all requests, Get all returns and New Return webhook: what their examples have in common.
_PIETER: Final = MappingProxyType(
    {
        "first_name": "Pieter",
        "last_name": "Post",
        "postcode": "5611NV",
        "country": "NL",
        "city": "Eindhoven",
        "address1": "PCzn Hooftlaan",
        "address2": "14",
        "addition": "",
    }
)
_SUITCASE: Final = MappingProxyType(
    {
        "return_item_id": "1458191",
        "product_id": "1007",
        "qty_ordered": "1.0000",
        "qty_returned": "1.0000",
        "qty_received": "0.0000",
        "order_product_id": "153397",
        "name": "Samsonite S'Cure Spinner 55 navy blue capri",
        "title_name": "Samsonite S'Cure Spinner 55",
        "model": "trvl-01598592",
        "article_code": "495398926",
        "cost": "87.50",
        "images": [{"http_path": "https://media.travelshop-cdn.nl/product-square-680/339033/image.jpg"}],
        "url": "https://www.travelshop.nl/samsonite-scure-spinner-55-navy-blue-capri.html",
        "u_brand": "Samsonite",
        "ean": "890128492109899",
        "reason_id": "2",
        "reason": "Size too small",
        "back_to_stock": "1",
        "remarks": "",
    }
)
_KEPT_RUCKSACK: Final = MappingProxyType(
    {
        "product_id": "1008",
        "qty_ordered": "2.0000",
        "qty_returned": "0.0000",
        "qty_received": "0.0000",
        "order_product_id": "153398",
        "name": "Eastpak x Havaianas Padded Pak'R Rugzak havaianas green",
        "title_name": "Eastpak x Havaianas Padded Pak'R Rugzak",
        "model": "trvl-1059819",
        "article_code": "EK000620C411001",
        "cost": "21.90",
        "images": [{"http_path": "https://media.travelshop-cdn.nl/product-square-680/362798/image.jpg"}],
        "url": "https://www.travelshop.nl/eastpak-x-havaianas-padded-pakr-rugzak-havaianas-green.html",
        "u_brand": "Eastpack",
        "ean": "5400879259557",
        "reason_id": "",
        "reason": "",
        "back_to_stock": "",
        "remarks": "",
    }
)
_EXAMPLE_REQUEST: Final = MappingProxyType(
    {
        "request_id": "948191",
        "request": "GK000102092019",
        "status": "processing",
        "reference": "ORD000123",
        "order_id": "124006",
        "order_date": "2021-01-10 10:46:27",
        "request_date": "2021-01-20 11:52:42",
        "form": "5919",
        "customer_id": "58179",
        "customer_email": "pieter@returnless.com",
        "billing_address": _PIETER,
        "return_notes": (
            _note("The status has been changed from Open to Approved", "2022-05-13 13:29:45"),
            _note("I have contacted the customer and everything is fine.", "2022-05-13 13:29:59"),
        ),
        "returned_products": (_SUITCASE,),
    }
)
_EXAMPLE_RETURN: Final = MappingProxyType(
    {
        "return_id": "948191",
        "return": "RENL1641091121",
        "status": "processing",
        "return_type": "coupon",
        "reference": "ORD000123",
        "order_id": "124006",
        "order_date": "2021-01-10 10:46:27",
        "return_date": "2021-01-20 11:52:42",
        "updated_at": "2021-01-21 21:29:59",
        "form": "5919",
        "customer_id": "58179",
        "customer_email": "pieter@returnless.com",
        "request_id": "481049",
        "shipping_description": "PostNL inleveren bij pakketpunt",
        "tracking_number": "3STRVL58192041",
        "tracking_status_id": "1000",
        "tracking_status": "Ready to Send",
        "tracking_url": "https://jouw.postnl.nl/track-and-trace/3STRVL58192041-NL-5611NV",
        "shipping_label_link": "https://www.returnless.com/shippinglabel/index/"
        "?scid=3SRLSS001989339&hash=hsFMhN544bhKD57wk9QDJxjsUJ",
        "files": ("https://www.retourneren.nl/sales/download/downloadCustomOption/id/8304498/key/1f96k3FAZG9exk6",),
        "return_questions": (
            {"option_id": "46363", "label": "Please describe the damage.", "value": "There is a stain on the t-shirt."},
        ),
        "billing_address": _PIETER,
        "return_notes": _EXAMPLE_REQUEST["return_notes"],
        "returned_products": (_SUITCASE,),
    }
)


def _examples(zone: tzinfo) -> tuple[_Record, ...]:
    """The examples of Returnless V1 API: request 948191, return 948191, and the parcel of return 371141.

    Not in the documentation: request 481049, which return 948191 names, and what the documentation's parcel does not tell of its return.
    """
    request = _plain(_EXAMPLE_REQUEST)
    origin = _plain(_EXAMPLE_REQUEST) | {
        "request_id": "481049",
        "request": "GK000102092018",
        "status": "label_created",
        "request_date": "2021-01-19 16:20:00",
        "return_notes": [],
    }
    first = _plain(_EXAMPLE_RETURN)
    second = _plain(_EXAMPLE_RETURN) | {
        "return_id": "371141",
        "return": "RENL0005191022",
        "return_type": "",
        "reference": "1004",
        "order_id": "2598449381543",
        "order_date": "2022-01-10 10:46:27",
        "return_date": "2022-01-20 11:52:42",
        "updated_at": "2022-01-20 11:52:42",
        "request_id": "",
        "tracking_number": "3STRVL987599921",
        "tracking_url": "https://jouw.postnl.nl/#!/track-en-trace/3STRVL987599921/NL/1234AB",
        "shipping_label_link": "https://www.returnless.com/shippinglabel/index/index?scid=3STRVL987599921&oid=371141"
        "&hash=a4d80bd0bd87b0ff2ef1f5b17bba557756cae676dbc6b01c0f12495de2b70c81&position=0",
        "files": [],
        "return_questions": [],
        "return_notes": [],
    }
    # Get single return is another moment of the same return than Get all returns.
    later = {"updated_at": "2021-01-21 22:19:58"}
    kept = (dict(_KEPT_RUCKSACK),)
    return (
        _example("requests", request, zone),
        _example("requests", origin, zone),
        evolve(_example("returns", first, zone), kept=kept, single=later),
        _example("returns", second, zone),
    )


def _example(kind: Kind, wire: Json, zone: tzinfo) -> _Record:
    created = parse_time(wire[_DATE[kind]], zone=zone)
    updated = parse_time(wire["updated_at"], zone=zone) if "updated_at" in wire else created
    return _Record(kind=kind, wire=wire, created=created, changed=updated, updated=updated)


def _plain(example: Mapping[str, Any]) -> Json:
    """A copy of its own, of dicts and lists all the way down."""
    copied: Json = json.loads(json.dumps(example, default=dict))
    return copied


FIRST_NAMES: Final = ("Ada", "Ben", "Chloé", "Daan", "Ewa", "Finn", "Grace", "Hugo", "Ines", "Jörg", "Kiri", "Li")
LAST_NAMES: Final = ("Sample", "van Example", "Tester", "Placeholder", "Fictional", "Specimen", "Demo", "Muster")
GOODS: Final = ("Sample Suitcase", "Sample T-shirt", "Sample Lamp", "Sample Kettle", "Sample Boots", "Sample Chair")
COLOURS: Final = ("blue", "green", "grijs", "rouge")
# Undocumented: which reasons there are, and which of them has which id; every account has its own.
REASONS: Final = (
    ("1", "Size too large"),
    ("2", "Size too small"),
    ("3", "Damaged"),
    ("4", "Andere kleur verwacht"),
    ("", ""),
)
NO_LABEL: Final = frozenset({"complete", "pending_payment"})  # Returnless V1 API, Return statuses
HANDLED: Final = frozenset({"received", "checked", "re-check", "completed", "delivered", "exchanged"})
UNTOUCHED: Final = frozenset({"concept", "open", "processing", "pending_payment"})
HOSTILE_TEXTS: Final = (
    "<script>alert('returns')</script>",
    "'; DROP TABLE returns; --",
    '=HYPERLINK("https://evil.example.com","refund")',
    "\x1b[31mred\x1b[0m\x07\r\nX-Injected: 1",
    "\u202egnp.eciovni\u202c \u200b\ufeff",
    "nul \x00 in the middle",
    "{{7*7}} ${7*7} %s %n {0.__class__}",
    "👩‍👩‍👧‍👦 Zoë Ж 你好 e\u0301",
    "../../etc/passwd?status=approved&x=1#%2F",
    "long " * 1000,
)


@frozen(kw_only=True)
class _Order:
    """What requests and returns say of a customer and an order. ``text`` is hostile, or None."""

    facts: Json
    address: Json
    returned: Sequence[Json]
    kept: Sequence[Json]
    text: str | None


class _Fiction:
    """Makes up orders, requests and returns: the same seed makes up the same ones."""

    def __init__(self, *, seed: int, zone: tzinfo, strange: bool, hostile: bool) -> None:
        self._random = random.Random(seed)  # noqa: S311  test data, not keys
        self._zone = zone
        self._strange = strange
        self._hostile = hostile
        # Both kinds count from the same number: an id alone never tells which kind it is.
        self._ids: Mapping[Kind, Iterator[int]] = {
            "requests": itertools.count(100_001),
            "returns": itertools.count(100_001),
        }
        self._orders = itertools.count(1)
        self._lines = itertools.count(700_001)
        self._parcels = itertools.count(1)

    def history(self, count: int, same_second: int) -> Iterator[_Record]:
        """So many requests, oldest first, then so many returns, oldest first; about half of them grew from a request."""
        moments = self._moments(count, same_second, SAME_SECOND)
        elsewhere = [index for index, moment in enumerate(moments) if moment != SAME_SECOND]
        grown = set(self._random.sample(elsewhere, min(count // 2, len(elsewhere))))
        words = itertools.cycle([*REQUEST_STATUSES, *(UNDOCUMENTED_STATUSES["requests"] if self._strange else ())])
        returns: list[tuple[datetime, _Record | None]] = []
        for index, moment in enumerate(moments):
            word = self._random.choice(("label_created",) * 6 + ("approved_without_shipment",))
            word = word if index in grown else next(words)
            request = self.request(self.order(moment), moment, word, changed=self._changed(moment, word))
            if index in grown:
                returns.append((moment + timedelta(seconds=self._random.randrange(3600, 259_200)), request))
            yield request
        alone = self._moments(count - len(grown), same_second, SAME_SECOND + timedelta(days=1))
        returns += [(moment, None) for moment in alone]
        words = itertools.cycle([*RETURN_STATUSES, *(UNDOCUMENTED_STATUSES["returns"] if self._strange else ())])
        for moment, request_ in sorted(returns, key=lambda pair: pair[0]):
            unshipped = request_ is not None and request_.wire["status"] == "approved_without_shipment"
            word = "complete" if unshipped else next(words)
            changed = self._changed(moment, word)
            yield self.return_(self.order(moment), moment, word, changed=changed, grown_from=request_)

    def order(self, bought_before: datetime) -> _Order:
        """An order of a made-up customer: every tenth address has a plus sign, every ninth customer is a guest."""
        number, rng = next(self._orders), self._random
        text = HOSTILE_TEXTS[number // 5 % len(HOSTILE_TEXTS)] if self._hostile and number % 5 == 0 else None
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        plus = "+returns" if number % 10 == 0 else ""
        bought = bought_before - timedelta(days=rng.randrange(1, 30), seconds=rng.randrange(86_400))
        lines = [self._line() for _ in range(rng.randrange(1, 4))]
        returned = rng.randrange(1, len(lines) + 1)
        return _Order(
            facts={
                # Every seventh order number has leading zeros; every tenth is the one before it once more.
                "reference": text or f"{'00' if number % 7 == 0 else 'SAMPLE'}{number - (number % 10 == 9):06d}",
                "order_id": f"{800_000 + number - (number % 10 == 9)}",
                "order_date": "0000-00-00 00:00:00" if text else _print_time(bought, UTC),
                "form": rng.choice(("5919", "5920")),
                "customer_id": "" if number % 9 == 0 else f"{60_000 + number % 500}",
                "customer_email": f"{first}.{last.replace(' ', '.')}{number % 97}{plus}@example.com".lower(),
            },
            address={
                "first_name": text or first,
                "last_name": last,
                "postcode": f"{1000 + number % 9000}AB",
                "country": rng.choice(("NL", "NL", "BE", "DE", "FR")),
                "city": "Sampledam",
                "address1": "Voorbeeldstraat",
                "address2": f"{1 + number % 200}",
                "addition": "A" if number % 6 == 0 else "",
            },
            returned=lines[:returned],
            kept=[_kept(line) for line in lines[returned:]],
            text=text,
        )

    def request(self, order: _Order, created: datetime, status: str, *, changed: datetime) -> _Record:
        """A request as Returnless V1 API, Get all requests, shows one."""
        number = next(self._ids["requests"])
        wire = {
            "request_id": str(number),
            "request": f"GK{number:012d}",
            "status": status,
            **_dated(order.facts, "request_date", _print_time(created, self._zone)),
            "billing_address": dict(order.address),
            "return_notes": self._notes(order.text, "Open", status, changed),
            "returned_products": [self._returned(line, order.text, received=False) for line in order.returned],
        }
        return _Record(kind="requests", wire=wire, created=created, changed=changed, updated=changed, kept=order.kept)

    def return_(
        self, order: _Order, created: datetime, status: str, *, changed: datetime, grown_from: _Record | None
    ) -> _Record:
        """A return as Returnless V1 API, Get all returns, shows one; of the same order and lines as the request that it grew from.

        Undocumented: what ``request_id`` is where there was no request; here "", "0" and null take turns.
        """
        number, rng = next(self._ids["returns"]), self._random
        text = order.text
        parcels = [self._parcel(text) for _ in range(2 if number % 40 == 0 else 1)]
        if status in NO_LABEL:
            parcels = [dict.fromkeys(parcels[0], "")]
        source = grown_from.wire if grown_from else None
        facts = {name: source[name] for name in order.facts} if source else order.facts
        lines = deepcopy(source["returned_products"]) if source else order.returned
        wire = {
            "return_id": str(number),
            "return": f"RENL{number:010d}",
            "status": status,
            "return_type": "coupon" if number % 3 == 0 else "",
            **_dated(facts, "return_date", _print_time(created, self._zone)),
            "request_id": source["request_id"] if source else ("", "0", None)[number % 3],
            "shipping_description": "" if status in NO_LABEL else text or "Sample Post inleveren bij pakketpunt",
            **parcels[0],
            "files": [f"https://files.example.com/id/{number}/key/{rng.getrandbits(60):x}"] if number % 6 == 0 else [],
            "return_questions": _questions(text) if number % 4 == 0 or text else [],
            "billing_address": dict(source["billing_address"] if source else order.address),
            "return_notes": self._notes(text, "Processing", status, changed),
            "returned_products": [self._returned(line, text, received=status in HANDLED) for line in lines],
        }
        wire = _after(wire, "return_date", {"updated_at": _print_time(changed, self._zone)})
        return _Record(
            kind="returns",
            wire=wire,
            created=created,
            changed=changed,
            updated=changed,
            kept=grown_from.kept if grown_from else order.kept,
            more_parcels=parcels[1:],
        )

    def _moments(self, count: int, same_second: int, second: datetime) -> list[datetime]:
        """Random seconds, oldest first; every eighth is the one before it once more, and so many are ``second``."""
        if same_second > count:
            raise ValueError(f"same_second must be at most {count} here")
        whole = int((LAST_CREATED - FIRST_CREATED).total_seconds())
        seconds = sorted(self._random.randrange(whole) for _ in range(count - same_second))
        spread = [FIRST_CREATED + timedelta(seconds=seconds[i - 1 if i % 8 == 7 else i]) for i in range(len(seconds))]
        return sorted(spread + [second] * same_second)

    def _changed(self, created: datetime, status: str) -> datetime:
        return created + timedelta(seconds=0 if status in UNTOUCHED else self._random.randrange(3600, 864_000))

    def _notes(self, text: str | None, before: str, status: str, changed: datetime) -> list[Json]:
        stamp = _print_time(changed, self._zone)
        notes = [_note(text, stamp)] if text else []
        if status not in UNTOUCHED:
            notes.append(_note(f"The status has been changed from {before} to {_title(status)}", stamp))
        return notes

    def _line(self) -> Json:
        number, rng = next(self._lines), self._random
        good = rng.choice(GOODS)
        ordered = rng.randrange(1, 4)
        return {
            "return_item_id": str(number),
            "product_id": f"{2000 + number % 800}",
            "qty_ordered": f"{ordered}.0000",
            "qty_returned": f"{rng.randrange(1, ordered + 1)}.0000",
            "qty_received": "0.0000",
            "order_product_id": f"{number + 1_000_000}",
            "name": f"{good} {rng.choice(COLOURS)}",
            "title_name": good,
            "model": f"sample-{number % 800:04d}",
            "article_code": "" if number % 4 == 0 else f"A{number % 800:04d}",
            "cost": f"{rng.randrange(100, 20_000) / 100:.2f}",
            "images": [{"http_path": f"https://images.example.com/{number % 800}.jpg"}] if number % 5 else [],
            "url": f"https://shop.example.com/sample-{number % 800}.html",
            "u_brand": "Sample Brand" if number % 3 else "",
            "ean": f"{2_000_000_000_000 + number}" if number % 4 else "",
            **dict(zip(("reason_id", "reason"), rng.choice(REASONS), strict=True)),
            "back_to_stock": "",
            "remarks": "",
        }

    def _returned(self, line: Json, text: str | None, *, received: bool) -> Json:
        filled = dict(line)
        if received:
            filled |= {"qty_received": line["qty_returned"], "back_to_stock": self._random.choice(("1", "0"))}
        if text:
            filled |= {"name": text, "title_name": text, "reason": text, "remarks": text}
        return filled

    def _parcel(self, text: str | None) -> Json:
        number = next(self._parcels)
        tracking_number = f"SAMPLE {number}/#1?x=%2F" if text else f"SAMPLE{number:09d}"
        status = ("9001", "Sample Status") if self._strange and number % 7 == 0 else ("1000", "Ready to Send")
        query = f"scid=SAMPLE{number:09d}&hash={self._random.getrandbits(128):032x}"
        return {
            "tracking_number": tracking_number,
            "tracking_status_id": status[0],
            "tracking_status": status[1],
            "tracking_url": f"https://track.example.com/#!/track/{quote(tracking_number, safe='')}/NL/1234AB",
            "shipping_label_link": f"https://labels.example.com/shippinglabel/index/?{query}",
        }


def _dated(facts: Mapping[str, Any], name: str, stamp: str) -> Json:
    """What is known of an order, and the record's own date where Returnless V1 API has it: after the order's."""
    return _after(facts, "order_date", {name: stamp})


def _after(record: Mapping[str, Any], name: str, more: Mapping[str, Any]) -> Json:
    """The record with more fields after one: Returnless's order of fields is kept."""
    names = list(record)
    place = names.index(name) + 1
    return {key: record[key] for key in names[:place]} | dict(more) | {key: record[key] for key in names[place:]}


def _kept(line: Json) -> Json:
    """A line that the customer keeps, as the webhook tells it (Returnless V1 API, New Return webhook)."""
    nothing = {"qty_returned": "0.0000", "reason_id": "", "reason": "", "back_to_stock": "", "remarks": ""}
    return _without(line, "return_item_id") | nothing


def _questions(text: str | None) -> list[Json]:
    return [{"option_id": "46364", "label": "Is it still in its wrapping?", "value": text or "Yes"}]
