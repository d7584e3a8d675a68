"""What follows from the parts of a return: the vendor reports no status of one, and its documents prove more than a word says.

Sources: Return Helper API, Getting started: an arrived shipment "is marked received and converted into one or more Return Inventory
records" (Type 1), the pieces of a split and their RMAs ("RMA"), services only on what is on hold (Recipe 3).
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from attrs import evolve, fields

from returns_hub import (
    Attention,
    Direction,
    Disposition,
    DispositionStatus,
    Item,
    LabelStatus,
    Return,
    Shipment,
    ShipmentStatus,
    Status,
)
from returns_hub_return_helper.statuses import ENDINGS, HANDLINGS, fold
from returns_hub_return_helper.wire import SPLIT_CODE, Rma

_BEFORE_ARRIVAL: Final = frozenset(
    {
        None,
        ShipmentStatus.UNKNOWN,
        ShipmentStatus.PRE_TRANSIT,
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.OUT_FOR_DELIVERY,
    }
)
_BEFORE_TRANSIT: Final = frozenset({None, ShipmentStatus.UNKNOWN, ShipmentStatus.PRE_TRANSIT})
_HOLD_CODES: Final = frozenset(
    {fold(word) for word, facts in HANDLINGS.rows.items() if facts.disposition is Disposition.HOLD}
)
_WITH_LABEL: Final = frozenset({LabelStatus.REQUESTED, LabelStatus.READY, LabelStatus.FAILED})


def derive_return(ret: Return) -> Return:
    """The return with what its parts come to; a status that the vendor's word means is kept.

    - Items: a line item that must be the only inventory is folded into it. A piece of a split has its ``parent_id``, by the RMA. What is
      on hold for a service that is still to be done is ``rework``.
    - Inbound shipments: ``delivered`` where there is an inventory and one parcel; ``pre_transit`` with a label that was requested, made or
      failed; ``cancelled`` with a void label and no inventory.
    - The status: with inventories ``received``, and ``resolved`` once nothing more is to be done with any of them. Before that ``received``
      too if a parcel has arrived, else ``ready_to_ship`` with a label, ``cancelled`` if every parcel is, and else ``approved``. A label that
      failed wants attention until there is another one, or the goods.
    """
    if not ret.shipments and not ret.items:
        return ret
    items, unpaired_images = _derive_items(ret.items)
    inventories = [item for item in items if item.id is not None]
    inbound = [shipment for shipment in ret.shipments if shipment.direction is not Direction.OUTBOUND]
    has_arrived = bool(inventories)
    shipments = tuple(
        shipment
        if shipment.direction is Direction.OUTBOUND
        else _derive_shipment(shipment, is_only=len(inbound) == 1, has_arrived=has_arrived)
        for shipment in ret.shipments
    )
    attachments = tuple(dict.fromkeys((*ret.attachments, *unpaired_images)))
    ret = evolve(ret, items=items, shipments=shipments, attachments=attachments)
    return _derive_status(ret, inventories) if ret.status is Status.UNKNOWN else ret


def _derive_items(items: Sequence[Item]) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The items, and the images of line items of which nobody says yet which inventory they are.

    Beside an inventory whose line item is not known yet, a line item may be that very inventory; and what is known by a service, a resend
    or a recall alone is one of the inventories.
    """
    inventories = {item.id: item for item in items if item.id is not None}
    others = [item for item in items if item.id is None]
    line_items = [item for item in others if _has_line_item(item)]
    unpaired = [key for key, item in inventories.items() if not _has_line_item(item)]
    rmas = {key: rma for key, item in inventories.items() if (rma := _parse_rma(item))}
    parents = {rma.stem: key for key, rma in rmas.items() if not rma.is_split}
    # Of a piece without its whole it is clear that there is an inventory which is not known yet.
    is_complete = all(rma.stem in parents for rma in rmas.values())
    kept: list[Item] = []
    images: tuple[str, ...] = ()
    for other in others:
        is_line_item = _has_line_item(other)
        # By elimination: every other inventory has its line item, and every other line item its inventory.
        only = list(inventories) if not is_line_item else unpaired if len(line_items) == 1 else []
        if len(only) == 1 and is_complete:
            inventories[only[0]] = _fold(inventories[only[0]], other)
        elif not inventories or (is_line_item and not unpaired):
            kept.append(other)
        else:
            images += other.images
    return (*(_derive_inventory(item, parents) for item in inventories.values()), *kept), images


