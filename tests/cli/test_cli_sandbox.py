"""``sandbox`` and ``demo``: the simulators, and the story told with them."""

import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

SCRIPT = Path(sys.executable).parent / "returns-hub"


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
    created = {report["account"]: report["created"] for report in run("sync", "--json").objects}
    assert created == {"returnless-sandbox": 30, "returnmate-sandbox": 20}


def test_ctrl_c_ends_it_cleanly(sandbox: tuple[Any, str]) -> None:
    command, _ = sandbox
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=30)
    assert (command.returncode, err) == (0, "")


def test_it_listens_on_loopback_only(sandbox: tuple[Any, str]) -> None:
    assert "returnmate: 20 returns on http://127.0.0.1:" in sandbox[1]


def test_a_port_that_is_taken_is_named(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("sandbox", "--port", str(port))
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ran.err.startswith(f"returns-hub: port {port} of 127.0.0.1: Address already in use")


@pytest.fixture(scope="module")
def told(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The demo, told into a pipe, and what it kept."""
    kept = tmp_path_factory.mktemp("demo") / "kept"
    done = subprocess.run(
        [SCRIPT, "demo", "--keep", kept],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done, kept


def test_the_demo_ends_well_by_itself(told: tuple[Any, Path]) -> None:
    assert (told[0].returncode, told[0].stderr) == (0, "")


def test_the_demo_shows_the_documented_return(told: tuple[Any, Path]) -> None:
    assert "RMA-2024-001234  returnmate-sandbox (returnmate)" in told[0].stdout.splitlines()


@pytest.mark.parametrize(
    "claim",
    [
        "✓ all 750 returns are in the mirror, each exactly once",
        "✓ no return is new or changed, no event is told",
        "✓ the next sync tells exactly one event",
        "✓ and it is about that return",
    ],
)
def test_the_demo_proves_its_claims(told: tuple[Any, Path], claim: str) -> None:
    assert claim in told[0].stdout.splitlines()


def test_the_demo_puts_no_escapes_into_a_pipe(told: tuple[Any, Path]) -> None:
    assert "\x1b" not in told[0].stdout


def test_the_demo_keeps_its_mirror(told: tuple[Any, Path]) -> None:
    with sqlite3.connect(told[1] / "returns.db") as database:
        counted = database.execute("select account, count(*) from returns group by account order by account").fetchall()
    # 300 returns and 300 requests at the one, 300 RMAs at the other.
    assert counted == [("returnless-sandbox", 600), ("returnmate-sandbox", 300)]


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
    ran = run("demo", "--count", "10", PYTHONPATH=second_vendor)
    assert (ran.code, ran.err) == (0, "")
    assert "✓ all 35 returns are in the mirror, each exactly once" in ran.lines
    assert {line.split()[0] for line in ran.lines if " RMA-2024-" in line} >= {"acme-sandbox", "returnmate-sandbox"}


def test_a_claim_that_is_not_true_fails_the_demo(environment: dict[str, str]) -> None:
    # A change that never reaches the vendor is what the demo must notice.
    program = (
        "import sys; from returns_hub import Client; "
        "Client.set_status = lambda *_: None; "
        "from returns_hub.cli import main; sys.argv[1:] = ['demo', '--count', '10']; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (
        1,
        "returns-hub: the demo claims what is not true: the next sync tells exactly one event\n",
    )
