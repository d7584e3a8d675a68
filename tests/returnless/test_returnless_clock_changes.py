"""Clocks that are set back and forward, and records with a date that is not the one they are sorted by."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import Account, Hub, Reply, Request, ReturnQuery, Secret, Status, UnexpectedReply
from returns_hub.testing import Call, serve
from returns_hub_returnless import Returnless
from returns_hub_returnless.sandbox import ReturnlessSandbox

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
# Europe/Amsterdam: the hour from 02:00 came twice on 27 October 2024, and not at all on 31 March 2024.
AUTUMN = datetime(2024, 10, 27, 0, 0, tzinfo=UTC)
SPRING = datetime(2024, 3, 31, 1, 0, tzinfo=UTC)
VOCABULARY = (
    "processing", "received", "complete", "checked", "re-check", "completed", "declined", "delivered", "exception",
    "exchanged", "pending_payment", "closed",
)  # fmt: skip


class Server:
    """A simulator as these tests' helpers ask it: without a network."""

    def __init__(self, sandbox: ReturnlessSandbox, adapter: Returnless) -> None:
        self._sandbox = sandbox
        self._adapter = adapter

    def answer(self, request: Request) -> Reply:
        request = self._adapter.authorize(request)
        headers = {name.lower(): value for name, value in request.headers}
        answer = self._sandbox.handle(
            Call(method=request.method, path=request.path, query=request.query, headers=headers)
        ).answer
        assert answer is not None
        return Reply(status=answer.status, headers=answer.headers, body=answer.body)


@pytest.fixture(params=["Europe/Amsterdam", "UTC"])
def adapter(request: pytest.FixtureRequest) -> Returnless:
    """One that was given the vendor's zone, and one that was not."""
    return Returnless(user="sandbox-user", password=Secret("sandbox-password"), timezone=request.param)


@pytest.fixture
def amsterdam() -> Returnless:
    return Returnless(user="sandbox-user", password=Secret("sandbox-password"), timezone="Europe/Amsterdam")


@pytest.fixture
def sandbox() -> ReturnlessSandbox:
    return ReturnlessSandbox(count=0, timezone="Europe/Amsterdam")


def add(sandbox: ReturnlessSandbox, moment: datetime, count: int = 1, **fields: Any) -> list[str]:
    return [sandbox.add_return(created_at=moment + timedelta(minutes=10 * n), **fields) for n in range(count)]


def listed(pages: Any, sandbox: ReturnlessSandbox, adapter: Returnless, query: ReturnQuery | None = None) -> list[str]:
    read = adapter.backfill(SINCE, UNTIL)[0].read
    if query is not None:
        read = lambda cursor: adapter.list_returns(query, cursor, only="returns")  # noqa: E731
    found = pages(read, Server(sandbox, adapter))
    assert [gap for page in found for gap in page.gaps] == []
    return [ret.id for page in found for ret in page.items]


@pytest.mark.parametrize("before", [0, 150, 199, 200, 201])
def test_hour_that_comes_twice_is_read_whole(
    sandbox: ReturnlessSandbox, adapter: Returnless, pages: Any, before: int
) -> None:
    made = add(sandbox, AUTUMN - timedelta(minutes=10 * before), before)
    made += add(sandbox, AUTUMN + timedelta(minutes=50)) + add(sandbox, AUTUMN + timedelta(minutes=70))
    made += add(sandbox, AUTUMN + timedelta(hours=3), 30)
    assert listed(pages, sandbox, adapter) == made


@pytest.mark.parametrize("exclusive", [False, True])
def test_more_than_a_page_in_the_hour_that_comes_twice(amsterdam: Returnless, pages: Any, exclusive: bool) -> None:
    sandbox = ReturnlessSandbox(count=0, timezone="Europe/Amsterdam", exclusive_bounds=exclusive)
    made = add(sandbox, AUTUMN - timedelta(hours=10), 50)
    made += [
        sandbox.add_return(created_at=AUTUMN + timedelta(seconds=12 * n), status=VOCABULARY[n % 12]) for n in range(599)
    ]
    made += add(sandbox, AUTUMN + timedelta(hours=2), 250)
    assert set(listed(pages, sandbox, amsterdam)) == set(made)


@pytest.mark.parametrize("before", [0, 199, 200])
def test_hour_that_is_skipped_is_never_asked_for(
    sandbox: ReturnlessSandbox, amsterdam: Returnless, pages: Any, before: int
) -> None:
    made = add(sandbox, SPRING - timedelta(minutes=10 * before), before + 1) + add(sandbox, SPRING, 230)
    found = listed(pages, sandbox, amsterdam)
    assert (len(found), set(found)) == (len(made), set(made))


@pytest.mark.parametrize("place", [0, 1, 150, 199, 200, 201, 399, 449])
@pytest.mark.parametrize("shown", ["2021-03-05 12:00:00", "2020-01-02 00:00:00"])
def test_record_with_an_earlier_date_is_read_in_its_place(
    sandbox: ReturnlessSandbox, adapter: Returnless, pages: Any, place: int, shown: str
) -> None:
    made = add(sandbox, datetime(2024, 5, 1, tzinfo=UTC), 450)
    sandbox.edit(made[place], return_date=shown)
    found = listed(pages, sandbox, adapter)
    assert (len(found), set(found)) == (len(made), set(made))


@pytest.mark.parametrize("place", [0, 100, 250, 299])
def test_record_with_an_earlier_date_in_a_crowded_second(
    sandbox: ReturnlessSandbox, amsterdam: Returnless, pages: Any, place: int
) -> None:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    made = [sandbox.add_return(created_at=moment, status=VOCABULARY[n % 12]) for n in range(300)]
    sandbox.edit(made[place], return_date="2021-03-05 12:00:00")
    made += add(sandbox, moment + timedelta(days=1), 30)
    assert set(listed(pages, sandbox, amsterdam)) == set(made)


