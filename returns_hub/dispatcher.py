"""Telling the platform what changed: functions of its own, called with every event at least once.

:class:`HandlerRegistry` is who wants to be told what; it does no I/O. :class:`EventDispatcher` hands the events of a store to them.
A consumer is a name that has a cursor in the store. However many processes have handlers under one name, they share
its events: each is told to one of them.
"""

import asyncio
import inspect
import logging
import random
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, cast

from attrs import field, frozen

from returns_hub import telemetry
from returns_hub.errors import ConfigurationError, StoreError, error_location
from returns_hub.events import EVENT_TYPES, Event

if TYPE_CHECKING:
    from returns_hub.store import Store
    from returns_hub.store.subscriptions import Claim, FailedEvent, Subscriptions

# A handler may say that it takes just the types of events that it is registered for.
Handler = Callable[[Any], None] | Callable[[Any], Awaitable[None]]
H = TypeVar("H", bound=Handler)
Since = Literal["now", "beginning"]

_log = logging.getLogger("returns_hub")

ATTEMPTS: Final = 12
"""How often an event is told to a handler that fails at it: the last time about an hour after the first."""

_FIRST_BACKOFF: Final = 2.0
_LONGEST_BACKOFF: Final = 3600.0
_LONGEST_NAME: Final = 200
# A process that is killed has this many events at most told a second time.
_AT_ONCE: Final = 20
# A third of the time for which a claim holds.
_EXTEND_INTERVAL: Final = 10.0


@frozen(kw_only=True)
class Consumer:
    """A name under which handlers are told events, and how: each type of event has one handler."""

    name: str
    since: Since
    attempts: int
    handlers: Mapping[str, Handler] = field(repr=False)


class HandlerRegistry:
    """Who wants to be told what. Only with ``awaits`` may handlers be async functions."""

    def __init__(self, *, awaits: bool) -> None:
        self._awaits = awaits
        self._consumers: dict[str, Consumer] = {}

    def on(
        self,
        *types: type[Event],
        name: str | None = None,
        since: Since = "now",
        attempts: int = ATTEMPTS,
    ) -> Callable[[H], H]:
        """Have the decorated function called with every event of these types, or of all; at least once, with its ``id``.

        It is done with an event when it returns. If it raises, the event is told again, later and later, ``attempts``
        times in all; until then the later events of the same return wait, those of other returns do not.

        ``name`` is where the cursor of the handler is kept: the same one goes on where it stopped, in this process or
        in another. Without it, it is the function's own name, and renaming the function makes a new consumer of it.
        Functions that take different types may share a name. A new consumer is told what is recorded from now on;
        with ``since="beginning"`` also everything before, which may be years of returns.

        Raises:
            ConfigurationError: an argument that cannot be meant, or the name has a handler for such events already.
        """
        wanted = _wanted(types)
        if since not in ("now", "beginning"):
            raise ConfigurationError("since is 'now' or 'beginning'")
        if type(attempts) is not int or attempts < 1:
            raise ConfigurationError("attempts must be a whole number above 0")

        def register(handler: H) -> H:
            if is_async(handler) and not self._awaits:
                raise ConfigurationError("a handler that is awaited needs an AsyncHub; a Hub calls plain functions")
            own = _checked_name(getattr(handler, "__qualname__", None) if name is None else name)
            told = self._consumers.get(own) or Consumer(name=own, since=since, attempts=attempts, handlers={})
            if (told.since, told.attempts) != (since, attempts):
                raise ConfigurationError(f"the handlers under the name {own!r} differ in since= or attempts=")
            if taken := wanted & told.handlers.keys():
                raise ConfigurationError(
                    f"two handlers under the name {own!r} want {min(taken)}; give each a name= of its own"
                )
            handlers = MappingProxyType({**told.handlers, **dict.fromkeys(wanted, handler)})
            self._consumers[own] = Consumer(name=own, since=since, attempts=attempts, handlers=handlers)
            return handler

        return register

    def consumers(self) -> tuple[Consumer, ...]:
        """Those who want to be told, in the order of their registration."""
        return tuple(self._consumers.values())


