"""Returns as rows of comma-separated values, for whoever works with a spreadsheet.

Who the customer is stands in none of the columns, and neither does the link of a label.
"""

import csv
import io
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from returns_hub.model import Return
from returns_hub.scalars import format_time

RETURN_COLUMNS: Final = (
    "account",
    "provider",
    "id",
    "number",
    "status",
    "status_raw",
    "attention",
    "order_number",
    "order_id",
    "skus",
    "quantity",
    "tracking_numbers",
    "resolution",
    "reference",
    "created_at",
    "updated_at",
)

# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection), also in its full-width form; behind a
# semicolon too, at which spreadsheets of many countries split.
_FORMULA: Final = re.compile(r"(^|;)(\s*)([=+\-@＝＋－＠])")


def return_cells(account: str, ret: Return) -> tuple[str | None, ...]:
    """One return as cells for :data:`RETURN_COLUMNS`; what has several values has them with spaces between."""
    quantities = [item.quantity for item in ret.items if item.quantity is not None]
    return (
        account,
        ret.provider,
        ret.id,
        ret.number,
        ret.status.value,
        ret.status_raw,
        " ".join(sorted(ret.attention)),
        ret.order.number if ret.order else None,
        ret.order.id if ret.order else None,
        " ".join(item.sku for item in ret.items if item.sku),
        f"{sum(quantities, Decimal(0)).normalize():f}" if quantities else None,
        " ".join(shipment.tracking_number for shipment in ret.shipments if shipment.tracking_number),
        " ".join(resolution.kind.value for resolution in ret.resolutions),
        ret.reference,
        _time(ret.created_at),
        _time(ret.updated_at),
    )


def csv_line(cells: Iterable[str | None]) -> str:
    """One line, without its end: control characters are spaces, and no cell is a formula to a spreadsheet."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([_safe(cell or "") for cell in cells])
    return line.getvalue()


def _safe(cell: str) -> str:
    text = "".join(character if character.isprintable() else " " for character in cell).strip()
    return _FORMULA.sub(r"\1\2'\3", text)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
