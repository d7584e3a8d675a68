"""What the tests of receiving share: a vendor over real HTTP that also sends facts."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
from attrs import define, evolve, field, frozen
from sqlalchemy import text

from returns_hub import (
    Client,
    HttpAnswer,
    Receipt,
    Return,
    ReturnHint,
    ReturnObserved,
    Secret,
    ShipmentStatus,
    Status,
    UnknownEvent,
    WebhookRequest,
    body_digest,
    decode_json,
    dump,
    load,
    parse_time,
)
from returns_hub.deliveries import Inbox, Processor
from returns_hub.json_codec import encode_json
from returns_hub.store import Store
from returns_hub.testing import serve
from returns_hub.testing.drivers import open_with
from returns_hub.testing.fake import FakeAdapter, FakeVendor

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    """So many minutes after noon."""
    return lambda minutes: NOON + timedelta(minutes=minutes)


@frozen(kw_only=True)
class TellingAdapter(FakeAdapter):
    """The made-up vendor, whose deliveries also tell facts, name parts, and break the adapter."""

    def derive(self, ret: Return) -> Return:
        if ret.status is not Status.UNKNOWN or not ret.shipments:
            return ret
        on_the_way = any(shipment.status is ShipmentStatus.IN_TRANSIT for shipment in ret.shipments)
        return evolve(ret, status=Status.IN_TRANSIT if on_the_way else Status.READY_TO_SHIP)

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        body = decode_json(request.body)
        if body.get("breaks"):
            raise RuntimeError("canary-7f3a")
        events = tuple(map(_read_event, body["events"]))
        return Receipt(events=events, answer=HttpAnswer(status=200), dedupe_key=body_digest(request.body))


def _read_event(told: Mapping[str, Any]) -> ReturnHint | ReturnObserved | UnknownEvent:
    if "told" in told:
        ret = load(told["told"], Return)
        return ReturnObserved(name="told", observed=ret, occurred_at=parse_time(told["at"]))
    if "hint" in told or "parts" in told:
        return ReturnHint(name="moved", return_id=told.get("hint"), aliases=tuple(told.get("parts", ())))
    return UnknownEvent(name=told.get("name"), body=b"", ids=told.get("ids", {}))


@pytest.fixture
def vendor() -> FakeVendor:
    """A vendor with the returns F1 to F3."""
    return FakeVendor(count=3)


@pytest.fixture
def client(vendor: FakeVendor) -> Iterator[Client]:
    """A client of the vendor, over real HTTP."""
    with serve(vendor) as running, open_with(TellingAdapter(api_key=Secret("fake_key")), base_url=running.url) as made:
        yield made


class Bodies(Protocol):
    """The bodies of deliveries."""

    def told(self, *returns: Return, minute: float = 0) -> bytes: ...
    def hint(self, return_id: str) -> bytes: ...
    def parts(self, *parts: str) -> bytes: ...
    def unknown(self, name: str) -> bytes: ...


class _Bodies:
    def told(self, *returns: Return, minute: float = 0) -> bytes:
        moment = dump(NOON + timedelta(minutes=minute))
        return self._body(*({"told": dump(ret, raw=True), "at": moment} for ret in returns))

    def hint(self, return_id: str) -> bytes:
        return self._body({"hint": return_id})

    def parts(self, *parts: str) -> bytes:
        return self._body({"parts": list(parts)})

    def unknown(self, name: str) -> bytes:
        return self._body({"name": name})

    def _body(self, *events: Mapping[str, Any]) -> bytes:
        return encode_json({"events": list(events)}).encode()


@pytest.fixture
def bodies() -> Bodies:
    return _Bodies()


@pytest.fixture
def inbox(store: Store) -> Iterator[Inbox]:
    with Inbox(store) as opened:
        yield opened


@define
class Post:
    """The vendor's post: what it is handed is in the inbox."""

    client: Client
    inbox: Inbox
    minutes: Iterator[int] = field(factory=lambda: iter(range(1_000_000)))

    def __call__(self, *bodies: bytes, account: str = "acme") -> list[int]:
        return [self._put(account, body) for body in bodies]

    def _put(self, account: str, body: bytes) -> int:
        received_at = NOON + timedelta(hours=1, minutes=next(self.minutes))
        request = WebhookRequest(method="POST", url="https://hub.example/w", body=body, received_at=received_at)
        try:
            receipt = self.client.adapter.read_webhook(request)
        except RuntimeError:
            receipt = Receipt(events=(), answer=HttpAnswer(status=200), dedupe_key=body_digest(body))
        return self.inbox.put(account, request, receipt)


@pytest.fixture
def post(client: Client, inbox: Inbox) -> Post:
    return Post(client, inbox)


@pytest.fixture
def processor(store: Store, client: Client) -> Processor:
    """It tries everything four times."""
    return Processor(store, lambda _: client, attempts=4)


@pytest.fixture
def pass_time(store: Store) -> Callable[[], None]:
    """A day goes by for everything that is pending: what waits for its time is due, what was claimed has lapsed."""

    def go_by() -> None:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        moment: Any = yesterday if store.database.dialect == "postgresql" else f"{yesterday:%Y-%m-%dT%H:%M:%S.%fZ}"
        with store.database.writing() as connection:
            due = "UPDATE deliveries SET due_at = :moment WHERE state = 'pending'"
            lapsed = "UPDATE deliveries SET claimed_until = :moment WHERE claimed_until IS NOT NULL"
            for statement in (due, lapsed):
                connection.execute(text(statement), {"moment": moment})

    return go_by
