"""What hangs instead of failing: databases, connections, vendors, functions of the platform, locks, whole processes.

    python tests/benchmarks/reliability_hangs.py [--seconds N] [--interval N] [--grace N] [--databases A,B] [--scenes A,B]
                                                 [--p99 N] [--red N] [--slack N]

``returns-hub serve --no-work`` and ``returns-hub work --hub``, two of each on PostgreSQL, with two accounts whose vendors
deliver all the time. Something that belongs to the account ``hung``, or to all, hangs for so many seconds and is healed; nothing
is done to our processes. Then it hangs again, and all processes get SIGTERM: they must have ended within ``--grace``.

Of each scene: no answer but 200 and 503 (none at all from a process that is stopped); deliveries of the account ``well`` are
processed and dispatched within two seconds (p99) where they do not depend on what hangs; ``/readyz`` is red within ten seconds where
nothing can be stored; in the end all that was acknowledged is processed, each effect once, without a hand.
"""

import argparse
import http.client
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import reliability_parts as parts
from attrs import Factory, define, field, frozen
from psycopg import sql
from reliability_parts import Command, Outcome, PostgreSQL, Vendor, require, wait_for
from reliability_traffic import Network, Probe, Traffic

from returns_hub.store import Store
from returns_hub_returnless.sandbox import ReturnlessSandbox

WELL: Final = "well"
HUNG: Final = "hung"
SHOP: Final = "shop"
# Of an account whose things hang fewer deliveries come.
TIMES_THE_INTERVAL: Final = {WELL: 1, HUNG: 2}
WARM_UP: Final = 3.0
AGAIN: Final = 3.0
MODULE: Final = "platform_of_the_campaign"
# A claim that nobody extends, and what a worker needs to notice.
CLAIM: Final = 40.0

PLATFORM: Final = """
import time
from pathlib import Path
from returns_hub import Hub

HERE = Path(__file__).parent

def wait(what):
    while (HERE / what).exists():
        time.sleep(0.05)

def find_order(number):
    wait("hang_orders")

hub = Hub.from_config()
lines = (HERE / "told").open("a", buffering=1)

@hub.on(name="shop", since="beginning")
def write_down(event):
    if event.account == "hung":
        wait("hang_handler")
    lines.write(f"{event.account} {event.return_id} {event.id} {time.time()}\\n")
"""


@define
class Stage:
    """What a scene plays on."""

    directory: Path
    url: str
    server: PostgreSQL | None
    vendors: dict[str, Vendor]
    network: Network | None
    serves: list[Command] = field(factory=list)
    works: list[Command] = field(factory=list)

    def told(self) -> list[tuple[str, str, str, float]]:
        """Account, return and id of every event that was dispatched, and when."""
        file = self.directory / "told"
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return [(account, return_id, event, float(at)) for account, return_id, event, at in lines]


# What hangs.


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def mute_database(stage: Stage) -> Iterator[None]:
    """The server accepts connections and says nothing; a file is locked."""
    with ExitStack() as held:
        if stage.server is None:
            other = held.enter_context(
                closing(sqlite3.connect(stage.url.removeprefix("sqlite:///"), isolation_level=None))
            )
            other.execute("PRAGMA busy_timeout = 60000")
            other.execute("BEGIN IMMEDIATE")
        else:
            assert stage.server.process is not None
            main = stage.server.process.pid
            children = subprocess.run(["pgrep", "-P", str(main)], capture_output=True, text=True, check=True)
            held.enter_context(stopped(main, *map(int, children.stdout.split())))
        yield


@contextmanager
def mute_connections(stage: Stage) -> Iterator[None]:
    """The network has forgotten the connections that there are; new ones come through."""
    assert stage.network is not None
    stage.network.muted = stage.network.count
    yield


def mute_vendor(stage: Stage) -> AbstractContextManager[None]:
    pid = stage.vendors[HUNG].process.pid
    assert pid is not None
    return stopped(pid)


@contextmanager
def hanging(what: str, stage: Stage) -> Iterator[None]:
    """A function of the platform's does not return; of look-ups more come than are answered at once."""
    (stage.directory / what).touch()
    callers = ThreadPoolExecutor(20)
    if what == "hang_orders":
        sandbox = ReturnlessSandbox(count=1)
        for number in range(20):
            request = sandbox.make_order_lookup(f"http://127.0.0.1:{stage.serves[0].port}/orders/{SHOP}", str(number))
            callers.submit(look_up, request.url, dict(request.headers))
    try:
        yield
    finally:
        (stage.directory / what).unlink()
        callers.shutdown()


