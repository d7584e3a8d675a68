"""Storing what vendors send, durably, before it is acknowledged."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Final, Self

from attrs import field, frozen

from returns_hub import telemetry
from returns_hub.deliveries.sanitizer import sanitize_delivery
from returns_hub.errors import ConfigurationError, StoreError, describe_error
from returns_hub.fork import reset_after_fork
from returns_hub.logs import log_event
from returns_hub.operation import WebhookRequest
from returns_hub.reports import Backlog, Delivery, DeliveryState, Purged
from returns_hub.store import Store
from returns_hub.store.inbox import RECEIVING_SECONDS, Deliveries, NewDelivery
from returns_hub.webhooks import Receipt

# Beyond these a vendor gets a 503.
_MAX_WAITING_ROWS: Final = 4096
_MAX_WAITING_BYTES: Final = 64 << 20
_BATCH_ROWS: Final = 256


# What stands in for the id of a delivery where nothing was to be stored.
_CHECKED: Final = 0


@frozen
class _Arrival:
    """A delivery that is to be stored, or None to see whether one could be; and where somebody waits for its id."""

    new: NewDelivery | None
    stored: "Future[int]" = field(factory=Future)

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
        stored = self._enqueue(sanitize_delivery(account, request, receipt))
        try:
            return stored.result(RECEIVING_SECONDS)
        except TimeoutError:
            stored.cancel()
        raise StoreError(f"the store has not answered for {RECEIVING_SECONDS:g} s")

    async def put_async(self, account: str, request: WebhookRequest, receipt: Receipt) -> int:
        """As :meth:`put`, to be awaited; the event loop goes on meanwhile, without a thread for each delivery."""
        return await self._wait(self._enqueue(sanitize_delivery(account, request, receipt)))

    async def check(self) -> None:
        """Returns if a delivery could be stored now; asked on the way that deliveries take.

        Raises:
            StoreError: none can be stored.
        """
        await self._wait(self._enqueue(None))

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

    async def _wait(self, stored: "Future[int]") -> int:
        try:
            async with asyncio.timeout(RECEIVING_SECONDS):
                return await asyncio.wrap_future(stored)
        except TimeoutError:
            raise StoreError(f"the store has not answered for {RECEIVING_SECONDS:g} s") from None

    def _enqueue(self, new: NewDelivery | None) -> "Future[int]":
        arrival = _Arrival(new)
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
        return arrival.stored

    def _write(self) -> None:
        while arrivals := self._next_arrivals():
            # A sender that has given up gets no answer, and sends it again.
            waited_for = [arrival for arrival in arrivals if arrival.stored.set_running_or_notify_cancel()]
            try:
                if waited_for:
                    self._store(waited_for)
            except Exception as error:  # noqa: BLE001 - whatever broke, every sender gets an answer
                for arrival in waited_for:
                    if not arrival.stored.done():
                        problem = str(error) if isinstance(error, StoreError) else describe_error(error)
                        arrival.stored.set_exception(StoreError(f"the inbox failed: {problem}"))

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
        for (arrival, new), result in zip(news, self._deliveries.put([new for _, new in news]), strict=True):
            if isinstance(result, StoreError):
                arrival.stored.set_exception(result)
                continue
            arrival.stored.set_result(result.id)
            outcome = "duplicate" if result.is_duplicate else "received"
            telemetry.count("returns_hub.deliveries", account=new.account, outcome=outcome)
            event, message = f"delivery.{outcome}", "delivery %d of %s: %s"
            log_event(event, message, result.id, new.account, outcome, account=new.account, delivery=result.id)
        checks = [arrival for arrival in arrivals if arrival.new is None]
        if checks:
            self._deliveries.check()
        for arrival in checks:
            arrival.stored.set_result(_CHECKED)
