"""Pages side by side, accounts side by side, and what neither of them may do to the other."""

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from returns_hub import Account, Hub, ProviderUnavailable, Rate, Return, Status
from returns_hub.client import open_async_client
from returns_hub.store import Store
from returns_hub.sync import RunOptions, SyncJob, SyncReport, sync_accounts
from returns_hub.sync.reader import worker_count
from returns_hub.testing import Simulator, serve
from returns_hub_returnless.sandbox import ReturnlessSandbox
from returns_hub_returnmate.sandbox import Plan, ReturnMateSandbox

Sync = Callable[..., SyncReport]
Serve = Callable[[Any], str]

TWELVE = tuple("abcdefghijkl")


class Vendor(Protocol):
    clock: datetime
    rows: dict[str, Return]
    fails: dict[str, Exception]
    asked: list[str]
    tells_ahead: bool
    polls_open_returns: bool

    def add(self, *ids: str, **told: Any) -> None: ...
    def move(self, return_id: str, status: Status, word: str) -> None: ...
    def now(self) -> datetime: ...


def account_at(name: str, simulator: Simulator, url: str, **told: Any) -> Account:
    settings: dict[str, Any] = {"rate_limit": "none", "options": simulator.options, **told}
    return Account(name=name, provider=simulator.provider, base_url=url + simulator.base_path, **settings)


@pytest.fixture
def served() -> Iterator[Serve]:
    """The URL of an application, which is served from now on."""
    with contextlib.ExitStack() as servers:
        yield lambda app: servers.enter_context(serve(app)).url


def told(store: Store) -> Counter[tuple[str, str]]:
    return Counter((event.return_id, event.type) for event in store.events())


# Pages


