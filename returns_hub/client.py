"""Clients: one account at one vendor, to be asked in the common language.

:class:`Client` blocks, :class:`AsyncClient` is awaited; they have the same methods. What is the same in both stands
in the plain functions at the end.
"""

import functools
import logging
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar, cast
from urllib.parse import urlsplit

from attrs import frozen

from returns_hub import orders, registry
from returns_hub.accounts import Account, Options, build_adapter
from returns_hub.adapter import Adapter, Capability, Rate, Support
from returns_hub.errors import ConfigurationError
from returns_hub.model import (
    Item,
    ItemInstruction,
    NewLabel,
    NewReturn,
    Note,
    Return,
    ReturnQuery,
    Shipment,
    ShipmentQuery,
    TrackingEvent,
)
from returns_hub.operation import HttpAnswer, Operation, Page, WebhookRequest
from returns_hub.orders import FindOrder, FindOrderAsync
from returns_hub.rate_limits import Limiter
from returns_hub.status import Status
from returns_hub.transport import AsyncTransport, Transport, TransportOptions, parse_base_url
from returns_hub.webhooks import Receipt

T = TypeVar("T")
LimiterFactory = Callable[[Rate | None], Limiter]


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=_Identified)

_log = logging.getLogger("returns_hub")
_MOST_GAPS: Final = 100
_DEFAULTS: Final = TransportOptions()


def connect(
    provider: str,
    *,
    environment: str = "production",
    base_url: str | None = None,
    rate_limit: str | None = None,
    timeout: float = _DEFAULTS.timeout,
    deadline: float = _DEFAULTS.deadline,
    attempts: int = _DEFAULTS.attempts,
    **options: Any,
) -> "Client":
    """A client of one account. Nothing is sent yet.

    ``options`` are the vendor's: credentials above all. ``base_url`` replaces the vendor's own for the environment,
    ``rate_limit`` (``"60/min"``, ``"none"``) its published one. ``timeout`` is the seconds one attempt may take,
    ``deadline`` those of a whole call with its retries and waits; ``attempts`` is how often one request is sent at
    most.

    Raises:
        ConfigurationError: the provider, the environment or an option is unknown, missing or wrong.
        PluginError: the vendor's package cannot be used.
    """
    # A traceback that shows local variables must not show the credentials.
    sealed = Options(options)
    del options
    patience = TransportOptions(timeout=timeout, deadline=deadline, attempts=attempts)
    return _Place.find(provider, sealed, environment, base_url, rate_limit).client(patience)


def connect_async(
    provider: str,
    *,
    environment: str = "production",
    base_url: str | None = None,
    rate_limit: str | None = None,
    timeout: float = _DEFAULTS.timeout,
    deadline: float = _DEFAULTS.deadline,
    attempts: int = _DEFAULTS.attempts,
    **options: Any,
) -> "AsyncClient":
    """A client of one account, to be awaited; as :func:`connect`. It belongs to the event loop it is first used on."""
    # A traceback that shows local variables must not show the credentials.
    sealed = Options(options)
    del options
    patience = TransportOptions(timeout=timeout, deadline=deadline, attempts=attempts)
    return _Place.find(provider, sealed, environment, base_url, rate_limit).async_client(patience)


def open_client(account: Account, *, limiter: LimiterFactory | None = None) -> "Client":
    """A client of a configured account.

    ``limiter`` makes what keeps its pace, of the account's rate; without it the client keeps a pace of its own.

    Raises:
        ConfigurationError: the account says something that its vendor's adapter does not know.
        PluginError: the vendor's package cannot be used.
    """
    return _Place.of(account).client(_DEFAULTS, limiter)


def open_async_client(account: Account, *, limiter: LimiterFactory | None = None) -> "AsyncClient":
    """A client of a configured account, to be awaited; as :func:`open_client`."""
    return _Place.of(account).async_client(_DEFAULTS, limiter)


