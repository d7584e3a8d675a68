"""One run of an operation: every decision about it, and none of its I/O. Both drivers share it."""

import time
from collections.abc import Generator
from typing import Final, Generic, TypeVar, cast
from urllib.parse import urlsplit

from attrs import define, field, frozen

from returns_hub import telemetry
from returns_hub.adapter import Adapter, Token
from returns_hub.errors import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ReplyTooLarge,
    ReturnsHubError,
    TransportFailed,
    UnexpectedReply,
    ValidationFailed,
    error_location,
)
from returns_hub.logs import log_event
from returns_hub.operation import Operation, Reply, Request
from returns_hub.rate_limits import Limiter
from returns_hub.retry import CALL_BACKOFF, RetryBudget
from returns_hub.tokens import OwnTokens, Tokens
from returns_hub.transport.encoding import decompress
from returns_hub.transport.headers import NO_RATE_LIMIT_REPORT, RateLimitReport, parse_rate_limit_headers
from returns_hub.transport.logs import printable
from returns_hub.transport.options import TransportOptions
from returns_hub.transport.replies import KeptReplies
from returns_hub.transport.requests import Endpoint, OutgoingRequest
from returns_hub.transport.urls import redirect_error

T = TypeVar("T")

# A vendor that names a longer wait means a day's allowance or an outage: the caller hears of it instead of sleeping.
_MAX_WAIT: Final = 120.0
# In less than this no vendor answers: to begin would only leave a write in doubt.
_MIN_ATTEMPT: Final = 0.01
# A token takes one request: who waits for somebody else's looks so often.
_TOKEN_POLL: Final = 0.1

# What a vendor answers when it has not carried out a write. After any other failure it may have.
_REFUSALS: Final = (AuthenticationFailed, PermissionDenied, NotFound, ValidationFailed, Conflict, RateLimited)
# A reply that has no body by its status; RFC 9110, sections 15.3.5 and 15.3.6.
_WITHOUT_BODY: Final = (204, 205)


@frozen(kw_only=True)
class CallContext:
    """What the calls of one transport share. Where ``write_limiter`` is None, writes count like other requests."""

    endpoint: Endpoint
    limiter: Limiter
    options: TransportOptions
    write_limiter: Limiter | None = None
    replies: KeptReplies = field(factory=KeptReplies)
    tokens: Tokens = field(factory=OwnTokens)
    budget: RetryBudget = field(factory=RetryBudget)


@define(repr=False)
class _Attempt:
    """What is known of one attempt to send a request."""

    number: int = 0
    started: float = 0.0
    seconds: float = 0.0
    # Assumed, until the HTTP stack reports that a connection has still to be made.
    sent: bool = True
    body: bytearray = field(factory=bytearray)
    status: int | None = None
    request_id: str | None = None
    rate_limit: RateLimitReport = NO_RATE_LIMIT_REPORT
    limiter_informed: bool = False
    reply: Reply | None = None


