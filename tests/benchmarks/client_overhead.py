"""What ``client.get_return`` costs beside the bare HTTP library, for each vendor; and what two vendors' own clients cost.

The answers are those of the cassettes, or as documented, from one loopback server in a process of its own. Four things are measured:

* *bare*: httpx on a kept client, the same URLs and headers, and ``json.loads`` of what came;
* *unmapped*: the same requests through our client, decoded, nothing mapped: an operation of three lines;
* *ours*: ``client.get_return(id)``, what a user calls: decoded, checked, mapped into a ``Return``;
* stripe-python and easypost, one object each, beside the HTTP library that each uses (extra ``bench``; without it they are left out).

    python tests/benchmarks/client_overhead.py [--rounds N] [--max-ratio R] [VENDOR ...]

Batches are interleaved, so that whatever else the machine does falls on all; a ratio is the median of the rounds'. Beside the
clock's stands that of this process's own processor time, which a busy machine disturbs less; the clock's contains the server.
With ``--max-ratio`` the exit status is 1 where ours is above it, by the clock.
"""

import argparse
import asyncio
import importlib.util
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import httpx
from attrs import frozen

from returns_hub import Operation, Request, connect, connect_async
from returns_hub.operation import watch
from returns_hub.testing.cassettes import exchanges

CALLS_A_BATCH: Final = 25
CASSETTES: Final = Path(__file__).parents[2] / "cassettes"

STRIPE_REFUND: Final = {
    "id": "re_1Nispe2eZvKYlo2Cd31jOCgZ",
    "object": "refund",
    "amount": 1000,
    "balance_transaction": "txn_1Nispe2eZvKYlo2CYezqFhEx",
    "charge": "ch_1NirD82eZvKYlo2CIvbtLWuY",
    "created": 1692942318,
    "currency": "usd",
    "destination_details": {
        "card": {
            "reference": "123456789012",
            "reference_status": "available",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        },
        "type": "card",
    },
    "metadata": {},
    "payment_intent": "pi_1GszsK2eZvKYlo2CfhZyoZLp",
    "reason": None,
    "receipt_number": None,
    "source_transfer_reversal": None,
    "status": "succeeded",
    "transfer_reversal": None,
}
ADDRESS: Final[Mapping[str, Any]] = {
    "id": "adr_9e8d1d1e", "object": "Address", "created_at": "2024-12-30T10:30:00Z", "updated_at": "2024-12-30T10:30:00Z",
    "name": "EasyPost", "company": None, "street1": "417 Montgomery St", "street2": "Fl 5", "city": "San Francisco",
    "state": "CA", "zip": "94104", "country": "US", "phone": "4155550100", "email": None, "mode": "test", "verifications": {},
}  # fmt: skip
EASYPOST_SHIPMENT: Final = {
    "id": "shp_2e8d1d1e",
    "object": "Shipment",
    "created_at": "2024-12-30T10:30:00Z",
    "updated_at": "2024-12-30T10:30:00Z",
    "is_return": True,
    "mode": "test",
    "status": "unknown",
    "reference": None,
    "tracking_code": "9405500109898000000000",
    "to_address": ADDRESS,
    "from_address": ADDRESS,
    "parcel": {"id": "prcl_1", "object": "Parcel", "length": 20.2, "width": 10.9, "height": 5.0, "weight": 65.9},
    "rates": [
        {
            "id": f"rate_{n}",
            "object": "Rate",
            "carrier": "USPS",
            "service": "Priority",
            "rate": "7.58",
            "currency": "USD",
        }
        for n in range(3)
    ],
    "fees": [],
    "messages": [],
}


@frozen(kw_only=True)
class Vendor:
    """A vendor of ours: what to connect with, and which return one of its cassettes answers."""

    name: str
    options: Mapping[str, str]
    base_path: str
    return_id: str
    cassette: str = "get_return"

    def answers(self) -> dict[str, bytes]:
        """The bodies, by what is asked for."""
        asked = exchanges(CASSETTES / self.name / f"{self.cassette}.yaml")
        return {url.removeprefix("http://sandbox.invalid"): reply.body for _, url, _, reply in asked}


VENDORS: Final = (
    Vendor(
        name="aftership",
        options={"api_key": "k"},
        base_path="/returns/2026-07",
        return_id="af000000000000000000000000000001",
    ),
    Vendor(
        name="redo",
        options={"api_key": "k", "store_id": "s"},
        base_path="/v2.2",
        return_id="65c000000000000000000001",
    ),
    Vendor(
        name="return_helper",
        options={"api_key": "k", "api_token": "t"},
        base_path="/user/api",
        return_id="1042",
    ),
    Vendor(
        name="returnless",
        options={"user": "u", "password": "p"},
        base_path="",
        return_id="948191",
    ),
    Vendor(
        name="returnless_v2",
        options={"api_key": "k"},
        base_path="/2025-01",
        return_id="returnorder_0000000000000000000000003",
    ),
    Vendor(
        name="returnmate",
        options={"api_key": "k"},
        base_path="/v1",
        return_id="rma_63kfnsdm",
        cassette="get_return-labelled",
    ),
)
PEER_ANSWERS: Final = {
    "/v1/refunds/re_1": json.dumps(STRIPE_REFUND).encode(),
    "/v2/shipments/shp_1": json.dumps(EASYPOST_SHIPMENT).encode(),
}


