"""What has to happen in the warehouse for each notification: always to the newest record that it can happen to."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from returns_hub_return_helper.sandbox.records import Inventory, Vas
from returns_hub_return_helper.sandbox.seed import Seeder
from returns_hub_return_helper.sandbox.state import State, picture
from returns_hub_return_helper.sandbox.tables import SPLIT


def happenings(
    sandbox: Any, state: State, seeder: Seeder, now: Callable[[], datetime]
) -> Mapping[str, Callable[[], object]]:
    """What makes each notification, by its action. Nothing happens before it is called.

    ``sandbox`` is a :class:`ReturnHelperSandbox`, whose module imports this one.
    """

    def shipment_on_its_way() -> int:
        waiting = [one for one in state.shipments_by_time if one.label and one.received is None]
        if not waiting:
            sandbox.add_return()
            waiting = state.shipments_by_time
        return waiting[-1].id

    def inventory() -> Inventory:
        if not state.inventories_by_time:
            sandbox.add_return(arrived_at=now())
        return state.inventories_by_time[-1]

    def service(code: str) -> Vas:
        return state.add_service(inventory().line_item, code, None, 2, now())

    def resend() -> None:
        at, sent = now(), inventory()
        state.move(sent, "rsd", "pending", at)
        sandbox.ship_resend(seeder.resend(sent, "pending", at).id)

    def swap() -> None:
        free = [one for one in state.inventories_by_time if not one.rma_locked]
        if not free:
            sandbox.add_return(arrived_at=now())
            free = state.inventories_by_time
        sandbox.swap_rma(free[-1].id)

    return {
        "labelGenerated": lambda: sandbox.reissue_label(shipment_on_its_way()),
        "markShipmentArrive": lambda: sandbox.arrive(shipment_on_its_way(), images=0),
        "newInventoryCreated": lambda: sandbox.arrive(shipment_on_its_way(), images=0),
        "assignUnknown": sandbox.assign_unknown,
        "changeLineItemImage": lambda: sandbox.change_images(inventory().id, [picture(inventory(), 0)]),
        "completeInventoryHandling": lambda: sandbox.complete_handling(inventory().id),
        "cancelInventoryHandling": lambda: sandbox.cancel_handling(inventory().id),
        "vasUpdated": lambda: sandbox.finish_vas(service("repack").id),
        "splitLineItem": lambda: sandbox.split(service(SPLIT).id),
        "updateResendStatus": resend,
        "recallUpdateStatus": lambda: sandbox.advance_recall(state.add_recall([inventory()], now()).id),
        "notifyUserRmaSwapped": swap,
        "completeRecalibrate": lambda: sandbox.recalibrate(inventory().id, weight=Decimal(1)),
        "updateReturnInventoryMeta": lambda: sandbox.set_meta(inventory().id, "whs", {"ean": "4006381333931"}),
        "warehouseUpdateWarehouseRemarks": lambda: sandbox.remark(inventory().id, "The box is damaged"),
    }
