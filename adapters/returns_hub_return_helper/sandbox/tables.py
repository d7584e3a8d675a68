"""The code tables, warehouses and services of the simulated Return Helper.

Codes are those of the Return Helper legacy documentation and of other pages; descriptions, addresses and fees are made
up. Where no source has the codes of a table, they are made up too, and it says so.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from attrs import frozen

Json: TypeAlias = dict[str, Any]

# legacy documentation, the table under "Complete Inventory Handling". No source has a number for `rst`.
HANDLING_NUMBERS: Final = MappingProxyType({"tbc": 0, "rtn": 1, "dis": 2, "dsp": 2, "rsd": 3, "ohd": 4, "oth": 5})
HANDLING_STATUS_NUMBERS: Final = MappingProxyType({"pending": 0, "inProgress": 1, "completed": 2})
LABEL_NUMBERS: Final = MappingProxyType(
    {"fail": 0, "failed": 0, "queued": 1, "started": 1, "canceled": 2, "success": 3}
)
# `no-label` and `lb-failed` are the two symbols that a document spells; 6 is in every sample of an arrival. Which of 2, 3 and 4 is which
# stage of a label is inferred from the history of the samples, as is 1 for `lb-failed`.
NO_LABEL: Final = "no-label"
LABEL_FAILED: Final = "lb-failed"
LABEL_READY: Final = 2
LABEL_REQUESTED: Final = 3
LABEL_CANCELED: Final = 4
ARRIVED: Final = 6
SHIPMENT_STATUSES: Final = (NO_LABEL, LABEL_FAILED, LABEL_READY, LABEL_REQUESTED, LABEL_CANCELED, ARRIVED)
SHIPMENT_NUMBERS: Final[Mapping[int | str, int]] = MappingProxyType({LABEL_FAILED: 1})
# Shown in samples, and never defined: 0 beside what has arrived, 3 around the making of a label.
REQUEST_ARRIVED: Final = 0
REQUEST_OPEN: Final = 3
RESEND_NUMBERS: Final = MappingProxyType({"pending": 0, "canceled": 1, "inProgress": 2, "completed": 3, "failed": 4})
VAS_STATUS_NUMBERS: Final = MappingProxyType({"pending": 0, "successful": 1, "failed": 2})

SPLIT: Final = "split-parcel"
VAS: Final = MappingProxyType(
    {
        "mobi-fmt": "Format mobile phone",
        "mobi-imei": "Check IMEI",
        "mobi-lock": "Check phone lock",
        "prd-inspec": "Product inspection",
        "repack": "Repack",
        "req-pic": "Take pictures",
        SPLIT: "Split parcel",
    }
)
COUNTRIES: Final = MappingProxyType(
    {
        "aus": "Australia",
        "can": "Canada",
        "chn": "China",
        "deu": "Germany",
        "esp": "Spain",
        "fra": "France",
        "gbr": "United Kingdom",
        "hkg": "Hong Kong",
        "ita": "Italy",
        "nld": "Netherlands",
        "twn": "Taiwan",
        "usa": "United States",
    }
)
BOX_TYPES: Final = MappingProxyType({"cus": "Custom", "sml": "Small Box", "med": "Medium Box"})
CURRENCIES: Final = MappingProxyType({"usd": Decimal("1.0000"), "eur": Decimal("0.9210"), "gbp": Decimal("0.7840")})


@frozen(kw_only=True)
class Warehouse:
    """A warehouse of the vendor."""

    id: int
    prefix: str
    country: str
    state: str
    city: str
    postal_code: str

    @property
    def wire(self) -> Json:
        """As the warehouse calls show it."""
        return {
            "warehouseId": self.id,
            "countryCode": self.country,
            "contactName": "Sample Warehouse",
            "companyName": "Return Helper Sandbox",
            "phone": "1234567890",
            "email": "warehouse@example.com",
            "fax": None,
            "street1": f"{self.id} Sample Street",
            "street2": "",
            "street3": "",
            "state": self.state,
            "city": self.city,
            "postalCode": self.postal_code,
            "addressType": "business",
            "description": f"{self.id}-{COUNTRIES[self.country]}-{self.state}",
        }


# The ids and prefixes of the vendor's samples, and `1034-United States-WA` of its tables.
WAREHOUSES: Final[Mapping[int, Warehouse]] = MappingProxyType(
    {
        one.id: one
        for one in (
            Warehouse(id=2, prefix="USE", country="usa", state="NJ", city="Sampleton", postal_code="07001"),
            Warehouse(id=3, prefix="GBR", country="gbr", state="NA", city="Exampleham", postal_code="B1 1AA"),
            Warehouse(id=8, prefix="FRA", country="fra", state="NA", city="Exempleville", postal_code="75001"),
            Warehouse(id=20, prefix="TWN", country="twn", state="NA", city="Taipei", postal_code="100"),
            Warehouse(id=1034, prefix="USW", country="usa", state="WA", city="Musterfield", postal_code="98001"),
        )
    }
)


@frozen(kw_only=True)
class Service:
    """A service of a carrier: from where, to or from which warehouse, and what it costs."""

    code: str
    name: str
    countries: tuple[str, ...]
    warehouse_id: int
    fee: Decimal
    number: int = 10

    @property
    def short(self) -> Json:
        """As most service type calls show it."""
        return {"serviceTypeCode": self.code, "serviceType": self.name}


RETURN_SERVICES: Final[Mapping[str, Service]] = MappingProxyType(
    {
        one.code: one
        for one in (
            Service(
                code="RETURN_USPS_BROKER_NJ",
                name="USPS Label Broker NJ",
                countries=("usa",),
                warehouse_id=2,
                fee=Decimal("5.10"),
            ),
            Service(code="ups_nj", name="UPS NJ", countries=("usa",), warehouse_id=2, fee=Decimal("8.40")),
            Service(code="fedex_ground", name="FedEx Ground", countries=("usa",), warehouse_id=2, fee=Decimal("9.30")),
            Service(code="ups_wa", name="UPS WA", countries=("usa",), warehouse_id=1034, fee=Decimal("8.60")),
            Service(code="rm", name="Royal Mail", countries=("gbr",), warehouse_id=3, fee=Decimal("4.20")),
            Service(code="ucss", name="Colissimo", countries=("fra",), warehouse_id=8, fee=Decimal("6.75")),
            Service(
                code="RETURN_PATRICE_EUR",
                name="Europe Consolidated",
                countries=("deu", "nld", "ita", "esp"),
                warehouse_id=8,
                fee=Decimal("7.90"),
            ),
        )
    }
)
# `others` is for what was agreed specially (legacy); it costs nothing here.
RESEND_SERVICES: Final[tuple[Service, ...]] = (
    Service(
        code="SHIPMENT_USPS_GA_SIG_NJ",
        name="USPS Ground Advantage",
        countries=("usa",),
        warehouse_id=2,
        fee=Decimal("11.030"),
    ),
    Service(code="SHIPMENT_UPS_WA", name="UPS", countries=("usa", "can"), warehouse_id=1034, fee=Decimal("12.50")),
    Service(code="SHIPMENT_RM", name="Royal Mail", countries=("gbr",), warehouse_id=3, fee=Decimal("6.00")),
    Service(
        code="SHIPMENT_EUR",
        name="Europe",
        countries=("fra", "deu", "nld", "ita", "esp"),
        warehouse_id=8,
        fee=Decimal("9.90"),
    ),
    *(
        Service(code="others", name="Others", countries=tuple(COUNTRIES), warehouse_id=one, fee=Decimal(0))
        for one in WAREHOUSES
    ),
)

# Where an FBA code of two generations exists, the legacy table's comes first.
FBA_HANDLINGS: Final = MappingProxyType(
    {
        "RSK": "restock",
        "RCL": "recall",
        "RECALL": "recall",
        "RPS": "replenish",
        "REPLENISH": "replenish",
        "OTH": "others",
        "DIS": "dispose",
    }
)


def handlings(dispose_code: str) -> Mapping[str, str]:
    """``handling/getAllHandlings``; the word for disposal differs between the vendor's documents."""
    return {
        "tbc": "To Be Confirmed",
        "rtn": "Recall",
        dispose_code: "Disposal",
        "rsd": "Resend",
        "ohd": "On Hold",
        "oth": "Others",
        "rst": "Restock",
    }


