"""Return Helper's look-ups: balances, warehouses, services and what they cost, and the vendor's own code tables.

Sources: Return Helper API, Getting started, shows the balances; the Return Helper legacy documentation has the rest, and other pages name
several of them. What a reply leaves out, or what cannot be read, is None.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from attrs import field, frozen

from returns_hub import Address, Money, Operation, Parcel, Request, UnexpectedReply, ValidationFailed
from returns_hub.wire import Record, parse_list
from returns_hub_return_helper.pagination import MAX_PAGE_SIZE, read_total
from returns_hub_return_helper.protocol import ReturnHelperProtocol, find_record
from returns_hub_return_helper.wire import (
    build_address,
    build_dimensions,
    country_code,
    find_envelope_record,
    find_id,
    long_id,
    long_ids,
    parse_address,
    parse_all,
    parse_country,
    parse_money,
    refusal,
    require_id,
    require_same_id,
    required,
)

T = TypeVar("T")

# Of a vendor that repeats its pages for ever: nobody has so many currencies.
_MAX_PAGES: Final = 20
_SPECIAL_SERVICE: Final = "others"


class CodeTable(StrEnum):
    """A table of codes that the Public API answers with; the value is the path of its call."""

    BOX_TYPES = "boxtype/getAllBoxTypes"
    COUNTRIES = "country/getAllCountries"
    FROM_COUNTRIES = "country/getAllFromCountries"
    DIMENSION_UNITS = "dimensionuom/getAllDimensionUoms"
    WEIGHT_UNITS = "weightuom/getAllWeightUom"
    HANDLINGS = "handling/getAllHandlings"
    HANDLING_FEE_TYPES = "handlingfeetype/getAllHandlingFeeTypes"
    HANDLING_STATUSES = "handlingstatus/getAllHandlingStatus"
    LABEL_STATUSES = "labelstatus/getAllLabelStatus"
    MAR_TYPES = "martype/getAllMarType"
    REFUND_STATUSES = "refundstatus/getAllRefundStatus"
    RESEND_STATUSES = "resendstatus/getAllResendStatus"
    RETURN_REQUEST_SOURCE_TYPES = "returnrequestsourcetype/getAllReturnRequestSourceTypes"
    RETURN_REQUEST_STATUSES = "returnrequeststatus/getAllReturnRequestStatus"
    SERVICE_TYPES = "servicetype/getAllServiceType"
    SHIPMENT_STATUSES = "shipment/getAllShipmentStatus"
    SHIPMENT_COST_TYPES = "shipment/getAllShipmentCostTypes"
    TRANSACTION_TYPES = "transactiontype/getAllTransactionType"
    UNKNOWN_SHIPMENT_STATUSES = "unknownshipmentstatus/getAllUnknownShipmentStatus"
    VAS = "vas/getAllVas"
    VAS_STATUSES = "vasStatus/getAllVasStatus"


@frozen
class _Columns:
    """Under which key a table's rows stand, and under which keys of a row its code and its texts."""

    rows: str
    code: str
    name: str
    stage: str = ""


def _described(listed: str, stem: str) -> _Columns:
    """A table of kinds: ``handlingCode`` and ``handlingDescription``."""
    return _Columns(listed, f"{stem}Code", f"{stem}Description")


def _staged(listed: str, stem: str) -> _Columns:
    """A table of statuses: ``labelStatusCode``, ``labelStatus`` and ``labelStageDescription``."""
    return _Columns(listed, f"{stem}StatusCode", f"{stem}Status", f"{stem}StageDescription")


