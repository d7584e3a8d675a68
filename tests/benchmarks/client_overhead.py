"""What a call through ``Client`` and ``AsyncClient`` costs beside raw httpx.

The same GET with the same headers, and the same JSON decoded, against the same loopback server in a process of its
own. Rounds are interleaved, so that whatever else the machine does meets both; the ratio is the median of the rounds'.

    python tests/benchmarks/client_overhead.py [--rounds N] [--max-ratio R]

With ``--max-ratio`` the exit status is 1 above it.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from multiprocessing.connection import Connection
from types import MappingProxyType
from typing import Any, ClassVar

import httpx
from attrs import evolve, frozen

from returns_hub import Adapter, AsyncClient, Capability, Client, Operation, Reply, Request, Secret, Support
from returns_hub.transport import AsyncTransport, Transport

REQUESTS_A_ROUND = 200

RMA = {
    "success": True,
    "data": {
        "id": "rma_abc123",
        "rma_number": "RMA-2024-001234",
        "status": "pending",
        "order_number": "#1001",
        "customer": {"email": "customer@example.com", "name": "John Smith"},
        "items": [{"sku": f"PROD-{n:03}", "quantity": 1, "reason": "defective", "price": 49.95} for n in range(5)],
        "created_at": "2024-12-30T10:30:00Z",
    },
}


@frozen(kw_only=True)
class Vendor(Adapter):
    """An adapter that does nothing beyond the request, so that what is measured is the client."""

    api_key: Secret

    provider: ClassVar[str] = "vendor"
    display_name: ClassVar[str] = "Vendor"
    base_urls: ClassVar[Mapping[str, str]] = MappingProxyType({"production": "https://vendor.example/v1"})
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType({})

    def authorize(self, request: Request) -> Request:
        return evolve(request, headers=(*request.headers, ("Authorization", f"Bearer {self.api_key.reveal()}")))

    def check(self, reply: Reply) -> Any:
        return reply.json()

    def get_rma(self, rma_id: str) -> Operation[Any]:
        reply = yield Request(method="GET", path=f"/rmas/{rma_id}")
        return self.check(reply)


class Answering(asyncio.Protocol):
    """Answers every request that comes in one piece, without reading it."""

    body = json.dumps(RMA).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, _: bytes) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(self.answer)


def serve(tell: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(REQUESTS_A_ROUND):
        call()
    return time.perf_counter() - started


async def seconds_awaited(call: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    for _ in range(REQUESTS_A_ROUND):
        await call()
    return time.perf_counter() - started


def decoded(response: httpx.Response) -> Any:
    return json.loads(response.content, parse_float=Decimal)


def measure(base_url: str, rounds: int) -> list[tuple[float, float]]:
    adapter = Vendor(api_key=Secret("k"))
    headers = {"Authorization": "Bearer k", "Accept": "application/json"}
    url = f"{base_url}/rmas/rma_abc123"
    with httpx.Client() as raw, Client(adapter, Transport(adapter, base_url=base_url), "benchmark") as client:

        def ours() -> Any:
            return client.run(adapter.get_rma("rma_abc123"))

        def theirs() -> Any:
            return decoded(raw.get(url, headers=headers))

        assert ours() == theirs()
        return [(seconds(theirs), seconds(ours)) for _ in range(rounds)]


async def measure_async(base_url: str, rounds: int) -> list[tuple[float, float]]:
    adapter = Vendor(api_key=Secret("k"))
    headers = {"Authorization": "Bearer k", "Accept": "application/json"}
    url = f"{base_url}/rmas/rma_abc123"
    transport = AsyncTransport(adapter, base_url=base_url)
    async with httpx.AsyncClient() as raw, AsyncClient(adapter, transport, "benchmark") as client:

        async def ours() -> Any:
            return await client.run(adapter.get_rma("rma_abc123"))

        async def theirs() -> Any:
            return decoded(await raw.get(url, headers=headers))

        assert await ours() == await theirs()
        return [(await seconds_awaited(theirs), await seconds_awaited(ours)) for _ in range(rounds)]


def report(name: str, times: list[tuple[float, float]]) -> float:
    raw, ours = (statistics.median(column) / REQUESTS_A_ROUND * 1e6 for column in zip(*times, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in times)
    print(f"{name:12} {raw:9.0f} {ours:9.0f} {ratio:6.2f}")
    return ratio


def main(rounds: int, max_ratio: float | None) -> int:
    hear, tell = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(tell,), daemon=True)
    server.start()
    base_url = f"http://127.0.0.1:{hear.recv()}/v1"
    try:
        print(f"{'a GET':12} {'httpx µs':>9} {'ours µs':>9} {'ratio':>6}")
        worst = max(
            report("Client", measure(base_url, rounds)),
            report("AsyncClient", asyncio.run(measure_async(base_url, rounds))),
        )
    finally:
        server.terminate()
        server.join()
    return int(max_ratio is not None and worst > max_ratio)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--max-ratio", type=float)
    options = parser.parse_args()
    sys.exit(main(options.rounds, options.max_ratio))
