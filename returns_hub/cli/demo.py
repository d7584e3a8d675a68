"""``demo``: the whole story, offline."""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from returns_hub import registry
from returns_hub.cli.console import check_installed, console_url
from returns_hub.cli.logs import log_to_stderr
from returns_hub.cli.output import print_heading, print_line, styled
from returns_hub.cli.sandbox import Started, configuration, running, trigger_deliveries
from returns_hub.cli.sync import print_report, progress_display
from returns_hub.cli.views import print_events, print_return, print_returns
from returns_hub.client import open_client
from returns_hub.errors import ConfigurationError, ReturnsHubError
from returns_hub.events import Origin, ReturnStatusChanged
from returns_hub.model import Address, Order, OrderLine
from returns_hub.status import Status

if TYPE_CHECKING:
    from returns_hub.hub import Hub
    from returns_hub.sync import SyncReport

_ROWS_OF_EACH: Final = 4
_ANSWER_SHOWN: Final = 200
_ORDER: Final = Order(
    number="ORD000212",
    id="124212",
    created_at=datetime(2026, 9, 5, 10, 46, 27, tzinfo=UTC),
    email="ada.sample@example.com",
    billing_address=Address(first_name="Ada", last_name="Sample", city="Eindhoven", country="NL"),
    lines=[
        OrderLine(
            id="153397",
            product_id="1007",
            name="Sample Suitcase blue",
            quantity=Decimal(1),
            price=Decimal("144.63"),
            price_with_tax=Decimal("175.00"),
        )
    ],
)


def find_order(number: str) -> Order | None:
    """The shop of the demo, which has one order; yours asks its database."""
    return _ORDER if number == _ORDER.number else None


def demo(
    *,
    keep: Path | None = None,
    all: Annotated[bool, Parameter(negative=())] = False,
    count: Annotated[int, Parameter(validator=Number(gte=1), show_default=True)] = 300,
    console: bool = False,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535), show_default=True)] = 8080,
) -> None:
    """Play the whole story offline: vendors, a sync, a table, webhooks, an order, a timeline.

    The vendors are simulators on loopback, called by the real client over real
    HTTP, and they call back. What is claimed is checked: the exit code is 1 if any
    of it is not true.

    For example:
      returns-hub demo
      returns-hub demo --keep ./demo
      returns-hub demo --all --count 50
      returns-hub demo --console

    Args:
        keep: Keep the mirror and its configuration in this new or empty directory.
        all: Every installed vendor; otherwise those that make a short story.
        count: How many returns each vendor has, and requests beside them where it has both.
        console: Instead of the story, the web console over the same simulators, to play with; until Ctrl-C.
        port: Where the console listens, on this machine; 0 takes a free port.
    """
    with _directory(keep) as directory, running(count=count, seed=1, every=all) as started:
        if console:
            _play(started, directory, port)
        else:
            _run(started, directory)
    if keep is not None:
        print_line()
        print_line(f"Kept. To look around: returns-hub --config {keep / 'returns-hub.toml'} returns")


def _run(started: Sequence[Started], directory: Path) -> None:
    from returns_hub.hub import Hub

    print_heading("1. The vendors, simulated on loopback")
    for one in started:
        print_line(f"{one.provider}: {len(one.simulator.return_ids)} returns on {one.base_url}")
    file = directory / "returns-hub.toml"
    text = configuration(started, store="sqlite:///returns.db", orders=f"{__name__}:{find_order.__name__}")
    file.write_text(text, encoding="utf-8")
    with Hub.from_config(file) as hub:
        _fill(hub, started)
        _poll(hub)
        with _receiving(hub) as url:
            changed = _receive(hub, started, url)
            _look_up(hub, started, url)
        _show(hub, changed)


def _play(started: Sequence[Started], directory: Path, port: int) -> None:
    """Serve the console, and the receiver that the simulators deliver to, until Ctrl-C."""
    check_installed()
    log_to_stderr(logging.WARNING, also="uvicorn")
    from returns_hub.console import create_console
    from returns_hub.console.sandbox import Sandbox, SandboxShop, SandboxVendor
    from returns_hub.hub import Hub
    from returns_hub.server import create_app
    from returns_hub.server.http_server import listening, run

    with listening("127.0.0.1", port) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for one in started:
            one.simulator.register_webhook(f"{url}/webhooks/{one.account}")
        file = directory / "returns-hub.toml"
        text = configuration(started, store="sqlite:///returns.db", orders=f"{__name__}:{find_order.__name__}")
        file.write_text(text, encoding="utf-8")
        with Hub.from_config(file) as hub:
            shop = SandboxShop()
            hub.on(name="shop")(shop.handle)
            print_heading("The vendors are simulated; the first sync reads everything into a local mirror")
            _sync(hub)
            vendors = {
                one.account: SandboxVendor(
                    one.account, one.simulator, url, orders=hub.accounts[one.account].orders is not None
                )
                for one in started
            }
            site = create_console(hub, sandbox=Sandbox(vendors, shop))
            with hub.working():
                run(
                    site.beside(create_app(hub)),
                    listener,
                    on_started=lambda: print_line(
                        f"Console: {console_url(listener)}  Try the page Sandbox. Ctrl-C ends it, and everything is gone."
                    ),
                    on_stopping=site.stop,
                    shutdown_timeout=2,
                )


