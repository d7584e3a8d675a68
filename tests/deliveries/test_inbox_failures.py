"""A database that fails: nothing is acknowledged that is not stored, and nobody has to help when it is back."""

import json
import os
import pwd
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

from returns_hub import HttpAnswer, Receipt, StoreError, WebhookRequest
from returns_hub.deliveries import Inbox
from returns_hub.store import Store


class Server(Protocol):
    home: Path

    def start(self, *options: str) -> None: ...
    def stop(self) -> None: ...


def put(inbox: Inbox, key: str, size: int = 10) -> int:
    body = b"x" * size
    request = WebhookRequest(method="POST", url="/w", body=body, received_at=datetime(2026, 3, 1, tzinfo=UTC))
    return inbox.put("acme", request, Receipt(events=(), answer=HttpAnswer(status=200), dedupe_key=key))


def refusal(inbox: Inbox, key: str) -> str:
    with pytest.raises(StoreError) as caught:
        put(inbox, key)
    return str(caught.value)


def keys(inbox: Inbox) -> set[str]:
    return {delivery.dedupe_key for delivery in inbox.find()}


@pytest.fixture
def sqlite_file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


def test_a_locked_database_is_no_success(sqlite_url: str, sqlite_file: Path) -> None:
    with Store.open(f"{sqlite_url}?timeout=0.05") as store, Inbox(store) as inbox:
        put(inbox, "before")
        with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert refusal(inbox, "meanwhile").endswith("is locked by another process")
        put(inbox, "after")
        assert keys(inbox) == {"before", "after"}


def test_a_database_that_may_not_grow_is_no_success(sqlite_url: str) -> None:
    with Store.open(sqlite_url) as store, Inbox(store) as inbox:
        put(inbox, "before")
        _most_pages(inbox, 1)
        with pytest.raises(StoreError, match="the disk is full"):
            put(inbox, "meanwhile", size=100_000)
        _most_pages(inbox, 2**30)
        put(inbox, "after", size=100_000)
        assert keys(inbox) == {"before", "after"}


def _most_pages(inbox: Inbox, count: int) -> None:
    # The limit is of a connection, and deliveries have one of their own.
    with inbox._delivery_writer._transaction(time.monotonic()) as driver:
        driver.execute(f"PRAGMA max_page_count = {count}")


# The file system takes no more: a limit on the size of files is as good as a full disk, and can be lifted.
_FULL_DISK: Final = """
import json, resource, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from returns_hub.store import Store
from returns_hub.deliveries import Inbox
from test_inbox_failures import put, StoreError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
stored, refused = [], []
with Store.open({url!r}) as store, Inbox(store) as inbox:
    put(inbox, "before")
    largest = max(file.stat().st_size for file in Path({url!r}.removeprefix("sqlite:///")).parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 300_000, hard))
    for number in range(20):
        try:
            put(inbox, str(number), size=50_000)
            stored.append(str(number))
        except StoreError as problem:
            refused.append(str(problem))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    put(inbox, "after", size=50_000)
    found = sorted(delivery.dedupe_key for delivery in inbox.find())
print(json.dumps({{"stored": stored, "refused": refused, "found": found}}))
"""


def test_a_full_disk_is_no_success(sqlite_url: str) -> None:
    code = _FULL_DISK.format(tests=str(Path(__file__).parent), url=sqlite_url)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["found"] == sorted(["before", *told["stored"], "after"])
    assert len(told["stored"]) >= 1
    assert len(told["refused"]) >= 1
    assert all("disk" in reason for reason in told["refused"])


@pytest.fixture
def public_file() -> Iterator[Path]:
    """A mirror in a directory that everybody may write to, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name) / "returns.db"


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root is nobody meanwhile; anybody else has no special rights anyway."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    yield
    os.seteuid(user)


@pytest.mark.usefixtures("nobody")
def test_a_read_only_database_is_no_success(public_file: Path) -> None:
    Store.open(f"sqlite:///{public_file}").close()
    public_file.chmod(0o444)
    with Store.open(f"sqlite:///{public_file}") as store, Inbox(store) as inbox:
        assert refusal(inbox, "meanwhile").endswith("is read-only")
        # Its journal was created with the rights of the file.
        for file in public_file.parent.iterdir():
            file.chmod(0o644)
        put(inbox, "after")
        assert keys(inbox) == {"after"}


@pytest.fixture
def postgresql_address(own_postgresql: Server) -> str:
    return f"postgresql://postgres@/postgres?host={own_postgresql.home}"


def test_a_server_that_is_stopped_and_started_is_no_success_and_no_loss(
    own_postgresql: Server, postgresql_address: str
) -> None:
    with Store.open(postgresql_address) as store, Inbox(store) as inbox:
        put(inbox, "before")
        own_postgresql.stop()
        assert "cannot be reached" in refusal(inbox, "meanwhile")
        own_postgresql.start()
        put(inbox, "after")
        assert keys(inbox) == {"before", "after"}


def test_a_server_that_takes_no_writes_is_no_success(own_postgresql: Server, postgresql_address: str) -> None:
    with Store.open(postgresql_address) as store, Inbox(store) as inbox:
        put(inbox, "before")
        _take_writes(postgresql_address, "on")
        assert refusal(inbox, "meanwhile").endswith("is read-only")
        _take_writes(postgresql_address, "off")
        put(inbox, "after")
        assert keys(inbox) == {"before", "after"}


def _take_writes(address: str, read_only: str) -> None:
    """Every connection is read-only from its beginning, or none: as after a change of servers."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE postgres SET default_transaction_read_only = {read_only}".encode())
        if read_only == "on":
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )


def test_whatever_was_acknowledged_around_restarts_is_there(own_postgresql: Server, postgresql_address: str) -> None:
    acknowledged: list[str] = []
    over = threading.Event()

    def send(inbox: Inbox, sender: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            with suppress(StoreError):
                put(inbox, f"{sender}-{number}")
                acknowledged.append(f"{sender}-{number}")

    with Store.open(postgresql_address) as store, Inbox(store) as inbox:
        senders = [threading.Thread(target=send, args=(inbox, sender)) for sender in range(8)]
        for sender in senders:
            sender.start()
        for _ in range(3):
            _let_some_through(acknowledged)
            own_postgresql.stop()
            own_postgresql.start()
        _let_some_through(acknowledged)
        over.set()
        for sender in senders:
            sender.join()
        assert set(acknowledged) <= keys(inbox)


def _let_some_through(acknowledged: list[str]) -> None:
    wanted, deadline = len(acknowledged) + 20, time.monotonic() + 20
    while len(acknowledged) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.005)
