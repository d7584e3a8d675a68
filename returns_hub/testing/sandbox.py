"""Simulators of vendors over real HTTP on loopback, and faults that can be switched on in any of them.

A vendor package's ``sandbox.py`` subclasses :class:`Simulator` and says how to answer one call; everything
around that is here: the server, one call at a time, the log of requests, and what can go wrong on the way.
Needs the extra ``server``; pytest is not imported.
"""

import asyncio
import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from fnmatch import fnmatchcase
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeAlias, TypedDict, Unpack
from urllib.parse import parse_qsl, unquote, urlsplit

import uvicorn
from attrs import define, evolve, field, frozen
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from returns_hub.convert import encode_json
from returns_hub.operation import HttpAnswer, Pairs

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_ABORT: Final = "returns_hub.abort"
_MAX_BODY: Final = 1 << 20
_MAX_ANSWER: Final = 1 << 20
_HTML_ERROR: Final = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>An error occurred.</p></body></html>"


@frozen
class RunningServer:
    """A server that accepts connections."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """``http://HOST:PORT``, without a slash at its end."""
        return f"http://{self.host}:{self.port}"


@contextmanager
def serve(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, lifespan: bool = False) -> Iterator[RunningServer]:
    """A server for ``app`` in a thread: it accepts connections on entry and is gone on exit.

    Port 0 takes a free one. Any number may run side by side. Connections still open on exit are aborted. ``lifespan`` for
    an application that opens something when it starts, and closes it when it ends.
    """
    with socket.create_server((host, port)) as listener:
        server = _Server(app, lifespan=lifespan)
        thread = threading.Thread(target=server.run_on, args=(listener,), name=f"serve {host}", daemon=True)
        thread.start()
        try:
            server.ready.wait()
            if not server.started:
                raise RuntimeError("the server did not start; its log says why")
            yield RunningServer(*listener.getsockname()[:2])
        finally:
            server.stop()
            thread.join()


class _AbortableProtocol(HttpToolsProtocol):
    """uvicorn's protocol; it also tells the application how to abort the connection, and logs no requests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # Config(access_log=False) would silence every uvicorn of the process

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[_ABORT] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # a key of our own


class _Server(uvicorn.Server):
    """uvicorn's server; it says when it is ready, and ends at once instead of at its next tick."""

    def __init__(self, app: ASGIApp, *, lifespan: bool) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_AbortableProtocol,
                ws="none",
                lifespan="on" if lifespan else "off",
                log_config=None,
                proxy_headers=False,
            )
        )
        self.ready = threading.Event()
        self._wake: Callable[[], object] = int

    def run_on(self, listener: socket.socket) -> None:
        try:
            self.run(sockets=[listener])
        finally:
            self.ready.set()  # also where it could not start: nobody may wait for ever

    def stop(self) -> None:
        self.should_exit = True
        self._wake()

    async def main_loop(self) -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(stopping.set)
        while not await self.on_tick(0):  # refreshes the Date header
            self.ready.set()
            try:
                await asyncio.wait_for(stopping.wait(), 1)
            except TimeoutError:
                continue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  uvicorn's signature
        for listener in self.servers:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        await self.lifespan.shutdown()


@frozen(kw_only=True)
class Call:
    """One request as a simulator sees it. ``path`` is as it was sent: whole, and percent-encoded."""

    method: str
    path: str
    query: Pairs = ()
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts, decoded: an encoded slash stays inside its part."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/"))


@frozen(kw_only=True)
class LoggedRequest:
    """A request that a simulator saw, and what became of it.

    ``status`` is None where the connection was dropped; ``fault`` names the fault that struck, if one did.
    """

    method: str
    path: str
    query: Pairs
    status: int | None
    fault: str | None = None


