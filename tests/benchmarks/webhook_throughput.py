"""How many webhooks a second are durably acknowledged, and how long an acknowledgement takes at 200 a second.

    python tests/benchmarks/webhook_throughput.py [--rounds N] [--seconds N] [--databases sqlite,postgresql] [--connections 1,32,128]

The receiver is ``returns-hub serve --no-work``: it reads the body with bounds, verifies the signature, reads the event, stores
the delivery, notifies the workers on PostgreSQL, answers, and writes a line of its log. The baselines are applications of
Starlette on the same server (uvicorn, uvloop, httptools) that verify the same HMAC, take the ids out of the body by ``json``,
and write the same row into the same table, as durably, with the plain driver:

- *each* commits every row by itself: on SQLite at once, on PostgreSQL over ten connections;
- *grouped* commits together what has come in meanwhile, in a thread, as the receiver does.

Each has a database of its own, and the rounds take turns, so that a busy machine is busy for all of them; a ratio is the median
of those of the rounds. The processor's time is that of the receiving process, PostgreSQL's own not among it. The sender is a
process of its own, on connections that are kept. A PostgreSQL is started for it. In the end what was acknowledged is counted in
the databases.
"""

import argparse
import asyncio
import hashlib
import hmac
import itertools
import json
import os
import queue
import socket
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import psycopg
import reliability_parts as parts
import uvloop
from attrs import define, field, frozen
from psycopg_pool import AsyncConnectionPool
from reliability_parts import ACCOUNT, FORK, Vendor, forked, require
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from returns_hub.server import http_server
from returns_hub.store import Store

CONNECTIONS_AT_RATE: Final = 32
RATE: Final = 200
ROWS_AT_ONCE: Final = 256
WARM_UP: Final = 0.5
POOL: Final = 10
KINDS: Final = ("returns-hub", "each", "grouped")
COLUMNS: Final = (
    *("account", "dedupe_key", "subject", "received_at", "method", "url", "headers", "body", "state", "origin"),
    *("duplicates", "attempts", "due_at", "events"),
)

