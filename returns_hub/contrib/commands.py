"""What the commands of Flask and Django have in common: ``work`` and ``sync`` for a hub of the application's own."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from returns_hub.cli.signals import DEFAULT_GRACE, work_until_signalled
from returns_hub.errors import PluginError
from returns_hub.hub import Hub
from returns_hub.reports import ReconcileReport, SyncReport

__all__ = ["DEFAULT_CONCURRENCY", "DEFAULT_GRACE", "print_reports", "work"]

DEFAULT_CONCURRENCY: Final = 4
"""How many deliveries of an account, and how many accounts' syncs, at once."""


def work(
    hub: Hub, write: Callable[[str], object], *, concurrency: int, grace: float, reload: Callable[[], object]
) -> None:
    """Process deliveries, call handlers and sync the accounts that have ``sync_every``, until SIGTERM or Ctrl-C.

    At SIGHUP ``reload`` is called, which takes up a changed configuration.

    Raises:
        ConfigurationError: the options of an account are wrong, or a secret of it is not there. Nothing was begun.
        StoreError: the store cannot be opened.
    """
    for account in hub.accounts:
        with suppress(PluginError):  # a vendor's package that is broken is its own account's trouble
            hub.client(account)
    started = f"Working for {_plural(len(hub.accounts), 'account')}; Ctrl-C ends it."
    work_until_signalled(hub, concurrency=concurrency, grace=grace, on_started=lambda: write(started), reload=reload)


def print_reports(reports: Sequence[SyncReport | ReconcileReport], write: Callable[[str], object]) -> list[str]:
    """A line for each account that was read; gives what failed, in a sentence each."""
    problems = []
    for report in reports:
        if report.skipped is not None:
            write(f"{report.account}: left to another process: {report.skipped}")
        elif report.error is not None:
            problems.append(f"{report.account}: {report.error}")
        elif isinstance(report, SyncReport):
            write(f"{report.account}: {report.read} read, {report.created} new, {_plural(report.events, 'event')}")
        else:
            write(f"{report.account}: {report.checked} checked, {report.repaired} repaired, {report.gone} gone")
        if report.invalid_records:
            problems.append(f"{report.account}: {_plural(report.invalid_records, 'record')} could not be read")
        problems += [f"{report.account}: not seen whole: {gap}" for gap in report.gaps]
    return problems


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
