"""What a hub is made of: clients, limiters, the store, the inbox; each opened when it is first needed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from attrs import evolve

from returns_hub import telemetry
from returns_hub.accounts import Account
from returns_hub.client import open_async_client
from returns_hub.client.arguments import moment
from returns_hub.configuration import DEFAULT_KEEP_DELIVERIES, load_config
from returns_hub.errors import ConfigurationError, StoreError, WebhookRejected
from returns_hub.events import Event
from returns_hub.fork import reset_after_fork
from returns_hub.handlers import ExecuteStatement, Handler, HandlerContext, HandlerOptions, HandlerRegistry
from returns_hub.hub.account_clients import AccountClients
from returns_hub.hub.filters import (
    DeliveryFilters,
    DeliverySelection,
    EventFilters,
    ReturnFilters,
    ReturnSelection,
    checked_filters,
    selection_of,
    stream_of,
)
from returns_hub.hub.health import AccountHealth, Health
from returns_hub.hub.refusals import RefusalRecorder, Route
from returns_hub.logs import log_event
from returns_hub.operation import HttpAnswer, WebhookRequest
from returns_hub.orders import FindOrderAsync, load_find_order
from returns_hub.reports import Delivery, Erased, Purged, Refusal, Reloaded
from returns_hub.secret import Secret
from returns_hub.webhooks import Receipt

if TYPE_CHECKING:
    from returns_hub.deliveries import Inbox, Processor
    from returns_hub.dispatcher import EventDispatcher
    from returns_hub.store import Store, StoredReturn
    from returns_hub.sync import SyncJob
    from returns_hub.worker import Worker


# Beyond it who waits gets an error; what opens goes on.
_OPEN_TIMEOUT: Final = 10.0


class ConfiguredHub:
    """What both hubs have that needs no database and no network: accounts and handlers."""

    _asynchronous: ClassVar[bool]

    def __init__(
        self,
        accounts: Mapping[str, Account] | Iterable[Account],
        *,
        store: str | Callable[[], str],
        keep_deliveries: timedelta = DEFAULT_KEEP_DELIVERIES,
    ) -> None:
        self._resources = HubResources(accounts, store, keep_deliveries, awaits=self._asynchronous)
        self._config_path: Path | None = None

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts by name."""
        return self._resources.accounts

    @classmethod
    def from_config(cls, path: Path | None = None) -> Self:
        """The hub that ``returns-hub.toml``, or another file, describes.

        Raises:
            ConfigurationError: the file is missing or wrong; the text names what.
        """
        config = load_config(path)
        hub = cls(config.accounts, store=config.store, keep_deliveries=config.keep_deliveries)
        hub._config_path = config.path.absolute()
        return hub

    def _reload(self, accounts: Mapping[str, Account] | Iterable[Account] | None) -> Reloaded:
        if accounts is not None:
            return self._resources.reload(accounts, None)
        if self._config_path is None:
            raise ConfigurationError("this hub was not made by from_config: say which accounts it has now")
        config = load_config(self._config_path)
        if not self._resources.is_at(config.store):
            raise ConfigurationError("the store cannot change while the hub is in use: restart the process")
        return self._resources.reload(config.accounts, config.keep_deliveries)

    def call_handlers_in(self, context: HandlerContext, *, execute: ExecuteStatement | None = None) -> None:
        """Have every plain handler called inside a context of its own, such as the application context of Flask.

        ``context()`` is entered and left in the handler's thread. Async handlers are called without it.

        With ``execute`` the context is a transaction of the database that holds the mirror, on a connection of yours: in it
        ``execute(statement, parameters)`` executes a statement with ``%s`` for each parameter, and returns the number of
        rows. By such a statement the event is processed in the transaction in which the handler has written, exactly once.
        """
        self._resources.handlers.context, self._resources.handlers.execute = context, execute

    async def check_receiving(self) -> None:
        """Returns if a delivery could be stored now, asked on the way that deliveries take; for a load balancer's question.

        Raises:
            StoreError: none can be; a vendor that delivers is answered 503.
        """
        await self._resources.check_receiving()

    def record_refusal(self, account: str, reason: str, *, route: Route = "webhooks") -> None:
        """Count a request that was refused before it came to the hub: a body too large, a path with no account.

        ``account`` is ``""`` where the path names none that there is; ``reason`` is one word. Nothing waits for the store.
        """
        self._resources.refusals.record(account if account in self.accounts else "", route, reason)

    def open_store(self) -> "Store":
        """The store under the hub, for what is built upon it as the console is; its interface may change with any release.

        Raises:
            StoreError: it cannot be opened.
        """
        return self._resources.store()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self.accounts) or 'no accounts'}>"