@frozen
class Lookup:
    """A public code table: under which key, and the names of its columns."""

    key: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @property
    def payload(self) -> Json:
        """What the call answers."""
        return {self.key: [dict(zip(self.columns, row, strict=True)) for row in self.rows]}


def lookups(dispose_code: str) -> Mapping[str, Lookup]:
    """The public code tables by path (keys and columns are the legacy tables')."""
    return {
        "boxtype/getAllBoxTypes": _pairs("boxTypes", "boxType", "boxTypeDescription", BOX_TYPES),
        "country/getAllCountries": _pairs("countries", "countryCode", "countryName", COUNTRIES),
        "country/getAllFromCountries": _pairs(
            "countries", "countryCode", "countryName", {code: COUNTRIES[code] for code in from_countries()}
        ),
        "currency/getAllCurrencies": _pairs("currencies", "currencyCode", "exchangeRate", CURRENCIES),
        "dimensionuom/getAllDimensionUoms": _pairs(
            "dimensionUoms", "dimensionUom", "dimensionUomDescription", {"cm": "Centimetre"}
        ),
        "weightuom/getAllWeightUom": _pairs("weightUoms", "weightUom", "weightUomDescription", {"g": "Gram"}),
        "handling/getAllHandlings": _pairs("handlings", "handlingCode", "handlingDescription", handlings(dispose_code)),
        "handlingfeetype/getAllHandlingFeeTypes": _pairs(
            "handlingFeeTypes",
            "handlingFeeTypeCode",
            "handlingFeeTypeDescription",
            {"handling": "Handling", "storage": "Storage"},  # made up
        ),
        "handlingstatus/getAllHandlingStatus": _staged(
            "handlingStatusList",
            "handling",
            {"pending": "Pending", "inProgress": "In Progress", "completed": "Completed"},
        ),
        "labelstatus/getAllLabelStatus": _staged(
            "labelStatuses",
            "label",
            {"queue": "Queued", "started": "Started", "success": "Success", "fail": "Failed", "canceled": "Canceled"},
        ),
        "martype/getAllMarType": _pairs(
            "marTypeList",
            "marTypeCode",
            "marTypeDescription",
            {"normal": "Normal"},  # made up
        ),
        "refundstatus/getAllRefundStatus": _staged(
            "refundStatuses",
            "refund",
            {"pending": "Pending", "completed": "Completed"},  # made up
        ),
        "resendstatus/getAllResendStatus": _staged(
            "resendStatusList", "resend", {code: code.capitalize() for code in RESEND_NUMBERS}
        ),
        "returnrequestsourcetype/getAllReturnRequestSourceTypes": _pairs(
            "returnRequestSourceTypes",
            "returnRequestSourceTypeCode",
            "returnRequestSourceTypeDescription",
            {"return-helper": "Return Helper"},
        ),
        "returnrequeststatus/getAllReturnRequestStatus": _staged(
            "returnRequestStatuses",
            "returnRequest",
            {"0": "0", "3": "3", "4": "4"},  # shown in samples; no text of them is
        ),
        "servicetype/getAllServiceType": _pairs(
            "serviceTypes", "serviceTypeCode", "serviceType", {one.code: one.name for one in RETURN_SERVICES.values()}
        ),
        "shipment/getAllShipmentStatus": Lookup(
            "shipmentStatuses",
            ("shipmentStatusCode", "shipmentStatus", "shipmentStageDescription", "isShipmentEditable"),
            # "Only allow when shipment status equals to no-label lb-failed" (legacy, EditReturnRequest).
            tuple((str(code), str(code), str(code), code in (NO_LABEL, LABEL_FAILED)) for code in SHIPMENT_STATUSES),
        ),
        "shipment/getAllShipmentCostTypes": _pairs(
            "shipmentCostTypes",
            "shipmentCostTypeCode",
            "shipmentCostTypeDescription",
            {"label": "Label"},  # made up
        ),
        "transactiontype/getAllTransactionType": _pairs(
            "transactionTypes",
            "transactionTypeCode",
            "transactionName",
            {"label": "Label", "refund": "Refund"},  # made up
        ),
        "unknownshipmentstatus/getAllUnknownShipmentStatus": _staged(
            "unknownShipmentStatuses",
            "unknownShipment",
            {"assigned": "Assigned"},  # made up
        ),
        "vas/getAllVas": _pairs("vasList", "vasCode", "vasDescription", VAS),
        "vasStatus/getAllVasStatus": _pairs(
            "vasStatusList",
            "vasStatusCode",
            "vasStatusDescription",
            {code: code.capitalize() for code in VAS_STATUS_NUMBERS},
        ),
    }


def from_countries() -> tuple[str, ...]:
    """The countries from which some service takes a return."""
    return tuple(sorted({code for one in RETURN_SERVICES.values() for code in one.countries}))


def _pairs(key: str, first: str, second: str, rows: Mapping[str, Any]) -> Lookup:
    return Lookup(key, (first, second), tuple(rows.items()))


def _staged(key: str, name: str, rows: Mapping[str, str]) -> Lookup:
    columns = (f"{name}StatusCode", f"{name}Status", f"{name}StageDescription")
    return Lookup(key, columns, tuple((code, text, text) for code, text in rows.items()))
