"""The Return Helper adapter: the operations that all vendors have in common, over the calls that only this one has.

Sources: the vendor's introduction, getting-started page and inventory list (seeds 000 to 002), read on 2026-11-21. A docstring
says where a call is known from the vendor's older documentation only (last changed 2025-11-17).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from attrs import evolve, frozen

from returns_hub import (
    Attention,
    Capability,
    Direction,
    Item,
    LabelStatus,
    NewReturn,
    NotFound,
    Operation,
    Page,
    Receipt,
    Request,
    Return,
    ReturnQuery,
    Shipment,
    ShipmentQuery,
    ShipmentStatus,
    Slice,
    Status,
    StatusTable,
    Support,
    UnexpectedReply,
    ValidationFailed,
    WebhookRequest,
)
from returns_hub_return_helper import parts, statuses, webhooks, wire
from returns_hub_return_helper.fba import FbaCalls
from returns_hub_return_helper.lookups import LookupCalls, count, long_id
from returns_hub_return_helper.protocol import rows
from returns_hub_return_helper.statuses import Words
from returns_hub_return_helper.warehouse import HandlingCalls
from returns_hub_return_helper.wire import MAX_PAGE_SIZE, Window, windows

# A listing without a beginning goes back to here; nothing in the vendor's documents is as old.
_FIRST_DAY: Final = date(2015, 1, 1)
# Pages that a total tells beforehand, and that are offered to be read side by side.
_MAX_PREFETCH: Final = 200
_NUMBER: Final = re.compile(r"[1-9]\d{0,17}\Z", re.ASCII)
_OFFSET: Final = re.compile(r"\d{1,9}\Z", re.ASCII)
_CURSOR: Final = re.compile(r"(\d{4}-\d\d-\d\d):(\d{1,6}):(\d{1,9})\Z", re.ASCII)


@frozen(kw_only=True)
class _List:
    """One of the vendor's two lists. ``counts``: its total is the number of rows, and the list ends there."""

    name: str
    path: str
    parse: Callable[[Words, Mapping[str, Any]], Return]
    counts: bool


_INVENTORIES: Final = _List(name="inventories", path="/ReturnInventory/list", parse=wire.inventory_row, counts=True)
# Of its total the documents disagree: the newer ones say that there is none, and that a short page is the last.
_SHIPMENTS: Final = _List(name="shipments", path="/Shipment/list", parse=wire.shipment_row, counts=False)
_LISTS: Final = (_INVENTORIES, _SHIPMENTS)


@frozen(kw_only=True)
class _Rows:
    """One page of a list: its rows, the offsets behind it, and the total where one was told."""

    data: Sequence[Any]
    next: int | None = None
    prefetch: tuple[int, ...] = ()
    total: int | None = None
    gaps: tuple[str, ...] = ()


@frozen(kw_only=True)
class _Walk:
    """Where a listing stands: at which window of which list, and at which row of it.

    As a cursor it is the last day of the whole listing, which decides what its windows are, the number of the window
    among them, and the offset.
    """

    last: date
    parts: tuple[tuple[_List, Window], ...]
    number: int = 0
    offset: int = 0

    @property
    def kind(self) -> _List:
        return self.parts[self.number][0]

    @property
    def window(self) -> Window:
        return self.parts[self.number][1]

    def following(self, offset: int | None) -> str | None:
        """The cursor of the next page: at an offset of this window, or without one, at the start of the next."""
        number = self.number if offset is not None else self.number + 1
        return f"{self.last}:{number}:{offset or 0}" if number < len(self.parts) else None


