"""ReturnMate's reports and customer statistics, which no other vendor has in this form (ReturnMate API Reference, "Customers" and "Reports")."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from attrs import field, frozen

from returns_hub import Adapter, ConfigurationError, Money, Operation
from returns_hub.wire import Record, build_path, get, parse_one, without_none
from returns_hub_returnmate.protocol import Permission, checked

_CURRENCY: Final = re.compile(r"[A-Z]{3}\Z")


@frozen(kw_only=True)
class CustomerStats:
    """What ReturnMate counts of one customer. ``return_rate`` is as the vendor gives it; its sample, 12.5, reads like percent."""

    total_returns: int | None = None
    total_refunded: Money | None = None
    return_rate: Decimal | None = None
    last_return: datetime | None = None
    unreadable: tuple[str, ...] = field(default=(), repr=False, eq=False)
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class ReturnsSummary:
    """ReturnMate's count of returns over a period; ``by_status`` and ``by_reason`` are keyed by the shop's own words.

    What ``group_by`` does to the reply is not documented: a list of periods is given as it came, in ``periods``.
    """

    total_rmas: int | None = None
    total_refunded: Money | None = None
    by_status: Mapping[str, int] = field(factory=dict)
    by_reason: Mapping[str, int] = field(factory=dict)
    periods: tuple[Any, ...] = ()
    unreadable: tuple[str, ...] = field(default=(), repr=False, eq=False)
    raw: Any = field(default=None, repr=False, eq=False)


@frozen(kw_only=True)
class Report:
    """A report whose content ReturnMate does not document: ``raw`` is what came."""

    raw: Any = field(default=None, repr=False)


@frozen(kw_only=True)
class ReportCalls(Adapter):
    """The calls, and the currency of the amounts that they give."""

    currency: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.currency is not None and not _CURRENCY.match(self.currency):
            raise ConfigurationError("returnmate: currency is three capital letters (ISO 4217), for instance AUD")

    def customer_stats(self, email: str) -> Operation[CustomerStats]:
        """What ReturnMate counts of one customer's returns."""
        reply = yield get(build_path("customers", email, "stats"))
        data = checked(self, reply, Permission.CUSTOMERS_READ)
        return parse_one(data, self._parse_stats, where="data")

    def reports_summary(
        self,
        *,
        start_date: date | None = None,
        end_date: date | None = None,
        group_by: Literal["day", "week", "month"] | None = None,
    ) -> Operation[ReturnsSummary]:
        """The counts of a period, by status and by reason. Whether the last day counts is not documented."""
        query = without_none(
            start_date=start_date and _calendar_date(start_date),
            end_date=end_date and _calendar_date(end_date),
            group_by=group_by,
        )
        reply = yield get("/reports/returns", query.items())
        data = checked(self, reply, Permission.REPORTS_READ)
        if isinstance(data, list):
            return ReturnsSummary(periods=tuple(data), raw=data)
        return parse_one(data, self._parse_summary, where="data")

    def reports_reasons(self) -> Operation[Report]:
        """Why things come back, as ReturnMate reports it; its shape is not documented."""
        reply = yield get("/reports/reasons")
        return Report(raw=checked(self, reply, Permission.REPORTS_READ))

    def reports_carriers(self) -> Operation[Report]:
        """How the carriers perform, as ReturnMate reports it; its shape is not documented."""
        reply = yield get("/reports/carriers")
        return Report(raw=checked(self, reply, Permission.REPORTS_READ))

    def _parse_stats(self, raw: Mapping[str, Any]) -> CustomerStats:
        record = Record(raw)
        return CustomerStats(
            total_returns=record.whole("total_returns"),
            total_refunded=self._money(record.number("total_refunded")),
            return_rate=record.number("return_rate"),
            last_return=record.time("last_return"),
            unreadable=record.unreadable,
            raw=raw,
        )

    def _parse_summary(self, raw: Mapping[str, Any]) -> ReturnsSummary:
        record = Record(raw)
        return ReturnsSummary(
            total_rmas=record.whole("total_rmas"),
            total_refunded=self._money(record.number("total_refunded")),
            by_status=_counts(record, "by_status"),
            by_reason=_counts(record, "by_reason"),
            unreadable=record.unreadable,
            raw=raw,
        )

    def _money(self, amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount=amount, currency=self.currency)


def _counts(record: Record, name: str) -> dict[str, int]:
    """The counts by word. One that cannot be read is named by the whole: its word is the vendor's data."""
    counts: dict[str, int] = {}
    for word, value in record.record(name).raw.items():
        count = Record({name: value}).whole(name)
        if count is not None:
            counts[word] = count
        elif value is not None:
            record.note_unreadable(name)
    return counts


def _calendar_date(day: date) -> str:
    """The date; of a ``datetime``, its date."""
    return f"{day:%Y-%m-%d}"
