"""Ids for what a vendor gives none: made of the return's id and of what else identifies it there, and the same whenever it is read."""

from collections.abc import Iterable

from returns_hub.errors import NotFound
from returns_hub.model import Return, Shipment


def compound_id(return_id: str, *parts: str) -> str:
    """The id of a part of a return whose own id, or what stands for it, is unique in that return only: ``RETURN/PART``."""
    return "/".join((return_id, *parts))


def return_id_of(id: str) -> str:
    """The id of the return that a compound id belongs to: what stands before the first slash.

    Raises:
        NotFound: it is no compound id, so no call gives what it names.
    """
    return_id, slash, part = id.partition("/")
    if not (return_id and slash and part):
        raise NotFound("an id of this kind is the return's, a slash, and what names the part in it")
    return return_id


def shipment_of(ret: Return, shipment_id: str) -> Shipment:
    """The shipment of this id, at vendors whose shipments are read from their return.

    Raises:
        NotFound: the return has no such shipment.
    """
    for shipment in ret.shipments:
        if shipment.id == shipment_id:
            return shipment
    raise NotFound("the return has no such shipment")


def shipment_ids(return_id: str, shipments: Iterable[tuple[str | None, str | None]]) -> tuple[str, ...]:
    """The ids of a return's shipments that have none, from the group and the tracking number of each, in the vendor's order.

    The first of a group is ``RETURN/GROUP``; a label that is made anew in the same group is ``RETURN/GROUP/TRACKING``, so that the first
    keeps its id. Without a group it is ``RETURN/TRACKING``, and without either ``RETURN/1``, by its place; the place stands behind what
    comes twice.
    """
    found: list[str] = []
    for place, (group, tracking) in enumerate(shipments, start=1):
        parts = [part for part in (group, tracking) if part] or [str(place)]
        # As few parts as tell it from those before it.
        candidates = [compound_id(return_id, *parts[:count]) for count in range(1, len(parts) + 1)]
        own = next((each for each in candidates if each not in found), None)
        found.append(own or compound_id(return_id, *parts, str(place)))
    return tuple(found)