def look_up(url: str, headers: dict[str, str]) -> None:
    address = urlsplit(url)
    with closing(http.client.HTTPConnection(address.netloc, timeout=60)) as connection, suppress(OSError):
        connection.request("GET", f"{address.path}?{address.query}", headers=headers)
        connection.getresponse()


@contextmanager
def failing_end(stage: Stage) -> Iterator[None]:
    """No delivery of the account can be marked as processed; on PostgreSQL the connection is lost each time."""
    if stage.server is None:
        wrong, healed = (
            (
                f"CREATE TRIGGER ending BEFORE UPDATE ON deliveries WHEN NEW.state = 'processed' AND NEW.account = '{HUNG}' "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            ),
            "DROP TRIGGER ending",
        )
        execute = partial(execute_sqlite, stage.url.removeprefix("sqlite:///"))
    else:
        wrong, healed = (
            (
                "CREATE OR REPLACE FUNCTION ending() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(0.01); RETURN NEW; END $$; "
                "CREATE TRIGGER ending BEFORE UPDATE ON deliveries FOR EACH ROW WHEN (NEW.state = 'processed' "
                f"AND NEW.account = '{HUNG}') EXECUTE FUNCTION ending()"
            ),
            "DROP TRIGGER ending ON deliveries",
        )
        execute = partial(execute_postgresql, stage.url)
    execute(wrong)
    yield
    execute(healed)


def execute_sqlite(file: str, statement: str) -> None:
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as other:
        other.execute(statement)


