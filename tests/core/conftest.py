"""A vendor on loopback that answers whatever a test sets, and an account at it."""

import asyncio
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar

import pytest
from attrs import define, evolve, field, frozen

from returns_hub import (
    Adapter,
    AuthenticationFailed,
    Capability,
    Limits,
    NotFound,
    Operation,
    Page,
    ProviderUnavailable,
    RateLimited,
    Reply,
    Request,
    Return,
    ReturnQuery,
    Secret,
    Support,
    UnexpectedReply,
    ValidationFailed,
    registry,
)
from returns_hub.transport import AsyncTransport, Transport, TransportOptions


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@frozen(kw_only=True)
class Acme(Adapter):
    """A vendor made for these tests."""

    api_key: Secret
    per_day: int | None = None

    provider: ClassVar[str] = "acme"
    display_name: ClassVar[str] = "Acme"
    base_urls: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"production": "https://api.acme.test/v1", "sandbox": "https://sandbox.acme.test/v1"}
    )
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        {Capability.LIST_RETURNS: Support.YES, Capability.GET_RETURN: Support.YES, Capability.TRACK: Support.NO}
    )

    @property
    def limits(self) -> Limits:
        return Limits(per_day=self.per_day)

    def authorize(self, request: Request) -> Request:
        return evolve(request, headers=(*request.headers, ("Authorization", f"Bearer {self.api_key.reveal()}")))

    def check(self, reply: Reply) -> Any:
        if reply.status == 401:
            raise AuthenticationFailed(http_status=401)
        if reply.status == 404:
            raise NotFound(http_status=404)
        if reply.status == 422:
            raise ValidationFailed(http_status=422)
        if reply.status == 429:
            raise RateLimited(http_status=429)
        if reply.status >= 500:
            raise ProviderUnavailable(http_status=reply.status)
        if reply.status >= 300:
            raise UnexpectedReply(http_status=reply.status)
        return reply.json()

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        reply = yield Request(method="GET", path="/returns", query=(("page", cursor or "1"),))
        data = self.check(reply)
        return Page(items=tuple(Return(provider="acme", id=each) for each in data["ids"]), next=data["next"])

    def get_return(self, return_id: str) -> Operation[Return]:
        reply = yield Request(method="GET", path=f"/returns/{return_id}")
        return Return(provider="acme", id=self.check(reply)["id"])


class AcmeWithKeys(Acme):
    """Acme, if it knew idempotency keys."""

    idempotency_header: ClassVar[str | None] = "Idempotency-Key"


@pytest.fixture
def acme() -> Callable[..., Acme]:
    """Makes the account; ``keys=True`` for a vendor with idempotency keys."""

    def make(api_key: str = "k", *, per_day: int | None = None, keys: bool = False) -> Acme:
        return (AcmeWithKeys if keys else Acme)(api_key=Secret(api_key), per_day=per_day)

    return make


@frozen
class Entry:
    """What stands for an entry point of an installed distribution."""

    name: str
    value: str
    loaded: Any
    dist: Any = None

    def load(self) -> Any:
        return self.loaded


@pytest.fixture
def installed_acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Acme]]:
    """Acme as the only installed vendor."""
    entry = Entry("acme", "acme:Acme", Acme)
    monkeypatch.setattr(registry, "_entries", lambda group: (entry,))
    registry.adapter_class.cache_clear()
    yield Acme
    registry.adapter_class.cache_clear()