def _fill(hub: "Hub", started: Sequence[Started]) -> None:
    print_heading("2. The first sync reads everything into a local mirror, which is SQLite")
    _sync(hub)
    mirrored = [(stored.account, stored.ret.id) for stored in hub.returns()]
    there = [(one.account, return_id) for one in started for return_id in one.simulator.return_ids]
    _check(
        f"all {len(there)} returns of {len(started)} vendors are in the mirror, each exactly once",
        sorted(mirrored) == sorted(there),
    )

    print_heading("3. One table, one vocabulary")
    rows = [stored for account in hub.accounts for stored in hub.returns(account=account, limit=_ROWS_OF_EACH)]
    print_returns(rows)
    print_line(
        f"The newest {_ROWS_OF_EACH} of each; returns-hub returns --limit N, --status WORD and --json show more."
    )

    print_heading("4. The second sync changes nothing")
    _check("no return is new or changed, and there are no events", all(_is_idle(report) for report in _sync(hub)))


def _poll(hub: "Hub") -> None:
    # One that waits for nothing else: its approval is one change, and no second one of what it waits for.
    chosen = next(stored for stored in hub.returns(status=Status.REQUESTED) if not stored.ret.attention)
    print_heading(f"5. At the vendor, somebody approves {chosen.ret.id}")
    # Not by hub.client: what that writes is in the mirror at once, and no sync would find it.
    with open_client(hub.accounts[chosen.account]) as somebody:
        somebody.set_status(chosen.ret.id, Status.APPROVED)
    last = _last_sequence(hub)
    _sync(hub)
    events = list(hub.events(after=last))
    print_events(events)
    _check("the next sync emits exactly one event", [event.type for event in events] == [ReturnStatusChanged.type])
    _check("and it is about that return", events[0].return_id == chosen.ret.id)


@contextmanager
def _receiving(hub: "Hub") -> Iterator[str]:
    """The address of a server that receives for the hub, as ``returns-hub serve`` does."""
    from returns_hub.server import create_app
    from returns_hub.testing import serve

    with serve(create_app(hub)) as server:
        yield server.url


def _receive(hub: "Hub", started: Sequence[Started], url: str) -> dict[str, str]:
    """The returns that webhooks were delivered for, by account."""
    from returns_hub.testing import call_platform

    print_heading("6. Returns change at the vendors, and each vendor delivers its own signed webhook")
    last = _last_sequence(hub)
    triggered = {one.account: trigger_deliveries(one, f"{url}/webhooks") for one in started}
    results = {account: result for account, result in triggered.items() if result is not None}
    statuses = [status for result in results.values() for status in result.statuses]
    _check(f"all {len(statuses)} deliveries are answered with success", set(statuses) <= {200, 201})
    forged = {call_platform("POST", f"{url}/webhooks/{account}", {}, b"{}") for account in results}
    _check(
        "a delivery that is not signed is refused, and not stored",
        all(answer is not None and answer.status == 401 for answer in forged)
        and len(list(hub.deliveries())) == len(statuses),
    )
    hub.process()
    events = list(hub.events(after=last))
    print_events(events)
    about = {(event.account, event.return_id) for event in events if event.origin is Origin.WEBHOOK}
    _check(
        "each of these returns has changed in the mirror, by webhook",
        about == {(account, result.return_id) for account, result in results.items()},
    )
    return {account: result.return_id for account, result in results.items()}


def _look_up(hub: "Hub", started: Sequence[Started], url: str) -> None:
    from returns_hub.testing import call_platform

    for one in started:
        if hub.accounts[one.account].orders is None:
            continue
        print_heading(f"7. A customer starts a return at {one.provider}, which asks for the order")
        address = f"{url}/orders/{one.account}/"
        answer = one.simulator.call_order_lookup(address, _ORDER.number)
        found = answer.body.decode() if answer is not None and answer.status == 200 else ""
        print_line(f"{' '.join(found.split())[:_ANSWER_SHOWN]}…")
        _check(
            f"the shop's order {_ORDER.number} is found, and answered as the vendor wants it", _ORDER.number in found
        )
        unknown = one.simulator.call_order_lookup(address, "ORD999999")
        _check("an order that the shop does not have is not found", unknown is not None and unknown.status == 404)
        method = registry.adapter_class(one.provider).order_lookup_method
        unsigned = call_platform(method, address + _ORDER.number if method == "GET" else address, {})
        _check(
            "a look-up that is not signed gets no data",
            unsigned is not None and (unsigned.status, unsigned.body) == (401, b""),
        )


def _show(hub: "Hub", changed: Mapping[str, str]) -> None:
    """One of the returns with a webhook: the one with most events."""
    if not changed:
        return
    timelines = [(list(hub.events(account=account, return_id=one)), account, one) for account, one in changed.items()]
    events, account, return_id = max(timelines, key=lambda timeline: len(timeline[0]))
    print_heading(f"8. One of them, with its timeline: {return_id}")
    stored = hub.get_return(account, return_id)
    if stored is None:
        raise ReturnsHubError(f"{account}: {return_id} is not in the mirror any more")
    print_return(stored, events)


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


def _sync(hub: "Hub") -> "tuple[SyncReport, ...]":
    with progress_display() as progress:
        reports = hub.sync(progress=progress)
    for report in reports:
        print_report(report)
        if report.error is not None:
            raise ReturnsHubError(f"{report.account}: {report.error}")
    return reports


def _last_sequence(hub: "Hub") -> int:
    return max(event.sequence for event in hub.events())


def _is_idle(report: "SyncReport") -> bool:
    return report.created == report.changed == report.events == 0


def _check(sentence: str, holds: bool) -> None:
    if not holds:
        raise ReturnsHubError(f"the demo claims what is not true: {sentence}")
    print_line(styled(f"✓ {sentence}", "green"))
