"""The simulator: the API that Returnless V1 has, and the calls that it makes to a shop.

The API answers over :func:`returns_hub.testing.serve`. The calls look orders up and deliver webhooks to whatever URL they are given.
Paths, parameters, words and shapes are those of the Returnless V1 documentation; where only the vendor's own shop connectors
show a thing, it says "connector". What both leave open is decided here and marked "undocumented"; where a client must be
ready for another decision, there is an option.
"""

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import islice
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from attrs import evolve

from returns_hub import HttpAnswer, parse_time
from returns_hub.testing import Call, Fault, Faults, Refusal, SignedRequest, Simulator, TriggerResult, json_answer
from returns_hub_returnless.sandbox import webhooks
from returns_hub_returnless.sandbox.seed import RecordGenerator, documented_records
from returns_hub_returnless.sandbox.state import (
    REQUEST_STATUSES,
    RETURN_STATUSES,
    Json,
    Kind,
    Record,
    RecordStore,
    without,
)

# "Any of the supported states", and `completed`, with which the documentation shows how a request is updated.
_SETTABLE: Final[Mapping[Kind, frozenset[str]]] = MappingProxyType(
    {"requests": frozenset({*REQUEST_STATUSES, "completed"}), "returns": frozenset(RETURN_STATUSES)}
)
_UPDATED: Final[Mapping[Kind, str]] = MappingProxyType(
    {"requests": "Request updated successfully!", "returns": "Return updated successfully!"}
)
PAGING: Final = frozenset({"per_page", "sort_order"})
FILTERS: Final = frozenset({"reference", "order_id", "created_after", "emailaddress", "status", "updated_after"})
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z", re.ASCII)
_PER_PAGE: Final = re.compile(r"\d{1,3}\Z", re.ASCII)
_SHIPMENT: Final = (
    *("tracking_number", "tracking_status_id", "tracking_status", "tracking_url", "shipping_label_link"),
    *("return_id", "return", "status", "reference", "order_id", "return_date", "form"),
    *("customer_id", "customer_email", "returned_products"),
)


class _ReturnlessFaults(Faults):
    """The faults that every simulator has; a 429 has an empty body (Returnless V1 API, Rate limiting)."""

    def answer_with(
        self, answer: HttpAnswer, name: str = "answer_with", *, after_work: bool = False, **when: Any
    ) -> Fault:
        if name == "too_many_requests":
            headers = [(key, value) for key, value in answer.headers if key != "content-type"]
            answer = evolve(answer, headers=headers, body=b"")
        return super().answer_with(answer, name, after_work=after_work, **when)


