"""What sends requests: the only module that imports httpx, and no httpx type leaves it.

:class:`Transport` blocks, :class:`AsyncTransport` is awaited. Both do the I/O and decide nothing: what is sent, what is
sent again and when, and what a failure means is up to :class:`returns_hub.transport.call.Call`.
"""

import functools
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from returns_hub.adapter import Adapter, Rate, Token
from returns_hub.errors import ConfigurationError, ProviderError, ReturnsHubError, TransportFailed
from returns_hub.fork import reset_after_fork
from returns_hub.operation import Operation, Reply, Request
from returns_hub.rate_limits import Limiter, RateLimiter
from returns_hub.tokens import OwnTokens, Tokens, TokenTurn
from returns_hub.transport.call import Call, CallContext
from returns_hub.transport.logs import call_in_progress, filter_library_logs
from returns_hub.transport.options import TransportOptions
from returns_hub.transport.proxies import problem_of, proxy_of
from returns_hub.transport.replies import KeptReplies
from returns_hub.transport.requests import Endpoint, OutgoingRequest
from returns_hub.transport.urls import Origin, parse_base_url

if TYPE_CHECKING:
    import ssl

    import httpx

T = TypeVar("T")

_MAX_CONNECTIONS: Final = 10
_DEFAULT_OPTIONS: Final = TransportOptions()

# Connections of a parent process. They stay open and unused: whatever ends them may do so in the parent's name.
_inherited: Final[list[object]] = []


class Transport:
    """Runs operations of one account, blocking. Threads may share it; a forked child opens connections of its own.

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
        write_limiter: Limiter | None = None,
        replies: KeptReplies | None = None,
        tokens: Tokens | None = None,
        options: TransportOptions = _DEFAULT_OPTIONS,
    ) -> None:
        self._context = CallContext(
            endpoint=_endpoint(adapter, base_url, extra_base_urls, options),
            limiter=limiter or RateLimiter(rate),
            write_limiter=write_limiter,
            replies=replies or KeptReplies(),
            tokens=tokens or OwnTokens(),
            options=options,
        )
        self._proxies = _proxies(self._context.endpoint, options)
        self._pools: dict[str | None, httpx.BaseTransport] = {}
        self._lock = threading.Lock()
        self._closed = False
        filter_library_logs()
        reset_after_fork(self, Transport._reset)

    def _reset(self) -> None:
        _inherited.append(self._pools)
        self._pools = {}
        self._lock = threading.Lock()

    def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """What the operation returns, once its requests are answered.

        ``idempotency_key`` names the intent at vendors that know such keys; the others are not sent it. Without one,
        a key is made for every call.

        Raises:
            ProviderError: the call failed; ``maybe_applied`` says whether a write may have taken effect all the same.
            ConfigurationError: a header cannot carry a credential, or a base URL or proxy cannot be used.
            PluginError: the adapter yielded something that is no request.
        """
        if self._closed:
            raise RuntimeError("this client is closed")
        call = Call(self._context, operation, idempotency_key)
        try:
            with call_in_progress():
                self._finish(call)
        except ReturnsHubError as error:
            failure = call.explain(error)
        else:
            return call.result
        finally:
            operation.close()
        raise failure

    def close(self) -> None:
        """Close the connections. Doing it again does nothing."""
        self._closed = True
        for pool in self._pools.values():
            pool.close()

    def _finish(self, call: Call[T]) -> T:
        """Answer the requests of a call until it has its result."""
        request = call.advance(None)
        while request is not None:
            request = call.advance(self._answer(call, request))
        return call.result

    def _answer(self, call: Call[Any], request: Request) -> Reply:
        """The reply to a request; where the vendor refuses the token that it carried, to the same request with a new one."""
        token = self._token(call, None) if call.uses_token else None
        reply = self._exchange(call, call.prepare(request, token))
        if token is not None and call.is_refused:
            reply = self._exchange(call, call.prepare(request, self._token(call, token)))
        return reply

    def _token(self, call: Call[Any], refused: Token | None) -> Token:
        """The account's token, asked for where there is none that is good."""
        tokens = self._context.tokens
        while True:
            turn = TokenTurn(tokens.current(refused))
            turn = turn if turn.token else tokens.begin(refused)
            if turn.token is not None:
                return turn.token
            if turn.right is None:
                time.sleep(call.wait_for_token())
                continue
            asking, token = call.token_call(turn.known), None
            try:
                found = token = self._finish(asking)
            except ReturnsHubError as error:
                raise asking.explain(error) from None
            finally:
                tokens.finish(turn, token)
            return found

    def _exchange(self, call: Call[Any], request: OutgoingRequest) -> Reply:
        """The reply to a request, after as many attempts as it takes and may take."""
        from stamina import retry_context

        kept = call.kept_reply(request)
        if kept is not None:
            return kept
        call.begin(request)
        try:
            for attempt in retry_context(on=call.wait_before_repeat, attempts=call.attempts, timeout=None):
                with attempt:
                    while pause := call.pause():
                        time.sleep(pause)
                    try:
                        self._send(call, request)
                    finally:
                        call.inform_limiter()
                    call.judge()
        except ProviderError:
            # The operation decides what a reply means, where there is one: NotFound may be an answer to it.
            if not call.is_answered:
                raise
        return call.reply

    def _send(self, call: Call[Any], request: OutgoingRequest) -> None:
        import httpx

        pool = self._pool(request.origin)
        seconds = call.begin_attempt()
        extensions: dict[str, Any] = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)}
        if request.is_write:
            extensions["trace"] = functools.partial(_trace, call)
        try:
            response = pool.handle_request(
                httpx.Request(
                    request.method, request.url, headers=request.headers, content=request.body, extensions=extensions
                )
            )
            try:
                # Not iter_raw(): a transport of the user's may give a response that is read already.
                for chunk in cast("httpx.SyncByteStream", response.stream):
                    call.collect(chunk)
            finally:
                response.close()
            call.receive(response.status_code, response.headers.raw)
        except Exception as error:  # noqa: BLE001 - whatever the HTTP stack raises holds our headers in its frames
            failure = _failure(call, error, seconds)
        else:
            return
        raise failure

    def _pool(self, origin: Origin) -> "httpx.BaseTransport":
        import httpx

        options = self._context.options
        proxy = self._proxies(origin)
        with self._lock:
            if proxy not in self._pools:
                # Not a client: cookies, redirects and logging of whole URLs are what is not wanted here.
                make = options.transport_factory or functools.partial(
                    httpx.HTTPTransport, **_pool_options(options, proxy)
                )
                self._pools[proxy] = make()
            return self._pools[proxy]


