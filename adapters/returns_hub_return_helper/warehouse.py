"""What is to become of an inventory in a Return Helper warehouse: disposal, hold, resend, recall, and value-added services.

Sources: Return Helper API, Getting started and other pages, unless a docstring says that only the legacy documentation has it. What a reply
leaves out, or what cannot be read, is None.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from attrs import evolve, field, frozen

from returns_hub import (
    Address,
    Capability,
    ConfigurationError,
    Disposition,
    DispositionStatus,
    Item,
    ItemInstruction,
    Operation,
    ProviderError,
    Service,
    Shipment,
)
from returns_hub.wire import Record, parse_list
from returns_hub_return_helper.lookups import CodeTable, parse_codes, require_text
from returns_hub_return_helper.protocol import ReturnHelperProtocol
from returns_hub_return_helper.statuses import fold
from returns_hub_return_helper.wire import (
    HOLD_CODE,
    RECALL_CODE,
    RESEND_CODE,
    SPLIT_CODE,
    Parser,
    build_address,
    find_id,
    long_id,
    long_ids,
    parse_all,
    recall_alias,
    refusal,
    require_id,
    require_same_id,
    required,
    resend_alias,
    service_alias,
)

_MAX_RECALLED: Final = 100
_MAX_PIECES: Final = 50
_MAX_NAME: Final = 255
_MAX_PLACE: Final = 50
_MAX_NAMED: Final = 20

# Other pages have the first, the legacy documentation the second. The first that the vendor's own table has is sent.
_DISPOSE_CODES: Final = ("dsp", "dis")
_RESTOCK_CODE: Final = "rst"
# They have calls of their own, and begin nothing.
_NOT_SETTABLE: Final = frozenset({"rsd", "tbc"})
_CANCELLED_BY_HANDLING: Final = frozenset(
    {Disposition.DISPOSE, Disposition.HOLD, Disposition.RESTOCK, Disposition.OTHER}
)

_SPLIT: Final = fold(SPLIT_CODE)
_PICTURES: Final = fold("req-pic")
# A service of an instruction, and behind a colon the number that some services need.
_SERVICE: Final = re.compile(r"([^:\s]+)(?::(\d{1,6}))?\Z", re.ASCII)


@frozen(kw_only=True)
class UploadedFile:
    """A file that was put where ``upload_slot`` said: what a service or a replenishment names it by."""

    filename: str
    key: str


@frozen(kw_only=True)
class UploadSlot:
    """Where a file may be put: ``PUT`` its bytes to ``url``, with exactly the name and type that were asked for.

    ``url`` lets anyone who has it put a file there: treat it as a secret. ``expires`` is as the vendor writes it.
    """

    url: str = field(repr=False)
    file: UploadedFile
    content_type: str | None = None
    expires: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class NewVas:
    """A value-added service to be done. ``code`` is one of ``lookup(CodeTable.VAS)``.

    ``quantity``: how many pictures, or into how many pieces (1 to 50). ``files`` are instructions for a split, which has
    to be the only service of its inventory in a call.
    """

    code: str
    quantity: int | None = None
    notes: str | None = None
    files: tuple[UploadedFile, ...] = ()


@frozen(kw_only=True)
class Vas:
    """A value-added service as the vendor has it. ``id`` is what its events name; the newer reply may not have it."""

    id: str | None = None
    line_item_id: str | None = None
    code: str | None = None
    quantity: int | None = None
    notes: str | None = None
    result: str | None = None
    is_finished: bool | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)

    @property
    def aliases(self) -> tuple[str, ...]:
        """By what else its inventory may be named from now on."""
        return tuple(name for name in (self.line_item_id, self.id and service_alias(self.id)) if name)

    @property
    def service(self) -> Service:
        """The same as a part of its inventory, still to be done."""
        return Service(
            id=self.id,
            code=self.code,
            status=DispositionStatus.PENDING,
            quantity=None if self.quantity is None else Decimal(self.quantity),
            raw=self.raw,
        )


@frozen(kw_only=True)
class Resend:
    """A resend: inventories on their way to a buyer. Its creation answers with the ids only."""

    id: str
    number: str | None = None
    status: DispositionStatus | None = None
    status_raw: str | None = None
    inventory_id: str | None = None
    line_item_id: str | None = None
    warehouse_id: str | None = None
    description: str | None = None
    remarks: str | None = None
    warehouse_remarks: str | None = None
    shipments: tuple[Shipment, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Recall:
    """A recall: inventories on their way to the vendor's Hong Kong warehouse; ``items`` are these, as far as they are known."""

    id: str
    number: str | None = None
    status: DispositionStatus | None = None
    status_raw: str | None = None
    warehouse_id: str | None = None
    warehouse_remarks: str | None = None
    items: tuple[Item, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class WarehouseOperations(ReturnHelperProtocol):
    """The calls about inventories in a warehouse, and two options.

    - ``dispose_code``: the vendor's word for disposal, ``dsp`` or ``dis`` in its documents. Without it the vendor's table of
      handlings is read before each disposal.
    - ``resend_limit``: how many inventories go into one resend at most, 1 to 9; the vendor's own limit is not published, "a single
      digit".
    """

    dispose_code: str | None = field(default=None, repr=False)
    resend_limit: int = 9

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.dispose_code is not None and not self.dispose_code.strip():
            raise ConfigurationError("return_helper: dispose_code is empty; leave it out to have the vendor asked")
        if not 1 <= self.resend_limit <= 9:
            raise ConfigurationError("return_helper: resend_limit is a number from 1 to 9")

    def instruct(self, items: Sequence[Item], instruction: ItemInstruction) -> Operation[tuple[Item, ...]]:
        """Say what is to be done with inventories, and give them as they then are, with the ids that events will name.

        - dispose, hold, restock: one call for each inventory.
        - forward: one resend to ``ship_to`` by ``service`` for what is in one warehouse, and a further one for every ``resend_limit``
          inventories; ``notes`` become its remarks. ``resend:ID`` becomes an alias.
        - return to owner: a recall to Hong Kong, 100 inventories a call. ``recall:ID`` becomes an alias.
        - rework: ``services`` by the vendor's codes, with a number behind a colon where one is needed (``req-pic:2``), for
          each inventory; it must be on hold. ``vas:ID`` and the line item become aliases, and ``Item.services`` has the services.

        Where several calls are needed and one fails, the error names what was done before. Where no reply came, calling
        again with the same items and ``idempotency_key`` does nothing twice.

        Raises:
            UnsupportedOperation: a disposition that the vendor has no call for, or a field that the call has no place for.
            ValidationFailed: something is missing or out of bounds, and nothing was sent; or the vendor's own refusal.
        """
        long_ids("items", _ids(items))
        self._refuse_unsupported(instruction)
        match instruction.disposition:
            case Disposition.DISPOSE:
                code = self.dispose_code or (yield from self._known_dispose_code())
                return (yield from self._handle(items, instruction.disposition, code))
            case Disposition.HOLD:
                return (yield from self._handle(items, instruction.disposition, HOLD_CODE))
            case Disposition.RESTOCK:
                return (yield from self._handle(items, instruction.disposition, _RESTOCK_CODE))
            case Disposition.FORWARD:
                return (yield from self._forward(items, instruction))
            case Disposition.RETURN_TO_OWNER:
                return (yield from self._return_to_owner(items))
            case Disposition.REWORK:
                return (yield from self._rework(items, instruction))
            case other:
                raise self.unsupported(
                    Capability.INSTRUCT, f"no call for {other}; update_handling takes the vendor's own codes"
                )

    def cancel_instruction(self, items: Sequence[Item]) -> Operation[tuple[Item, ...]]:
        """Take back what was said about inventories, each by the call for its disposition, as long as nothing was done.

        A resend is cancelled whole, with whatever else is in it; it is the newest that the item's aliases name. Where one
        of several calls fails, the error names what was done before.

        Raises:
            UnsupportedOperation: an item whose disposition cannot be taken back: there is no call for rework.
            ValidationFailed: an item without an inventory id, or of a resend that no alias names; nothing was sent. Or the
                vendor's own refusal.
        """
        long_ids("items", _ids(items))
        handled = [each for each in items if each.disposition in _CANCELLED_BY_HANDLING]
        going_back = [each for each in items if each.disposition is Disposition.RETURN_TO_OWNER]
        resent = [(each, _resend_of(each)) for each in items if each.disposition is Disposition.FORWARD]
        if len(handled) + len(going_back) + len(resent) < len(items):
            raise self.unsupported(
                Capability.CANCEL_INSTRUCTION, "no call takes back what an item is to become (rework, or nothing yet)"
            )
        done = _Progress(len(items))
        for each in handled:
            with done.recording((each,)):
                yield from self.cancel_handling(each.id or "")
        for chunk in _chunks(going_back, _MAX_RECALLED):
            with done.recording(chunk):
                yield from self.cancel_recall(_ids(chunk))
        for resend_id in dict.fromkeys(resend for _, resend in resent):
            with done.recording([each for each, resend in resent if resend == resend_id]):
                yield from self.cancel_resend(resend_id)
        return tuple([evolve(each, disposition_status=DispositionStatus.CANCELLED) for each in items])

    def update_handling(self, inventory_id: str, code: str) -> Operation[None]:
        """Set the handling of one inventory, by a code of ``lookup(CodeTable.HANDLINGS)``.

        Refused while a service on it is pending. Anything but ``ohd`` and ``oth`` also fixes its RMA.

        Raises:
            ValidationFailed: ``rsd`` or ``tbc``, which are not set this way, or no id, and nothing was sent; or the
                vendor's own refusal.
        """
        if fold(required("handlingCode", code)) in _NOT_SETTABLE:
            raise refusal("handlingCode", "a resend has a call of its own, and nothing goes back to be confirmed")
        body = {"returnInventoryId": long_id("returnInventoryId", inventory_id), "handlingCode": code}
        yield from self.write("/ReturnInventory/UpdateReturnInventoryHandling", body)

    def cancel_handling(self, inventory_id: str) -> Operation[None]:
        """Withdraw the handling of one inventory, as long as the warehouse has not acted; it is pending again."""
        body = {"returnInventoryId": long_id("returnInventoryId", inventory_id)}
        yield from self.write("/ReturnInventory/CancelReturnInventoryHandling", body)

    def create_vas(self, wanted: Mapping[str, Sequence[NewVas]]) -> Operation[tuple[Vas, ...]]:
        """Have services done on inventories, by their ids; each must be on hold. No call takes them back.

        The reply is documented down to the line item: what it says of each service is taken, else there is one ``Vas``
        with the line item alone. Which inventory a line item belongs to, only a call for one inventory says.

        Raises:
            ValidationFailed: nothing to do, a split beside other services, a number out of bounds, or files where there may
                be none, and nothing was sent; or the vendor's own refusal, which numbers the entries.
        """
        long_ids("createVasList", list(wanted))
        # Numbers as text, here and only here (the newer documentation's schema).
        entries = [
            {"returnInventoryId": inventory_id, "createVasDetailList": _vas_details(services)}
            for inventory_id, services in wanted.items()
        ]
        envelope = yield from self.write("/Vas/CreateByReturnInventoryId", {"createVasList": entries})
        entries_made = parse_all(parse_list(envelope.get("data", ""), where="data"), _parse_created_vas, where="data")
        return tuple([vas for made in entries_made for vas in made])

    def create_line_item_vas(self, wanted: Mapping[str, Sequence[NewVas]]) -> Operation[tuple[Vas, ...]]:
        """Have services done, by the ids of line items (legacy documentation, which knows no call by inventory).

        Unlike the newer call it is known to have the id of each service.

        Raises:
            ValidationFailed: as ``create_vas``.
        """
        long_ids("createVasPayloadList", list(wanted))
        entries = [
            {"returnRequestLineItemId": line_item_id, "createVasDetailList": _vas_details(services)}
            for line_item_id, services in wanted.items()
        ]
        envelope = yield from self.write("/returnrequest/createVas", {"createVasPayloadList": entries})
        key = "createdLineItemVasList"
        return parse_all(parse_list(envelope.get(key, ""), where=key), _parse_vas, where=key)

    def upload_slot(self, filename: str, mime_type: str) -> Operation[UploadSlot]:
        """A place for a file with instructions for a split, from the Public API (legacy documentation).

        ``filename`` has its extension, ``mime_type`` is ``text/plain``, ``image/png`` or the like.
        """
        query = [("filename", required("filename", filename)), ("mimeType", required("mimeType", mime_type))]
        envelope = yield from self.read("/file/GetPreSignedUploadUrl", query, base="public")
        record = Record(envelope)
        return UploadSlot(
            url=require_text(record, "preSignedUrl"),
            file=UploadedFile(filename=record.text("filename") or filename, key=require_text(record, "fileKey")),
            content_type=record.text("contentType"),
            expires=record.text("expires"),
            raw=envelope,
        )

    def resend(
        self,
        inventory_ids: Sequence[str],
        *,
        ship_to: Address,
        service: str,
        description: str | None = None,
        remarks: str | None = None,
    ) -> Operation[Resend]:
        """Send inventories of one warehouse on to a buyer; label and tracking number come by webhook.

        ``service`` is one of ``resend_services``. ``description`` and ``remarks`` are in the legacy documentation only.

        Raises:
            ValidationFailed: more inventories than ``resend_limit``, or an address without what the vendor requires, and
                nothing was sent; or the vendor's own refusal.
        """
        body: dict[str, Any] = {
            "returnInventoryIdList": long_ids("returnInventoryIdList", inventory_ids, maximum=self.resend_limit),
            "resendShipment": _resend_shipment(ship_to, service),
        }
        body.update({key: text for key, text in (("description", description), ("remarks", remarks)) if text})
        return _parse_resend(self._parser, (yield from self.write("/Resend/createResend", body)))

    def get_resend(self, resend_id: str) -> Operation[Resend]:
        """One resend (legacy documentation; the newer one names the call)."""
        query = [("resendId", str(long_id("resendId", resend_id)))]
        found = _parse_resend(self._parser, (yield from self.read("/resend/getResend", query)))
        require_same_id(found.id, resend_id, name="resendId")
        return found

    def cancel_resend(self, resend_id: str) -> Operation[None]:
        """Cancel a resend before it is dispatched."""
        yield from self.write("/Resend/cancelResend", {"resendId": long_id("resendId", resend_id)})

    def recall(self, inventory_ids: Sequence[str]) -> Operation[tuple[Recall, ...]]:
        """Send inventories to Hong Kong; of several warehouses it can make several recalls. At most 100 a call.

        There is no call that reads a recall: what becomes of it comes by webhook.

        Raises:
            ValidationFailed: more than 100, and nothing was sent; or the vendor's own refusal.
        """
        ids = long_ids("returnInventoryIdList", inventory_ids, maximum=_MAX_RECALLED)
        return _parse_recalls(
            self._parser, (yield from self.write("/Recall/createRecallByReturnInventoryId", _inventories(ids)))
        )

    def cancel_recall(self, inventory_ids: Sequence[str]) -> Operation[tuple[Recall, ...]]:
        """Cancel the recall of inventories, as long as the warehouse has not begun.

        Raises:
            ValidationFailed: more than 100, and nothing was sent; or the vendor's own refusal.
        """
        ids = long_ids("returnInventoryIdList", inventory_ids, maximum=_MAX_RECALLED)
        return _parse_recalls(
            self._parser, (yield from self.write("/Recall/cancelRecallByReturnInventoryId", _inventories(ids)))
        )

    def cancel_recalls(self, recall_ids: Sequence[str]) -> Operation[tuple[Recall, ...]]:
        """Cancel whole recalls by their own ids, as long as the warehouse has not begun."""
        body = {"recallIdList": long_ids("recallIdList", recall_ids)}
        return _parse_recalls(self._parser, (yield from self.write("/Recall/cancelRecall", body)))

    def create_recall(self, inventory_ids: Sequence[str]) -> Operation[Recall]:
        """Recall inventories by the legacy call, which answers with one recall's id and number; ``recall`` is the newer one.

        Raises:
            ValidationFailed: more than 100, and nothing was sent; or the vendor's own refusal.
        """
        ids = long_ids("returnInventoryIdList", inventory_ids, maximum=_MAX_RECALLED)
        return _parse_recall(self._parser, Record((yield from self.write("/Recall/createRecall", _inventories(ids)))))

    def _known_dispose_code(self) -> Operation[str]:
        """The word for disposal that the vendor's own table has."""
        envelope = yield from self.read(f"/{CodeTable.HANDLINGS.value}", base="public")
        listed = {fold(row.code): row.code for row in parse_codes(envelope, CodeTable.HANDLINGS)}
        for code in _DISPOSE_CODES:
            if code in listed:
                return listed[code]
        raise self.unsupported(
            Capability.INSTRUCT, "the vendor's table of handlings has no disposal; the option dispose_code names it"
        )

    def _handle(self, items: Sequence[Item], disposition: Disposition, code: str) -> Operation[tuple[Item, ...]]:
        done = _Progress(len(items))
        for each in items:
            with done.recording([each]):
                yield from self.update_handling(each.id or "", code)
        return tuple([_instructed(each, disposition, code) for each in items])

    def _forward(self, items: Sequence[Item], instruction: ItemInstruction) -> Operation[tuple[Item, ...]]:
        ship_to, service = instruction.ship_to, instruction.service
        if ship_to is None:
            raise refusal("ship_to", "a resend needs an address")
        done = _Progress(len(items))
        names: dict[str | None, str] = {}
        for batch in _batches(items, self.resend_limit):
            with done.recording(batch):
                made = yield from self.resend(
                    _ids(batch),
                    ship_to=ship_to,
                    service=service or "",
                    remarks=instruction.notes,
                )
            names.update((each.id, resend_alias(made.id)) for each in batch)
        return tuple([_instructed(each, Disposition.FORWARD, RESEND_CODE, [names[each.id]]) for each in items])

    def _return_to_owner(self, items: Sequence[Item]) -> Operation[tuple[Item, ...]]:
        done = _Progress(len(items))
        instructed: list[Item] = []
        for chunk in _chunks(items, _MAX_RECALLED):
            with done.recording(chunk):
                recalls = yield from self.recall(_ids(chunk))
            instructed += [
                _instructed(each, Disposition.RETURN_TO_OWNER, RECALL_CODE, _recall_names(each, recalls))
                for each in chunk
            ]
        return tuple(instructed)

    def _rework(self, items: Sequence[Item], instruction: ItemInstruction) -> Operation[tuple[Item, ...]]:
        services = [_service(each, instruction.notes) for each in instruction.services]
        done = _Progress(len(items))
        instructed: list[Item] = []
        # One call each: the reply names line items, and not the inventories they are of.
        for each in items:
            with done.recording([each]):
                made = yield from self.create_vas({each.id or "": services})
            names = [name for vas in made for name in vas.aliases]
            reworked = _instructed(each, Disposition.REWORK, HOLD_CODE, names)
            instructed.append(evolve(reworked, services=(*each.services, *(vas.service for vas in made if vas.code))))
        return tuple(instructed)

    def _refuse_unsupported(self, instruction: ItemInstruction) -> None:
        """Refuse what is set, and has no place in the call for the disposition."""
        places = _PLACES.get(instruction.disposition, frozenset())
        fields = [name for name in _FIELDS if name not in places and getattr(instruction, name)]
        if fields:
            raise self.unsupported(
                Capability.INSTRUCT, f"the call for {instruction.disposition} has no place for {', '.join(fields)}"
            )


_FIELDS: Final = ("ship_to", "service", "services", "notes")
_PLACES: Final[Mapping[Disposition, frozenset[str]]] = {
    Disposition.FORWARD: frozenset({"ship_to", "service", "notes"}),
    Disposition.REWORK: frozenset({"services", "notes"}),
}


class _Progress:
    """Which items of a call with several requests are done: what the error of the one that fails has to say."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._ids: list[str] = []

    @contextmanager
    def recording(self, items: Sequence[Item]) -> Iterator[None]:
        """Around the request for these items."""
        try:
            yield
        except ProviderError as error:
            if len(items) < self._total:
                failing = _listed(_ids(items))
                before = f"done before: {_listed(self._ids)}" if self._ids else "nothing was done before"
                error.message = "; ".join(filter(None, (error.message, f"failed at {failing}", before)))
                error.maybe_applied |= bool(self._ids)
            raise
        self._ids += _ids(items)


def _ids(items: Sequence[Item]) -> list[str]:
    """The ids of items; ``""``, which is none, for one without."""
    return [each.id or "" for each in items]


def _listed(ids: Sequence[str]) -> str:
    """Some identifiers for one line of text."""
    more = f" and {len(ids) - _MAX_NAMED} more" if len(ids) > _MAX_NAMED else ""
    return " ".join(ids[:_MAX_NAMED]) + more


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in batches of one warehouse each. Those whose warehouse is not known go together: the vendor refuses what it must."""
    groups: dict[str | None, list[Item]] = {}
    for each in items:
        groups.setdefault(each.warehouse_id, []).append(each)
    for group in groups.values():
        yield from _chunks(group, size)


def _instructed(item: Item, disposition: Disposition, code: str, names: Iterable[str] = ()) -> Item:
    """The item with what it is to become, by the handling code it then has, and the names it has got."""
    return evolve(
        item,
        disposition=disposition,
        disposition_status=DispositionStatus.PENDING,
        disposition_raw=code,
        aliases=tuple(dict.fromkeys((*item.aliases, *names))),
    )


def _recall_names(of: Item, recalls: Sequence[Recall]) -> tuple[str, ...]:
    """The alias of the recall that an item is in; none where the reply does not say which of several."""
    naming = [recall for recall in recalls if any(item.id == of.id for item in recall.items)]
    silent = [recall for recall in recalls if not recall.items]
    if len(recalls) > 1:
        silent = [recall for recall in silent if recall.warehouse_id == of.warehouse_id]
    found = naming or silent
    return (recall_alias(found[0].id),) if len(found) == 1 else ()


def _resend_of(item: Item) -> str:
    """The newest resend among an item's aliases: identifiers grow, and no alias is ever dropped."""
    numbers = [name.removeprefix("resend:") for name in item.aliases if name.startswith("resend:")]
    known = [number for number in numbers if number.isascii() and number.isdigit()]
    if not known:
        raise refusal("resendId", "no alias of the item names its resend")
    return max(known, key=int)


def _service(text: str, notes: str | None) -> NewVas:
    match = _SERVICE.match(text)
    if match is None:
        raise refusal("vasCode", "a service is a code, with a number behind a colon where one is needed")
    return NewVas(code=match[1], quantity=int(match[2]) if match[2] else None, notes=notes)


def _vas_details(services: Sequence[NewVas]) -> list[dict[str, Any]]:
    if not services:
        raise refusal("createVasDetailList", "at least one service is needed")
    if len(services) > 1 and any(fold(each.code) == _SPLIT for each in services):
        raise refusal("createVasDetailList", "a split is the only service of its inventory in a call")
    return [_vas_detail(each) for each in services]


def _vas_detail(wanted: NewVas) -> dict[str, Any]:
    kind = fold(required("vasCode", wanted.code))
    if kind == _SPLIT and not 1 <= (wanted.quantity or 0) <= _MAX_PIECES:
        raise refusal("metaQuantity", f"a split needs the number of its pieces, 1 to {_MAX_PIECES}")
    if kind == _PICTURES and (wanted.quantity or 0) < 1:
        raise refusal("metaQuantity", "pictures need their number, 1 or more")
    if wanted.files and kind != _SPLIT:
        raise refusal("vasFileList", "only a split may have files")
    body: dict[str, Any] = {"vasCode": wanted.code}
    if wanted.notes:
        body["notes"] = wanted.notes
    if wanted.quantity is not None:
        body["metaQuantity"] = wanted.quantity
    if wanted.files:
        body["vasFileList"] = [{"filename": each.filename, "fileKey": each.key} for each in wanted.files]
    return body


def _parse_created_vas(record: Record) -> list[Vas]:
    """The services of one entry of the newer reply; one with the line item alone where it has no more."""
    line_item_id = find_id(record, "returnRequestLineItemId")
    details = record.records("createVasDetailList")
    return [evolve(_parse_vas(each), line_item_id=line_item_id) for each in details] or [_parse_vas(record)]


def _parse_vas(record: Record) -> Vas:
    return Vas(
        id=find_id(record, "returnRequestLineItemVasId"),
        line_item_id=find_id(record, "returnRequestLineItemId"),
        code=record.text("vasCode"),
        quantity=record.whole("metaQuantity"),
        notes=record.text("notes"),
        result=record.text("vasResult"),
        is_finished=record.flag("isFinished"),
        raw=record.raw,
    )


def _resend_shipment(ship_to: Address, service: str) -> dict[str, str]:
    """Where a resend goes. Fax and second street may be empty, but are there: the legacy documentation requires them."""
    body = {
        "shipmentServiceType": required("shipmentServiceType", service),
        **build_address(ship_to, prefix="shipment"),
        "shipmentPhone": required("shipmentPhone", ship_to.phone),
        "shipmentFax": "",
        # An empty one is no address; the newer documentation has it among what may be left out.
        **({"shipmentEmail": ship_to.email} if ship_to.email else {}),
    }
    for name, most in _LONGEST.items():
        if len(body[name]) > most:
            raise refusal(name, f"at most {most} characters")
    return body


_LONGEST: Final[Mapping[str, int]] = {
    "shipmentName": _MAX_NAME,
    "shipmentStreet1": _MAX_NAME,
    "shipmentCity": _MAX_PLACE,
    "shipmentPostalCode": _MAX_PLACE,
}


def _parse_resend(parser: Parser, envelope: Mapping[str, Any]) -> Resend:
    record = Record(envelope)
    status = record.text("resendStatusCode")
    return Resend(
        id=require_id(record, "resendId"),
        number=record.text("resendNumber"),
        status=parser.words["resend"].look_up(status).disposition_status,
        status_raw=status,
        inventory_id=find_id(record, "returnInventoryId"),
        line_item_id=find_id(record, "returnRequestLineItemId"),
        warehouse_id=find_id(record, "warehouseId"),
        description=record.text("description"),
        remarks=record.text("remarks"),
        warehouse_remarks=record.text("warehouseRemarks"),
        shipments=parser.resend_shipments(record.records("resendShipmentList"), resend=record),
        raw=envelope,
    )


def _inventories(ids: list[int]) -> dict[str, list[int]]:
    return {"returnInventoryIdList": ids}


def _parse_recalls(parser: Parser, envelope: Mapping[str, Any]) -> tuple[Recall, ...]:
    rows = parse_list(envelope.get("recallList", ""), where="recallList")
    return parse_all(rows, lambda record: _parse_recall(parser, record), where="recallList")


def _parse_recall(parser: Parser, record: Record) -> Recall:
    status = record.text("recallStatusCode")
    # The newer schema shows empty objects in the list of inventories.
    rows = [row for row in record.records("recallInventoryList") if find_id(row, "returnInventoryId")]
    listed = [parser.recalled(row) for row in rows]
    return Recall(
        id=require_id(record, "recallId"),
        # The legacy sample and the newer schema of one call.
        number=record.text("recallNumber", "recallCode"),
        status=parser.words["recall"].look_up(status).disposition_status,
        status_raw=status,
        warehouse_id=find_id(record, "warehouseId"),
        warehouse_remarks=record.text("warehouseRemarks"),
        items=tuple([evolve(item, raw=row.raw) for row, (item, _) in zip(rows, listed, strict=True)]),
        shipments=tuple([parcel for _, parcels in listed for parcel in parcels]),
        raw=record.raw,
    )
