"""What only the awaited driver has: an event loop, and tasks that may be cancelled."""

import asyncio
from typing import Any

import pytest

from returns_hub import Adapter, Operation, RateLimited, Request, TransportFailed
from returns_hub.adapter import Rate
from returns_hub.rate_limits import RateLimiter
from returns_hub.transport import AsyncTransport, TransportOptions

pytestmark = pytest.mark.anyio


def ask(adapter: Adapter, method: str = "GET") -> Operation[Any]:
    reply = yield Request(method=method, path="/things")
    return adapter.check(reply)


async def test_many_tasks_share_few_connections(vendor: Any, acme: Any) -> None:
    vendor.will(data={"ok": 1}, delay=0.02, always=True)
    transport = AsyncTransport(acme(), base_url=vendor.url)
    results = await asyncio.gather(*(transport.run(ask(acme())) for _ in range(50)))
    await transport.aclose()
    assert results == [{"ok": 1}] * 50
    assert 1 < vendor.most_at_once <= 10


async def test_cancelled_call_is_cancelled_and_the_transport_goes_on(vendor: Any, acme: Any) -> None:
    vendor.will(delay=5)
    transport = AsyncTransport(acme(), base_url=vendor.url)
    task = asyncio.create_task(transport.run(ask(acme())))
    while not vendor.requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await transport.run(ask(acme())) == {}
    await transport.aclose()


async def test_callers_own_timeout_is_not_taken_for_ours(vendor: Any, acme: Any) -> None:
    vendor.will(delay=5)
    transport = AsyncTransport(acme(), base_url=vendor.url)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await transport.run(ask(acme()))
    await transport.aclose()


async def test_call_that_never_gets_a_connection_ends_at_its_deadline_and_did_nothing(vendor: Any, acme: Any) -> None:
    transport = AsyncTransport(acme(), base_url=vendor.url, options=TransportOptions(deadline=0.3))
    transport._slots = asyncio.Semaphore(0)
    with pytest.raises(TransportFailed, match=r"the deadline of 0\.3 s has passed") as caught:
        await transport.run(ask(acme(), "POST"))
    await transport.aclose()
    assert (caught.value.maybe_applied, caught.value.attempts, vendor.requests) == (False, 0, [])


async def test_tasks_share_the_rate_limit(vendor: Any, acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    pause = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds))
        await pause(0)

    monkeypatch.setattr("asyncio.sleep", sleep)
    # A clock that stands still: every task asks at the same moment.
    limiter = RateLimiter(Rate(1, 30.0), clock=lambda: 1000.0)
    transport = AsyncTransport(acme(), base_url=vendor.url, limiter=limiter, options=TransportOptions(deadline=100))
    results = await asyncio.gather(*(transport.run(ask(acme())) for _ in range(6)), return_exceptions=True)
    await transport.aclose()
    # One at once, one after each half minute; the rest would be too late, and is refused at once.
    assert slept == [30, 60, 90]
    assert [result for result in results if not isinstance(result, RateLimited)] == [{}] * 4


async def test_closed_transport_says_so(vendor: Any, acme: Any) -> None:
    transport = AsyncTransport(acme(), base_url=vendor.url)
    await transport.aclose()
    await transport.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await transport.run(ask(acme()))


def test_other_event_loop_is_refused(vendor: Any, acme: Any) -> None:
    transport = AsyncTransport(acme(), base_url=vendor.url)

    async def use_and_keep() -> None:
        await transport.run(ask(acme()))
        await transport._pools[None].aclose()

    asyncio.run(use_and_keep())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(use_and_keep())
