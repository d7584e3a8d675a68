"""What drives operations over HTTP: the only module that imports httpx, and no httpx type leaves it.

:class:`Transport` and :class:`AsyncTransport` do the I/O. Every decision (what is sent, what is sent again and when,
what a failure means) is made by :class:`_Call` and the plain functions below it, which both share.
"""

import functools
import logging
import platform
import re
import time
import zlib
from collections.abc import Callable, Generator, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast
from urllib.parse import quote, urlencode

from attrs import define, evolve, field, frozen

from returns_hub import telemetry
from returns_hub.adapter import Adapter, Rate
from returns_hub.convert import encode_json
from returns_hub.errors import (
    AuthenticationFailed,
    ConfigurationError,
    Conflict,
    NotFound,
    PermissionDenied,
    PluginError,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ReturnsHubError,
    TransportFailed,
    UnexpectedReply,
    ValidationFailed,
    error_location,
)
from returns_hub.operation import Operation, Pairs, Reply, Request
from returns_hub.rate_limits import (
    SILENT,
    Limiter,
    RateLimiter,
    RateLimitHeaders,
    parse_rate_limit_headers,
)
from returns_hub.retry import CALL_BACKOFF, RetryBudget

if TYPE_CHECKING:
    import ssl

    import httpx

T = TypeVar("T")

_log = logging.getLogger("returns_hub")
_log.addHandler(logging.NullHandler())

# A vendor that names a longer wait means a day's allowance or an outage: the caller hears of it instead of sleeping.
_LONGEST_WAIT: Final = 120.0
# In less than this no vendor answers: to begin would only leave a write in doubt.
_SHORTEST_ATTEMPT: Final = 0.01
_MOST_CONNECTIONS: Final = 10

_PORTS: Final = {"http": 80, "https": 443}
_DEFAULT_HEADERS: Final = (("Accept", "application/json"), ("Accept-Encoding", "gzip"))

# What a vendor answers when it has not carried out a write. After any other failure it may have.
_REFUSALS: Final = (AuthenticationFailed, PermissionDenied, NotFound, ValidationFailed, Conflict, RateLimited)

_METHOD: Final = re.compile(r"[A-Z]+\Z")
_PATH: Final = re.compile(r"(/[!\"$-.0->@-~]*)*\Z")
_DOTS: Final = re.compile(r"/(\.|%2e){1,2}(/|\Z)", re.IGNORECASE)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEADER_VALUE: Final = re.compile(r"([!-~]([ \t!-~]*[!-~])?)?\Z")


@frozen(kw_only=True)
class TransportOptions:
    """How patient a client is.

    ``timeout`` is the seconds one attempt may take, ``deadline`` those of a whole call with its retries and waits;
    ``attempts`` is how often one request is sent at most. A reply above ``max_reply_bytes``, on the wire or unpacked,
    is not read.
    """

    timeout: float = 30.0
    deadline: float = 120.0
    attempts: int = 5
    max_reply_bytes: int = 16 * 1024 * 1024

    def __attrs_post_init__(self) -> None:
        for name in ("timeout", "deadline"):
            seconds = getattr(self, name)
            if type(seconds) not in (int, float) or not 0 < seconds < float("inf"):
                raise ConfigurationError(f"{name} must be a number of seconds above 0")
        for name in ("attempts", "max_reply_bytes"):
            count = getattr(self, name)
            if type(count) is not int or count < 1:
                raise ConfigurationError(f"{name} must be a whole number above 0")


