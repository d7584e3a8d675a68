"""How fast a first sync is: against what the vendor's limit and the latency allow, and against a plain loop.

The simulators answer after a real latency and count violations of their limits. The plain loops page as the vendors'
documents show it (for Return Helper that is its own published sample: windows of 62 days, a pause of 200 ms), with httpx,
one request after the other, and store nothing. The sync stores everything, with events, in SQLite.

- *At the limit*: the bound is requests needed / allowed rate, with the latency of the last.
- *Without a limit*: the bound is latency x depth, eight requests at a time.

    python tests/benchmarks/sync_speed.py
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any, Final

import httpx
from attrs import frozen

from returns_hub import Account, Hub
from returns_hub.adapter import Rate
from returns_hub.sync import SyncReport
from returns_hub.testing import Simulator

AIM_OF_BOUND: Final = 1.10
AIM_OF_SAMPLE: Final = 5.0
LATENCIES: Final = (0.05, 0.1, 0.2)
SAMPLE_LATENCY: Final = 0.1
AT_ONCE: Final = 8
HISTORY_START: Final = date(2023, 1, 1)
SINCE: Final = datetime(2023, 1, 1, tzinfo=UTC)
# Return Helper API, List return inventories, Sample code.
WINDOW: Final = timedelta(days=62)
PAUSE: Final = 0.2


@frozen(kw_only=True)
class Vendor:
    """A vendor: the least number of requests that its loop needs, and what it publishes of its limit."""

    provider: str
    limit: Rate
    simulator: Callable[..., Simulator]
    loop: Callable[[httpx.Client], int]


def returnmate(client: httpx.Client) -> int:
    page = 0
    while True:
        page += 1
        query: Mapping[str, str | int] = {"page": page, "per_page": 100, "sort": "created_at", "order": "asc"}
        reply = client.get("/rmas", params=query).raise_for_status().json()
        if page * 100 >= reply["meta"]["total"]:
            return page


def returnless(client: httpx.Client) -> int:
    requests = 0
    for name, time_key in (("returns", "return_date"), ("requests", "request_date")):
        after = f"{SINCE:%Y-%m-%d %H:%M:%S}"
        while True:
            requests += 1
            query: Mapping[str, str | int] = {"per_page": 200, "sort_order": "asc", "created_after": after}
            rows = client.get(f"/{name}", params=query).raise_for_status().json()
            if len(rows) < 200:
                break
            after = rows[-1][time_key]
    return requests


def return_helper(client: httpx.Client) -> int:
    requests = 0
    for path in ("/ReturnInventory/list", "/Shipment/list"):
        end = datetime.now(UTC)
        while end > SINCE:
            start = max(end - WINDOW, SINCE)
            offset = 0
            while True:
                requests += 1
                query: Mapping[str, str | int] = {
                    "createFrom": start.isoformat(),
                    "createTo": end.isoformat(),
                    "pageSize": 50,
                    "offset": offset,
                }
                reply = client.get(path, params=query).raise_for_status().json()
                offset += len(reply["data"])
                time.sleep(PAUSE)
                total = reply.get("totalNumberOfRecords")
                if len(reply["data"]) < 50 or (total is not None and offset >= total):
                    break
            end = start
    return requests


def make_returnmate(*, limited: bool) -> Simulator:
    from returns_hub_returnmate.sandbox import ReturnMateSandbox

    return ReturnMateSandbox(count=6_000, plan="enterprise" if limited else None)


def make_returnless(*, limited: bool) -> Simulator:
    from returns_hub_returnless.sandbox import ReturnlessSandbox

    return ReturnlessSandbox(count=2_000, requests_per_minute=120 if limited else None)


def make_return_helper(*, limited: bool) -> Simulator:
    from returns_hub_return_helper.sandbox import ReturnHelperSandbox

    # What the vendor would refuse is not published. The limit kept to is the pace of its sample, so any six are too many.
    return ReturnHelperSandbox(count=2_500, requests_per_second=6 if limited else None)


VENDORS: Final = (
    Vendor(provider="returnmate", limit=Rate(300, 60.0), simulator=make_returnmate, loop=returnmate),
    Vendor(provider="returnless", limit=Rate(2, 1.0), simulator=make_returnless, loop=returnless),
    Vendor(provider="return_helper", limit=Rate(5, 1.0), simulator=make_return_helper, loop=return_helper),
)


def main() -> int:
    met = True
    needed: dict[str, int] = {}
    print(f"{'without a limit, 100 ms':<26}{'requests':>10}{'loop':>9}{'sync':>9}{'faster':>9}{'of bound':>10}")
    for vendor in VENDORS:
        looped, needed[vendor.provider] = plain_loop(vendor)
        report, _ = synced(vendor, SAMPLE_LATENCY, limited=False)
        bound = SAMPLE_LATENCY * (1 + ceil((needed[vendor.provider] - 1) / AT_ONCE))
        print(
            f"{vendor.provider:<26}{report.requests:>4} /{needed[vendor.provider]:>4}{looped:>7.2f} s"
            f"{report.duration_s:>7.2f} s{looped / report.duration_s:>8.1f}x{report.duration_s / bound:>10.2f}",
            flush=True,
        )
    print()
    print(
        f"{'at the limit':<26}{'latency':>10}{'requests':>11}{'bound':>10}{'sync':>10}{'of bound':>10}{'violations':>12}"
    )
    for vendor in VENDORS:
        for latency in LATENCIES:
            report, violations = synced(vendor, latency, limited=True)
            bound = (needed[vendor.provider] - 1) * vendor.limit.interval + latency
            ratio = report.duration_s / bound
            met = met and ratio <= AIM_OF_BOUND and not violations
            pace = f"{vendor.limit.count}/{vendor.limit.seconds:g} s"
            print(
                f"{vendor.provider + ', ' + pace:<26}{latency * 1000:>7.0f} ms{report.requests:>5} /{needed[vendor.provider]:>4}"
                f"{bound:>8.2f} s{report.duration_s:>8.2f} s{ratio:>10.2f}{violations:>12}",
                flush=True,
            )
    print(f"aims: {AIM_OF_BOUND} of the bound at the limit, no violation")
    return 0 if met else 1


def plain_loop(vendor: Vendor) -> tuple[float, int]:
    """Seconds and requests of the loop without a limit."""
    with serving(vendor, SAMPLE_LATENCY, limited=False) as simulator:
        options = simulator.told["options"]
        auth = (options["user"], options["password"]) if "user" in options else None
        headers = {
            "Authorization": f"Bearer {options.get('api_key')}",
            "x-rr-apikey": str(options.get("api_key")),
            "x-rr-apitoken": str(options.get("api_token")),
        }
        if auth is not None:
            headers = {}
        with httpx.Client(base_url=simulator.told["base_url"], headers=headers, auth=auth) as client:
            begun = time.monotonic()
            requests = vendor.loop(client)
            return time.monotonic() - begun, requests


def synced(vendor: Vendor, latency: float, *, limited: bool) -> tuple[SyncReport, int]:
    """What a first sync came to, and how often it went over the limit."""
    with serving(vendor, latency, limited=limited) as simulator, tempfile.TemporaryDirectory() as directory:
        rate = f"{vendor.limit.count}/{'s' if vendor.limit.seconds == 1 else 'min'}" if limited else "none"
        account = Account(
            name="acme",
            provider=vendor.provider,
            base_url=simulator.told["base_url"],
            rate_limit=rate,
            history_start=HISTORY_START,
            options=simulator.told["options"],
        )
        with Hub([account], store=f"sqlite:///{Path(directory)}/x.db") as hub:
            (report,) = hub.sync()
        assert report.error is None, report.error
        return report, simulator.violations()


@frozen
class Running:
    """A simulator in another process."""

    told: Mapping[str, Any]
    process: "subprocess.Popen[str]"

    def violations(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def serving(vendor: Vendor, latency: float, *, limited: bool) -> Iterator[Running]:
    command = [sys.executable, __file__, "serve", vendor.provider, str(latency), str(int(limited))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Running(json.loads(process.stdout.readline()), process)
        process.terminate()


def serve_simulator(provider: str, latency: float, *, limited: bool) -> None:
    from returns_hub.testing import serve

    (vendor,) = (vendor for vendor in VENDORS if vendor.provider == provider)
    simulator: Any = vendor.simulator(limited=limited)
    simulator.faults.slow(latency)
    with serve(simulator) as running:
        print(
            json.dumps({"base_url": running.url + simulator.base_path, "options": dict(simulator.options)}), flush=True
        )
        for _ in sys.stdin:
            print(simulator.violations, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", provider, latency, limited]:
            serve_simulator(provider, float(latency), limited=bool(int(limited)))
        case _:
            sys.exit(main())
