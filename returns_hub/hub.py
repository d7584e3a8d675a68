"""Many accounts, one mirror of them, and all that fills and reads it, in one object."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock, RLock
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from attrs import frozen

from returns_hub import telemetry
from returns_hub.accounts import DEFAULT_KEEP_DELIVERIES, Account, load_config
from returns_hub.adapter import Adapter, Rate
from returns_hub.client import AsyncClient, Client, open_async_client, open_client
from returns_hub.dispatcher import ATTEMPTS, EventDispatcher, HandlerRegistry, Since
from returns_hub.errors import ConfigurationError, StoreError, WebhookRejected
from returns_hub.events import Event
from returns_hub.operation import HttpAnswer, WebhookRequest
from returns_hub.orders import FindOrderAsync, load_find_order
from returns_hub.rate_limits import Limiter, RateLimiter
from returns_hub.secret import Secret
from returns_hub.status import Attention, Status
from returns_hub.webhooks import Receipt

if TYPE_CHECKING:
    from returns_hub.deliveries import Delivery, DeliveryState, Inbox, Processor
    from returns_hub.dispatcher import H
    from returns_hub.store import Store, StoredReturn
    from returns_hub.store.inbox import Purged
    from returns_hub.store.jobs import Jobs
    from returns_hub.store.subscriptions import FailedEvent
    from returns_hub.sync import ReconcileReport, SyncJob, SyncProgress, SyncReport
    from returns_hub.worker import Worker

T = TypeVar("T")

# How many rows an asynchronous iteration has read ahead of its reader.
_PREFETCHED_ROWS: Final = 200


@frozen(kw_only=True)
class AccountHealth:
    """How one account stands. ``lag_s``: by how many seconds the mirror is behind the vendor, None before a first sync.

    ``degraded``: several syncs in a row have failed. ``synced_at``: when the last one ended, well or not.
    """

    account: str
    synced_at: datetime | None
    lag_s: float | None
    degraded: bool


@frozen(kw_only=True)
class Health:
    """How a hub stands. ``ok`` is True where the store answers: without it nothing can be received.

    ``pending`` deliveries wait to be processed, the oldest for ``oldest_pending_s``; ``dead`` ones wait for a hand.
    """

    ok: bool
    pending: int
    oldest_pending_s: float | None
    dead: int
    accounts: tuple[AccountHealth, ...]


class Hub:
    """The accounts of a platform and the local mirror of their returns.

    Nothing is opened before it is needed: a client at an account's first use, the store at the first reading or
    :meth:`sync`. Every account has its own adapter, client and credentials. Threads may share it. Use it as a context
    manager, or call :meth:`close`.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account] | Iterable[Account],
        *,
        store: str,
        keep_deliveries: timedelta = DEFAULT_KEEP_DELIVERIES,
    ) -> None:
        self._parts = HubResources(accounts, store, keep_deliveries, awaits=False)
        self.accounts = self._parts.accounts

    @classmethod
    def from_config(cls, path: Path | None = None) -> Self:
        """The hub that ``returns-hub.toml``, or another file, describes.

        Raises:
            ConfigurationError: the file is missing or wrong; the text names what.
        """
        config = load_config(path)
        return cls(config.accounts, store=config.store, keep_deliveries=config.keep_deliveries)

    def client(self, account: str) -> Client:
        """The client of one account, the same one every time; the hub closes it.

        Raises:
            ConfigurationError: there is no such account, or its options are wrong.
        """
        return self._parts.client(account)

    def sync(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        full: bool = False,
        details: bool = False,
        progress: "Callable[[SyncProgress], None] | None" = None,
    ) -> "tuple[SyncReport, ...]":
        """Bring the mirror in step with the vendors, and tell how that went: one report for each account.

        The first sync of an account reads back to ``since`` (default: the account's ``history_start``), later ones
        read what changed. ``since`` on a later one reads again what was created from then on, ``full`` everything;
        ``details`` asks for every return one by one, which is one request each. Without names all accounts are
        synced, side by side. An account that fails does not stop the others: its report carries the ``error``, and one
        that another process is syncing is ``skipped``. What was read is kept, and a run that was cut off goes on where it
        stopped. ``progress`` is called in another thread.

        Raises:
            ConfigurationError: there is no such account. Nothing was read.
            StoreError: the mirror cannot be opened.
        """
        store, jobs = self._parts.to_sync(accounts)
        from returns_hub.sync import blocking, sync_accounts

        wanted = partial(sync_accounts, jobs, store, since=since, full=full, details=details, progress=progress)
        return blocking(wanted)

    def reconcile(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        details: bool = False,
        progress: "Callable[[SyncProgress], None] | None" = None,
    ) -> "tuple[ReconcileReport, ...]":
        """Compare the mirror with all that the vendors have, and repair it: one report for each account.

        It finds what no webhook told and no sync can see. ``since`` leaves out what was created before, ``details``
        compares also what the listings do not tell, which is one request for each return. A return that is not at the
        vendor any more is reported as ``gone``, and stays. Otherwise as :meth:`sync`.

        Raises:
            ConfigurationError: there is no such account. Nothing was read.
            StoreError: the mirror cannot be opened.
        """
        store, jobs = self._parts.to_sync(accounts)
        from returns_hub.sync import blocking, reconcile_accounts

        return blocking(partial(reconcile_accounts, jobs, store, since=since, details=details, progress=progress))

    def receive(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """What to answer a vendor that delivers: it is verified and stored, durably, and processed later.

        A duplicate is answered like the first. Processing is :meth:`working`'s or :meth:`process`'s, here or in another
        process.

        Raises:
            WebhookRejected: the delivery must not be believed; answer 401. Nothing was stored.
            ConfigurationError: there is no such account; answer 404.
            StoreError: the store cannot take it; answer 503, and the vendor sends it again.
        """
        receipt = _verified(self.client(account).adapter, account, request)
        self._parts.inbox().put(account, request, receipt)
        return receipt.answer

    async def receive_async(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """As :meth:`receive`, for a server that runs on an event loop."""
        await self._parts.opened(account)
        return await self._parts.receive(account, request)

    def answer_order_lookup(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """What to answer a vendor that asks for an order, verified first; the account's ``orders`` finds it.

        Raises:
            WebhookRejected: the call must not be believed; answer 401. Nothing was looked up.
            ConfigurationError: there is no such account, or it names no function that finds orders.
        """
        return self.client(account).answer_order_lookup(request, self._parts.find_order(account, awaits=False))

    def process(self, limit: int | None = None) -> int:
        """Process the deliveries that are due, here and now, at most so many attempts; how many were processed.

        Raises:
            StoreError: the store fails. What was not finished is processed again.
        """
        return self._parts.process(limit)

    def deliveries(
        self, *, account: str | None = None, state: "DeliveryState | None" = None, limit: int | None = None
    ) -> "Iterator[Delivery]":
        """The deliveries that match, newest first; read as they are asked for."""
        if account is not None:
            self._parts.account(account)
        return self._parts.inbox().find(account=account, state=state, limit=limit)

    def get_delivery(self, id: int) -> "Delivery | None":
        """One delivery, or None."""
        return self._parts.inbox().get(id)

    def purge(self, before: date | datetime) -> "Purged":
        """Remove the processed deliveries that came before a day or a moment, and what has waited for its return since.

        Their bodies are personal data. What is pending or dead stays, and so does what the mirror knows by them.
        :meth:`working` does so by itself, for what came longer ago than ``keep_deliveries``.
        """
        return self._parts.purge(before)

    def replay(self, id: int) -> "Delivery":
        """Have a delivery processed once more, whatever became of it. What is known already is not told again.

        Raises:
            ConfigurationError: there is no such delivery.
        """
        return self._parts.inbox().replay(id)

    def on(
        self, *types: type[Event], name: str | None = None, since: Since = "now", attempts: int = ATTEMPTS
    ) -> "Callable[[H], H]":
        """Have the decorated function called with every event of these types, or of all, at least once.

        It is called by :meth:`working` or :meth:`tell`. It is done with an event when it returns; if it raises, the event
        is told again, later and later, ``attempts`` times in all, and until then the later events of the same return
        wait. An event's ``id`` is always the same. How far it has come is kept in the store under ``name`` (default: the
        function's own), which all processes share. A new name is told what is recorded from now on; with
        ``since="beginning"`` also everything before.

        Raises:
            ConfigurationError: an argument that cannot be meant, or the name has a function for such events already.
        """
        return self._parts.on(types, name, since, attempts)

    def dispatch(self, limit: int | None = None) -> int:
        """Tell the handlers the events that are due, here and now, at most so many attempts; how many were taken.

        Raises:
            StoreError: the store fails. What could not be noted is told again.
        """
        return self._parts.consumers().dispatch_due(limit)

    def failed_events(self, name: str) -> "Iterator[FailedEvent]":
        """The events at which the handlers of a name failed and that they have not taken since, oldest first."""
        return self._parts.consumers().failed_events(name)

    def retry_event(self, name: str, sequence: int) -> bool:
        """Have an event told once more that the handlers of a name were told for the last time; False if it was not."""
        return self._parts.consumers().retry_event(name, sequence)

    @contextmanager
    def working(self, *, concurrency: int = 4) -> Iterator[None]:
        """Inside, deliveries are processed, handlers told, and accounts with ``sync_every`` synced, in the background.

        ``concurrency`` is how many deliveries are worked on at once. On exit what is in hand is finished, and what was
        only claimed is handed back. On PostgreSQL any number of processes may do so side by side.

        Raises:
            StoreError: the store cannot be opened.
        """

        def schedule(account: Account) -> Callable[..., object]:
            return lambda progress: self.sync(account.name, progress=progress)

        with self._parts.worker(schedule, concurrency):
            yield

    def health(self) -> Health:
        """How things stand.

        Raises:
            StoreError: the store does not answer.
        """
        return self._parts.health()

    def returns(
        self,
        *,
        account: str | None = None,
        status: Status | None = None,
        attention: Attention | None = None,
        since: date | datetime | None = None,
        limit: int | None = None,
    ) -> "Iterator[StoredReturn]":
        """The mirrored returns that match, newest first by ``created_at``; read as they are asked for.

        ``since`` is the earliest ``created_at``.
        """
        if account is not None:
            self._parts.account(account)
        return self._parts.store().returns(
            account=account, status=status, attention=attention, since=since, limit=limit
        )

    def get_return(self, account: str, return_id: str) -> "StoredReturn | None":
        """One mirrored return, or None if the mirror does not have it."""
        self._parts.account(account)
        return self._parts.store().get_return(account, return_id)

    def events(
        self,
        *,
        after: int = 0,
        account: str | None = None,
        return_id: str | None = None,
        limit: int | None = None,
        follow: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Event]:
        """What changed, in the order it was recorded, after a ``sequence``; read as they are asked for.

        With ``follow`` the events that come are told too, as they are recorded by whatever process, until ``stop``,
        asked a few times a second, says so.
        """
        if account is not None:
            self._parts.account(account)
        store = self._parts.store()
        if not follow:
            return store.events(after=after, account=account, return_id=return_id, limit=limit)
        from returns_hub.store.stream import follow as follow_stream

        return islice(
            follow_stream(store.database, after=after, account=account, return_id=return_id, stop=stop), limit
        )

    def close(self) -> None:
        """Close every client, the inbox and the store. The hub may be used again afterwards, and opens them anew."""
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Hub: {', '.join(self.accounts) or 'no accounts'}>"


class AsyncHub:
    """The accounts of a platform and the local mirror of their returns, to be awaited.

    The methods are those of :class:`Hub`, and raise the same; the database is asked in threads. It belongs to the event
    loop that it is first used on. HandlerRegistry may be plain or async functions. Use it as an asynchronous context manager,
    or call :meth:`aclose`.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account] | Iterable[Account],
        *,
        store: str,
        keep_deliveries: timedelta = DEFAULT_KEEP_DELIVERIES,
    ) -> None:
        self._parts = HubResources(accounts, store, keep_deliveries, awaits=True)
        self.accounts = self._parts.accounts
        self._clients: dict[str, AsyncClient] = {}

    @classmethod
    def from_config(cls, path: Path | None = None) -> Self:
        """The hub that ``returns-hub.toml``, or another file, describes; as :meth:`Hub.from_config`."""
        config = load_config(path)
        return cls(config.accounts, store=config.store, keep_deliveries=config.keep_deliveries)

    def client(self, account: str) -> AsyncClient:
        """The client of one account, the same one every time; the hub closes it."""
        if account not in self._clients:
            wanted = self._parts.account(account)
            self._clients[account] = open_async_client(wanted, limiter=self._parts.limiter_of(wanted))
        return self._clients[account]

    async def sync(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        full: bool = False,
        details: bool = False,
        progress: "Callable[[SyncProgress], None] | None" = None,
    ) -> "tuple[SyncReport, ...]":
        """Bring the mirror in step with the vendors; as :meth:`Hub.sync`. ``progress`` is called on the event loop."""
        store, jobs = await asyncio.to_thread(self._parts.to_sync, accounts)
        from returns_hub.sync import sync_accounts

        return await sync_accounts(jobs, store, since=since, full=full, details=details, progress=progress)

    async def reconcile(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        details: bool = False,
        progress: "Callable[[SyncProgress], None] | None" = None,
    ) -> "tuple[ReconcileReport, ...]":
        """Compare the mirror with the vendors, and repair it; as :meth:`Hub.reconcile`."""
        store, jobs = await asyncio.to_thread(self._parts.to_sync, accounts)
        from returns_hub.sync import reconcile_accounts

        return await reconcile_accounts(jobs, store, since=since, details=details, progress=progress)

    async def receive(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """What to answer a vendor that delivers; as :meth:`Hub.receive`."""
        await self._parts.opened(account)
        return await self._parts.receive(account, request)

    async def answer_order_lookup(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """What to answer a vendor that asks for an order; as :meth:`Hub.answer_order_lookup`. ``orders`` may be async."""
        find_order = await asyncio.to_thread(self._parts.find_order, account, awaits=True)
        return await self.client(account).answer_order_lookup(request, find_order)

    async def process(self, limit: int | None = None) -> int:
        """Process the deliveries that are due; as :meth:`Hub.process`."""
        return await asyncio.to_thread(self._parts.process, limit)

    def deliveries(
        self, *, account: str | None = None, state: "DeliveryState | None" = None, limit: int | None = None
    ) -> "AsyncIterator[Delivery]":
        """The deliveries that match, newest first; read as they are asked for."""
        if account is not None:
            self._parts.account(account)
        return _read_in_threads(lambda: self._parts.inbox().find(account=account, state=state, limit=limit))

    async def get_delivery(self, id: int) -> "Delivery | None":
        """One delivery, or None."""
        return await asyncio.to_thread(lambda: self._parts.inbox().get(id))

    async def purge(self, before: date | datetime) -> "Purged":
        """Remove the processed deliveries that came before a day or a moment; as :meth:`Hub.purge`."""
        return await asyncio.to_thread(self._parts.purge, before)

    async def replay(self, id: int) -> "Delivery":
        """Have a delivery processed once more; as :meth:`Hub.replay`."""
        return await asyncio.to_thread(lambda: self._parts.inbox().replay(id))

    def on(
        self, *types: type[Event], name: str | None = None, since: Since = "now", attempts: int = ATTEMPTS
    ) -> "Callable[[H], H]":
        """Have the decorated function, plain or async, called with every event of these types; as :meth:`Hub.on`."""
        return self._parts.on(types, name, since, attempts)

    async def dispatch(self, limit: int | None = None) -> int:
        """Tell the handlers the events that are due; as :meth:`Hub.dispatch`. Async ones run on this event loop."""
        consumers = await asyncio.to_thread(self._parts.consumers, asyncio.get_running_loop())
        return await asyncio.to_thread(consumers.dispatch_due, limit)

    def failed_events(self, name: str) -> "AsyncIterator[FailedEvent]":
        """The events at which the handlers of a name failed; as :meth:`Hub.failed_events`."""
        return _read_in_threads(lambda: self._parts.consumers().failed_events(name))

    async def retry_event(self, name: str, sequence: int) -> bool:
        """Have an event told once more; as :meth:`Hub.retry_event`."""
        return await asyncio.to_thread(lambda: self._parts.consumers().retry_event(name, sequence))

    @asynccontextmanager
    async def working(self, *, concurrency: int = 4) -> AsyncIterator[None]:
        """Inside, what is due is done in the background; as :meth:`Hub.working`. Async handlers run on this event loop."""

        def schedule(account: Account) -> Callable[..., object]:
            from returns_hub.sync import blocking, sync_accounts

            def run(progress: "Callable[[SyncProgress], None]") -> object:
                store, jobs = self._parts.to_sync([account.name])
                return blocking(partial(sync_accounts, jobs, store, progress=progress))

            return run

        loop = asyncio.get_running_loop()
        worker = await asyncio.to_thread(self._parts.worker, schedule, concurrency, loop)
        await asyncio.to_thread(worker.start)
        try:
            yield
        finally:
            await asyncio.to_thread(worker.stop)

    async def health(self) -> Health:
        """How things stand; as :meth:`Hub.health`."""
        return await asyncio.to_thread(self._parts.health)

    def returns(
        self,
        *,
        account: str | None = None,
        status: Status | None = None,
        attention: Attention | None = None,
        since: date | datetime | None = None,
        limit: int | None = None,
    ) -> "AsyncIterator[StoredReturn]":
        """The mirrored returns that match, newest first; as :meth:`Hub.returns`."""
        if account is not None:
            self._parts.account(account)
        wanted: dict[str, Any] = {
            "account": account,
            "status": status,
            "attention": attention,
            "since": since,
            "limit": limit,
        }
        return _read_in_threads(lambda: self._parts.store().returns(**wanted))

    async def get_return(self, account: str, return_id: str) -> "StoredReturn | None":
        """One mirrored return, or None if the mirror does not have it."""
        self._parts.account(account)
        return await asyncio.to_thread(lambda: self._parts.store().get_return(account, return_id))

    async def events(
        self,
        *,
        after: int = 0,
        account: str | None = None,
        return_id: str | None = None,
        limit: int | None = None,
        follow: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> AsyncIterator[Event]:
        """What changed, in the order it was recorded, after a ``sequence``; as :meth:`Hub.events`."""
        if account is not None:
            self._parts.account(account)
        store = await asyncio.to_thread(self._parts.store)
        from returns_hub.store.stream import follow_async

        stream = (
            follow_async(store.database, after=after, account=account, return_id=return_id, stop=stop)
            if follow
            else _read_in_threads(lambda: store.events(after=after, account=account, return_id=return_id, limit=limit))
        )
        left = limit
        async for event in stream:
            yield event
            left = None if left is None else left - 1
            if left == 0:
                return

    async def aclose(self) -> None:
        """Close every client, the inbox and the store. The hub may be used again afterwards, and opens them anew."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()
        await asyncio.to_thread(self._parts.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<AsyncHub: {', '.join(self.accounts) or 'no accounts'}>"


class HubResources:
    """What both hubs are made of, each part opened when it is first needed. Threads may share it."""

    def __init__(
        self, accounts: Mapping[str, Account] | Iterable[Account], address: str, keep: timedelta, *, awaits: bool
    ) -> None:
        named: dict[str, Account] = {}
        for account in accounts.values() if isinstance(accounts, Mapping) else accounts:
            if named.setdefault(account.name, account) is not account:
                raise ConfigurationError(f"two accounts are called {account.name!r}")
        self.accounts: Mapping[str, Account] = MappingProxyType(named)
        self.handlers = HandlerRegistry(awaits=awaits)
        # An address of PostgreSQL holds a password.
        self._address = Secret(address)
        self._keep_deliveries = keep
        self._opening = RLock()
        self._store: Store | None = None
        self._inbox: Inbox | None = None
        self._clients: dict[str, Client] = {}
        self._paces: dict[str, Limiter] = {}
        self._pacing = Lock()

    def account(self, name: str) -> Account:
        """The account of that name.

        Raises:
            ConfigurationError: there is none.
        """
        account = self.accounts.get(name)
        if account is not None:
            return account
        close = get_close_matches(name, self.accounts, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(self.accounts)) or 'none'}"
        raise ConfigurationError(f"there is no account {name[:60]!r}; {hint}")

    def client(self, name: str) -> Client:
        """The blocking client of an account."""
        account = self.account(name)
        with self._opening:
            if name not in self._clients:
                self._clients[name] = open_client(account, limiter=self.limiter_of(account))
            return self._clients[name]

    def limiter_of(self, account: Account) -> Callable[[Rate | None], Limiter]:
        """Makes the one pace that all clients of an account keep; on PostgreSQL with those of other processes."""

        def make(rate: Rate | None) -> Limiter:
            shared = self.store().database if self._is_shared else None
            with self._pacing:
                if account.name not in self._paces:
                    self._paces[account.name] = RateLimiter(rate)
                    if shared is not None:
                        from returns_hub.store.rate_limits import SharedRateLimiter

                        self._paces[account.name] = SharedRateLimiter(shared, account.name, rate)
                return self._paces[account.name]

        return make

    def store(self) -> "Store":
        """The mirror, opened.

        Raises:
            StoreError: it cannot be.
        """
        with self._opening:
            if self._store is None:
                self._store = _open_store(self._address)
                # The handlers there are by now are told what is recorded from now on.
                self.consumers().begin()
            return self._store

    def inbox(self) -> "Inbox":
        """What takes deliveries."""
        with self._opening:
            if self._inbox is None:
                from returns_hub.deliveries import Inbox

                jobs = self._jobs()
                self._inbox = Inbox(self.store(), enqueue=jobs.enqueue if jobs else None)
            return self._inbox

    async def opened(self, name: str) -> None:
        """Returns when an account's client and the inbox are open; that takes its time, which is no event loop's."""
        if name not in self._clients or self._inbox is None:
            await asyncio.to_thread(self.client, name)
            await asyncio.to_thread(self.inbox)

    async def receive(self, name: str, request: WebhookRequest) -> HttpAnswer:
        """What to answer a vendor that delivers to an account that is open."""
        receipt = _verified(self.client(name).adapter, name, request)
        await self.inbox().put_async(name, request, receipt)
        return receipt.answer

    def find_order(self, name: str, *, awaits: bool) -> Any:
        """The platform's own function that finds an account's orders.

        Raises:
            ConfigurationError: the account names none, or one that cannot be used.
        """
        account = self.account(name)
        if account.orders is None:
            raise ConfigurationError(f"accounts.{name}.orders names no function that finds orders")
        found: FindOrderAsync = load_find_order(account.orders)
        if asyncio.iscoroutinefunction(found) and not awaits:
            return lambda number: asyncio.run(_awaited(found(number)))
        return found

    def processor(self) -> "Processor":
        """What processes deliveries."""
        from returns_hub.deliveries import Processor

        return Processor(self.store(), self.client)

    def on(self, types: Sequence[type[Event]], name: str | None, since: Since, attempts: int) -> "Callable[[H], H]":
        """Register a handler; where the store is open, what is recorded from now on is already for it."""
        register = self.handlers.on(*types, name=name, since=since, attempts=attempts)

        def registered(handler: "H") -> "H":
            handler = register(handler)
            with self._opening:
                if self._store is not None:
                    self.consumers().begin()
            return handler

        return registered

    def process(self, limit: int | None) -> int:
        """Process the deliveries that are due; how many were processed."""
        processed = self.processor().process_due(limit)
        jobs = self._jobs()
        if jobs is not None:
            jobs.drop_done()
        return processed

    def purge(self, before: date | datetime) -> "Purged":
        """Remove old deliveries; how many."""
        inbox = self.inbox()
        from returns_hub.store import start_of

        return inbox.purge(start_of(before))

    def consumers(self, loop: asyncio.AbstractEventLoop | None = None) -> EventDispatcher:
        """What tells events to handlers."""
        return EventDispatcher(self.store(), self.handlers, loop=loop)

    def worker(
        self,
        schedule: Callable[[Account], Callable[..., object]],
        concurrency: int,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> "Worker":
        """What works in the background. ``schedule`` gives what syncs an account."""
        from returns_hub.worker import Worker, purge_schedule, sync_schedule

        store = self.store()
        syncs = [
            sync_schedule(store, each.name, every=each.sync_every.total_seconds(), sync=schedule(each))
            for each in self.accounts.values()
            if each.sync_every is not None
        ]
        return Worker(
            store,
            processor=self.processor(),
            consumers=self.consumers(loop),
            schedules=[*syncs, purge_schedule(store, self._keep_deliveries)],
            concurrency=concurrency,
        )

    def to_sync(self, accounts: Sequence[str]) -> "tuple[Store, list[SyncJob]]":
        """The mirror, and what is to be synced."""
        wanted = [self.account(name) for name in dict.fromkeys(accounts or self.accounts)]
        store = self.store()
        from returns_hub.sync import SyncJob

        return store, [
            SyncJob(
                account=account.name,
                open_client=partial(open_async_client, account, limiter=self.limiter_of(account)),
                history_start=account.history_start,
                rate_limit=account.rate_limit,
            )
            for account in wanted
        ]

    def health(self) -> Health:
        """How things stand."""
        store, now = self.store(), datetime.now(UTC)
        backlog = self.inbox().backlog()
        oldest = backlog.oldest_pending_at
        synced = [store.health(name) for name in self.accounts]
        return Health(
            ok=True,
            pending=backlog.pending,
            oldest_pending_s=None if oldest is None else max(0.0, (now - oldest).total_seconds()),
            dead=backlog.dead,
            accounts=tuple(
                AccountHealth(
                    account=each.account, synced_at=each.finished_at, lag_s=each.lag_s(now), degraded=each.degraded
                )
                for each in synced
            ),
        )

    def close(self) -> None:
        """Close whatever was opened."""
        with self._opening:
            clients, self._clients = self._clients, {}
            inbox, self._inbox = self._inbox, None
            store, self._store = self._store, None
            with self._pacing:
                self._paces = {}
        for client in clients.values():
            client.close()
        if inbox is not None:
            inbox.close()
        if store is not None:
            store.close()

    @property
    def _is_shared(self) -> bool:
        return self._address.reveal().startswith("postgresql")

    def _jobs(self) -> "Jobs | None":
        """The queue of a PostgreSQL, installed."""
        if not self._is_shared:
            return None
        from returns_hub.store.jobs import Jobs

        jobs = Jobs(self.store().database)
        jobs.install()
        return jobs


def _verified(adapter: Adapter, account: str, request: WebhookRequest) -> Receipt:
    try:
        return adapter.receive(request)
    except WebhookRejected:
        telemetry.count("returns_hub.deliveries", account=account, outcome="refused")
        raise


async def _awaited(found: Any) -> Any:
    return await found


async def _read_in_threads(read: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    """What an iterator gives, a few hundred at a time read in a thread."""
    rows = await asyncio.to_thread(read)
    while some := await asyncio.to_thread(lambda: list(islice(rows, _PREFETCHED_ROWS))):
        for row in some:
            yield row


def _open_store(address: Secret) -> "Store":
    try:
        from returns_hub.store import Store
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        return Store.open(address)
    raise StoreError(f"the mirror needs the package {missing}: pip install 'returns-hub[store]'")