def test_pages_that_are_known_beforehand_are_each_read_once(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.tells_ahead = True
    vendor.add(*TWELVE, status=Status.CLOSED)
    report = sync()
    assert (report.requests, report.read, report.created, report.error) == (4, 12, 12, None)
    assert told(sqlite_store) == Counter({(return_id, "return.created"): 1 for return_id in TWELVE})


def test_what_was_read_beside_a_page_that_failed_is_not_read_again(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.tells_ahead = True
    vendor.add(*TWELVE, status=Status.CLOSED)
    vendor.fails["/6"] = ProviderUnavailable(http_status=503)
    assert sync().error is not None
    vendor.fails.clear()
    known = {stored.ret.id for stored in sqlite_store.returns()}
    vendor.asked.clear()
    report = sync()
    pages = [path.rpartition("/")[2] for path in vendor.asked if "2026-01-01" in path]
    assert "6" in pages
    assert len(pages) == (12 - len(known)) / 3
    assert told(sqlite_store) == Counter({(return_id, "return.created"): 1 for return_id in TWELVE})
    assert report.error is None


def test_a_listing_whose_total_changes_is_read_again(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.tells_ahead = True
    vendor.add(*TWELVE, status=Status.CLOSED)
    gone = iter("a")

    def delete(_: object) -> None:
        for return_id in gone:
            del vendor.rows[return_id]

    report = sync(progress=delete)
    assert {stored.ret.id for stored in sqlite_store.returns()} == set(TWELVE)
    assert (report.gaps, report.requests > 4) == ((), True)


def test_a_listing_that_never_stands_still_is_a_gap(vendor: Vendor, sync: Sync) -> None:
    vendor.tells_ahead = True
    vendor.add(*TWELVE, status=Status.CLOSED)
    report = sync(progress=lambda _: vendor.rows.popitem() and None)
    assert report.gaps == ("a listing changed whenever it was read: rows that moved from page to page may be missing",)


def test_a_vendor_that_is_not_to_be_polled_is_asked_for_the_newest_only(vendor: Vendor, sync: Sync) -> None:
    vendor.polls_open_returns = False
    vendor.add("a", status=Status.REQUESTED, status_raw="pending")
    sync()
    vendor.clock += timedelta(days=30)
    vendor.asked.clear()
    sync()
    assert vendor.asked == ["/returns/any/after-2026-02-28 12:00/None"]


def test_rows_that_come_and_go_while_pages_are_read_hide_none(served: Serve, sqlite_url: str) -> None:
    sandbox = ReturnMateSandbox(count=2000)
    sandbox.faults.slow(0.02)
    before, stop = sandbox.return_ids, threading.Event()
    choose = random.Random(2026)

    def stir() -> None:
        """Delete, add, back-date and change RMAs, as many as the machine can."""
        while not stop.wait(0.001):
            some = choose.choice(sorted(sandbox.return_ids))
            match choose.randrange(4):
                case 0:
                    sandbox.delete(some)
                case 1:
                    sandbox.add_rma()
                case 2:
                    sandbox.add_rma(
                        created_at=datetime(2023, 1, 1, tzinfo=UTC) + timedelta(minutes=choose.randrange(10**6))
                    )
                case _:
                    sandbox.set_status(some, "approved")

    with Hub([account_at("acme", sandbox, served(sandbox))], store=sqlite_url) as hub:
        stirring = threading.Thread(target=stir)
        stirring.start()
        (report,) = hub.sync()
        stop.set()
        stirring.join()
        assert (report.error, report.gaps) == (None, ())
        assert {stored.ret.id for stored in hub.returns()} >= before & sandbox.return_ids
        created = Counter(event.return_id for event in hub.events() if event.type == "return.created")
        assert set(created.values()) == {1}


@pytest.mark.parametrize("fault", ["reordered_rows", "duplicate_rows"])
def test_rows_out_of_order_or_twice_are_read_exactly(served: Serve, sqlite_url: str, fault: str) -> None:
    sandbox = ReturnMateSandbox(count=2000)
    getattr(sandbox.faults, fault)()
    with Hub([account_at("acme", sandbox, served(sandbox))], store=sqlite_url) as hub:
        (report,) = hub.sync()
        assert (report.error, report.gaps, report.created) == (None, (), 2000)
        assert {stored.ret.id for stored in hub.returns()} == sandbox.return_ids


class Crowd:
    """An application, and how many requests it had at once at the most."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.present = self.most = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.present += 1
        self.most = max(self.most, self.present)
        try:
            await self.app(scope, receive, send)
        finally:
            self.present -= 1


@pytest.mark.campaign
def test_at_latency_the_pages_do_not_wait_for_each_other(served: Serve, sqlite_url: str) -> None:
    sandbox = ReturnMateSandbox(count=6400)
    sandbox.faults.slow(0.2)
    crowd = Crowd(sandbox)
    with Hub([account_at("acme", sandbox, served(crowd))], store=sqlite_url) as hub:
        (report,) = hub.sync()
    assert report.created == 6400
    assert crowd.most >= 4


def test_the_vendor_s_limit_is_kept(served: Serve, sqlite_url: str) -> None:
    sandbox = ReturnMateSandbox(count=3000, plan=Plan(per_minute=1200))
    sandbox.faults.slow(0.1)
    account = account_at("acme", sandbox, served(sandbox), rate_limit="1200/min")
    with Hub([account], store=sqlite_url) as hub:
        (report,) = hub.sync()
    assert (report.created, sandbox.violations) == (3000, 0)


# Accounts


class Street:
    """Many simulators behind one port, each under a name of its own."""

    def __init__(self) -> None:
        self.houses: dict[str, Simulator] = {}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        name, _, rest = scope["raw_path"].decode().removeprefix("/").partition("/")
        await self.houses[name]({**scope, "raw_path": b"/" + rest.encode()}, receive, send)


@pytest.fixture
def street(served: Serve) -> tuple[Street, list[Account]]:
    """Fifty accounts, each with credentials of its own."""
    street = Street()
    url = served(street)
    accounts = []
    for number in range(50):
        name = f"shop-{number}"
        simulator: Simulator = (
            ReturnMateSandbox(count=20, seed=number, api_key=f"key-{number}")
            if number % 2
            else ReturnlessSandbox(count=10, seed=number, password=f"password-{number}")
        )
        street.houses[name] = simulator
        accounts.append(account_at(name, simulator, f"{url}/{name}"))
    return street, accounts


def check_street(street: Street, reports: tuple[SyncReport, ...], store: Store) -> None:
    assert [report.error for report in reports] == [None] * 50
    # A simulator refuses every credential but its own.
    assert {logged.status for house in street.houses.values() for logged in house.requests} == {200}
    for name, house in street.houses.items():
        ids = {stored.ret.id for stored in store.returns(account=name)}
        assert ids <= house.return_ids
        assert ids


def test_fifty_accounts_do_not_mix_in_a_thread(street: tuple[Street, list[Account]], sqlite_url: str) -> None:
    simulators, accounts = street
    with Hub(accounts, store=sqlite_url) as hub, Store.open(sqlite_url) as store:
        check_street(simulators, hub.sync(), store)


def test_fifty_accounts_do_not_mix_on_an_event_loop(street: tuple[Street, list[Account]], sqlite_url: str) -> None:
    simulators, accounts = street
    jobs = [
        SyncJob(account=a.name, open_client=partial(open_async_client, a), history_start=a.history_start)
        for a in accounts
    ]
    with Store.open(sqlite_url) as store:
        check_street(simulators, asyncio.run(sync_accounts(jobs, store, RunOptions())), store)


def test_one_account_s_storm_does_not_slow_another(served: Serve, tmp_path: Path) -> None:
    calm, storm = ReturnMateSandbox(count=1000, api_key="calm"), ReturnMateSandbox(count=1000, api_key="storm")
    calm.faults.slow(0.05)
    one = account_at("calm", calm, served(calm), rate_limit="8/s")
    other = account_at("storm", storm, served(storm))

    def duration(*accounts: Account, attempt: int) -> float:
        # Refused, dropped, late and failing, one after the other.
        storm.faults.clear()
        storm.faults.too_many_requests(times=1, retry_after=1)
        storm.faults.drop_before(times=2)
        storm.faults.slow(0.5, times=2)
        storm.faults.unavailable(times=2)
        with Hub(accounts, store=f"sqlite:///{tmp_path / f'{attempt}-{len(accounts)}.db'}") as hub:
            report = hub.sync()[0]
        assert (report.created, report.error) == (1000, None)
        return report.duration_s

    # What else the machine does only ever adds time: the best of a few says what the storm does.
    alone = min(duration(one, attempt=attempt) for attempt in range(2))
    attempts = (duration(one, other, attempt=attempt) for attempt in range(5))
    assert any(beside < 1.1 * alone for beside in attempts)


def test_an_account_that_waits_does_not_hold_up_the_others(served: Serve, sqlite_url: str) -> None:
    slow, quick = ReturnMateSandbox(count=300, api_key="slow"), ReturnMateSandbox(count=300, api_key="quick")
    slow.faults.slow(0.6)
    accounts = [account_at("slow", slow, served(slow)), account_at("quick", quick, served(quick))]
    seen: list[str] = []
    with Hub(accounts, store=sqlite_url) as hub:
        reports = hub.sync(progress=lambda progress: seen.append(progress.account))
    assert [(report.created, report.error) for report in reports] == [(300, None)] * 2
    assert seen[-1] == "slow"


# Faces


def test_the_blocking_face_works_where_an_event_loop_runs(served: Serve, sqlite_url: str) -> None:
    sandbox = ReturnMateSandbox(count=10)
    account = account_at("acme", sandbox, served(sandbox))

    async def inside() -> int:
        with Hub([account], store=sqlite_url) as hub:
            return hub.sync()[0].created

    assert asyncio.run(inside()) == 10


def test_a_task_that_is_cancelled_keeps_what_it_read_and_gives_its_lease_back(
    served: Serve, sqlite_store: Store
) -> None:
    sandbox = ReturnMateSandbox(count=1000)
    sandbox.faults.slow(0.05)
    account = account_at("acme", sandbox, served(sandbox))
    job = SyncJob(account="acme", open_client=partial(open_async_client, account), history_start=account.history_start)

    async def cancel() -> None:
        task = asyncio.create_task(_awaited(sync_accounts([job], sqlite_store, RunOptions())))
        while len(sandbox.requests) < 4:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    read = len(list(sqlite_store.returns()))
    assert 0 < read < 1000
    (report,) = asyncio.run(sync_accounts([job], sqlite_store, RunOptions()))
    assert (report.error, report.skipped, report.created) == (None, None, 1000 - read)
    first_pages = [logged for logged in sandbox.requests if ("created_after", "2020-01-01T00:00:00Z") in logged.query]
    assert len(first_pages) == 1


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


INTERRUPTED = """
import sys
from returns_hub import Account, Hub
account = Account(name="acme", provider="returnmate", base_url=sys.argv[1], rate_limit="none", options={"api_key": "k"})
with Hub([account], store=sys.argv[2]) as hub:
    try:
        hub.sync(progress=lambda _: print("page", flush=True))
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""


def test_ctrl_c_stops_where_nothing_is_lost(served: Serve, sqlite_url: str) -> None:
    sandbox = ReturnMateSandbox(count=1000, api_key="k")
    sandbox.faults.slow(0.1)
    url = served(sandbox) + sandbox.base_path
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, url, sqlite_url], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "page\n"
        run.send_signal(signal.SIGINT)
        assert run.stdout.read().endswith("stopped\n")
        assert run.wait() == 0
    with Store.open(sqlite_url) as store:
        read = len(list(store.returns()))
        assert read >= 100
        assert store.health("acme").error == "the sync was stopped"
    sandbox.faults.clear()
    with Hub([account_at("acme", sandbox, url.removesuffix("/v1"))], store=sqlite_url) as hub:
        (report,) = hub.sync()
        assert (report.skipped, report.created) == (None, 1000 - read)
        assert {stored.ret.id for stored in hub.returns()} == sandbox.return_ids


@pytest.mark.parametrize(
    ("rate", "workers"),
    [(None, 8), (Rate(300, 60.0), 8), (Rate(60, 60.0), 8), (Rate(10, 60.0), 5), (Rate(60, 3600.0), 1)],
)
def test_at_a_slow_pace_no_queue_of_calls_misses_its_deadline(rate: Rate | None, workers: int) -> None:
    assert worker_count(rate) == workers