class ReturnlessSandbox(Simulator):
    """Returnless with ``count`` seeded returns and as many requests, the examples of its documentation among them.

    About half of the requests grew into a return, which names them in ``request_id``. Requests and returns have the same
    numbers for ids, as the documentation's 948191 has. People, orders and parcels other than the documentation's are fictitious. The same
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
    - ``now``: the clock, for the limit, for what changes, and for the ``Date`` of its answers.
    """

    provider: ClassVar[str] = "returnless"
    sends_date: ClassVar[bool] = True
    """Every answer has a ``Date``, by the simulator's own clock."""

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
        """What PUT has set, by the id of the request: no GET shows it."""
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._signing_key = signing_key
        self._exclusive_bounds = exclusive_bounds
        self._per_page_cap = per_page_cap or 200
        self._default_per_page = default_per_page
        self._ignored = frozenset(ignored)
        self._one_filter = one_filter
        self._any_update_matches = any_update_matches
        self._updated_order = updated_order
        self._zone = ZoneInfo(timezone)
        self._filter_zone = ZoneInfo(filter_timezone or timezone)
        self._unknown_id = unknown_id
        self._login_status = login_status
        self._requests_per_minute = requests_per_minute
        self._timeout = timeout
        self._pause = pause
        self._now = now
        self._used: Counter[int] = Counter()
        self._unsent: list[str] = []
        self._records = RecordStore(zone=self._zone, now=now)
        self._generator = RecordGenerator(
            seed=seed, zone=self._zone, undocumented=undocumented_statuses, hostile=hostile_texts
        )
        examples = documented_records(self._zone)
        for kind in _SETTABLE:
            for record in [example for example in examples if example.kind == kind][:count]:
                self._records.insert(record)
        for record in self._generator.history(max(0, count - 2), same_second):
            self._records.insert(record)

    @property
    def records(self) -> Mapping[str, Json]:
        """Every request and return by id, as a listing shows it; requests first, and each kind oldest first."""
        with self.lock:
            return {record.id: record.wire for record in self._records}

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all returns, and of the requests from which none of them grew: what a mirror should hold."""
        with self.lock:
            grown = {f"request:{record.wire['request_id']}" for record in self._records if record.kind == "returns"}
            return frozenset(self._records.by_id.keys() - grown)

    def set_status(self, return_id: str, word: str) -> None:
        """Move a return or a request to a status, as staff would in the portal: any word goes, and a note is left."""
        with self.lock:
            self._records.set_status(self._records.by_id[return_id], word)

    def edit(self, return_id: str, **fields: Any) -> None:
        """Change anything but the status: a received quantity, a note, a label that was made.

        A return's ``updated_at`` moves; the time of its status does not.
        """
        with self.lock:
            self._records.edit(self._records.by_id[return_id], fields)

    def add_request(self, *, status: str = "open", created_at: datetime | None = None, **fields: Any) -> str:
        """A new request, created now by default, with ``fields`` as given and the others made up; its id."""
        with self.lock:
            created = (created_at or self._now()).replace(microsecond=0)
            record = self._generator.request(self._generator.order(created), created, status, changed_at=created)
            record.wire.update(fields)
            return self._records.insert(record).id

    def add_return(
        self,
        *,
        request: str | None = None,
        status: str = "processing",
        created_at: datetime | None = None,
        **fields: Any,
    ) -> str:
        """A new return, created now by default, with ``fields`` as given and the others made up; its id.

        A customer made it, so a webhook about it waits for :meth:`deliver_batch`. ``request`` is the id of the request that it
        grows from: that one is ``label_created`` then (Returnless V1 API, Request statuses).
        """
        with self.lock:
            created = (created_at or self._now()).replace(microsecond=0)
            grown_from = None if request is None else self._records.by_id[request]
            order = self._generator.order(created)
            record = self._generator.return_(order, created, status, changed_at=created, grown_from=grown_from)
            record.wire.update(fields)
            if request is not None:
                self.set_status(request, "label_created")
            self._unsent.append(self._records.insert(record).id)
            return record.id

    def webhook(self, return_id: str) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of the webhook about a return."""
        with self.lock:
            return webhooks.build_webhook(self._records.by_id[return_id], self._signing_key)

    @property
    def event_names(self) -> tuple[str, ...]:
        """The one event that V1 has."""
        return (webhooks.EVENT,)

    def make_event(
        self,
        event: str,
        webhook_url: str,
        *,
        changes: Mapping[str, Any] = MappingProxyType({}),
        secret: str | None = None,
    ) -> SignedRequest:
        """The webhook about the newest return, or about the one that ``changes`` names in ``return_id``."""
        if event != webhooks.EVENT:
            raise ValueError(f"Returnless has no event {event!r}")
        with self.lock:
            wanted = str(changes.get("return_id") or max((one for one in self.return_ids if ":" not in one), key=int))
            if wanted not in self._records.by_id:
                raise ValueError(f"the simulator has no return {wanted!r}")
            record = self._records.by_id[wanted]
            headers, body = webhooks.build_webhook(record, secret or self._signing_key, changes)
        # The id is appended to the registered address, which ends with a slash.
        url = f"{webhook_url.rstrip('/')}/{quote(wanted, safe='')}"
        return SignedRequest(method="POST", url=url, headers=headers, body=body)

    def make_order_lookup(self, platform_url: str, order_number: str, *, secret: str | None = None) -> SignedRequest:
        """How a shop is asked for an order."""
        return webhooks.build_order_lookup(platform_url, order_number, secret or self._signing_key)

    def call_order_lookup(self, platform_url: str, order_number: str) -> HttpAnswer | None:
        """Ask a shop for an order, signed; None: no answer within ``timeout``."""
        return self.make_order_lookup(platform_url, order_number).send(timeout=self._timeout)

    def deliver_webhook(self, webhook_url: str, return_id: str) -> webhooks.Delivery:
        """Deliver the webhook about a return until it is acknowledged, or dropped after the last retry (Returnless V1 API, Failures and retries)."""
        return self._deliver(webhook_url, [return_id])[0]

    def deliver_batch(self, webhook_url: str) -> tuple[webhooks.Delivery, ...]:
        """Deliver the webhook about every return added since the last batch. Returnless V1 API, Webhooks: one every 15 minutes.

        Undocumented: that what failed is tried again together, and in the old order.
        """
        with self.lock:
            waiting, self._unsent = self._unsent, []
        return self._deliver(webhook_url, waiting)

    def trigger(self, webhook_url: str) -> TriggerResult:
        """Add a return, and deliver its webhook to ``webhook_url``, a slash and the id."""
        return_id = self.add_return()
        with self.lock:
            self._unsent.remove(return_id)
        delivery = self.deliver_webhook(webhook_url + "/", return_id)
        return TriggerResult(return_id, tuple([attempt.status for attempt in delivery.attempts]))

    def _deliver(self, webhook_url: str, return_ids: Sequence[str]) -> tuple[webhooks.Delivery, ...]:
        messages = {return_id: self.webhook(return_id) for return_id in return_ids}
        return webhooks.deliver(webhook_url, messages, timeout=self._timeout, pause=self._pause)

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
        answer = self._route(call)
        date = format_datetime(self._now().astimezone(UTC), usegmt=True)
        return evolve(answer, headers=(*answer.headers, ("date", date)))

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
        """A bare object. One return comes without the ``return_type`` that a listing has (Returnless V1 API, Get single return)."""
        self._parameters(call, frozenset())
        record = self._records.find(kind, record_id)
        if record is None:
            return self._not_found()
        return json_answer(200, without(record.wire, "return_type") | record.single)

    def _update_record(self, call: Call, kind: Kind, record_id: str) -> HttpAnswer:
        """The values come in the query (Returnless V1 API, Update request and Update return); a body is not looked at.

        Undocumented: a refusal, here ``result`` false under HTTP 200, for a word that is not in the vocabulary, for several values at
        once, and for none.
        """
        known = {"status", "free_shipping"} if kind == "requests" else {"status"}
        query = self._parameters(call, frozenset(known))
        record = self._records.find(kind, record_id)
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
        for record in self._records.created_after("returns", None, exclusive=False):
            if record.wire["tracking_number"]:
                yield record.wire, record.wire
                for parcel in record.further_parcels:
                    yield record.wire, parcel

    def _parameters(self, call: Call, known: frozenset[str]) -> Mapping[str, str]:
        """The query by name. Undocumented: that what is unknown or given twice is refused."""
        query: dict[str, str] = {}
        for name, value in call.query:
            if name in query:
                raise _refusal(400, f"{name} was given more than once")
            if name not in known:
                raise _refusal(400, f"unknown parameter {name[:40]}")
            query[name] = value
        if known >= FILTERS:
            dropped = [name for name in query if name in FILTERS][:-1] if self._one_filter else []
            query = {name: value for name, value in query.items() if name not in {*self._ignored, *dropped}}
        return query

    def _select(self, kind: Kind, query: Mapping[str, str]) -> Iterator[Record]:
        """The records that match, in order. Creation time is looked up in an index: a page costs what is read for it.

        Undocumented: an e-mail address matches in any case, everything else only as it is stored.
        """
        created_after, updated_after = self._moment(query, "created_after"), self._moment(query, "updated_after")
        records = self._records.created_after(kind, created_after, exclusive=self._exclusive_bounds)
        if self._updated_order == "always" or (self._updated_order == "filtered" and updated_after is not None):
            records = sorted(records, key=attrgetter("updated_at"))
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

    def _is_updated_after(self, record: Record, bound: datetime) -> bool:
        """Returnless V1 API, Filters: "with a status changed after a certain DateTime"."""
        moment = record.updated_at if self._any_update_matches else record.changed_at
        return moment > bound or (moment == bound and not self._exclusive_bounds)

    def _page(self, query: Mapping[str, str], rows: Iterable[Any], *, render: Callable[[Any], Json]) -> HttpAnswer:
        """Returnless V1 API, Parameters: ``per_page`` is 1 to 200. Undocumented: that anything else is refused."""
        text = query.get("per_page", str(self._default_per_page))
        if not _PER_PAGE.match(text) or not 1 <= int(text) <= 200:
            raise _refusal(400, "per_page must be a number from 1 to 200")
        size = min(int(text), self._per_page_cap)
        return json_answer(200, [render(row) for row in islice(rows, size)])

    def _moment(self, query: Mapping[str, str], name: str) -> datetime | None:
        """A time as the documentation's table of filters writes it; "2022-02-01+00:00:00" there is the same, encoded."""
        if name not in query:
            return None
        if not _TIME.match(query[name]):
            raise _refusal(400, f"{name} must look like 2021-02-15 00:00:00")
        try:
            return parse_time(query[name], zone=self._filter_zone)
        except ValueError:
            raise _refusal(400, f"{name} is no time") from None

    def _not_found(self) -> HttpAnswer:
        if self._unknown_id == "404":
            return json_answer(404, _failed("Not found."))
        return json_answer(200, json.loads(self._unknown_id))


def _failed(message: str) -> Json:
    return {"result": False, "message": message}


def _refusal(status: int, message: str) -> Refusal:
    return Refusal(json_answer(status, _failed(message)))


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
