"""What `returns-hub serve` holds in memory, and how it answers an honest vendor, while others attack it.

    python tests/benchmarks/hostile_senders.py [--senders N] [--seconds N]

Each attack runs for some seconds beside an honest sender of 50 signed deliveries a second, who must hear of nothing but
success. At the end the inbox must hold what was acknowledged, and nothing that was not signed.
"""

import argparse
import asyncio
import gzip
import hashlib
import hmac
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from attrs import define, field

SECRET = "benchmark-secret"
SCRIPT = Path(sys.executable).parent / "returns-hub"
CONFIGURATION = f'[accounts.mate]\nprovider = "returnmate"\napi_key = "k"\nwebhook_secrets = ["{SECRET}"]\n'
HONEST_EVERY = 0.02
MOST_MEGABYTES = 128
MEBIBYTE = 1 << 20


@define
class Target:
    """The server under attack, what was sent to it with a signature, what of it was acknowledged, and when the attack ends."""

    port: int
    pid: int
    until: float = 0.0
    sent: set[bytes] = field(factory=set)
    acknowledged: set[bytes] = field(factory=set)
    numbers: Iterator[int] = field(factory=itertools.count)

    def peak_megabytes(self) -> float:
        """The most that it ever had, since the last reset."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def reset_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    async def attack(self, head: bytes, parts: AsyncIterator[bytes]) -> str:
        """The status of the answer to a request that is sent part by part; ``cut`` where there is none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)

        async def send() -> None:
            writer.write(head)
            async for part in parts:
                writer.write(part)
                await writer.drain()

        sending = asyncio.ensure_future(send())
        try:
            return (await reader.read(65536))[9:12].decode() or "cut"
        except ConnectionError:
            return "cut"
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            writer.close()

    async def deliver(self, body: bytes) -> str:
        """The status of a signed delivery."""
        self.sent.add(body)
        status = await self.attack(head(body, ("X-Webhook-Signature", signature(body))), once(body))
        if status == "200":
            self.acknowledged.add(body)
        return status


Attack: TypeAlias = Callable[[Target, int], Awaitable[str]]