class Transport:
    """Runs operations of one account, blocking. Threads may share it.

    A vendor that sends the head of its reply byte by byte, each in time, cannot be cut short here: a blocking read is
    timed out one by one. :class:`AsyncTransport` has no such gap.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        base_url: str,
        extra_base_urls: Mapping[str, str] = MappingProxyType({}),
        rate: Rate | None = None,
        limiter: Limiter | None = None,
        options: TransportOptions = TransportOptions(),
    ) -> None:
        import httpx

        self._route = _Route(adapter, base_url, extra_base_urls, limiter or RateLimiter(rate), options)
        # Not a client: cookies, redirects and logging of whole URLs are what is not wanted here.
        self._http = httpx.HTTPTransport(
            verify=_tls_context(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_MOST_CONNECTIONS),
            proxy=_proxy(self._route.base_url),
        )
        self._closed = False
        _silence_libraries()

    def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """What the operation returns, once its requests are answered.

        ``idempotency_key`` names the intent at vendors that know such keys; the others are not sent it. Without one,
        a key is made for every call.

        Raises:
            ProviderError: the call failed; see ``maybe_applied`` for what may have happened nevertheless.
        """
        if self._closed:
            raise RuntimeError("this client is closed")
        call = _Call(self._route, operation, idempotency_key)
        ours = _ours.set(True)
        try:
            request = call.advance(None)
            while request is not None:
                request = call.advance(self._exchange(call, request))
        except ReturnsHubError as error:
            failure = call.explained(error)
        else:
            return call.result
        finally:
            _ours.reset(ours)
            operation.close()
        raise failure

    def close(self) -> None:
        """Close the connections. Doing it again does nothing."""
        self._closed = True
        self._http.close()

    def _exchange(self, call: "_Call[Any]", request: "_Outgoing") -> Reply:
        """The reply to a request, after as many attempts as it takes and may take."""
        from stamina import retry_context

        call.begin(request)
        try:
            for attempt in retry_context(on=call.wait_before_repeat, attempts=call.attempts, timeout=None):
                with attempt:
                    while pause := call.pause():
                        time.sleep(pause)
                    try:
                        self._send(call, request)
                    finally:
                        call.tell_limiter()
                    call.judge()
        except ProviderError:
            # The operation decides what a reply means, where there is one: NotFound may be an answer to it.
            if not call.answered:
                raise
        return call.reply

    def _send(self, call: "_Call[Any]", request: "_Outgoing") -> None:
        import httpx

        seconds = call.begin_attempt()
        extensions: dict[str, Any] = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)}
        if request.is_write:
            extensions["trace"] = call.watch
        try:
            response = self._http.handle_request(
                httpx.Request(
                    request.method, request.url, headers=request.headers, content=request.body, extensions=extensions
                )
            )
            try:
                for chunk in response.iter_raw():
                    call.collect(chunk)
            finally:
                response.close()
            call.receive(response.status_code, response.headers.raw)
        except Exception as error:  # noqa: BLE001 - whatever the HTTP stack raises holds our headers in its frames
            failure = call.failed(error)
        else:
            return
        raise failure


class AsyncTransport:
    """Runs operations of one account on an event loop: the first one that it is used on."""

    def __init__(
        self,
        adapter: Adapter,
        *,
        base_url: str,
        extra_base_urls: Mapping[str, str] = MappingProxyType({}),
        rate: Rate | None = None,
        limiter: Limiter | None = None,
        options: TransportOptions = TransportOptions(),
    ) -> None:
        import asyncio

        import httpx

        self._route = _Route(adapter, base_url, extra_base_urls, limiter or RateLimiter(rate), options)
        # Not a client: cookies, redirects and logging of whole URLs are what is not wanted here.
        self._http = httpx.AsyncHTTPTransport(
            verify=_tls_context(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_MOST_CONNECTIONS),
            proxy=_proxy(self._route.base_url),
        )
        self._closed = False
        # One httpx client with many requests at once takes a time quadratic in their number.
        self._slots = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._loop: asyncio.AbstractEventLoop | None = None
        _silence_libraries()

    async def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """What the operation returns, once its requests are answered.

        ``idempotency_key`` names the intent at vendors that know such keys; the others are not sent it. Without one,
        a key is made for every call.

        Raises:
            ProviderError: the call failed; see ``maybe_applied`` for what may have happened nevertheless.
        """
        import asyncio

        self._refuse_if_unusable()
        call = _Call(self._route, operation, idempotency_key)
        ours = _ours.set(True)
        try:
            async with asyncio.timeout(call.remaining):
                request = call.advance(None)
                while request is not None:
                    request = call.advance(await self._exchange(call, request))
        except TimeoutError:
            failure = call.explained(call.overdue())
        except ReturnsHubError as error:
            failure = call.explained(error)
        else:
            return call.result
        finally:
            _ours.reset(ours)
            operation.close()
        raise failure

    async def aclose(self) -> None:
        """Close the connections. Doing it again does nothing."""
        self._closed = True
        await self._http.aclose()

    def _refuse_if_unusable(self) -> None:
        import asyncio

        if self._closed:
            raise RuntimeError("this client is closed")
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise RuntimeError("this client belongs to another event loop; open one in each loop")

    async def _exchange(self, call: "_Call[Any]", request: "_Outgoing") -> Reply:
        """The reply to a request, after as many attempts as it takes and may take."""
        import asyncio

        from stamina import retry_context

        call.begin(request)
        try:
            async for attempt in retry_context(on=call.wait_before_repeat, attempts=call.attempts, timeout=None):
                with attempt:
                    while pause := await self._ask_limiter(call.pause):
                        await asyncio.sleep(pause)
                    try:
                        async with self._slots:
                            await self._send(call, request)
                    finally:
                        await self._ask_limiter(call.tell_limiter)
                    call.judge()
        except ProviderError:
            # The operation decides what a reply means, where there is one: NotFound may be an answer to it.
            if not call.answered:
                raise
        return call.reply

    async def _ask_limiter(self, ask: Callable[[], T]) -> T:
        """What the limiter says; where it asks a database, that does not keep the event loop waiting."""
        import asyncio

        return await asyncio.to_thread(ask) if self._route.limiter.blocks else ask()

    async def _send(self, call: "_Call[Any]", request: "_Outgoing") -> None:
        import asyncio

        import httpx

        seconds = call.begin_attempt()
        # One timer around all of it is exact; httpx's own, one for each read, are not needed beside it.
        extensions: dict[str, Any] = {"timeout": {}}
        if request.is_write:
            extensions["trace"] = call.watch_async
        try:
            async with asyncio.timeout(seconds):
                response = await self._http.handle_async_request(
                    httpx.Request(
                        request.method,
                        request.url,
                        headers=request.headers,
                        content=request.body,
                        extensions=extensions,
                    )
                )
                try:
                    async for chunk in response.aiter_raw():
                        call.collect(chunk)
                finally:
                    await response.aclose()
            call.receive(response.status_code, response.headers.raw)
        except Exception as error:  # noqa: BLE001 - whatever the HTTP stack raises holds our headers in its frames
            failure = call.failed(error)
        else:
            return
        raise failure


class _Route:
    """What the calls of one transport share: the account, where it is, and how much of it is asked for."""

    def __init__(
        self,
        adapter: Adapter,
        base_url: str,
        extra_base_urls: Mapping[str, str],
        limiter: Limiter,
        options: TransportOptions,
    ) -> None:
        self.adapter = adapter
        self.base_url = base_url.rstrip("/")
        self.extra_base_urls = {name: url.rstrip("/") for name, url in extra_base_urls.items()}
        self.origins = {_origin(parse_base_url(url)) for url in (base_url, *extra_base_urls.values())}
        self.options = options
        self.limiter = limiter
        self.budget = RetryBudget()


@frozen(kw_only=True, repr=False)
class _Outgoing:
    """A request as it goes out, credentials and all. ``own``: to the account's host; ``label``: for a log."""

    method: str
    url: "httpx.URL"
    headers: Pairs
    body: bytes | None
    own: bool
    is_write: bool
    repeatable: bool
    label: str


