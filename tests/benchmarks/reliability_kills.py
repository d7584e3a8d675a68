"""Kills the server and the worker with SIGKILL, at every point between the first byte of a delivery and its handler's end.

    python tests/benchmarks/reliability_kills.py [--times N] [--databases sqlite,postgresql] [--points A,B]

Senders deliver what a simulated ReturnMate signs, each until it is acknowledged. A process is made to kill itself at a
point when it gets there for the nth time, and is started anew. On SQLite one process receives and works, on PostgreSQL
one receives and another works, and the one that is not to be killed goes on meanwhile. In the end a process without
such orders does what is left, and then must be true:

- what was acknowledged is in the inbox, once, and processed;
- the events are exactly those that the deliveries come to, each once;
- every event was dispatched to the handler under the id that it has in the store: once, and once more for each process that
  was killed after the handler had begun with it and before that was noted. Nothing else was dispatched twice.

Claims end in a tenth of the usual time.
"""

import argparse
import contextlib
import inspect
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import reliability_parts as parts
from attrs import define, field
from reliability_parts import CONSUMER, DATABASES, FORK, Outcome, Senders, Vendor, require, wait_for
from sqlalchemy import text

from returns_hub import Account, Event, Hub, WebhookRequest
from returns_hub.cli.signals import until_signalled
from returns_hub.deliveries import Inbox, Processor
from returns_hub.dispatcher import EventDispatcher
from returns_hub.server import bodies, create_app, endpoint, http_server
from returns_hub.store import Store, inbox, queue, subscriptions
from returns_hub.store.database import Database
from returns_hub.store.delivery_writer import DeliveryWriter
from returns_hub.worker import loop
from returns_hub_returnmate import ReturnMate

# Where a name of a point leads. A function before, or after it has returned; or inside its transaction, when all is
# written and nothing committed.
OF_THE_SERVER: Final = {
    "first bytes": (bodies.BodyReader, "_hold"),
    "body": (WebhookRequest, "from_asgi"),
    "verify": (ReturnMate, "verify_webhook"),
    "queue": (Inbox, "_enqueue"),
    "insert": (DeliveryWriter, "_insert"),
    "stored": (Inbox, "_store"),
    "receive": (Hub, "receive_async"),
    "answer": (endpoint.RequestContext, "answer"),
}
OF_THE_WORKER: Final = {
    "claim": (inbox.Deliveries, "claim"),
    "parse": (Processor, "_interpret"),
    "read": (Processor, "_read"),
    "finish": (inbox.Deliveries, "finish"),
    "claim events": (subscriptions.Subscriptions, "claim"),
    "handler": (EventDispatcher, "_call"),
    "settle": (subscriptions.Subscriptions, "finish"),
}
POINTS: Final = (
    "first bytes:before",
    "body:after",
    "verify:before",
    "verify:after",
    "queue:after",
    "insert:before",
    "insert:inside",
    "insert:after",
    "stored:after",
    "receive:after",
    "answer:before",
    "answer:after",
    "claim:before",
    "claim:inside",
    "claim:after",
    "parse:before",
    "read:before",
    "read:after",
    "parse:after",
    "finish:before",
    "finish:inside",
    "finish:after",
    "claim events:before",
    "claim events:inside",
    "claim events:after",
    "handler:before",
    "handler:inside",
    "handler:after",
    "settle:before",
    "settle:inside",
    "settle:after",
)
# Asked again and again, these mostly find nothing to do.
EMPTY_HANDED: Final = ("claim:after", "claim events:after")

DELIVERIES_A_KILL: Final = 5
LATEST_CALL: Final = 3
SENDERS: Final = 4


def hurry() -> None:
    """Let claims end in a tenth of the time."""
    for module, name, seconds in (
        (queue, "CLAIM_SECONDS", 3.0),
        (queue, "_EXTEND_INTERVAL", 1.0),
        (loop, "_POLL_INTERVAL", 0.5),
    ):
        require(hasattr(module, name), f"{module.__name__} has no {name} any more")
        setattr(module, name, seconds)