class Answering(asyncio.Protocol):
    """Answers each request by its target."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        self.answers = {target.encode(): head % (len(body), body) for target, body in answers.items()}
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received and isinstance(self.transport, asyncio.WriteTransport):
            request, _, self.received = self.received.partition(b"\r\n\r\n")
            self.transport.write(self.answers[request.split(b" ", 2)[1]])


def serve(sender: Connection, answers: Mapping[str, bytes]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Answering(answers), "127.0.0.1", 0)
        sender.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def served(answers: Mapping[str, bytes]) -> Iterator[str]:
    """The root URL of the server."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(sender, answers), daemon=True)
    server.start()
    sender.close()
    try:
        yield f"http://127.0.0.1:{receiver.recv()}"
    finally:
        server.terminate()
        server.join()


class Recording(httpx.HTTPTransport):
    """Notes what is sent."""

    def __init__(self, sent: list[httpx.Request]) -> None:
        super().__init__()
        self._sent = sent

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._sent.append(request)
        return super().handle_request(request)


@frozen(kw_only=True)
class Asked:
    """The requests of one ``get_return``: as the adapter yields them, and as they are sent."""

    yielded: Sequence[Request]
    sent: Sequence[tuple[str, Mapping[str, str]]]

    def unmapped(self) -> Operation[list[Any]]:
        """The same requests, their answers decoded and nothing else."""
        decoded = []
        for request in self.yielded:
            reply = yield request
            decoded.append(reply.json())
        return decoded


def ask_once(vendor: Vendor, options: Mapping[str, Any]) -> Asked:
    yielded: list[Request] = []
    sent: list[httpx.Request] = []
    with connect(vendor.name, **options, transport_factory=lambda: Recording(sent)) as client:
        client.run(watch(client.adapter.get_return(vendor.return_id), on_request=yielded.append))
    headers = [{name: value for name, value in each.headers.items() if name != "host"} for each in sent]
    return Asked(yielded=yielded, sent=[(str(each.url), own) for each, own in zip(sent, headers, strict=True)])


Times: TypeAlias = list[tuple[float, float]]
"""Of each round: seconds by the clock, and of the processor."""


class Stopwatch:
    def __enter__(self) -> Self:
        self._began = (time.perf_counter(), time.process_time())
        return self

    def __exit__(self, *_: object) -> None:
        self.spent = (time.perf_counter() - self._began[0], time.process_time() - self._began[1])


def interleave(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    times: dict[str, Times] = {name: [] for name in calls}
    for number in range(-1, rounds):  # the first round warms up
        for name, call in calls.items():
            with Stopwatch() as watched:
                for _ in range(CALLS_A_BATCH):
                    call()
            times[name] += [watched.spent] if number >= 0 else []
    return times


async def interleave_awaited(calls: Mapping[str, Callable[[], Awaitable[object]]], rounds: int) -> dict[str, Times]:
    times: dict[str, Times] = {name: [] for name in calls}
    for number in range(-1, rounds):
        for name, call in calls.items():
            with Stopwatch() as watched:
                for _ in range(CALLS_A_BATCH):
                    await call()
            times[name] += [watched.spent] if number >= 0 else []
    return times


def measure(vendor: Vendor, options: Mapping[str, Any], rounds: int) -> dict[str, Times]:
    asked = ask_once(vendor, options)
    with httpx.Client() as raw, connect(vendor.name, **options) as client:

        def bare() -> None:
            for url, headers in asked.sent:
                json.loads(raw.get(url, headers=headers).content)

        calls = {
            "bare": bare,
            "unmapped": lambda: client.run(asked.unmapped()),
            "ours": lambda: client.get_return(vendor.return_id),
        }
        return interleave(calls, rounds)


async def measure_async(vendor: Vendor, options: Mapping[str, Any], rounds: int) -> dict[str, Times]:
    asked = ask_once(vendor, options)
    async with httpx.AsyncClient() as raw, connect_async(vendor.name, **options) as client:

        async def bare() -> None:
            for url, headers in asked.sent:
                json.loads((await raw.get(url, headers=headers)).content)

        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "bare": bare,
            "unmapped": lambda: client.run(asked.unmapped()),
            "ours": lambda: client.get_return(vendor.return_id),
        }
        return await interleave_awaited(calls, rounds)


