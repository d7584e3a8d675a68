"""What the reliability campaigns share: databases, the vendor, senders, and what must be true in the end. Run the others.

Everything is a process of its own, so that it can be killed; the process that directs them has no threads, so that it
can fork: to start an interpreter for each of a thousand kills would take longer than the kills.
"""

import http.client
import json
import multiprocessing
import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import define, field, frozen
from sqlalchemy import text

from returns_hub import Account, DeliveryState, Hub
from returns_hub.store import Store
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

ACCOUNT: Final = "mate"
CONSUMER: Final = "shop"
DATABASES: Final = ("sqlite", "postgresql")

FORK: Final = multiprocessing.get_context("fork")

# A delivery: the headers and the body.
Signed: TypeAlias = tuple[Mapping[str, str], bytes]


class Violation(Exception):
    """Something happened that must not."""


def require(met: object, problem: str) -> None:
    if not met:
        raise Violation(problem)


def wait_for(met: Callable[[], bool], seconds: float, problem: str) -> float:
    """How long it took until it was so."""
    began = time.monotonic()
    while not met():
        require(time.monotonic() - began < seconds, f"after {seconds:.0f} s: {problem}")
        time.sleep(0.02)
    return time.monotonic() - began


# Databases.


@define
class PostgreSQL:
    """A PostgreSQL on a socket in ``home``, that keeps what it commits."""

    home: Path
    programs: Path
    user: str | None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.home}"

    def start(self) -> None:
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.home}"]
        self.process = subprocess.Popen([self.programs / "postgres", "-D", self.home / "data", *settings], **self.quiet)
        wait_for(self._answers, 30, "PostgreSQL did not start")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """At once, with every connection; with SIGQUIT as in a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    @property
    def quiet(self) -> Mapping[str, Any]:
        return {"user": self.user, "cwd": self.home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(host=str(self.home), user="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def empty(self, name: str) -> str:
        """The address of a new database."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://postgres@/{name}?host={self.home}"


def postgresql_programs() -> Path | None:
    """Where PostgreSQL's programs are."""
    found = shutil.which("postgres")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