@define
class Death:
    """Kills its process when a point is reached for the nth time."""

    point: str
    nth: int
    reached: int = 0
    lock: threading.Lock = field(factory=threading.Lock)
    inside: threading.local = field(factory=threading.local)

    def arrange(self) -> None:
        name, _, when = self.point.partition(":")
        if self.point == "handler:inside":
            return
        owner, attribute = {**OF_THE_SERVER, **OF_THE_WORKER}[name]
        real = getattr(owner, attribute)
        if when == "inside":
            self._arrange_inside(owner, attribute, real)
            return

        def call(*arguments: Any, **named: Any) -> Any:
            if when == "before":
                self.reach()
            result = real(*arguments, **named)
            if when == "after" and (result or self.point not in EMPTY_HANDED):
                self.reach()
            return result

        async def call_async(*arguments: Any, **named: Any) -> Any:
            if when == "before":
                self.reach()
            result = await real(*arguments, **named)
            if when == "after":
                self.reach()
            return result

        setattr(owner, attribute, call_async if inspect.iscoroutinefunction(real) else call)

    def reach(self) -> None:
        with self.lock:
            self.reached += 1
            if self.reached == self.nth:
                os.kill(os.getpid(), signal.SIGKILL)

    def _arrange_inside(self, owner: type, attribute: str, real: Callable[..., Any]) -> None:
        writing, transaction = Database.writing, DeliveryWriter._transaction

        def call(*arguments: Any, **named: Any) -> Any:
            self.inside.now = True
            try:
                return real(*arguments, **named)
            finally:
                self.inside.now = False

        @contextlib.contextmanager
        def write(database: Database, **options: bool) -> Iterator[Any]:
            with writing(database, **options) as connection:
                yield connection
                if getattr(self.inside, "now", False):
                    self.reach()

        @contextlib.contextmanager
        def store(writer: DeliveryWriter, since: float) -> Iterator[Any]:
            with transaction(writer, since) as driver:
                yield driver
                if getattr(self.inside, "now", False):
                    self.reach()

        setattr(owner, attribute, call)
        setattr(Database, "writing", write)  # noqa: B010 - mypy would have it be a method
        setattr(DeliveryWriter, "_transaction", store)  # noqa: B010


def be_hub(
    account: Account,
    url: str,
    listener: socket.socket | None,
    told: Path,
    ready: Connection,
    *,
    works: bool,
    point: str | None,
    nth: int,
) -> None:
    """Receive if there is a listener, and work if that is wanted, until SIGTERM or the point; say when it is ready."""
    hurry()
    death = Death(point, nth) if point else None
    if death is not None:
        death.arrange()
    with Hub([account], store=url) as hub, told.open("a", encoding="ascii", buffering=1) as lines:

        @hub.on(name=CONSUMER, since="beginning")
        def write_down(event: Event) -> None:
            lines.write(f"{os.getpid()} {event.id}\n")
            if death is not None and death.point == "handler:inside":
                death.reach()

        with hub.working() if works else contextlib.nullcontext():
            if listener is not None:
                http_server.run(create_app(hub), listener, on_started=lambda: ready.send(None))
            else:
                with until_signalled(signal.SIGTERM) as end:
                    ready.send(None)
                    end.wait()


