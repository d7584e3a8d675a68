"""``sandbox`` and ``demo``: the simulators, and the demo."""

import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Hub, registry
from returns_hub.server import create_app
from returns_hub.testing import serve

Run = Callable[..., Any]

SCRIPT = Path(sys.executable).parent / "returns-hub"
ACCOUNTS = {f"{provider.replace('_', '-')}-sandbox" for provider in registry.sandboxes()}


@pytest.fixture
def sandbox(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, running, and what it printed before it waited."""
    command = subprocess.Popen(
        [SCRIPT, "sandbox", "--port", "0", "--count", "20"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    printed = ""
    for line in command.stdout:
        printed += line
        if line.startswith("Ctrl-C"):
            break
    yield command, printed
    command.kill()
    command.communicate()


def test_the_printed_configuration_works(sandbox: tuple[Any, str], run: Run, tmp_path: Path) -> None:
    _, printed = sandbox
    configuration = printed[printed.index("store = ") : printed.index("Ctrl-C")]
    (tmp_path / "returns-hub.toml").write_text(configuration)
    assert 'webhook_url = "http://127.0.0.1:8000/webhooks/return-helper-sandbox"' in configuration
    created = {report["account"]: report["created"] for report in run("sync", "--json").objects}
    assert set(created) == ACCOUNTS
    # Returnless has a request for each return; where one grew from the other, the mirror has one.
    assert (created["return-helper-sandbox"], created["returnless-sandbox"], created["returnmate-sandbox"]) == (
        20,
        30,
        20,
    )


def test_ctrl_c_ends_it_cleanly(sandbox: tuple[Any, str]) -> None:
    command, _ = sandbox
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=120)
    assert (command.returncode, err) == (0, "")


def test_it_listens_on_loopback_only(sandbox: tuple[Any, str]) -> None:
    assert "returnmate: 20 returns on http://127.0.0.1:" in sandbox[1]


def test_its_webhooks_come_in_as_soon_as_somebody_listens(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ["--port", "0", "--count", "5", "--every", "0.1", "--webhooks", f"http://127.0.0.1:{port}/webhooks/"]
    with subprocess.Popen(
        [SCRIPT, "sandbox", *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        printed = "".join(iter(command.stdout.readline, "Ctrl-C ends it.\n"))
        (tmp_path / "returns-hub.toml").write_text(printed[printed.index("store = ") :])
        # Some vendors sign the address that is registered: it is the one that is delivered to.
        assert f'webhook_url = "http://127.0.0.1:{port}/webhooks/return-helper-sandbox"' in printed
        assert command.stdout.readline() == f"Waiting for somebody to listen on http://127.0.0.1:{port}/webhooks\n"
        with Hub.from_config(tmp_path / "returns-hub.toml") as hub, serve(create_app(hub), port=port):
            lines = [command.stdout.readline() for _ in ACCOUNTS]
            hub.process()
            processed = {one.account for one in hub.deliveries() if one.state == "processed"}
            changed = {event.account for event in hub.events()}
            command.send_signal(signal.SIGINT)
            assert command.wait(120) == 0
    told = [re.fullmatch(r"(\w+): webhook for \S+, answered ((?:20[01](?:, )?)+)\n", line) for line in lines]
    assert [each and each[1] for each in told] == list(registry.sandboxes())
    assert processed == changed == ACCOUNTS


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1/webhooks", "http://", "http://x/webhooks?a=1"])
def test_an_address_that_is_none_is_refused(run: Run, url: str) -> None:
    ran = run("sandbox", "--webhooks", url)
    sentence = f"returns-hub: --webhooks takes an address like http://127.0.0.1:8000/webhooks, not {url!r}\n"
    assert (ran.code, ran.out, ran.err) == (2, "", sentence)


def test_a_port_that_is_taken_is_named(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("sandbox", "--port", str(port))
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ran.err.startswith(f"returns-hub: port {port} of 127.0.0.1: Address already in use")


@pytest.fixture(scope="module")
def played(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The demo, run into a pipe, and the directory that it kept."""
    kept = tmp_path_factory.mktemp("demo") / "kept"
    done = subprocess.run(
        [SCRIPT, "demo", "--all", "--keep", kept],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return done, kept


def test_the_demo_ends_well_by_itself(played: tuple[Any, Path]) -> None:
    assert (played[0].returncode, played[0].stderr) == (0, "")


def test_the_demo_shows_every_vendor_in_one_table(played: tuple[Any, Path]) -> None:
    table = played[0].stdout.partition("3. One table")[2].partition("4. ")[0].splitlines()
    assert Counter(line.split()[0] for line in table if "-sandbox" in line) == dict.fromkeys(ACCOUNTS, 4)
    assert any("RMA-2024-001234" in line for line in table)


def test_the_demo_has_a_webhook_of_every_vendor(played: tuple[Any, Path]) -> None:
    lines = played[0].stdout.partition("6. Returns change")[2].partition("7. A customer")[0].splitlines()
    answers = {line.partition(":")[0]: line.partition("answered ")[2] for line in lines if ", answered " in line}
    assert set(answers) == set(registry.sandboxes())
    assert (answers["return_helper"], answers["returnless"], answers["returnmate"]) == ("200, 200, 200", "201", "200")
    heard = {line.split()[3] for line in lines if re.match(r"\d+ .* webhook  ", line)}
    assert heard == ACCOUNTS


def test_the_demo_ends_with_the_timeline_of_a_parcel(played: tuple[Any, Path]) -> None:
    timeline = played[0].stdout.partition("8. One of them")[2].partition("Timeline (UTC)")[2]
    assert re.findall(r"returns-hub, \w+(?: \d+)? +([\w.]+): ", timeline) == [
        "return.created",
        "return.status_changed",
        "shipment.updated",
        "label.ready",
        "return.status_changed",
        "shipment.updated",
        "item.added",
        "item.received",
        "item.disposition_changed",
        "item.measured",
    ]


@pytest.mark.parametrize(
    "claim",
    [
        "✓ no return is new or changed, and there are no events",
        "✓ the next sync emits exactly one event",
        "✓ and it is about that return",
        "✓ all 8 deliveries are answered with success",
        "✓ a delivery that is not signed is refused, and not stored",
        "✓ each of these returns has changed in the mirror, by webhook",
        "✓ the shop's order ORD000212 is found, and answered as the vendor wants it",
        "✓ an order that the shop does not have is not found",
        "✓ a look-up that is not signed gets no data",
    ],
)
def test_the_demo_proves_its_claims(played: tuple[Any, Path], claim: str) -> None:
    assert claim in played[0].stdout.splitlines()


def test_the_demo_puts_no_escapes_into_a_pipe(played: tuple[Any, Path]) -> None:
    assert "\x1b" not in played[0].stdout


def test_the_demo_keeps_its_mirror(played: tuple[Any, Path]) -> None:
    with sqlite3.connect(played[1] / "returns.db") as database:
        counted = database.execute("select account, count(*) from returns group by account order by account").fetchall()
    # Returnless has 300 returns and 300 requests, and a customer made one more return.
    assert {account for account, _ in counted} == ACCOUNTS
    assert (
        dict(counted).items()
        >= {"return-helper-sandbox": 300, "returnless-sandbox": 601, "returnmate-sandbox": 300}.items()
    )


def test_the_demo_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    assert run("demo", "--count", "10", TMPDIR=str(tmp_path / "scratch")).code == 0
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_demo_does_not_write_into_a_directory_in_use(run: Run, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    ran = run("demo", "--keep", str(tmp_path))
    assert (ran.code, ran.out, ran.err) == (2, "", f"returns-hub: --keep {tmp_path}: the directory is not empty\n")


@pytest.fixture
def second_vendor(tmp_path: Path) -> str:
    """A directory for PYTHONPATH that holds another installed vendor package with a simulator."""
    metadata = tmp_path / "plugins" / "acme_returns-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-returns\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[returns_hub.adapters]\nacme = acme_returns:Acme\n[returns_hub.sandboxes]\nacme = acme_returns:AcmeSandbox\n"
    )
    (metadata.parent / "acme_returns.py").write_text(
        "from attrs import frozen\n"
        "from returns_hub_returnmate import ReturnMate\n"
        "from returns_hub_returnmate.sandbox import ReturnMateSandbox\n"
        "@frozen(kw_only=True)\n"
        "class Acme(ReturnMate):\n"
        "    provider = 'acme'\n"
        "class AcmeSandbox(ReturnMateSandbox):\n"
        "    provider = 'acme'\n"
    )
    return str(metadata.parent)


def test_the_demo_plays_every_installed_simulator(run: Run, second_vendor: str) -> None:
    ran = run("demo", "--all", "--count", "10", PYTHONPATH=second_vendor)
    assert (ran.code, ran.err) == (0, "")
    vendors = len(ACCOUNTS) + 1
    claim = re.compile(rf"✓ all \d+ returns of {vendors} vendors are in the mirror, each exactly once")
    assert [line for line in ran.lines if claim.fullmatch(line)]
    assert {line.split()[0] for line in ran.lines if " RMA-2024-" in line} >= {"acme-sandbox", "returnmate-sandbox"}


def test_a_claim_that_is_not_true_fails_the_demo(environment: dict[str, str]) -> None:
    # A change that never reaches the vendor is what the demo must notice.
    program = (
        "import sys; from returns_hub import Client; "
        "Client.set_status = lambda *_: None; "
        "from returns_hub.cli import main; sys.argv[1:] = ['demo', '--count', '10']; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "returns-hub: the demo claims what is not true: the next sync emits exactly one event\n",
    )
