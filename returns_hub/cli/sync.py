"""``sync``: bring the mirror in step with the vendors."""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias

from returns_hub.cli.logs import LogFormat, log_to_stderr
from returns_hub.cli.options import ConfigPath, Grace
from returns_hub.cli.output import clean, display, error_console, plural, print_error, print_json, print_remark
from returns_hub.cli.signals import DEFAULT_GRACE, interruptible
from returns_hub.convert import dump
from returns_hub.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from returns_hub.hub import Hub
    from returns_hub.sync import ReconcileReport, SyncProgress, SyncReport

ShowProgress: TypeAlias = "Callable[[SyncProgress], None]"

_LINE_INTERVAL: Final = 10.0
_UNKNOWN_WORDS_SHOWN: Final = 5
_UNREADABLE_SHOWN: Final = 5
_INTERVAL: Final = re.compile(r"([1-9]\d{0,5})(s|m|h)\Z")
_UNIT_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_MAX_START_DELAY: Final = 30.0


def sync(
    *accounts: str,
    since: date | None = None,
    full: bool = False,
    details: bool = False,
    every: str | None = None,
    log: LogFormat | None = None,
    json: bool = False,
    grace: Grace = DEFAULT_GRACE,
    config: ConfigPath = None,
) -> int:
    """Bring the mirror up to date.

    The first sync of an account reads its whole history, later ones read what
    changed. One that was cut off goes on where it stopped. An account that another
    process is syncing is left to it. The exit code is 1 if an account failed or
    could not be seen whole; the others are synced all the same. SIGTERM and Ctrl-C
    end it in good order: what was read is stored, and the exit code is 130.

    For example:
      returns-hub sync
      returns-hub sync acme-au acme-nl --json
      returns-hub sync acme-au --since 2024-12-01
      returns-hub sync --every 5m

    Args:
        accounts: The accounts to sync; all of them if none is named.
        since: How far back the first sync reads, or which part of the history is to be read again, as 2024-12-30.
        full: Read the whole history again.
        details: Read every return one by one, which takes a request each.
        every: Sync again and again, so long after the last time: 30s, 5m or 1h. It runs until Ctrl-C or SIGTERM, keeps
            what it has read, and the exit code is 0 then.
        log: Write the log to standard error too: "text" for lines, "json" for one JSON object a line.
        json: One JSON object a line: the summary of an account.
        grace: Seconds until the process has ended after a signal, whatever hangs.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    seconds = None if every is None else _interval(every)
    if seconds is not None and (full or since is not None):
        raise ConfigurationError("--every reads what changed: --full and --since are for a sync of their own")
    if log is not None:
        log_to_stderr(logging.INFO, log)
    with interruptible(grace), Hub.from_config(config) as hub:
        check_accounts(hub, accounts)

        def sync_once() -> int:
            with progress_display(quiet=json) as progress:
                reports = hub.sync(*accounts, since=since, full=full, details=details, progress=progress)
            for report in reports:
                if json:
                    print_json(dump(report))
                else:
                    print_report(report)
            return print_failures(reports)

        return sync_once() if seconds is None else _repeat(sync_once, seconds)


@contextmanager
def progress_display(*, quiet: bool = False) -> Iterator[ShowProgress]:
    """A callback that shows how far a sync is: bars on a terminal, elsewhere a line now and then unless ``quiet``."""
    if display().quiet:
        yield lambda _: None
    elif error_console().is_terminal:
        with _bars() as bars:
            yield _bar_for_each_account(bars)
    elif quiet:
        yield lambda _: None
    else:
        yield _periodic_lines()


def print_report(report: "SyncReport") -> None:
    """What the sync of one account did, in a line; one more if words came that have no meaning here."""
    if report.skipped is not None:
        print_remark(f"{report.account}: left to another sync: {report.skipped}")
        return
    print_remark(
        f"{report.account}: {report.read} read, {report.created} new, {report.changed} changed, "
        f"{plural(report.events, 'event')} ({plural(report.requests, 'request')}, {report.duration_s:.1f} s)"
    )
    print_remarks(report)


def print_remarks(report: "SyncReport | ReconcileReport") -> None:
    """A line if words came that have no meaning here, and one if fields could not be read: neither loses a return."""
    if report.unknown_words:
        print_remark(
            f"{report.account}: {_unknown(report.unknown_words)}; returns-hub explain says what becomes of a word"
        )
    if report.unreadable:
        shown = [f"{clean(each.id)} {clean(each.field)}" for each in report.unreadable[:_UNREADABLE_SHOWN]]
        more = len(report.unreadable) - len(shown)
        print_remark(
            f"{report.account}: could not be read and left empty: {', '.join(shown)}{f' and {more} more' if more else ''}"
        )


def print_failures(reports: "Sequence[SyncReport | ReconcileReport]") -> int:
    """Say what failed or could not be seen; the exit code for it."""
    complaints = [complaint for report in reports for complaint in _complaints(report)]
    for complaint in complaints:
        print_error(complaint)
    return 1 if complaints else 0


def check_accounts(hub: "Hub", accounts: Sequence[str], *, all_needed: bool = False) -> None:
    """Nothing is read if the configuration is wrong in any account; one whose package is broken reports it itself.

    So does one of whose values some are not there, such as variables that are not set, where others can go on and it was not named;
    unless ``all_needed``.

    Raises:
        ConfigurationError: what is wrong in the first of the accounts in which something is.
    """
    if not hub.accounts:
        raise ConfigurationError("the configuration has no accounts; returns-hub init adds one")
    wanted = accounts or tuple(hub.accounts)
    incomplete = [] if all_needed or accounts else [name for name in wanted if hub.accounts[name].unavailable]
    for account in wanted:
        if account not in incomplete or len(incomplete) == len(wanted):
            with suppress(PluginError):
                hub.client(account)


def _interval(text: str) -> float:
    match = _INTERVAL.match(text)
    if match is None:
        raise ConfigurationError(f"--every takes 30s, 5m or 1h, for instance, not {clean(text[:40])!r}")
    return int(match[1]) * _UNIT_SECONDS[match[2]]


def _repeat(sync_once: Callable[[], int], seconds: float) -> int:
    """Sync from now on, one after the other, until a signal; the exit code for having been stopped."""
    try:
        # Processes that were started together do not ask the vendors together.
        time.sleep(random.uniform(0, min(seconds / 10, _MAX_START_DELAY)))  # noqa: S311 - nobody guards a secret with it
        while True:
            begun = time.monotonic()
            sync_once()
            time.sleep(max(0.0, begun + seconds - time.monotonic()))
    except KeyboardInterrupt:
        return 0


def _complaints(report: "SyncReport | ReconcileReport") -> Iterator[str]:
    if report.error is not None:
        yield f"{report.account}: {report.error}"
    if report.invalid_records:
        unread = plural(report.invalid_records, "record")
        yield f"{report.account}: {unread} could not be read; they are missing in the mirror"
    for gap in report.gaps[:1]:
        more = f" (and {len(report.gaps) - 1} more)" if len(report.gaps) > 1 else ""
        yield f"{report.account}: not seen whole: {gap}{more}"


def _unknown(words: Mapping[str, int]) -> str:
    """The words that came most often without a meaning here."""
    most = sorted(words.items(), key=lambda counted: -counted[1])[:_UNKNOWN_WORDS_SHOWN]
    more = f" and {len(words) - len(most)} more" if len(words) > len(most) else ""
    return "unknown words: " + ", ".join(f"{clean(word)!r} ({times})" for word, times in most) + more


def _bars() -> "Progress":
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[rows]}", markup=False),
        TimeElapsedColumn(),
        console=error_console(),
        transient=True,
    )


def _bar_for_each_account(bars: "Progress") -> ShowProgress:
    tasks: dict[tuple[str, str], TaskID] = {}
    latest: dict[str, TaskID] = {}

    def show(progress: "SyncProgress") -> None:
        key = (progress.account, progress.phase)
        if key not in tasks:
            before = latest.get(progress.account)
            if before is not None:
                bars.update(before, total=bars.tasks[before].completed)
            tasks[key] = latest[progress.account] = bars.add_task(" ".join(key), total=progress.total, rows="")
        of_total = f" of {progress.total:,}" if progress.total is not None else " stored"
        bars.update(tasks[key], completed=progress.stored, total=progress.total, rows=f"{progress.stored:,}{of_total}")

    return show


def _periodic_lines() -> ShowProgress:
    last = time.monotonic()

    def show(progress: "SyncProgress") -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_INTERVAL:
            last = time.monotonic()
            of_total = f" of {progress.total}" if progress.total else ""
            print_remark(
                f"{progress.account}: {progress.phase}, {progress.read}{of_total} read, {progress.stored} stored"
            )

    return show
