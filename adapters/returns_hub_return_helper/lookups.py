"""Return Helper's look-ups: balances, warehouses, services and what they cost, and the vendor's own code tables.

Sources: Return Helper API, Getting started shows the balances; the older documentation (last changed 2025-11-17) has the rest, and the newer one names
several of them. What a reply leaves out is None; a value of another type is an ``UnexpectedReply`` that names its place.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from returns_hub import Address, Money, Operation, Parcel, Request, UnexpectedReply, ValidationFailed, structure
from returns_hub_return_helper import countries
from returns_hub_return_helper.parts import (
    addressee,
    code,
    country,
    country_code,
    identifier,
    money,
    number,
    optional_identifier,
    parts,
    street,
    text,
)
from returns_hub_return_helper.protocol import ReturnHelperProtocol, record, rows
from returns_hub_return_helper.wire import MAX_PAGE_SIZE

# Of a vendor that repeats its pages for ever: nobody has so many currencies.
_MAX_PAGES: Final = 20
_SPECIAL_SERVICE: Final = "others"
_MAX_ID: Final = 2**63 - 1


class CodeTable(StrEnum):
    """A table of codes that the Public API tells; the value is the path of its call."""

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

    ``stage`` is told of statuses, ``is_editable`` of those of a shipment.
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
    """A carrier's service: its ``code`` is what a shipment or a resend is created with. No lanes where none are told."""

    code: str
    name: str | None = None
    lanes: tuple[Lane, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class Quote:
    """What a service would cost. ``country`` is ISO 3166 alpha-2; the two postal codes may be prefixes.

    ``warehouses`` are told of a return, ``name`` and ``chargeable_weight_g`` of a resend; the unit of the latter is not
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
class LookupCalls(ReturnHelperProtocol):
    """The calls that only tell something. A country that is asked for is ISO 3166, alpha-2 or alpha-3."""

    def balances(self) -> Operation[tuple[Balance, ...]]:
        """What the account has, by currency (Return Helper API, Getting started and the newer documentation)."""
        found: list[Balance] = []
        for _ in range(_MAX_PAGES):
            # The older documentation wants both; the newer shows neither.
            query = [("pageSize", str(MAX_PAGE_SIZE)), ("offset", str(len(found)))]
            envelope = yield from self.read("/ApiBalance/GetApiBalance", query)
            page = [_balance(raw) for raw in objects(envelope, "apiBalances")]
            found += page
            total = count(envelope, "totalNumberOfRecords")
            if not page or total is None or len(found) >= total:
                break
        return tuple(found)

    def warehouses(self, *, from_country: str | None = None) -> Operation[tuple[Warehouse, ...]]:
        """The account's warehouses, or those that take returns from a country (older documentation).

        Raises:
            ValidationFailed: no such country; nothing was sent.
        """
        if from_country is None:
            envelope = yield from self.read("/warehouse/getAllWarehouse")
        else:
            query = [("countryCode", country_code(from_country))]
            envelope = yield from self.read("/warehouse/getWarehouseByFromCountry", query)
        return tuple([_warehouse(raw) for raw in objects(envelope, "warehouses")])

    def warehouse(self, warehouse_id: str) -> Operation[Warehouse]:
        """One warehouse (older documentation; Return Helper API, Getting started shows what a wrong id is answered)."""
        query = [("warehouseId", str(long_id("warehouseId", warehouse_id)))]
        return _warehouse((yield from self.read("/warehouse/getWarehouse", query)))

    def return_services(
        self, *, from_country: str | None = None, to_country: str | None = None, warehouse_id: str | None = None
    ) -> Operation[tuple[ServiceType, ...]]:
        """The services for a return: all, or from a country to another one, or from a country to a warehouse.

        Older documentation. Only without an argument does the vendor tell the lanes.

        Raises:
            ValueError: a destination without a country to send from, or two destinations, or none.
            ValidationFailed: no such country; nothing was sent.
        """
        if from_country is None and to_country is None and warehouse_id is None:
            envelope = yield from self.read("/ServiceType/getAllReturnServiceType")
            return _services(envelope, "availableReturnServiceTypeList")
        if from_country is None or (to_country is None) == (warehouse_id is None):
            raise ValueError("give from_country with either to_country or warehouse_id, or nothing for all services")
        query = [("fromCountry", country_code(from_country))]
        if to_country is not None:
            query.append(("toCountry", country_code(to_country)))
            envelope = yield from self.read("/servicetype/getServiceTypeByFromToCountry", query)
        else:
            query.append(("warehouseId", str(long_id("warehouseId", warehouse_id))))
            envelope = yield from self.read("/servicetype/getServiceTypeByFromCountryAndWarehouse", query)
        return _services(envelope, "serviceTypes")

    def return_quotes(
        self, *, from_country: str, from_postal_code: str, parcel: Parcel, limit: int = 0
    ) -> Operation[tuple[Quote, ...]]:
        """What the services for a return would cost, cheapest first; ``limit`` 0 asks for all (older documentation).

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
            *((name, _plain(name, size)) for name, size in dimensions(parcel)),
        ]
        if limit:
            query.append(("limit", str(limit)))
        envelope = yield from self.read("/Shipment/getShippingFeeListByFromShippingOption", query)
        return _quotes(envelope)

    def resend_services(self, warehouse_id: str) -> Operation[tuple[ServiceType, ...]]:
        """The services for a resend from a warehouse, with their lanes (older documentation).

        ``others`` is not among them: it is for those who have agreed on something special with the vendor.
        """
        query = [("warehouseId", str(long_id("warehouseId", warehouse_id)))]
        envelope = yield from self.read("/Shipment/getAvailableShipmentServiceType", query)
        return tuple([service for service in _services(envelope, "data") if service.code != _SPECIAL_SERVICE])

    def resend_quotes(
        self, inventory_ids: Sequence[str], *, to_country: str, to_postal_code: str
    ) -> Operation[tuple[Quote, ...]]:
        """What the services for a resend of these inventories would cost (older documentation).

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
        return tuple([quote for quote in _quotes(envelope) if quote.service != _SPECIAL_SERVICE])

    def lookup(self, table: CodeTable) -> Operation[tuple[Code, ...]]:
        """A code table of the Public API, in the vendor's order (older documentation; the newer one names several)."""
        envelope = yield from self.read(f"/{table.value}", base="public")
        return parse_codes(envelope, table)

    def currencies(self) -> Operation[tuple[Currency, ...]]:
        """The vendor's currencies and rates, from the Public API (older documentation)."""
        envelope = yield from self.read("/currency/getAllCurrencies", base="public")
        return tuple([_currency(raw) for raw in objects(envelope, "currencies")])

    def account_info(self) -> Operation[AccountInfo]:
        """Whose credentials these are, from the Public API (older documentation)."""
        envelope = yield from self.read("/account/getApiInfo", base="public")
        return AccountInfo(
            type=word(envelope, "apiTypeCode"),
            name=word(envelope, "apiName"),
            # The vendor's own spelling, and the one that it may come to.
            email=text(envelope, "primayEmail", "primaryEmail"),
            raw=envelope,
        )

    def buyer_cost(
        self, *, ship_from: Address, warehouse_id: str, service: str, parcel: Parcel, box_type: str = "cus"
    ) -> Operation[BuyerCost]:
        """What a buyer would pay to send a parcel to a warehouse, from the Public API (older documentation).

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
            **{name: _positive(name, size) for name, size in dimensions(parcel)},
            "dimensionUom": "cm",
        }
        path = "/shipment/calculateBuyerShipmentCost"
        reply = yield Request(method="POST", path=path, json=body, base="public", replayable=True, writes=False)
        envelope: Mapping[str, Any] = self.check(reply)
        return BuyerCost(
            service=word(envelope, "serviceTypeCode"),
            lane=_lane(envelope),
            cost=money(envelope, "rate", "currencyCode"),
            details=envelope.get("costDetails"),
            raw=envelope,
        )


def objects(payload: Mapping[str, Any], key: str) -> tuple[dict[str, Any], ...]:
    """The objects in the list at a key; none where it is null.

    Raises:
        UnexpectedReply: there is no such list, or something else in it.
    """
    return structure(rows(payload, key), tuple[dict[str, Any], ...], where=key)


def word(raw: Mapping[str, Any], name: str) -> str | None:
    """What the vendor sends as text or as a number; None for none."""
    return code(raw.get(name)) or None


def required_code(raw: Mapping[str, Any], name: str) -> str:
    """The same, of what a reply is nothing without.

    Raises:
        UnexpectedReply: it is missing.
    """
    found = word(raw, name)
    if found is None:
        raise UnexpectedReply("the reply does not tell it", where=name)
    return found


def count(raw: Mapping[str, Any], name: str) -> int | None:
    """A number of records; None where it is missing or no such number."""
    value = raw.get(name)
    return value if type(value) is int and value >= 0 else None


def flag(raw: Mapping[str, Any], name: str) -> bool | None:
    """True or false; None for none.

    Raises:
        UnexpectedReply: something else.
    """
    value = raw.get(name)
    return None if value is None else structure(value, bool, where=name)


def refusal(name: str, problem: str) -> ValidationFailed:
    """The error for what the vendor would refuse in one of its fields. Nothing was sent."""
    return ValidationFailed(problem, fields={name: problem})


def required(name: str, value: str | None) -> str:
    """The text, if it is one.

    Raises:
        ValidationFailed: it is empty or missing.
    """
    if value is None or not value.strip():
        raise refusal(name, "the vendor requires it")
    return value


def long_id(name: str, value: str | None) -> int:
    """One of the vendor's numeric identifiers as it goes into a body.

    Raises:
        ValidationFailed: the text is none.
    """
    if value and value.isascii() and value.isdigit() and len(value) <= 19 and 0 < int(value) <= _MAX_ID:
        return int(value)
    raise refusal(name, "an identifier of this vendor is a whole number")


def long_ids(name: str, values: Sequence[str], *, most: int | None = None) -> list[int]:
    """Numeric identifiers of a batch, in their order.

    Raises:
        ValidationFailed: there are none, or more than ``most``, or one that comes twice or is no such identifier.
    """
    if isinstance(values, str):
        raise TypeError("a sequence of identifiers is expected, not one text")
    ids = [long_id(name, value) for value in values]
    if not ids:
        raise refusal(name, "at least one identifier is needed")
    if most is not None and len(ids) > most:
        raise refusal(name, f"at most {most} go into one call")
    if len(set(ids)) < len(ids):
        raise refusal(name, "an identifier comes twice")
    return ids


def dimensions(parcel: Parcel) -> list[tuple[str, Decimal]]:
    """The measures of a parcel by the vendor's names, the longest side first; none where none is given.

    Raises:
        ValidationFailed: some are given and some are not.
    """
    sizes = [size for size in (parcel.length_cm, parcel.width_cm, parcel.height_cm) if size is not None]
    if sizes and len(sizes) < 3:
        raise refusal("dimension1", "either all three sides of a parcel are given, or none")
    return [(f"dimension{index}", size) for index, size in enumerate(sorted(sizes, reverse=True), 1)]


def build_address(address: Address, *, prefix: str, name_key: str = "Name") -> dict[str, str]:
    """An address in fields that all begin alike: ``shipmentStreet1``; the country as alpha-3, lower case.

    A company comes after the name, a house number after the street. What is optional is sent empty: the documents
    disagree on what may be left out. A country without states of its own has the vendor's ``NA``.

    Raises:
        ValidationFailed: something that the vendor requires is missing, or no such country.
    """
    nation = country_code(required(f"{prefix}CountryCode", address.country))
    told = {
        "CountryCode": nation,
        name_key: required(f"{prefix}{name_key}", addressee(address)),
        "Street1": required(f"{prefix}Street1", street(address)),
        "Street2": address.line2 or "",
        "Street3": address.line3 or "",
        "State": required(f"{prefix}State", countries.state(address.state, country=nation)),
        "City": required(f"{prefix}City", address.city),
        "PostalCode": required(f"{prefix}PostalCode", address.postal_code),
    }
    return {f"{prefix}{key}": value for key, value in told.items()}


def parse_codes(envelope: Mapping[str, Any], table: CodeTable) -> tuple[Code, ...]:
    """The rows of a code table.

    Raises:
        UnexpectedReply: no such table in the reply, or a row without a code.
    """
    columns = _COLUMNS[table]
    found: list[Code] = []
    for raw in objects(envelope, columns.rows):
        symbol = word(raw, columns.code)
        if symbol is None:
            raise UnexpectedReply("a row without a code", where=f"{columns.rows}[{len(found)}].{columns.code}")
        # The older documentation has one name with a capital: "CountryName".
        name = word(raw, columns.name) or word(raw, columns.name[:1].upper() + columns.name[1:])
        stage = word(raw, columns.stage) if columns.stage else None
        found.append(Code(code=symbol, name=name, stage=stage, is_editable=flag(raw, "isShipmentEditable"), raw=raw))
    return tuple(found)


def parse_address(raw: Mapping[str, Any], *, prefix: str = "") -> Address:
    """An address in fields that all begin alike, or of a warehouse.

    Raises:
        UnexpectedReply: a value of another type.
    """

    def told(name: str) -> str | None:
        return word(raw, prefix + name if prefix else name[:1].lower() + name[1:])

    nation = prefix + "CountryCode" if prefix else "countryCode"
    return Address(
        name=told("ContactName") or told("FbaName"),
        company=told("CompanyName"),
        line1=told("Street1"),
        line2=told("Street2"),
        line3=told("Street3"),
        city=told("City"),
        state=told("State"),
        postal_code=told("PostalCode"),
        country=country(raw.get(nation), where=nation),
        phone=told("Phone"),
        email=told("Email"),
    )


def _warehouse(raw: Mapping[str, Any]) -> Warehouse:
    return Warehouse(
        id=identifier(raw.get("warehouseId"), where="warehouseId"),
        address=parse_address(raw),
        fax=word(raw, "fax"),
        address_type=word(raw, "addressType"),
        description=word(raw, "description"),
        raw=raw,
    )


def _balance(raw: Mapping[str, Any]) -> Balance:
    return Balance(
        id=optional_identifier(raw.get("apiBalanceId"), where="apiBalanceId"),
        amount=money(raw, "balance", "currencyCode"),
        raw=raw,
    )


def _currency(raw: Mapping[str, Any]) -> Currency:
    return Currency(
        code=required_code(raw, "currencyCode").upper(),
        exchange_rate=number(raw, "exchangeRate"),
        raw=raw,
    )


def _services(envelope: Mapping[str, Any], key: str) -> tuple[ServiceType, ...]:
    return tuple(
        [
            ServiceType(
                code=required_code(raw, "serviceTypeCode"), name=word(raw, "serviceType"), lanes=_lanes(raw), raw=raw
            )
            for raw in objects(envelope, key)
        ]
    )


def _lanes(raw: Mapping[str, Any]) -> tuple[Lane, ...]:
    """The lanes of a service: a list of them, or the one that stands in the row itself."""
    own = _lane(raw)
    return tuple([_lane(row) for row in parts(raw, "countryCodePairList")]) or ((own,) if own != Lane() else ())


def _lane(raw: Mapping[str, Any]) -> Lane:
    return Lane(
        from_country=_country(raw, "fromCountry", "fromCountryCode"),
        # The older table has the last one for what its own sample calls the one before.
        to_country=_country(raw, "toCountry", "toCountryCode", "toPostalCode"),
        warehouse_id=optional_identifier(raw.get("warehouseId"), where="warehouseId"),
        description=word(raw, "description"),
    )


def _country(raw: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        if raw.get(name) is not None:
            return country(raw.get(name), where=name)
    return None


def _quotes(envelope: Mapping[str, Any]) -> tuple[Quote, ...]:
    found = objects(record(envelope, "data"), "shippingFeeDetailList")
    return tuple([_quote(raw) for raw in found])


def _quote(raw: Mapping[str, Any]) -> Quote:
    pair = raw.get("postalCodePair") or {}
    codes = structure(pair, dict[str, Any], where="postalCodePair")
    return Quote(
        service=required_code(raw, "serviceTypeCode"),
        name=word(raw, "serviceTypeName"),
        fee=money(raw, "fee", "currencyCode"),
        country=_country(raw, "countryCode"),
        from_postal_code=word(codes, "from"),
        to_postal_code=word(codes, "to"),
        chargeable_weight_g=number(raw, "chargeableWeight"),
        warehouses=tuple([_warehouse(row) for row in parts(raw, "warehouseList")]),
        raw=raw,
    )


def _positive(name: str, value: Decimal | None) -> Decimal:
    if value is None or not value.is_finite() or value <= 0:
        raise refusal(name, "a number above 0 is needed")
    return value


def _plain(name: str, value: Decimal | None) -> str:
    return format(_positive(name, value), "f")
