"""Ten years of Return Helper inventories read by windows, and create calls whose replies are lost.

    python tests/benchmarks/return_helper_backfill.py [--inventories N] [--creates N]

The history has records in the first and in the last instant, in UTC, of every day on either side of every seam of the windows, with
the vendor's overlap and without. It is read over HTTP into SQLite, and must be there to the last record, with at most a tenth more
requests than its windows and pages take. Then every first reply to a create call is dropped after the work was done.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

from attrs import frozen

from returns_hub import (
    Account,
    Address,
    Hub,
    Money,
    NewItem,
    NewLabel,
    NewReturn,
    Parcel,
    ProviderUnavailable,
    TransportFailed,
    connect,
)
from returns_hub.testing import serve
from returns_hub_return_helper.sandbox import ReturnHelperSandbox

INVENTORIES = 20_000
CREATES = 200
YEARS = timedelta(days=3652)
PAGE = 50
MOST = 1.1
TICK = timedelta(microseconds=1)
LISTS = ("ReturnInventory", "Shipment")

NEW = NewReturn(
    order_number="ORDER-1",
    items=[NewItem(name="T-shirt", weight_g=Decimal(300), value=Money(amount=Decimal("25.50"), currency="USD"))],
    ship_from=Address(
        name="Jane Doe",
        line1="1 Main St",
        city="Newark",
        state="NJ",
        postal_code="07101",
        country="US",
        phone="5550100",
        email="jane@example.com",
    ),
    label=NewLabel(
        service="ups_nj",
        warehouse_id="2",
        parcel=Parcel(weight_g=Decimal(300), length_cm=Decimal(30), width_cm=Decimal(20), height_cm=Decimal(10)),
    ),
)


@frozen(kw_only=True)
class Backfilled:
    """What a backfill came to: requests by list, and the fewest that windows of 63 days and pages of 50 rows take."""

    missing: int
    surplus: int
    requests: Mapping[str, int]
    least: Mapping[str, int]
    seconds: float

    @property
    def ratio(self) -> float:
        return sum(self.requests.values()) / sum(self.least.values())

    @property
    def exact(self) -> bool:
        return self.missing == self.surplus == 0


def moments(first: date, last: date, count: int) -> list[datetime]:
    """``count`` times, oldest first, those at the seams among them: of windows of 62 days that overlap, and of 63 that do not."""
    days = {first, last}
    for width in (62, 63):
        seam = last
        while (seam := seam - timedelta(days=width)) > first:
            days |= {seam + timedelta(days=offset) for offset in (-1, 0, 1)}
    midnights = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    edges = [edge for midnight in midnights for edge in (midnight, midnight + timedelta(days=1) - TICK)]
    start, rng = datetime(first.year, first.month, first.day, tzinfo=UTC), random.Random(1)
    seconds = (last - first).days * 86_400
    others = [start + timedelta(seconds=rng.randrange(seconds)) for _ in range(count - len(edges))]
    return sorted([*edges, *others])


def vendor_of(times: list[datetime]) -> ReturnHelperSandbox:
    """A vendor with an inventory and a shipment of each time."""
    vendor = ReturnHelperSandbox(count=0)
    for moment in times:
        vendor.add_return(created_at=moment, arrived_at=moment)
    return vendor


def least_requests(times: list[datetime], last: date) -> int:
    """One for each page of each window of 63 days, the newest ending today."""
    rows: dict[int, int] = {}
    for moment in times:
        window = (last - moment.date()).days // 63
        rows[window] = rows.get(window, 0) + 1
    windows = (last - times[0].date()).days // 63 + 1
    return sum(max(1, ceil(rows.get(window, 0) / PAGE)) for window in range(windows))


@contextmanager
def hub_of(vendor: ReturnHelperSandbox, first: date, **options: Any) -> Iterator[Hub]:
    with ExitStack() as stack:
        urls = vendor.base_urls(stack.enter_context(serve(vendor)).url)
        account = Account(
            name="acme",
            provider="return_helper",
            base_url=urls["base_url"],
            rate_limit="none",
            history_start=first,
            options={**vendor.options, **options},
        )
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        yield stack.enter_context(Hub([account], store=f"sqlite:///{Path(directory)}/returns.db"))


def backfilled(count: int, *, overlap: bool) -> Backfilled:
    """What the first sync of so many inventories in ten years comes to."""
    last = datetime.now(UTC).date()
    first = last - YEARS
    times = moments(first, last, count)
    vendor = vendor_of(times)
    with hub_of(vendor, first, overlap=overlap) as hub:
        (report,) = hub.sync()
        if report.error or report.gaps:
            raise RuntimeError(report.error or report.gaps[0])
        found = [item.id for stored in hub.returns() for item in stored.ret.items]
    there = set(map(str, vendor.inventories))
    least = least_requests(times, last)
    return Backfilled(
        missing=len(there - set(found)),
        surplus=len(found) - len(there & set(found)),
        requests={name: vendor.counts[f"GET /user/api/{name}/list"] for name in LISTS},
        least=dict.fromkeys(LISTS, least),
        seconds=report.duration_s,
    )


@frozen(kw_only=True)
class Created:
    """What creating came to: shipments at the vendor, requests for them, and how often the caller itself had to ask again."""

    shipments: int
    requests: int
    asked_again: int
    seconds: float


def created(count: int) -> Created:
    """So many returns are created; the reply to each first request is dropped after the work was done."""
    vendor = ReturnHelperSandbox(count=0)
    asked_again, begun = 0, time.monotonic()
    with serve(vendor) as running:
        urls = vendor.base_urls(running.url)
        with connect("return_helper", base_url=urls["base_url"], rate_limit="none", **vendor.options) as client:
            for number in range(count):
                dropped = vendor.faults.drop_after_commit(path="*/createReturnShipment", times=1)
                while True:
                    try:
                        client.create_return(NEW, idempotency_key=f"intent-{number}")
                    except (TransportFailed, ProviderUnavailable) as error:
                        # Retries are rationed where everything fails. The key makes asking again safe.
                        if not error.maybe_applied:
                            raise
                        asked_again += 1
                    else:
                        break
                if dropped.fired != 1:
                    raise RuntimeError("no reply was dropped")
                vendor.faults.clear()
    return Created(
        shipments=len(vendor.shipments),
        requests=vendor.counts["POST /user/api/ReturnShipment/createReturnShipment"],
        asked_again=asked_again,
        seconds=time.monotonic() - begun,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inventories", type=int, default=INVENTORIES)
    parser.add_argument("--creates", type=int, default=CREATES)
    arguments = parser.parse_args()
    good = True
    print(f"{arguments.inventories:,} inventories and as many shipments in ten years, over HTTP into SQLite")
    print(
        f"{'overlap':>8}{'missing':>9}{'surplus':>9}{'requests':>10}{'fewest':>8}{'ratio':>7}{'time':>9}{'a record':>10}"
    )
    for overlap in (True, False):
        result = backfilled(arguments.inventories, overlap=overlap)
        good = good and result.exact and result.ratio <= MOST
        print(
            f"{overlap!s:>8}{result.missing:>9}{result.surplus:>9}{sum(result.requests.values()):>10}"
            f"{sum(result.least.values()):>8}{result.ratio:>7.3f}{result.seconds:>7.1f} s"
            f"{result.seconds / arguments.inventories * 1e6:>7.0f} µs"
        )
    made = created(arguments.creates)
    good = good and made.shipments == arguments.creates
    print(
        f"{arguments.creates} create calls whose first reply was dropped: {made.shipments} shipments, {made.requests} requests, "
        f"{made.asked_again} calls again by the caller, {made.seconds:.1f} s"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
