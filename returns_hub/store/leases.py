"""Leases: what one process at a time may do, the sync of an account for instance.

Whoever has a lease renews it as long as it works. If it falls silent, the lease ends by itself, and at once where its
process is seen to be dead. A lease that ends later than any can is left over from a clock that was ahead. Somebody who was only slow finds out before anything of it is committed: every transaction
under a lease renews it, and is undone where another process has it by then.
"""

import os
import re
import secrets
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, delete, select, update

from returns_hub.errors import StoreError
from returns_hub.store.database import CLOCK_MARGIN, Database, database_time, sql_time, store_errors
from returns_hub.store.schema import LEASES

LEASE_SECONDS: Final = 60.0
"""How long a lease lasts that is not renewed."""

# Where a file is shared, the clocks of its hosts may differ by this much; PostgreSQL has one clock for all.
_MARGIN: Final = {"sqlite": CLOCK_MARGIN, "postgresql": timedelta(0)}
_OWNER: Final = re.compile(r"(?P<process>\d{1,10})@(?P<host>.{1,255}?)(?P<namespace> [\w:-]+)?/[0-9a-f]{16}\Z")


class LeaseTaken(StoreError):
    """Somebody else has the lease. ``holder`` names the process."""

    def __init__(self, holder: str, until: datetime) -> None:
        super().__init__(f"{holder} holds the lease; unless it renews it, that ends at {until:%H:%M:%S} UTC")
        self.holder = holder


class LeaseLost(StoreError):
    """Somebody else has taken a lease that was ours. The transaction was undone."""


@frozen
class Lease:
    """A lease of this process, until another one takes it because this one did not renew it in time."""

    name: str
    owner: str

    def renew(self, connection: Connection) -> None:
        """Prolong the lease, as a part of a transaction that must not be committed without it.

        Raises:
            LeaseLost: another process has it.
        """
        table = LEASES.c
        mine = (table.name == self.name) & (table.owner == self.owner)
        if connection.execute(update(LEASES).where(mine).values(until=_end(connection))).rowcount == 1:
            return
        owner = connection.execute(select(table.owner).where(table.name == self.name)).scalar()
        taken = f"{_holder(owner)} has taken over" if owner else "the lease was given back"
        raise LeaseLost(f"this process was silent for too long: {taken}, and nothing more was written here")


class Leases:
    """The leases of a mirror, by the clock that its processes share: PostgreSQL's, or with SQLite the machine's."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def take(self, name: str) -> Lease:
        """The lease of this name, for :data:`LEASE_SECONDS` from now.

        Raises:
            LeaseTaken: another process has it.
        """
        lease = Lease(name, _owner())
        with self.database.writing() as connection:
            row = connection.execute(select(LEASES).where(LEASES.c.name == name)).first()
            if row is not None and _is_live(row.until, connection) and not _is_dead(row.owner):
                raise LeaseTaken(_holder(row.owner), row.until)
            connection.execute(delete(LEASES).where(LEASES.c.name == name))
            connection.execute(LEASES.insert().values(name=name, owner=lease.owner, until=_end(connection)))
        return lease

    @store_errors
    def renew(self, lease: Lease) -> None:
        """Prolong a lease.

        Raises:
            LeaseLost: another process has it.
        """
        with self.database.writing() as connection:
            lease.renew(connection)

    @store_errors
    def release(self, lease: Lease) -> None:
        """Give a lease back. One that is not ours any more stays where it is.

        Raises:
            StoreError: the database fails.
        """
        with self.database.writing() as connection:
            connection.execute(delete(LEASES).where(LEASES.c.name == lease.name, LEASES.c.owner == lease.owner))


def _end(connection: Connection) -> ColumnElement[datetime]:
    """The moment at which a lease taken or renewed now ends."""
    return sql_time(connection.dialect.name, later=LEASE_SECONDS)


def _holder(owner: str) -> str:
    match = _OWNER.match(owner)
    return f"process {match['process']} on {match['host']}" if match else "another process"


def _is_live(until: datetime, connection: Connection) -> bool:
    """True of the end of a lease that is to come. One that no live process can have set is of a clock that was wrong."""
    now = database_time(connection)
    longest = timedelta(seconds=LEASE_SECONDS) + _MARGIN[connection.dialect.name]
    return now < until <= now + longest


def _owner() -> str:
    """This process, as other processes can find out whether it still runs; and a token, for it may take a lease twice."""
    namespace = _process_namespace()
    return f"{os.getpid()}@{_host()}{namespace and ' ' + namespace}/{secrets.token_hex(8)}"


def _host() -> str:
    return socket.gethostname()[:200] or "-"


def _process_namespace() -> str:
    """What tells apart two machines, or containers, of one host name; ``""`` where the system does not say.

    A process of another PID namespace cannot be seen from here, dead or alive.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _is_dead(owner: str) -> bool:
    """True where the owner's process is known not to run any more: it was one of this machine, and is not there."""
    match = _OWNER.match(owner)
    if match is None or os.name != "posix":
        return False
    if (match["host"], (match["namespace"] or "").strip()) != (_host(), _process_namespace()):
        return False
    try:
        os.kill(int(match["process"]), 0)  # signal 0 only asks
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
