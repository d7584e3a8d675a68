"""Databases that fail while deliveries come in: what is answered meanwhile, and what it takes until all is well again.

    python tests/benchmarks/reliability_failures.py [--deliveries N] [--seconds N] [--scenes A,B] [--no-work]

``returns-hub serve`` receives and works (with ``--no-work`` it only receives, and all is processed at the end, which needs
no claim to lapse); senders deliver, each until that is acknowledged. Then the database fails, for
some seconds and under new deliveries, and is repaired from outside: nothing is done to the server. No answer but 200 and
503 may be heard; whatever was answered with 200 must be stored; and in the end all must be processed, each effect once.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import reliability_parts as parts
from attrs import frozen
from reliability_parts import Outcome, PostgreSQL, Signed, Vendor, require, wait_for

from returns_hub import Hub
from returns_hub.store import Store

SENDERS: Final = 8
# A full disk is one on which files may not grow beyond this: a bit, or what PostgreSQL writes its log in.
A_BIT: Final = 4096
LOG_SEGMENT: Final = 17 << 20
LARGE: Final = 900_000
MEDIUM: Final = 50_000
HEADER: Final = "X-Webhook-Signature"


@frozen(kw_only=True)
class Scene:
    """A way to fail: ``broken`` lasts while its block does. With ``at_start`` the server finds it so; it is given no process.

    ``size`` is that of the bodies, where those of the vendor would not be enough; ``within`` as for a command.
    """

    name: str
    url: str
    broken: Callable[[int], AbstractContextManager[None]]
    at_start: bool = False
    size: int = 0
    within: Sequence[str] = ()


# SQLite.


@contextmanager
def full_disk(file: Path, pid: int) -> Iterator[None]:
    largest = max(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest + A_BIT, resource.RLIM_INFINITY))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def locked(file: Path, _: int) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def read_only(file: Path, _: int) -> Iterator[None]:
    file.chmod(0o444)
    yield
    # Its journal was created with the rights of the file.
    for each in file.parent.glob(f"{file.name}*"):
        each.chmod(0o644)


def sqlite_scenes(directory: Path) -> list[Scene]:
    # Root may write whatever it likes, unless that right is taken from it.
    within = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    files = [directory / f"{number}.db" for number in range(3)]
    full, busy, guarded = (f"sqlite:///{file}?timeout=0.3" for file in files)
    scenes = [
        Scene(name="full disk", url=full, broken=partial(full_disk, files[0]), size=MEDIUM),
        Scene(name="locked", url=busy, broken=partial(locked, files[1])),
    ]
    if not within or shutil.which("setpriv"):
        broken = partial(read_only, files[2])
        scenes.append(Scene(name="read-only", url=guarded, broken=broken, at_start=True, within=within))
    return scenes


# PostgreSQL.


@contextmanager
def away(server: PostgreSQL, how: signal.Signals, _: int) -> Iterator[None]:
    server.stop(how)
    yield
    server.start()


@contextmanager
def without_writes(server: PostgreSQL, _: int) -> Iterator[None]:
    """Every connection is read-only from its beginning: as after a change of servers."""
    _take_writes(server, "on")
    yield
    _take_writes(server, "off")


def _take_writes(server: PostgreSQL, read_only: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {read_only}".encode())
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def full_server(server: PostgreSQL, _: int) -> Iterator[None]:
    _limit_files(server, str(LOG_SEGMENT))
    yield
    _limit_files(server, "unlimited")


def _limit_files(server: PostgreSQL, size: str) -> None:
    assert server.process is not None
    with psycopg.connect(server.url) as connection:
        backends = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity").fetchall()]
    for pid in [server.process.pid, *backends]:
        # Only their own user may do so. One that has just ended needs no limit.
        command = ["prlimit", "--pid", str(pid), f"--fsize={size}:unlimited"]
        subprocess.run(command, **server.quiet, check=Path(f"/proc/{pid}").exists())


def postgresql_scenes(server: PostgreSQL) -> list[Scene]:
    def scene(name: str, broken: Callable[[int], AbstractContextManager[None]], size: int = 0) -> Scene:
        return Scene(name=name, url=server.empty(name.replace(" ", "_")), broken=broken, size=size)

    return [
        scene("server stopped", partial(away, server, signal.SIGINT)),
        scene("server crashed", partial(away, server, signal.SIGQUIT)),
        scene("server without writes", partial(without_writes, server)),
        scene("server with a full disk", partial(full_server, server), LARGE),
    ]


# What happens.


def observe(scene: Scene, vendor: Vendor, wanted: argparse.Namespace) -> None:
    """Let it fail, and compare; print what was heard meanwhile, and how long it took afterwards."""
    Store.open(scene.url).close()
    with ExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory()))
        (directory / "returns-hub.toml").write_text(f'store = "{scene.url}"\n{vendor.configuration}')
        failing = held.enter_context(ExitStack())
        if scene.at_start:
            failing.enter_context(scene.broken(0))
        options = ["--no-work"] if wanted.no_work else []
        serve = held.enter_context(parts.command(directory, "serve", "--port", "0", *options, within=scene.within))
        senders = held.enter_context(parts.senders([serve.port], SENDERS))
        if not scene.at_start:
            send(senders, vendor, scene, wanted.deliveries)
            senders.wait_until_acknowledged()
            failing.enter_context(scene.broken(serve.process.pid))
        before = senders.answers()
        send(senders, vendor, scene, wanted.deliveries)
        wait_for(lambda: senders.answers()[503] > 0, 30, "nobody has noticed")
        time.sleep(wanted.seconds)
        heard = senders.answers() - before
        failing.close()
        acknowledged = senders.wait_until_acknowledged()
        processed = acknowledged + process(scene, vendor, wanted)
        send(senders, vendor, scene, wanted.deliveries)
        senders.wait_until_acknowledged()
        process(scene, vendor, wanted)
    outcome = Outcome.of(scene.url)
    outcome.check(senders.sent, senders.acknowledged())
    require(senders.answers().keys() <= {200, 503}, f"{scene.name}: answers: {senders.answers()}")
    print(
        f"{scene.name:<26}{heard[200]:>8}{heard[503]:>8}{acknowledged:>15.1f} s{processed:>14.1f} s"
        f"{len(senders.sent):>10}{outcome.bodies.total():>8}{outcome.events.total():>8}",
        flush=True,
    )


def process(scene: Scene, vendor: Vendor, wanted: argparse.Namespace) -> float:
    """Until all is processed, by the server or here; how long that took."""
    if wanted.no_work:
        with Hub([vendor.account], store=scene.url) as hub:
            hub.process()
    return wait_for(lambda: parts.pending(scene.url) == 0, 120, "something is not processed")


def send(senders: parts.Senders, vendor: Vendor, scene: Scene, count: int) -> None:
    deliveries = vendor.deliveries(count)
    senders.send([padded(vendor, each, scene.size) for each in deliveries] if scene.size else deliveries)


def padded(vendor: Vendor, signed: Signed, size: int) -> Signed:
    """The delivery with so many more bytes, that cannot be compressed."""
    headers, body = signed
    padding = base64.b64encode(random.randbytes(size * 3 // 4)).decode()
    body = json.dumps({**json.loads(body), "padding": padding}).encode()
    secret: str = vendor.sandbox.options["webhook_secrets"][0]
    return {**headers, HEADER: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}, body


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deliveries", type=int, default=200, help="before, during, and after the failure")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long it fails, once somebody has noticed")
    parser.add_argument("--scenes", help="only these")
    parser.add_argument("--no-work", action="store_true")
    wanted = parser.parse_args()
    print(
        f"{'the database is':<26}{'200':>8}{'503':>8}{'acknowledged':>17}{'processed':>16}{'sent':>10}{'stored':>8}{'events':>8}"
    )
    with parts.postgresql() as server, tempfile.TemporaryDirectory() as directory, ExitStack() as held:
        scenes = [*sqlite_scenes(Path(directory)), *postgresql_scenes(server)]
        names = wanted.scenes.split(",") if wanted.scenes else [scene.name for scene in scenes]
        vendor = held.enter_context(parts.vendor(len(names) * wanted.deliveries * 3))
        for scene in scenes:
            if scene.name not in names:
                continue
            try:
                observe(scene, vendor, wanted)
            except parts.Violation as violation:
                print(f"{scene.name}: {violation}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