@frozen(kw_only=True)
class ReturnHelper(LookupCalls, HandlingCalls, FbaCalls):
    """A Return Helper account.

    - ``api_key``, ``api_token``: a pair from the User Portal, Settings, Signing Key and API Token; sandbox and production
      have different ones.
    - ``signing_keys``: the signing key on the same screen, Base64; two while one is replaced. Without one, deliveries are
      refused.
    - ``webhook_url``: the address of the receiver exactly as it is registered with the vendor, who signs it.
    - ``webhook_tolerance``: by how many minutes the signed time of a delivery may differ from our clock, either way.
    - ``overlap``: read the day at the seam of two windows of a backfill twice, which the vendor recommends. False walks
      slices of 63 days without.
    - ``several_items``: the vendor has set the account up for more than one item in a parcel.
    - ``dispose_code``: the vendor's word for disposal, ``dsp`` or ``dis``. Without it the vendor is asked before each disposal.
    - ``resend_limit``: how many inventories go into one resend at most, 1 to 9; the vendor's own limit is not published.

    The vendor tells no status of a return: it follows from its shipments and inventories (:meth:`derive`).
    """

    overlap: bool = True
    several_items: bool = False

    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        {
            # By the time of creation only, and what one row tells of a return at a time.
            Capability.LIST_RETURNS: Support.PARTIAL,
            # Known from older documentation only, and never with everything.
            Capability.GET_RETURN: Support.PARTIAL,
            # With its label, and one item in the parcel.
            Capability.CREATE_RETURN: Support.PARTIAL,
            Capability.SET_STATUS: Support.NO,
            Capability.ADD_NOTE: Support.NO,
            Capability.LIST_SHIPMENTS: Support.PARTIAL,
            Capability.GET_SHIPMENT: Support.NO,
            Capability.TRACK: Support.NO,
            # The call was withdrawn on 2024-12-31: a return is created anew, with its label.
            Capability.CREATE_LABEL: Support.NO,
            Capability.CANCEL_LABEL: Support.YES,
            Capability.INSTRUCT: Support.YES,
            Capability.CANCEL_INSTRUCTION: Support.YES,
            Capability.CHANGES: Support.NO,
            Capability.BACKFILL: Support.YES,
            Capability.RECEIVE: Support.YES,
            Capability.ORDER_LOOKUP: Support.NO,
        }
    )
    vocabularies: ClassVar[Mapping[str, StatusTable]] = statuses.VOCABULARIES

    @property
    def statuses(self) -> None:
        """None: the vendor never defines the word that it has for a return."""

    @property
    def status_tables(self) -> tuple[StatusTable, ...]:
        """The tables of everything else: shipments, labels, handling and what follows it."""
        return tuple(table for name, table in self._words.items() if name != "return")

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of what one of the two lists tells of returns: of inventories created in the time, or of shipments.

        A row is a part of a return, and a client gives each return once, with what it met first: all that is known of one
        is in the mirror. Windows are read oldest first if ``created_after`` says where to begin and not ``newest_first``,
        else newest first; the order of the rows in one is not documented. Without ``created_after`` they go back to 2015,
        without ``created_before`` they begin with the vendor's own day, which one request more asks for. Return Helper API, List return inventories: the lists
        are for backfill and reconciliation, and no way to follow what happens.
        """
        self._refuse_filters(query)
        size = self._page_size(query.page_size, Capability.LIST_RETURNS)
        walk = yield from self._walk(query, cursor, lists=_LISTS, newest_first=query.newest_first)
        if walk is None:
            return Page(items=())
        page = yield from self._read_rows(walk.kind, walk.window, walk.offset, size)
        found, invalid_records = wire.parse_rows(self._words, page.data, walk.kind.parse)
        return Page(
            items=[ret for ret in wire.merged(found) if _is_within(ret, query)],
            next=walk.following(page.next),
            invalid_records=invalid_records,
            gaps=page.gaps,
        )

    def get_return(self, return_id: str) -> Operation[Return]:
        """One return request with its shipments and labels, and its inventories by the line items that have an RMA.

        Known from the vendor's older documentation only; newer pages say that a label comes by webhook and no other way.
        """
        envelope = yield from self._find("/returnrequest/getReturnRequest", "returnRequestId", return_id)
        ret = wire.parse_request(self._words, envelope, wanted=return_id)
        items: tuple[Item, ...] = ()
        for item in ret.items:
            items = (*items, (yield from self._arrived(item)))
        return evolve(ret, items=items)

    def create_return(self, new: NewReturn) -> Operation[Return]:
        """Create a return shipment and queue its label, which costs money: label and tracking number come by webhook.

        ``new.label`` has the service (a return service code), the warehouse and the parcel; ``ship_from`` is required.
        The reference is set for the return and for its shipment. The one item has a value with its currency; a SKU of
        its own becomes part of the description.

        Raises:
            UnsupportedOperation: a field that the vendor's call has no place for.
            ValidationFailed: values that the vendor's documents rule out, before anything is sent; or by the vendor.
        """
        if homeless := wire.unsupported_fields(new):
            sentence = f"the vendor's call has no place for {', '.join(homeless)}"
            raise self.unsupported(Capability.CREATE_RETURN, sentence)
        if new.label is not None and new.label.direction is not Direction.INBOUND:
            raise self.unsupported(Capability.CREATE_RETURN, "a return shipment goes to the warehouse")
        if len(new.items) > 1 and not self.several_items:
            # Older documents make an inventory of the first only; newer ones refuse, unless the account is set up for it.
            raise self.unsupported(
                Capability.CREATE_RETURN,
                "a parcel holds one item, unless the vendor set the account up (several_items)",
            )
        envelope = yield from self.write("/ReturnShipment/createReturnShipment", wire.build_return(new))
        return wire.parse_created(self._words, envelope)

    def cancel_label(self, return_id: str, label_id: str) -> Operation[None]:  # noqa: ARG002 - the contract's
        """Cancel a label by its own id, ``shipment.label.raw["labelId"]``: that of the newest label of the shipment.

        What the vendor does after the label's ``cancelCutoffTime`` is not documented. Known from older documentation.
        """
        # Documented as text of 35 characters and as a number; every label that is shown has a number.
        number = label_id if not _NUMBER.match(label_id) else int(label_id)
        yield from self.write("/Label/CancelLabel", {"labelId": number})

    def list_shipments(self, query: ShipmentQuery, cursor: str | None = None) -> Operation[Page[Shipment]]:
        """One page of the shipments created in a time, newest window first; or those of one return.

        The vendor tells no detail of a shipment here. Newer documentation shows a row that has no id of its own: such a
        row is set aside.
        """
        size = self._page_size(query.page_size, Capability.LIST_SHIPMENTS)
        if query.return_id is not None:
            if query.created_after is not None or query.created_before is not None:
                raise self.unsupported(Capability.LIST_SHIPMENTS, "the shipments of one return are not told by time")
            ret = yield from self.get_return(query.return_id)
            return Page(items=ret.shipments)
        walk = yield from self._walk(query, cursor, lists=(_SHIPMENTS,), newest_first=True)
        if walk is None:
            return Page(items=())
        page = yield from self._read_rows(walk.kind, walk.window, walk.offset, size)
        found, invalid_records = wire.parse_rows(self._words, page.data, wire.shipment_row_with_id)
        return Page(
            items=[shipment for ret in found if _is_within(ret, query) for shipment in ret.shipments],
            next=walk.following(page.next),
            invalid_records=invalid_records,
            gaps=page.gaps,
        )

    def inventory(self, inventory_id: str) -> Operation[Item]:
        """One inventory, with what was found on arrival. Known from the vendor's older documentation."""
        envelope = yield from self._find("/returninventory/getReturnInventory", "returnInventoryId", inventory_id)
        return wire.parse_inventory(self._words, envelope)

    def inventory_by_line_item(self, line_item_id: str) -> Operation[Item]:
        """The inventory of a line item, which is all that some notifications name. Known from older documentation.

        Raises:
            NotFound: there is none, or it has not arrived yet.
        """
        path = "/returninventory/getReturnInventoryByLineItemId"
        envelope = yield from self._find(path, "lineItemId", line_item_id)
        return wire.parse_inventory(self._words, envelope)

    def update_remark(self, return_id: str, remarks: str) -> Operation[Return]:
        """Replace the remarks of a return. Known from the vendor's older documentation."""
        body = {"returnRequestId": long_id("returnRequestId", return_id), "remarks": remarks}
        envelope = yield from self.write("/returnrequest/updateRemark", body)
        return wire.parse_request(self._words, envelope, wanted=return_id)

    def assign_sku(self, inventory_id: str, sku: str) -> Operation[Item]:
        """Give an inventory a SKU of the seller's. Known from the vendor's older documentation."""
        body = {"returnInventoryId": long_id("returnInventoryId", inventory_id), "sku": sku}
        envelope = yield from self.write("/returninventory/assignReturnInventorySku", body)
        return wire.parse_inventory(self._words, envelope)

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """Both lists by windows of days, the newest first: each may be read on its own, and each row is a part of a return.

        A window that is over is read side by side as its total tells; rows of the newest may still move.
        """
        first, last = _day(since), _day(until)
        return tuple(
            Slice(key=f"{kind.name} {window}", read=self._reader(kind, window, live=window.last >= last))
            for window in windows(first, last, overlap=self.overlap)
            for kind in _LISTS
        )

    def derive(self, ret: Return) -> Return:
        """The return with the status that its parts come to; that of a vendor's word that means something is kept.

        With inventories ``received``, and ``resolved`` once nothing more is to be done with any of them. Before that
        ``received`` too if a parcel has arrived, else ``ready_to_ship`` with a label, else ``approved``. A label that failed
        wants attention until there is another one, or the goods.
        """
        if ret.status is not Status.UNKNOWN or not (ret.shipments or ret.items):
            return ret
        inbound = [shipment for shipment in ret.shipments if not _is_outbound(shipment)]
        labels = {shipment.label.status for shipment in inbound if shipment.label is not None}
        inventories = [item for item in ret.items if item.id is not None]
        if inventories:
            done = all(map(parts.is_settled, inventories))
            return evolve(ret, status=Status.RESOLVED if done else Status.RECEIVED)
        if any(shipment.status is ShipmentStatus.DELIVERED for shipment in inbound):
            return evolve(ret, status=Status.RECEIVED)
        if LabelStatus.READY in labels:
            return evolve(ret, status=Status.READY_TO_SHIP)
        attention = ret.attention | ({Attention.LABEL_FAILED} if LabelStatus.FAILED in labels else frozenset())
        return evolve(ret, status=Status.APPROVED, attention=attention)

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the delivery is signed with one of the account's keys, for its registered address, and is fresh."""
        webhooks.verify(
            request,
            keys=self.signing_keys,
            url=self.webhook_url,
            tolerance=timedelta(minutes=self.webhook_tolerance),
        )

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """What a notification tells; an unknown one is kept, and acknowledged like the others."""
        return webhooks.read(self._words, request)

    def _walk(
        self, query: ReturnQuery | ShipmentQuery, cursor: str | None, *, lists: Sequence[_List], newest_first: bool
    ) -> Operation[_Walk | None]:
        """Where a listing stands by its cursor; None if there is no day in it."""
        after, before = query.created_after, query.created_before
        number = offset = 0
        if cursor is not None:
            last, number, offset = _parse_cursor(cursor)
        elif before is not None:
            last = _day(before)
        else:
            last = yield from self._today()
        first = _FIRST_DAY if after is None else _day(after)
        found = windows(first, last, overlap=False)
        # Without a beginning nobody knows where the oldest would be.
        if after is not None and not newest_first:
            found = found[::-1]
        walk = _Walk(last=last, parts=tuple((kind, window) for window in found for kind in lists))
        if cursor is None and not walk.parts:
            return None
        if number >= len(walk.parts):
            raise _foreign_cursor()
        return evolve(walk, number=number, offset=offset)

    def _today(self) -> Operation[date]:
        """The day that it is at the vendor, by the clock in the header of a reply: a listing up to now ends with it."""
        beginning = Window(_FIRST_DAY, _FIRST_DAY)
        reply = yield Request(method="GET", path=_INVENTORIES.path, query=beginning.page(0, 1), replayable=True)
        self.check(reply)
        with suppress(ValueError):
            return _day(parsedate_to_datetime(reply.header("date") or ""))
        raise UnexpectedReply("the reply tells no time, and without created_before a listing ends now", where="Date")

    def _read_rows(self, kind: _List, window: Window, offset: int, size: int) -> Operation[_Rows]:
        """One page of a window. Rows that the vendor counts and does not show are a gap."""
        envelope = yield from self.read(kind.path, window.page(offset, size))
        data = rows(envelope, "data")
        total = count(envelope, "totalNumberOfRecords")
        end = offset + len(data)
        is_behind = total is not None and end < total
        # A page that grows or shrinks while it is read: what was read is what counts, not what was asked for.
        more = bool(data) and (is_behind or (len(data) >= size and not (kind.counts and total is not None)))
        gap = f"the {kind.name} of {window}: the vendor counts {total}, and shows {offset}"
        return _Rows(
            data=data,
            next=end if more else None,
            prefetch=tuple(range(end, total, len(data))[:_MAX_PREFETCH]) if more and total is not None else (),
            total=total if kind.counts else None,
            gaps=(gap,) if is_behind and kind.counts and not data else (),
        )

    def _reader(self, kind: _List, window: Window, *, live: bool) -> Callable[[str | None], Operation[Page[Return]]]:
        # Errors and logs call an operation by the name of its function.
        def backfill(cursor: str | None) -> Operation[Page[Return]]:
            if cursor is not None and not _OFFSET.match(cursor):
                raise _foreign_cursor()
            page = yield from self._read_rows(kind, window, int(cursor or 0), MAX_PAGE_SIZE)
            found, invalid_records = wire.parse_rows(self._words, page.data, kind.parse)
            return Page(
                items=wire.merged(found),
                next=None if page.next is None else str(page.next),
                # A row that is added moves others to later pages: read before the earlier ones, these would miss them.
                prefetch=() if live else tuple(map(str, page.prefetch)),
                total=page.total,
                invalid_records=invalid_records,
                gaps=page.gaps,
            )

        return backfill

    def _find(self, path: str, name: str, value: str) -> Operation[Mapping[str, Any]]:
        """The envelope of a read by id. An id that the vendor does not have is a value that it refuses."""
        try:
            return (yield from self.read(path, [(name, value)]))
        except ValidationFailed as error:
            if set(error.fields) != {name}:
                raise
            refused = error
        raise NotFound(http_status=refused.http_status, vendor_code=refused.vendor_code, request_id=refused.request_id)

    def _arrived(self, item: Item) -> Operation[Item]:
        """The inventory of a line item that has an RMA, which it gets on arrival; otherwise the line item."""
        line_item_id = parts.optional_identifier(item.raw.get("returnRequestLineItemId"))
        if item.rma is None or line_item_id is None:
            return item
        try:
            return (yield from self.inventory_by_line_item(line_item_id))
        except NotFound:
            return item

    def _refuse_filters(self, query: ReturnQuery) -> None:
        if query.status or query.raw_status:
            raise self.unsupported(
                Capability.LIST_RETURNS,
                "the vendor tells no status of a return; the mirror knows what its parts come to",
            )
        if query.updated_after is not None:
            raise self.unsupported(Capability.LIST_RETURNS, "the vendor has no filter on the time of a change")
        if query.customer_email is not None or query.order_number is not None:
            raise self.unsupported(
                Capability.LIST_RETURNS, "the vendor's lists have no filter but the time of creation"
            )

    def _page_size(self, asked: int | None, capability: Capability) -> int:
        size = MAX_PAGE_SIZE if asked is None else asked
        if not 1 <= size <= MAX_PAGE_SIZE:
            raise self.unsupported(capability, f"a page holds 1 to {MAX_PAGE_SIZE} rows")
        return size


def _parse_cursor(cursor: str) -> tuple[date, int, int]:
    with suppress(ValueError):
        if match := _CURSOR.match(cursor):
            return date.fromisoformat(match[1]), int(match[2]), int(match[3])
    raise _foreign_cursor()


def _foreign_cursor() -> ValueError:
    return ValueError("the cursor is not one that this listing gave")


def _day(moment: datetime) -> date:
    """The day in UTC, in which all of the vendor's times are."""
    return moment.astimezone(UTC).date()


def _is_within(ret: Return, query: ReturnQuery | ShipmentQuery) -> bool:
    """False of a row of the window's first or last day that was created before or after the time asked for."""
    created, after, before = ret.created_at, query.created_after, query.created_before
    return created is None or not ((after and created < after) or (before and created > before))


def _is_outbound(shipment: Shipment) -> bool:
    return shipment.direction is Direction.OUTBOUND
