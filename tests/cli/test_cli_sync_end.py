"""SIGTERM and Ctrl-C end ``sync`` and ``reconcile`` also while a vendor is silent, and whatever hangs."""

import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from returns_hub import Account, Hub
from returns_hub.store import Store

Silent: TypeAlias = socket.socket
Started: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def silent() -> Iterator[Silent]:
    """A vendor that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(120)
        yield listener


@pytest.fixture
def started(silent: Silent, tmp_path: Path, environment: dict[str, str]) -> Iterator[Started]:
    """Starts a command that asks the vendor, and gives it once it waits for the answer."""
    (tmp_path / "returns-hub.toml").write_text(
        f'store = "sqlite:///returns.db"\n[accounts.acme]\nprovider = "returnmate"\napi_key = "rm_test"\n'
        f'base_url = "http://127.0.0.1:{silent.getsockname()[1]}"\n'
    )
    with ExitStack() as held:

        def start(*arguments: str) -> "subprocess.Popen[str]":
            command = [str(Path(sys.executable).parent / "returns-hub"), *arguments]
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
            held.enter_context(process)
            held.callback(process.kill)
            connection, _ = silent.accept()
            held.enter_context(connection)
            connection.settimeout(120)
            assert connection.recv(1)
            return process

        yield start


def leases(directory: Path) -> list[object]:
    with closing(sqlite3.connect(directory / "returns.db")) as database:
        return database.execute("SELECT * FROM leases").fetchall()


@pytest.mark.parametrize(
    ("arguments", "number", "code"),
    [
        (("sync",), signal.SIGTERM, 130),
        (("sync", "--every", "1s"), signal.SIGINT, 0),
        (("reconcile",), signal.SIGTERM, 130),
    ],
)
def test_a_silent_vendor_keeps_no_process_alive(
    started: Started, tmp_path: Path, arguments: tuple[str, ...], number: signal.Signals, code: int
) -> None:
    process = started(*arguments, "--grace", "60")
    assert leases(tmp_path)
    process.send_signal(number)
    _, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints, leases(tmp_path)) == (code, "", [])


def test_what_hangs_at_the_end_has_a_limit(started: Started, tmp_path: Path) -> None:
    process = started("sync", "--grace", "0.5")
    with closing(sqlite3.connect(tmp_path / "returns.db", isolation_level=None)) as other:
        # Nothing can be written down or released meanwhile.
        other.execute("BEGIN IMMEDIATE")
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints) == (1, "returns-hub: not finished 0.5 s after the signal: ended\n")


def test_a_worker_ends_the_sync_of_a_silent_vendor(silent: Silent, tmp_path: Path) -> None:
    account = Account(
        name="acme",
        provider="returnmate",
        base_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
        sync_every=timedelta(minutes=1),
        options={"api_key": "rm_test"},
    )
    with Hub([account], store=f"sqlite:///{tmp_path}/returns.db") as hub, ExitStack() as held:
        with hub.working(grace=60):
            connection, _ = silent.accept()
            held.enter_context(connection)
            connection.settimeout(120)
            assert connection.recv(1)
            assert leases(tmp_path)
        assert leases(tmp_path) == []
    with Store.open(f"sqlite:///{tmp_path}/returns.db") as store:
        assert store.health("acme").error == "the sync was stopped"