Row: TypeAlias = tuple[Any, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a round is")
    parser.add_argument("--databases", default=",".join(parts.databases_here()))
    parser.add_argument("--connections", default="1,32,128")
    wanted = parser.parse_args()
    names = wanted.databases.split(",")
    with ExitStack() as held:
        directory = held.enter_context(tempfile.TemporaryDirectory())
        server = held.enter_context(parts.postgresql() if "postgresql" in names else nullcontext())
        vendor = held.enter_context(parts.vendor(1))
        for name in names:
            urls = {kind: f"sqlite:///{directory}/{kind}.db" for kind in KINDS}
            if server is not None and name == "postgresql":
                urls = {kind: server.empty(kind.replace("-", "_")) for kind in KINDS}
            try:
                report(name, urls, vendor, wanted)
            except parts.Violation as violation:
                print(f"{name}: {violation}")
                return 1
    return 0


def report(name: str, urls: dict[str, str], vendor: Vendor, wanted: argparse.Namespace) -> None:
    """Measure on one database, and print what it comes to."""
    acknowledged: dict[str, int] = dict.fromkeys(KINDS, 0)
    with ExitStack() as held:
        receivers: dict[str, Receiver] = {
            kind: held.enter_context(receiving(kind, urls[kind], vendor)) for kind in KINDS
        }
        for kind, receiver in receivers.items():
            # What is imported and opened at the first delivery.
            acknowledged[kind] += len(sent(flood, receiver.port, vendor, 1, WARM_UP))
        print(
            f"{name}: acknowledged a second, median of {wanted.rounds} rounds of {wanted.seconds:g} s; CPU a delivery in µs"
        )
        heads = ("connections", *KINDS, "to each", "to grouped", "CPU", "of grouped")
        print("".join(f"{head:>13}" for head in heads))
        for connections in map(int, wanted.connections.split(",")):
            counts: dict[str, list[int]] = {kind: [] for kind in KINDS}
            spent: dict[str, float] = dict.fromkeys(KINDS, 0.0)
            for _ in range(wanted.rounds):
                for kind, receiver in receivers.items():
                    before = receiver.processor_seconds()
                    done = sent(flood, receiver.port, vendor, connections, wanted.seconds)
                    spent[kind] += receiver.processor_seconds() - before
                    counts[kind].append(len(done))
                    acknowledged[kind] += len(done)
            rates = [f"{statistics.median(counts[kind]) / wanted.seconds:.0f}" for kind in KINDS]
            ratios = [f"{ratio(counts, kind):.2f}" for kind in ("each", "grouped")]
            costs = [f"{spent[kind] / sum(counts[kind]) * 1e6:.0f}" for kind in ("returns-hub", "grouped")]
            print("".join(f"{cell:>13}" for cell in (connections, *rates, *ratios, *costs)), flush=True)
        seconds = wanted.seconds * wanted.rounds
        print(f"{name}: milliseconds to an acknowledgement, at {RATE} a second for {seconds:g} s")
        for kind in KINDS:
            times = sent(pace, receivers[kind].port, vendor, CONNECTIONS_AT_RATE, seconds)
            acknowledged[kind] += len(times)
            p50, p99 = statistics.median(times) * 1000, statistics.quantiles(times, n=100)[98] * 1000
            print(f"{kind:>12}   p50 {p50:6.1f}   p99 {p99:6.1f}   worst {max(times) * 1000:6.1f}", flush=True)
    for kind in KINDS:
        with Store.open(urls[kind]) as store, store.database.reading() as connection:
            stored = connection.exec_driver_sql("SELECT count(*) FROM deliveries").scalar_one()
        require(stored >= acknowledged[kind], f"{kind}: {acknowledged[kind]} acknowledged, {stored} stored")
        print(f"{name}, {kind}: {acknowledged[kind]} acknowledged, {stored} stored")


def ratio(counts: dict[str, list[int]], baseline: str) -> float:
    """How many times as many as the baseline, the median of the rounds."""
    return statistics.median(a / b for a, b in zip(counts["returns-hub"], counts[baseline], strict=True))


# Receivers.


@frozen
class Receiver:
    """A process that receives."""

    pid: int
    port: int

    def processor_seconds(self) -> float:
        """How much of the processor it has had."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def receiving(kind: str, url: str, vendor: Vendor) -> Iterator[Receiver]:
    """A receiver."""
    Store.open(url).close()
    with ExitStack() as held:
        if kind == "returns-hub":
            directory = Path(held.enter_context(tempfile.TemporaryDirectory()))
            (directory / "returns-hub.toml").write_text(f'store = "{url}"\n{vendor.configuration}')
            serve = held.enter_context(parts.command(directory, "serve", "--no-work", "--port", "0"))
            yield Receiver(serve.process.pid, serve.port)
            return
        listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        ready, there = FORK.Pipe()
        secret = vendor.sandbox.options["webhook_secrets"][0].encode()
        process = held.enter_context(forked(_be_baseline, kind, url, secret, listener, there))
        require(ready.poll(30) and process.pid, f"{kind} did not start")
        yield Receiver(process.pid or 0, listener.getsockname()[1])


class Writer(Protocol):
    """Returns when a row is durable."""

    async def put(self, row: Row) -> None: ...


class EachOnSQLite:
    """Commits each row where it comes in: handing it to a thread takes longer."""

    def __init__(self, url: str) -> None:
        self._commit = committer(url)

    async def put(self, row: Row) -> None:
        self._commit([row])


class EachOnPostgreSQL:
    """Commits each row on one of some connections."""

    def __init__(self, url: str) -> None:
        self._pool = AsyncConnectionPool(url, min_size=POOL, max_size=POOL, open=False, kwargs={"autocommit": True})
        self._opening = asyncio.Lock()
        self._open = False

    async def put(self, row: Row) -> None:
        async with self._opening:
            if not self._open:
                await self._pool.open(wait=True)
                self._open = True
        async with self._pool.connection() as connection:
            await connection.execute(insert("%s").encode(), row)


class Grouped:
    """One thread that commits together whatever has come in."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._arrived: queue.SimpleQueue[tuple[Row, asyncio.Future[None]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def put(self, row: Row) -> None:
        loop = asyncio.get_running_loop()
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, args=(loop,), daemon=True)
            self._thread.start()
        committed = loop.create_future()
        self._arrived.put((row, committed))
        await committed

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        commit = committer(self._url)
        while True:
            some = [self._arrived.get()]
            while len(some) < ROWS_AT_ONCE and not self._arrived.empty():
                some.append(self._arrived.get())
            commit([row for row, _ in some])
            loop.call_soon_threadsafe(_settle, [committed for _, committed in some])


def _settle(committed: Sequence["asyncio.Future[None]"]) -> None:
    for each in committed:
        if not each.done():
            each.set_result(None)


def insert(mark: str) -> str:
    return f"INSERT INTO deliveries ({', '.join(COLUMNS)}) VALUES ({', '.join([mark] * len(COLUMNS))})"


