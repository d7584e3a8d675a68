"""The Return Helper adapter: options, capabilities, and the operations that all vendors have in common.

Sources: Return Helper API, Introduction, Getting started and List return inventories. A docstring says where a call is known from the
legacy documentation only.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from attrs import evolve, frozen

from returns_hub import (
    Capability,
    Direction,
    Item,
    NewReturn,
    NotFound,
    Operation,
    Page,
    Receipt,
    Return,
    ReturnQuery,
    Shipment,
    ShipmentQuery,
    Slice,
    StatusTable,
    Support,
    UnexpectedReply,
    WebhookRequest,
)
from returns_hub.wire import Record, get, parse_rows
from returns_hub_return_helper import statuses, webhooks
from returns_hub_return_helper.derivation import derive_return
from returns_hub_return_helper.fba import FbaOperations
from returns_hub_return_helper.lookups import LookupOperations
from returns_hub_return_helper.new_return import build_return, unsupported_fields
from returns_hub_return_helper.pagination import (
    Position,
    RowPage,
    Window,
    build_windows,
    foreign_cursor,
    parse_offset,
    read_page,
    utc_day,
)
from returns_hub_return_helper.warehouse import WarehouseOperations
from returns_hub_return_helper.wire import Parser, find_id, long_id, merge_rows

# A listing without a beginning goes back to here; nothing in the vendor's documents is as old.
_FIRST_DAY: Final = date(2015, 1, 1)


@frozen(kw_only=True)
class _List:
    """One of the vendor's two lists. ``counts_rows``: its total is the number of rows, and the list ends there."""

    name: str
    path: str
    parse: Callable[[Parser, Mapping[str, Any]], Return]
    counts_rows: bool


_INVENTORIES: Final = _List(
    name="inventories", path="/ReturnInventory/list", parse=Parser.inventory_row, counts_rows=True
)
_SHIPMENTS: Final = _List(name="shipments", path="/Shipment/list", parse=Parser.shipment_row, counts_rows=False)
_LISTS: Final = (_INVENTORIES, _SHIPMENTS)


