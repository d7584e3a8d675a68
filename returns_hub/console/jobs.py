"""Syncs and comparisons that somebody has started in the console: they run in the background of this process."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeAlias

from attrs import evolve, frozen

from returns_hub.errors import ReturnsHubError, describe_error
from returns_hub.logs import log_event
from returns_hub.reports import ReconcileReport, SyncProgress, SyncReport

Report: TypeAlias = SyncReport | ReconcileReport

_MAX_RUNNING: Final = 4


@frozen(kw_only=True)
class Job:
    """A sync or a comparison of an account: how far it is, or what it came to."""

    kind: str
    account: str
    started_at: datetime
    progress: SyncProgress | None = None
    report: Report | None = None
    error: str | None = None
    ended_at: datetime | None = None

    @property
    def running(self) -> bool:
        """True until it has ended."""
        return self.ended_at is None


class Jobs:
    """The last job of each account."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    @property
    def all(self) -> Mapping[str, Job]:
        """The jobs by account."""
        with self._lock:
            return dict(self._jobs)

    def start(
        self,
        kind: str,
        account: str,
        run: Callable[[Callable[[SyncProgress], None]], Report],
        on_end: Callable[[Job], None],
    ) -> bool:
        """Start a job, which is given what to report its progress to; False if the account has one, or too many run."""
        with self._lock:
            running = [job.account for job in self._jobs.values() if job.running]
            if account in running or len(running) >= _MAX_RUNNING:
                return False
            self._jobs[account] = Job(kind=kind, account=account, started_at=datetime.now(UTC))
        # A sync that is cut off goes on where it stopped: it keeps no process alive.
        threading.Thread(target=self._run, args=(account, run, on_end), name=f"returns-hub-{kind}", daemon=True).start()
        return True

    def _run(
        self,
        account: str,
        run: Callable[[Callable[[SyncProgress], None]], Report],
        on_end: Callable[[Job], None],
    ) -> None:
        try:
            report = run(lambda progress: self._change(account, progress=progress))
            self._change(account, report=report, error=report.error, ended_at=datetime.now(UTC))
        except ReturnsHubError as error:
            self._change(account, error=str(error), ended_at=datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has ended
            message, problem = "%s: a sync that the console started failed: %s", describe_error(error)
            log_event("console.failed", message, account, problem, error=error, account=account)
            self._change(account, error="it failed; the log of the server says why", ended_at=datetime.now(UTC))
        # The store may be what failed.
        with suppress(ReturnsHubError):
            on_end(self.all[account])

    def _change(self, account: str, **values: object) -> None:
        with self._lock:
            self._jobs[account] = evolve(self._jobs[account], **values)  # type: ignore[arg-type]  # by the names of its fields
