"""A simulator of Return Helper, strict and seeded: its User and Public API, its warehouses, and its signed notifications.

The API answers over :func:`returns_hub.testing.serve`; what happens in a warehouse is a method here, and is notified as the
vendor does. Where its documents disagree, the Introduction, Getting started and List return inventories win over the other pages, and
these over the legacy documentation (``docs/sources.md``). What they leave open is decided here and marked "undocumented", "inferred" or
"made up"; where a client must be ready for another decision, there is an option.

``validation`` has the envelope and what is refused, ``tables`` the codes, ``records`` what things look like, ``state`` what is kept,
``returns``, ``warehouse`` and ``fba`` the calls, ``webhooks`` the deliveries, ``seed`` the made-up past.
"""

import base64
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, TypeAlias

from returns_hub import HttpAnswer
from returns_hub.testing import Call, Faults, SignedRequest, Simulator, TriggerResult, json_answer
from returns_hub_return_helper.sandbox import records
from returns_hub_return_helper.sandbox.fba import FbaEndpoints
from returns_hub_return_helper.sandbox.happenings import happenings
from returns_hub_return_helper.sandbox.records import Inventory, Recall, Resend, Shipment, Vas
from returns_hub_return_helper.sandbox.returns import ReturnEndpoints
from returns_hub_return_helper.sandbox.seed import NEWEST, OLDEST, Seeder, carrier_error, seed_returns
from returns_hub_return_helper.sandbox.state import State, picture
from returns_hub_return_helper.sandbox.tables import SPLIT
from returns_hub_return_helper.sandbox.validation import Invalid, Routes, envelope, failure, refusal
from returns_hub_return_helper.sandbox.warehouse import WarehouseEndpoints
from returns_hub_return_helper.sandbox.webhooks import Notification, Order, Outbox

Json: TypeAlias = dict[str, Any]

SIGNING_KEY: Final = base64.b64encode(bytes(range(64))).decode()
WEBHOOK_URL: Final = "http://127.0.0.1:8000/webhooks/return-helper-sandbox"
REFUSED_POSTAL_CODE: Final = "00000"
"""No carrier makes a label from here: a shipment with it is accepted, and its label fails."""

_KEY_HEADER: Final = "x-returnhelper-idempotency-key"
# The steps of a recall: the word in the vendor's samples, and what entry and recall are afterwards.
_RECALL_STEPS: Final = MappingProxyType(
    {
        "in-progress": ("updateTrackingNumber", "in-transit", "in-progress"),
        "in-transit": ("markReadyToPickUp", "ready-to-pick-up", "completed"),
        "ready-to-pick-up": ("pickUpToCourierPickUp", "picked-up", "completed"),
    }
)


