"""How the syncs of an account go: when the last one ran, how it ended, and how old the mirror is."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen
from sqlalchemy import select

from returns_hub.events import ConnectionDegraded, ConnectionRecovered, Event, Origin
from returns_hub.scalars import format_time, parse_time
from returns_hub.store import rows
from returns_hub.store.checkpoints import COVERED, load_checkpoints, save_checkpoints
from returns_hub.store.database import CLOCK_MARGIN, Database, database_time, store_errors
from returns_hub.store.events import append_events
from returns_hub.store.schema import CHECKPOINTS
from returns_hub.store.sql import chunks

_HEALTH: Final = "health"
# How many syncs ended and failed in each of the last hours, and what the last one counted.
_RUNS: Final = "runs"
_HOURS_KEPT: Final = 25
# A failure or two are a vendor's bad minute.
_FAILURES_OF_A_DEGRADED: Final = 3


@frozen(kw_only=True)
class SyncHealth:
    """How the syncs of an account go.

    ``started_at`` and ``finished_at`` are those of the last sync; ``finished_at`` is None while it runs, and after it was
    killed. ``error`` is why it ended early, ``failures`` how many in a row did. ``degraded``: so many that a
    ``connection.degraded`` was emitted, and no sync has succeeded since. What the vendor has up to ``covered_until`` is in
    the mirror. ``counted`` are the counts of the last sync that ended, by the names of its report.
    """

    account: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    failures: int = 0
    degraded: bool = False
    covered_until: datetime | None = None
    counted: Mapping[str, int] = field(factory=dict, hash=False)

    def lag_s(self, now: datetime) -> float | None:
        """How many seconds the mirror is behind the vendor; None before the first sync is through."""
        return None if self.covered_until is None else max(0.0, (now - self.covered_until).total_seconds())


class SyncLog:
    """Keeps the health of every account of a mirror."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def health(self, account: str) -> SyncHealth:
        """How the syncs of an account go. One that was never synced has nothing but its name.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            saved = load_checkpoints(connection, account, (COVERED, _HEALTH, _RUNS))
            return _sync_health(account, saved, database_time(connection) + CLOCK_MARGIN)

    @store_errors
    def health_of(self, accounts: Iterable[str]) -> list[SyncHealth]:
        """How the syncs of many accounts go.

        Raises:
            StoreError: the database fails.
        """
        table = CHECKPOINTS.c
        query = select(table.account, table.name, table.value).where(table.name.in_((COVERED, _HEALTH, _RUNS)))
        saved: dict[str, dict[str, Any]] = defaultdict(dict)
        accounts = tuple(accounts)
        with self.database.reading() as connection:
            for some in chunks(accounts):
                for account, name, value in connection.execute(query.where(table.account.in_(some))):
                    saved[account][name] = rows.decode(value)
            latest = database_time(connection) + CLOCK_MARGIN
        return [_sync_health(account, saved[account], latest) for account in accounts]

    @store_errors
    def runs_by_hour(self) -> Mapping[datetime, tuple[int, int]]:
        """How many syncs of all accounts ended, and how many of them failed, by the hour; of the last day.

        Raises:
            StoreError: the database fails.
        """
        totals: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        with self.database.reading() as connection:
            for value in connection.execute(select(CHECKPOINTS.c.value).where(CHECKPOINTS.c.name == _RUNS)).scalars():
                for hour, (runs, failures) in rows.decode(value)["hours"].items():
                    totals[hour] += runs
                    failed[hour] += failures
        return {parse_time(hour): (runs, failed[hour]) for hour, runs in totals.items()}

    def started(self, account: str, at: datetime) -> None:
        """A sync of the account begins.

        Raises:
            StoreError: the database fails.
        """
        before = self.health(account)
        self._save(account, started_at=at, finished_at=None, error=before.error, failures=before.failures)

    def finished(
        self,
        account: str,
        at: datetime,
        error: str | None,
        *,
        failed: bool,
        counted: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """A sync of the account has ended, why where it did so early, and what it ``counted``.

        After several that ``failed``, one event says so, and another one once a sync succeeds. One that was stopped, or
        put off by its vendor, says nothing about the connection.

        Raises:
            StoreError: the database fails.
        """
        before = self.health(account)
        failures = before.failures
        if error is None:
            failures = 0
        elif failed:
            failures += 1
        degraded = failures >= _FAILURES_OF_A_DEGRADED
        events: list[Event] = []
        if degraded and not before.degraded:
            events = [_event(ConnectionDegraded, account, at, (None, error))]
        elif before.degraded and not degraded:
            events = [_event(ConnectionRecovered, account, at, (before.error, None))]
        self._save(
            account, started_at=before.started_at or at, finished_at=at, error=error, failures=failures, events=events
        )
        self._count_run(account, at, counted, failed=failed)

    @store_errors
    def _count_run(self, account: str, at: datetime, counted: Mapping[str, int], *, failed: bool) -> None:
        hour = format_time(at.replace(minute=0, second=0, microsecond=0))
        with self.database.writing(serialized=False) as connection:
            hours = load_checkpoints(connection, account, (_RUNS,)).get(_RUNS, {}).get("hours", {})
            runs, failures = hours.get(hour, (0, 0))
            hours[hour] = [runs + 1, failures + failed]
            kept = {name: hours[name] for name in sorted(hours)[-_HOURS_KEPT:]}
            save_checkpoints(connection, account, {_RUNS: {"hours": kept, "counted": dict(counted)}})

    @store_errors
    def _save(
        self,
        account: str,
        *,
        started_at: datetime,
        finished_at: datetime | None,
        error: str | None,
        failures: int,
        events: Sequence[Event] = (),
    ) -> None:
        saved_health = {
            "started_at": format_time(started_at),
            "finished_at": finished_at and format_time(finished_at),
            "error": error,
            "failures": failures,
            "degraded": failures >= _FAILURES_OF_A_DEGRADED,
        }
        with self.database.writing() as connection:
            save_checkpoints(connection, account, {_HEALTH: saved_health})
            append_events(connection, events)


def _event(kind: type[Event], account: str, at: datetime, error: tuple[str | None, str | None]) -> Event:
    identity = f"{account} {kind.type} {format_time(at)}"
    return kind(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        account=account,
        return_id="",
        occurred_at=at,
        recorded_at=at,
        origin=Origin.LOCAL,
        changes={"error": error},
    )


def _sync_health(account: str, saved: Mapping[str, Any], latest: datetime) -> SyncHealth:
    saved_health = saved.get(_HEALTH, {})
    return SyncHealth(
        account=account,
        started_at=_moment(saved_health.get("started_at"), latest),
        finished_at=_moment(saved_health.get("finished_at"), latest),
        error=saved_health.get("error"),
        failures=saved_health.get("failures", 0),
        degraded=saved_health.get("degraded", False),
        covered_until=_moment(saved.get(COVERED, {}).get("until"), latest),
        counted=saved.get(_RUNS, {}).get("counted", {}),
    )


def _moment(text: str | None, latest: datetime) -> datetime | None:
    """A stored moment; None for one that is still to come: a clock was ahead, by an unknown time."""
    moment = None if text is None else parse_time(text)
    return moment if moment is not None and moment <= latest else None