def databases_here() -> Sequence[str]:
    """The databases that this machine has."""
    return DATABASES if postgresql_programs() else DATABASES[:1]


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL that was started."""
    programs = postgresql_programs()
    if programs is None:
        sys.exit("PostgreSQL's server programs (initdb, postgres) are not on this machine")
    # It refuses to run as root, and a socket's path must be short.
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="returns-hub-"))
    if user is not None:
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)
    server = PostgreSQL(home, programs, user)
    create: list[str | Path] = [programs / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run(create, check=True, **server.quiet)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home)


@contextmanager
def empty_databases(wanted: Iterable[str]) -> Iterator[Iterator[tuple[str, str]]]:
    """The names of the wanted kinds of database, and an empty one of each."""
    with tempfile.TemporaryDirectory() as directory, postgresql() if "postgresql" in wanted else no_server() as server:
        yield (
            (name, server.empty("campaign") if server and name == "postgresql" else f"sqlite:///{directory}/returns.db")
            for name in wanted
        )


@contextmanager
def no_server() -> Iterator[None]:
    yield None


# The vendor.


@define
class Vendor:
    """ReturnMate with so many RMAs, in a process of its own; and the deliveries that it makes, signed, one for an RMA."""

    sandbox: ReturnMateSandbox
    url: str
    news: Iterator[Signed]
    process: BaseProcess
    name: str = ACCOUNT

    @property
    def account(self) -> Account:
        return Account(
            name=self.name,
            provider="returnmate",
            base_url=self.url + self.sandbox.base_path,
            rate_limit="none",
            options=dict(self.sandbox.options),
        )

    @property
    def configuration(self) -> str:
        """The account as in ``returns-hub.toml``."""
        secret = self.sandbox.options["webhook_secrets"][0]
        lines = [
            f"[accounts.{self.name}]",
            'provider = "returnmate"',
            f'base_url = "{self.url}{self.sandbox.base_path}"',
            'rate_limit = "none"',
            f'api_key = "{self.sandbox.options["api_key"]}"',
            f'webhook_secrets = ["{secret}"]',
        ]
        return "\n".join(lines) + "\n"

    def deliveries(self, count: int) -> list[Signed]:
        """The next so many."""
        return [next(self.news) for _ in range(count)]


@contextmanager
def vendor(count: int, name: str = ACCOUNT, seed: int = 1) -> Iterator[Vendor]:
    """A vendor of so many RMAs; the first delivery about each has the mirror read it, and so emits one event."""
    sandbox = ReturnMateSandbox(count=count, seed=seed)
    here, there = FORK.Pipe()
    with forked(_be_vendor, sandbox, there) as process:
        news = (sandbox.webhook("rma.updated", return_id) for return_id in sorted(sandbox.return_ids))
        yield Vendor(sandbox, here.recv(), news, process, name)


def _be_vendor(sandbox: ReturnMateSandbox, there: Connection) -> None:
    with serve(sandbox) as running:
        there.send(running.url)
        signal.pause()


@contextmanager
def forked(target: Callable[..., None], *arguments: Any) -> Iterator[BaseProcess]:
    """A process that is killed in the end."""
    process = FORK.Process(target=target, args=arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


# Senders.


def post(port: int, signed: Signed, *, account: str = ACCOUNT, timeout: float = 30.0) -> int | None:
    """The status that a delivery is answered with; None where nothing is answered."""
    headers, body = signed
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        try:
            connection.request("POST", f"/webhooks/{account}", body, dict(headers))
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


@define
class Senders:
    """So many senders in a process of their own. As a vendor does, each sends a delivery until that is acknowledged."""

    there: Connection
    sent: list[bytes] = field(factory=list)
    _answers: list[tuple[bytes, int | None]] = field(factory=list)

    def send(self, deliveries: Sequence[Signed]) -> None:
        self.sent += [body for _, body in deliveries]
        self.there.send(deliveries)

    def acknowledged(self) -> list[bytes]:
        """The bodies that were answered with success by now, as often as they were."""
        return [body for body, status in self._told() if status == 200]

    def answers(self) -> Counter[int | None]:
        """What was answered by now, and how often; None is no answer."""
        return Counter(status for _, status in self._told())

    def wait_until_acknowledged(self, seconds: float = 60.0) -> float:
        """Until all that was sent is acknowledged; how long that took."""
        return wait_for(
            lambda: len(self.acknowledged()) == len(self.sent), seconds, "something sent is not acknowledged"
        )

    def _told(self) -> list[tuple[bytes, int | None]]:
        # In the end the senders are gone.
        with suppress(EOFError):
            while self.there.poll():
                self._answers.append(self.there.recv())
        return self._answers


@contextmanager
def senders(ports: Sequence[int], count: int) -> Iterator[Senders]:
    """Senders to whatever of these ports comes."""
    here, there = FORK.Pipe()
    with forked(_be_senders, ports, count, there):
        yield Senders(here)


def _be_senders(ports: Sequence[int], count: int, there: Connection) -> None:
    telling = threading.Lock()

    def send(signed: Signed) -> None:
        status = None
        while status != 200:
            status = post(random.choice(ports), signed)
            with telling:
                there.send((signed[1], status))
            if status != 200:
                time.sleep(0.05)

    with ThreadPoolExecutor(count) as threads:
        while True:
            for signed in there.recv():
                threads.submit(send, signed)


# The end.


@frozen(kw_only=True)
class Outcome:
    """What has become of a store: its deliveries' bodies, its events, and what has not been dispatched yet."""

    bodies: Counter[bytes]
    unprocessed: int
    duplicates: int
    attempts: int
    events: Counter[tuple[str, str]]
    event_ids: frozenset[str]
    events_of_deliveries: int
    not_given: int

    @classmethod
    def of(cls, url: str) -> "Outcome":
        with Hub([], store=url) as hub, Store.open(url) as store:
            deliveries, events = list(hub.deliveries()), list(hub.events())
            with store.database.reading() as connection:
                not_given = connection.execute(text("SELECT count(*) FROM parked_events")).scalar_one()
        return cls(
            bodies=Counter(delivery.body for delivery in deliveries),
            unprocessed=sum(delivery.state is not DeliveryState.PROCESSED for delivery in deliveries),
            duplicates=sum(delivery.duplicates for delivery in deliveries),
            attempts=sum(delivery.attempts for delivery in deliveries),
            events=Counter((event.return_id, event.type) for event in events),
            event_ids=frozenset(event.id for event in events),
            events_of_deliveries=sum(delivery.events for delivery in deliveries),
            not_given=int(not_given),
        )

    def check(self, sent: Iterable[bytes], acknowledged: Iterable[bytes]) -> None:
        """Nothing that was acknowledged is lost, everything is processed, and each effect happened once.

        Raises:
            Violation: it is not so.
        """
        lost = set(acknowledged) - self.bodies.keys()
        require(not lost, f"{len(lost)} acknowledged deliveries are lost")
        require(self.bodies.keys() <= set(sent), "something is stored that nobody sent")
        require(set(self.bodies.values()) <= {1}, "a delivery is stored twice")
        require(self.unprocessed == 0, f"{self.unprocessed} deliveries are not processed")
        expected = Counter((json.loads(body)["data"]["id"], "return.created") for body in self.bodies)
        require(self.events == expected, f"events: {self.events - expected} too many, {expected - self.events} missing")
        require(self.events_of_deliveries == len(expected), "the deliveries count other events than there are")


# The command.


@define
class Command:
    """``returns-hub`` as a process, in the directory of its configuration."""

    process: "subprocess.Popen[str]"
    port: int = 0
    codes: Sequence[int] = (0,)

    def end(self) -> None:
        """In good order."""
        self.process.terminate()
        require(self.process.wait(60) in self.codes, f"it ended with {self.process.returncode}")


@contextmanager
def command(directory: Path, *arguments: str, within: Sequence[str] = ()) -> Iterator[Command]:
    """``returns-hub`` with these arguments, which says when it is ready; it ends in good order at the end.

    ``within`` is another program that is to start it.
    """
    with (directory / "log").open("a") as log:
        process = subprocess.Popen(
            [*within, Path(sys.executable).parent / "returns-hub", *arguments],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout
    try:
        ready = next((line for line in process.stdout if line.startswith(("Ready", "Working "))), "")
        require(ready, (directory / "log").read_text())
        port = ready.partition("/healthz")[0].rpartition(":")[2] if "/healthz" in ready else "0"
        started = Command(process, int(port))
        yield started
        started.end()
    finally:
        process.kill()
        process.communicate()


def pending(url: str) -> int:
    """How many deliveries are not processed."""
    with Hub([], store=url) as hub:
        return hub.health().pending
