"""What every route shares: allowed methods, error answers, one log line a request, and a limit on senders that never stop."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final, TypeAlias

from attrs import define, field, frozen

from returns_hub import telemetry
from returns_hub.hub.answers import refuse
from returns_hub.logs import is_logged, log_event
from returns_hub.operation import HttpAnswer, Pairs, WebhookRequest, header_values
from returns_hub.server.bodies import FRAMING_HEADERS, BodyReader, Receive, RequestRefused

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# How long a sender may go on after the answer: one that is cut off at once may never read it.
_LINGER_SECONDS: Final = 2.0


@define
class RequestContext:
    """One request, and what its log line will say."""

    scope: Scope
    receive: Receive
    framing: Pairs
    unread: bool
    account: str = ""
    reason: str = ""

    @classmethod
    def begin(cls, scope: Scope, receive: Receive) -> "RequestContext":
        """The context of a request whose body has not been read yet."""
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        framing = tuple([pair for pair in headers if pair[0] in FRAMING_HEADERS])
        empty = header_values(framing, "content-length") in ((), ("0",))
        return cls(scope, receive, framing, unread=not empty or bool(header_values(framing, "transfer-encoding")))

    def body(self, reader: BodyReader) -> AbstractAsyncContextManager[bytes]:
        """The whole body, while the block lasts.

        Raises:
            RequestRefused: it is not taken.
        """
        return reader.body(self.framing, self._receive)

    def request(self, body: bytes) -> WebhookRequest:
        """The request with its body, the URL undecoded."""
        return WebhookRequest.from_asgi(self.scope, body, received_at=datetime.now(UTC))

    async def answer(self, send: Send, answer: HttpAnswer) -> None:
        """Send the answer. A sender that is still sending is read for a moment, and then cut off."""
        lingers = self.unread
        headers = [
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        if lingers and self.scope.get("http_version", "1.1").startswith("1"):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": lingers})
        if lingers:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_SECONDS):
                    while self.unread:
                        await self._receive()
            await send({"type": "http.response.body", "body": b""})

    async def _receive(self) -> MutableMapping[str, Any]:
        message = await self.receive()
        self.unread = message["type"] == "http.request" and message.get("more_body", False)
        return message


@frozen
class Endpoint:
    """A route as an ASGI application. ``route`` is its template: the log has no path, and so no number and no id.

    With None for ``methods``, ``handle`` decides which are allowed.
    """

    route: str
    methods: tuple[str, ...] | None
    handle: Callable[[RequestContext], Awaitable[HttpAnswer]] = field(repr=False)
    on_refused: Callable[[str, str], None] = field(default=lambda _account, _reason: None, repr=False)
    """Called with the account, ``""`` for an unknown one, and the reason of what is refused before the hub sees it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = perf_counter()
        context = RequestContext.begin(scope, receive)
        answer = await self._answer(context)
        seconds = perf_counter() - started
        telemetry.observe("returns_hub.answer.duration", seconds, route=self.route, status=answer.status)
        try:
            await context.answer(send, answer)
        finally:
            self._record(context, answer.status, seconds)

    async def _answer(self, context: RequestContext) -> HttpAnswer:
        """The handler's answer, or the one for its exception."""
        if self.methods is not None and context.scope["method"] not in self.methods:
            context.reason = "wrong_method"
            return HttpAnswer(status=405, headers=(("Allow", ", ".join(self.methods)),))
        try:
            return await self.handle(context)
        except RequestRefused as refusal:
            context.reason = refusal.reason
            self.on_refused(context.account, refusal.reason)
            return refusal.answer
        except Exception as error:  # noqa: BLE001 - each has its answer
            answer, context.reason = refuse(error, account=context.account, route=self.route)
            return answer

    def _record(self, context: RequestContext, status: int, seconds: float) -> None:
        event = "request.refused" if context.reason else "request.answered"
        if not is_logged(event):
            return
        fields = {
            "method": context.scope["method"],
            "route": self.route,
            "account": context.account,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "reason": context.reason,
        }
        line = " ".join(f"{name}={value}" for name, value in fields.items() if value != "")
        log_event(event, "%s", line, **fields)