_COUNTRIES: Final = _Columns("countries", "countryCode", "countryName")
_COLUMNS: Final[Mapping[CodeTable, _Columns]] = MappingProxyType(
    {
        CodeTable.BOX_TYPES: _Columns("boxTypes", "boxType", "boxTypeDescription"),
        CodeTable.COUNTRIES: _COUNTRIES,
        CodeTable.FROM_COUNTRIES: _COUNTRIES,
        CodeTable.DIMENSION_UNITS: _Columns("dimensionUoms", "dimensionUom", "dimensionUomDescription"),
        CodeTable.WEIGHT_UNITS: _Columns("weightUoms", "weightUom", "weightUomDescription"),
        CodeTable.HANDLINGS: _described("handlings", "handling"),
        CodeTable.HANDLING_FEE_TYPES: _described("handlingFeeTypes", "handlingFeeType"),
        CodeTable.HANDLING_STATUSES: _staged("handlingStatusList", "handling"),
        CodeTable.LABEL_STATUSES: _staged("labelStatuses", "label"),
        CodeTable.MAR_TYPES: _described("marTypeList", "marType"),
        CodeTable.REFUND_STATUSES: _staged("refundStatuses", "refund"),
        CodeTable.RESEND_STATUSES: _staged("resendStatusList", "resend"),
        CodeTable.RETURN_REQUEST_SOURCE_TYPES: _described("returnRequestSourceTypes", "returnRequestSourceType"),
        CodeTable.RETURN_REQUEST_STATUSES: _staged("returnRequestStatuses", "returnRequest"),
        CodeTable.SERVICE_TYPES: _Columns("serviceTypes", "serviceTypeCode", "serviceType"),
        CodeTable.SHIPMENT_STATUSES: _staged("shipmentStatuses", "shipment"),
        CodeTable.SHIPMENT_COST_TYPES: _described("shipmentCostTypes", "shipmentCostType"),
        CodeTable.TRANSACTION_TYPES: _Columns("transactionTypes", "transactionTypeCode", "transactionName"),
        CodeTable.UNKNOWN_SHIPMENT_STATUSES: _staged("unknownShipmentStatuses", "unknownShipment"),
        CodeTable.VAS: _described("vasList", "vas"),
        CodeTable.VAS_STATUSES: _described("vasStatusList", "vasStatus"),
    }
)


@frozen(kw_only=True)
class Code:
    """A row of a code table: the ``code`` as it goes on the wire, and what the vendor calls it.

    ``stage`` is set for statuses, ``is_editable`` of those of a shipment.
    """

    code: str
    name: str | None = None
    stage: str | None = None
    is_editable: bool | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Currency:
    """A currency, ISO 4217, and the vendor's rate for it; against which currency is not documented."""

    code: str
    exchange_rate: Decimal | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class AccountInfo:
    """Whose credentials these are."""

    type: str | None = None
    name: str | None = None
    email: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Balance:
    """What the account has in one currency."""

    id: str | None = None
    amount: Money | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Warehouse:
    """A warehouse; ``address`` has whom to name on a parcel to it."""

    id: str
    address: Address
    fax: str | None = None
    address_type: str | None = None
    description: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Lane:
    """From where to where a service goes; countries are ISO 3166 alpha-2."""

    from_country: str | None = None
    to_country: str | None = None
    warehouse_id: str | None = None
    description: str | None = None