class AsyncTransport:
    """Runs operations of one account on an event loop: the first one that it is used on, in each process."""

    def __init__(
        self,
        adapter: Adapter,
        *,
        base_url: str,
        extra_base_urls: Mapping[str, str] = MappingProxyType({}),
        rate: Rate | None = None,
        limiter: Limiter | None = None,
        write_limiter: Limiter | None = None,
        replies: KeptReplies | None = None,
        tokens: Tokens | None = None,
        options: TransportOptions = _DEFAULT_OPTIONS,
    ) -> None:
        self._context = CallContext(
            endpoint=_endpoint(adapter, base_url, extra_base_urls, options),
            limiter=limiter or RateLimiter(rate),
            write_limiter=write_limiter,
            replies=replies or KeptReplies(),
            tokens=tokens or OwnTokens(),
            options=options,
        )
        self._proxies = _proxies(self._context.endpoint, options)
        self._closed = False
        self._open()
        filter_library_logs()
        reset_after_fork(self, AsyncTransport._reset)

    def _open(self) -> None:
        import asyncio

        self._pools: dict[str | None, httpx.AsyncBaseTransport] = {}
        # One httpx client with many requests at once takes a time quadratic in their number.
        self._slots = asyncio.Semaphore(_MAX_CONNECTIONS)
        self._loop: asyncio.AbstractEventLoop | None = None

    def _reset(self) -> None:
        _inherited.extend((self._pools, self._slots, self._loop))
        self._open()

    async def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """What the operation returns, once its requests are answered; as :meth:`Transport.run`, and raises the same."""
        import asyncio

        self._refuse_if_unusable()
        call = Call(self._context, operation, idempotency_key)
        try:
            with call_in_progress():
                async with asyncio.timeout(call.remaining):
                    await self._finish(call)
        except TimeoutError:
            failure = call.explain(call.overdue())
        except ReturnsHubError as error:
            failure = call.explain(error)
        else:
            return call.result
        finally:
            operation.close()
        raise failure

    async def aclose(self) -> None:
        """Close the connections. Doing it again does nothing."""
        self._closed = True
        for pool in self._pools.values():
            await pool.aclose()

    def _refuse_if_unusable(self) -> None:
        import asyncio

        if self._closed:
            raise RuntimeError("this client is closed")
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise RuntimeError("this client belongs to another event loop; open one in each loop")

    async def _finish(self, call: Call[T]) -> T:
        """Answer the requests of a call until it has its result."""
        request = call.advance(None)
        while request is not None:
            request = call.advance(await self._answer(call, request))
        return call.result

    async def _answer(self, call: Call[Any], request: Request) -> Reply:
        """The reply to a request; where the vendor refuses the token that it carried, to the same request with a new one."""
        token = await self._token(call, None) if call.uses_token else None
        reply = await self._exchange(call, call.prepare(request, token))
        if token is not None and call.is_refused:
            reply = await self._exchange(call, call.prepare(request, await self._token(call, token)))
        return reply

    async def _token(self, call: Call[Any], refused: Token | None) -> Token:
        """The account's token, asked for where there is none that is good."""
        import asyncio

        tokens = self._context.tokens
        while True:
            turn = TokenTurn(tokens.current(refused))
            turn = turn if turn.token else await _in_thread(tokens.is_blocking, partial(tokens.begin, refused))
            if turn.token is not None:
                return turn.token
            if turn.right is None:
                await asyncio.sleep(call.wait_for_token())
                continue
            asking, token = call.token_call(turn.known), None
            try:
                found = token = await self._finish(asking)
            except ReturnsHubError as error:
                raise asking.explain(error) from None
            finally:
                # Also of a call that is cancelled: the next one must not wait for it.
                await asyncio.shield(_in_thread(tokens.is_blocking, partial(tokens.finish, turn, token)))
            return found

    async def _exchange(self, call: Call[Any], request: OutgoingRequest) -> Reply:
        """The reply to a request, after as many attempts as it takes and may take."""
        import asyncio

        from stamina import retry_context

        kept = call.kept_reply(request)
        if kept is not None:
            return kept
        call.begin(request)
        try:
            async for attempt in retry_context(on=call.wait_before_repeat, attempts=call.attempts, timeout=None):
                with attempt:
                    while pause := await _in_thread(call.limiter.is_blocking, call.pause):
                        await asyncio.sleep(pause)
                    try:
                        async with self._slots:
                            await self._send(call, request)
                    finally:
                        await _in_thread(call.limiter.is_blocking, call.inform_limiter)
                    call.judge()
        except ProviderError:
            # The operation decides what a reply means, where there is one: NotFound may be an answer to it.
            if not call.is_answered:
                raise
        return call.reply

    async def _send(self, call: Call[Any], request: OutgoingRequest) -> None:
        import asyncio

        import httpx

        pool = self._pool(request.origin)
        seconds = call.begin_attempt()
        # One timer around all of it is exact; httpx's own, one for each read, are not needed beside it.
        extensions: dict[str, Any] = {"timeout": {}}
        if request.is_write:
            extensions["trace"] = functools.partial(_trace_async, call)
        try:
            async with asyncio.timeout(seconds):
                response = await pool.handle_async_request(
                    httpx.Request(
                        request.method,
                        request.url,
                        headers=request.headers,
                        content=request.body,
                        extensions=extensions,
                    )
                )
                try:
                    async for chunk in cast("httpx.AsyncByteStream", response.stream):
                        call.collect(chunk)
                finally:
                    await response.aclose()
            call.receive(response.status_code, response.headers.raw)
        except Exception as error:  # noqa: BLE001 - whatever the HTTP stack raises holds our headers in its frames
            failure = _failure(call, error, seconds)
        else:
            return
        raise failure

    def _pool(self, origin: Origin) -> "httpx.AsyncBaseTransport":
        import httpx

        options = self._context.options
        proxy = self._proxies(origin)
        if proxy not in self._pools:
            # Not a client: cookies, redirects and logging of whole URLs are what is not wanted here.
            make = options.transport_factory or functools.partial(
                httpx.AsyncHTTPTransport, **_pool_options(options, proxy)
            )
            self._pools[proxy] = make()
        return self._pools[proxy]