class HubResources:
    """Opens, shares and closes what a hub needs. Threads may share it."""

    def __init__(
        self,
        accounts: Mapping[str, Account] | Iterable[Account],
        address: str | Callable[[], str],
        keep: timedelta,
        *,
        awaits: bool,
    ) -> None:
        self.handlers = HandlerRegistry(awaits=awaits)
        # An address of PostgreSQL holds a password. A function that gives it is asked when it is needed.
        self._given_address = address if callable(address) else Secret(address)
        self._keep_deliveries = keep
        self._generation = 0
        self._opening = RLock()
        self._store: Store | None = None
        self._inbox: Inbox | None = None
        self.refusals = RefusalRecorder(self.store)
        self.clients = AccountClients(accounts, self.store, is_shared=self._is_shared)
        self.account, self.client = self.clients.account, self.clients.client
        self._inherited: list[object] = []
        reset_after_fork(self, HubResources._reset_after_fork)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts by name."""
        return self.clients.accounts

    def store(self) -> "Store":
        """The mirror, opened.

        Raises:
            StoreError: it cannot be.
        """
        with self._opening:
            if self._store is None:
                self._store = _open_store(self._address)
                if self.handlers.consumers():
                    # The handlers there are by now get what is recorded from now on.
                    self.dispatcher().subscribe()
            return self._store

    def is_at(self, address: str) -> bool:
        """True if the store is the one at this address."""
        return self._address.reveal() == address

    def store_of(self, account: str | None) -> "Store":
        """The mirror, to be asked about an account, or about all of them.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the mirror cannot be opened.
        """
        if account is not None:
            self.account(account)
        return self.store()

    def inbox(self) -> "Inbox":
        """What stores deliveries."""
        with self._opening:
            if self._inbox is None:
                from returns_hub.deliveries import Inbox

                self._inbox = Inbox(self.store())
            return self._inbox

    def reload(self, accounts: Mapping[str, Account] | Iterable[Account], keep: timedelta | None) -> Reloaded:
        """Take these accounts in place of those there are; what is new, changed and gone."""
        reloaded = self.clients.reload(accounts)
        self._keep_deliveries = self._keep_deliveries if keep is None else keep
        self._generation += 1
        names = {"added": reloaded.added, "changed": reloaded.changed, "removed": reloaded.removed}
        summary = "; ".join(f"{word} {', '.join(found)}" for word, found in names.items() if found)
        log_event("configuration.reloaded", "configuration reloaded: %s", summary or "nothing changed")
        return reloaded

    async def open(self, name: str) -> None:
        """Open an account's client and the inbox, in a thread: that takes too long for an event loop."""
        await asyncio.to_thread(self.client, name)
        await asyncio.to_thread(self.inbox)

    def verify(self, name: str, request: WebhookRequest) -> Receipt:
        """What a delivery says, once it is verified.

        Raises:
            WebhookRejected: the delivery must not be believed.
        """
        try:
            return self.client(name).adapter.receive(request)
        except WebhookRejected:
            telemetry.count("returns_hub.deliveries", account=name, outcome="refused")
            raise

    def recording(self, name: str, route: Route, request: WebhookRequest) -> AbstractContextManager[None]:
        """Counts a request that is refused in the block, or cannot be answered."""
        return self.refusals.recording(name if name in self.accounts else "", route, request.body)

    def refused(self, account: str | None) -> tuple[Refusal, ...]:
        """What was refused, the latest first."""
        store = self.store_of(account)
        from returns_hub.store.refusals import Refusals

        with suppress(StoreError):
            self.refusals.flush()
        return Refusals(store.database).find(account)

    async def check_receiving(self) -> None:
        """Returns if a delivery could be stored now, as :meth:`receive` would."""
        if self._inbox is None:
            await _in_time(asyncio.to_thread(self.inbox))
        await self.inbox().check()

    async def receive(self, name: str, request: WebhookRequest) -> HttpAnswer:
        """Store a delivery, verified first; what to answer."""
        with self.recording(name, "webhooks", request):
            if not self.clients.is_open(name) or self._inbox is None:
                await _in_time(self.open(name))
            receipt = self.verify(name, request)
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
            return lambda number: asyncio.run(_await(found(number)))
        return found

    def processor(self) -> "Processor":
        """What processes deliveries."""
        from returns_hub.deliveries import Processor

        return Processor(self.store(), self.client)

    def on(self, types: Sequence[type[Event]], options: HandlerOptions) -> Any:
        """Register a handler; where the store is open, what is recorded from now on is already for it."""
        register = self.handlers.on(*types, **options)

        def registered(handler: Handler) -> Handler:
            handler = register(handler)
            with self._opening:
                if self._store is not None:
                    self.dispatcher().subscribe()
            return handler

        return registered

    def _inbox_of(self, selection: DeliverySelection) -> "Inbox":
        account = selection.get("account")
        if account is not None:
            self.account(account)
        return self.inbox()

    def process(self, limit: int | None) -> int:
        """Process the deliveries that are due; how many were processed."""
        return self.processor().process_due(limit)

    def deliveries(self, filters: DeliveryFilters) -> Iterator[Delivery]:
        """The deliveries that match, newest first."""
        return self._inbox_of(filters).find(**selection_of(filters), limit=filters.get("limit"))

    def count_deliveries(self, selection: DeliverySelection) -> int:
        """How many deliveries match."""
        return self._inbox_of(selection).count(**selection_of(selection))

    def replay_deliveries(self, selection: DeliverySelection) -> int:
        """Have the deliveries that match processed once more; how many."""
        return self._inbox_of(selection).replay_matching(**selection_of(selection))

    def purge(self, before: date | datetime, *, audit: bool) -> Purged:
        """Remove old deliveries, and old acts of the audit too if that is said; how many."""
        limit, inbox = moment("before", before), self.inbox()
        purged = inbox.purge(limit)
        if not audit:
            return purged
        from returns_hub.store.audit import AuditLog

        return evolve(purged, audit=AuditLog(self.store().database).purge(limit))

    def erase(self, name: str, return_id: str, *, allow_resync: bool) -> Erased:
        """Remove a return and all that is stored of it; what was removed."""
        adapter, store = self.client(name).adapter, self.store()
        from returns_hub.deliveries.erasure import erase

        return erase(store, adapter, name, return_id, allow_resync=allow_resync)

    def dispatcher(self, loop: asyncio.AbstractEventLoop | None = None) -> "EventDispatcher":
        """What dispatches events to handlers."""
        from returns_hub.dispatcher import EventDispatcher

        return EventDispatcher(self.store(), self.handlers, loop=loop, has_accounts=len(self.accounts) > 1)

    def worker(
        self,
        sync: Callable[[str], Callable[..., object]],
        concurrency: int,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> "Worker":
        """What works in the background. ``sync`` gives what syncs an account."""
        from returns_hub.worker import Schedule, Worker, purge_schedule, sync_schedule

        store = self.store()
        schedules: list[Schedule] = []
        made_for = -1

        def current_schedules() -> Sequence[Schedule]:
            nonlocal schedules, made_for
            if made_for != self._generation:
                made_for = self._generation
                schedules = [
                    sync_schedule(store, each.name, every=each.sync_every.total_seconds(), sync=sync(each.name))
                    for each in self.accounts.values()
                    if each.sync_every is not None
                ]
                schedules.append(purge_schedule(store, self._keep_deliveries))
            return schedules

        return Worker(
            store,
            processor=self.processor(),
            dispatcher=self.dispatcher(loop),
            schedules=current_schedules,
            concurrency=concurrency,
        )

    def sync_jobs(self, accounts: Sequence[str]) -> "tuple[list[SyncJob], Store]":
        """What is to be synced, and the mirror that it goes into.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the mirror cannot be opened.
        """
        wanted = [self.account(name) for name in dict.fromkeys(accounts or self.accounts)]
        store = self.store()
        from returns_hub.sync import SyncJob

        jobs = [
            SyncJob(
                account=account.name,
                open_client=partial(open_async_client, account, shared=self.clients.shared_by(account)),
                history_start=account.history_start,
                rate_limit=account.rate_limit,
            )
            for account in wanted
        ]
        return jobs, store

    def health(self) -> Health:
        """How the store, the inbox and the syncs of the accounts stand."""
        store = self.store()
        now = store.now()
        backlog = self.inbox().backlog()
        oldest = backlog.oldest_pending_at
        from returns_hub.store.refusals import Refusals
        from returns_hub.store.sync_log import SyncLog

        refused, refused_at = Refusals(store.database).total()
        synced = SyncLog(store.database).health_of(self.accounts)
        return Health(
            ok=backlog.stuck == 0,
            pending=backlog.pending,
            stuck=backlog.stuck,
            oldest_pending_s=None if oldest is None else max(0.0, (now - oldest).total_seconds()),
            dead=backlog.dead,
            refused=refused,
            refused_at=refused_at,
            accounts=tuple(
                AccountHealth(
                    account=each.account, synced_at=each.finished_at, lag_s=each.lag_s(now), degraded=each.degraded
                )
                for each in synced
            ),
            consumers=tuple(self.dispatcher().health()),
        )

    def returns(self, filters: ReturnFilters) -> "Iterator[StoredReturn]":
        """The mirrored returns that match, newest first."""
        return self.store_of(filters.get("account")).returns(**checked_filters(filters))

    def count_returns(self, selection: ReturnSelection) -> int:
        """How many mirrored returns match, up to one more than a thousand."""
        store = self.store_of(selection.get("account"))
        from returns_hub.store.overview import Overview

        given = checked_filters(selection)
        words = {name: given.pop(name, None) for name in ("order", "number", "email", "tracking", "sku")}
        return Overview(store.database).count_returns(**given, words=words)

    def find(self, text: str, account: str | None, limit: int | None) -> "Iterator[StoredReturn]":
        """The mirrored returns that a text names, newest first."""
        return self.store_of(account).find(text, account=account, limit=limit)

    def get_return(self, account: str, return_id: str) -> "StoredReturn | None":
        """One mirrored return, or None."""
        return self.store_of(account).get_return(account, return_id)

    def events(self, filters: EventFilters, *, follow: bool, stop: Callable[[], bool]) -> Iterator[Event]:
        """The events that match, in their order; with ``follow`` also those to come, until ``stop`` says so."""
        store = self.store_of(filters.get("account"))
        latest = filters.get("latest")
        delivery_id = filters.get("delivery_id")
        if latest is not None:
            if follow or delivery_id is not None or filters.get("after") or filters.get("limit") is not None:
                raise ValueError("latest goes with account and return_id only")
            return iter(store.latest_events(latest, filters.get("account"), filters.get("return_id")))
        if not follow:
            return store.events(**stream_of(store, filters), delivery_id=delivery_id, limit=filters.get("limit"))
        if delivery_id is not None:
            raise ValueError("delivery_id does not go with follow")
        from returns_hub.store.stream import follow as follow_stream

        return islice(follow_stream(store.database, **stream_of(store, filters), stop=stop), filters.get("limit"))

    def close(self) -> None:
        """Close whatever was opened."""
        refusals, self.refusals = self.refusals, RefusalRecorder(self.store)
        refusals.close()
        with self._opening:
            inbox, self._inbox = self._inbox, None
            store, self._store = self._store, None
        self.clients.close()
        if inbox is not None:
            inbox.close()
        if store is not None:
            store.close()

    def _reset_after_fork(self) -> None:
        """Open everything anew in a child process. What is the parent's is kept, so that nothing here closes it."""
        self._inherited.append((self._inbox, self._store))
        self._opening = RLock()
        self._inbox, self._store = None, None
        self.clients.reset_after_fork()

    @property
    def _address(self) -> Secret:
        given = self._given_address
        return given if isinstance(given, Secret) else Secret(given())

    def _is_shared(self) -> bool:
        return self._address.reveal().startswith("postgresql")


async def _in_time(opening: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(_OPEN_TIMEOUT):
            await opening
    except TimeoutError:
        raise StoreError(f"the store is not open after {_OPEN_TIMEOUT:g} s") from None


async def _await(found: Any) -> Any:
    return await found


def _open_store(address: Secret) -> "Store":
    try:
        from returns_hub.store import Store
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        return Store.open(address)
    raise StoreError(f"the mirror needs the package {missing}: pip install 'returns-hub[store]'")