def execute_postgresql(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(sql.SQL(statement))


@contextmanager
def locked_rows(stage: Stage) -> Iterator[None]:
    """Somebody locks the next deliveries of the account, whatever is done to them."""
    with psycopg.connect(stage.url) as other:
        wait_for(partial(lock_pending, other), 30, "nothing is pending")
        yield
        other.rollback()


def lock_pending(other: "psycopg.Connection[Any]") -> bool:
    rows = other.execute(
        "SELECT id FROM deliveries WHERE state = 'pending' AND account = %s FOR UPDATE SKIP LOCKED", [HUNG]
    ).fetchall()
    if not rows:
        other.rollback()
    return bool(rows)


@contextmanager
def full_server(stage: Stage) -> Iterator[None]:
    """Others take every connection that the server has left."""
    with ExitStack() as held, suppress(psycopg.OperationalError):
        try:
            while True:
                held.enter_context(psycopg.connect(stage.url))
        except psycopg.OperationalError:
            yield


def stopped_serve(stage: Stage) -> AbstractContextManager[None]:
    return stopped(stage.serves[0].process.pid)


def stopped_work(stage: Stage) -> AbstractContextManager[None]:
    return stopped(stage.works[0].process.pid)


@frozen(kw_only=True)
class Scene:
    """Something that hangs. ``delay`` is the p99 that the account ``well`` may see, by database; none where it depends on it.

    With ``receives`` False nothing can be stored meanwhile, and ``/readyz`` must say so.
    """

    name: str
    hang: Callable[[Stage], AbstractContextManager[None]]
    delay: dict[str, float | None] = Factory(lambda: {"sqlite": 0.0, "postgresql": 0.0})
    receives: dict[str, bool] = Factory(lambda: {"sqlite": True, "postgresql": True})


SCENES: Final = (
    Scene(
        name="mute database",
        hang=mute_database,
        delay={"sqlite": None, "postgresql": None},
        receives={"sqlite": False, "postgresql": False},
    ),
    Scene(name="mute connections", hang=mute_connections, delay={"postgresql": None}),
    Scene(name="mute vendor", hang=mute_vendor),
    Scene(name="mute find_order", hang=partial(hanging, "hang_orders")),
    Scene(name="hanging handler", hang=partial(hanging, "hang_handler")),
    Scene(name="an ending that fails", hang=failing_end),
    Scene(name="locked rows", hang=locked_rows, delay={"postgresql": 15.0}),
    Scene(name="no connection left", hang=full_server, delay={"postgresql": 10.0}),
    Scene(name="serve stopped", hang=stopped_serve, delay={"sqlite": None, "postgresql": 0.0}),
    Scene(name="work stopped", hang=stopped_work, delay={"sqlite": None, "postgresql": CLAIM}),
)


# What is seen.


def start(stage: Stage, held: ExitStack, wanted: argparse.Namespace, ports: Sequence[int]) -> None:
    """Start all processes; servers at these ports."""
    run = partial(parts.command, stage.directory)
    grace = ("--grace", str(wanted.grace))
    commands = [run("serve", "--no-work", "--port", str(port), *grace) for port in ports]
    commands += [run("work", "--hub", f"{MODULE}:hub", *grace) for _ in ports]
    with ThreadPoolExecutor(len(commands)) as threads:
        started = list(threads.map(held.enter_context, commands))
    stage.serves, stage.works = started[: len(ports)], started[len(ports) :]
    for each in started:
        # Whoever hangs at the end is ended.
        each.codes = (0, 1)


def end(stage: Stage) -> float:
    """Have every process that can hear it end; how many seconds the last one took."""
    began = time.monotonic()
    listening = [each.process for each in (*stage.serves, *stage.works) if not is_stopped(each.process.pid)]
    for process in listening:
        process.terminate()
    for process in listening:
        with suppress(subprocess.TimeoutExpired):
            process.wait(90)
    return time.monotonic() - began


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def play(scene: Scene, database: str, wanted: argparse.Namespace, server: PostgreSQL | None) -> None:
    """Let it hang, twice, and compare; print what was seen."""
    with ExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory()))
        url = server.empty("campaign") if server else f"sqlite:///{directory}/returns.db"
        count = int((wanted.seconds + 600) / wanted.interval)
        vendors = {
            name: held.enter_context(parts.vendor(count, name, seed)) for seed, name in enumerate((WELL, HUNG), 1)
        }
        network = None
        address = url
        if server is not None and scene.hang is mute_connections:
            network = held.enter_context(Network(f"{server.home}/.s.PGSQL.5432"))
            threading.Thread(target=network.serve_forever, daemon=True).start()
            held.callback(network.shutdown)
            address = f"postgresql://postgres@127.0.0.1:{network.server_address[1]}/campaign"
        Store.open(url).close()
        write_configuration(directory, address, vendors)
        stage = Stage(directory, url, server, vendors, network)
        processes = held.enter_context(ExitStack())
        start(stage, processes, wanted, [0] if server is None else [0, 0])
        ports = [each.port for each in stage.serves]
        traffic = {
            name: Traffic(each, ports, wanted.interval * TIMES_THE_INTERVAL[name]) for name, each in vendors.items()
        }
        for each in traffic.values():
            held.callback(each.abandon)
        wait_for(lambda: {account for account, *_ in stage.told()} >= {WELL, HUNG}, 60, "no event is dispatched")
        probe = Probe(ports[0])
        held.callback(probe.stop)
        time.sleep(WARM_UP)

        began = time.time()
        with scene.hang(stage):
            time.sleep(wanted.seconds)
            healed = time.time()
        red = {path: probe.red_after(path, began) for path in probe.seen}
        wait_for(partial(is_caught_up, traffic, stage, healed), 180, "it has not caught up")
        caught_up = time.time() - healed

        with scene.hang(stage):
            time.sleep(AGAIN)
            ended = end(stage)
        processes.close()
        start(stage, processes, wanted, ports)
        for each in traffic.values():
            each.stop()
        probe.stop()
        wait_for(lambda: parts.pending(url) == 0, 180, "something is not processed")
        sent = [body for each in traffic.values() for body in each.sent]
        wait_for(lambda: len({event for *_, event, _ in stage.told()}) >= len(sent), 180, "an event is not dispatched")
        processes.close()
        outcome = Outcome.of(url)
        outcome.check(sent, sent)
        report(scene, database, wanted, stage, traffic, (began, healed), red, caught_up, ended)


def is_caught_up(traffic: dict[str, Traffic], stage: Stage, until: float) -> bool:
    """True once everything that was sent up to a moment is acknowledged and dispatched."""
    told = {(account, return_id) for account, return_id, *_ in stage.told()}
    return all(
        body in each.acknowledged and (name, return_of(body)) in told
        for name, each in traffic.items()
        for body, at in list(each.sent.items())
        if at <= until
    )