def measure_stripe(root: str, rounds: int) -> dict[str, Times]:
    import requests
    import stripe

    client = stripe.StripeClient("sk_test_k", base_addresses={"api": root}, http_client=stripe.RequestsClient())
    with requests.Session() as raw:
        headers = {"Authorization": "Bearer sk_test_k", "Accept": "application/json"}
        calls: dict[str, Callable[[], object]] = {
            "bare": lambda: json.loads(raw.get(f"{root}/v1/refunds/re_1", headers=headers).content),
            "ours": lambda: client.v1.refunds.retrieve("re_1"),
        }
        return interleave(calls, rounds)


async def measure_stripe_async(root: str, rounds: int) -> dict[str, Times]:
    import stripe

    own = stripe.HTTPXClient()
    client = stripe.StripeClient("sk_test_k", base_addresses={"api": root}, http_client=own)
    async with httpx.AsyncClient() as raw:
        headers = {"Authorization": "Bearer sk_test_k", "Accept": "application/json"}

        async def bare() -> object:
            return json.loads((await raw.get(f"{root}/v1/refunds/re_1", headers=headers)).content)

        try:
            calls: dict[str, Callable[[], Awaitable[object]]] = {
                "bare": bare,
                "ours": lambda: client.v1.refunds.retrieve_async("re_1"),
            }
            return await interleave_awaited(calls, rounds)
        finally:
            await own.close_async()


def measure_easypost(root: str, rounds: int) -> dict[str, Times]:
    import easypost
    import requests

    client = easypost.EasyPostClient("EZTK_k", api_base=f"{root}/v2")
    with requests.Session() as raw:
        headers = {"Accept": "application/json"}
        calls: dict[str, Callable[[], object]] = {
            "bare": lambda: json.loads(
                raw.get(f"{root}/v2/shipments/shp_1", auth=("EZTK_k", ""), headers=headers).content
            ),
            "ours": lambda: client.shipment.retrieve("shp_1"),
        }
        return interleave(calls, rounds)


def ratio(times: Mapping[str, Times], name: str, clock: int) -> float:
    pairs = zip(times[name], times["bare"], strict=True)
    return statistics.median(mine[clock] / bare[clock] for mine, bare in pairs)


def report(name: str, about: str, times: Mapping[str, Times]) -> float:
    """A line of the table; the ratio by the clock."""
    micros = [statistics.median(each[0] for each in times[one]) / CALLS_A_BATCH * 1e6 for one in ("bare", "ours")]
    unmapped = [f"{ratio(times, 'unmapped', clock):9.2f}" if "unmapped" in times else f"{'':9}" for clock in (0, 1)]
    found = ratio(times, "ours", 0)
    columns = (
        f"{micros[0]:8.0f} {micros[1]:8.0f}",
        f"{found:7.2f}",
        unmapped[0],
        f"{ratio(times, 'ours', 1):7.2f}",
        unmapped[1],
    )
    print(f"{name:24} {about:20}", *columns)
    return found


def main(names: Sequence[str], rounds: int, max_ratio: float | None) -> int:
    chosen = [vendor for vendor in VENDORS if vendor.name in names or not names]
    answers = {vendor.name: vendor.answers() for vendor in chosen}
    worst = 0.0
    print(f"{'':45} {'µs a call':>17} {'by the clock':>17} {'processor':>17}")
    print(
        f"{'get_return / bare':24} {'answers':20} {'bare':>8} {'ours':>8} {'ours':>7} {'unmapped':>9} {'ours':>7} {'unmapped':>9}"
    )
    with served(
        {**PEER_ANSWERS, **{target: body for each in answers.values() for target, body in each.items()}}
    ) as root:
        for vendor in chosen:
            options = {**vendor.options, "base_url": root + vendor.base_path, "rate_limit": "none"}
            about = f"{len(answers[vendor.name])} of {sum(map(len, answers[vendor.name].values()))} B in all"
            worst = max(worst, report(vendor.name, about, measure(vendor, options, rounds)))
            worst = max(worst, report("  awaited", about, asyncio.run(measure_async(vendor, options, rounds))))
        if any(importlib.util.find_spec(name) is None for name in ("stripe", "easypost")):
            print("stripe-python and easypost are left out: pip install -e '.[bench]' installs them")
        else:
            report("stripe-python / requests", "a refund", measure_stripe(root, rounds))
            report("  awaited / httpx", "a refund", asyncio.run(measure_stripe_async(root, rounds)))
            report("easypost / requests", "a shipment", measure_easypost(root, rounds))
    return int(max_ratio is not None and worst > max_ratio)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("vendors", nargs="*", metavar="VENDOR")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--max-ratio", type=float)
    given = parser.parse_args()
    sys.exit(main(given.vendors, given.rounds, given.max_ratio))
