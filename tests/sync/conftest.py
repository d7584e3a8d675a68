"""What the tests of syncing share: a vendor in memory."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any, TypeVar, cast

import pytest
from attrs import define, evolve, field, frozen

from returns_hub import (
    Adapter,
    AsyncClient,
    Capability,
    InvalidRecord,
    NotFound,
    Operation,
    Page,
    Reply,
    ReplyTooLarge,
    Request,
    Return,
    ReturnQuery,
    Slice,
    Status,
    Support,
    UnreadableField,
)
from returns_hub.store import Store
from returns_hub.sync import (
    ReconcileReport,
    RunOptions,
    SyncJob,
    SyncReport,
    reconcile_accounts,
    run_blocking,
    sync_accounts,
)

T = TypeVar("T")

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@define
class Vendor:
    """A vendor in memory, pages of three, that can be made to misbehave.

    ``rows`` is what a listing shows, ``more`` what only the return itself tells, by id. ``named`` are the ids that the
    feed of changes only names, ``tests`` those of test records; with ``forgets`` the listings reach back thirty days.
    """

    clock: datetime = NOON
    rows: dict[str, Return] = field(factory=dict)
    more: dict[str, dict[str, Any]] = field(factory=dict)
    lacks: set[Capability] = field(factory=lambda: {Capability.CHANGES})
    fails: dict[str, Exception] = field(factory=dict)
    asked: list[str] = field(factory=list)
    words: Counter[str] = field(factory=Counter)
    page_size: int = 3
    largest_page: int | None = None
    repeats_pages: bool = False
    tells_ahead: bool = False
    polls_open_returns: bool = True
    says_date: datetime | None = None
    spoilt: tuple[InvalidRecord, ...] = ()
    gaps: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    tests: frozenset[str] = frozenset()
    forgets: bool = False

    def now(self) -> datetime:
        """The time; looking at it takes a second."""
        self.clock += timedelta(seconds=1)
        return self.clock

    def add(self, *ids: str, **told: Any) -> None:
        """New returns, created now."""
        for return_id in ids:
            self.rows[return_id] = Return(**{"provider": "memory", "id": return_id, "created_at": self.now(), **told})

    def move(self, return_id: str, status: Status, word: str) -> None:
        """Another status for a return."""
        self.rows[return_id] = evolve(self.rows[return_id], status=status, status_raw=word)

    def answer(self, request: Request) -> None:
        """Note what is asked, and fail where that was arranged."""
        self.asked.append(request.path)
        for part, error in self.fails.items():
            if part in request.path:
                raise error

    def page(self, rows: list[Return], cursor: str | None, wanted: int | None = None) -> Page[Return]:
        size = min(wanted or self.page_size, self.page_size)
        start = 0 if self.repeats_pages else int(cursor or 0)
        end = int(cursor or 0) + size
        more = end < len(rows)
        ahead = [str(number) for number in range(end, len(rows), size)]
        return Page(
            items=rows[start : start + size],
            next=str(end) if more else None,
            prefetch=tuple(ahead) if self.tells_ahead else (),
            total=len(rows),
            invalid_records=() if more else self.spoilt,
            gaps=() if more else self.gaps,
        )

    def unknown_words(self) -> Mapping[str, int]:
        return dict(self.words)

    @property
    def unreadable_fields(self) -> tuple[UnreadableField, ...]:
        return tuple(UnreadableField(id=row.id, field=name) for row in self.rows.values() for name in row.unreadable)

    # What a client does, with neither adapter package nor HTTP.

    @property
    def adapter(self) -> "Memory":
        if self.forgets:
            return Forgetful(vendor=self)
        return Memory(vendor=self) if self.polls_open_returns else Pushing(vendor=self)

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def run(self, operation: Operation[T]) -> T:
        try:
            request = next(operation)
            while True:
                self.answer(request)
                date = {} if self.says_date is None else {"Date": format_datetime(self.says_date, usegmt=True)}
                request = operation.send(Reply(status=200, headers=date))
        except StopIteration as done:
            result: T = done.value
        finally:
            operation.close()
        return result


@frozen(kw_only=True)
class Memory(Adapter):
    """The adapter of :class:`Vendor`."""

    vendor: Vendor
    provider = "memory"
    display_name = "Memory"

    def support(self, capability: Capability) -> Support:
        return Support.NO if capability in self.vendor.lacks else Support.YES

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        words = ",".join(query.raw_status) or "any"
        yield Request(method="GET", path=f"/returns/{words}/after-{_minute(query.created_after)}/{cursor}")
        self._refuse_too_large()
        rows = [
            row
            for row in self.vendor.rows.values()
            if not query.raw_status or row.status_raw in query.raw_status
            if query.created_after is None or (row.created_at or NOON) >= query.created_after
            if query.created_before is None or (row.created_at or NOON) <= query.created_before
        ]
        return self.vendor.page(rows, cursor, self.page_size)

    def _refuse_too_large(self) -> None:
        largest = self.vendor.largest_page
        if largest is not None and (self.page_size or self.vendor.page_size) > largest:
            raise ReplyTooLarge(limit=1000)

    def get_return(self, return_id: str) -> Operation[Return]:
        yield Request(method="GET", path=f"/return/{return_id}")
        if return_id not in self.vendor.rows:
            raise NotFound(http_status=404)
        return evolve(self.vendor.rows[return_id], **self.vendor.more.get(return_id, {}))

    def changes(self, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        yield Request(method="GET", path=f"/changes/{_minute(since)}/{cursor}")
        rows = [row for row in self.vendor.rows.values() if (row.updated_at or NOON) >= since]
        page = self.vendor.page([row for row in rows if row.id not in self.vendor.named], cursor, self.page_size)
        return evolve(page, read_again=self.vendor.named)

    def is_test_record(self, ret: Return) -> bool:
        return ret.id in self.vendor.tests

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        query = ReturnQuery(created_after=since, created_before=until)
        return (Slice(key="all", read=lambda cursor: self.list_returns(query, cursor)),)


@frozen(kw_only=True)
class Pushing(Memory):
    """The adapter of a vendor that does not want to be polled."""

    polls_open_returns = False


@frozen(kw_only=True)
class Forgetful(Memory):
    """The adapter of a vendor that lists the last thirty days only."""

    listing_reach = timedelta(days=30)


def _minute(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def a_job(vendor: Vendor, *, account: str = "acme", history_start: date = date(2026, 1, 1)) -> SyncJob:
    return SyncJob(account=account, open_client=lambda: cast("AsyncClient", vendor), history_start=history_start)


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture(scope="session")
def make_job() -> Callable[..., SyncJob]:
    """The sync of an account, ``acme`` unless given, at a vendor in memory."""
    return a_job


@pytest.fixture
def reconcile(vendor: Vendor, sqlite_store: Store) -> Callable[..., ReconcileReport]:
    """Compare the account ``acme`` in ``sqlite_store`` with the vendor."""

    def run(**options: Any) -> ReconcileReport:
        compare = partial(
            reconcile_accounts, [a_job(vendor)], sqlite_store, RunOptions(**{"now": vendor.now, **options})
        )
        (report,) = run_blocking(compare)
        return report

    return run


@pytest.fixture
def sync(vendor: Vendor, sqlite_store: Store) -> Callable[..., SyncReport]:
    """Sync the account ``acme`` at the vendor into ``sqlite_store``."""

    def run(**options: Any) -> SyncReport:
        job = a_job(vendor, history_start=options.pop("history_start", date(2026, 1, 1)))
        (report,) = run_blocking(
            partial(sync_accounts, [job], sqlite_store, RunOptions(**{"now": vendor.now, **options}))
        )
        return report

    return run