class ReturnHelperSandbox(Simulator):
    """Return Helper with ``count`` seeded returns; the same arguments give the same data, and all people are fictitious.

    Some are shipments only: without a label, or with one that is queued, failed, cancelled or ready. Others have arrived, in one
    piece or in several, in every handling. Some were announced by nobody: those are in the inventory list only.

    Notifications wait until :meth:`deliver`, :meth:`send` or :meth:`delivering` posts them to ``webhook_url``; of the seeded past
    none is given. Labels are made by :meth:`advance`.

    What the vendor leaves open, and a client must be ready for:

    - ``labels``: made by :meth:`advance`, or ``at_once``, before the create call is answered.
    - ``failed_word``: of a failed label: ``fail`` in samples, ``failed`` in Return Helper API, Getting started.
    - ``dispose_code``: ``dsp`` (newer page) or ``dis`` (legacy).
    - ``arrival_version``: of ``markShipmentArrive``: 2, or the deprecated 1, under the same category and action.
    - ``notification_ids``: whether notifications have ``notificationId``. Return Helper API, Getting started deduplicates by it, few samples have it.
    - ``old_resend_event``: ``updateResendTrackingNumber`` instead of ``updateResendStatus``.
    - ``signature_header``: ``signature`` before 2023.
    - ``keep_timestamp``: a retry has the timestamp, and so the signature, of the first try.
    - ``keep_missed``: what happens while the endpoint is suspended is delivered afterwards, instead of never.
    - ``shipment_days``: the cap of ``Shipment/list``: 62 (legacy) or 90 (newer page).
    - ``shipment_total``: whether that list has ``totalNumberOfRecords`` (legacy does, the newer page does not).
    - ``repeated_key``: a known idempotency key gets the first answer again, or HTTP 409.
    - ``vas_ids``: whether the reply of ``CreateByReturnInventoryId`` has ``returnRequestLineItemVasId``.
    - ``max_items``: how many items a shipment may have; an account's setting.
    - ``max_resent``: how many inventories a resend may have; "a single-digit number".
    - ``fba_posts``: FBA calls of doubtful verb want POST.
    - ``ignore_unknown``: parameters and fields that no document has, instead of refusing them.

    Its limits and its clock:

    - ``requests_per_second``: none is published, None sets none. Refused requests get 429 and are counted in ``violations``.
    - ``timeout``: for how many seconds a delivery waits for its answer (no length is published).
    - ``retry_after``: the pause before a failed delivery is tried again (no schedule is published).
    - ``now``: the clock of everything that happens, suspensions included.
    """

    provider: ClassVar[str] = "return_helper"
    base_path: ClassVar[str] = "/user/api"
    more_base_paths: ClassVar[Mapping[str, str]] = MappingProxyType({"public": "/public/api"})

    def __init__(
        self,
        *,
        count: int = 300,
        seed: int = 1,
        api_key: str = "rh_sandbox_key",
        api_token: str = "rh_sandbox_token",  # noqa: S107  a simulator's, and not a secret
        signing_keys: str = SIGNING_KEY,
        webhook_url: str = WEBHOOK_URL,
        deliver_to: str | None = None,
        labels: Literal["advance", "at_once"] = "advance",
        failed_word: Literal["fail", "failed"] = "fail",
        dispose_code: Literal["dsp", "dis"] = "dsp",
        arrival_version: Literal[1, 2] = 2,
        notification_ids: bool = False,
        old_resend_event: bool = False,
        signature_header: Literal["returnhelper-signature", "signature"] = "returnhelper-signature",
        keep_timestamp: bool = False,
        keep_missed: bool = False,
        shipment_days: Literal[62, 90] = 62,
        shipment_total: bool = False,
        repeated_key: Literal["replayed", "conflict"] = "replayed",
        vas_ids: bool = True,
        max_items: int = 1,
        max_resent: int = 9,
        fba_posts: bool = False,
        ignore_unknown: bool = False,
        requests_per_second: int | None = None,
        timeout: float = 5.0,
        retry_after: timedelta = timedelta(minutes=1),
        oldest: datetime = OLDEST,
        newest: datetime = NEWEST,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        switched_on = {"fault": "was switched on"}
        super().__init__(
            faults=Faults(
                error_body=lambda status: failure(status, None, switched_on, "0HM9FAULT:00000001"),
                soft_error_body=failure(500, "INTERNAL_ERROR", switched_on, "0HM9FAULT:00000001"),
            )
        )
        self.options: Mapping[str, Any] = {
            "api_key": api_key,
            "api_token": api_token,
            "signing_keys": [signing_keys],
            "webhook_url": webhook_url,
        }
        self.violations = 0
        self._pair = (api_key, api_token)
        self._failed_word = failed_word
        self._arrival_version = arrival_version
        self._old_resend_event = old_resend_event
        self._repeated_key = repeated_key
        self._ignore_unknown = ignore_unknown
        self._requests_per_second = requests_per_second
        self._now = now
        self._used: Counter[int] = Counter()
        self._answered: dict[str, tuple[Call, HttpAnswer]] = {}
        self._serial = 0
        self._state = State()
        self._outbox = Outbox(
            url=webhook_url,
            deliver_to=deliver_to,
            key=signing_keys,
            now=now,
            timeout=timeout,
            retry_after=retry_after,
            keep_timestamp=keep_timestamp,
            keep_missed=keep_missed,
            with_ids=notification_ids,
            signature_header=signature_header,
        )
        returns = ReturnEndpoints(
            state=self._state,
            outbox=self._outbox,
            now=now,
            finish_label=self.finish_label,
            labels_at_once=labels == "at_once",
            shipment_days=shipment_days,
            shipment_total=shipment_total,
            max_items=max_items,
            dispose_code=dispose_code,
        )
        self._warehouse = WarehouseEndpoints(
            state=self._state,
            outbox=self._outbox,
            now=now,
            dispose_code=dispose_code,
            max_resent=max_resent,
            vas_ids=vas_ids,
        )
        self._fba = FbaEndpoints(outbox=self._outbox, now=now, posts=fba_posts)
        self._routes: Routes = {**returns.routes, **self._warehouse.routes, **self._fba.routes}
        rng = random.Random(seed)  # noqa: S311  test data, not keys
        self._seeder = Seeder(self._state, rng, newest, dispose_code)
        seed_returns(self._seeder, count, oldest)
        self._happenings = happenings(self, self._state, self._seeder, now)

    # What there is

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all returns: of the shipment list and of the inventory list together."""
        with self.lock:
            return frozenset(str(one) for one in self._state.requests)

    @property
    def shipments(self) -> Mapping[int, Json]:
        """Every shipment by id, as a listing shows it; also those of unannounced parcels."""
        with self.lock:
            return {one.id: records.shipment_row(one) for one in self._state.shipments_by_time}

    @property
    def inventories(self) -> Mapping[int, Json]:
        """Every inventory by id, as a listing shows it."""
        with self.lock:
            return {one.id: records.inventory_row(one) for one in self._state.inventories_by_time}

    @property
    def uploads(self) -> Mapping[str, bytes]:
        """The files that were put into upload slots, by ``fileKey``."""
        with self.lock:
            return dict(self._warehouse.uploads)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many requests each endpoint has seen: ``GET /user/api/Shipment/list``."""
        return Counter(f"{one.method} {one.path}" for one in self.requests)

    @property
    def notifications(self) -> tuple[Notification, ...]:
        """Every notification so far, delivered or not."""
        return tuple(self._outbox.notifications)

    @property
    def waiting(self) -> tuple[Notification, ...]:
        """The notifications that are still to be delivered."""
        return self._outbox.waiting

    @property
    def suspended(self) -> bool:
        """Whether deliveries have stopped for 24 hours, after ten failures in a row."""
        return self._outbox.suspended

    # Deliveries

    def webhook(self, notification: Notification) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a delivery now, signed; nothing is sent."""
        return self._outbox.signed(notification)

    def deliver(self, order: Order = tuple) -> tuple[Notification, ...]:
        """One try at every notification that is due; those that were tried.

        In the order in which things happened, or as ``order`` has it: it may turn round, repeat, and leave out. A failure is
        due again after ``retry_after``.
        """
        return self._outbox.deliver(order)

    def send(self, notification: Notification) -> int | None:
        """Deliver one notification now, whatever became of it before; the receiver's status, None without an answer."""
        return self._outbox.send(notification)

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """While it is open, a thread delivers what is due as soon as it is; it ends with what it is sending."""
        stop = threading.Event()

        def work() -> None:
            while self._outbox.wait(stop):
                self.deliver()

        thread = threading.Thread(target=work, name="return_helper deliveries", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            self._outbox.wake()
            thread.join()

    def trigger(self, webhook_url: str) -> TriggerResult:
        """The newest label that is queued is made, and its parcel arrives; without one, the newest with a ready label does."""
        self.deliver_to(webhook_url)
        with self.lock:
            on_the_way = {
                one.label.status: one for one in self._state.shipments_by_time if one.label and one.received is None
            }
            if not {"queued", "success"} & on_the_way.keys():
                self.add_return()
                on_the_way["success"] = self._state.shipments_by_time[-1]
            shipment = on_the_way.get("queued") or on_the_way["success"]
            if "queued" in on_the_way:
                self.finish_label(shipment.id)
            self.arrive(shipment.id, images=0)
        tried = self.deliver()
        return TriggerResult(str(shipment.request.id), tuple([one.attempts[-1].status for one in tried]))

    @property
    def event_names(self) -> tuple[str, ...]:
        """The notifications that follow from what happens in a warehouse here; FBA's and consolidation's do not."""
        return tuple(self._happenings)

    def make_event(
        self,
        event: str,
        webhook_url: str,
        *,
        changes: Mapping[str, Any] = MappingProxyType({}),
        secret: str | None = None,
    ) -> SignedRequest:
        """A notification; what else is sent of the same event is not delivered."""
        if event not in self._happenings:
            raise ValueError(f"no way is known here for Return Helper to tell {event!r}")
        with self.lock:
            return self._outbox.request(self._happenings[event], event, webhook_url, changes, secret)

    def register_webhook(self, webhook_url: str) -> None:
        """Sign for this address from now on, and deliver there."""
        self.options = {**self.options, "webhook_url": webhook_url}
        self._outbox.url, self._outbox.deliver_to = webhook_url, None

    def deliver_to(self, url: str) -> None:
        """Post to this address from now on; what is signed stays the registered ``webhook_url``, as behind a proxy."""
        self._outbox.deliver_to = url

    def notify(
        self, action: str, payload: Json, *, category: str | None = None, version: str | None = None
    ) -> Notification:
        """Any notification: one without a method here, or one that nobody has documented."""
        return self._outbox.add(action, payload, category=category, version=version)

    def probe(self) -> Notification:
        """What the partner API sends before an endpoint is registered: a JSON object that is no notification."""
        return self._outbox.probe()

    # What happens at the vendor

    def set_status(self, return_id: str, word: str) -> None:
        """Any word as the handling code of all that has arrived of a return, or else as the status of its shipments.

        A return has no status of its own that the lists show. No notification is sent.
        """
        with self.lock:
            request = self._state.requests[int(return_id)]
            for inventory in request.inventories:
                self._state.move(inventory, word, "pending", self._now())
            if not request.inventories:
                for shipment in request.shipments:
                    shipment.status = word

    def add_return(
        self,
        *,
        created_at: datetime | None = None,
        arrived_at: datetime | None = None,
        packages: int = 1,
        announced: bool = True,
    ) -> str:
        """A new return with a ready label, and, with ``arrived_at``, its inventories; its id. No notification is sent."""
        with self.lock:
            created = created_at or self._now()
            shipment = self._state.announce(self._seeder.parcel(announced=announced), created)
            if announced:
                self._state.make_label(shipment, self._state.queue_label(shipment, created))
            if arrived_at is not None:
                self._state.arrive(shipment, packages, 0, arrived_at)
            return str(shipment.request.id)

    def add_fba_shipment(self, quantities: Mapping[str, int], *, warehouse_id: int = 2) -> str:
        """A removal parcel that is in the warehouse, its contents by FNSKU on the shelf; its id. No notification is sent."""
        with self.lock:
            return self._fba.add(quantities, warehouse_id)

    def advance(self) -> tuple[int, ...]:
        """Every label that is queued is made, or fails; the ids of their shipments. Sends ``labelGenerated`` of each."""
        with self.lock:
            queued = [one.id for one in self._state.shipments_by_time if one.label and one.label.status == "queued"]
            for shipment_id in queued:
                self.finish_label(shipment_id)
            return tuple(queued)

    def finish_label(self, shipment_id: int, *, error: str | None = None) -> None:
        """The label of a shipment is made, or fails with ``error``; delivers ``labelGenerated``.

        It fails by itself where the sender's postal code is ``REFUSED_POSTAL_CODE``.
        """
        with self.lock:
            shipment = self._shipment(shipment_id)
            label = shipment.label
            if label is None or label.status != "queued":
                raise ValueError(f"shipment {shipment_id} has no queued label")
            if error is None and shipment.address["postalCode"] == REFUSED_POSTAL_CODE:
                error = carrier_error("Your combination of suburb, state & postcode doesn't match.")
            if error is None:
                self._state.make_label(shipment, label)
            else:
                self._state.fail_label(shipment, label, error, self._failed_word)
            self._outbox.add("labelGenerated", records.label_generated(shipment, label))

    def reissue_label(self, shipment_id: int) -> None:
        """After a failure the vendor has submitted the label again: a new ``labelId``, and success."""
        with self.lock:
            shipment = self._shipment(shipment_id)
            label = self._state.queue_label(shipment, self._now())
            self._state.make_label(shipment, label)
            self._outbox.add("labelGenerated", records.label_generated(shipment, label))

    def arrive(self, shipment_id: int, *, packages: int = 1, images: int = 1) -> tuple[int, ...]:
        """A shipment is in the warehouse, in so many packages; the ids of its inventories.

        Sends ``markShipmentArrive``, then ``newInventoryCreated`` of each, then ``changeLineItemImage`` of each where there
        are images (Return Helper API, Getting started, Return Inventory at Warehouse Arrival).
        """
        with self.lock:
            shipment = self._shipment(shipment_id)
            if shipment.received is not None:
                raise ValueError(f"shipment {shipment_id} has arrived before")
            arrived = self._state.arrive(shipment, packages, 0, self._now())
            if self._arrival_version == 1:
                payload = records.shipment_arrived_v1(shipment, arrived)
                self._outbox.add("markShipmentArrive", payload, category="rsl")
            else:
                payload = records.shipment_arrived(shipment)
                self._outbox.add("markShipmentArrive", payload, category="rsl", version="202407")
            self._notify_created(arrived)
            self._take_pictures(arrived, images)
            return tuple(one.id for one in arrived)

    def assign_unknown(self, *, packages: int = 1, images: int = 0) -> tuple[int, ...]:
        """A parcel that nobody announced is found to be the account's; the ids of its inventories.

        Sends ``assignUnknown`` with the pictures taken so far, then ``newInventoryCreated`` of each.
        """
        with self.lock:
            at = self._now()
            shipment = self._state.announce(self._seeder.parcel(announced=False), at)
            arrived = self._state.arrive(shipment, packages, images, at)
            self._outbox.add("assignUnknown", records.unknown_assigned(shipment, arrived), category="rsl")
            self._notify_created(arrived)
            return tuple(one.id for one in arrived)

    def change_images(self, inventory_id: int, urls: Sequence[str]) -> None:
        """The pictures of an inventory are these now; delivers ``changeLineItemImage``."""
        with self.lock:
            item = self._inventory(inventory_id).line_item
            item.images = list(urls)
            self._outbox.add("changeLineItemImage", records.images_changed(item), category="rrli")

    def start_handling(self, inventory_id: int) -> None:
        """The warehouse has begun: no instruction is accepted any more. No notification is sent."""
        with self.lock:
            inventory = self._inventory(inventory_id)
            self._state.move(inventory, inventory.handling, "inProgress", self._now())

    def complete_handling(self, inventory_id: int) -> None:
        """The warehouse is done with what it was instructed; delivers ``completeInventoryHandling``."""
        with self.lock:
            inventory = self._inventory(inventory_id)
            self._state.move(inventory, inventory.handling, "completed", self._now())
            self._outbox.add("completeInventoryHandling", records.handling_updated(inventory), category="rinv")

    def cancel_handling(self, inventory_id: int) -> None:
        """The warehouse withdraws a handling; delivers ``cancelInventoryHandling``, whose body is documented nowhere."""
        with self.lock:
            inventory = self._inventory(inventory_id)
            self._state.move(inventory, "tbc", "pending", self._now())
            self._outbox.add("cancelInventoryHandling", records.handling_updated(inventory), category="rinv")

    def finish_vas(self, vas_id: int, *, result: str = "Done", failed: bool = False) -> None:
        """The warehouse has done a VAS, or could not; delivers ``vasUpdated``."""
        with self.lock:
            vas = self._vas(vas_id)
            if vas.code == SPLIT and not failed:
                raise ValueError(f"VAS {vas_id} is a split: see split()")
            self._close_vas(vas, "failed" if failed else "successful", result)

    def split(self, vas_id: int) -> tuple[int, ...]:
        """The warehouse has split a parcel as a VAS asked; the ids of the pieces.

        Sends ``splitLineItem``, ``newInventoryCreated`` of each piece, and ``vasUpdated``. What becomes of the inventory that was
        split is not documented; here it stays, as ``oth`` and ``completed``.
        """
        with self.lock:
            vas = self._vas(vas_id)
            if vas.code != SPLIT:
                raise ValueError(f"VAS {vas_id} is no split")
            at, parent = self._now(), self._state.parent_of(vas)
            children = self._state.split(vas, vas.quantity or 2, at)
            vas.status, vas.result = "successful", f"Split into {len(children)}"
            self._state.move(parent, "oth", "completed", at)
            payload = records.line_item_split(vas, children)
            self._outbox.add("splitLineItem", payload, category="lineItemVasReturnInventoryLineItem")
            self._notify_created(children)
            self._outbox.add("vasUpdated", records.services_updated([vas]), category="rrliv")
            return tuple(one.id for one in children)

    def ship_resend(self, resend_id: int, *, error: str | None = None) -> None:
        """A resend has left with a tracking number, or its label failed with ``error``; delivers ``updateResendStatus``."""
        with self.lock:
            resend = self._resend(resend_id)
            at = resend.modified = self._now()
            resend.status, resend.error = ("completed", "") if error is None else ("failed", error)
            if error is None:
                resend.tracking_number = f"RESEND{resend.id:08d}"
                for one in resend.inventories:
                    self._state.move(one, "rsd", "completed", at)
            if self._old_resend_event:
                self._outbox.add(
                    "updateResendTrackingNumber", records.resend_tracking_updated(resend), category="resend"
                )
            else:
                self._outbox.add("updateResendStatus", records.resend_updated(resend), category="resend")

    def advance_recall(self, recall_id: int) -> None:
        """The next step of a recall: on its way, ready to be picked up, picked up; delivers ``recallUpdateStatus``.

        A recall is completed as soon as its goods are ready; that its inventories are then is inferred.
        """
        with self.lock:
            recall, at = self._recall(recall_id), self._now()
            entries = [one for one in recall.entries if one.status in _RECALL_STEPS]
            if recall.status == "canceled" or not entries:
                raise ValueError(f"recall {recall_id} is at its end")
            update, status, recall.status = _RECALL_STEPS[entries[0].status]
            for one in entries:
                one.status = status
                one.tracking_number = f"{recall.number}-AWB"
                if status != "in-transit":
                    one.list_name, one.weight, one.amount = f"{recall.number}-List", one.inventory.weight, Decimal(1)
                if status == "picked-up":
                    one.pick_up, one.courier_tracking_number = "courier-pick-up", f"DHL {one.id}"
                self._state.move(one.inventory, "rtn", "inProgress" if status == "in-transit" else "completed", at)
            self._outbox.add("recallUpdateStatus", records.recall_updated(recall, entries, update), category="recall")

    def swap_rma(self, inventory_id: int) -> str:
        """The warehouse has mixed up two labels and corrects it: the new RMA; delivers ``notifyUserRmaSwapped``."""
        with self.lock:
            inventory = self._inventory(inventory_id)
            if inventory.rma_locked:
                raise ValueError(f"the RMA of inventory {inventory_id} is locked by its handling")
            old, inventory.rma = inventory.rma, self._state.rma(inventory.warehouse_id, self._now())
            self._outbox.add("notifyUserRmaSwapped", records.rma_swapped(inventory, old))
            return inventory.rma

    def recalibrate(self, inventory_id: int, *, weight: Decimal) -> None:
        """The warehouse has weighed again; delivers ``completeRecalibrate``."""
        with self.lock:
            inventory = self._inventory(inventory_id)
            inventory.weight, inventory.modified = weight, self._now()
            self._outbox.add("completeRecalibrate", records.recalibrated(inventory))

    def set_meta(self, inventory_id: int, kind: Literal["usr", "whs"], values: Mapping[str, str]) -> None:
        """Numbers found on an item: EAN, IMEI; delivers ``updateReturnInventoryMeta``."""
        with self.lock:
            inventory = self._inventory(inventory_id)
            inventory.meta[kind] = dict(values)
            self._outbox.add("updateReturnInventoryMeta", records.meta_updated(inventory))

    def remark(self, inventory_id: int, text: str) -> None:
        """The warehouse has something to say; delivers ``warehouseUpdateWarehouseRemarks``."""
        with self.lock:
            inventory = self._inventory(inventory_id)
            inventory.warehouse_remarks = text
            self._outbox.add("warehouseUpdateWarehouseRemarks", records.remarks_updated(inventory))

    def arrive_fba(self, fba_shipment_id: str) -> None:
        """A removal parcel is in the warehouse; delivers ``markFbaShipmentArrived``, with an inferred body."""
        with self.lock:
            self._fba.arrive(fba_shipment_id)

    def put_away_fba(self, fba_shipment_id: str, quantities: Mapping[str, int]) -> None:
        """Its contents by FNSKU are on the shelf; delivers ``fbaShipmentPutaway``, with an inferred body."""
        with self.lock:
            self._fba.put_away(fba_shipment_id, quantities)

    def complete_fba(self, fba_instruction_id: str) -> None:
        """An instruction is done; delivers it under the action of its kind, with an inferred body.

        A restock becomes an inventory of a return that nobody announced, and delivers ``newInventoryCreated`` too (inferred).
        """
        with self.lock:
            inventory_id = None
            if self._fba.instructions[fba_instruction_id].kind == "restock":
                at = self._now()
                (stocked,) = self._state.arrive(
                    self._state.announce(self._seeder.parcel(announced=False), at), 1, 0, at
                )
                self._notify_created([stocked])
                inventory_id = stocked.id
            self._fba.complete(fba_instruction_id, inventory_id)

    def _notify_created(self, inventories: Sequence[Inventory]) -> None:
        for one in inventories:
            self._outbox.add("newInventoryCreated", records.inventory_created(one), version="202207")

    def _take_pictures(self, inventories: Sequence[Inventory], images: int) -> None:
        for one in inventories:
            if images:
                self.change_images(one.id, [picture(one, index) for index in range(images)])

    def _close_vas(self, vas: Vas, status: str, result: str) -> None:
        vas.status, vas.result = status, result
        self._outbox.add("vasUpdated", records.services_updated([vas]), category="rrliv")

    def _shipment(self, shipment_id: int) -> Shipment:
        return self._state.shipments[shipment_id]

    def _inventory(self, inventory_id: int) -> Inventory:
        return self._state.inventories[inventory_id]

    def _vas(self, vas_id: int) -> Vas:
        vas = self._state.services[vas_id]
        if vas.status != "pending":
            raise ValueError(f"VAS {vas_id} is done")
        return vas

    def _resend(self, resend_id: int) -> Resend:
        resend = self._state.resends[resend_id]
        if resend.status != "pending":
            raise ValueError(f"resend {resend_id} is {resend.status}")
        return resend

    def _recall(self, recall_id: int) -> Recall:
        return self._state.recalls[recall_id]

    # The API

    def answer(self, call: Call) -> HttpAnswer:
        """Refuses wrong credentials, then too many calls, then unknown paths, then whatever is wrong with the call."""
        self._serial += 1
        correlation_id = f"0HM9SANDBOX:{self._serial:08d}"  # the form of Return Helper API, Getting started's samples
        if call.method == "PUT" and call.segments[0] == "uploads":
            return self._upload(call)
        self._authenticate(call, correlation_id)
        self._count_in(correlation_id)
        endpoint = self._routes.get((call.method, call.path))
        if endpoint is None:
            # Undocumented; ASP.NET answers with an empty body.
            known = any(path == call.path for _, path in self._routes)
            return HttpAnswer(status=405 if known else 404)
        key = call.headers.get(_KEY_HEADER) if call.method == "POST" else None
        if key is not None and key in self._answered:
            return self._answer_again(call, key, correlation_id)
        self._warehouse.upload_url = f"http://{call.headers.get('host', '127.0.0.1')}"
        try:
            answer = envelope(endpoint.run(call, ignore_unknown=self._ignore_unknown), correlation_id)
        except Invalid as refused:
            # Soft: HTTP 200. Inferred: what was refused does not use up its key.
            return json_answer(200, failure(400, refused.code, refused.problems, correlation_id))
        if key is not None:
            self._answered[key] = (call, answer)
        return answer

    def _authenticate(self, call: Call, correlation_id: str) -> None:
        """Both headers, on both APIs (Return Helper API, Introduction). Inferred: 401 for what is missing or unknown, 403 for halves of two pairs."""
        given = (call.headers.get("x-rr-apikey"), call.headers.get("x-rr-apitoken"))
        if given == self._pair:
            return
        known = sum(one == other for one, other in zip(given, self._pair, strict=True))
        raise refusal(403 if known == 1 and None not in given else 401, correlation_id)

    def _count_in(self, correlation_id: str) -> None:
        if self._requests_per_second is None:
            return
        second = int(self._now().timestamp())
        if self._used[second] >= self._requests_per_second:
            self.violations += 1
            raise refusal(429, correlation_id)
        self._used[second] += 1

    def _answer_again(self, call: Call, key: str, correlation_id: str) -> HttpAnswer:
        """A key that was used (Return Helper API, Introduction, Idempotency): nothing is executed.

        What is answered is inferred, one way or the other: the first answer, or HTTP 409. So is 409 for a key that comes with
        another call.
        """
        first, answer = self._answered[key]
        same = (first.method, first.path, first.body) == (call.method, call.path, call.body)
        if self._repeated_key == "conflict" or not same:
            raise refusal(409, correlation_id)
        return answer

    def _upload(self, call: Call) -> HttpAnswer:
        """A file into its slot; the URL is the credential (Split instruction files). Made up: 403 for any other."""
        key = call.path.removeprefix("/uploads/")
        stored = self._warehouse.upload(key, call.headers.get("content-type", ""), call.body)
        return HttpAnswer(status=200 if stored else 403)
