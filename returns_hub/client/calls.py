"""The calls that all vendors have in common, as operations: arguments checked before, and the answer after."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from returns_hub.adapter import Adapter, Capability, Support
from returns_hub.client.arguments import aware, enum_member, instance, items, text
from returns_hub.client.listing import Listing, Omissions, ReadPage, Row
from returns_hub.errors import NotFound, UnexpectedReply
from returns_hub.model import Item, ItemInstruction, NewLabel, NewReturn, Note, Return, Shipment, TrackingEvent
from returns_hub.operation import Operation
from returns_hub.status import Status


def get_return(adapter: Adapter, return_id: str) -> Operation[Return]:
    """One return, and surely the one that was asked for."""
    with _asked_for(return_id):
        ret = yield from adapter.get_return(text("return_id", return_id))
    _refuse_other("return", return_id, (ret.id, ret.request_id))
    return adapter.derive(ret)


def create_return(adapter: Adapter, new: NewReturn) -> Operation[Return]:
    """A return, created."""
    ret = yield from adapter.create_return(instance("new", NewReturn, new))
    return adapter.derive(ret)


def set_status(
    adapter: Adapter, return_id: str, status: Status | str | None, *, note: str | None, raw_status: str | None
) -> Operation[Return]:
    """A return, moved to a status."""
    if (status is None) == (raw_status is None):
        raise ValueError("give either a status or a raw_status")
    wanted = None if status is None else enum_member("status", Status, status)
    word = None if raw_status is None else text("raw_status", raw_status)
    with _asked_for(return_id):
        return (yield from adapter.set_status(text("return_id", return_id), wanted, note=note, raw_status=word))


def add_note(adapter: Adapter, return_id: str, content: str, *, internal: bool) -> Operation[Note]:
    """A remark, added to a return."""
    with _asked_for(return_id):
        return (yield from adapter.add_note(text("return_id", return_id), text("text", content), internal=internal))


def get_shipment(adapter: Adapter, shipment_id: str) -> Operation[Shipment]:
    """One shipment, and surely the one that was asked for."""
    with _asked_for(shipment_id):
        shipment = yield from adapter.get_shipment(text("shipment_id", shipment_id))
    _refuse_other("shipment", shipment_id, (shipment.id,))
    return shipment


def track(adapter: Adapter, shipment_id: str) -> Operation[tuple[TrackingEvent, ...]]:
    """The carrier's scans of a shipment."""
    with _asked_for(shipment_id):
        return (yield from adapter.track(text("shipment_id", shipment_id)))


def create_label(adapter: Adapter, return_id: str, new: NewLabel) -> Operation[Shipment]:
    """A shipment whose label is made, or being made."""
    with _asked_for(return_id):
        return (yield from adapter.create_label(text("return_id", return_id), instance("new", NewLabel, new)))


def cancel_label(adapter: Adapter, return_id: str, label_id: str) -> Operation[None]:
    """Nothing; the label is cancelled."""
    with _asked_for(label_id):
        yield from adapter.cancel_label(text("return_id", return_id), text("label_id", label_id))


def instruct(adapter: Adapter, given: Sequence[Item], instruction: ItemInstruction) -> Operation[tuple[Item, ...]]:
    """Items in a warehouse, with the instruction of what is to be done with them."""
    _refuse_unsupported(adapter, Capability.INSTRUCT)
    return (yield from adapter.instruct(items(given), instance("instruction", ItemInstruction, instruction)))


def cancel_instruction(adapter: Adapter, given: Sequence[Item]) -> Operation[tuple[Item, ...]]:
    """Items in a warehouse, with their instructions cancelled."""
    _refuse_unsupported(adapter, Capability.CANCEL_INSTRUCTION)
    return (yield from adapter.cancel_instruction(items(given)))


def listing(adapter: Adapter, capability: Capability, read: ReadPage[Row], omissions: Omissions) -> Listing[Row]:
    """A listing, at its beginning.

    Raises:
        UnsupportedOperation: the adapter does not have it.
    """
    _refuse_unsupported(adapter, capability)
    return Listing(adapter, capability, read, omissions)


def changes(adapter: Adapter, since: datetime) -> ReadPage[Return]:
    """What reads a page of the returns that changed since a moment."""
    return partial(adapter.changes, aware("since", since))


def _refuse_unsupported(adapter: Adapter, capability: Capability) -> None:
    if adapter.support(capability) in (Support.NO, Support.NOT_IMPLEMENTED):
        raise adapter.unsupported(capability)


@contextmanager
def _asked_for(asked_id: str) -> Iterator[None]:
    """A :class:`~returns_hub.NotFound` of the call names the id."""
    try:
        yield
    except NotFound as error:
        error.asked_id = asked_id
        raise


def _refuse_other(kind: str, asked: str, given: Iterable[str | None]) -> None:
    """A reply about something else, from a mixed-up connection, cache or vendor, is worse than none."""
    if asked.strip().casefold() not in {each.strip().casefold() for each in given if each}:
        raise UnexpectedReply(f"the reply is about another {kind} than the one that was asked for", where="id")
