"""Storing what vendors send, durably, before it is acknowledged."""

import asyncio
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from typing import Final, Self, TypeAlias

from attrs import define, field

from returns_hub import telemetry
from returns_hub.deliveries.sanitizer import sanitize_delivery
from returns_hub.errors import ConfigurationError, StoreError, describe_error
from returns_hub.fork import reset_after_fork
from returns_hub.logs import log_event
from returns_hub.operation import WebhookRequest
from returns_hub.reports import Backlog, Delivery, DeliveryState, Purged
from returns_hub.store import Store
from returns_hub.store.delivery_writer import RECEIVING_SECONDS, DeliveryWriter, NewDelivery, StoredDelivery
from returns_hub.store.inbox import Deliveries
from returns_hub.webhooks import Receipt

# Beyond these a vendor gets a 503.
_MAX_WAITING_ROWS: Final = 4096
_MAX_WAITING_BYTES: Final = 64 << 20
_BATCH_ROWS: Final = 256


# What stands in for the id of a delivery where nothing was to be stored.
_CHECKED: Final = 0


_Answer: TypeAlias = "tuple[Future[int] | asyncio.Future[int], int | StoreError]"


@define(eq=False)
class _Arrival:
    """A delivery that is to be stored, or None to see whether one could be; and where somebody waits for its id.

    With a ``loop`` that is a future of it, which only its thread may touch.
    """

    new: NewDelivery | None
    loop: asyncio.AbstractEventLoop | None
    stored: "Future[int] | asyncio.Future[int]"
    since: float = field(factory=time.monotonic)

    def is_waited_for(self) -> bool:
        """False if the sender has given up: it gets no answer, and sends the delivery again."""
        if isinstance(self.stored, Future):
            return self.stored.set_running_or_notify_cancel()
        return not self.stored.done()

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return len(self.new.request.body) if self.new else 0


class Inbox:
    """The stored deliveries, and what stores further ones.

    One thread of its own writes whatever has come in, many deliveries in one transaction, without waiting for more.
    Threads and event loops may share an inbox. Use it as a context manager, or call :meth:`close`.
    """

    def __init__(self, store: Store) -> None:
        self._deliveries = Deliveries(store.database)
        self._delivery_writer = DeliveryWriter.of(store.database)
        self._closed = False
        self._reset()
        reset_after_fork(self, Inbox._reset)

    def _reset(self) -> None:
        """Begin without arrivals and writer: in a forked process those are the parent's."""
        self._arrived = threading.Condition()
        self._arrivals: deque[_Arrival] = deque()
        self._bytes = 0
        self._writer: threading.Thread | None = None

    def put(self, account: str, request: WebhookRequest, receipt: Receipt) -> int:
        """The id of a verified delivery, once it is on the disk; that of the first one if it is a duplicate.

        Raises:
            StoreError: it is not stored, as far as we know. Answer 503: the vendor sends it again.
        """
        stored: Future[int] = Future()
        self._enqueue(sanitize_delivery(account, request, receipt), stored)
        try:
            return stored.result(RECEIVING_SECONDS)
        except TimeoutError:
            stored.cancel()
        raise _silence()

    async def put_async(self, account: str, request: WebhookRequest, receipt: Receipt) -> int:
        """As :meth:`put`, to be awaited; the event loop goes on meanwhile, without a thread for each delivery."""
        return await self._wait(sanitize_delivery(account, request, receipt))

    async def check(self) -> None:
        """Returns if a delivery could be stored now; asked on the way that deliveries take.

        Raises:
            StoreError: none can be stored.
        """
        await self._wait(None)

    def get(self, id: int) -> Delivery | None:
        """One delivery, or None.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._deliveries.get(id)

    def find(
        self,
        *,
        account: str | None = None,
        state: DeliveryState | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[Delivery]:
        """The deliveries that match, newest first; read as they are asked for.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._deliveries.find(account=account, state=state, since=since, limit=limit)

    def count(
        self, *, account: str | None = None, state: DeliveryState | None = None, since: datetime | None = None
    ) -> int:
        """How many deliveries match.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._deliveries.count(account=account, state=state, since=since)

    def replay_matching(
        self, *, account: str | None = None, state: DeliveryState | None = None, since: datetime | None = None
    ) -> int:
        """Have every delivery that matches processed anew; how many these are.

        Raises:
            StoreError: the store cannot take it. Some of them may be pending again.
        """
        return self._deliveries.replay_matching(account=account, state=state, since=since)

    def replay(self, id: int) -> Delivery:
        """Have a delivery processed anew, whatever has become of it; the delivery as it then stands.

        Facts that the mirror has by now cause no event.

        Raises:
            ConfigurationError: there is no such delivery.
            StoreError: the store cannot take it.
        """
        delivery = self.get(id) if self._deliveries.replay(id) else None
        if delivery is None:
            raise ConfigurationError(f"there is no delivery {id}")
        return delivery

    def backlog(self) -> Backlog:
        """How much is pending and dead.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._deliveries.backlog()

    def purge(self, before: datetime) -> Purged:
        """Remove the processed deliveries that came before a moment, and what has waited for its return since then.

        What is pending or dead stays, and so do events. A copy that comes after its first one is gone is taken for new;
        what it asserts is known by then, and causes no event.

        Raises:
            StoreError: the store cannot take it. Some of it may have been removed.
        """
        return self._deliveries.purge(before)

    def close(self) -> None:
        """Store what has come in, and take no more. Doing it again does nothing."""
        with self._arrived:
            self._closed = True
            self._arrived.notify()
        if self._writer is not None:
            self._writer.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _wait(self, new: NewDelivery | None) -> int:
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[int] = loop.create_future()
        self._enqueue(new, stored, loop)
        timer = loop.call_later(RECEIVING_SECONDS, _give_up, stored)
        try:
            return await stored
        finally:
            timer.cancel()

    def _enqueue(
        self,
        new: NewDelivery | None,
        stored: "Future[int] | asyncio.Future[int]",
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        arrival = _Arrival(new, loop, stored)
        with self._arrived:
            if self._closed:
                raise StoreError("the inbox is closed")
            too_large = self._bytes + arrival.size > _MAX_WAITING_BYTES and bool(self._arrivals)
            if too_large or len(self._arrivals) >= _MAX_WAITING_ROWS:
                raise StoreError("the inbox is full: more comes in than the store can take")
            self._arrivals.append(arrival)
            self._bytes += arrival.size
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="returns-hub-inbox", daemon=True)
                self._writer.start()
            self._arrived.notify()

    def _write(self) -> None:
        try:
            while arrivals := self._next_arrivals():
                waited_for = [arrival for arrival in arrivals if arrival.is_waited_for()]
                try:
                    if waited_for:
                        self._store(waited_for)
                except Exception as error:  # noqa: BLE001 - whatever broke, every sender gets an answer
                    problem = StoreError(f"the inbox failed: {describe_error(error)}")
                    _answer((arrival, problem) for arrival in waited_for)
        finally:
            self._delivery_writer.close()

    def _next_arrivals(self) -> list[_Arrival]:
        """What has come in, as soon as there is something; nothing once the inbox is closed."""
        with self._arrived:
            while not self._arrivals and not self._closed:
                self._arrived.wait()
            some = [self._arrivals.popleft() for _ in range(min(len(self._arrivals), _BATCH_ROWS))]
            self._bytes -= sum(arrival.size for arrival in some)
            return some

    def _store(self, arrivals: Sequence[_Arrival]) -> None:
        """Commit the deliveries, and answer everyone who waits for one of them."""
        news = [(arrival, arrival.new) for arrival in arrivals if arrival.new is not None]
        checks = [arrival for arrival in arrivals if arrival.new is None]
        since = min(arrival.since for arrival in arrivals)
        results = self._delivery_writer.put([new for _, new in news], since=since)
        _count([new for _, new in news], results)
        _answer(
            (arrival, result if isinstance(result, StoreError) else result.id)
            for (arrival, _), result in zip(news, results, strict=True)
        )
        if checks:
            checked = self._check(since)
            _answer((arrival, checked) for arrival in checks)

    def _check(self, since: float) -> int | StoreError:
        try:
            self._delivery_writer.check(since=since)
        except StoreError as problem:
            return problem
        return _CHECKED


