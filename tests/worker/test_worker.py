"""Workers: everything that came in is processed once and dispatched, in order, whichever process is killed meanwhile."""

import importlib.util
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from returns_hub import ConfigurationError, Event, Return, Status, WebhookRequest
from returns_hub.deliveries import Inbox, Processor
from returns_hub.dispatcher import EventDispatcher
from returns_hub.events import EVENT_TYPES
from returns_hub.handlers import HandlerRegistry
from returns_hub.merge import observed
from returns_hub.reports import DeliveryState
from returns_hub.scalars import format_time
from returns_hub.store import Store
from returns_hub.store.subscriptions import Subscriptions
from returns_hub.store.sync_log import SyncLog
from returns_hub.worker import Schedule, Worker, sync_schedule

PROGRAM = Path(__file__).with_name("a_worker.py")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEPS = (Status.REQUESTED, Status.APPROVED, Status.READY_TO_SHIP, Status.IN_TRANSIT, Status.RECEIVED)

Deliver = Callable[..., None]


@pytest.fixture(scope="session")
def a_worker() -> Any:
    """The module of the program."""
    spec = importlib.util.spec_from_file_location("a_worker", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def inbox(store: Store) -> Iterator[Inbox]:
    """The inbox of a server."""
    with Inbox(store) as opened:
        yield opened


@pytest.fixture
def deliver(inbox: Inbox, a_worker: Any) -> Deliver:
    """Have the vendor tell of so many steps of each return, one after the other."""
    done: dict[str, int] = defaultdict(int)

    def tell(*ids: str, steps: int = 1, copies: int = 1) -> None:
        for _ in range(steps):
            for return_id in ids:
                step = done[return_id]
                done[return_id] += 1
                at = NOON + timedelta(minutes=step)
                told = {"id": return_id, "status": STEPS[step % len(STEPS)].value, "at": format_time(at)}
                body = json.dumps(told).encode()
                request = WebhookRequest(method="POST", url="https://x.example", headers=(), body=body, received_at=at)
                for _ in range(copies):
                    inbox.put("acme", request, a_worker.Teller().read_webhook(request))

    return tell


@pytest.fixture
def work(store: Store, a_worker: Any) -> Callable[..., Worker]:
    """A worker in this process, with these handlers."""

    def make(handlers: HandlerRegistry | None = None, **options: Any) -> Worker:
        dispatcher = EventDispatcher(store, handlers or HandlerRegistry(awaits=False))
        return Worker(store, processor=Processor(store, a_worker.client_of), dispatcher=dispatcher, **options)

    return make


@pytest.fixture
def start_worker(store: Store, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts a worker as a process of its own; the events that it gets go into ``told.txt``."""
    running: list[subprocess.Popen[str]] = []
    url = store.database.place if store.database.dialect == "postgresql" else f"sqlite:///{store.database.place}"

    def start(*point: str, store_url: str = url) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, PROGRAM, store_url, str(tmp_path / "told.txt"), *point],
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def told(tmp_path: Path) -> Callable[[], list[tuple[int, str, str]]]:
    """What the handlers of the processes got: sequence, id and return of each event."""

    def read() -> list[tuple[int, str, str]]:
        file = tmp_path / "told.txt"
        return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []

    return read


@pytest.fixture
def let_lapse(store: Store) -> Callable[[], None]:
    """Half an hour goes by for whoever has fallen silent: claims have ended."""

    def go_by() -> None:
        before = datetime.now(UTC) - timedelta(minutes=30)
        is_postgresql = store.database.dialect == "postgresql"
        moment = {"moment": before if is_postgresql else f"{before:%Y-%m-%dT%H:%M:%S.%fZ}"}
        with store.database.writing() as connection:
            for table in ("parked_events", "deliveries"):
                connection.execute(text(f"UPDATE {table} SET due_at = :moment"), moment)
                connection.execute(text(f"UPDATE {table} SET claimed_until = :moment WHERE claim IS NOT NULL"), moment)

    return go_by


def wait_until(met: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def is_all_processed(inbox: Inbox) -> bool:
    return inbox.backlog().pending == 0


def of_each_return(told: list[tuple[int, str, str]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for sequence, _, return_id in told:
        found[return_id].append(sequence)
    return found


def test_what_comes_in_is_processed_and_dispatched(work: Callable[..., Worker], store: Store, deliver: Deliver) -> None:
    seen: list[Event] = []
    handlers = HandlerRegistry(awaits=False)
    handlers.on(name="shop")(seen.append)
    with work(handlers):
        deliver("a", "b", "c", steps=5)
        wait_until(lambda: len(seen) == 15)
    assert sorted(event.id for event in seen) == sorted(event.id for event in store.events())
    assert [event.sequence for event in seen if event.return_id == "b"] == [
        event.sequence for event in store.events(return_id="b")
    ]


def test_a_commit_wakes_it(work: Callable[..., Worker], deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("returns_hub.worker.loop._POLL_INTERVAL", 3600.0)
    seen: list[Event] = []
    handlers = HandlerRegistry(awaits=False)
    handlers.on(name="shop")(seen.append)
    with work(handlers):
        for number, return_id in enumerate("abc", 1):
            deliver(return_id)
            wait_until(lambda expected=number: len(seen) == expected)  # type: ignore[misc]


def test_a_handler_may_come_while_it_works(work: Callable[..., Worker], deliver: Deliver) -> None:
    seen: list[Event] = []
    handlers = HandlerRegistry(awaits=False)
    with work(handlers):
        handlers.on(name="shop", since="beginning")(seen.append)
        deliver("a")
        wait_until(lambda: len(seen) == 1)


def test_stopping_finishes_what_a_handler_has_begun_and_hands_back_the_rest(
    work: Callable[..., Worker], store: Store, deliver: Deliver, a_worker: Any
) -> None:
    begun, leave, seen = threading.Event(), threading.Event(), []
    handlers = HandlerRegistry(awaits=False)

    @handlers.on(name="shop", since="beginning", concurrency=1)
    def slow(event: Event) -> None:
        begun.set()
        leave.wait(60)
        seen.append(event.return_id)

    deliver("a", "b", "c")
    Processor(store, a_worker.client_of).process_due()
    worker = work(handlers)
    worker.start()
    begun.wait(60)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    wait_until(worker._stopping.is_set)
    leave.set()
    stopping.join()
    assert seen == ["a"]
    with store.database.reading() as connection:
        attempts = connection.execute(text("SELECT attempts FROM parked_events ORDER BY sequence")).scalars().all()
    assert attempts == [0, 0]
    with work(handlers):
        wait_until(lambda: len(seen) == 3)
    assert seen == ["a", "b", "c"]


def test_a_hanging_handler_has_failed_and_holds_up_no_other_return(
    work: Callable[..., Worker], store: Store, deliver: Deliver
) -> None:
    leave, seen = threading.Event(), []
    handlers = HandlerRegistry(awaits=False)

    @handlers.on(name="shop", since="beginning", timeout=0.2)
    def hangs(event: Event) -> None:
        if event.return_id == "a":
            leave.wait(60)
        seen.append(event.return_id)

    deliver("a", *"bcdefgh")
    dispatcher = EventDispatcher(store, handlers)
    with work(handlers):
        wait_until(lambda: len(seen) == 7 and bool(list(dispatcher.failed_events("shop"))))
        (failed,) = dispatcher.failed_events("shop")
        leave.set()
    assert (failed.event.return_id, failed.error) == ("a", "TimeoutError: the handler has not returned after 0.2 s")
    assert sorted(seen[:7]) == [*"bcdefgh"]


def test_the_events_of_one_account_leave_a_place_to_the_others(store: Store, a_worker: Any) -> None:
    leave, seen = threading.Event(), []
    handlers = HandlerRegistry(awaits=False)

    @handlers.on(name="shop", since="beginning", concurrency=2)
    def hangs(event: Event) -> None:
        if event.account == "acme":
            leave.wait(60)
        seen.append(event.account)

    for account, count in (("acme", 5), ("other", 1)):
        returns = [Return(provider="teller", id=f"r{number}") for number in range(count)]
        store.apply(account, [observed(ret, seen_at=NOON) for ret in returns])
    dispatcher = EventDispatcher(store, handlers, has_accounts=True)
    with Worker(store, processor=Processor(store, a_worker.client_of), dispatcher=dispatcher):
        wait_until(lambda: seen == ["other"])
        leave.set()
        wait_until(lambda: len(seen) == 6)


def test_a_handler_that_hangs_again_and_again_leaves_its_place_to_the_next_event(
    work: Callable[..., Worker], store: Store, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr("returns_hub.worker.loop._MAX_ABANDONED", 2)
    leave, seen = threading.Event(), []
    handlers = HandlerRegistry(awaits=False)

    @handlers.on(name="shop", since="beginning", timeout=0.2, concurrency=1)
    def hangs(event: Event) -> None:
        seen.append(event.return_id)
        if event.return_id in "ac":
            leave.wait(60)

    deliver("a", "b", "c", "d")
    with work(handlers):
        # With two threads that hang nothing more is begun, and the log says what to do.
        wait_until(lambda: "2 jobs hang, and nothing is begun: restart this process" in caplog.text)
        leave.set()
        wait_until(lambda: "d" in seen)


def test_stopping_waits_so_long_and_then_gives_back_what_is_not_finished(
    work: Callable[..., Worker], store: Store, deliver: Deliver
) -> None:
    begun, leave = threading.Event(), threading.Event()
    handlers = HandlerRegistry(awaits=False)

    @handlers.on(name="shop", since="beginning")
    def hangs(_: Event) -> None:
        begun.set()
        leave.wait(60)

    deliver("a")
    worker = work(handlers)
    worker.start()
    assert begun.wait(60)
    worker.stop(grace=0.1)
    claimed = Subscriptions(store.database).claim("shop", EVENT_TYPES.keys(), max_attempts=12)
    leave.set()
    assert claimed is not None
    assert (claimed.event.return_id, claimed.claim.attempt) == ("a", 1)


def test_an_account_whose_vendor_is_silent_delays_no_other(store: Store, inbox: Inbox, a_worker: Any) -> None:
    leave = threading.Event()

    def client_of(account: str) -> Any:
        if account == "silent":
            leave.wait(60)
        return a_worker.client_of(account)

    body = json.dumps({"id": "a", "status": "approved", "at": format_time(NOON)}).encode()
    for account, copies in (("silent", 12), ("other", 1)):
        for number in range(copies):
            sent = body.replace(b'"a"', b'"a%d"' % number)
            request = WebhookRequest(method="POST", url="https://x.example", headers=(), body=sent, received_at=NOON)
            inbox.put(account, request, a_worker.Teller().read_webhook(request))
    dispatcher = EventDispatcher(store, HandlerRegistry(awaits=False))
    with Worker(store, processor=Processor(store, client_of), dispatcher=dispatcher, concurrency=2):
        wait_until(lambda: [each.account for each in inbox.find(state=DeliveryState.PROCESSED)] == ["other"])
        leave.set()
        wait_until(lambda: is_all_processed(inbox))


def test_a_delivery_that_takes_too_long_is_tried_again(
    store: Store, inbox: Inbox, deliver: Deliver, a_worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returns_hub.worker.loop._PROCESSING_TIMEOUT", 0.1)
    leave, calls = threading.Event(), []

    def client_of(account: str) -> Any:
        calls.append(account)
        if len(calls) == 1:
            leave.wait(60)
        return a_worker.client_of(account)

    deliver("a")
    dispatcher = EventDispatcher(store, HandlerRegistry(awaits=False))
    with Worker(store, processor=Processor(store, client_of), dispatcher=dispatcher):
        wait_until(lambda: any(delivery.error for delivery in inbox.find()))
        (delivery,) = inbox.find()
        assert delivery.error == "TimeoutError: it is not processed after 0.1 s"
        wait_until(lambda: is_all_processed(inbox))
        leave.set()
    assert [event.return_id for event in store.events()] == ["a"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
def test_a_forked_process_leaves_its_parents_work_alone(
    work: Callable[..., Worker], store: Store, deliver: Deliver
) -> None:
    begun, leave, seen = threading.Event(), threading.Event(), []
    handlers = HandlerRegistry(awaits=False)

    @handlers.on(name="shop", since="beginning")
    def slow(event: Event) -> None:
        begun.set()
        leave.wait(60)
        seen.append(event.return_id)

    deliver("a")
    with work(handlers) as worker:
        assert begun.wait(60)
        child = multiprocessing.get_context("fork").Process(target=worker.stop)
        child.start()
        child.join(60)
        assert child.exitcode == 0
        assert Subscriptions(store.database).claim("shop", EVENT_TYPES.keys(), max_attempts=12) is None
        leave.set()
        wait_until(lambda: seen == ["a"])


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_workers_share_what_comes_and_nothing_is_done_twice(
    postgresql_url: str,
    store: Store,
    inbox: Inbox,
    deliver: Deliver,
    start_worker: Callable[..., Any],
    told: Callable[[], list[tuple[int, str, str]]],
) -> None:
    workers = [start_worker(store_url=postgresql_url) for _ in range(3)]
    ids = [f"r{number}" for number in range(20)]
    deliver(*ids, steps=5, copies=2)
    wait_until(lambda: len(told()) >= 100, 60)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(30) for worker in workers] == [0, 0, 0]
    assert (len(told()), len(set(told()))) == (100, 100)
    assert is_all_processed(inbox)
    assert sum(delivery.events for delivery in inbox.find()) == 100
    for sequences in of_each_return(told()).values():
        assert sequences == sorted(sequences)


POINTS = ["claim:before", "claim:after", "finish:before", "finish:after"]
POINTS += ["claim-events:before", "claim-events:after", "finish-event:before"]


@pytest.mark.parametrize("point", POINTS)
def test_what_a_killed_worker_had_begun_is_done_by_another(
    point: str,
    store_url: str,
    store: Store,
    inbox: Inbox,
    deliver: Deliver,
    start_worker: Callable[..., Any],
    told: Callable[[], list[tuple[int, str, str]]],
    let_lapse: Callable[[], None],
) -> None:
    deliver("a", "b", "c", steps=3)
    # The events come in one claim.
    nth = "1" if point == "claim-events:after" else "2"
    killed = start_worker(point, nth, store_url=store_url)
    assert killed.wait(30) == -signal.SIGKILL
    let_lapse()
    start_worker(store_url=store_url)
    wait_until(lambda: len(set(told())) == 9, 60)
    assert {delivery.state for delivery in inbox.find()} == {DeliveryState.PROCESSED}
    assert [event.id for event in store.events()] == [identity for _, identity, _ in sorted(set(told()))]
    # Only what was dispatched when the process was gone may be dispatched again.
    assert len(told()) <= 9 + 4


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_worker_survives_the_loss_of_its_connections(
    work: Callable[..., Worker], deliver: Deliver, postgresql: str
) -> None:
    import psycopg

    seen: list[Event] = []
    handlers = HandlerRegistry(awaits=False)
    handlers.on(name="shop")(seen.append)
    with work(handlers):
        deliver("a")
        wait_until(lambda: len(seen) == 1)
        with psycopg.connect(host=postgresql, user="postgres", autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname LIKE 'store_%'"
            )
        deliver("b")
        wait_until(lambda: len(seen) == 2, 60)


def test_a_delivery_that_fails_is_processed_at_its_next_attempt_and_keeps_its_order(
    store: Store, inbox: Inbox, deliver: Deliver, a_worker: Any
) -> None:
    tried: list[str] = []

    def client_of(account: str) -> Any:
        tried.append(account)
        if len(tried) < 3:
            raise ConfigurationError("not yet")
        return a_worker.client_of(account)

    deliver("a", steps=3)
    with Worker(
        store,
        processor=Processor(store, client_of),
        dispatcher=EventDispatcher(store, HandlerRegistry(awaits=False)),
        concurrency=3,
    ):
        wait_until(lambda: is_all_processed(inbox))
    assert [event.changes.get("status", (None, None))[1] for event in store.events()][-1] == "ready_to_ship"
    assert [delivery.attempts for delivery in inbox.find()] == [1, 1, 3]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_schedule_is_kept(work: Callable[..., Worker]) -> None:
    done: list[str] = []
    asked = threading.Event()

    def due_in() -> float:
        if len(done) == 2:
            asked.set()
        return 0.0 if len(done) < 2 else 3600.0

    with work(schedules=lambda: [Schedule(name="often", due_in=due_in, run=lambda _: done.append("once"))]):
        assert asked.wait(60)
    assert done == ["once", "once"]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_schedules_that_are_all_overdue_have_their_turns_and_are_asked_only_when_there_is_room(
    work: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returns_hub.worker._SCHEDULE_INTERVAL", 0.01)
    asked: list[str] = []
    done: list[str] = []

    def schedule(name: str) -> Schedule:
        def due_in() -> float:
            asked.append(name)
            return -3600.0

        return Schedule(name=name, due_in=due_in, run=lambda _: done.append(name))

    schedules = [schedule(name) for name in ("a", "b", "c")]
    with work(schedules=lambda: schedules, concurrency=1):
        wait_until(lambda: len(done) >= 6)
    assert done[:6] == ["a", "b", "c", "a", "b", "c"]
    assert asked == done


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_schedule_that_takes_long_or_fails_keeps_no_other_back(
    work: Callable[..., Worker], caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def slow(stop: Callable[[], bool]) -> None:
        while not stop():
            time.sleep(0.01)

    def fails(stop: Callable[[], bool]) -> None:
        done.append("fails")
        raise ValueError("canary-55e1")

    schedules = [Schedule(name=name, due_in=lambda: 0.0, run=run) for name, run in [("slow", slow), ("fails", fails)]]
    with work(schedules=lambda: schedules):
        wait_until(lambda: len(done) == 2)
    assert "fails: ValueError at worker/test_worker.py" in caplog.text
    assert "canary-55e1" not in caplog.text


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_sync_is_due_so_long_after_the_last_one_began(store: Store) -> None:
    log, now = SyncLog(store.database), datetime.now(UTC)
    schedule = sync_schedule(store, "acme", every=600, sync=lambda _: None)
    assert schedule.due_in() == 0.0
    log.started("acme", now - timedelta(seconds=200))
    assert schedule.due_in() == pytest.approx(400, abs=5)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_sync_that_is_to_stop_ends_where_it_reports_its_progress(store: Store) -> None:
    told: list[str] = []

    def sync(progress: Callable[[Any], None]) -> None:
        progress(None)
        told.append("begun")
        progress(None)
        told.append("never")

    asked = iter([False, True])
    sync_schedule(store, "acme", every=600, sync=sync).run(lambda: next(asked))
    assert told == ["begun"]