@define
class Campaign:
    """Processes on one store, those that are killed and those that are not, and what the handlers got."""

    vendor: Vendor
    url: str
    listener: socket.socket
    senders: Senders
    told: Path
    random: random.Random
    started: int = 0
    # How often each event must have been dispatched because of kills, beyond once.
    again: Counter[str] = field(factory=Counter)

    @property
    def is_shared(self) -> bool:
        return self.url.startswith("postgresql")

    @contextlib.contextmanager
    def process(self, *, receives: bool, works: bool, point: str | None = None, nth: int = 0) -> Iterator[BaseProcess]:
        """A process until the end of the block, which it reaches in good order if it was not to be killed."""
        self.started += 1
        url = f"{self.url}&application_name=process-{self.started}" if self.is_shared else self.url
        listener = self.listener if receives else None
        ready, there = FORK.Pipe()
        target = partial(be_hub, works=works, point=point, nth=nth)
        process = FORK.Process(target=target, args=(self.vendor.account, url, listener, self.told, there))
        process.start()
        try:
            require(point or ready.poll(30), "a process did not start")
            yield process
            if point is None:
                process.terminate()
                process.join(30)
                require(process.exitcode == 0, f"a process ended with {process.exitcode}")
        finally:
            process.kill()
            process.join()

    def kill(self, point: str) -> None:
        """Have a process die at a point, while deliveries come in."""
        nth = self.random.randint(1, LATEST_CALL)
        at_server = point.partition(":")[0] in OF_THE_SERVER
        self.senders.send(self.vendor.deliveries(DELIVERIES_A_KILL))
        receives, works = at_server or not self.is_shared, not at_server or not self.is_shared
        with self.process(receives=receives, works=works, point=point, nth=nth) as process:
            began = time.monotonic()
            while process.is_alive():
                require(time.monotonic() - began < 60, f"{point} was not reached {nth} times")
                process.join(0.5)
                if process.is_alive():
                    self.senders.send(self.vendor.deliveries(1))
        require(process.exitcode == -signal.SIGKILL, f"{point}: the process ended with {process.exitcode}")
        self._note_unrecorded(process.pid)

    def _note_unrecorded(self, pid: int | None) -> None:
        """What the process had dispatched without a record of it: that is dispatched again."""
        own = {identity for process, identity in self._lines() if process == pid}
        with Store.open(self.url) as store:
            if self.is_shared:
                wait_for(partial(self._is_gone, store), 10, "its connections are still there")
            query = "SELECT events.id FROM events JOIN parked_events USING (sequence)"
            with store.database.reading() as connection:
                parked = set(connection.execute(text(query)).scalars())
        self.again.update(own & parked)

    def _is_gone(self, store: Store) -> bool:
        query = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
        with store.database.reading() as connection:
            return not connection.execute(query, {"name": f"process-{self.started}"}).scalar_one()

    def _lines(self) -> list[tuple[int, str]]:
        lines = self.told.read_text("ascii").splitlines() if self.told.exists() else []
        return [(int(pid), identity) for pid, identity in map(str.split, lines)]

    def settle(self) -> None:
        """Do what is left, and compare all with what must be.

        Raises:
            Violation: it is not so.
        """
        with contextlib.ExitStack() as processes:
            if self.is_shared:
                processes.enter_context(self.process(receives=True, works=False))
            processes.enter_context(self.process(receives=not self.is_shared, works=True))
            self.senders.wait_until_acknowledged()
            wait_for(lambda: parts.pending(self.url) == 0, 60, "something is not processed")
            wait_for(self._is_all_dispatched, 60, "an event is not dispatched")
        self._compare()

    def _compare(self) -> None:
        outcome = Outcome.of(self.url)
        outcome.check(self.senders.sent, self.senders.acknowledged())
        require(self.senders.answers().keys() <= {200, None}, f"answers: {self.senders.answers()}")
        told = Counter(identity for _, identity in self._lines())
        expected = Counter(outcome.event_ids) + self.again
        require(told == expected, f"dispatched: {told - expected} too often, {expected - told} too rarely")

    def _is_all_dispatched(self) -> bool:
        outcome = Outcome.of(self.url)
        return outcome.not_given == 0 and {identity for _, identity in self._lines()} >= outcome.event_ids


def run(name: str, url: str, points: Sequence[str], times: int, *, seed: int) -> None:
    """Kill at every point, one after the other, so many times; print a line for each."""
    count = len(points) * times * DELIVERIES_A_KILL * 3 + 100
    with contextlib.ExitStack() as held:
        vendor = held.enter_context(parts.vendor(count))
        listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
        senders = held.enter_context(parts.senders([listener.getsockname()[1]], SENDERS))
        told = Path(held.enter_context(tempfile.TemporaryDirectory())) / "told"
        campaign = Campaign(vendor, url, listener, senders, told, random.Random(seed))
        for point in points:
            began, sent, again = time.monotonic(), len(senders.sent), campaign.again.total()
            with kept_up(campaign, point):
                for _ in range(times):
                    campaign.kill(point)
            if times > 1 or point == points[-1]:
                campaign.settle()
            sent, again = len(senders.sent) - sent, campaign.again.total() - again
            seconds = time.monotonic() - began
            print(
                f"{name:<12}{point:<22}{times:>5} kills{sent:>6} deliveries{again:>5} dispatched again{seconds:>7.1f} s",
                flush=True,
            )
        unanswered = senders.answers()[None]
        print(
            f"{name}: {len(points)} points, {len(points) * times} kills, {len(senders.sent)} deliveries acknowledged, "
            f"{unanswered} attempts without an answer: none lost, no effect twice, {campaign.again.total()} events dispatched again"
        )


@contextlib.contextmanager
def kept_up(campaign: Campaign, point: str) -> Iterator[None]:
    """Where two processes share a store, the one that is not killed goes on meanwhile."""
    if not campaign.is_shared:
        yield
        return
    at_server = point.partition(":")[0] in OF_THE_SERVER
    with campaign.process(receives=not at_server, works=at_server):
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--times", type=int, default=20, help="kills at each point; with 1, all is compared at the end only"
    )
    parser.add_argument("--databases", default=",".join(DATABASES))
    parser.add_argument("--points", default=",".join(POINTS))
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    points = arguments.points.split(",")
    for owner, attribute in [*OF_THE_SERVER.values(), *OF_THE_WORKER.values()]:
        getattr(owner, attribute)  # better now than at its turn
    with parts.empty_databases(arguments.databases.split(",")) as databases:
        for name, url in databases:
            try:
                run(name, url, points, arguments.times, seed=arguments.seed)
            except parts.Violation as violation:
                print(f"{name}: {violation}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