@define(repr=False)
class _Attempt:
    """What is known of one attempt to send a request."""

    number: int = 0
    started: float = 0.0
    seconds: float = 0.0
    # Assumed, until the HTTP stack tells that a connection has still to be made.
    sent: bool = True
    body: bytearray = field(factory=bytearray)
    status: int | None = None
    request_id: str | None = None
    pacing: RateLimitHeaders = SILENT
    # True once the limiter has heard of it.
    is_told: bool = False
    reply: Reply | None = None


class _Call(Generic[T]):
    """One run of an operation: every decision about it, and none of its I/O."""

    result: T

    def __init__(self, route: _Route, operation: Operation[T], idempotency_key: str | None) -> None:
        if not isinstance(operation, Generator):
            raise TypeError("run() takes an operation: what a method of the adapter returns when it is called")
        self._route = route
        self._operation = operation
        self._name: str = getattr(operation, "__name__", "")
        self._key = idempotency_key
        self._writes = 0
        self._ends = time.monotonic() + route.options.deadline
        # True once a write may have been carried out, by whatever attempt of whatever request.
        self._touched = False
        self._request: _Outgoing | None = None
        self._attempt = _Attempt()
        self._may_go = False

    @property
    def remaining(self) -> float:
        """Seconds until the deadline of the call."""
        return self._ends - time.monotonic()

    @property
    def attempts(self) -> int:
        """How often a request may be sent."""
        return self._route.options.attempts

    @property
    def answered(self) -> bool:
        """True if the last attempt brought a reply that the operation can be given."""
        return self._attempt.reply is not None

    @property
    def reply(self) -> Reply:
        """The reply of the last attempt."""
        return cast("Reply", self._attempt.reply)

    def advance(self, reply: Reply | None) -> _Outgoing | None:
        """The next request, for the reply to the one before; None when the operation has returned its result."""
        try:
            request = self._operation.send(cast("Reply", reply))
        except StopIteration as done:
            self.result = done.value
            return None
        except ReturnsHubError:
            raise
        except Exception as error:
            if reply is None:
                raise
            # Whoever calls must not meet the KeyError of an adapter, nor what the vendor sent in its text.
            failure = UnexpectedReply(
                f"the adapter could not read the reply ({type(error).__name__})", where=error_location(error)
            )
        else:
            return self._prepared(request)
        raise failure

    def begin(self, request: _Outgoing) -> None:
        """A new request is to be exchanged."""
        self._request = request
        self._attempt = _Attempt()
        self._route.budget.earn()

    def pause(self) -> float:
        """Seconds to sleep, and then to ask again; 0 if the attempt may go now."""
        if self._may_go and not self._route.limiter.held:
            return 0.0
        remaining = self.remaining
        if remaining < _SHORTEST_ATTEMPT:
            raise self.overdue()
        wait = self._route.limiter.reserve(within=remaining)
        if wait > remaining:
            raise RateLimited("the account's rate limit leaves no room before the deadline", retry_after=wait)
        self._may_go = True
        return wait

    def begin_attempt(self) -> float:
        """Seconds that the attempt, which goes now, may take."""
        started = time.monotonic()
        remaining = self._ends - started
        if remaining < _SHORTEST_ATTEMPT:
            raise self.overdue()
        seconds = min(self._route.options.timeout, remaining)
        self._attempt = _Attempt(number=self._attempt.number + 1, started=started, seconds=seconds)
        self._may_go = False
        return seconds

    def watch(self, event: str, _: Mapping[str, Any]) -> None:
        """The HTTP stack tells how far it is: whether the vendor can have got the request yet."""
        if event.endswith("connect_tcp.started"):
            self._attempt.sent = False
        elif event.endswith("send_request_headers.started"):
            self._attempt.sent = True

    async def watch_async(self, event: str, info: Mapping[str, Any]) -> None:
        """As :meth:`watch`."""
        self.watch(event, info)

    def collect(self, chunk: bytes) -> None:
        """A part of the reply's body arrived."""
        self._attempt.body += chunk
        if len(self._attempt.body) > self._route.options.max_reply_bytes:
            raise self._too_large()
        if time.monotonic() - self._attempt.started > self._attempt.seconds:
            raise TimeoutError

    def receive(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The reply is whole."""
        attempt, route = self._attempt, self._route
        texts = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        first = {name.lower(): value for name, value in reversed(texts)}
        attempt.status = status
        attempt.request_id = next((first[name] for name in route.adapter.request_id_headers if name in first), None)
        attempt.pacing = parse_rate_limit_headers(first, now=time.time())
        self._record(status)
        if 300 <= status < 400:
            raise UnexpectedReply(_redirect(first.get("location"), self._outgoing.url))
        body = unpacked(bytes(attempt.body), first.get("content-encoding", ""), route.options.max_reply_bytes)
        if body is None:
            raise self._too_large()
        attempt.reply = Reply(status=status, headers=texts, body=body)

    def tell_limiter(self) -> None:
        """The limiter learns what the reply says of the pace; nothing where there was none."""
        pacing, status, limiter = self._attempt.pacing, self._attempt.status, self._route.limiter
        if status is None or self._attempt.is_told or not self._outgoing.own:
            return
        self._attempt.is_told = True
        if pacing.limit is not None:
            limiter.lower(pacing.limit)
        hold = pacing.retry_after if status == 429 or status >= 500 else None
        if hold is None and (status == 429 or pacing.exhausted):
            hold = pacing.reset_after
        # A longer hold is not imposed on the other calls: each hears it from the vendor itself.
        if hold is not None and hold <= _LONGEST_WAIT:
            limiter.hold(hold)
        elif hold is None and status == 429:
            limiter.refused()
        elif status < 400:
            limiter.accepted()

    def judge(self) -> None:
        """Raises what the adapter makes of the reply, to have it asked for again; the operation checks for itself."""
        refused = False
        try:
            self._route.adapter.check(self.reply)
        except _REFUSALS:
            refused = True
            raise
        except ReturnsHubError:
            raise
        except Exception:  # noqa: BLE001, S110 - the operation will meet it too, and `advance` explains it
            pass
        finally:
            self._touched |= self._outgoing.is_write and not refused

    def failed(self, error: Exception) -> ProviderError:
        """The error for an attempt that brought no usable reply."""
        self._touched |= self._outgoing.is_write and self._attempt.sent
        if self._attempt.status is None:
            self._record(None)
        if isinstance(error, ProviderError):
            return error
        failure = _transport_failure(error, self._attempt.seconds)
        failure.__cause__ = _root_cause(error)
        return failure

    def overdue(self) -> ProviderError:
        """The error for a call whose deadline has passed, wherever it stands."""
        in_flight = self._attempt.number > 0 and self._attempt.status is None
        self._touched |= in_flight and self._outgoing.is_write and self._attempt.sent
        return TransportFailed(f"the deadline of {self._route.options.deadline:g} s has passed")

    def wait_before_repeat(self, error: Exception) -> float | bool:
        """Seconds until the request is sent again, or False if it is not. stamina asks after every failure."""
        if not isinstance(error, ProviderError) or not self._may_repeat(error):
            return False
        # stamina shows the error to the application's hooks; our frames are not for them.
        error.__traceback__ = None
        told = self._told(error)
        wait = (told or 0.0) + CALL_BACKOFF.delay(self._attempt.number)
        # stamina would sleep out whatever is returned here, past any deadline.
        if (told or 0.0) > _LONGEST_WAIT or wait + _SHORTEST_ATTEMPT > self.remaining:
            return False
        if told is None and not self._route.budget.spend():
            return False
        self._attempt.reply = None
        return wait

    def explained(self, error: ReturnsHubError) -> ReturnsHubError:
        """The error as the caller sees it: whose call it was and what may have happened, and no frames."""
        if isinstance(error, RateLimited):
            error = self._explained_limit(error)
        if isinstance(error, ProviderError):
            error.provider = self._route.adapter.provider
            error.operation = self._name
            error.attempts = self._attempt.number
            error.maybe_applied |= self._touched
            error.request_id = error.request_id or _printable(self._attempt.request_id)
            error.http_status = error.http_status or self._attempt.status
        error.__context__ = None
        return error.with_traceback(None)

    def _explained_limit(self, error: RateLimited) -> RateLimited:
        error.retry_after = self._told(error)
        daily = self._route.adapter.limits.per_day is not None
        if isinstance(error, QuotaExhausted) or not daily or (error.retry_after or 0.0) <= _LONGEST_WAIT:
            return error
        return QuotaExhausted(
            retry_after=error.retry_after,
            http_status=error.http_status,
            vendor_code=error.vendor_code,
            vendor_message=error.vendor_message,
            request_id=error.request_id,
        )

    @property
    def _outgoing(self) -> _Outgoing:
        return cast("_Outgoing", self._request)

    def _may_repeat(self, error: ProviderError) -> bool:
        """Whether sending the request again can help, and cannot do a write twice."""
        refused = isinstance(error, RateLimited)
        never_sent = isinstance(error, TransportFailed) and not self._attempt.sent
        return error.retryable and (self._outgoing.repeatable or refused or never_sent)

    def _told(self, error: ProviderError) -> float | None:
        """Seconds to wait that the vendor named, in whatever way."""
        if not isinstance(error, RateLimited):
            return self._attempt.pacing.retry_after
        told = (error.retry_after, self._attempt.pacing.retry_after, self._attempt.pacing.reset_after)
        return next((seconds for seconds in told if seconds is not None), None)

    def _prepared(self, request: Request) -> _Outgoing:
        adapter = self._route.adapter
        if not isinstance(request, Request):
            raise self._misbehaved(f"{type(request).__name__}, not Request")
        url = self._url(request)
        own = _origin(url) in self._route.origins
        has_key = own and request.is_write and adapter.idempotency_header is not None
        if has_key:
            request = evolve(request, idempotency_key=request.idempotency_key or self._next_key())
        if own:
            request = adapter.authorize(request)
        if not _METHOD.match(request.method):
            raise self._misbehaved("a method that is not a word in capitals")
        return _Outgoing(
            method=request.method,
            url=url,
            headers=self._headers(request, with_key=has_key),
            body=None if request.json is None else encode_json(request.json).encode(),
            own=own,
            is_write=request.is_write,
            repeatable=not request.is_write or request.replayable or has_key,
            label=redact_path(request.path) if request.url is None else f"{url.scheme}://{url.host}/…",
        )

    def _url(self, request: Request) -> "httpx.URL":
        import httpx

        query = encode_query(request.query)
        if request.url is None:
            if not _PATH.match(request.path):
                raise self._misbehaved("a path that is not percent-encoded, or does not begin with a slash")
            if _DOTS.search(request.path):
                raise ValueError("an identifier may not be '.' or '..': in a path they mean another place")
            return httpx.URL(self._base_url(request.base) + request.path + (f"?{query}" if query else ""))
        try:
            url = httpx.URL(request.url)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in _PORTS or not url.host or url.userinfo:
            raise UnexpectedReply("an address that the vendor gave is not a plain http or https URL")
        return url.copy_with(query="&".join(filter(None, (url.query.decode(), query))).encode()) if query else url

    def _base_url(self, name: str | None) -> str:
        if name is None:
            return self._route.base_url
        if name in self._route.extra_base_urls:
            return self._route.extra_base_urls[name]
        raise ConfigurationError(
            f"{self._route.adapter.provider} {self._name}: {name}_base_url is not set, and nothing says what it is here: "
            "base_url was replaced, or the environment has none"
        )

    def _headers(self, request: Request, *, with_key: bool) -> Pairs:
        given = request.headers
        if with_key:
            given = (*given, (str(self._route.adapter.idempotency_header), str(request.idempotency_key)))
        names = {name.lower() for name, _ in given}
        defaults = [*_DEFAULT_HEADERS, ("User-Agent", user_agent())]
        if request.json is not None:
            defaults.append(("Content-Type", "application/json"))
        headers = (*(pair for pair in defaults if pair[0].lower() not in names), *given)
        for name, value in headers:
            # The HTTP library refuses them too, but quotes the value in its error.
            if not _HEADER_NAME.match(name) or not _HEADER_VALUE.match(value):
                raise ConfigurationError(
                    f"{self._route.adapter.provider}: the header {_printable(name[:40])} would hold a line break or a "
                    "character that headers cannot carry; check the credentials for one"
                )
        return headers

    def _misbehaved(self, what: str) -> PluginError:
        return PluginError(f"{self._route.adapter.provider} {self._name}: the adapter yielded {what}")

    def _next_key(self) -> str:
        """One key for the intent; the later writes of one operation have their own, made from it."""
        import uuid

        self._key = self._key or str(uuid.uuid4())
        self._writes += 1
        return self._key if self._writes == 1 else f"{self._key}-{self._writes}"

    def _record(self, status: int | None) -> None:
        """An attempt is over, with a status or without a reply: for the log and the counters."""
        seconds = time.monotonic() - self._attempt.started
        provider, method = self._route.adapter.provider, self._outgoing.method
        telemetry.count("returns_hub.requests", provider=provider, method=method, status=status or 0)
        telemetry.observe("returns_hub.request.duration", seconds, provider=provider, status=status or 0)
        if not _log.isEnabledFor(logging.INFO):
            return
        _log.info(
            "%s %s %s: %s in %.0f ms, attempt %d, request id %s",
            provider,
            method,
            self._outgoing.label,
            "no reply" if status is None else status,
            seconds * 1000,
            self._attempt.number,
            _printable(self._attempt.request_id) or "-",
        )

    def _too_large(self) -> TransportFailed:
        limit = self._route.options.max_reply_bytes
        return TransportFailed(f"the reply is larger than {limit} bytes", retryable=False)


def encode_query(query: Pairs) -> str:
    """The query as vendors read it: ``#`` ``%23``, ``+`` ``%2B``, a space ``%20``; brackets as ReturnMate writes them."""
    return urlencode(query, quote_via=quote, safe="[]")


def redact_path(path: str) -> str:
    """A path that may be logged: a segment that holds an e-mail address is left out."""
    if "@" not in path and "%40" not in path:
        return path
    return "/".join("…" if "@" in segment or "%40" in segment else segment for segment in path.split("/"))


def unpacked(body: bytes, encoding: str, limit: int) -> bytes | None:
    """The body without its content encoding; None if it would be longer than ``limit``.

    Raises:
        UnexpectedReply: an encoding that was not asked for.
        TransportFailed: not what the encoding says.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise UnexpectedReply("the reply is compressed in a way that was not asked for")
    # A few kilobytes can unpack to gigabytes: never more than the limit is made.
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    plain = b""
    broken = False
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error:
        broken = True
    if len(plain) > limit:
        return None
    if broken or not unpacker.eof:
        raise TransportFailed("the compressed reply is cut off or broken")
    return plain


@functools.cache
def user_agent() -> str:
    """In the form that Return Helper asks of its integrators; the other vendors ask nothing."""
    from importlib.metadata import version

    system = f"{platform.system()}/{platform.release()}"
    facts = f"Platform={system}; Runtime={platform.python_version()}; Language=Python"
    return f"returns-hub/{version('returns-hub')} ({facts})"


@functools.cache
def _tls_context() -> "ssl.SSLContext":
    """One for the process: to make one takes longer than many requests."""
    import httpx

    return httpx.create_ssl_context()


def parse_base_url(base_url: str) -> "httpx.URL":
    """The base URL, if paths can be joined to it.

    Raises:
        ConfigurationError: it is none.
    """
    import httpx

    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL()
    if url.scheme not in _PORTS or not url.host or url.userinfo or url.query or url.fragment:
        # Not quoted: somebody may have put credentials into it.
        raise ConfigurationError("base_url must look like https://host/path, without a query or credentials")
    return url


def _proxy(base_url: str) -> str | None:
    """The proxy that the environment names for the account's host, by the usual variables."""
    from urllib.request import getproxies, proxy_bypass

    url = parse_base_url(base_url)
    # A sandbox on this machine is reached without one.
    direct = url.host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(url.host)
    proxies = {} if direct else getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def _origin(url: "httpx.URL") -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or _PORTS[url.scheme]


def _redirect(location: str | None, url: "httpx.URL") -> str:
    """Says no address: it may hold credentials, and a query."""
    import httpx

    try:
        target = url.join(location or "")
    except (httpx.InvalidURL, ValueError):
        target = url
    where = "another host" if target.host != url.host else "another address on the same host"
    return f"the vendor redirects to {where}, which is not followed; check base_url"


def _transport_failure(error: Exception, seconds: float) -> TransportFailed:
    """In our words: the HTTP library's may quote what was sent or received."""
    import ssl

    import httpx

    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return TransportFailed(f"no complete reply within {seconds:.3g} s")
    if isinstance(error, httpx.ConnectError):
        cause = _root_cause(error)
        reason = f": {cause.strerror or type(cause).__name__}" if isinstance(cause, OSError) else ""
        trusted = not isinstance(cause, ssl.SSLCertVerificationError)
        return TransportFailed(f"no connection{reason}", retryable=trusted)
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError | httpx.ProxyError | OSError):
        return TransportFailed(f"the connection broke before the reply was complete ({type(error).__name__})")
    return TransportFailed(f"the HTTP library failed ({type(error).__name__})", retryable=False)


def _root_cause(error: BaseException) -> OSError | None:
    """The operating system's word on it, if any, with no frame and no context of the HTTP library."""
    seen = 0
    link: BaseException | None = error
    while link is not None and seen < 20:
        if isinstance(link, OSError) and link.errno is not None:
            return type(link)(link.errno, link.strerror)
        link = link.__cause__ or link.__context__
        seen += 1
    return None


def _printable(text: str | None) -> str | None:
    """Vendor text for one line of a log."""
    return None if text is None else "".join(c for c in text[:100] if c.isprintable())


_ours: ContextVar[bool] = ContextVar("returns_hub_ours", default=False)


def _not_ours(_: logging.LogRecord) -> bool:
    return not _ours.get()


def _silence_libraries() -> None:
    """Keep the libraries below from logging our requests: the HTTP stack tells every header of a reply at DEBUG.

    A filter on their loggers is global, and there is no other place to put one; so it drops only what is logged while
    a call of ours runs, in this thread or task. An application's own use of them is logged as before.
    """
    for name in ("connection", "http11", "http2", "proxy", "socks"):
        logging.getLogger(f"httpcore.{name}").addFilter(_not_ours)
    logging.getLogger("stamina").addFilter(_not_ours)