async def _in_thread(is_blocking: bool, ask: Callable[[], T]) -> T:  # noqa: FBT001
    """What is answered; where that takes a database, it does not keep the event loop waiting."""
    import asyncio

    return await asyncio.to_thread(ask) if is_blocking else ask()


def _endpoint(
    adapter: Adapter, base_url: str, extra_base_urls: Mapping[str, str], options: TransportOptions
) -> Endpoint:
    return Endpoint(
        adapter=adapter,
        base_url=parse_base_url(base_url),
        extra_base_urls={name: parse_base_url(url) for name, url in extra_base_urls.items()},
        app=options.app,
    )


def _proxies(endpoint: Endpoint, options: TransportOptions) -> Callable[[Origin], str | None]:
    """Which proxy a host is reached through. Those of the account's own hosts are found, and checked, at once."""
    configured = None if options.proxy is None else options.proxy.reveal()
    if configured is not None and (problem := problem_of(configured)):
        del configured
        raise ConfigurationError(f"proxy {problem}")
    is_fixed = configured is not None or options.transport_factory is not None

    @functools.cache
    def find(origin: Origin) -> str | None:
        return configured if is_fixed else proxy_of(origin)

    for url in (endpoint.base_url, *endpoint.extra_base_urls.values()):
        find(url.origin)
    return find


