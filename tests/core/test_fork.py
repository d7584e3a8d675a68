"""What a parent opened and its forked children use: no connection, lock or event loop is shared."""

import asyncio
import gc
import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from returns_hub import Adapter, Operation, Rate, Request, StatusTable
from returns_hub.client.listing import Omissions
from returns_hub.fork import reset_after_fork
from returns_hub.rate_limits import RateLimiter
from returns_hub.retry import RetryBudget
from returns_hub.transport import AsyncTransport, Transport

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")

FORK = multiprocessing.get_context("fork") if hasattr(os, "fork") else None


def in_children(count: int, work: Callable[[], Any]) -> list[Any]:
    """What ``work`` gives in each of so many forked children that run at once."""
    assert FORK is not None
    answers: Any = FORK.Queue()
    children = [FORK.Process(target=lambda: answers.put(work())) for _ in range(count)]
    for child in children:
        child.start()
    try:
        return [answers.get(timeout=60) for _ in children]
    finally:
        for child in children:
            child.join(60)
            child.kill()


def echo(adapter: Adapter, word: str) -> Operation[str]:
    reply = yield Request(method="GET", path=f"/echo/{word}")
    return str(adapter.check(reply)["target"])


@pytest.fixture
def echoing(vendor: Any) -> Any:
    """The vendor, which answers each request with its own target."""
    vendor.echoes = True
    return vendor


def test_children_get_the_replies_to_their_own_requests(echoing: Any, acme: Any) -> None:
    adapter = acme()
    transport = Transport(adapter, base_url=echoing.url)
    transport.run(echo(adapter, "parent"))

    def work() -> list[bool]:
        words = [f"{os.getpid()}-{number}" for number in range(20)]
        return [transport.run(echo(adapter, word)) == f"/echo/{word}" for word in words]

    assert in_children(4, work) == [[True] * 20] * 4
    assert transport.run(echo(adapter, "parent-again")) == "/echo/parent-again"
    transport.close()
    # The parent's connection was used by the parent alone, and each child opened one.
    assert echoing.connections == 5


def test_awaited_client_runs_on_an_event_loop_of_the_child(echoing: Any, acme: Any) -> None:
    adapter = acme()
    with asyncio.Runner() as runner:
        transport = AsyncTransport(adapter, base_url=echoing.url)
        runner.run(transport.run(echo(adapter, "parent")))
        assert in_children(2, lambda: asyncio.run(transport.run(echo(adapter, "child")))) == ["/echo/child"] * 2
        assert runner.run(transport.run(echo(adapter, "parent-again"))) == "/echo/parent-again"
        runner.run(transport.aclose())


@pytest.mark.parametrize(
    ("make", "use"),
    [
        (lambda: RateLimiter(Rate(1000, 1.0)), lambda limiter: limiter.reserve() >= 0),
        (RetryBudget, lambda budget: budget.spend()),
        (lambda: StatusTable(name="x", rows={}), lambda table: table.look_up("limbo") is table.unknown),
        (Omissions, lambda omissions: omissions.add_gap("x") is None),
    ],
    ids=["rate limiter", "retry budget", "status table", "omissions"],
)
def test_lock_that_a_thread_of_the_parent_holds_is_free_in_the_child(make: Any, use: Any) -> None:
    shared = make()
    release, held = threading.Event(), threading.Event()

    def hold() -> None:
        with shared._lock:
            held.set()
            release.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        assert in_children(1, lambda: use(shared)) == [True]
    finally:
        release.set()
        thread.join()


def test_lock_of_a_transport_is_free_in_the_child(echoing: Any, acme: Any) -> None:
    adapter = acme()
    transport = Transport(adapter, base_url=echoing.url)
    with transport._lock:
        assert in_children(1, lambda: transport.run(echo(adapter, "child"))) == ["/echo/child"]
    transport.close()


class Counted:
    """Counts how often it was reset."""

    resets = 0

    def reset(self) -> None:
        self.resets += 1


def test_reset_is_called_once_in_the_child_and_never_in_the_parent() -> None:
    counted = Counted()
    reset_after_fork(counted, Counted.reset)
    assert in_children(1, lambda: counted.resets) == [1]
    assert counted.resets == 0


def test_what_is_to_be_reset_is_not_kept_alive() -> None:
    import weakref

    counted = Counted()
    reset_after_fork(counted, Counted.reset)
    gone = weakref.ref(counted)
    del counted
    gc.collect()
    assert gone() is None