def _has_line_item(item: Item) -> bool:
    """True if an item is known by its line item; the aliases of everything else have a kind before a colon."""
    return any(":" not in alias for alias in item.aliases)


def _fold(inventory: Item, line_item: Item) -> Item:
    """The inventory, with what only its line item has."""
    added: dict[str, Any] = {
        attribute.name: getattr(line_item, attribute.name)
        for attribute in fields(Item)
        if attribute.name not in ("id", "raw", "unreadable") and not getattr(inventory, attribute.name)
    }
    return evolve(inventory, **{**added, "aliases": tuple(dict.fromkeys((*line_item.aliases, *inventory.aliases)))})


def _derive_inventory(item: Item, parents: Mapping[str, str]) -> Item:
    rma = _parse_rma(item)
    if rma is not None and rma.is_split and item.parent_id is None:
        item = evolve(item, parent_id=parents.get(rma.stem))
    if fold(item.disposition_raw or "") in _HOLD_CODES:
        waits = any(
            service.status in (DispositionStatus.PENDING, DispositionStatus.IN_PROGRESS) for service in item.services
        )
        disposition = Disposition.REWORK if waits else Disposition.HOLD
        item = item if item.disposition is disposition else evolve(item, disposition=disposition)
    return item


def _parse_rma(item: Item) -> Rma | None:
    with suppress(ValueError):
        return Rma.parse(item.rma or "")
    return None


def _derive_shipment(shipment: Shipment, *, is_only: bool, has_arrived: bool) -> Shipment:
    label = shipment.label.status if shipment.label is not None else None
    status = shipment.status
    if has_arrived and is_only and status in _BEFORE_ARRIVAL:
        status = ShipmentStatus.DELIVERED
    elif label is LabelStatus.VOID and not has_arrived and status in _BEFORE_TRANSIT:
        status = ShipmentStatus.CANCELLED
    elif label in _WITH_LABEL and status in _BEFORE_TRANSIT:
        status = ShipmentStatus.PRE_TRANSIT
    return shipment if status is shipment.status else evolve(shipment, status=status)


def _derive_status(ret: Return, inventories: Iterable[Item]) -> Return:
    inbound = [shipment for shipment in ret.shipments if shipment.direction is not Direction.OUTBOUND]
    labels = {shipment.label.status for shipment in inbound if shipment.label is not None}
    split = {item.parent_id for item in ret.items}
    kept = list(inventories)
    if kept:
        done = all(is_settled(item) or item.id in split for item in kept)
        return evolve(ret, status=Status.RESOLVED if done else Status.RECEIVED)
    if any(shipment.status is ShipmentStatus.DELIVERED for shipment in inbound):
        return evolve(ret, status=Status.RECEIVED)
    if LabelStatus.READY in labels:
        return evolve(ret, status=Status.READY_TO_SHIP)
    if inbound and all(shipment.status is ShipmentStatus.CANCELLED for shipment in inbound):
        return evolve(ret, status=Status.CANCELLED)
    attention = ret.attention | ({Attention.LABEL_FAILED} if LabelStatus.FAILED in labels else frozenset())
    return evolve(ret, status=Status.APPROVED, attention=attention)


def is_settled(item: Item) -> bool:
    """True if nothing more is to be done with an inventory: what ends it is done, or its pieces took its place."""
    ends = item.disposition in ENDINGS or fold(item.disposition_raw or "") == fold(SPLIT_CODE)
    return ends and item.disposition_status is DispositionStatus.DONE
