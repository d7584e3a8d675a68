"""Servers and workers behind PgBouncer, whose clients share sessions: all is processed, or the start is refused.

    python tests/benchmarks/reliability_pgbouncer.py [--deliveries N] [--modes A,B]

``returns-hub serve --no-work`` and two ``returns-hub work --hub`` with ``pool_mode`` session and transaction, where fewer
sessions than connections are to be had. Every delivery must be acknowledged, processed and dispatched once, and the workers
must be woken by it. In the mode ``statement``, and with ``options=`` in the address, the command must say what to set.
"""

import argparse
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import reliability_parts as parts
from reliability_crowd import PLATFORM, told
from reliability_parts import Outcome, PostgreSQL, require, wait_for

MODES: Final = ("session", "transaction", "statement")
# What it does not understand it refuses, or it leaves it out without a word.
MORE: Final = {"transaction": "ignore_startup_parameters = options"}
# A session for each connection of three processes, or much fewer.
SESSIONS: Final = {"session": 60, "transaction": 3, "statement": 3}

CONFIGURATION: Final = """
[databases]
* = host={server} user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = {home}
unix_socket_mode = 0777
logfile = {home}/log
pidfile = {home}/pid
auth_type = trust
auth_file = {home}/users
pool_mode = {mode}
default_pool_size = {sessions}
max_client_conn = 300
{more}
"""


def program() -> str | None:
    """Where PgBouncer is."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def pgbouncer(server: PostgreSQL, mode: str) -> Iterator[Path]:
    """The directory of the socket of a PgBouncer before the server."""
    found = program()
    if found is None:
        sys.exit("PgBouncer is not on this machine: apt-get install pgbouncer, or your system's package of that name")
    with tempfile.TemporaryDirectory(prefix="bouncer-") as directory:
        home = Path(directory)
        more, sessions = MORE.get(mode, ""), SESSIONS[mode]
        settings = CONFIGURATION.format(server=server.home, home=home, mode=mode, sessions=sessions, more=more)
        (home / "pgbouncer.ini").write_text(settings)
        (home / "users").write_text('"postgres" ""\n')
        if server.user is not None:
            user = pwd.getpwnam(server.user)
            for each in (home, *home.iterdir()):
                shutil.chown(each, user.pw_uid)
        with subprocess.Popen([found, "--quiet", home / "pgbouncer.ini"], **{**server.quiet, "cwd": home}) as process:
            try:
                wait_for(partial(answers, home), 30, "PgBouncer did not start")
                yield home
            finally:
                process.kill()


def answers(home: Path) -> bool:
    try:
        psycopg.connect(host=str(home), port=6432, user="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def run(server: PostgreSQL, mode: str, deliveries: int) -> None:
    """Send it all behind a pooler, and compare; print what came of it."""
    direct = server.empty(mode)
    with pgbouncer(server, mode) as home, tempfile.TemporaryDirectory() as name, ExitStack() as held:
        directory = Path(name)
        url = f"postgresql://postgres@/{mode}?host={home}&port=6432"
        if mode == "statement":
            refused(directory, url, "set pool_mode = transaction or session")
            return
        refused(directory, f"{url}&options=-csearch_path%3Dreturns", "ALTER ROLE name SET search_path")
        vendor = held.enter_context(parts.vendor(deliveries))
        (directory / "returns-hub.toml").write_text(f'store = "{url}"\n{vendor.configuration}')
        (directory / "platform_of_the_campaign.py").write_text(PLATFORM)
        start = partial(parts.command, directory)
        serve = held.enter_context(start("serve", "--no-work", "--port", "0"))
        for _ in range(2):
            held.enter_context(start("work", "--hub", "platform_of_the_campaign:hub"))
        senders = held.enter_context(parts.senders([serve.port], 8))
        senders.send(vendor.deliveries(deliveries))
        acknowledged = senders.wait_until_acknowledged()
        processed = wait_for(lambda: parts.pending(direct) == 0, 120, "something is not processed")
        wait_for(lambda: len(told(directory)) >= deliveries, 60, "an event is not dispatched")
        held.close()
        outcome = Outcome.of(direct)
        outcome.check(senders.sent, senders.acknowledged())
        ids = Counter(identity for _, identity in told(directory))
        require(ids == Counter(outcome.event_ids), f"not dispatched exactly once: {ids - Counter(outcome.event_ids)}")
        log = (directory / "log").read_text()
        require("prepared statement" not in log and "SQLSTATE" not in log, log[-2000:])
    print(
        f"pool_mode = {mode}, {SESSIONS[mode]} sessions: {deliveries} acknowledged after {acknowledged:.1f} s, "
        f"all processed {processed:.1f} s later, none lost, none twice",
        flush=True,
    )


def refused(directory: Path, url: str, sentence: str) -> None:
    """The command does not begin, and says why."""
    (directory / "returns-hub.toml").write_text(
        f'store = "{url}"\n[accounts.a]\nprovider = "returnmate"\napi_key = "k"\n'
    )
    program = Path(sys.executable).parent / "returns-hub"
    done = subprocess.run([program, "work"], cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    require(done.returncode != 0 and sentence in " ".join(done.stderr.split()), f"not refused: {done.stderr}")
    print(f"refused: {' '.join(done.stderr.split())}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deliveries", type=int, default=160)
    parser.add_argument("--modes", default=",".join(MODES))
    wanted = parser.parse_args()
    with parts.postgresql() as server:
        try:
            for mode in wanted.modes.split(","):
                run(server, mode, wanted.deliveries)
        except parts.Violation as violation:
            print(violation)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