@pytest.mark.parametrize("place", [0, 150, 200, 449])
def test_record_with_an_earlier_date_among_changes(
    sandbox: ReturnlessSandbox, amsterdam: Returnless, pages: Any, place: int
) -> None:
    made = add(sandbox, datetime(2024, 5, 1, tzinfo=UTC), 450)
    sandbox.edit(made[place], return_date="2021-03-05 12:00:00")
    found = listed(pages, sandbox, amsterdam, ReturnQuery(updated_after=SINCE))
    assert set(found) == set(made)


def test_record_with_an_earlier_date_is_among_the_newest(
    sandbox: ReturnlessSandbox, amsterdam: Returnless, pages: Any
) -> None:
    made = add(sandbox, datetime(2024, 5, 1, tzinfo=UTC), 30)
    sandbox.edit(made[10], return_date="2021-03-05 12:00:00")
    found = listed(pages, sandbox, amsterdam, ReturnQuery(newest_first=True, page_size=5))
    assert (len(found), set(found)) == (30, set(made))


@given(
    start=st.sampled_from([AUTUMN - timedelta(minutes=30), SPRING - timedelta(hours=1)]),
    seconds=st.lists(st.integers(min_value=0, max_value=14_400), min_size=1, max_size=60),
    changed=st.sets(st.integers(min_value=0, max_value=59), max_size=2),
    zone=st.sampled_from(["Europe/Amsterdam", "UTC"]),
    cap=st.sampled_from([7, 20, 200]),
    page_size=st.sampled_from([None, 5, 10]),
    exclusive=st.booleans(),
)
def test_every_record_is_read_or_it_is_said_that_some_are_not(
    pages: Any,
    start: datetime,
    seconds: list[int],
    changed: set[int],
    zone: str,
    cap: int,
    page_size: int | None,
    exclusive: bool,
) -> None:
    sandbox = ReturnlessSandbox(
        count=0, timezone="Europe/Amsterdam", per_page_cap=cap, exclusive_bounds=exclusive, now=lambda: AUTUMN
    )
    adapter = Returnless(user="sandbox-user", password=Secret("sandbox-password"), timezone=zone)
    made = [
        sandbox.add_return(created_at=start + timedelta(seconds=second), status=VOCABULARY[number % 3])
        for number, second in enumerate(seconds)
    ]
    for index in changed & set(range(len(made))):
        sandbox.edit(made[index], return_date="2021-03-05 12:00:00")
    query = ReturnQuery(page_size=page_size, created_after=SINCE)
    try:
        found = pages(lambda cursor: adapter.list_returns(query, cursor, only="returns"), Server(sandbox, adapter))
    except UnexpectedReply:
        # An account that was not given the vendor's zone may not get through such a night.
        assert zone == "UTC"
    else:
        read = {ret.id for page in found for ret in page.items}
        assert read == set(made) or any(page.gaps for page in found)


@pytest.mark.parametrize("details", [False, True])
def test_later_status_of_the_hour_that_comes_twice_is_mirrored(tmp_path: Path, details: bool) -> None:
    clock = AUTUMN - timedelta(days=1)
    sandbox = ReturnlessSandbox(count=0, timezone="Europe/Amsterdam", now=lambda: clock)
    return_id = sandbox.add_return()
    with serve(sandbox) as running:
        account = Account(
            name="acme", provider="returnless", base_url=running.url, rate_limit="none", options=sandbox.options
        )
        with Hub([account], store=f"sqlite:///{tmp_path}/returns.db") as hub:
            hub.sync()
            # 02:50 of the first hour, then 02:10 of the second.
            for minutes, status in ((50, "received"), (70, "completed")):
                clock = AUTUMN + timedelta(minutes=minutes)
                sandbox.set_status(return_id, status)
                clock += timedelta(minutes=5)
                (report,) = hub.sync(full=details, details=details)
                assert report.error is None
            stored = hub.get_return("acme", return_id)
            assert stored is not None
            assert (stored.ret.status, stored.ret.status_raw) == (Status.RESOLVED, "completed")
            assert stored.ret.updated_at == AUTUMN + timedelta(minutes=70)


@pytest.mark.parametrize("timezone", ["Europe/Amsterdam", "UTC"])
def test_sync_gets_through_such_a_night_and_a_changed_date(tmp_path: Path, timezone: str) -> None:
    sandbox = ReturnlessSandbox(count=0, timezone="Europe/Amsterdam")
    add(sandbox, AUTUMN - timedelta(minutes=10 * 230), 230)
    made = add(sandbox, AUTUMN + timedelta(minutes=50)) + add(sandbox, AUTUMN + timedelta(minutes=70))
    sandbox.edit(add(sandbox, AUTUMN + timedelta(hours=3), 30)[7], return_date="2021-03-05 12:00:00")
    with serve(sandbox) as running:
        account = Account(
            name="acme",
            provider="returnless",
            base_url=running.url,
            rate_limit="none",
            options={**sandbox.options, "timezone": timezone},
        )
        with Hub([account], store=f"sqlite:///{tmp_path}/returns.db") as hub:
            for full in (False, False, True):
                (report,) = hub.sync(full=full)
                assert (report.error, report.gaps) == (None, ())
            assert {stored.ret.id for stored in hub.returns()} == sandbox.return_ids
            stored = hub.get_return("acme", made[0])
            assert stored is not None
            if timezone == "Europe/Amsterdam":
                # Read after that night: of the two meanings, the later one.
                assert stored.ret.created_at == AUTUMN + timedelta(minutes=110)