class EventDispatcher:
    """Hands the events of a store to handlers. Threads and processes may do so side by side.

    A handler that is awaited runs on ``loop``, while :meth:`dispatch_due` waits in a thread of its own.
    """

    def __init__(
        self, store: "Store", handlers: HandlerRegistry, *, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        from returns_hub.store.subscriptions import Subscriptions

        self._handlers = handlers
        self._loop = loop
        self._consuming = Subscriptions(store.database)
        self._begun: set[str] = set()

    def begin(self) -> None:
        """Give the consumers that are new their cursors: what is recorded from now on, they will be told.

        Raises:
            StoreError: the store cannot take it.
        """
        for consumer in self._handlers.consumers():
            if consumer.name not in self._begun:
                self._consuming.begin(consumer.name, at_end=consumer.since == "now")
                self._begun.add(consumer.name)

    def dispatch_due(
        self, limit: int | None = None, *, consumer: str | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Tell the events that are due, at most so many attempts, and count those that were taken.

        ``consumer`` names the only one to be told. ``stop`` is asked before each event.

        Raises:
            StoreError: the database fails. What was told and could not be settled is told again.
        """
        self.begin()
        left, told = limit, 0
        for each in self._handlers.consumers():
            if consumer is None or each.name == consumer:
                tried, taken = self._tell(each, left, stop)
                left = None if left is None else left - tried
                told += taken
        return told

    def names(self) -> tuple[str, ...]:
        """Who wants to be told."""
        return tuple(consumer.name for consumer in self._handlers.consumers())

    def next_due(self, consumer: str) -> float | None:
        """Seconds until the consumer can be told something again that is not new; None if there is nothing."""
        return self._consuming.next_due(consumer)

    def failed_events(self, consumer: str) -> "Iterator[FailedEvent]":
        """The events at which a consumer failed and that it has not taken since, oldest first."""
        return self._consuming.failed(consumer)

    def retry_event(self, consumer: str, sequence: int) -> bool:
        """Have a dead event told again, with all its attempts before it; False if the consumer has no such dead event."""
        return self._consuming.retry(consumer, sequence)

    def _tell(self, consumer: Consumer, limit: int | None, stop: Callable[[], bool]) -> tuple[int, int]:
        """How many events were tried, and how many of them were taken."""
        tried = told = 0
        while not stop() and (limit is None or tried < limit):
            size = _AT_ONCE if limit is None else min(_AT_ONCE, limit - tried)
            types, attempts = consumer.handlers.keys(), consumer.attempts
            claims = self._consuming.claim(consumer.name, types, limit=size, attempts=attempts)
            if not claims:
                break
            tried += len(claims)
            with _Portion(self._consuming, claims) as portion:
                while (claim := portion.next) is not None and not stop():
                    told += self._tell_one(consumer, claim, portion)
        return tried, told

    def _tell_one(self, consumer: Consumer, claim: "Claim", portion: "_Portion") -> bool:
        """True if the handler has taken the event."""
        event = claim.event
        try:
            self._call(consumer.handlers[event.type], event)
        except _LoopClosed:
            raise
        except Exception as error:  # noqa: BLE001 - it is the platform's function, and may raise whatever it likes
            problem = f"{type(error).__name__} at {error_location(error)}"
        else:
            portion.finish()
            telemetry.count("returns_hub.events", account=event.account, type=event.type, outcome="told")
            return True
        again_in = None if claim.attempt >= consumer.attempts else _backoff(claim.attempt)
        portion.fail(problem, again_in)
        outcome = "dead" if again_in is None else "retried"
        telemetry.count("returns_hub.events", account=event.account, type=event.type, outcome=outcome)
        _log.log(
            logging.ERROR if again_in is None else logging.WARNING,
            "consumer %s failed at event %d (%s), attempt %d: %s; %s",
            consumer.name,
            event.sequence,
            event.type,
            claim.attempt,
            problem,
            "it is told no more" if again_in is None else f"again in {again_in:.0f} s",
        )
        return False

    def _call(self, handler: Handler, event: Event) -> None:
        if not is_async(handler):
            handler(event)
            return
        if self._loop is None:
            raise RuntimeError("a handler that is awaited needs an event loop")
        running = asyncio.run_coroutine_threadsafe(cast("Any", handler(event)), self._loop)
        while not wait([running], timeout=1.0).done:
            # A loop that ends takes its tasks along, and nobody would ever settle this one.
            if self._loop.is_closed():
                raise _LoopClosed
        running.result()


class _LoopClosed(RuntimeError):
    """The event loop is gone: the event counts as not told."""


class _Portion:
    """Some claims, kept up while they are told one by one; what is left of them at the end is handed back."""

    def __init__(self, consuming: "Subscriptions", claims: "Sequence[Claim]") -> None:
        self._consuming = consuming
        self._left = deque(claims)
        # A claim that is being settled must not be put off in between.
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="returns-hub-claims", daemon=True)

    @property
    def next(self) -> "Claim | None":
        """The claim that comes next; None after the last."""
        return self._left[0] if self._left else None

    def finish(self) -> None:
        """The claim that came next was told."""
        with self._lock:
            self._consuming.finish(self._left[0])
            self._left.popleft()

    def fail(self, problem: str, again_in: float | None) -> None:
        """The claim that came next could not be told; those of the same return must not overtake it."""
        with self._lock:
            failed = self._left[0]
            self._consuming.fail(failed, problem, again_in=again_in)
            self._left.popleft()
            behind = [claim for claim in self._left if _return_of(claim) == _return_of(failed)]
            if behind:
                self._consuming.release(behind)
                self._left = deque(claim for claim in self._left if claim not in behind)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._keeper.join()
        if not self._left:
            return
        try:
            self._consuming.release(self._left)
        except StoreError:
            # The error that led here matters more, and the claims lapse by themselves.
            if error is None:
                raise

    def _keep(self) -> None:
        while not self._done.wait(_EXTEND_INTERVAL):
            try:
                with self._lock:
                    self._consuming.keep(self._left)
            except StoreError as error:
                _log.warning("claims could not be kept up: %s", error)


def _return_of(claim: "Claim") -> tuple[str, str]:
    return claim.event.account, claim.event.return_id


def is_async(handler: Handler) -> bool:
    """True for a function that is awaited, or an object whose ``__call__`` is one."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 - not whether, but what


def _wanted(types: Sequence[type[Event]]) -> set[str]:
    """The words of the types; ``Event`` is all of them, and so is nothing."""
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise ConfigurationError("on() takes types of events: @hub.on(ReturnStatusChanged), or @hub.on() for all")
    return {word for word, kind in EVENT_TYPES.items() if not types or issubclass(kind, tuple(types))}


def _checked_name(name: str | None) -> str:
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise ConfigurationError(f"a handler needs a name= of at most {_LONGEST_NAME} printable characters")
    return name


def _backoff(attempt: int) -> float:
    """Seconds to wait after the ``attempt``-th failure: they double, are capped, and differ between two consumers."""
    seconds: float = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** min(attempt - 1, 16))
    # Nobody guards a secret with it.
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311
