"""What the tests of every area share: how Hypothesis runs, SQLite files, and one PostgreSQL that lives as long as they do."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, groupby
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define
from hypothesis import HealthCheck, settings

from returns_hub import Return
from returns_hub.store import Store

# How fast an example runs is the machine's business, which may be a busy one.
_ANY_MACHINE: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("tests", _ANY_MACHINE, max_examples=30)
settings.register_profile("campaign", _ANY_MACHINE, max_examples=1000)
_PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "tests")
settings.load_profile(_PROFILE)

# The wheel is tested where it is installed: `make wheel`.
collect_ignore = [] if "RETURNS_HUB_EXPECT_WHEEL" in os.environ else ["wheel"]

_TEMPLATE: Final = "template_of_a_store"
_NUMBERS: Final = count(1)
_NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    """Brings our own plugin in, where it was kept out: by its entry point it is imported before coverage looks."""
    # A shell that starts the tests in the background ignores SIGINT, and every process under test would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not config.pluginmanager.has_plugin("returns_hub"):
        config.pluginmanager.import_plugin("returns_hub.testing.plugin")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves what is marked ``campaign`` to ``make campaigns``, and measures no coverage while examples are repeated."""
    for item in items:
        # Tracing more than doubles their time, and the other tests alone run more of the code than the gate asks for.
        if item.get_closest_marker("hypothesis") or item.name.startswith("test_a_corrupted_reply_does_not_crash"):
            item.add_marker("no_cover")
    if _PROFILE == "campaign":
        return
    left_out = [item for item in items if item.get_closest_marker("campaign")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@define
class Server:
    """A PostgreSQL that can be stopped and started; ``home`` is the directory of its socket."""

    home: Path
    programs: Path
    user: str | None
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, *options: str) -> None:
        # What is committed must outlive the server and not the machine: nothing is forced to the disk.
        quick = ["-c", "fsync=off", "-c", "full_page_writes=off"]
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.home}", *quick, *options]
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.home / "data", *settings], **self._quiet
        )
        self._wait()

    def stop(self) -> None:
        """At once, with every connection."""
        if self.process is not None:
            # SIGINT is what PostgreSQL calls a fast shutdown: it waits for nobody.
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
            self.process = None

    def create(self) -> None:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([self.programs / "initdb", "-D", self.home / "data", *options], check=True, **self._quiet)

    @property
    def _quiet(self) -> Mapping[str, Any]:
        nowhere = subprocess.DEVNULL
        return {"user": self.user, "cwd": self.home, "stdout": nowhere, "stderr": nowhere}

    def _wait(self) -> None:
        import psycopg

        while self.process is not None and self.process.poll() is None:
            try:
                psycopg.connect(host=str(self.home), user="postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("PostgreSQL did not start")


@pytest.fixture(scope="session")
def postgresql_programs() -> Path:
    """Where the programs of PostgreSQL's server are; a machine without them skips the test."""
    found = shutil.which("postgres")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = next((place for place in places if (place / "initdb").exists()), None)
    if programs is None:
        pytest.skip("PostgreSQL's server programs (initdb, postgres) are not on this machine")
    return programs


@pytest.fixture(scope="session")
def postgresql(postgresql_programs: Path) -> Iterator[str]:
    """The directory of the socket of a PostgreSQL that lives as long as the tests."""
    with _new_server(postgresql_programs) as server:
        server.start()
        yield str(server.home)


@pytest.fixture(scope="session")
def sent() -> Callable[[Any, Callable[[], object]], list[str]]:
    """What a connection to PostgreSQL sends while something is done: the statements of each round trip in one text."""
    from psycopg.pq import Trace

    def listen(driver: Any, do: Callable[[], object]) -> list[str]:
        with tempfile.TemporaryFile("w+") as lines:
            driver.prepare_threshold = None
            driver.pgconn.trace(lines.fileno())
            driver.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
            try:
                do()
            finally:
                driver.pgconn.untrace()
            lines.seek(0)
            pattern = r'^([FB])\t\d+\t(?:(?:Parse|Query)\t (?:"" )?"\s*(\w+))?'
            found = re.findall(pattern, lines.read(), re.MULTILINE)
        round_trips = groupby(found, lambda each: each[0])
        return [" ".join(word for _, word in each if word) for side, each in round_trips if side == "F"]

    return listen


@pytest.fixture
def own_postgresql(postgresql_programs: Path) -> Iterator[Server]:
    """A PostgreSQL of the test's own, which keeps what it commits."""
    with _new_server(postgresql_programs) as server:
        server.start()
        yield server


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    """The name of a database with the tables of a store: to copy it is quicker than to make them."""
    _execute(postgresql, f"CREATE DATABASE {_TEMPLATE}")
    Store.open(_address(postgresql, _TEMPLATE)).close()
    return _TEMPLATE


@pytest.fixture
def empty_postgresql_url(postgresql: str) -> Iterator[str]:
    """The address of a database without any tables."""
    with _new_database(postgresql, "template1") as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql: str, postgresql_template: str) -> Iterator[str]:
    """The address of an empty store on PostgreSQL."""
    with _new_database(postgresql, postgresql_template) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a store on SQLite that is not there yet."""
    return f"sqlite:///{tmp_path / 'mirror.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty store, on each database in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store, on each database in turn."""
    with Store.open(store_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    """So many minutes after noon."""
    return lambda minutes: _NOON + timedelta(minutes=minutes)


@pytest.fixture(scope="session")
def a_return() -> Callable[..., Return]:
    """A return with an id, and nothing else unless given."""

    def make(return_id: str = "r1", **told: Any) -> Return:
        return Return(provider="memory", id=return_id, **told)

    return make


@pytest.fixture(scope="session")
def side_by_side() -> Callable[[Sequence[Callable[[], None]]], None]:
    """Run each function in a thread of its own, and wait for all of them."""

    def run(functions: Sequence[Callable[[], None]]) -> None:
        with ThreadPoolExecutor(len(functions)) as threads:
            for done in [threads.submit(function) for function in functions]:
                done.result()

    return run


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    with Store.open(sqlite_url) as opened:
        yield opened


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts a program in Python in a process of its own, which is gone at the end of the test."""
    running: list[subprocess.Popen[str]] = []

    def run(program: str, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


@contextmanager
def _new_server(programs: Path) -> Iterator[Server]:
    """A PostgreSQL that is not started yet."""
    # The server refuses to run as root, and a socket's path must be short.
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="returns-hub-"))
    if user is not None:
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)
    server = Server(home, programs, user)
    try:
        server.create()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home)


@contextmanager
def _new_database(postgresql: str, template: str) -> Iterator[str]:
    name = f"store_{next(_NUMBERS)}"
    _execute(postgresql, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _address(postgresql, name)
    _execute(postgresql, f"DROP DATABASE {name} WITH (FORCE)")


def _address(postgresql: str, name: str) -> str:
    return f"postgresql://postgres@/{name}?host={postgresql}"


def _execute(postgresql: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(host=postgresql, user="postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
