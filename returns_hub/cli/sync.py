"""``sync``: bring the mirror in step with the vendors."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias

from returns_hub.cli.options import ConfigPath
from returns_hub.cli.output import clean, complain, count, error_console, json_line, say
from returns_hub.convert import dump
from returns_hub.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from returns_hub.hub import Hub
    from returns_hub.sync import SyncProgress, SyncReport

ShowProgress: TypeAlias = "Callable[[SyncProgress], None]"

_SECONDS_BETWEEN_LINES: Final = 10.0
_UNKNOWN_WORDS_SHOWN: Final = 5


def sync(
    *accounts: str,
    since: date | None = None,
    full: bool = False,
    details: bool = False,
    json: bool = False,
    config: ConfigPath = None,
) -> int:
    """Bring the mirror up to date.

    The first sync of an account reads its whole history, later ones read what
    changed. One that was cut off goes on where it stopped. The exit code is 1 if
    an account failed or could not be seen whole; the others are synced all the same.

    For example:
      returns-hub sync
      returns-hub sync acme-au acme-nl --json
      returns-hub sync acme-au --since 2024-12-01

    Args:
        accounts: The accounts to sync; all of them if none is named.
        since: How far back the first sync reads, or which part of the history is to be read again, as 2024-12-30.
        full: Read the whole history again.
        details: Read every return one by one, which takes a request each.
        json: One JSON object a line: the summary of an account.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub, showing_progress(quiet=json) as progress:
        _check_options(hub, accounts)
        reports = hub.sync(*accounts, since=since, full=full, details=details, progress=progress)
    for report in reports:
        if json:
            json_line(dump(report))
        else:
            say_report(report)
    complaints = [complaint for report in reports for complaint in _complaints(report)]
    for complaint in complaints:
        complain(complaint)
    return 1 if complaints else 0


@contextmanager
def showing_progress(*, quiet: bool = False) -> Iterator[ShowProgress]:
    """A callback that shows how far a sync is: bars on a terminal, elsewhere a line now and then unless ``quiet``."""
    if error_console().is_terminal:
        with _bars() as bars:
            yield _bar_for_each_account(bars)
    elif quiet:
        yield lambda _: None
    else:
        yield _line_now_and_then()


def say_report(report: "SyncReport") -> None:
    """What the sync of one account did, in a line; one more if words came that have no meaning here."""
    say(
        f"{report.account}: {report.read} read, {report.created} new, {report.changed} changed, "
        f"{count(report.events, 'event')} ({count(report.requests, 'request')}, {report.duration_s:.1f} s)"
    )
    if report.unknown_words:
        say(f"{report.account}: {_unknown(report.unknown_words)}; returns-hub explain says what becomes of a word")


def _check_options(hub: "Hub", accounts: Sequence[str]) -> None:
    """Nothing is read if the configuration is wrong in any account; one whose package is broken reports it itself."""
    if not hub.accounts:
        raise ConfigurationError("the configuration has no accounts; [accounts.NAME] adds one")
    for account in accounts or hub.accounts:
        with suppress(PluginError):
            hub.client(account)


def _complaints(report: "SyncReport") -> Iterator[str]:
    if report.error is not None:
        yield f"{report.account}: {report.error}"
    if report.set_aside:
        unread = count(report.set_aside, "record")
        yield f"{report.account}: {unread} could not be read; the mirror does not have what they tell"
    for gap in report.gaps[:1]:
        more = f" (and {len(report.gaps) - 1} more)" if len(report.gaps) > 1 else ""
        yield f"{report.account}: not seen whole: {gap}{more}"


def _unknown(words: Mapping[str, int]) -> str:
    """The words that came most often without a meaning here."""
    most = sorted(words.items(), key=lambda counted: -counted[1])[:_UNKNOWN_WORDS_SHOWN]
    more = f" and {len(words) - len(most)} more" if len(words) > len(most) else ""
    return "unknown words: " + ", ".join(f"{clean(word)!r} ({times})" for word, times in most) + more


def _bars() -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=error_console(),
        transient=True,
    )


def _bar_for_each_account(bars: "Progress") -> ShowProgress:
    tasks: dict[tuple[str, str], TaskID] = {}

    def show(progress: "SyncProgress") -> None:
        key = (progress.account, progress.phase)
        if key not in tasks:
            tasks[key] = bars.add_task(" ".join(key), total=progress.total)
        bars.update(tasks[key], completed=progress.read, total=progress.total)

    return show


def _line_now_and_then() -> ShowProgress:
    last = time.monotonic()

    def show(progress: "SyncProgress") -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            of_total = f" of {progress.total}" if progress.total else ""
            say(f"{progress.account}: {progress.phase}, {progress.read}{of_total} read")

    return show
