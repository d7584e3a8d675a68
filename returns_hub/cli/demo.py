"""``demo``: the whole story, offline."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from returns_hub.cli.output import heading, say, styled
from returns_hub.cli.sandbox import Started, configuration, running
from returns_hub.cli.sync import say_report, showing_progress
from returns_hub.cli.views import events_table, return_detail, returns_table
from returns_hub.errors import ConfigurationError, ReturnsHubError
from returns_hub.events import ReturnStatusChanged
from returns_hub.status import Status

if TYPE_CHECKING:
    from returns_hub.hub import Hub
    from returns_hub.sync import SyncReport

_TABLE_ROWS: Final = 12


def demo(
    *,
    keep: Path | None = None,
    count: Annotated[int, Parameter(validator=Number(gte=1), show_default=True)] = 300,
) -> None:
    """Play the whole story offline: vendors, a sync, a table, a change, its event.

    The vendors are simulators on loopback, called by the real client over real
    HTTP. What is claimed is checked: the exit code is 1 if any of it is not true.

    For example:
      returns-hub demo
      returns-hub demo --keep ./demo

    Args:
        keep: Keep the mirror and its configuration in this new or empty directory.
        count: How many returns each vendor has, and requests beside them where it has both.
    """
    with _directory(keep) as directory, running(count=count, seed=1) as started:
        _tell(started, directory)
    if keep is not None:
        say()
        say(f"Kept. To look around: returns-hub --config {keep / 'returns-hub.toml'} returns")


def _tell(started: Sequence[Started], directory: Path) -> None:
    from returns_hub.hub import Hub

    heading("1. The vendors, simulated on loopback")
    for one in started:
        say(f"{one.provider}: {len(one.simulator.return_ids)} returns on {one.base_url}")
    file = directory / "returns-hub.toml"
    file.write_text(configuration(started, store="sqlite:///returns.db"), encoding="utf-8")

    with Hub.from_config(file) as hub:
        heading("2. The first sync reads everything into a local mirror, which is SQLite")
        _sync(hub, details=True)
        mirrored = [(stored.account, stored.ret.id) for stored in hub.returns()]
        there = [(one.account, return_id) for one in started for return_id in one.simulator.return_ids]
        _claim(f"all {len(there)} returns are in the mirror, each exactly once", sorted(mirrored) == sorted(there))

        heading("3. One table, one vocabulary")
        returns_table(hub.returns(limit=_TABLE_ROWS))
        say(
            f"The newest {_TABLE_ROWS} of {len(there)}; returns-hub returns --limit N, --status WORD and --json show more."
        )

        chosen = next(hub.returns(status=Status.REQUESTED, limit=1))
        heading(f"4. One of them: {chosen.ret.id}")
        return_detail(chosen, hub.events(account=chosen.account, return_id=chosen.ret.id))

        heading("5. The second sync changes nothing")
        _claim("no return is new or changed, no event is told", all(_is_idle(report) for report in _sync(hub)))

        heading(f"6. At the vendor, somebody approves {chosen.ret.id}")
        hub.client(chosen.account).set_status(chosen.ret.id, Status.APPROVED)
        last = max(event.sequence for event in hub.events())
        _sync(hub)
        events = list(hub.events(after=last))
        events_table(events)
        _claim("the next sync tells exactly one event", [event.type for event in events] == [ReturnStatusChanged.type])
        _claim("and it is about that return", events[0].return_id == chosen.ret.id)


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="returns-hub-demo-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        used = any(keep.iterdir())
    except OSError as error:
        raise ConfigurationError(f"--keep {keep}: {error.strerror}") from error
    if used:
        raise ConfigurationError(f"--keep {keep}: the directory is not empty")
    yield keep


def _sync(hub: "Hub", *, details: bool = False) -> "tuple[SyncReport, ...]":
    with showing_progress() as progress:
        reports = hub.sync(details=details, progress=progress)
    for report in reports:
        say_report(report)
        if report.error is not None:
            raise ReturnsHubError(f"{report.account}: {report.error}")
    return reports


def _is_idle(report: "SyncReport") -> bool:
    return report.created == report.changed == report.events == 0


def _claim(sentence: str, holds: bool) -> None:
    if not holds:
        raise ReturnsHubError(f"the demo claims what is not true: {sentence}")
    say(styled(f"✓ {sentence}", "green"))
