"""The clients of a hub: what they write is observed at once, so that the mirror and the handlers need not wait for a sync."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from returns_hub import telemetry
from returns_hub.adapter import Adapter
from returns_hub.client import AsyncClient, Client
from returns_hub.client.clients import AdapterT_co
from returns_hub.errors import StoreError
from returns_hub.events import Origin
from returns_hub.logs import log_event
from returns_hub.merge import Observation, observed
from returns_hub.model import Item, Label, NewLabel, NewReturn, Note, Return, Shipment
from returns_hub.operation import Operation, Request, VendorClock, watch
from returns_hub.status import LabelStatus
from returns_hub.transport import AsyncTransport, Transport

if TYPE_CHECKING:
    from returns_hub.store import Store

T = TypeVar("T")


@frozen(kw_only=True)
class LocalObserver:
    """Puts into the mirror what a vendor answered to a write of an account's client, with the origin ``local``.

    The write is done by then: a store that fails is a line of the log, not an error of the call. The next sync finds
    what was written.
    """

    account: str
    open_store: "Callable[[], Store]"

    def observe(
        self, adapter: Adapter, result: object, *, sent_at: datetime, vendor_time: datetime | None = None
    ) -> None:
        """Observe the return, the shipment or the items that a write resulted in."""
        try:
            store = self.open_store()
            real = [ret for ret in _returns_of(adapter.provider, result) if not adapter.is_test_record(ret)]
            returns = [store.comparable(self.account, ret) for ret in real]
        except StoreError as error:
            self._report(error)
            return
        self._apply(adapter, [seen(ret, sent_at, vendor_time) for ret in returns])

    def observe_note(self, adapter: Adapter, return_id: str, note: Note, *, sent_at: datetime) -> None:
        """Observe a note beside those that the mirror knows already: a return's notes are one fact."""
        known = self._known(return_id)
        if known is not None:
            self._apply(adapter, [seen(_part_of(known, notes=(*known.notes, note)), sent_at)])

    def observe_cancelled_label(self, adapter: Adapter, return_id: str, label_id: str, *, sent_at: datetime) -> None:
        """Observe that a label is void, where the mirror knows the shipment that has it."""
        known = self._known(return_id)
        for shipment in known.shipments if known else ():
            if known is not None and shipment.label is not None and label_id in (shipment.label.id, shipment.id):
                void = Shipment(id=shipment.id, label=Label(id=shipment.label.id, status=LabelStatus.VOID))
                self._apply(adapter, [seen(_part_of(known, shipments=(void,)), sent_at)])

    def _known(self, return_id: str) -> Return | None:
        try:
            stored = self.open_store().get_return(self.account, return_id)
        except StoreError as error:
            self._report(error)
            return None
        return None if stored is None else stored.ret

    def _apply(self, adapter: Adapter, observations: Sequence[Observation]) -> None:
        if not observations:
            return
        try:
            store = self.open_store()
            ahead = store.clock_ahead()
            observations = [evolve(each, seen_at=each.seen_at - ahead) for each in observations]
            store.apply(self.account, observations, derive=adapter.derive)
        except StoreError as error:
            self._report(error)

    def _report(self, error: StoreError) -> None:
        message = "%s: what was written is not in the mirror before the next sync: %s"
        log_event("write.not_observed", message, self.account, error, account=self.account)
        telemetry.count("returns_hub.local_observations", account=self.account)


class HubClient(Client[AdapterT_co]):
    """A client whose writes are observed."""

    def __init__(self, adapter: AdapterT_co, transport: Transport, title: str, *, observer: LocalObserver) -> None:
        super().__init__(adapter, transport, title)
        self._observer = observer

    def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """As :meth:`Client.run`; what a write results in is observed."""
        writes = _Writes()
        result = super().run(writes.watch(operation), idempotency_key=idempotency_key)
        if writes.sent_at is not None:
            self._observer.observe(self.adapter, result, sent_at=writes.sent_at, vendor_time=writes.vendor_time)
        return result

    def create_return(self, new: NewReturn, *, idempotency_key: str | None = None) -> Return:
        """As :meth:`Client.create_return`; the return is in the mirror then."""
        # What follows from its parts is concluded anew from all that is known: it is no fact that the vendor asserts.
        return self.adapter.derive(self.run(self.adapter.create_return(new), idempotency_key=idempotency_key))

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Note:
        """As :meth:`Client.add_note`; the note is in the mirror then."""
        sent_at = datetime.now(UTC)
        note = super().add_note(return_id, text, internal=internal)
        self._observer.observe_note(self.adapter, return_id, note, sent_at=sent_at)
        return note

    def create_label(self, return_id: str, new: NewLabel, *, idempotency_key: str | None = None) -> Shipment:
        """As :meth:`Client.create_label`; the shipment is in the mirror then."""
        sent_at = datetime.now(UTC)
        shipment = super().create_label(return_id, new, idempotency_key=idempotency_key)
        if shipment.return_id is None:
            self._observer.observe(self.adapter, evolve(shipment, return_id=return_id), sent_at=sent_at)
        return shipment

    def cancel_label(self, return_id: str, label_id: str) -> None:
        """As :meth:`Client.cancel_label`; the label is void in the mirror then."""
        sent_at = datetime.now(UTC)
        super().cancel_label(return_id, label_id)
        self._observer.observe_cancelled_label(self.adapter, return_id, label_id, sent_at=sent_at)


