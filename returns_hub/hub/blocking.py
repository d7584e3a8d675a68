"""The hub whose calls block."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

from returns_hub.accounts import Account
from returns_hub.client import Client
from returns_hub.events import Event
from returns_hub.handlers import E2, E3, E4, E, Registration
from returns_hub.hub.diagnosis import diagnose
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


class Hub(ConfiguredHub):
    """The accounts of a platform and the local mirror of their returns.

    Nothing is opened before it is needed: a client at an account's first use, the store at the first reading or
    :meth:`sync`. Every account has its own adapter, client and credentials. Threads may share it. Use it as a context
    manager, or call :meth:`close`. ``store`` is the mirror's address, or a function that gives it when it is opened.
    """

    _asynchronous = False

    def client(self, account: str) -> Client:
        """The client of one account, the same one every time; the hub closes it.

        Raises:
            ConfigurationError: there is no such account, or its options are wrong.
        """
        return self._resources.client(account)

    @overload
    def on(self, **options: "Unpack[HandlerOptions]") -> Registration[Event]: ...
    @overload
    def on(self, first: type[E], /, **options: "Unpack[HandlerOptions]") -> Registration[E]: ...
    @overload
    def on(self, first: type[E], second: type[E2], /, **options: "Unpack[HandlerOptions]") -> Registration[E | E2]: ...
    @overload
    def on(
        self, first: type[E], second: type[E2], third: type[E3], /, **options: "Unpack[HandlerOptions]"
    ) -> Registration[E | E2 | E3]: ...
    @overload
    def on(
        self,
        first: type[E],
        second: type[E2],
        third: type[E3],
        fourth: type[E4],
        /,
        **options: "Unpack[HandlerOptions]",
    ) -> Registration[E | E2 | E3 | E4]: ...
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
    ) -> Registration[Any]: ...
    def on(self, *types: type[Event], **options: "Unpack[HandlerOptions]") -> Any:
        """Register the decorated function as the handler of these types of events, or of all: called at least once each.

        It is called by ``working`` or ``dispatch``, with the event. One with a second parameter is given the database's
        connection as well, an ``sqlalchemy.Connection`` in the transaction that ends with the event being processed: what it
        writes there, in the same database, is written exactly once. An event is processed when the handler returns; if it
        raises, it is called again at growing intervals, and until then the later events of the same return wait. An event's
        ``id`` is always the same.

        ``options`` are ``name`` (of the cursor that all processes share; default: the function's own), ``since`` ("now" or
        "beginning"), ``backfill`` (also history that a sync reads for the first time; default: not), ``attempts`` (12),
        ``timeout`` (60 seconds) and ``concurrency`` (4 events of different returns at once): see
        :class:`~returns_hub.handlers.HandlerOptions`. Only an :class:`AsyncHub` takes async functions.

        Raises:
            ConfigurationError: a wrong argument, a function that is annotated as taking other events, or the name has a
                handler for such events already.
        """
        return self._resources.on(types, options)

    def sync(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        full: bool = False,
        details: bool = False,
        progress: Callable[[SyncProgress], None] | None = None,
    ) -> tuple[SyncReport, ...]:
        """Bring the mirror up to date with the vendors; one report for each account.

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
        jobs, store = self._resources.sync_jobs(accounts)
        from returns_hub.sync import RunOptions, run_blocking, sync_accounts

        options = RunOptions(since=since, full=full, details=details, progress=progress)
        return run_blocking(partial(sync_accounts, jobs, store, options))

    def reconcile(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        details: bool = False,
        progress: Callable[[SyncProgress], None] | None = None,
    ) -> tuple[ReconcileReport, ...]:
        """Compare the mirror with all that the vendors have, and repair it; one report for each account.

        It finds what no webhook delivered and no sync can see. ``since`` leaves out what was created before, ``details``
        compares also what the listings do not show, which is one request for each return. A return that is not at the
        vendor any more is reported as ``gone``, and stays. Otherwise as :meth:`sync`.

        Raises:
            ConfigurationError: there is no such account. Nothing was read.
            StoreError: the mirror cannot be opened.
        """
        jobs, store = self._resources.sync_jobs(accounts)
        from returns_hub.sync import RunOptions, reconcile_accounts, run_blocking

        options = RunOptions(since=since, details=details, progress=progress)
        return run_blocking(partial(reconcile_accounts, jobs, store, options))

    def receive(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """Store a vendor's delivery durably, verified first; what to answer. It is processed later.

        A duplicate is answered like the first. Processing is done by :meth:`working` or :meth:`process`, here or in
        another process.

        Raises:
            WebhookRejected: the delivery must not be believed; answer 401. Nothing was stored.
            ConfigurationError: there is no such account; answer 404.
            StoreError: the store cannot take it; answer 503, and the vendor sends it again.
        """
        with self._resources.recording(account, "webhooks", request):
            receipt = self._resources.verify(account, request)
        self._resources.inbox().put(account, request, receipt)
        return receipt.answer

    async def receive_async(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """As :meth:`receive`, for a server that runs on an event loop."""
        return await self._resources.receive(account, request)

    def answer_order_lookup(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """What to answer a vendor that looks an order up, verified first; the account's ``orders`` finds it.

        Raises:
            WebhookRejected: the call must not be believed; answer 401. Nothing was looked up.
            ConfigurationError: there is no such account, or it names no function that finds orders.
        """
        with self._resources.recording(account, "orders", request):
            return self.client(account).answer_order_lookup(request, self._resources.find_order(account, awaits=False))

    def process(self, limit: int | None = None) -> int:
        """Process the deliveries that are due, here and now, at most so many attempts; how many were processed.

        Raises:
            StoreError: the store fails. What was not finished is processed again.
        """
        return self._resources.process(limit)

    def deliveries(self, **filters: "Unpack[DeliveryFilters]") -> Iterator[Delivery]:
        """The deliveries that match, newest first; read as they are asked for.

        Filters: ``account``, ``state``, ``since`` (the earliest ``received_at``), ``limit``.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.deliveries(filters)

    def count_deliveries(self, **selection: "Unpack[DeliverySelection]") -> int:
        """How many deliveries match; filters as :meth:`deliveries` without ``limit``.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.count_deliveries(selection)

    def refused(self, account: str | None = None) -> tuple[Refusal, ...]:
        """What was refused, or could not be answered: deliveries and order look-ups by account and reason, the latest first.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.refused(account)

    def get_delivery(self, id: int) -> Delivery | None:
        """One delivery, or None.

        Raises:
            StoreError: the store fails.
        """
        return self._resources.inbox().get(id)

    def purge(self, before: date | datetime, *, audit: bool = False) -> Purged:
        """Remove the processed deliveries that came before a day or a moment, and what has waited for its return since.

        Their bodies are personal data. What is pending or dead stays, and so does what the mirror knows by them.
        :meth:`working` does so by itself, for what came longer ago than ``keep_deliveries``. With ``audit`` the acts of the
        console that were begun before are removed as well; nothing else removes them.

        Raises:
            StoreError: the store fails. What was removed so far stays removed.
        """
        return self._resources.purge(before, audit=audit)

    def erase(self, account: str, return_id: str, *, allow_resync: bool = False) -> Erased:
        """Remove a return and everything stored of it: for a customer who asks for that. What was removed.

        Its rows go, with those of the request that it grew from, its deliveries with their bytes, and what waits for it; of
        its events type, time and status stay, and all other values go. The files of the database are vacuumed.

        From then on no sync and no delivery stores it again: digests of its ids remain for that. With ``allow_resync`` none
        remain, of an earlier erasure neither, and the next sync stores what the vendor still has. Vendors, backups and your
        own tables are not touched; an event ``return.erased`` goes to your handlers.

        Raises:
            ConfigurationError: there is no such account, its options are wrong, or no return can have that id.
            StoreError: the store fails. Either nothing was removed, or only vacuuming is left: erase again.
        """
        return self._resources.erase(account, return_id, allow_resync=allow_resync)

    def reload(self, accounts: Mapping[str, Account] | Iterable[Account] | None = None) -> Reloaded:
        """Take up a changed configuration while the hub is in use: new secrets, options and accounts; what has changed.

        It reads the file that :meth:`from_config` was given again, or takes ``accounts``. Receiving, syncs and calls that have
        begun go on as they were; from then on every account is as it is described now, and so is ``sync_every`` inside
        :meth:`working`. The client of an account that has changed is another one: ask :meth:`client` again.

        Raises:
            ConfigurationError: something in it is wrong, or the store would be another one. Nothing has changed.
            PluginError: a vendor's package cannot be used. Nothing has changed.
        """
        return self._reload(accounts)

    def replay(self, id: int) -> Delivery:
        """Process a delivery once more, whatever became of it. What is known already makes no event.

        Raises:
            ConfigurationError: there is no such delivery.
            StoreError: the store fails.
        """
        return self._resources.inbox().replay(id)

    def replay_deliveries(self, **selection: "Unpack[DeliverySelection]") -> int:
        """Process every delivery that matches once more, as :meth:`replay`; how many. Without filters that is all of them.

        :meth:`count_deliveries` says how many it would be.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails; some of them may be pending again.
        """
        return self._resources.replay_deliveries(selection)

    def dispatch(self, limit: int | None = None) -> int:
        """Dispatch the events that are due to the handlers, here and now, at most so many attempts; how many succeeded.

        Raises:
            StoreError: the store fails. What could not be noted is dispatched again.
        """
        return self._resources.dispatcher().dispatch_due(limit)

    def handlers(self) -> "tuple[ConsumerHealth, ...]":
        """How far the handlers of every name have come, by name: of all processes that share the store.

        Raises:
            StoreError: the store fails.
        """
        return tuple(self._resources.dispatcher().health())

    def failed_events(self, name: str) -> Iterator[FailedEvent]:
        """The events at which the handlers of a name failed and that they have not processed since, oldest first.

        Raises:
            StoreError: the store fails.
        """
        return self._resources.dispatcher().failed_events(name)

    def retry_event(self, name: str, sequence: int) -> bool:
        """Call the handlers of a name again now with an event at which they failed. Returns False if they have not.

        Raises:
            StoreError: the store fails.
        """
        return self._resources.dispatcher().retry_event(name, sequence)

    def skip_event(self, name: str, sequence: int) -> bool:
        """Never call the handlers of a name again with an event at which they failed. Returns False if they have not.

        The later events of the same return, which may have waited for it, go on.

        Raises:
            StoreError: the store fails.
        """
        return self._resources.dispatcher().skip_event(name, sequence)

    def forget_handler(self, name: str) -> bool:
        """Forget the handlers of a name that no process has any more, with their cursor. Returns False if there is no such name.

        What they have not taken is theirs no more; where a process has the name after all, it begins anew at its next start.

        Raises:
            StoreError: the store fails.
        """
        return self._resources.dispatcher().forget(name)

    @contextmanager
    def working(self, *, concurrency: int = 4, grace: float | None = None) -> Iterator[None]:
        """Inside, deliveries are processed, handlers called, and accounts with ``sync_every`` synced, in the background.

        ``concurrency`` is how many deliveries of one account are processed at once. On exit what is under way is finished,
        for ``grace`` seconds at most (default: without an end), and then released: others do it. On PostgreSQL any number
        of processes may do so side by side.

        Raises:
            StoreError: the store cannot be opened.
        """

        def sync(account: str) -> Callable[..., object]:
            return lambda progress: self.sync(account, progress=progress)

        worker = self._resources.worker(sync, concurrency)
        worker.start()
        try:
            yield
        finally:
            worker.stop(grace)

    def diagnose(self, *accounts: str, offline: bool = False) -> Iterator[Finding]:
        """Whether all is in place to sync and to receive, as ``returns-hub doctor`` says it: one finding for each check.

        Of each account (without names of all): its options, ``orders``, webhook secrets, a delivery that it signs and receives itself, whether the vendor answers
        and takes the credentials (not with ``offline``), clock and lag; beside them the store, what is pending, refused, failing and dead.

        Raises:
            ConfigurationError: there is no such account.
        """
        return diagnose(self._resources, accounts, offline=offline)

    def health(self) -> Health:
        """How the store, the inbox and the syncs of the accounts stand.

        Raises:
            StoreError: the store does not answer.
        """
        return self._resources.health()

    def returns(self, **filters: "Unpack[ReturnFilters]") -> "Iterator[StoredReturn]":
        """The mirrored returns that match, newest first by ``created_at``; read as they are asked for.

        Filters: ``account``, ``status``, ``attention``, ``since`` (the earliest ``created_at``), ``order``, ``number`` (an RMA), ``email``,
        ``tracking``, ``sku``, ``limit``; see :class:`~returns_hub.hub.filters.ReturnFilters`. All that are given must hold.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.returns(filters)

    def count_returns(self, **selection: "Unpack[ReturnSelection]") -> int:
        """How many mirrored returns match; filters as :meth:`returns` without ``limit``. It counts to 1,001, which says that there are more than 1,000.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.count_returns(selection)

    def find(self, text: str, *, account: str | None = None, limit: int | None = None) -> "Iterator[StoredReturn]":
        """The mirrored returns that a text names, in every account or in one, newest first; read as they are asked for.

        The text may be an order number (with or without ``#``), an RMA, a reference, an e-mail address, a tracking number, a SKU, a barcode, or
        the id of a return, of the request it grew from, of an item or of a shipment. It is a whole word: ``1001`` does not find ``10015``. Case
        does not count, but in ids.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.find(text, account, limit)

    def get_return(self, account: str, return_id: str) -> "StoredReturn | None":
        """One mirrored return, or None if the mirror does not have it.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.get_return(account, return_id)

    def is_erased(self, account: str, return_id: str) -> bool:
        """True if a return was erased and is kept out: see :meth:`erase`.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.store_of(account).is_erased(account, return_id)

    def unreadable_fields(self, account: str) -> tuple[UnreadableField, ...]:
        """The fields of an account's returns that the last reading could not read and left empty; of 100 returns at most.

        Raises:
            ConfigurationError: there is no such account.
            StoreError: the store fails.
        """
        return self._resources.store_of(account).unreadable(account)

    def events(
        self,
        *,
        follow: bool = False,
        stop: Callable[[], bool] = lambda: False,
        **filters: "Unpack[EventFilters]",
    ) -> Iterator[Event]:
        """What changed, in the order it was recorded; read as it is asked for.

        Filters: ``after`` (a ``sequence``, or ``SEQUENCE:ID``, which also notices a restored store), ``account``, ``return_id``, ``delivery_id`` (that caused them),
        ``limit``; ``latest`` gives the newest so many, in
        their order. With ``follow`` the events to come are given too, as they are recorded by whatever process, until
        ``stop``, asked a few times a second, says so.

        Raises:
            ConfigurationError: there is no such account, or ``after`` is no cursor.
            StoreError: the stream has no such event as ``after``, or the store fails; with ``follow``, after it has failed for five minutes.
        """
        return self._resources.events(filters, follow=follow, stop=stop)

    def close(self) -> None:
        """Close every client, the inbox and the store. The hub may be used again afterwards, and opens them anew."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