def signature(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def head(body: bytes | int, *headers: tuple[str, str]) -> bytes:
    length = body if isinstance(body, int) else len(body)
    lines = ["POST /webhooks/mate HTTP/1.1", "Host: x", f"Content-Length: {length}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode()


async def once(part: bytes) -> AsyncIterator[bytes]:
    yield part


async def byte_a_second() -> AsyncIterator[bytes]:
    while True:
        yield b"x"
        await asyncio.sleep(1)


async def for_ever(part: bytes) -> AsyncIterator[bytes]:
    while True:
        yield part


async def almost(body: bytes) -> AsyncIterator[bytes]:
    yield body
    await asyncio.sleep(60)


async def slow_body(target: Target, _: int) -> str:
    return await target.attack(head(MEBIBYTE), byte_a_second())


async def slow_head(target: Target, _: int) -> str:
    return await target.attack(b"POST /webhooks/mate HTTP/1.1\r\nX-A: ", byte_a_second())


async def gigabyte(target: Target, number: int) -> str:
    chunked = b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    if number % 2:
        return await target.attack(head(1 << 30), for_ever(b"x" * 65536))
    return await target.attack(chunked, for_ever(b"10000\r\n" + b"x" * 65536 + b"\r\n"))


async def endless_head(target: Target, _: int) -> str:
    return await target.attack(b"POST /webhooks/mate HTTP/1.1\r\nX-A: ", for_ever(b"x" * 65536))


async def almost_a_mebibyte(target: Target, _: int) -> str:
    return await target.attack(head(MEBIBYTE), almost(b"x" * (MEBIBYTE - 1)))


BOMB = gzip.compress(b"0" * (256 * MEBIBYTE))


async def gzip_bomb(target: Target, _: int) -> str:
    headers = (("Content-Encoding", "gzip"), ("X-Webhook-Signature", signature(BOMB)))
    return await target.attack(head(BOMB, *headers), once(BOMB))


async def lying_length(target: Target, number: int) -> str:
    body = b'{"event": "rma.updated", "lie": %d}' % number
    claimed = [len(body) - 5, len(body) + 5, 2**63, -1][number % 4]
    return await target.attack(head(claimed, ("X-Webhook-Signature", signature(body))), almost(body))


async def malformed(target: Target, number: int) -> str:
    shapes = [b"\xff\xfe", b'{"event": ', b"[1e99999", b"NaN", b'"\\ud800', b"\x00" * 50, b"{}{}", b"9" * 5000]
    return await target.deliver(shapes[number % len(shapes)] + b"%d" % next(target.numbers))


async def deep(target: Target, number: int) -> str:
    depth = 500_000 - next(target.numbers)
    return await target.deliver(b"[" * depth if number % 2 else b'{"a":' * (depth // 5))


async def honest(target: Target) -> list[tuple[str, float]]:
    """The answers that a vendor hears who does nothing wrong, and how long each took; from a process of its own."""
    command = [sys.executable, __file__, "--honest", str(target.port), str(target.until - time.monotonic())]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    bodies, statuses, seconds = json.loads(out)
    target.sent.update(map(str.encode, bodies))
    target.acknowledged.update(body.encode() for body, status in zip(bodies, statuses, strict=True) if status == "200")
    return list(zip(statuses, seconds, strict=True))


async def deliver_honestly(port: int, seconds: float) -> None:
    """Prints each body, the answer to it, and how long that took."""
    target, until, told = Target(port=port, pid=0), time.monotonic() + seconds, []
    while time.monotonic() < until:
        started = time.perf_counter()
        body = b'{"event": "rma.updated", "data": {"rma_id": "rma_%d"}}' % time.time_ns()
        told.append((body.decode(), await target.deliver(body), time.perf_counter() - started))
        await asyncio.sleep(HONEST_EVERY)
    print(json.dumps(list(zip(*told, strict=True))))


async def attacker(target: Target, attack: Attack, number: int) -> Counter[str]:
    """One attack after the other, each on a connection of its own."""
    statuses: Counter[str] = Counter()
    while time.monotonic() < target.until:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(target.until - time.monotonic(), 0.01) + 1):
                statuses[await attack(target, number)] += 1
    return statuses


async def measure(target: Target, name: str, attack: Attack | None, *, senders: int, seconds: float) -> bool:
    """Prints a line for an attack; True if the honest sender noticed nothing, and the memory stayed within bounds."""
    target.reset_peak()
    before = target.peak_megabytes()
    target.until = time.monotonic() + seconds
    attackers = [attacker(target, attack, number) for number in range(senders)] if attack else []
    told, attacks = await asyncio.gather(honest(target), asyncio.gather(*attackers))
    statuses, times = [status for status, _ in told], [seconds for _, seconds in told]
    answers = sum(attacks, Counter[str]())
    grown = target.peak_megabytes() - before
    p50, p99 = statistics.median(times) * 1000, sorted(times)[int(len(times) * 0.99)] * 1000
    print(
        f"{name:<24}{counted(statuses):<14}{p50:>7.1f}{p99:>8.1f}{grown:>8.1f} MB  {counted(answers.elements())}",
        flush=True,
    )
    return set(statuses) == {"200"} and grown <= MOST_MEGABYTES


def counted(statuses: Iterable[str]) -> str:
    return " ".join(f"{count} x {status}" for status, count in sorted(Counter(statuses).items())) or "-"


@contextmanager
def serving(directory: Path) -> Iterator[Target]:
    """``returns-hub serve``, that only receives."""
    (directory / "returns-hub.toml").write_text(CONFIGURATION)
    with (directory / "log").open("w") as log:
        command = [str(SCRIPT), "serve", "--no-work", "--port", "0"]
        process = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout
        ready = next(line for line in process.stdout if line.startswith("Ready"))
        yield Target(port=int(ready.partition("/healthz")[0].rpartition(":")[2]), pid=process.pid)
        process.terminate()
        assert process.wait(30) == 0, "it did not end in good order"


def stored(directory: Path) -> set[bytes]:
    """The bodies in the inbox."""
    from returns_hub import Hub

    with Hub.from_config(directory / "returns-hub.toml") as hub:
        return {delivery.body for delivery in hub.deliveries()}


ATTACKS: dict[str, Attack | None] = {
    "nobody": None,
    "a byte a second, body": slow_body,
    "a byte a second, head": slow_head,
    "1 GB bodies": gigabyte,
    "endless heads": endless_head,
    "almost 1 MiB, then wait": almost_a_mebibyte,
    "gzip bombs": gzip_bomb,
    "lying lengths": lying_length,
    "malformed, signed": malformed,
    "deep JSON, signed": deep,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--senders", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--honest", nargs=2, metavar=("PORT", "SECONDS"), help="only be the honest sender")
    arguments = parser.parse_args()
    if arguments.honest:
        asyncio.run(deliver_honestly(int(arguments.honest[0]), float(arguments.honest[1])))
        return 0
    fine = True
    print(f"{arguments.senders} attackers, {arguments.seconds:g} seconds each; cut: hung up on without an answer")
    print(f"{'attack':<24}{'honest':<14}{'p50 ms':>7}{'p99 ms':>8}{'memory':>11}  attackers hear")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with serving(directory) as target:
            for title, attack in ATTACKS.items():
                measured = measure(target, title, attack, senders=arguments.senders, seconds=arguments.seconds)
                fine = asyncio.run(measured) and fine
        kept = stored(directory)
    lost, strange = len(target.acknowledged - kept), len(kept - target.sent)
    print(
        f"{len(target.acknowledged)} acknowledged, {len(kept)} stored; {lost} lost, {strange} never sent with a signature"
    )
    return 0 if fine and not lost and not strange else 1


if __name__ == "__main__":
    sys.exit(main())