@frozen
class Received:
    """A request as it arrived, its target exactly as it stood on the request line."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@define
class Answer:
    raw: bytes
    delay: float = 0.0
    hang_up: str = ""
    drip: float = 0.0


@define
class Vendor:
    """A server on loopback. Answers are given in the order they were set; after the last, ``{}`` for ever."""

    url: str
    port: int
    requests: list[Received] = field(factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    every: Answer | None = None
    echoes: bool = False
    _answers: list[Answer] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def will(
        self,
        status: int = 200,
        *,
        body: bytes | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
        raw: bytes | None = None,
        delay: float = 0.0,
        hang_up: str = "",
        drip: float = 0.0,
        zipped: bool = False,
        always: bool = False,
    ) -> None:
        """Tell the next answer. ``hang_up``: ``before_reading``, ``after_reading``; ``drip``: seconds a byte."""
        content = json.dumps({} if data is None else data).encode() if body is None else body
        fields = dict(headers or {})
        if zipped:
            content = gzip.compress(content)
            fields["Content-Encoding"] = "gzip"
        fields.setdefault("Content-Length", str(len(content) if length is None else length))
        head = f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        answer = Answer(
            raw=head.encode() + b"\r\n" + content if raw is None else raw, delay=delay, hang_up=hang_up, drip=drip
        )
        if always:
            self.every = answer
        else:
            self._answers.append(answer)

    def answer(self) -> Answer:
        with self._lock:
            if self._answers:
                return self._answers.pop(0)
        return self.every or Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def next_hangs_up_unread(self) -> bool:
        with self._lock:
            return bool(self._answers) and self._answers[0].hang_up == "before_reading"

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection, connection.makefile("rb") as stream:
            if self.next_hangs_up_unread():
                self.answer()
                return
            while (received := read_request(stream)) is not None:
                with self._lock:
                    self.requests.append(received)
                    self.at_once += 1
                    self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    if not send(connection, echo(received) if self.echoes else self.answer()):
                        return
                finally:
                    with self._lock:
                        self.at_once -= 1


def echo(received: Received) -> Answer:
    """The answer that says what was asked for."""
    content = json.dumps({"target": received.target}).encode()
    return Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))


def read_request(stream: Any) -> Received | None:
    line = stream.readline().decode("latin-1")
    if not line:
        return None
    method, target, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (text := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return Received(method, target, headers, stream.read(int(headers.get("content-length", 0))))


def send(connection: socket.socket, answer: Answer) -> bool:
    """Returns False where the connection is to be closed."""
    try:
        time.sleep(answer.delay)
        if answer.hang_up:
            return False
        if not answer.drip:
            connection.sendall(answer.raw)
        for byte in answer.raw if answer.drip else b"":
            connection.sendall(bytes([byte]))
            time.sleep(answer.drip)
    except OSError:
        return False
    head, _, body = answer.raw.partition(b"\r\n\r\n")
    return f"content-length: {len(body)}".encode() in head.lower()


@pytest.fixture
def start_vendor() -> Iterator[Callable[[], Vendor]]:
    """Starts a server on a port of its own."""
    listeners: list[socket.socket] = []

    def accept(listener: socket.socket, vendor: Vendor) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=vendor.serve, args=(connection,), daemon=True).start()

    def start() -> Vendor:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        listeners.append(listener)
        port = listener.getsockname()[1]
        vendor = Vendor(url=f"http://127.0.0.1:{port}", port=port)
        threading.Thread(target=accept, args=(listener, vendor), daemon=True).start()
        return vendor

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def vendor(start_vendor: Callable[[], Vendor]) -> Vendor:
    return start_vendor()


@pytest.fixture
def closed_port() -> int:
    """A port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port at which a connection is never established: the queue of whoever listens there is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for early in waiting:
            early.setblocking(False)
            early.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
        for early in waiting:
            early.close()


@define
class FakeTime:
    """A clock for a rate limiter, and the sleeps of both drivers: to sleep only moves the clock, and is written down."""

    now: float = 1000.0
    slept: list[float] = field(factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """Time that passes only while a driver sleeps."""
    faked = FakeTime()
    pause = asyncio.sleep

    async def sleep(seconds: float) -> None:
        faked.sleep(seconds)
        await pause(0)

    sleeping = SimpleNamespace(sleep=faked.sleep)
    monkeypatch.setattr("returns_hub.transport.drivers.time", sleeping)
    monkeypatch.setattr("tenacity.nap.time", sleeping)
    monkeypatch.setattr("asyncio.sleep", sleep)
    return faked


Run = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_driver(driver: str) -> Iterator[Callable[..., Run]]:
    """Opens a transport, of either kind, and gives its ``run`` as a function that blocks."""
    closing: list[Callable[[], Any]] = []

    def open_one(adapter: Adapter, url: str, *, limiter: Any = None, write_limiter: Any = None, **options: Any) -> Run:
        base = {
            "base_url": f"{url}/v1",
            "limiter": limiter,
            "write_limiter": write_limiter,
            "options": TransportOptions(**options),
        }
        if driver == "sync":
            transport = Transport(adapter, **base)
            closing.append(transport.close)
            return transport.run
        runner = asyncio.Runner()
        awaited = AsyncTransport(adapter, **base)
        closing.extend([lambda: runner.run(awaited.aclose()), runner.close])
        return lambda operation, **given: runner.run(awaited.run(operation, **given))

    yield open_one
    for close in closing:
        close()