class Client:
    """One account at one vendor. Threads may share it; use it as a context manager, or call :meth:`close`.

    What a call raises: :class:`UnsupportedOperation` before anything is sent, where the vendor or its adapter does
    not have the call; ``ValueError`` for an argument that cannot be meant, such as a time without a zone; and a
    :class:`ProviderError` that says what the vendor, or the way to it, made of the call. A write that fails says in
    ``maybe_applied`` whether it may have taken effect all the same.

    ``idempotency_key`` names the intent of a write at vendors that know such keys, so that it can be called again; the
    others are not sent it.
    """

    def __init__(self, adapter: Adapter, transport: Transport, title: str) -> None:
        self.adapter = adapter
        self._transport = transport
        self._title = title
        self._missed = _Missed()

    @property
    def provider(self) -> str:
        """The name of the vendor in code and configuration."""
        return self.adapter.provider

    @property
    def invalid_records(self) -> int:
        """How many records of listings could not be read so far; the log names their places."""
        return self._missed.invalid_records

    @property
    def gaps(self) -> tuple[str, ...]:
        """What listings could not be made to tell so far, a sentence each: records are missing there."""
        return self._missed.gaps

    def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """The result of any operation of the adapter: ``client.run(client.adapter.reports_summary(...))``."""
        return self._transport.run(operation, idempotency_key=idempotency_key)

    def list_returns(
        self,
        *,
        status: Status | Iterable[Status] | None = None,
        raw_status: str | Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        updated_after: datetime | None = None,
        customer_email: str | None = None,
        order_number: str | None = None,
        newest_first: bool = False,
        page_size: int | None = None,
    ) -> Iterator[Return]:
        """The returns for which every filter holds, a page at a time as they are asked for, none twice.

        ``status`` and ``raw_status`` (the vendor's own words) may be several: any of them will do. ``page_size`` None
        asks for as many rows a page as the vendor allows.
        """
        query = ReturnQuery(
            status=_statuses(status),
            raw_status=_words(raw_status),
            created_after=_moment("created_after", created_after),
            created_before=_moment("created_before", created_before),
            updated_after=_moment("updated_after", updated_after),
            customer_email=_filter("customer_email", customer_email),
            order_number=_filter("order_number", order_number),
            newest_first=newest_first,
            page_size=_page_size(page_size),
        )
        return self._rows(Capability.LIST_RETURNS, functools.partial(self.adapter.list_returns, query))

    def get_return(self, return_id: str) -> Return:
        """One return, with all that the vendor tells of it."""
        return self.adapter.derive(self.run(self.adapter.get_return(_id("return_id", return_id))))

    def create_return(self, new: NewReturn, *, idempotency_key: str | None = None) -> Return:
        """Create a return; it is given as the vendor then has it."""
        return self.adapter.derive(self.run(self.adapter.create_return(new), idempotency_key=idempotency_key))

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Return:
        """Move a return to a status, either a neutral one or, as ``raw_status``, one in the vendor's own word."""
        _one_status(status, raw_status)
        return self.run(self.adapter.set_status(_id("return_id", return_id), status, note=note, raw_status=raw_status))

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Note:
        """Add a remark to a return; an internal one is not shown to the customer."""
        return self.run(self.adapter.add_note(_id("return_id", return_id), text, internal=internal))

    def list_shipments(
        self,
        *,
        return_id: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int | None = None,
    ) -> Iterator[Shipment]:
        """The shipments for which every filter holds, a page at a time as they are asked for, none twice."""
        query = ShipmentQuery(
            return_id=_filter("return_id", return_id),
            created_after=_moment("created_after", created_after),
            created_before=_moment("created_before", created_before),
            page_size=_page_size(page_size),
        )
        return self._rows(Capability.LIST_SHIPMENTS, functools.partial(self.adapter.list_shipments, query))

    def get_shipment(self, shipment_id: str) -> Shipment:
        """One shipment."""
        return self.run(self.adapter.get_shipment(_id("shipment_id", shipment_id)))

    def track(self, shipment_id: str) -> tuple[TrackingEvent, ...]:
        """The carrier's scans of a shipment, oldest first, untimed ones last."""
        return self.run(self.adapter.track(_id("shipment_id", shipment_id)))

    def create_label(self, return_id: str, new: NewLabel, *, idempotency_key: str | None = None) -> Shipment:
        """Have a label made, which may cost money; the shipment's ``label`` says whether it is ready."""
        return self.run(self.adapter.create_label(_id("return_id", return_id), new), idempotency_key=idempotency_key)

    def cancel_label(self, return_id: str, label_id: str) -> None:
        """Cancel a label."""
        self.run(self.adapter.cancel_label(_id("return_id", return_id), _id("label_id", label_id)))

    def instruct(
        self, items: Sequence[Item], instruction: ItemInstruction, *, idempotency_key: str | None = None
    ) -> tuple[Item, ...]:
        """Say what is to be done with items in a warehouse."""
        return self.run(self.adapter.instruct(items, instruction), idempotency_key=idempotency_key)

    def cancel_instruction(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """Take back what was said about items in a warehouse."""
        return self.run(self.adapter.cancel_instruction(items))

    def changes(self, since: datetime) -> Iterator[Return]:
        """The returns that changed since a moment, a page at a time, at vendors that can tell."""
        read = functools.partial(self.adapter.changes, _aware("since", since))
        return self._rows(Capability.CHANGES, read)

    def receive(self, request: WebhookRequest) -> Receipt:
        """What a delivery of the vendor tells, verified first. Nothing is sent.

        Raises:
            WebhookRejected: the delivery must not be believed.
        """
        return self.adapter.receive(request)

    def answer_order_lookup(self, request: WebhookRequest, find_order: FindOrder) -> HttpAnswer:
        """What to answer the vendor when it looks an order up, verified first. Nothing is sent.

        ``find_order`` gives the order by the number that the customer typed, or None.

        Raises:
            WebhookRejected: the call must not be believed; answer 401. Nothing was looked up.
        """
        return orders.answer_order_lookup(self.adapter, request, find_order)

    def unknown_words(self) -> Mapping[str, int]:
        """The status words that came in and have no meaning here yet, and how often."""
        return _unknown_words(self.adapter)

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards. Doing it again does nothing."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client {self._title}>"

    def _rows(self, capability: Capability, read: "_ReadPage[Row]") -> Iterator[Row]:
        _refuse_unsupported(self.adapter, capability)
        return self._walk(_Listing(self.adapter, capability, read, self._missed))

    def _walk(self, listing: "_Listing[Row]") -> Iterator[Row]:
        while listing.more:
            yield from listing.unseen(self.run(listing.next_page()))


class AsyncClient:
    """One account at one vendor, to be awaited; it belongs to the event loop that it is first used on.

    The methods are those of :class:`Client`, and raise the same. Use it as an asynchronous context manager, or call
    :meth:`aclose`.
    """

    def __init__(self, adapter: Adapter, transport: AsyncTransport, title: str) -> None:
        self.adapter = adapter
        self._transport = transport
        self._title = title
        self._missed = _Missed()

    @property
    def provider(self) -> str:
        """The name of the vendor in code and configuration."""
        return self.adapter.provider

    @property
    def invalid_records(self) -> int:
        """How many records of listings could not be read so far; the log names their places."""
        return self._missed.invalid_records

    @property
    def gaps(self) -> tuple[str, ...]:
        """What listings could not be made to tell so far, a sentence each: records are missing there."""
        return self._missed.gaps

    async def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """The result of any operation of the adapter."""
        return await self._transport.run(operation, idempotency_key=idempotency_key)

    def list_returns(
        self,
        *,
        status: Status | Iterable[Status] | None = None,
        raw_status: str | Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        updated_after: datetime | None = None,
        customer_email: str | None = None,
        order_number: str | None = None,
        newest_first: bool = False,
        page_size: int | None = None,
    ) -> AsyncIterator[Return]:
        """The returns for which every filter holds, for ``async for``; as :meth:`Client.list_returns`."""
        query = ReturnQuery(
            status=_statuses(status),
            raw_status=_words(raw_status),
            created_after=_moment("created_after", created_after),
            created_before=_moment("created_before", created_before),
            updated_after=_moment("updated_after", updated_after),
            customer_email=_filter("customer_email", customer_email),
            order_number=_filter("order_number", order_number),
            newest_first=newest_first,
            page_size=_page_size(page_size),
        )
        return self._rows(Capability.LIST_RETURNS, functools.partial(self.adapter.list_returns, query))

    async def get_return(self, return_id: str) -> Return:
        """One return, with all that the vendor tells of it."""
        return self.adapter.derive(await self.run(self.adapter.get_return(_id("return_id", return_id))))

    async def create_return(self, new: NewReturn, *, idempotency_key: str | None = None) -> Return:
        """Create a return; it is given as the vendor then has it."""
        return self.adapter.derive(await self.run(self.adapter.create_return(new), idempotency_key=idempotency_key))

    async def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Return:
        """Move a return to a status, either a neutral one or, as ``raw_status``, one in the vendor's own word."""
        _one_status(status, raw_status)
        return await self.run(
            self.adapter.set_status(_id("return_id", return_id), status, note=note, raw_status=raw_status)
        )

    async def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Note:
        """Add a remark to a return; an internal one is not shown to the customer."""
        return await self.run(self.adapter.add_note(_id("return_id", return_id), text, internal=internal))

    def list_shipments(
        self,
        *,
        return_id: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Shipment]:
        """The shipments for which every filter holds, for ``async for``; as :meth:`Client.list_shipments`."""
        query = ShipmentQuery(
            return_id=_filter("return_id", return_id),
            created_after=_moment("created_after", created_after),
            created_before=_moment("created_before", created_before),
            page_size=_page_size(page_size),
        )
        return self._rows(Capability.LIST_SHIPMENTS, functools.partial(self.adapter.list_shipments, query))

    async def get_shipment(self, shipment_id: str) -> Shipment:
        """One shipment."""
        return await self.run(self.adapter.get_shipment(_id("shipment_id", shipment_id)))

    async def track(self, shipment_id: str) -> tuple[TrackingEvent, ...]:
        """The carrier's scans of a shipment, oldest first, untimed ones last."""
        return await self.run(self.adapter.track(_id("shipment_id", shipment_id)))

    async def create_label(self, return_id: str, new: NewLabel, *, idempotency_key: str | None = None) -> Shipment:
        """Have a label made, which may cost money; the shipment's ``label`` says whether it is ready."""
        return await self.run(
            self.adapter.create_label(_id("return_id", return_id), new), idempotency_key=idempotency_key
        )

    async def cancel_label(self, return_id: str, label_id: str) -> None:
        """Cancel a label."""
        await self.run(self.adapter.cancel_label(_id("return_id", return_id), _id("label_id", label_id)))

    async def instruct(
        self, items: Sequence[Item], instruction: ItemInstruction, *, idempotency_key: str | None = None
    ) -> tuple[Item, ...]:
        """Say what is to be done with items in a warehouse."""
        return await self.run(self.adapter.instruct(items, instruction), idempotency_key=idempotency_key)

    async def cancel_instruction(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """Take back what was said about items in a warehouse."""
        return await self.run(self.adapter.cancel_instruction(items))

    def changes(self, since: datetime) -> AsyncIterator[Return]:
        """The returns that changed since a moment, for ``async for``, at vendors that can tell."""
        read = functools.partial(self.adapter.changes, _aware("since", since))
        return self._rows(Capability.CHANGES, read)

    async def receive(self, request: WebhookRequest) -> Receipt:
        """What a delivery of the vendor tells, verified first. Nothing is sent.

        Raises:
            WebhookRejected: the delivery must not be believed.
        """
        return self.adapter.receive(request)

    async def answer_order_lookup(self, request: WebhookRequest, find_order: FindOrderAsync) -> HttpAnswer:
        """What to answer the vendor when it looks an order up; as :meth:`Client.answer_order_lookup`.

        ``find_order`` may be awaited; where it is not, it runs on the event loop and must not block.
        """
        return await orders.answer_order_lookup_async(self.adapter, request, find_order)

    def unknown_words(self) -> Mapping[str, int]:
        """The status words that came in and have no meaning here yet, and how often."""
        return _unknown_words(self.adapter)

    async def aclose(self) -> None:
        """Close the connections; the client cannot be used afterwards. Doing it again does nothing."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<AsyncClient {self._title}>"

    def _rows(self, capability: Capability, read: "_ReadPage[Row]") -> AsyncIterator[Row]:
        _refuse_unsupported(self.adapter, capability)
        return self._walk(_Listing(self.adapter, capability, read, self._missed))

    async def _walk(self, listing: "_Listing[Row]") -> AsyncIterator[Row]:
        while listing.more:
            for row in listing.unseen(await self.run(listing.next_page())):
                yield row


_ReadPage = Callable[[str | None], Operation[Page[Row]]]


class _Listing(Generic[Row]):
    """Where a listing stands. It ends with the vendor's pages, or where these begin to repeat themselves."""

    def __init__(self, adapter: Adapter, capability: Capability, read: _ReadPage[Row], missed: "_Missed") -> None:
        self._name = f"{adapter.provider} {capability}"
        self._adapter = adapter
        self._read = read
        self._missed = missed
        self._cursor: str | None = None
        self._cursors: set[str] = set()
        self._ids: set[str] = set()
        # The pages so far, by their hashes. One without a new id may be an old one, or tell more of what is known.
        self._pages: set[int] = set()
        # A return that grew from a request stands for it: the request does not come beside it.
        self._grown: set[str] = set()
        self.more = True

    def next_page(self) -> Operation[Page[Row]]:
        """The operation for the page that comes next."""
        return self._read(self._cursor)

    def unseen(self, page: Page[Row]) -> list[Row]:
        """The rows of a page that no page before it had."""
        for record in page.invalid_records:
            self._missed.add_record()
            _log.warning("%s: a record could not be read and is left out, at %s", self._name, record.where)
        for sentence in page.gaps:
            self._missed.add_gap(sentence)
            _log.warning("%s: %s", self._name, sentence)
        rows = {row.id: row for row in page.items if row.id not in self._ids}
        this = hash(page.items)
        repeats = bool(page.items) and not rows and this in self._pages
        self._pages.add(this)
        self._ids.update(rows)
        self._grown.update(filter(None, (getattr(row, "request_id", None) for row in rows.values())))
        if repeats or page.next in self._cursors:
            _log.warning("%s: the vendor repeats its pages; the listing ends here", self._name)
        self.more = page.next is not None and not repeats and page.next not in self._cursors
        if page.next is not None:
            self._cursor = page.next
            self._cursors.add(page.next)
        return [self._finished(row) for row in rows.values() if row.id not in self._grown]

    def _finished(self, row: Row) -> Row:
        return cast("Row", self._adapter.derive(row)) if isinstance(row, Return) else row


class _Missed:
    """What listings did not show; threads may add to it together."""

    def __init__(self) -> None:
        self.invalid_records = 0
        self.gaps: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def add_record(self) -> None:
        with self._lock:
            self.invalid_records += 1

    def add_gap(self, sentence: str) -> None:
        with self._lock:
            if len(self.gaps) < _MOST_GAPS and sentence not in self.gaps:
                self.gaps = (*self.gaps, sentence)


@frozen(kw_only=True)
class _Place:
    """What a client is opened on: an adapter, where its vendor is, and how often it may be asked."""

    adapter: Adapter
    environment: str
    base_url: str
    extra_base_urls: Mapping[str, str]
    rate: Rate | None

    @classmethod
    def of(cls, account: Account) -> "_Place":
        return cls.find(
            account.provider,
            account.options,
            account.environment,
            account.base_url,
            account.rate_limit,
            account=account.name,
        )

    @classmethod
    def find(
        cls,
        provider: str,
        options: Mapping[str, Any],
        environment: str,
        base_url: str | None,
        rate_limit: str | None,
        *,
        account: str = "",
    ) -> "_Place":
        kind = registry.adapter_class(provider)
        if environment not in kind.base_urls:
            place = f"accounts.{account}.environment" if account else f"{provider}: environment"
            close = get_close_matches(environment, kind.base_urls, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            raise ConfigurationError(
                f"{place} {environment[:60]!r} is not known{hint} Known: {', '.join(kind.base_urls)}"
            )
        own, replaced = _without_base_urls(kind, options)
        adapter = build_adapter(kind, own, account=account)
        url = base_url or kind.base_urls[environment]
        # Where the base is replaced, the vendor's own further hosts are not what is meant: they would get credentials.
        known = (
            {}
            if base_url
            else {n: urls[environment] for n, urls in kind.extra_base_urls.items() if environment in urls}
        )
        with _naming(account):
            for each in (url, *replaced.values()):
                parse_base_url(each)
            rate = adapter.limits.rate if rate_limit is None else Rate.parse(rate_limit)
        return cls(
            adapter=adapter, environment=environment, base_url=url, extra_base_urls={**known, **replaced}, rate=rate
        )

    @property
    def title(self) -> str:
        return f"{self.adapter.provider} {self.environment} {urlsplit(self.base_url).hostname}"

    def client(self, options: TransportOptions, limiter: LimiterFactory | None = None) -> Client:
        transport = Transport(
            self.adapter,
            base_url=self.base_url,
            extra_base_urls=self.extra_base_urls,
            rate=self.rate,
            limiter=limiter and limiter(self.rate),
            options=options,
        )
        return Client(self.adapter, transport, self.title)

    def async_client(self, options: TransportOptions, limiter: LimiterFactory | None = None) -> AsyncClient:
        transport = AsyncTransport(
            self.adapter,
            base_url=self.base_url,
            extra_base_urls=self.extra_base_urls,
            rate=self.rate,
            limiter=limiter and limiter(self.rate),
            options=options,
        )
        return AsyncClient(self.adapter, transport, self.title)


def _without_base_urls(kind: type[Adapter], options: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """The options that are the adapter's own, and by name the further base URLs that the others replace."""
    keys = {f"{name}_base_url": name for name in kind.extra_base_urls}
    own = Options({key: value for key, value in options.items() if key not in keys})
    return own, {keys[key]: value for key, value in options.items() if key in keys}


@contextmanager
def _naming(account: str) -> Iterator[None]:
    """What is wrong with an account of a configuration file is said with its name."""
    try:
        yield
    except ConfigurationError as error:
        if not account:
            raise
        problem = str(error)
    else:
        return
    raise ConfigurationError(f"accounts.{account}: {problem}")


def _refuse_unsupported(adapter: Adapter, capability: Capability) -> None:
    if adapter.support(capability) in (Support.NO, Support.NOT_IMPLEMENTED):
        raise adapter.unsupported(capability)


def _unknown_words(adapter: Adapter) -> Mapping[str, int]:
    counted: Counter[str] = Counter()
    for table in adapter.status_tables:
        counted.update(table.unknown_words())
    return dict(counted)


def _statuses(given: Status | Iterable[Status] | None) -> frozenset[Status]:
    if given is None:
        return frozenset()
    return frozenset(map(Status, [given] if isinstance(given, str) else given))


def _words(given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _moment(name: str, given: datetime | None) -> datetime | None:
    return None if given is None else _aware(name, given)


def _aware(name: str, given: datetime) -> datetime:
    if not isinstance(given, datetime) or given.utcoffset() is None:
        raise ValueError(f"{name} must be a datetime with a time zone, for instance datetime(2024, 1, 31, tzinfo=UTC)")
    return given


def _filter(name: str, given: str | None) -> str | None:
    if given == "":
        raise ValueError(f"{name} is empty; None leaves the filter out")
    return given


def _page_size(given: int | None) -> int | None:
    if given is not None and given < 1:
        raise ValueError("page_size must be at least 1")
    return given


def _id(name: str, given: str) -> str:
    # An empty identifier would make the path that of the whole collection.
    if not isinstance(given, str) or not given:
        raise ValueError(f"{name} must be text, and not empty")
    return given


def _one_status(status: Status | None, raw_status: str | None) -> None:
    if (status is None) == (raw_status is None):
        raise ValueError("give either a status or a raw_status")