def _pool_options(options: TransportOptions, proxy: str | None) -> dict[str, Any]:
    import httpx

    files = (options.ca_bundle, options.client_certificate, options.client_key)
    return {
        "verify": _tls_context(*files),
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=_MAX_CONNECTIONS),
        "proxy": proxy,
    }


@functools.cache
def _tls_context(ca_bundle: Path | None, certificate: Path | None, key: Path | None) -> "ssl.SSLContext":
    """One for the process, where nothing is configured: to make one takes longer than many requests."""
    import ssl

    import httpx

    problem = ""
    try:
        context = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else httpx.create_ssl_context()
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        problem = error.strerror or type(error).__name__
    else:
        return context
    raise ConfigurationError(f"ca_bundle, client_certificate or client_key cannot be used: {problem}")


def _trace(call: Call[Any], event: str, info: Mapping[str, Any]) -> None:
    """Reports how far the HTTP stack is: whether the vendor can have received the request."""
    if event.endswith("connect_tcp.started"):
        call.connecting()
    # A proxy is asked to CONNECT first: that is not the request, and the vendor does not get it.
    elif event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
        call.sending()


async def _trace_async(call: Call[Any], event: str, info: Mapping[str, Any]) -> None:
    _trace(call, event, info)


def _failure(call: Call[Any], error: Exception, seconds: float) -> ProviderError:
    failure = _transport_failed(error, seconds)
    failure.__cause__ = _root_cause(error)
    return call.failed(error, failure)


def _to_host(error: "httpx.RequestError") -> str:
    try:
        return f" to {error.request.url.host}"
    except RuntimeError:  # no request: it was raised below the client
        return ""


def _transport_failed(error: Exception, seconds: float) -> TransportFailed:
    """In our words: the HTTP library's may quote what was sent or received."""
    import ssl

    import httpx

    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return TransportFailed(f"no complete reply within {seconds:.3g} s")
    if isinstance(error, httpx.ConnectError):
        cause = _root_cause(error)
        reason = f": {cause.strerror or type(cause).__name__}" if isinstance(cause, OSError) else ""
        trusted = not isinstance(cause, ssl.SSLCertVerificationError)
        return TransportFailed(f"no connection{_to_host(error)}{reason}", retryable=trusted)
    if isinstance(error, httpx.ProxyError):
        # Its text begins with the proxy's status, where it gave one.
        refused = str(error)[:1] == "4"
        return TransportFailed("the proxy did not open a connection to the vendor", retryable=not refused)
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError | OSError):
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
