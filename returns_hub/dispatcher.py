"""Calling handlers with the events of a store, at least once each.

A consumer is a name that has a cursor in the store. However many processes have handlers under one name, they share its
events: each is handed to one of them.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import wait
from typing import Any, Final

from returns_hub import telemetry
from returns_hub.errors import error_location, is_interrupt
from returns_hub.events import Event
from returns_hub.handlers import Consumer, ConsumerHealth, HandlerRegistry
from returns_hub.logs import log_event
from returns_hub.reports import FailedEvent
from returns_hub.retry import PROCESSING_BACKOFF
from returns_hub.store import Store
from returns_hub.store.queue import extending
from returns_hub.store.subscriptions import ClaimedEvent, ClaimLost, Subscriptions

# How soon it is seen that an event loop has ended.
_LOOP_CHECK_SECONDS: Final = 1.0


class EventDispatcher:
    """Hands the events of a store to handlers. Threads and processes may do so side by side.

    A handler that is awaited runs on ``loop``, while :meth:`run` waits in a thread of its own. With ``has_accounts`` there
    are several, and a worker lets the events of one of them take all places of a consumer but one.
    """

    def __init__(
        self,
        store: Store,
        handlers: HandlerRegistry,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        has_accounts: bool = False,
    ) -> None:
        self.has_accounts = has_accounts
        self._handlers = handlers
        self._loop = loop
        self._subscriptions = Subscriptions(store.database)
        self._subscribed: set[str] = set()

    def subscribe(self) -> None:
        """Give the consumers that are new their cursors: they get what is recorded from now on.

        Raises:
            StoreError: the store cannot take it.
        """
        for consumer in self._handlers.consumers():
            if consumer.name not in self._subscribed:
                self._subscriptions.subscribe(consumer.name, at_end=consumer.since == "now")
                self._subscribed.add(consumer.name)

    def dispatch_due(self, limit: int | None = None, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Hand over the events that are due, at most so many attempts, and count those that were taken.

        ``stop`` is asked before each event.

        Raises:
            StoreError: the database fails. An event whose end could not be stored is handed over again.
        """
        tried = taken = 0
        claimed: ClaimedEvent | None = None

        def extend() -> None:
            if claimed is not None:
                self.extend(claimed)

        with extending(extend):
            for consumer in self._handlers.consumers():
                while (limit is None or tried < limit) and not stop():
                    claimed = self.claim(consumer.name)
                    if claimed is None:
                        break
                    tried += 1
                    taken += self.run(claimed)
        return taken

    def consumers(self) -> tuple[Consumer, ...]:
        """The consumers, in the order of their registration."""
        return self._handlers.consumers()

    def claim(self, consumer: str, busy: Collection[str] = ()) -> ClaimedEvent | None:
        """The next event that is due for a consumer, for this process alone, and none of the ``busy`` accounts; None if there is none.

        Raises:
            StoreError: the database fails.
        """
        # A handler may have been added just now.
        self.subscribe()
        known = self._handlers.consumer(consumer)
        return self._subscriptions.claim(
            consumer, known.handlers.keys(), max_attempts=known.attempts, backfill=known.backfill, busy=busy
        )

    def run(self, claimed: ClaimedEvent) -> bool:
        """Call the handler with a claimed event; True if it has taken it.

        Raises:
            StoreError: the database fails. The handler is called with the event again.
        """
        consumer, event = self._handlers.consumer(claimed.consumer), claimed.event
        try:
            is_finished = self._call(consumer, claimed)
        except ClaimLost:
            # Its time was over, or it was given back: whoever has it now calls the handler again.
            return False
        except BaseException as error:
            if isinstance(error, _LoopClosed) or is_interrupt(error):
                self.release(claimed)
                raise
            self._fail(consumer, claimed, f"{type(error).__name__} at {error_location(error)}", error)
            return False
        if not is_finished:
            self._subscriptions.finish(claimed.claim)
        telemetry.count("returns_hub.events", account=event.account, type=event.type, outcome="handled")
        return True

    def _call(self, consumer: Consumer, claimed: ClaimedEvent) -> bool:
        """Call the handler; True if its event is finished, as part of what the handler wrote."""
        event, execute = claimed.event, self._handlers.execute
        handler = consumer.handlers[event.type]
        if handler.is_async:
            self._await(handler.function, event, consumer.timeout)
            return False
        if handler.takes_connection:
            with self._subscriptions.finishing(claimed.claim, consumer.timeout) as connection:
                handler.function(event, connection)
            return True
        with self._handlers.context():
            handler.function(event)
            if execute is not None:
                self._subscriptions.finish_with(execute, claimed.claim)
        return execute is not None

    def extend(self, claimed: ClaimedEvent) -> None:
        """Keep the claim for another while."""
        self._subscriptions.extend(claimed.claim)

    def expire(self, claimed: ClaimedEvent) -> None:
        """Count the attempt as failed: its handler has had its time, whatever becomes of it."""
        consumer = self._handlers.consumer(claimed.consumer)
        self._subscriptions.cut_off(claimed.claim)
        self._fail(consumer, claimed, f"TimeoutError: the handler has not returned after {consumer.timeout:g} s")

    def release(self, claimed: ClaimedEvent) -> None:
        """Give the event back: the attempt does not count."""
        self._subscriptions.cut_off(claimed.claim)
        self._subscriptions.release(claimed.claim)

    def next_due(self, consumer: str) -> float | None:
        """Seconds until an event is due that is not yet, or a claim ends; None if nothing waits for its time."""
        return self._subscriptions.next_due(consumer)

    def health(self) -> list[ConsumerHealth]:
        """How far every consumer of the store has come, also those that have no handler here.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._subscriptions.health()

    def failed_events(self, consumer: str) -> Iterator[FailedEvent]:
        """The events at which a consumer failed and that it has not taken since, oldest first.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._subscriptions.failed(consumer)

    def retry_event(self, consumer: str, sequence: int) -> bool:
        """Hand an event over again now, with all its attempts; False if the consumer has not failed at it.

        Raises:
            StoreError: the store cannot take it.
        """
        return self._subscriptions.retry(consumer, sequence)

    def skip_event(self, consumer: str, sequence: int) -> bool:
        """Never hand an event over again; False if the consumer has not failed at it. The later ones of its return go on.

        Raises:
            StoreError: the store cannot take it.
        """
        skipped = self._subscriptions.skip(consumer, sequence)
        if skipped:
            message = "consumer %s: event %d is skipped"
            log_event("handler.skipped", message, consumer, sequence, handler=consumer, sequence=sequence)
        return skipped

    def forget(self, consumer: str) -> bool:
        """Remove a consumer with its cursor and all that it has not taken; False if there is none of this name.

        Raises:
            StoreError: the store cannot take it.
        """
        forgotten = self._subscriptions.forget(consumer)
        if forgotten:
            self._subscribed.discard(consumer)
            log_event("handler.forgotten", "consumer %s is forgotten, with its cursor", consumer, handler=consumer)
        return forgotten

    def _fail(
        self, consumer: Consumer, claimed: ClaimedEvent, problem: str, error: BaseException | None = None
    ) -> None:
        event, attempt = claimed.event, claimed.claim.attempt
        retry_in = None if attempt >= consumer.attempts else PROCESSING_BACKOFF.delay(attempt)
        self._subscriptions.fail(claimed.claim, problem, retry_in=retry_in)
        outcome = "dead" if retry_in is None else "retried"
        telemetry.count("returns_hub.events", account=event.account, type=event.type, outcome=outcome)
        log_event(
            "handler.dead" if retry_in is None else "handler.failed",
            "consumer %s failed at event %d (%s), attempt %d: %s; %s",
            consumer.name,
            event.sequence,
            event.type,
            attempt,
            problem,
            "dead" if retry_in is None else f"retried in {retry_in:.0f} s",
            error=error,
            handler=consumer.name,
            account=event.account,
            sequence=event.sequence,
        )

    def _await(self, handler: Callable[..., Any], event: Event, timeout: float) -> None:
        """Call an async handler on the event loop, and wait for its end."""
        if self._loop is None:
            raise RuntimeError("a handler that is awaited needs an event loop")
        running = asyncio.run_coroutine_threadsafe(handler(event), self._loop)
        ends = time.monotonic() + timeout
        while not wait([running], timeout=min(_LOOP_CHECK_SECONDS, timeout)).done:
            # A loop that ends takes its tasks along, and nobody would ever settle this one.
            if self._loop.is_closed():
                raise _LoopClosed
            if time.monotonic() > ends:
                running.cancel()
                raise TimeoutError
        running.result()


class _LoopClosed(RuntimeError):
    """The event loop is gone: the event counts as not handed over."""