@frozen(kw_only=True)
class ReturnHelper(LookupOperations, WarehouseOperations, FbaOperations):
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
    - ``shipment_status_map``: what further words of the vendor's table of shipment statuses mean in this account, each a status of a
      shipment (``"delivered"``) or a table of facts (``{ shipment = "pre_transit", label = "void" }``).
    - ``dispose_code``: the vendor's word for disposal, ``dsp`` or ``dis``. Without it the vendor is asked before each disposal.
    - ``resend_limit``: how many inventories go into one resend at most, 1 to 9; the vendor's own limit is not published.

    the vendor has no status of a return: it follows from its shipments and inventories (:meth:`derive`).
    """

    overlap: bool = True
    several_items: bool = False

    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        {
            # By the time of creation only, and what one row says of a return at a time.
            Capability.LIST_RETURNS: Support.PARTIAL,
            # Known from the legacy documentation only, and never with everything.
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
        return tuple(table for name, table in self._parser.words.items() if name != "return")

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of what one of the two lists says of returns: of inventories created in the time, or of shipments.

        A row is a part of a return, and a client gives each return once, with what it met first: all that is known of one
        is in the mirror. Windows are read oldest first if ``created_after`` says where to begin and not ``newest_first``,
        else newest first; the order of the rows in one is not documented. Without ``created_after`` they go back to 2015,
        without ``created_before`` they begin with the vendor's own day, which one request more asks for. List return inventories: the
        lists are for backfill and reconciliation, and no way to follow what happens.

        Raises:
            UnsupportedOperation: a filter other than the time of creation.
            ValueError: ``page_size`` is below 1, or the cursor is none of ours.
        """
        self._refuse_filters(query)
        oldest_first = query.created_after is not None and not query.newest_first
        listing = yield from self._read_listing(query, cursor, lists=_LISTS, oldest_first=oldest_first)
        if listing is None:
            return Page(items=())
        kind, page, following = listing
        rows, invalid = parse_rows(enumerate(page.rows), lambda raw: kind.parse(self._parser, raw), where="data")
        return Page(
            items=merge_rows(row for row in rows if _is_within(row, query)),
            next=following,
            invalid_records=invalid,
            gaps=page.gaps,
        )

    def get_return(self, return_id: str) -> Operation[Return]:
        """One return request with its shipments and labels, and its inventories by the line items that have an RMA.

        Known from the legacy documentation only; Getting started says that a label comes by webhook and no other way.

        Raises:
            NotFound: the vendor has no such return.
        """
        envelope = yield from self.find("/returnrequest/getReturnRequest", "returnRequestId", return_id)
        ret = self._parser.request(envelope, wanted=return_id)
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
        if unsupported := unsupported_fields(new):
            sentence = f"the vendor's call has no place for {', '.join(unsupported)}"
            raise self.unsupported(Capability.CREATE_RETURN, sentence)
        if new.label is not None and new.label.direction is not Direction.INBOUND:
            raise self.unsupported(Capability.CREATE_RETURN, "a return shipment goes to the warehouse")
        if len(new.items) > 1 and not self.several_items:
            # The legacy documentation makes an inventory of the first only; other pages refuse, unless the account is set up for it.
            raise self.unsupported(
                Capability.CREATE_RETURN,
                "a parcel holds one item, unless the vendor set the account up (several_items)",
            )
        envelope = yield from self.write("/ReturnShipment/createReturnShipment", build_return(new))
        return self._parser.created(envelope)

    def cancel_label(self, return_id: str, label_id: str) -> Operation[None]:  # noqa: ARG002 - the contract's
        """Cancel a label by its own id, ``shipment.label.id``: that of the newest label of the shipment.

        What the vendor does after ``label.cancel_before`` is not documented. Known from the legacy documentation.

        Raises:
            ValidationFailed: the vendor has no such label, or it can no longer be cancelled.
        """
        # Documented as text of 35 characters and as a number; every label that is shown has a number.
        number = int(label_id) if label_id.isascii() and label_id.isdigit() and 0 < len(label_id) < 19 else 0
        yield from self.write("/Label/CancelLabel", {"labelId": number or label_id})

    def list_shipments(self, query: ShipmentQuery, cursor: str | None = None) -> Operation[Page[Shipment]]:
        """One page of the shipments created in a time, newest window first; or those of one return.

        The vendor documents no detail of a shipment here. Other pages of its documentation show a row that has no id of its own: such a
        row is an invalid record.

        Raises:
            UnsupportedOperation: the shipments of one return in a time.
            ValueError: ``page_size`` is below 1, or the cursor is none of ours.
        """
        if query.return_id is not None:
            if query.created_after is not None or query.created_before is not None:
                raise self.unsupported(Capability.LIST_SHIPMENTS, "the shipments of one return are not listed by time")
            ret = yield from self.get_return(query.return_id)
            return Page(items=ret.shipments)
        listing = yield from self._read_listing(query, cursor, lists=(_SHIPMENTS,), oldest_first=False)
        if listing is None:
            return Page(items=())
        _, page, following = listing
        rows, invalid = parse_rows(enumerate(page.rows), self._parser.shipment_row_with_id, where="data")
        return Page(
            items=[shipment for row in rows if _is_within(row, query) for shipment in row.shipments],
            next=following,
            invalid_records=invalid,
            gaps=page.gaps,
        )

    def inventory(self, inventory_id: str) -> Operation[Item]:
        """One inventory, with what was found on arrival. Known from the legacy documentation.

        Raises:
            NotFound: the vendor has no such inventory.
        """
        envelope = yield from self.find("/returninventory/getReturnInventory", "returnInventoryId", inventory_id)
        return self._parser.single_inventory(envelope, wanted=inventory_id)

    def inventory_by_line_item(self, line_item_id: str) -> Operation[Item]:
        """The inventory of a line item, which is all that some notifications name. Known from the legacy documentation.

        Raises:
            NotFound: there is none, or it has not arrived yet.
        """
        path = "/returninventory/getReturnInventoryByLineItemId"
        envelope = yield from self.find(path, "lineItemId", line_item_id)
        return self._parser.single_inventory(envelope, wanted=line_item_id, wanted_name="returnRequestLineItemId")

    def update_remark(self, return_id: str, remarks: str) -> Operation[Return]:
        """Replace the remarks of a return. Known from the legacy documentation."""
        body = {"returnRequestId": long_id("returnRequestId", return_id), "remarks": remarks}
        envelope = yield from self.write("/returnrequest/updateRemark", body)
        return self._parser.request(envelope, wanted=return_id)

    def assign_sku(self, inventory_id: str, sku: str) -> Operation[Item]:
        """Give an inventory a SKU of the seller's. Known from the legacy documentation."""
        body = {"returnInventoryId": long_id("returnInventoryId", inventory_id), "sku": sku}
        envelope = yield from self.write("/returninventory/assignReturnInventorySku", body)
        return self._parser.single_inventory(envelope, wanted=inventory_id)

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """Both lists by windows of days, the newest first: each may be read on its own, and each row is a part of a return.

        A window that is over is read side by side as its total says; rows of the newest may still move.
        """
        first, last = utc_day(since), utc_day(until)
        return tuple(
            Slice(key=f"{kind.name} {window}", read=self._reader(kind, window, is_open=window.last >= last))
            for window in build_windows(first, last, overlap=self.overlap)
            for kind in _LISTS
        )

    def derive(self, ret: Return) -> Return:
        """The return with what follows from its parts: the vendor has no status of a return itself.

        See ``derivation.derive_return`` for what is concluded, and from which document.
        """
        return derive_return(ret)

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the delivery is signed with one of the account's keys, for its registered address, and is fresh."""
        webhooks.verify(
            request,
            keys=self.signing_keys,
            url=self.webhook_url,
            tolerance=timedelta(minutes=self.webhook_tolerance),
        )

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request, signed with the first of the account's keys, for its registered address."""
        return webhooks.sign_webhook(request, keys=self.signing_keys, url=self.webhook_url)

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """What a notification says; an unknown one is kept, and acknowledged like the others."""
        return webhooks.read(self._parser, request)

    def _read_listing(
        self, query: ReturnQuery | ShipmentQuery, cursor: str | None, *, lists: Sequence[_List], oldest_first: bool
    ) -> Operation[tuple[_List, RowPage, str | None] | None]:
        """The page at a cursor, of which list it is, and the cursor of the next; None if there is no day in the listing."""
        size = self.rows_per_page(query.page_size)
        if cursor is not None:
            position = Position.parse(cursor)
        elif query.created_before is not None:
            position = Position(last=utc_day(query.created_before))
        else:
            position = Position(last=(yield from self._today()))
        first = _FIRST_DAY if query.created_after is None else utc_day(query.created_after)
        windows = build_windows(first, position.last, overlap=False)
        # Without a beginning nobody knows where the oldest would be.
        parts = [(kind, window) for window in (windows[::-1] if oldest_first else windows) for kind in lists]
        if cursor is None and not parts:
            return None
        if position.window >= len(parts):
            raise foreign_cursor()
        kind, window = parts[position.window]
        page = yield from self._read_window(kind, window, position.offset, size)
        return kind, page, position.after(page, windows=len(parts))

    def _today(self) -> Operation[date]:
        """The day that it is at the vendor, by the clock in the header of a reply: a listing up to now ends with it."""
        reply = yield get(_INVENTORIES.path, Window(_FIRST_DAY, _FIRST_DAY).query(0, 1))
        self.check(reply)
        with suppress(ValueError):
            return utc_day(parsedate_to_datetime(reply.header("date") or ""))
        raise UnexpectedReply("the reply has no time, and without created_before a listing ends now", where="Date")

    def _read_window(self, kind: _List, window: Window, offset: int, size: int) -> Operation[RowPage]:
        envelope = yield from self.read(kind.path, window.query(offset, size))
        place = f"the {kind.name} of {window}"
        return read_page(envelope, offset=offset, size=size, counts_rows=kind.counts_rows, place=place)

    def _reader(self, kind: _List, window: Window, *, is_open: bool) -> Callable[[str | None], Operation[Page[Return]]]:
        # Errors and logs call an operation by the name of its function.
        def backfill(cursor: str | None) -> Operation[Page[Return]]:
            page = yield from self._read_window(kind, window, parse_offset(cursor), self.rows_per_page())
            rows, invalid = parse_rows(enumerate(page.rows), lambda raw: kind.parse(self._parser, raw), where="data")
            return Page(
                items=merge_rows(rows),
                next=None if page.next is None else str(page.next),
                # A row that is added moves others to later pages: read before the earlier ones, these would miss them.
                prefetch=() if is_open else tuple(map(str, page.prefetch)),
                total=page.total,
                invalid_records=invalid,
                gaps=page.gaps,
            )

        return backfill

    def _arrived(self, item: Item) -> Operation[Item]:
        """The inventory of a line item that has an RMA, which it gets on arrival; otherwise the line item."""
        line_item_id = find_id(Record(item.raw), "returnRequestLineItemId")
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
                "the vendor has no status of a return; the mirror knows what its parts come to",
            )
        if query.updated_after is not None:
            raise self.unsupported(Capability.LIST_RETURNS, "the vendor has no filter on the time of a change")
        if query.customer_email is not None or query.order_number is not None:
            raise self.unsupported(
                Capability.LIST_RETURNS, "the vendor's lists have no filter but the time of creation"
            )


def _is_within(ret: Return, query: ReturnQuery | ShipmentQuery) -> bool:
    """False of a row of the window's first or last day that was created before or after the time asked for."""
    created, after, before = ret.created_at, query.created_after, query.created_before
    return created is None or not ((after and created < after) or (before and created > before))