def write_configuration(directory: Path, url: str, vendors: dict[str, Vendor]) -> None:
    sandbox = ReturnlessSandbox(count=1)
    options = "\n".join(f"{name} = {value!r}" for name, value in sandbox.options.items())
    shop = f'[accounts.{SHOP}]\nprovider = "returnless"\norders = "{MODULE}:find_order"\n{options}\n'
    accounts = "".join(each.configuration for each in vendors.values())
    (directory / "returns-hub.toml").write_text(f'store = "{url}"\n{accounts}{shop}')
    (directory / f"{MODULE}.py").write_text(PLATFORM)


def report(
    scene: Scene,
    database: str,
    wanted: argparse.Namespace,
    stage: Stage,
    traffic: dict[str, Traffic],
    hung: tuple[float, float],
    red: dict[str, float | None],
    caught_up: float,
    ended: float,
) -> None:
    """Print a line of what was seen, and compare it with what must be."""
    heard = [each for one in traffic.values() for each in one.answers if hung[0] <= each[0] <= hung[1]]
    answers = Counter(status for _, status, _ in heard)
    told = {(account, return_id): at for account, return_id, _, at in reversed(stage.told())}
    delays = sorted(
        told[WELL, return_of(body)] - at for body, at in traffic[WELL].acknowledged.items() if hung[0] <= at <= hung[1]
    )
    p99 = delays[int(len(delays) * 0.99)] if delays else None
    again = Counter(event for *_, event, _ in stage.told())
    print(
        f"{database:<11}{scene.name:<21}{answers[200]:>5}{answers[503]:>6}{answers[None]:>6}"
        f"{max((seconds for *_, seconds in heard), default=0.0):>8.1f}{shown(p99):>8}"
        f"{shown(red['/readyz']):>8}{shown(red['/healthz']):>8}{shown(red['/livez']):>8}{caught_up:>9.1f}{ended:>8.1f}"
        f"{len(again):>7}{sum(count - 1 for count in again.values()):>7}",
        flush=True,
    )
    name = f"{scene.name} on {database}"
    require(answers.keys() <= {200, 503, None}, f"{name}: answers: {answers}")
    require(not answers[None] or "serve" in scene.name, f"{name}: {answers[None]} deliveries got no answer")
    limit = scene.delay[database]
    if limit is not None:
        limit = max(limit, wanted.p99)
        require(p99 is not None and p99 <= limit, f"{name}: p99 {p99} of the other account")
    if not scene.receives[database]:
        ready = red["/readyz"]
        require(ready is not None and ready <= wanted.red, f"{name}: /readyz is red after {ready}")
    elif "serve" not in scene.name and scene.hang is not mute_connections:
        require(red["/readyz"] is None, f"{name}: /readyz is red after {red['/readyz']}")
    if "serve" not in scene.name:
        require(red["/livez"] is None, f"{name}: /livez is red after {red['/livez']}")
    require(ended <= wanted.grace + wanted.slack, f"{name}: SIGTERM took {ended:.1f} s")


def return_of(body: bytes) -> str:
    return body.partition(b'"data": {"id": "')[2].partition(b'"')[0].decode()


def shown(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--interval", type=float, default=0.3, help="seconds between two deliveries of an account")
    parser.add_argument("--grace", type=float, default=10.0)
    parser.add_argument("--databases", default=",".join(parts.DATABASES))
    parser.add_argument("--scenes", default=",".join(scene.name for scene in SCENES))
    parser.add_argument("--p99", type=float, default=2.0)
    parser.add_argument("--red", type=float, default=10.0)
    parser.add_argument("--slack", type=float, default=3.0, help="seconds that a busy machine may add to --grace")
    wanted = parser.parse_args()
    failed = 0
    print(
        f"{'':<32}{'200':>5}{'503':>6}{'none':>6}{'slowest':>8}{'p99':>8}{'readyz':>8}{'healthz':>8}{'livez':>8}"
        f"{'caught up':>9}{'ended':>8}{'events':>7}{'again':>7}"
    )
    for database in wanted.databases.split(","):
        with parts.postgresql() if database == "postgresql" else parts.no_server() as server:
            for scene in SCENES:
                if database not in scene.delay or scene.name not in wanted.scenes.split(","):
                    continue
                try:
                    play(scene, database, wanted, server)
                except parts.Violation as violation:
                    failed += 1
                    print(f"FAILED: {scene.name} on {database}: {violation}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
