"""A made-up vendor: an adapter and its simulator, small enough to read in one sitting.

Use them to test code that works with returns-hub, without any real vendor's peculiarities; or read them before writing
an adapter: they pass the same suite, :class:`returns_hub.testing.AdapterConformance`, and show each part once::

    with serve(FakeVendor()) as running:
        with open_with(FakeAdapter(api_key=Secret("fake_key")), base_url=running.url) as client:
            client.get_return("F1")
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar, Final

from attrs import evolve, frozen

from returns_hub import (
    Adapter,
    Capability,
    Customer,
    Direction,
    Facts,
    HttpAnswer,
    Item,
    Label,
    LabelStatus,
    NewReturn,
    Operation,
    OrderRef,
    Page,
    Reason,
    Receipt,
    Reply,
    Request,
    Return,
    ReturnHint,
    ReturnQuery,
    Secret,
    Shipment,
    Slice,
    Status,
    StatusTable,
    Support,
    UnexpectedReply,
    UnknownEvent,
    WebhookRequest,
    body_digest,
    format_time,
    parse_time,
)
from returns_hub.testing.faults import Call, json_answer
from returns_hub.testing.simulator import Refusal, Simulator
from returns_hub.wire import (
    Record,
    build_error,
    build_path,
    decode_object,
    error_class,
    get,
    parse_one,
    parse_rows,
    sign_body,
    sign_hmac_sha256_hex,
    verify_signed_body,
    without_none,
)

SIGNATURE_HEADER: Final = "X-Fake-Signature"

STATUSES: Final = StatusTable(
    name="fake return",
    source="returns_hub.testing.fake",
    rows={
        "asked": Facts(status=Status.REQUESTED),
        "granted": Facts(status=Status.APPROVED),
        "arrived": Facts(status=Status.RECEIVED),
        "done": Facts(status=Status.CLOSED),
        "refused": Facts(status=Status.REJECTED),
    },
)


@frozen(kw_only=True)
class FakeAdapter(Adapter):
    """An account at the made-up vendor. ``webhook_secrets`` are all that may sign a delivery now."""

    api_key: Secret
    webhook_secrets: tuple[Secret, ...] = ()

    provider: ClassVar[str] = "fake"
    display_name: ClassVar[str] = "Fake"
    base_urls: ClassVar[Mapping[str, str]] = MappingProxyType({"production": "https://api.fake.invalid"})
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        dict.fromkeys(Capability, Support.NO)
        | {
            Capability.LIST_RETURNS: Support.YES,
            Capability.GET_RETURN: Support.YES,
            Capability.CREATE_RETURN: Support.PARTIAL,
            Capability.SET_STATUS: Support.YES,
            Capability.ADD_NOTE: Support.NOT_IMPLEMENTED,
            Capability.CHANGES: Support.YES,
            Capability.BACKFILL: Support.YES,
            Capability.RECEIVE: Support.YES,
        }
    )
    vocabularies: ClassVar[Mapping[str, StatusTable]] = MappingProxyType({"return": STATUSES})
    idempotency_header: ClassVar[str | None] = "Idempotency-Key"

    def authorize(self, request: Request) -> Request:
        """The request with the key in a header."""
        return evolve(request, headers=(*request.headers, ("X-Fake-Key", self.api_key.reveal())))

    def check(self, reply: Reply) -> Any:
        """The JSON of a success; the error that the HTTP status means."""
        if 200 <= reply.status < 300:
            return reply.json()
        raise build_error(error_class(reply.status), reply)

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page, in order of creation; the cursor is the id that the page before ended with."""
        # The vendor has no word for some statuses: what is not asked for is left out below.
        words = query.raw_status or tuple(word for status in query.status for word in STATUSES.words_for(status))
        filters = without_none(
            after=cursor,
            limit=str(query.page_size or 10),
            email=query.customer_email,
            order=query.order_number,
            created_after=query.created_after and format_time(query.created_after),
            created_before=query.created_before and format_time(query.created_before),
            updated_after=query.updated_after and format_time(query.updated_after),
            newest_first="1" if query.newest_first else None,
        )
        reply = yield get("/returns", [*filters.items(), *(("status", word) for word in words)])
        page = _parse_page(self.check(reply))
        return evolve(page, items=[ret for ret in page.items if not query.status or ret.status in query.status])

    def get_return(self, return_id: str) -> Operation[Return]:
        """One return."""
        reply = yield get(build_path("returns", return_id))
        return parse_one(self.check(reply), _parse_return, where="")

    def create_return(self, new: NewReturn) -> Operation[Return]:
        """A return for an order; the vendor keeps its number and the customer's address, and nothing else."""
        body = {"order": new.order_number, "email": new.customer_email}
        reply = yield Request(method="POST", path="/returns", json=body)
        return parse_one(self.check(reply), _parse_return, where="")

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Operation[Return]:
        """Move a return; the vendor takes no note with it."""
        words = (raw_status,) if raw_status else STATUSES.words_for(status) if status else ()
        if note is not None or not words:
            raise self.unsupported(Capability.SET_STATUS, "it takes one of its statuses, and no note")
        # Setting a status twice does no more than setting it once.
        reply = yield Request(
            method="PATCH", path=build_path("returns", return_id), json={"status": words[0]}, replayable=True
        )
        return parse_one(self.check(reply), _parse_return, where="")

    def changes(self, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of what changed since a moment."""
        return self.list_returns(ReturnQuery(updated_after=since), cursor)

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """One slice: the listing itself."""
        query = ReturnQuery(created_after=since, created_before=until)
        return (Slice(key="all", read=lambda cursor: self.list_returns(query, cursor)),)

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the raw body is signed with a live secret: hexadecimal HMAC-SHA256."""
        verify_signed_body(request, SIGNATURE_HEADER, self.webhook_secrets)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request, signed with the first live secret."""
        return sign_body(request, SIGNATURE_HEADER, self.webhook_secrets)

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """A hint to read the return again."""
        key = body_digest(request.body)
        record = Record(decode_object(request.body))
        name, return_id = record.text("event"), record.optional_id("id")
        event: ReturnHint | UnknownEvent = UnknownEvent(name=name, body=request.body)
        if name is not None and return_id is not None:
            event = ReturnHint(name=name, return_id=return_id)
        return Receipt(events=(event,), answer=HttpAnswer(status=200), dedupe_key=key)


def _parse_page(data: Any) -> Page[Return]:
    if not isinstance(data, dict) or not isinstance(data.get("returns"), list):
        raise UnexpectedReply("a page is expected", where="returns")
    items, invalid_records = parse_rows(enumerate(data["returns"]), _parse_return, where="returns")
    return Page(items=items, next=Record(data).text("next"), invalid_records=invalid_records)


def _parse_return(raw: Mapping[str, Any]) -> Return:
    record = Record(raw)
    word, order, email = record.text("status"), record.text("order"), record.text("email")
    facts = STATUSES.look_up(word)
    parcel = record.record("parcel")
    return Return(
        provider="fake",
        id=record.id("id"),
        number=record.text("number"),
        status=facts.status or Status.UNKNOWN,
        status_raw=word,
        order=OrderRef(number=order, id=record.optional_id("order_id")) if order else None,
        customer=Customer(email=email) if email else None,
        items=tuple([_parse_item(line) for line in record.records("lines")]),
        shipments=tuple(_parse_shipments(parcel)),
        created_at=record.time("created_at"),
        updated_at=record.time("updated_at"),
        raw=raw,
        unreadable=record.unreadable,
    )


def _parse_item(record: Record) -> Item:
    reason = record.text("reason")
    return Item(
        id=record.optional_id("id"),
        sku=record.text("sku"),
        quantity=record.number("quantity"),
        reason=Reason(code=reason) if reason else None,
        raw=record.raw,
    )


def _parse_shipments(record: Record) -> Iterator[Shipment]:
    shipment_id, url = record.optional_id("id"), record.text("label")
    if shipment_id is not None:
        yield Shipment(
            id=shipment_id,
            tracking_number=record.text("tracking"),
            label=Label(status=LabelStatus.READY, url=url) if url else None,
            direction=Direction.INBOUND,
            raw=record.raw,
        )


class FakeVendor(Simulator):
    """The made-up vendor's API, with ``count`` returns, a day apart; ``now`` is its clock."""

    provider: ClassVar[str] = "fake"

    def __init__(
        self,
        *,
        count: int = 20,
        api_key: str = "fake_key",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self.options: Mapping[str, Any] = {"api_key": api_key}
        self._now = now
        self._ids = itertools.count(1)
        self._returns: dict[str, dict[str, Any]] = {}
        self._created: dict[str, HttpAnswer] = {}
        start = datetime(2024, 1, 1, tzinfo=UTC)
        for number in range(count):
            email = f"customer-{number % 2}@example.com"
            row = self._add(f"#{1001 + number}", email, start + timedelta(days=number))
            row |= {"updated_at": format_time(start + timedelta(days=number, hours=1)), "parcel": _parcel(number)}
            if number == 1:
                row["status"] = "granted"

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all returns."""
        with self.lock:
            return frozenset(self._returns)

    def set_status(self, return_id: str, word: str) -> None:
        """Move a return, as the vendor's staff would: any word goes."""
        with self.lock:
            self._returns[return_id] |= {"status": word, "updated_at": format_time(self._now())}

    def webhook(self, event: str, return_id: str, secret: str) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a signed delivery."""
        body = json.dumps({"event": event, "id": return_id}).encode()
        return sign(body, secret), body

    def answer(self, call: Call) -> HttpAnswer:
        """Lists, gets, creates and moves returns."""
        if call.headers.get("x-fake-key") != self.options["api_key"]:
            raise _refusal(401)
        match call.method, call.segments:
            case "GET", ("returns",):
                return self._list(call.query)
            case "GET", ("returns", return_id):
                return json_answer(200, self._known(return_id))
            case "POST", ("returns",):
                return self._create(call)
            case "PATCH", ("returns", return_id):
                row, word = self._known(return_id), str(_body(call).get("status"))
                if word not in STATUSES.rows:
                    raise _refusal(422)
                self.set_status(return_id, word)
                return json_answer(200, row)
        raise _refusal(404)

    def _list(self, query: tuple[tuple[str, str], ...]) -> HttpAnswer:
        asked = dict(query)
        words = [value for name, value in query if name == "status"]
        rows = [
            row
            for row in sorted(self._returns.values(), key=lambda row: (row["created_at"], row["id"]))
            if (not words or row["status"] in words)
            and asked.get("email", row["email"]) == row["email"]
            and asked.get("order", row["order"]) == row["order"]
            and _between(row["created_at"], asked.get("created_after"), asked.get("created_before"))
            and _between(row["updated_at"], asked.get("updated_after"), None)
        ]
        if "newest_first" in asked:
            rows.reverse()
        ids = [row["id"] for row in rows]
        first = ids.index(asked["after"]) + 1 if asked.get("after") in ids else 0
        page = rows[first : first + int(asked.get("limit", "10"))]
        more = bool(page) and page[-1] is not rows[-1]
        return json_answer(200, {"returns": page, "next": page[-1]["id"] if more else None})

    def _create(self, call: Call) -> HttpAnswer:
        """Once for each idempotency key: the same key is given the same answer."""
        key = call.headers.get("idempotency-key")
        if key is None or key not in self._created:
            body = _body(call)
            if not body.get("order"):
                raise _refusal(422)
            answer = json_answer(201, self._add(body["order"], body.get("email"), self._now()))
            self._created[key or f"none {len(self._created)}"] = answer
            return answer
        return self._created[key]

    def _add(self, order: str, email: str | None, moment: datetime) -> dict[str, Any]:
        text, number = format_time(moment.replace(microsecond=0)), next(self._ids)
        row: dict[str, Any] = {
            "id": f"F{number}",
            "number": f"RMA-{number:03}",
            "status": "asked",
            "order": order,
            "order_id": str(5000 + number),
            "email": email,
            "created_at": text,
            "updated_at": text,
            "lines": [
                {"id": f"F{number}-1", "sku": "SHIRT-M", "quantity": 1, "reason": "too_small"},
                {"id": f"F{number}-2", "sku": "SOCKS", "quantity": 3, "reason": "unwanted"},
            ],
            "parcel": None,
        }
        self._returns[row["id"]] = row
        return row

    def _known(self, return_id: str) -> dict[str, Any]:
        if return_id not in self._returns:
            raise _refusal(404)
        return self._returns[return_id]


def _parcel(number: int) -> dict[str, str]:
    return {"id": f"P{number}", "tracking": f"FAKE{number:06}", "label": f"https://labels.fake.invalid/{number}.pdf"}


def sign(body: bytes, secret: str) -> Mapping[str, str]:
    """The header with which the made-up vendor delivers this body."""
    return {SIGNATURE_HEADER: sign_hmac_sha256_hex(body, [Secret(secret)])}


def _body(call: Call) -> dict[str, Any]:
    try:
        body = json.loads(call.body)
    except ValueError:
        raise _refusal(400) from None
    return body if isinstance(body, dict) else {}


def _between(moment: str, start: str | None, end: str | None) -> bool:
    time = parse_time(moment)
    return (start is None or parse_time(start) <= time) and (end is None or time <= parse_time(end))


def _refusal(status: int) -> Refusal:
    return Refusal(json_answer(status, {"error": status}))
