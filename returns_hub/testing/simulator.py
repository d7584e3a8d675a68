"""The base class of the vendors' simulators, which run over real HTTP on loopback.

A vendor package's ``sandbox`` subclasses :class:`Simulator` and says how to answer one call; everything around that is
here and in the modules beside it: the server, one call at a time, the log of requests, and what can go wrong on the way.
Needs the extra ``server``; pytest is not imported.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeAlias, TypedDict
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

from returns_hub.operation import HttpAnswer, Pairs
from returns_hub.testing.faults import Call, Faults, Outcome
from returns_hub.testing.server import Receive, Scope, Send, abort_connection, is_disconnected, read_body

Json: TypeAlias = dict[str, Any]

_MAX_ANSWER: Final = 1 << 20


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


@frozen(kw_only=True)
class SignedRequest:
    """A call that a vendor makes, signed as it signs: nothing is sent before :meth:`send`."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def send(self, *, timeout: float = 5.0) -> HttpAnswer | None:
        """What is answered; None if that takes longer than ``timeout`` seconds, or fails. No redirect is followed."""
        return call_platform(self.method, self.url, self.headers, self.body or None, timeout=timeout)


def change_values(body: Json, changes: Mapping[str, Any]) -> Json:
    """A copy of a JSON object with other values at these places: ``data.status``, ``items.0.sku``.

    Raises:
        ValueError: there is no such place; the text names it.
    """
    changed: Json = deepcopy(body)
    for path, value in changes.items():
        *parents, last = path.split(".")
        holder: Any = changed
        try:
            for part in parents:
                holder = holder[int(part)] if isinstance(holder, list) else holder[part]
            if isinstance(holder, list):
                holder[int(last)] = value
            else:
                holder[last] = value
        except (KeyError, IndexError, ValueError, TypeError) as problem:
            raise ValueError(f"the body has no place {path!r}; its keys are {', '.join(body)}") from problem
    return changed


@frozen
class TriggerResult:
    """A change of a simulated return: the status of each answer it got, None where none came."""

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
    in_demo: ClassVar[bool] = True
    """Whether ``returns-hub demo`` shows the vendor without ``--all``."""
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

    def register_webhook(self, webhook_url: str) -> None:  # noqa: B027 - most vendors sign without it
        """Register this address for deliveries, with a vendor that signs the registered address: ``options`` then has it."""

    def trigger(self, webhook_url: str) -> TriggerResult | None:  # noqa: ARG002 - the contract's
        """Change a return, and deliver the signed webhook to ``webhook_url``; None if the vendor sends none.

        Not to be called while ``self.lock`` is held: the receiver may call back at once.
        """
        return None

    @property
    def event_names(self) -> tuple[str, ...]:
        """The events that :meth:`make_event` can make, as the vendor names them."""
        return ()

    def make_event(
        self,
        event: str,
        webhook_url: str,  # noqa: ARG002 - the contract's
        *,
        changes: Mapping[str, Any] = MappingProxyType({}),  # noqa: ARG002
        secret: str | None = None,  # noqa: ARG002
    ) -> SignedRequest:
        """Have an event happen, to the newest record that it can happen to, and give its webhook; nothing is sent.

        ``changes`` are other values of its body (:func:`change_values`); ``secret`` signs instead of the simulator's own.

        Raises:
            ValueError: there is no such event, or no such place in its body.
        """
        raise ValueError(f"{self.provider} has no event {event!r}")

    def make_order_lookup(
        self,
        platform_url: str,
        order_number: str,
        *,
        secret: str | None = None,
    ) -> SignedRequest:
        """The call by which the vendor asks a shop for an order, signed; nothing is sent.

        Raises:
            NotImplementedError: the vendor asks for none.
        """
        raise NotImplementedError(f"{self.provider} asks for no orders")

    def call_order_lookup(self, platform_url: str, order_number: str) -> HttpAnswer | None:
        """Ask a shop for an order, signed, as the vendor does; None: no answer.

        Raises:
            NotImplementedError: the vendor asks for none.
        """
        return self.make_order_lookup(platform_url, order_number).send()

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
        outcome = self.handle(_read_call(scope, await read_body(receive)))
        if outcome.delay and await is_disconnected(receive, within=outcome.delay):
            return
        if outcome.answer is None:
            await abort_connection(scope, receive)
            return
        headers = [(name.encode(), value.encode()) for name, value in outcome.answer.headers]
        body = outcome.answer.body
        if body or outcome.answer.status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": outcome.answer.status, "headers": headers})
        if outcome.cut:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await abort_connection(scope, receive)
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