class Refusal(Exception):
    """Raised anywhere inside a simulator: answer with this, and do nothing else."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(status: int, payload: Any, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """A JSON answer, compact and in UTF-8. A ``Decimal`` keeps its digits: 450.00 stays ``450.00``."""
    body = encode_json(payload, ascii_only=False).encode()
    return HttpAnswer(status=status, headers={"content-type": "application/json", **(headers or {})}, body=body)


def html_answer(status: int) -> HttpAnswer:
    """An error page, as gateways put in front of an API answer."""
    return HttpAnswer(status=status, headers={"content-type": "text/html"}, body=_HTML_ERROR.format(status).encode())


@frozen(kw_only=True)
class Outcome:
    """What a caller gets to see.

    ``answer`` None aborts the connection before a single byte of a reply. ``delay`` is in seconds. ``cut`` aborts
    the connection after half of the body.
    """

    answer: HttpAnswer | None
    delay: float = 0.0
    cut: bool = False


Work: TypeAlias = Callable[[], HttpAnswer]
Effect: TypeAlias = Callable[[Work], Outcome]


class When(TypedDict, total=False):
    """Which requests a fault applies_to.

    ``path`` is a shell pattern (``*/rmas/*``) for the whole path as it was sent. ``times`` is how often. What is left
    out means any method, any path, always.
    """

    method: str
    path: str
    times: int


@define(kw_only=True)
class Fault:
    """One rule of :class:`Faults`. ``fired`` counts the requests it has struck."""

    name: str
    when: When
    effect: Effect = field(repr=False)
    fired: int = 0

    def applies_to(self, call: Call) -> bool:
        """True if the rule still applies, and to this call."""
        return (
            self.fired < self.when.get("times", float("inf"))
            and self.when.get("method", call.method) == call.method
            and fnmatchcase(call.path, self.when.get("path", "*"))
        )


def _plain_error(status: int) -> Any:
    return {"error": status}


def _data_rows(payload: Any) -> Any:
    return payload.get("data") if isinstance(payload, dict) else None


@define(kw_only=True)
class Faults:
    """What goes wrong in a simulator. Each method switches one fault on, until :meth:`clear`.

    The first rule that applies to a request applies_to it, and no other. Deterministic, and safe to switch from any
    thread while requests come in.

    The fields say what the vendor's own bodies look like: ``error_body`` is the payload of an error by HTTP status,
    ``soft_error_body`` that of an error under HTTP 200, and ``rows`` finds the list in a listing's payload, None in
    others.
    """

    error_body: Callable[[int], Any] = _plain_error
    soft_error_body: Any = None
    rows: Callable[[Any], Any] = _data_rows
    _rules: list[Fault] = field(init=False, factory=list)
    _lock: threading.Lock = field(init=False, repr=False, factory=threading.Lock)

    def too_many_requests(
        self,
        *,
        retry_after: int | datetime | None = None,
        headers: Mapping[str, str] | None = None,
        **when: Unpack[When],
    ) -> Fault:
        """429 instead of the work. ``retry_after`` in seconds, or as an HTTP date; without it no such header."""
        sent = dict(headers or {})
        if isinstance(retry_after, datetime):
            sent["retry-after"] = format_datetime(retry_after.astimezone(UTC), usegmt=True)
        elif retry_after is not None:
            sent["retry-after"] = str(retry_after)
        return self.answer_with(json_answer(429, self.error_body(429), sent), "too_many_requests", **when)

    def server_error(self, *, html: bool = False, after_work: bool = False, **when: Unpack[When]) -> Fault:
        """500, in JSON or as an error page; instead of the work, or although it was done."""
        answer = html_answer(500) if html else json_answer(500, self.error_body(500))
        return self.answer_with(answer, "server_error", after_work=after_work, **when)

    def unavailable(self, **when: Unpack[When]) -> Fault:
        """503 with an error page, instead of the work."""
        return self.answer_with(html_answer(503), "unavailable", **when)

    def soft_error(self, **when: Unpack[When]) -> Fault:
        """The vendor's error under HTTP 200, instead of the work."""
        return self.answer_with(json_answer(200, self.soft_error_body), "soft_error", **when)

    def answer_with(
        self, answer: HttpAnswer, name: str = "answer_with", *, after_work: bool = False, **when: Unpack[When]
    ) -> Fault:
        """Exactly this answer; instead of the work, or although it was done."""

        def effect(work: Work) -> Outcome:
            if after_work:
                work()
            return Outcome(answer=answer)

        return self._add(name, effect, when)

    def slow(self, seconds: float, **when: Unpack[When]) -> Fault:
        """The work is done at once, the reply comes late: a caller that gives up does not know."""
        return self._add("slow", lambda work: Outcome(answer=work(), delay=seconds), when)

    def drop_before(self, **when: Unpack[When]) -> Fault:
        """The connection is aborted and nothing was done."""
        return self._add("drop_before", lambda _: Outcome(answer=None), when)

    def drop_after_commit(self, **when: Unpack[When]) -> Fault:
        """The work is done, then the connection is aborted before the reply."""

        def effect(work: Work) -> Outcome:
            work()
            return Outcome(answer=None)

        return self._add("drop_after_commit", effect, when)

    def cut_off(self, **when: Unpack[When]) -> Fault:
        """The work is done, and the connection is aborted in the middle of the reply."""
        return self._add("cut_off", lambda work: Outcome(answer=work(), cut=True), when)

    def truncated(self, **when: Unpack[When]) -> Fault:
        """The work is done, and the reply is half of its JSON, in good HTTP."""

        def effect(work: Work) -> Outcome:
            answer = work()
            return Outcome(answer=evolve(answer, body=answer.body[: len(answer.body) // 2]))

        return self._add("truncated", effect, when)

    def duplicate_rows(self, **when: Unpack[When]) -> Fault:
        """Every row of a listing comes twice."""
        return self._add_rows("duplicate_rows", lambda rows: [row for row in rows for _ in range(2)], when)

    def reordered_rows(self, **when: Unpack[When]) -> Fault:
        """The rows of a listing come in the opposite order."""
        return self._add_rows("reordered_rows", lambda rows: rows[::-1], when)

    def empty_page(self, **when: Unpack[When]) -> Fault:
        """A listing comes without its rows, and with all else that it says."""
        return self._add_rows("empty_page", lambda _: [], when)

    def repeated_page(self, **when: Unpack[When]) -> Fault:
        """Whatever is asked, the first answer comes again: a listing never ends."""
        first: list[HttpAnswer] = []

        def effect(work: Work) -> Outcome:
            if not first:
                first.append(work())
            return Outcome(answer=first[0])

        return self._add("repeated_page", effect, when)

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self._rules.clear()

    def run(self, call: Call, work: Work) -> tuple[Outcome, str | None]:
        """What becomes of a call whose undisturbed handling is ``work``, and the name of the fault that struck."""
        with self._lock:
            fault = next((rule for rule in self._rules if rule.applies_to(call)), None)
            if fault is None:
                return Outcome(answer=work()), None
            fault.fired += 1
            return fault.effect(work), fault.name

    def _add(self, name: str, effect: Effect, when: When) -> Fault:
        fault = Fault(name=name, when=when, effect=effect)
        with self._lock:
            self._rules.append(fault)
        return fault

    def _add_rows(self, name: str, change: Callable[[list[Any]], list[Any]], when: When) -> Fault:
        def effect(work: Work) -> Outcome:
            answer = work()
            payload = json.loads(answer.body, parse_float=Decimal)
            rows = self.rows(payload)
            if isinstance(rows, list):
                rows[:] = change(rows)
            return Outcome(answer=json_answer(answer.status, payload, dict(answer.headers)))

        return self._add(name, effect, when)


def call_platform(
    method: str, url: str, headers: Pairs | Mapping[str, str], body: bytes | None = None, *, timeout: float = 5.0
) -> HttpAnswer | None:
    """A vendor's own call: what the platform answers, None if that takes longer than ``timeout`` seconds, or fails.

    No redirect is followed.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an absolute http or https URL")
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request(method, f"{parts.path}?{parts.query}".removesuffix("?") or "/", body, dict(headers))
        reply = connection.getresponse()
        return HttpAnswer(status=reply.status, headers=reply.getheaders(), body=reply.read(_MAX_ANSWER))
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


@frozen
class TriggerResult:
    """Something that a simulator told of a return: the status of each answer it got, None where none came."""

    return_id: str
    statuses: tuple[int | None, ...]


class BaseUrls(TypedDict):
    """Where a vendor is: its base URL, and its further ones by name."""

    base_url: str
    extra_base_urls: Mapping[str, str]


class Simulator(ABC):
    """A vendor's API as an ASGI application, for :func:`serve`.

    Calls are answered one at a time, whatever the number of connections or servers, so that every count is exact.
    A subclass gives the abstract methods, takes ``self.lock`` wherever Python code reads or changes its data, and has
    an ``options`` attribute: what ``connect`` needs beside the base URL.
    """

    provider: ClassVar[str]
    base_path: ClassVar[str] = ""
    """What the vendor's base URL has after the host, for ``connect(base_url=running.url + simulator.base_path)``."""
    more_base_paths: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The same of the vendor's further base URLs, by the names of ``Adapter.extra_base_urls``."""
    options: Mapping[str, Any]

    def __init__(self, *, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.lock = threading.RLock()
        self._requests: list[LoggedRequest] = []

    def base_urls(self, url: str) -> BaseUrls:
        """The vendor's base URLs, if the simulator is served at ``url``; what :func:`open_with` takes."""
        more = {name: url + path for name, path in self.more_base_paths.items()}
        return {"base_url": url + self.base_path, "extra_base_urls": more}

    @abstractmethod
    def answer(self, call: Call) -> HttpAnswer:
        """What the vendor answers; may raise :class:`Refusal`."""

    @property
    @abstractmethod
    def return_ids(self) -> frozenset[str]:
        """The ids of all returns, for comparison with what was read."""

    @abstractmethod
    def set_status(self, return_id: str, word: str) -> None:
        """Move a return at the vendor, as its staff would: any word goes."""

    def trigger(self, webhook_url: str) -> TriggerResult | None:  # noqa: ARG002 - the contract's
        """Let something happen to a return, and tell of it, signed, to ``webhook_url``; None if the vendor tells nothing.

        Not to be called while ``self.lock`` is held: whoever is told may ask at once.
        """
        return None

    def call_order_lookup(self, platform_url: str, order_number: str) -> HttpAnswer | None:
        """Ask a shop for an order, signed, as the vendor does; None: no answer.

        Raises:
            NotImplementedError: the vendor asks for none.
        """
        raise NotImplementedError(f"{self.provider} asks for no orders")

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """Every request so far, in order of arrival, answered or not."""
        with self.lock:
            return tuple(self._requests)

    def handle(self, call: Call) -> Outcome:
        """What becomes of one call, faults included; it is in :attr:`requests` afterwards."""
        with self.lock:
            outcome, fault = self.faults.run(call, lambda: self._answer(call))
            status = outcome.answer.status if outcome.answer else None
            self._requests.append(
                LoggedRequest(method=call.method, path=call.path, query=call.query, status=status, fault=fault)
            )
        return outcome

    def _answer(self, call: Call) -> HttpAnswer:
        try:
            return self.answer(call)
        except Refusal as refusal:
            return refusal.answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        outcome = self.handle(_read_call(scope, await _read_body(receive)))
        if outcome.delay and await _is_disconnected(receive, within=outcome.delay):
            return
        if outcome.answer is None:
            await _abort(scope, receive)
            return
        headers = [(name.encode(), value.encode()) for name, value in outcome.answer.headers]
        body = outcome.answer.body
        if body or outcome.answer.status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": outcome.answer.status, "headers": headers})
        if outcome.cut:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await _abort(scope, receive)
            return
        await send({"type": "http.response.body", "body": body})


def _read_call(scope: Scope, body: bytes) -> Call:
    return Call(
        method=scope["method"],
        path=scope["raw_path"].decode("ascii"),
        query=tuple(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True)),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more and len(body) <= _MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def _is_disconnected(receive: Receive, *, within: float | None = None) -> bool:
    """True as soon as the caller's connection is gone, False if it is still there after ``within`` seconds."""
    try:
        await asyncio.wait_for(receive(), within)
    except TimeoutError:
        return False
    return True


async def _abort(scope: Scope, receive: Receive) -> None:
    scope[_ABORT]()
    await _is_disconnected(receive)
