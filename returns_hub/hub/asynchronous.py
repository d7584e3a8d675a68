"""The hub whose calls are awaited."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload

from returns_hub.accounts import Account
from returns_hub.client import AsyncClient, open_async_client
from returns_hub.configuration import DEFAULT_KEEP_DELIVERIES
from returns_hub.events import Event
from returns_hub.fork import reset_after_fork
from returns_hub.handlers import E2, E3, E4, AsyncRegistration, E
from returns_hub.hub.account_clients import RETIRED_SECONDS
from returns_hub.hub.clients import AsyncHubClient
from returns_hub.hub.diagnosis import diagnose
from returns_hub.hub.filters import stream_of
from returns_hub.hub.health import Health
from returns_hub.hub.resources import ConfiguredHub
from returns_hub.operation import HttpAnswer, UnreadableField, WebhookRequest
from returns_hub.reports import (
    Delivery,
    Erased,
    FailedEvent,
    Finding,
    Purged,
    ReconcileReport,
    Refusal,
    Reloaded,
    SyncProgress,
    SyncReport,
)

if TYPE_CHECKING:
    from typing import Unpack

    from returns_hub.handlers import ConsumerHealth, HandlerOptions
    from returns_hub.hub.filters import DeliveryFilters, DeliverySelection, EventFilters, ReturnFilters, ReturnSelection
    from returns_hub.store import StoredReturn

T = TypeVar("T")

_PREFETCHED_ROWS: Final = 200


class AsyncHub(ConfiguredHub):
    """The accounts of a platform and the local mirror of their returns, to be awaited.

    The methods are those of :class:`Hub`, and raise the same; the database is asked in threads. It belongs to the event
    loop that it is first used on. Handlers may be plain or async functions. Use it as an asynchronous context manager,
    or call :meth:`aclose`.
    """

    _asynchronous = True

    def __init__(
        self,
        accounts: Mapping[str, Account] | Iterable[Account],
        *,
        store: str | Callable[[], str],
        keep_deliveries: timedelta = DEFAULT_KEEP_DELIVERIES,
    ) -> None:
        super().__init__(accounts, store=store, keep_deliveries=keep_deliveries)
        self._clients: dict[str, AsyncClient] = {}
        self._retired: list[tuple[float, AsyncClient]] = []
        self._inherited: list[object] = []
        reset_after_fork(self, AsyncHub._reset_after_fork)

    def client(self, account: str) -> AsyncClient:
        """The client of one account, the same one every time; the hub closes it."""
        if account not in self._clients:
            wanted = self._resources.account(account)
            factory = partial(AsyncHubClient, observer=self._resources.clients.observer_of(wanted))
            shared = self._resources.clients.shared_by(wanted)
            self._clients[account] = open_async_client(wanted, shared=shared, factory=factory)
        return self._clients[account]

    @overload
    def on(self, **options: "Unpack[HandlerOptions]") -> AsyncRegistration[Event]: ...
    @overload
    def on(self, first: type[E], /, **options: "Unpack[HandlerOptions]") -> AsyncRegistration[E]: ...
    @overload
    def on(
        self, first: type[E], second: type[E2], /, **options: "Unpack[HandlerOptions]"
    ) -> AsyncRegistration[E | E2]: ...
    @overload
    def on(
        self, first: type[E], second: type[E2], third: type[E3], /, **options: "Unpack[HandlerOptions]"
    ) -> AsyncRegistration[E | E2 | E3]: ...
    @overload
    def on(
        self,
        first: type[E],
        second: type[E2],
        third: type[E3],
        fourth: type[E4],
        /,
        **options: "Unpack[HandlerOptions]",
    ) -> AsyncRegistration[E | E2 | E3 | E4]: ...
    @overload
    def on(
        self,
        first: type[Event],
        second: type[Event],
        third: type[Event],
        fourth: type[Event],
        fifth: type[Event],
        /,
        *more: type[Event],
        **options: "Unpack[HandlerOptions]",
    ) -> AsyncRegistration[Any]: ...
    def on(self, *types: type[Event], **options: "Unpack[HandlerOptions]") -> Any:
        """Register the decorated function as a handler; as :meth:`Hub.on`. It may be an async function.

        One that takes the database's connection is a plain function, and is called in a thread.
        """
        return self._resources.on(types, options)

    async def sync(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        full: bool = False,
        details: bool = False,
        progress: Callable[[SyncProgress], None] | None = None,
    ) -> tuple[SyncReport, ...]:
        """Bring the mirror up to date with the vendors; as :meth:`Hub.sync`. ``progress`` is called on the event loop."""
        jobs, store = await asyncio.to_thread(self._resources.sync_jobs, accounts)
        from returns_hub.sync import RunOptions, sync_accounts

        return await sync_accounts(jobs, store, RunOptions(since=since, full=full, details=details, progress=progress))

    async def reconcile(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        details: bool = False,
        progress: Callable[[SyncProgress], None] | None = None,
    ) -> tuple[ReconcileReport, ...]:
        """Compare the mirror with the vendors, and repair it; as :meth:`Hub.reconcile`."""
        jobs, store = await asyncio.to_thread(self._resources.sync_jobs, accounts)
        from returns_hub.sync import RunOptions, reconcile_accounts

        return await reconcile_accounts(jobs, store, RunOptions(since=since, details=details, progress=progress))

    async def receive(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """Store a vendor's delivery durably, verified first; as :meth:`Hub.receive`."""
        return await self._resources.receive(account, request)

    async def answer_order_lookup(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """What to answer a vendor that looks an order up; as :meth:`Hub.answer_order_lookup`. ``orders`` may be async."""
        with self._resources.recording(account, "orders", request):
            find_order = await asyncio.to_thread(self._resources.find_order, account, awaits=True)
            return await self.client(account).answer_order_lookup(request, find_order)

    async def process(self, limit: int | None = None) -> int:
        """Process the deliveries that are due; as :meth:`Hub.process`."""
        return await asyncio.to_thread(self._resources.process, limit)

    def deliveries(self, **filters: "Unpack[DeliveryFilters]") -> AsyncIterator[Delivery]:
        """The deliveries that match, newest first; as :meth:`Hub.deliveries`."""
        return self._read(filters.get("account"), lambda: self._resources.deliveries(filters))

    async def count_deliveries(self, **selection: "Unpack[DeliverySelection]") -> int:
        """How many deliveries match; as :meth:`Hub.count_deliveries`."""
        return await asyncio.to_thread(self._resources.count_deliveries, selection)

    async def refused(self, account: str | None = None) -> tuple[Refusal, ...]:
        """What was refused, or could not be answered; as :meth:`Hub.refused`."""
        return await asyncio.to_thread(self._resources.refused, account)

    async def get_delivery(self, id: int) -> Delivery | None:
        """One delivery, or None."""
        return await asyncio.to_thread(lambda: self._resources.inbox().get(id))

    async def purge(self, before: date | datetime, *, audit: bool = False) -> Purged:
        """Remove the processed deliveries that came before a day or a moment; as :meth:`Hub.purge`."""
        return await asyncio.to_thread(self._resources.purge, before, audit=audit)

    async def erase(self, account: str, return_id: str, *, allow_resync: bool = False) -> Erased:
        """Remove a return and everything stored of it; as :meth:`Hub.erase`."""
        return await asyncio.to_thread(self._resources.erase, account, return_id, allow_resync=allow_resync)

    async def reload(self, accounts: Mapping[str, Account] | Iterable[Account] | None = None) -> Reloaded:
        """Take up a changed configuration while the hub is in use; as :meth:`Hub.reload`."""
        reloaded = await asyncio.to_thread(self._reload, accounts)
        now = time.monotonic()
        expired = [client for since, client in self._retired if since + RETIRED_SECONDS < now]
        self._retired = [each for each in self._retired if each[1] not in expired]
        names = (*reloaded.changed, *reloaded.removed)
        self._retired += [(now, self._clients.pop(name)) for name in names if name in self._clients]
        for client in expired:
            await client.aclose()
        return reloaded

    async def replay(self, id: int) -> Delivery:
        """Process a delivery once more; as :meth:`Hub.replay`."""
        return await asyncio.to_thread(lambda: self._resources.inbox().replay(id))

    async def replay_deliveries(self, **selection: "Unpack[DeliverySelection]") -> int:
        """Process every delivery that matches once more; as :meth:`Hub.replay_deliveries`."""
        return await asyncio.to_thread(self._resources.replay_deliveries, selection)

    async def dispatch(self, limit: int | None = None) -> int:
        """Dispatch the events that are due; as :meth:`Hub.dispatch`. Async handlers run on this event loop."""
        dispatcher = await asyncio.to_thread(self._resources.dispatcher, asyncio.get_running_loop())
        return await asyncio.to_thread(dispatcher.dispatch_due, limit)

    async def handlers(self) -> "tuple[ConsumerHealth, ...]":
        """How far the handlers of every name have come; as :meth:`Hub.handlers`."""
        return tuple(await asyncio.to_thread(lambda: self._resources.dispatcher().health()))

    def failed_events(self, name: str) -> AsyncIterator[FailedEvent]:
        """The events at which the handlers of a name failed; as :meth:`Hub.failed_events`."""
        return self._read(None, lambda: self._resources.dispatcher().failed_events(name))

    async def retry_event(self, name: str, sequence: int) -> bool:
        """Call the handlers of a name again now with an event at which they failed; as :meth:`Hub.retry_event`."""
        return await asyncio.to_thread(lambda: self._resources.dispatcher().retry_event(name, sequence))

    async def skip_event(self, name: str, sequence: int) -> bool:
        """Never call the handlers of a name again with an event at which they failed; as :meth:`Hub.skip_event`."""
        return await asyncio.to_thread(lambda: self._resources.dispatcher().skip_event(name, sequence))

    async def forget_handler(self, name: str) -> bool:
        """Forget the handlers of a name that no process has any more; as :meth:`Hub.forget_handler`."""
        return await asyncio.to_thread(lambda: self._resources.dispatcher().forget(name))

    @asynccontextmanager
    async def working(self, *, concurrency: int = 4, grace: float | None = None) -> AsyncIterator[None]:
        """Inside, what is due is done in the background; as :meth:`Hub.working`. Async handlers run on this event loop."""

        def sync(account: str) -> Callable[..., object]:
            from returns_hub.sync import RunOptions, run_blocking, sync_accounts

            def run(progress: "Callable[[SyncProgress], None]") -> object:
                jobs, store = self._resources.sync_jobs([account])
                return run_blocking(partial(sync_accounts, jobs, store, RunOptions(progress=progress)))

            return run

        loop = asyncio.get_running_loop()
        worker = await asyncio.to_thread(self._resources.worker, sync, concurrency, loop)
        await asyncio.to_thread(worker.start)
        try:
            yield
        finally:
            await asyncio.to_thread(worker.stop, grace)

    def diagnose(self, *accounts: str, offline: bool = False) -> AsyncIterator[Finding]:
        """Whether all is in place to sync and to receive; as :meth:`Hub.diagnose`."""
        findings = diagnose(self._resources, accounts, offline=offline)
        return self._read(None, lambda: findings)

    async def health(self) -> Health:
        """How the store, the inbox and the syncs of the accounts stand; as :meth:`Hub.health`."""
        return await asyncio.to_thread(self._resources.health)

    def returns(self, **filters: "Unpack[ReturnFilters]") -> "AsyncIterator[StoredReturn]":
        """The mirrored returns that match, newest first; as :meth:`Hub.returns`."""
        return self._read(filters.get("account"), lambda: self._resources.returns(filters))

    async def count_returns(self, **selection: "Unpack[ReturnSelection]") -> int:
        """How many mirrored returns match, up to 1,001; as :meth:`Hub.count_returns`."""
        return await asyncio.to_thread(self._resources.count_returns, selection)

    def find(self, text: str, *, account: str | None = None, limit: int | None = None) -> "AsyncIterator[StoredReturn]":
        """The mirrored returns that a text names, newest first; as :meth:`Hub.find`."""
        return self._read(account, lambda: self._resources.find(text, account, limit))

    async def get_return(self, account: str, return_id: str) -> "StoredReturn | None":
        """One mirrored return, or None if the mirror does not have it."""
        return await asyncio.to_thread(self._resources.get_return, account, return_id)

    async def is_erased(self, account: str, return_id: str) -> bool:
        """True if a return was erased and is kept out; as :meth:`Hub.is_erased`."""
        return await asyncio.to_thread(lambda: self._resources.store_of(account).is_erased(account, return_id))

    async def unreadable_fields(self, account: str) -> tuple[UnreadableField, ...]:
        """The fields of an account's returns that were left empty; as :meth:`Hub.unreadable_fields`."""
        return await asyncio.to_thread(lambda: self._resources.store_of(account).unreadable(account))

    async def events(
        self,
        *,
        follow: bool = False,
        stop: Callable[[], bool] = lambda: False,
        **filters: "Unpack[EventFilters]",
    ) -> AsyncIterator[Event]:
        """What changed, in the order it was recorded; as :meth:`Hub.events`."""
        if not follow:
            read = partial(self._resources.events, filters, follow=False, stop=stop)
            async for event in self._read(filters.get("account"), read):
                yield event
            return
        store = await asyncio.to_thread(self._resources.store_of, filters.get("account"))
        from returns_hub.store.stream import follow_async

        left = filters.get("limit")
        stream = await asyncio.to_thread(stream_of, store, filters)
        async for event in follow_async(store.database, **stream, stop=stop):
            yield event
            left = None if left is None else left - 1
            if left == 0:
                return

    async def aclose(self) -> None:
        """Close every client, the inbox and the store. The hub may be used again afterwards, and opens them anew."""
        clients, self._clients = list(self._clients.values()), {}
        clients += [client for _, client in self._retired]
        self._retired = []
        for client in clients:
            await client.aclose()
        await asyncio.to_thread(self._resources.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _reset_after_fork(self) -> None:
        self._inherited.append((self._clients, self._retired))
        self._clients, self._retired = {}, []

    def _read(self, account: str | None, read: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
        """What an iterator gives, a few hundred at a time read in a thread. An unknown account is an error at once."""
        if account is not None:
            self._resources.account(account)
        return _read_in_threads(read)


async def _read_in_threads(read: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    rows = await asyncio.to_thread(read)
    while chunk := await asyncio.to_thread(lambda: list(islice(rows, _PREFETCHED_ROWS))):
        for row in chunk:
            yield row
