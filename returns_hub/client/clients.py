"""The two clients. What both do stands in :mod:`returns_hub.client.calls`; here are the two ways to run it."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar, Unpack

from returns_hub import orders
from returns_hub.adapter import Adapter, Capability
from returns_hub.client import calls
from returns_hub.client.arguments import ReturnFilters, ShipmentFilters, return_query, shipment_query
from returns_hub.client.listing import Listing, Omissions, Row, out_of_reach
from returns_hub.errors import NotFound
from returns_hub.model import (
    Item,
    ItemInstruction,
    NewLabel,
    NewReturn,
    Note,
    Return,
    Shipment,
    TrackingEvent,
)
from returns_hub.operation import HttpAnswer, Operation, UnreadableField, WebhookRequest
from returns_hub.orders import FindOrder, FindOrderAsync
from returns_hub.status import Status
from returns_hub.transport import AsyncTransport, Transport
from returns_hub.webhooks import Receipt

T = TypeVar("T")
if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    AdapterT_co = TypeVarWithDefault("AdapterT_co", bound=Adapter, default=Adapter, covariant=True)
else:
    # Checkers alone ask for the default, and before Python 3.13 it would cost an import as long as that of our model.
    AdapterT_co = TypeVar("AdapterT_co", bound=Adapter, covariant=True)


class _AnyClient(Generic[AdapterT_co]):
    """What the two clients have in common and needs no I/O."""

    def __init__(self, adapter: AdapterT_co, title: str) -> None:
        self.adapter = adapter
        self._title = title
        self._omissions = Omissions()

    @property
    def provider(self) -> str:
        """The name of the vendor in code and configuration."""
        return self.adapter.provider

    @property
    def invalid_records(self) -> int:
        """How many records of listings could not be read so far; the log names their places."""
        return self._omissions.invalid_records

    @property
    def gaps(self) -> tuple[str, ...]:
        """What listings could not be made to show so far, a sentence each: records are missing there."""
        return self._omissions.gaps

    @property
    def unreadable_fields(self) -> tuple[UnreadableField, ...]:
        """The fields that could not be read so far and were left empty, by their record; a thousand at most."""
        return self._omissions.unreadable_fields

    def _note_unreadable(self, operation: object, result: object) -> None:
        self._omissions.add_unreadable(f"{self.provider} {getattr(operation, '__name__', '')}", result)

    def unknown_words(self) -> Mapping[str, int]:
        """The status words that came in and have no meaning here yet, and how often."""
        counted: Counter[str] = Counter()
        for table in self.adapter.status_tables:
            counted.update(table.unknown_words())
        return dict(counted)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._title}>"

    def _returns(self, filters: ReturnFilters) -> Listing[Return]:
        query = return_query(**filters)
        reach = self.adapter.listing_reach
        if reach is not None and (query.created_after is None or query.created_after < datetime.now(UTC) - reach):
            self._omissions.add_gap(out_of_reach(self.adapter, datetime.now(UTC) - reach))
        read = partial(self.adapter.list_returns, query)
        return calls.listing(self.adapter, Capability.LIST_RETURNS, read, self._omissions)

    def _shipments(self, filters: ShipmentFilters) -> Listing[Shipment]:
        read = partial(self.adapter.list_shipments, shipment_query(**filters))
        return calls.listing(self.adapter, Capability.LIST_SHIPMENTS, read, self._omissions)

    def _changes(self, since: datetime) -> Listing[Return]:
        return calls.listing(self.adapter, Capability.CHANGES, calls.changes(self.adapter, since), self._omissions)


class Client(_AnyClient[AdapterT_co]):
    """One account at one vendor. Threads may share it; use it as a context manager, or call :meth:`close`.

    A client that was opened before a ``fork`` opens connections of its own in the child.

    Raises:
        UnsupportedOperation: (every call) the vendor or its adapter does not have the call; nothing was sent.
        ValueError: (every call) an argument with an impossible value, such as a time without a zone; the text names it.
        ProviderError: (every call that asks the vendor) it failed; the subclass says what can be done. A write that
            fails says in ``maybe_applied`` whether it may have taken effect all the same.

    ``idempotency_key`` names the intent of a write at vendors that know such keys, so that it can be called again; the
    others are not sent it.
    """

    def __init__(self, adapter: AdapterT_co, transport: Transport, title: str) -> None:
        super().__init__(adapter, title)
        self._transport = transport

    def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """The result of any operation of the adapter: ``client.run(client.adapter.reports_summary(...))``.

        Raises:
            ProviderError: the call failed; ``maybe_applied`` says whether a write may have taken effect.
        """
        result = self._transport.run(operation, idempotency_key=idempotency_key)
        self._note_unreadable(operation, result)
        return result

    def list_returns(self, **filters: Unpack[ReturnFilters]) -> Iterator[Return]:
        """The returns for which every filter holds, a page at a time as they are asked for, none twice.

        Filters: ``status`` and ``raw_status`` (the vendor's own words; one or several, of which any will do),
        ``created_after``, ``created_before``, ``updated_after`` (aware times), ``customer_email``, ``order_number``;
        ``newest_first`` and ``page_size`` say how they are read.

        Raises:
            UnsupportedOperation: the vendor has no such listing, or no such filter.
            ValueError: a filter with an impossible value; the text names it.
            ProviderError: (while the rows are read) a page could not be had.
        """
        return self._walk(self._returns(filters))

    def get_return(self, return_id: str) -> Return:
        """One return, with everything that the vendor says about it.

        Raises:
            NotFound: the vendor has no such return.
            UnexpectedReply: the reply cannot be read, or is about another return than the one that was asked for.
        """
        return self.run(calls.get_return(self.adapter, return_id))

    def create_return(self, new: NewReturn, *, idempotency_key: str | None = None) -> Return:
        """A new return, as the vendor has it after creating it.

        Raises:
            ValidationFailed: the vendor refuses the values; ``fields`` says which.
            ProviderError: another failure; with ``maybe_applied``, look for the return before creating it again.
        """
        return self.run(calls.create_return(self.adapter, new), idempotency_key=idempotency_key)

    def set_status(
        self,
        return_id: str,
        status: Status | str | None = None,
        *,
        note: str | None = None,
        raw_status: str | None = None,
    ) -> Return:
        """The return, moved to a neutral ``status`` or, as ``raw_status``, to one in the vendor's own word.

        Raises:
            UnsupportedOperation: the vendor has no word that means this status and nothing else.
            Conflict: the return's present status forbids it.
        """
        return self.run(calls.set_status(self.adapter, return_id, status, note=note, raw_status=raw_status))

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Note:
        """The note that was added to a return; an internal one is not shown to the customer."""
        return self.run(calls.add_note(self.adapter, return_id, text, internal=internal))

    def list_shipments(self, **filters: Unpack[ShipmentFilters]) -> Iterator[Shipment]:
        """The shipments for which every filter holds, a page at a time as they are asked for, none twice.

        Filters: ``return_id``, ``created_after``, ``created_before`` (aware times); ``page_size`` says how they are
        read. It raises what :meth:`list_returns` raises.
        """
        return self._walk(self._shipments(filters))

    def get_shipment(self, shipment_id: str) -> Shipment:
        """One shipment.

        Raises:
            NotFound: the vendor has no such shipment.
            UnexpectedReply: the reply cannot be read, or is about another shipment than the one that was asked for.
        """
        return self.run(calls.get_shipment(self.adapter, shipment_id))

    def track(self, shipment_id: str) -> tuple[TrackingEvent, ...]:
        """The carrier's scans of a shipment, oldest first, untimed ones last."""
        return self.run(calls.track(self.adapter, shipment_id))

    def create_label(self, return_id: str, new: NewLabel, *, idempotency_key: str | None = None) -> Shipment:
        """The shipment whose label was ordered, which may cost money; its ``label`` says whether it is ready.

        Raises:
            ValidationFailed: the vendor refuses the values; ``fields`` says which.
            ProviderError: another failure; with ``maybe_applied``, look for the label before ordering it again.
        """
        return self.run(calls.create_label(self.adapter, return_id, new), idempotency_key=idempotency_key)

    def cancel_label(self, return_id: str, label_id: str) -> None:
        """Cancel a label; ``label_id`` is ``Label.id``.

        Raises:
            Conflict: it is too late to cancel it.
        """
        self.run(calls.cancel_label(self.adapter, return_id, label_id))

    def instruct(
        self, items: Sequence[Item], instruction: ItemInstruction, *, idempotency_key: str | None = None
    ) -> tuple[Item, ...]:
        """The items in a warehouse, with the instruction of what is to be done with them."""
        return self.run(calls.instruct(self.adapter, items, instruction), idempotency_key=idempotency_key)

    def cancel_instruction(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """The items in a warehouse, with their instructions cancelled."""
        return self.run(calls.cancel_instruction(self.adapter, items))

    def changes(self, since: datetime) -> Iterator[Return]:
        """The returns that changed since a moment, a page at a time, at vendors that have such a listing.

        It raises what :meth:`list_returns` raises.
        """
        return self._walk_changes(self._changes(since))

    def receive(self, request: WebhookRequest) -> Receipt:
        """What a webhook delivery of the vendor says, verified first. Nothing is sent.

        Raises:
            WebhookRejected: the delivery is not the vendor's, or cannot be verified.
        """
        return self.adapter.receive(request)

    def answer_order_lookup(self, request: WebhookRequest, find_order: FindOrder) -> HttpAnswer:
        """What to answer the vendor when it looks an order up, verified first. Nothing is sent.

        ``find_order`` gives the order by the number that the customer typed, or None.

        Raises:
            WebhookRejected: the call is not the vendor's, or cannot be verified; answer 401. Nothing was looked up.
        """
        return orders.answer_order_lookup(self.adapter, request, find_order)

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards. Doing it again does nothing."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _walk_changes(self, listing: Listing[Return]) -> Iterator[Return]:
        while listing.has_more:
            page = self.run(listing.next_page())
            yield from listing.new_rows(page)
            for return_id in listing.to_read_again(page):
                with suppress(NotFound):
                    yield from listing.shown(self.run(self.adapter.get_return(return_id)))

    def _walk(self, listing: Listing[Row]) -> Iterator[Row]:
        while listing.has_more:
            yield from listing.new_rows(self.run(listing.next_page()))


class AsyncClient(_AnyClient[AdapterT_co]):
    """One account at one vendor, to be awaited; it belongs to the event loop that it is first used on.

    The methods are those of :class:`Client`, and raise the same. Use it as an asynchronous context manager, or call
    :meth:`aclose`.
    """

    def __init__(self, adapter: AdapterT_co, transport: AsyncTransport, title: str) -> None:
        super().__init__(adapter, title)
        self._transport = transport

    async def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """The result of any operation of the adapter; as :meth:`Client.run`."""
        result = await self._transport.run(operation, idempotency_key=idempotency_key)
        self._note_unreadable(operation, result)
        return result

    def list_returns(self, **filters: Unpack[ReturnFilters]) -> AsyncIterator[Return]:
        """The returns for which every filter holds, for ``async for``; as :meth:`Client.list_returns`."""
        return self._walk(self._returns(filters))

    async def get_return(self, return_id: str) -> Return:
        """One return, with everything that the vendor says about it; as :meth:`Client.get_return`."""
        return await self.run(calls.get_return(self.adapter, return_id))

    async def create_return(self, new: NewReturn, *, idempotency_key: str | None = None) -> Return:
        """A new return, as the vendor has it after creating it; as :meth:`Client.create_return`."""
        return await self.run(calls.create_return(self.adapter, new), idempotency_key=idempotency_key)

    async def set_status(
        self,
        return_id: str,
        status: Status | str | None = None,
        *,
        note: str | None = None,
        raw_status: str | None = None,
    ) -> Return:
        """The return, moved to a status; as :meth:`Client.set_status`."""
        return await self.run(calls.set_status(self.adapter, return_id, status, note=note, raw_status=raw_status))

    async def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Note:
        """The note that was added to a return; as :meth:`Client.add_note`."""
        return await self.run(calls.add_note(self.adapter, return_id, text, internal=internal))

    def list_shipments(self, **filters: Unpack[ShipmentFilters]) -> AsyncIterator[Shipment]:
        """The shipments for which every filter holds, for ``async for``; as :meth:`Client.list_shipments`."""
        return self._walk(self._shipments(filters))

    async def get_shipment(self, shipment_id: str) -> Shipment:
        """One shipment; as :meth:`Client.get_shipment`."""
        return await self.run(calls.get_shipment(self.adapter, shipment_id))

    async def track(self, shipment_id: str) -> tuple[TrackingEvent, ...]:
        """The carrier's scans of a shipment, oldest first, untimed ones last."""
        return await self.run(calls.track(self.adapter, shipment_id))

    async def create_label(self, return_id: str, new: NewLabel, *, idempotency_key: str | None = None) -> Shipment:
        """The shipment whose label was ordered; as :meth:`Client.create_label`."""
        return await self.run(calls.create_label(self.adapter, return_id, new), idempotency_key=idempotency_key)

    async def cancel_label(self, return_id: str, label_id: str) -> None:
        """Cancel a label; as :meth:`Client.cancel_label`."""
        await self.run(calls.cancel_label(self.adapter, return_id, label_id))

    async def instruct(
        self, items: Sequence[Item], instruction: ItemInstruction, *, idempotency_key: str | None = None
    ) -> tuple[Item, ...]:
        """The items in a warehouse, with the instruction of what is to be done with them."""
        return await self.run(calls.instruct(self.adapter, items, instruction), idempotency_key=idempotency_key)

    async def cancel_instruction(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """The items in a warehouse, with their instructions cancelled."""
        return await self.run(calls.cancel_instruction(self.adapter, items))

    def changes(self, since: datetime) -> AsyncIterator[Return]:
        """The returns that changed since a moment, for ``async for``; as :meth:`Client.changes`."""
        return self._walk_changes(self._changes(since))

    async def receive(self, request: WebhookRequest) -> Receipt:
        """What a webhook delivery of the vendor says, verified first. Nothing is sent.

        Raises:
            WebhookRejected: the delivery is not the vendor's, or cannot be verified.
        """
        return self.adapter.receive(request)

    async def answer_order_lookup(self, request: WebhookRequest, find_order: FindOrderAsync) -> HttpAnswer:
        """What to answer the vendor when it looks an order up; as :meth:`Client.answer_order_lookup`.

        ``find_order`` may be awaited; where it is not, it runs on the event loop and must not block.
        """
        return await orders.answer_order_lookup_async(self.adapter, request, find_order)

    async def aclose(self) -> None:
        """Close the connections; the client cannot be used afterwards. Doing it again does nothing."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _walk_changes(self, listing: Listing[Return]) -> AsyncIterator[Return]:
        while listing.has_more:
            page = await self.run(listing.next_page())
            for row in listing.new_rows(page):
                yield row
            for return_id in listing.to_read_again(page):
                with suppress(NotFound):
                    for row in listing.shown(await self.run(self.adapter.get_return(return_id))):
                        yield row

    async def _walk(self, listing: Listing[Row]) -> AsyncIterator[Row]:
        while listing.has_more:
            for row in listing.new_rows(await self.run(listing.next_page())):
                yield row