class AsyncHubClient(AsyncClient[AdapterT_co]):
    """A client, to be awaited, whose writes are observed; as :class:`HubClient`. The store is asked in threads."""

    def __init__(self, adapter: AdapterT_co, transport: AsyncTransport, title: str, *, observer: LocalObserver) -> None:
        super().__init__(adapter, transport, title)
        self._observer = observer

    async def run(self, operation: Operation[T], *, idempotency_key: str | None = None) -> T:
        """As :meth:`AsyncClient.run`; what a write results in is observed."""
        writes = _Writes()
        result = await super().run(writes.watch(operation), idempotency_key=idempotency_key)
        if writes.sent_at is not None:
            await asyncio.to_thread(
                self._observer.observe,
                self.adapter,
                result,
                sent_at=writes.sent_at,
                vendor_time=writes.vendor_time,
            )
        return result

    async def create_return(self, new: NewReturn, *, idempotency_key: str | None = None) -> Return:
        """As :meth:`AsyncClient.create_return`; the return is in the mirror then."""
        return self.adapter.derive(await self.run(self.adapter.create_return(new), idempotency_key=idempotency_key))

    async def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Note:
        """As :meth:`AsyncClient.add_note`; the note is in the mirror then."""
        sent_at = datetime.now(UTC)
        note = await super().add_note(return_id, text, internal=internal)
        await asyncio.to_thread(self._observer.observe_note, self.adapter, return_id, note, sent_at=sent_at)
        return note

    async def create_label(self, return_id: str, new: NewLabel, *, idempotency_key: str | None = None) -> Shipment:
        """As :meth:`AsyncClient.create_label`; the shipment is in the mirror then."""
        sent_at = datetime.now(UTC)
        shipment = await super().create_label(return_id, new, idempotency_key=idempotency_key)
        if shipment.return_id is None:
            known = evolve(shipment, return_id=return_id)
            await asyncio.to_thread(self._observer.observe, self.adapter, known, sent_at=sent_at)
        return shipment

    async def cancel_label(self, return_id: str, label_id: str) -> None:
        """As :meth:`AsyncClient.cancel_label`; the label is void in the mirror then."""
        sent_at = datetime.now(UTC)
        await super().cancel_label(return_id, label_id)
        await asyncio.to_thread(
            self._observer.observe_cancelled_label, self.adapter, return_id, label_id, sent_at=sent_at
        )


class _Writes:
    """When an operation has first asked for something that changes the vendor's data, None if it has not; and the vendor's clock."""

    def __init__(self) -> None:
        self.sent_at: datetime | None = None
        self._clock = VendorClock()

    @property
    def vendor_time(self) -> datetime | None:
        """What the vendor's clock showed."""
        return self._clock.shown

    def watch(self, operation: Operation[T]) -> Operation[T]:
        """The operation, watched."""
        return watch(operation, on_request=self._note, on_reply=self._clock.see)

    def _note(self, request: Request) -> None:
        if self.sent_at is None and request.is_write:
            self.sent_at = datetime.now(UTC)


def seen(ret: Return, sent_at: datetime, vendor_time: datetime | None = None) -> Observation:
    """The observation of what a vendor answered to a write."""
    return observed(ret, seen_at=sent_at, origin=Origin.LOCAL, vendor_time=vendor_time)


def _returns_of(provider: str, result: object) -> Iterator[Return]:
    """What a result of a write asserts, as returns. Where it names none, its parts say later which one is meant."""
    if isinstance(result, Return):
        yield result
    elif isinstance(result, Shipment):
        # One that the vendor has not made yet has no id: what is known of it would never be found again.
        if result.id:
            yield Return(provider=provider, id=result.return_id or "", shipments=(result,))
    elif isinstance(result, Item):
        if result.id or result.aliases:
            yield Return(provider=provider, id="", items=(result,))
    elif isinstance(result, tuple | list):
        for each in result:
            yield from _returns_of(provider, each)


def _part_of(known: Return, **parts: Any) -> Return:
    """A return that asserts these parts and nothing else."""
    return Return(provider=known.provider, id=known.id, **parts)