@frozen(kw_only=True)
class ServiceType:
    """A carrier's service: its ``code`` is what a shipment or a resend is created with. No lanes where none are given."""

    code: str
    name: str | None = None
    lanes: tuple[Lane, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Quote:
    """What a service would cost. ``country`` is ISO 3166 alpha-2; the two postal codes may be prefixes.

    ``warehouses`` are set for a return, ``name`` and ``chargeable_weight_g`` of a resend; the unit of the latter is not
    documented, and grams are the vendor's only one.
    """

    service: str
    name: str | None = None
    fee: Money | None = None
    country: str | None = None
    from_postal_code: str | None = None
    to_postal_code: str | None = None
    chargeable_weight_g: Decimal | None = None
    warehouses: tuple[Warehouse, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class BuyerCost:
    """What a buyer would pay for a shipment. ``details`` are as they came: their shape is not documented."""

    service: str | None = None
    lane: Lane = Lane()
    cost: Money | None = None
    details: Any = field(default=None, repr=False)
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class LookupOperations(ReturnHelperProtocol):
    """The calls that only read. A country that is asked for is ISO 3166, alpha-2 or alpha-3."""

    def balances(self) -> Operation[tuple[Balance, ...]]:
        """What the account has, by currency (Return Helper API, Getting started and the newer documentation)."""
        found: list[Balance] = []
        for _ in range(_MAX_PAGES):
            # The legacy documentation wants both; the newer shows neither.
            query = [("pageSize", str(MAX_PAGE_SIZE)), ("offset", str(len(found)))]
            envelope = yield from self.read("/ApiBalance/GetApiBalance", query)
            page = _parse_list(envelope, "apiBalances", _parse_balance)
            found += page
            total = read_total(envelope)
            if not page or total is None or len(found) >= total:
                break
        return tuple(found)

    def warehouses(self, *, from_country: str | None = None) -> Operation[tuple[Warehouse, ...]]:
        """The account's warehouses, or those that take returns from a country (legacy documentation).

        Raises:
            ValidationFailed: no such country; nothing was sent.
        """
        if from_country is None:
            envelope = yield from self.read("/warehouse/getAllWarehouse")
        else:
            query = [("countryCode", country_code(from_country))]
            envelope = yield from self.read("/warehouse/getWarehouseByFromCountry", query)
        return _parse_list(envelope, "warehouses", _parse_warehouse)

    def warehouse(self, warehouse_id: str) -> Operation[Warehouse]:
        """One warehouse (legacy documentation; Return Helper API, Getting started shows what a wrong id is answered)."""
        query = [("warehouseId", str(long_id("warehouseId", warehouse_id)))]
        envelope = yield from self.read("/warehouse/getWarehouse", query)
        found = _parse_warehouse(find_envelope_record(envelope, "warehouseId"))
        require_same_id(found.id, warehouse_id, name="warehouseId")
        return found

    def return_services(
        self, *, from_country: str | None = None, to_country: str | None = None, warehouse_id: str | None = None
    ) -> Operation[tuple[ServiceType, ...]]:
        """The services for a return: all, or from a country to another one, or from a country to a warehouse.

        Legacy documentation. Only without an argument does the vendor answer with the lanes.

        Raises:
            ValueError: a destination without a country to send from, or two destinations, or none.
            ValidationFailed: no such country; nothing was sent.
        """
        if from_country is None and to_country is None and warehouse_id is None:
            envelope = yield from self.read("/ServiceType/getAllReturnServiceType")
            return _parse_list(envelope, "availableReturnServiceTypeList", _parse_service)
        if from_country is None or (to_country is None) == (warehouse_id is None):
            raise ValueError("give from_country with either to_country or warehouse_id, or nothing for all services")
        query = [("fromCountry", country_code(from_country))]
        if to_country is not None:
            query.append(("toCountry", country_code(to_country)))
            envelope = yield from self.read("/servicetype/getServiceTypeByFromToCountry", query)
        else:
            query.append(("warehouseId", str(long_id("warehouseId", warehouse_id))))
            envelope = yield from self.read("/servicetype/getServiceTypeByFromCountryAndWarehouse", query)
        return _parse_list(envelope, "serviceTypes", _parse_service)

    def return_quotes(
        self, *, from_country: str, from_postal_code: str, parcel: Parcel, limit: int = 0
    ) -> Operation[tuple[Quote, ...]]:
        """What the services for a return would cost, cheapest first; ``limit`` 0 asks for all (legacy documentation).

        The measures of the parcel are required by the vendor's table, and left out in its sample.

        Raises:
            ValidationFailed: no such country, a parcel without a weight, or a limit below 0; nothing was sent.
        """
        if limit < 0:
            raise refusal("limit", "0 or more is needed")
        query = [
            ("fromCountryCode", country_code(from_country)),
            ("fromPostalCode", required("fromPostalCode", from_postal_code)),
            ("weight", _plain("weight", parcel.weight_g)),
            *((name, _plain(name, size)) for name, size in build_dimensions(parcel)),
        ]
        if limit:
            query.append(("limit", str(limit)))
        envelope = yield from self.read("/Shipment/getShippingFeeListByFromShippingOption", query)
        return _parse_quotes(envelope)

    def resend_services(self, warehouse_id: str) -> Operation[tuple[ServiceType, ...]]:
        """The services for a resend from a warehouse, with their lanes (legacy documentation).

        ``others`` is not among them: it is for those who have agreed on something special with the vendor.
        """
        query = [("warehouseId", str(long_id("warehouseId", warehouse_id)))]
        envelope = yield from self.read("/Shipment/getAvailableShipmentServiceType", query)
        return tuple(
            [service for service in _parse_list(envelope, "data", _parse_service) if service.code != _SPECIAL_SERVICE]
        )

    def resend_quotes(
        self, inventory_ids: Sequence[str], *, to_country: str, to_postal_code: str
    ) -> Operation[tuple[Quote, ...]]:
        """What the services for a resend of these inventories would cost (legacy documentation).

        How the vendor wants the list is not documented: as repeated keys, and, if it refuses these, joined by commas.
        Without ``others``, as ``resend_services``.

        Raises:
            ValidationFailed: no inventories, or no such country; nothing was sent. Or the vendor's own refusal.
        """
        ids = [str(each) for each in long_ids("returnInventoryIdList", inventory_ids)]
        place = [
            ("toCountryCode", country_code(to_country)),
            ("toPostalCode", required("toPostalCode", to_postal_code)),
        ]
        path = "/Resend/getShippingFeeListByToShippingOption"
        try:
            envelope = yield from self.read(path, [*(("returnInventoryIdList", each) for each in ids), *place])
        except ValidationFailed as error:
            if len(ids) == 1 or not any(name.startswith("returnInventoryIdList") for name in error.fields):
                raise
            envelope = yield from self.read(path, [("returnInventoryIdList", ",".join(ids)), *place])
        return tuple([quote for quote in _parse_quotes(envelope) if quote.service != _SPECIAL_SERVICE])

    def lookup(self, table: CodeTable) -> Operation[tuple[Code, ...]]:
        """A code table of the Public API, in the vendor's order (legacy documentation; the newer one names several)."""
        envelope = yield from self.read(f"/{table.value}", base="public")
        return parse_codes(envelope, table)

    def read_words(self) -> Operation[Mapping[str, str]]:
        """The vendor's own table of shipment statuses: each word of the account with what the vendor calls it and what it means here.

        ``shipment_status_map`` teaches those that mean nothing here. From the Public API (legacy documentation). ``doctor`` shows it.
        """
        rows = yield from self.lookup(CodeTable.SHIPMENT_STATUSES)
        table = self._parser.words["shipment"]
        # What nobody has asked about is not counted as an unknown word.
        meanings = {row.code: table.look_up(row.code).shipment if table.knows(row.code) else None for row in rows}
        return {row.code: f"{row.name or row.code}: {meanings[row.code] or 'unknown'}" for row in rows}

    def currencies(self) -> Operation[tuple[Currency, ...]]:
        """The vendor's currencies and rates, from the Public API (legacy documentation)."""
        envelope = yield from self.read("/currency/getAllCurrencies", base="public")
        return _parse_list(envelope, "currencies", _parse_currency)

    def account_info(self) -> Operation[AccountInfo]:
        """Whose credentials these are, from the Public API (legacy documentation)."""
        envelope = yield from self.read("/account/getApiInfo", base="public")
        record = Record(envelope)
        return AccountInfo(
            type=record.text("apiTypeCode"),
            name=record.text("apiName"),
            # The vendor's own spelling, and the one that it may come to.
            email=record.text("primayEmail", "primaryEmail"),
            raw=envelope,
        )

    def buyer_cost(
        self, *, ship_from: Address, warehouse_id: str, service: str, parcel: Parcel, box_type: str = "cus"
    ) -> Operation[BuyerCost]:
        """What a buyer would pay to send a parcel to a warehouse, from the Public API (legacy documentation).

        A POST that makes nothing.

        Raises:
            ValidationFailed: something that the vendor requires is missing; nothing was sent.
        """
        body = {
            "warehouseId": long_id("warehouseId", warehouse_id),
            "shipmentServiceType": required("shipmentServiceType", service),
            **build_address(ship_from, prefix="shipment"),
            "boxType": box_type,
            "weight": _positive("weight", parcel.weight_g),
            "weightUom": "g",
            **{name: _positive(name, size) for name, size in build_dimensions(parcel)},
            "dimensionUom": "cm",
        }
        path = "/shipment/calculateBuyerShipmentCost"
        reply = yield Request(method="POST", path=path, json=body, base="public", replayable=True, writes=False)
        envelope: Mapping[str, Any] = self.check(reply)
        record = Record(envelope)
        return BuyerCost(
            service=record.text("serviceTypeCode"),
            lane=_parse_lane(record),
            cost=parse_money(record, "rate", "currencyCode"),
            details=envelope.get("costDetails"),
            raw=envelope,
        )


def parse_codes(envelope: Mapping[str, Any], table: CodeTable) -> tuple[Code, ...]:
    """The rows of a code table.

    Raises:
        UnexpectedReply: no such table in the reply, or a row without a code.
    """
    columns = _COLUMNS[table]

    def parse(record: Record) -> Code:
        # One name has a capital in the legacy documentation: "CountryName".
        names = (columns.name, columns.name[:1].upper() + columns.name[1:])
        return Code(
            code=require_text(record, columns.code),
            name=record.text(*names),
            stage=record.text(columns.stage) if columns.stage else None,
            is_editable=record.flag("isShipmentEditable"),
            raw=record.raw,
        )

    return _parse_list(envelope, columns.rows, parse)


def require_text(record: Record, name: str) -> str:
    """What a reply is nothing without.

    Raises:
        UnexpectedReply: it is missing.
    """
    found = record.text(name)
    if found is None:
        raise UnexpectedReply("the reply does not have it", where=name)
    return found


def _parse_list(payload: Mapping[str, Any], key: str, parse: Callable[[Record], T]) -> tuple[T, ...]:
    """The parsed objects of the list at a key; none where it is null."""
    return parse_all(parse_list(payload.get(key, ""), where=key), parse, where=key)


def _parse_warehouse(record: Record) -> Warehouse:
    return Warehouse(
        id=require_id(record, "warehouseId"),
        address=parse_address(record),
        fax=record.text("fax"),
        address_type=record.text("addressType"),
        description=record.text("description"),
        raw=record.raw,
    )


def _parse_balance(record: Record) -> Balance:
    return Balance(
        id=find_id(record, "apiBalanceId"), amount=parse_money(record, "balance", "currencyCode"), raw=record.raw
    )


def _parse_currency(record: Record) -> Currency:
    return Currency(
        code=require_text(record, "currencyCode").upper(), exchange_rate=record.number("exchangeRate"), raw=record.raw
    )


def _parse_service(record: Record) -> ServiceType:
    """A service with its lanes: a list of them, or the one that stands in the row itself."""
    own = _parse_lane(record)
    listed = tuple([_parse_lane(row) for row in record.records("countryCodePairList")])
    return ServiceType(
        code=require_text(record, "serviceTypeCode"),
        name=record.text("serviceType"),
        lanes=listed or ((own,) if own != Lane() else ()),
        raw=record.raw,
    )


def _parse_lane(record: Record) -> Lane:
    return Lane(
        from_country=parse_country(record, "fromCountry", "fromCountryCode"),
        # A table of the legacy documentation has the last one for what its own sample calls the one before.
        to_country=parse_country(record, "toCountry", "toCountryCode", "toPostalCode"),
        warehouse_id=find_id(record, "warehouseId"),
        description=record.text("description"),
    )


def _parse_quotes(envelope: Mapping[str, Any]) -> tuple[Quote, ...]:
    return _parse_list(find_record(envelope, "data"), "shippingFeeDetailList", _parse_quote)


def _parse_quote(record: Record) -> Quote:
    codes = record.record("postalCodePair")
    warehouses = [row for row in record.records("warehouseList") if find_id(row, "warehouseId")]
    return Quote(
        service=require_text(record, "serviceTypeCode"),
        name=record.text("serviceTypeName"),
        fee=parse_money(record, "fee", "currencyCode"),
        country=parse_country(record, "countryCode"),
        from_postal_code=codes.text("from"),
        to_postal_code=codes.text("to"),
        chargeable_weight_g=record.number("chargeableWeight"),
        warehouses=tuple(map(_parse_warehouse, warehouses)),
        raw=record.raw,
    )


def _positive(name: str, value: Decimal | None) -> Decimal:
    if value is None or value <= 0:
        raise refusal(name, "a number above 0 is needed")
    return value


def _plain(name: str, value: Decimal | None) -> str:
    return format(_positive(name, value), "f")