class Call(Generic[T]):
    """One run of an operation. A driver asks it what to send, reports what happened, and sleeps as long as it says."""

    result: T

    def __init__(
        self,
        context: CallContext,
        operation: Operation[T],
        idempotency_key: str | None,
        *,
        for_token: bool = False,
        ends: float | None = None,
    ) -> None:
        if not isinstance(operation, Generator):
            raise TypeError("run() takes an operation: what a method of the adapter returns when it is called")
        self._context = context
        self._adapter = context.endpoint.adapter
        self._options = context.options
        self._operation = operation
        self._name: str = getattr(operation, "__name__", "")
        self._key = idempotency_key
        self._writes = 0
        self._ends = time.monotonic() + context.options.deadline if ends is None else ends
        # What asks for a token has none.
        self._uses_token = context.endpoint.adapter.uses_tokens and not for_token
        self._is_refused = False
        # True once a write may have been carried out, by whatever attempt of whatever request.
        self._maybe_applied = False
        self._request: OutgoingRequest | None = None
        self._attempt = _Attempt()
        self._has_moment = False

    @property
    def remaining(self) -> float:
        """Seconds until the deadline of the call."""
        return self._ends - time.monotonic()

    @property
    def attempts(self) -> int:
        """How often a request may be sent."""
        return self._options.attempts

    @property
    def is_answered(self) -> bool:
        """True if the last attempt brought a reply that the operation can be given."""
        return self._attempt.reply is not None

    @property
    def reply(self) -> Reply:
        """The reply of the last attempt."""
        return cast("Reply", self._attempt.reply)

    @property
    def limiter(self) -> Limiter:
        """The limiter that the request counts at."""
        context = self._context
        return context.write_limiter if context.write_limiter and self._outgoing.is_write else context.limiter

    @property
    def _outgoing(self) -> OutgoingRequest:
        return cast("OutgoingRequest", self._request)

    # The operation

    def advance(self, reply: Reply | None) -> Request | None:
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
            # The caller must not get the KeyError of an adapter, whose text may hold what the vendor sent.
            failure = UnexpectedReply(
                f"the adapter could not read the reply ({type(error).__name__})", where=error_location(error)
            )
        else:
            return request
        raise failure

    def prepare(self, request: Request, token: Token | None) -> OutgoingRequest:
        """The request of the operation as it is sent."""
        return self._context.endpoint.prepare(request, operation=self._name, next_key=self._next_key, token=token)

    # The token

    @property
    def uses_token(self) -> bool:
        """True if the requests of the operation carry a token."""
        return self._uses_token

    @property
    def is_refused(self) -> bool:
        """True if the vendor did not accept the credentials of the last request. It has done nothing then."""
        return self._is_refused

    def token_call(self, known: Token | None) -> "Call[Token]":
        """The call that asks for a new token, within this one's time."""
        operation = self._adapter.request_token(known)
        return cast("Call[Token]", Call(self._context, operation, None, for_token=True, ends=self._ends))

    def wait_for_token(self) -> float:
        """Seconds to sleep while somebody else asks for a token."""
        if self.remaining < _MIN_ATTEMPT:
            raise self.overdue()
        return min(_TOKEN_POLL, self.remaining)

    def _next_key(self) -> str:
        """One key for the intent; the later writes of one operation have their own, made from it."""
        import uuid

        self._key = self._key or str(uuid.uuid4())
        self._writes += 1
        return self._key if self._writes == 1 else f"{self._key}-{self._writes}"

    # One request and its attempts

    def kept_reply(self, request: OutgoingRequest) -> Reply | None:
        """An answer to the same request that is not older than it allows; None if there is none, and it is to be sent."""
        if request.max_age is None:
            return None
        return self._context.replies.get(_identity(request), since=time.monotonic() - request.max_age)

    def begin(self, request: OutgoingRequest) -> None:
        """A new request is to be sent."""
        self._request = request
        self._attempt = _Attempt()
        self._is_refused = False
        self._context.budget.earn()

    def pause(self) -> float:
        """Seconds to sleep, and then to ask again; 0 if the attempt may go now."""
        if self._has_moment and not self.limiter.is_paused:
            return 0.0
        remaining = self.remaining
        if remaining < _MIN_ATTEMPT:
            raise self.overdue()
        wait = self.limiter.reserve(within=remaining)
        if wait > remaining:
            raise RateLimited("the account's rate limit leaves no room before the deadline", retry_after=wait)
        self._has_moment = True
        return wait

    def begin_attempt(self) -> float:
        """Seconds that the attempt, which goes now, may take."""
        started = time.monotonic()
        remaining = self._ends - started
        if remaining < _MIN_ATTEMPT:
            raise self.overdue()
        seconds = min(self._options.timeout, remaining)
        self._attempt = _Attempt(number=self._attempt.number + 1, started=started, seconds=seconds)
        self._has_moment = False
        return seconds

    def connecting(self) -> None:
        """The HTTP stack has to make a connection: nothing has been sent yet."""
        self._attempt.sent = False

    def sending(self) -> None:
        """The HTTP stack begins to send the request to the vendor."""
        self._attempt.sent = True

    def collect(self, chunk: bytes) -> None:
        """A part of the reply's body arrived."""
        self._attempt.body += chunk
        if len(self._attempt.body) > self._options.max_reply_bytes:
            raise ReplyTooLarge(limit=self._options.max_reply_bytes)
        if time.monotonic() - self._attempt.started > self._attempt.seconds:
            raise TimeoutError

    def receive(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The reply is whole."""
        attempt, limit = self._attempt, self._options.max_reply_bytes
        texts = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        first = {name.lower(): value for name, value in reversed(texts)}
        attempt.status = status
        attempt.request_id = next((first[name] for name in self._adapter.request_id_headers if name in first), None)
        attempt.rate_limit = parse_rate_limit_headers(first, now=time.time(), names=self._adapter.rate_limit_headers)
        self._record(status)
        if 300 <= status < 400:
            raise redirect_error(first.get("location"), self._outgoing.url)
        body = decompress(bytes(attempt.body), first.get("content-encoding", ""), limit)
        if body is None:
            raise ReplyTooLarge(limit=limit)
        reply = Reply(status=status, headers=texts, body=body)
        attempt.reply = reply.without_secrets(self._adapter.secret_paths)

    def inform_limiter(self) -> None:
        """The limiter learns what the reply says of the rate limit; nothing where there was no reply."""
        attempt, limiter = self._attempt, self.limiter
        status, limits = attempt.status, attempt.rate_limit
        if status is None or attempt.limiter_informed or not self._outgoing.own:
            return
        attempt.limiter_informed = True
        if limits.limit is not None:
            limiter.lower(limits.limit)
        seconds = limits.retry_after if status == 429 or status >= 500 else None
        if seconds is None and (status == 429 or limits.exhausted):
            seconds = limits.reset_after
        # A longer pause is not imposed on the other calls: each hears it from the vendor itself.
        if seconds is not None and seconds <= _MAX_WAIT:
            limiter.pause(seconds)
        elif seconds is None and status == 429:
            limiter.slow_down()
        elif status < 400:
            limiter.speed_up()

    def judge(self) -> None:
        """Raises what the adapter makes of the reply, to have it asked for again; the operation checks for itself."""
        refused = False
        try:
            self._adapter.check(self.reply)
        except _REFUSALS as refusal:
            refused = True
            self._is_refused = isinstance(refusal, AuthenticationFailed)
            # That it has no such table, or shows it to others only, is an answer as well.
            if not isinstance(refusal, AuthenticationFailed | RateLimited):
                self._keep_reply()
            raise
        except UnexpectedReply as error:
            # A proxy's page, a body cut short, nothing at all: as temporary as a 500.
            error.retryable |= self._outgoing.wants_json and not self._is_json()
            raise
        except ReturnsHubError:
            raise
        except Exception:  # noqa: BLE001, S110 - the operation will meet it too, and `advance` explains it
            pass
        else:
            self._keep_reply()
        finally:
            self._maybe_applied |= self._outgoing.is_write and not refused

    def _keep_reply(self) -> None:
        if self._outgoing.max_age is not None:
            self._context.replies.put(_identity(self._outgoing), self.reply, at=time.monotonic())

    def _is_json(self) -> bool:
        """False where JSON was promised and something else came; a status without a body promises none."""
        if self.reply.status in _WITHOUT_BODY:
            return True
        try:
            self.reply.json()
        except UnexpectedReply:
            return False
        return True

    # What went wrong

    def failed(self, error: Exception, failure: TransportFailed) -> ProviderError:
        """The error for an attempt that brought no usable reply; ``failure`` says so where ``error`` is not ours."""
        self._maybe_applied |= self._outgoing.is_write and self._attempt.sent
        if self._attempt.status is None:
            self._record(None)
        return error if isinstance(error, ProviderError) else failure

    def overdue(self) -> ProviderError:
        """The error for a call whose deadline has passed, wherever it stands."""
        in_flight = self._attempt.number > 0 and self._attempt.status is None
        self._maybe_applied |= in_flight and self._outgoing.is_write and self._attempt.sent
        return TransportFailed(f"the deadline of {self._options.deadline:g} s has passed")

    def wait_before_repeat(self, error: Exception) -> float | bool:
        """Seconds until the request is sent again, or False if it is not. stamina asks after every failure."""
        if not isinstance(error, ProviderError) or not self._may_repeat(error):
            return False
        # stamina shows the error to the application's hooks; our frames are not for them.
        error.__traceback__ = None
        named = self._vendors_wait(error)
        wait = (named or 0.0) + CALL_BACKOFF.delay(self._attempt.number)
        # stamina would sleep out whatever is returned here, past any deadline.
        if (named or 0.0) > _MAX_WAIT or wait + _MIN_ATTEMPT > self.remaining:
            return False
        if named is None and not self._context.budget.spend():
            return False
        self._attempt.reply = None
        return wait

    def _may_repeat(self, error: ProviderError) -> bool:
        """Whether sending the request again can help, and cannot do a write twice."""
        refused = isinstance(error, RateLimited)
        never_sent = isinstance(error, TransportFailed) and not self._attempt.sent
        return error.retryable and (self._outgoing.repeatable or refused or never_sent)

    def _vendors_wait(self, error: ProviderError) -> float | None:
        """Seconds to wait that the vendor named, in whatever way."""
        limits = self._attempt.rate_limit
        if not isinstance(error, RateLimited):
            return limits.retry_after
        return next((s for s in (error.retry_after, limits.retry_after, limits.reset_after) if s is not None), None)

    def explain(self, error: ReturnsHubError) -> ReturnsHubError:
        """The error as the caller sees it: whose call it was and what may have happened, and no frames."""
        if isinstance(error, RateLimited):
            error = self._explain_rate_limit(error)
        if isinstance(error, ProviderError):
            error.provider = self._adapter.provider
            error.operation = self._name
            # Where the call never came to its own request, those of the one for a token.
            error.attempts = self._attempt.number or error.attempts
            error.maybe_applied |= self._maybe_applied
            error.request_id = error.request_id or printable(self._attempt.request_id)
            error.http_status = error.http_status or self._attempt.status
        if isinstance(error, AuthenticationFailed) and self._request is not None:
            error.asked = _host_and_environment(self._adapter, self._request.url)
        error.__context__ = None
        return error.with_traceback(None)

    def _explain_rate_limit(self, error: RateLimited) -> RateLimited:
        error.retry_after = self._vendors_wait(error)
        is_daily = self._adapter.limits.per_day is not None
        if isinstance(error, QuotaExhausted) or not is_daily or (error.retry_after or 0.0) <= _MAX_WAIT:
            return error
        return QuotaExhausted(
            retry_after=error.retry_after,
            http_status=error.http_status,
            vendor_code=error.vendor_code,
            vendor_message=error.vendor_message,
            request_id=error.request_id,
        )

    def _record(self, status: int | None) -> None:
        """An attempt is over, with a status or without a reply: for the log and the counters."""
        seconds = time.monotonic() - self._attempt.started
        provider, method = self._adapter.provider, self._outgoing.method
        telemetry.count("returns_hub.requests", provider=provider, method=method, status=status or 0)
        telemetry.observe("returns_hub.request.duration", seconds, provider=provider, status=status or 0)
        log_event(
            "vendor.request",
            "%s %s %s: %s in %.0f ms, attempt %d, request id %s",
            provider,
            method,
            self._outgoing.label,
            "no reply" if status is None else status,
            seconds * 1000,
            self._attempt.number,
            printable(self._attempt.request_id) or "-",
            provider=provider,
            method=method,
            status=status,
            ms=round(seconds * 1000, 1),
            attempt=self._attempt.number,
        )


def _host_and_environment(adapter: Adapter, url: str) -> str:
    """The host of a URL, and of which of the vendor's environments it is: mostly the credentials are those of another one."""
    host = urlsplit(url).hostname or ""
    bases = [adapter.base_urls, *adapter.extra_base_urls.values()]
    names = [name for urls in bases for name, base in urls.items() if urlsplit(base).hostname == host]
    return f"{host} ({names[0]})" if names else host


def _identity(request: OutgoingRequest) -> object:
    """What makes two requests of an account the same."""
    return request.method, request.url, request.body