def committer(url: str) -> Callable[[Sequence[Row]], None]:
    """Commits rows, so that a power cut does not lose them."""
    if url.startswith("sqlite"):
        lite = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        lite.execute("PRAGMA synchronous = FULL")

        def commit_lite(rows: Sequence[Row]) -> None:
            lite.execute("BEGIN IMMEDIATE")
            lite.executemany(insert("?"), rows)
            lite.execute("COMMIT")

        return commit_lite
    connection = psycopg.connect(url)

    def commit(rows: Sequence[Row]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(insert("%s").encode(), rows)
        connection.commit()

    return commit


def _be_baseline(kind: str, url: str, secret: bytes, listener: socket.socket, ready: Connection) -> None:
    is_lite = url.startswith("sqlite")
    writer: Writer = Grouped(url) if kind == "grouped" else EachOnSQLite(url) if is_lite else EachOnPostgreSQL(url)

    async def receive(request: Request) -> Response:
        body = await request.body()
        signature = hmac.digest(secret, body, "sha256").hex()
        if not hmac.compare_digest(signature, request.headers.get("x-webhook-signature", "")):
            return Response(status_code=401)
        event = json.loads(body)
        now = datetime.now(UTC)
        moment = f"{now:%Y-%m-%dT%H:%M:%S.%fZ}" if is_lite else now
        key, subject = event["id"], event["data"]["id"]
        row = (ACCOUNT, key, subject, moment, "POST", "/", "[]", body, "pending", "webhook", 0, 0, moment, 0)
        await writer.put(row)
        return Response(status_code=200)

    app = Starlette(routes=[Route("/webhooks/{account}", receive, methods=["POST"])])
    http_server.run(app, listener, on_started=lambda: ready.send(None))


# The sender.


@define
class Wire:
    """A connection that is kept, over which deliveries go one after the other."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int) -> "Wire":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def deliver(self, request: bytes) -> None:
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        require(head.startswith(b"HTTP/1.1 200"), f"answered with {head[:60]!r}")
        require(b"content-length: 0\r\n" in head, "answered with a body")


@define
class Requests:
    """Signed deliveries, as they go over the wire; no two are alike."""

    secret: bytes
    body: dict[str, Any]
    numbers: Iterator[int] = field(factory=lambda: itertools.count(time.time_ns()))

    def next(self) -> bytes:
        number = next(self.numbers)
        payload = {**self.body, "id": f"evt_{number}", "data": {**self.body["data"], "id": f"rma_{number}"}}
        body = json.dumps(payload).encode()
        signature = hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        return (
            f"POST /webhooks/{ACCOUNT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"X-Webhook-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


Sending: TypeAlias = Callable[[int, Requests, int, float], Awaitable[list[float]]]


async def flood(port: int, requests: Requests, connections: int, seconds: float) -> list[float]:
    """As many as go, each connection one after the other; how long each took."""
    times: list[float] = []
    wires = [await Wire.open(port) for _ in range(connections)]
    end = time.perf_counter() + seconds

    async def send(wire: Wire) -> None:
        while (began := time.perf_counter()) < end:
            await wire.deliver(requests.next())
            times.append(time.perf_counter() - began)

    await asyncio.gather(*map(send, wires))
    return times


async def pace(port: int, requests: Requests, connections: int, seconds: float) -> list[float]:
    """So many a second, whether or not those before are acknowledged; how long each took from when it was due."""
    times: list[float] = []
    free: asyncio.Queue[Wire] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await Wire.open(port))
    began = time.perf_counter()

    async def send(due: float) -> None:
        wire = await free.get()
        await wire.deliver(requests.next())
        times.append(time.perf_counter() - due)
        free.put_nowait(wire)

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(RATE * seconds)):
            due = began + number / RATE
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            tasks.create_task(send(due))
    return times


def sent(sending: Sending, port: int, vendor: Vendor, connections: int, seconds: float) -> list[float]:
    """What a sender has found out, in a process of its own."""
    here, there = FORK.Pipe()
    return_id = next(iter(vendor.sandbox.return_ids))
    _, body = vendor.sandbox.webhook("rma.updated", return_id)
    requests = Requests(vendor.sandbox.options["webhook_secrets"][0].encode(), json.loads(body))
    with forked(_be_sender, partial(sending, port, requests, connections, seconds), there):
        times: list[float] | str = here.recv()
    if isinstance(times, str):
        raise parts.Violation(times)
    return times


def _be_sender(sending: Callable[[], Any], there: Connection) -> None:
    with suppress(Exception):
        there.send(uvloop.run(sending()))
        return
    there.send("the sender failed")


if __name__ == "__main__":
    sys.exit(main())