def _silence() -> StoreError:
    return StoreError(f"the store has not answered for {RECEIVING_SECONDS:g} s")


def _give_up(stored: "asyncio.Future[int]") -> None:
    if not stored.done():
        stored.set_exception(_silence())


def _count(news: Iterable[NewDelivery], results: Iterable[StoredDelivery | StoreError]) -> None:
    """Count what was stored, and log it where that is wanted."""
    counts: Counter[tuple[str, str]] = Counter()
    for new, result in zip(news, results, strict=True):
        if isinstance(result, StoreError):
            continue
        outcome = "duplicate" if result.is_duplicate else "received"
        counts[new.account, outcome] += 1
        event, message = f"delivery.{outcome}", "delivery %d of %s: %s"
        log_event(event, message, result.id, new.account, outcome, account=new.account, delivery=result.id)
    for (account, outcome), count in counts.items():
        telemetry.count("returns_hub.deliveries", count, account=account, outcome=outcome)


def _answer(arrivals: Iterable[tuple[_Arrival, int | StoreError]]) -> None:
    """Give each sender its result; with one call into an event loop for all that wait on it."""
    answers: defaultdict[asyncio.AbstractEventLoop | None, list[_Answer]] = defaultdict(list)
    for arrival, result in arrivals:
        answers[arrival.loop].append((arrival.stored, result))
    for loop, of_loop in answers.items():
        if loop is None:
            _settle(of_loop)
        else:
            with suppress(RuntimeError):  # the loop may have ended meanwhile
                loop.call_soon_threadsafe(_settle, of_loop)


def _settle(answers: Iterable[_Answer]) -> None:
    for stored, result in answers:
        if stored.done():
            continue
        if isinstance(result, StoreError):
            # One object each: raising it adds to its traceback.
            stored.set_exception(StoreError(str(result)))
        else:
            stored.set_result(result)
