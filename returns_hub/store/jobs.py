"""Jobs for the workers of a PostgreSQL: queued by the transaction that stores what they are about.

The queue is Procrastinate's, in a schema of its own beside our tables. Its tables and functions come with its package,
and so do the changes from one of its releases to the next; the schema's comment says up to which change they are there.
"""

import importlib.util
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select, text

from returns_hub.errors import StoreError
from returns_hub.store.database import Database, database_time, store_errors
from returns_hub.store.inbox import PENDING, Stored
from returns_hub.store.schema import DELIVERIES

SCHEMA: Final = "returns_hub_jobs"
"""Where Procrastinate's tables are."""

QUEUE: Final = "deliveries"
TASK: Final = "process_delivery"
"""The task of a job, whose one argument is ``delivery``, an id."""

_COMMENT: Final = text("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :schema")
# Called from anywhere, the functions and the triggers find the tables: what they name, they name without a schema.
_SEARCH_PATHS: Final = f"""
DO $$ DECLARE routine regprocedure; BEGIN
    FOR routine IN SELECT oid FROM pg_proc WHERE pronamespace = '{SCHEMA}'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = {SCHEMA}, pg_catalog', routine);
    END LOOP;
END $$
"""  # noqa: S608 - constants of ours
_JOB: Final = f"{SCHEMA}.procrastinate_job_to_defer_v1"
# There is one for each delivery. With a second one, that of a killed worker could never be queued again, and its lock
# would hold up the return for ever. A new delivery has none: to look for it would take as long as the queue is.
_ENQUEUE: Final = text(
    f"SELECT {SCHEMA}.procrastinate_defer_jobs_v1(array_agg("  # noqa: S608 - constants of ours
    f"ROW('{QUEUE}', '{TASK}', 0, told.lock, told.key, jsonb_build_object('delivery', told.id), NULL)::{_JOB} "
    "ORDER BY told.id)) "
    "FROM (SELECT (each->>0)::bigint AS id, each->>1 AS lock, 'delivery ' || (each->>0) AS key, "
    "(each->>2)::boolean AS is_new "
    "FROM jsonb_array_elements(CAST(:deliveries AS jsonb)) AS each) AS told "
    f"WHERE told.is_new OR NOT EXISTS (SELECT FROM {SCHEMA}.procrastinate_jobs AS job "
    "WHERE job.queueing_lock = told.key AND job.status IN ('todo', 'doing')) "
    "HAVING count(*) > 0"
)
_DROP_DONE: Final = text(
    f"DELETE FROM {SCHEMA}.procrastinate_jobs AS job WHERE job.status = 'todo' AND job.task_name = '{TASK}' "  # noqa: S608
    "AND NOT EXISTS (SELECT FROM deliveries AS delivery "
    "WHERE delivery.id = CAST(job.args->>'delivery' AS bigint) AND delivery.state = 'pending')"
)
# Whoever stores a delivery queues its job. What is due for so long, and nobody is at it, has lost it.
_FORGOTTEN_SECONDS: Final = 15.0
_FORGOTTEN_AT_ONCE: Final = 1000
_ROW: Final = DELIVERIES.c


class Jobs:
    """The queue of jobs beside the tables of a mirror on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def install(self) -> None:
        """Create the queue, or bring it to the installed release of Procrastinate.

        Raises:
            StoreError: the user of the database may not, or a newer release was here before.
        """
        changes = _changes()
        with self.database.reading() as connection:
            installed = _installed(connection)
        while installed != changes[-1].name:
            # One change in a transaction: PostgreSQL uses no value of a type in the transaction that adds it.
            with self.database.writing() as connection:
                # Another process may have done it while this one waited for its turn.
                installed = _installed(connection)
                if installed is not None and installed > changes[-1].name:
                    raise StoreError(
                        f"the jobs of {self.database.place} are of a newer procrastinate; upgrade it here too"
                    )
                if installed != changes[-1].name:
                    installed = _change(connection, installed, changes)

    def enqueue(self, connection: Connection, deliveries: Sequence[Stored]) -> None:
        """Queue a job for each delivery, as part of the transaction that stores it.

        Those of one account and subject are done one after another, in the order of their ids.
        """
        told = [
            [each.id, f"{each.account} {each.subject}" if each.subject else None, each.is_new] for each in deliveries
        ]
        connection.execute(_ENQUEUE, {"deliveries": json.dumps(told)})

    @store_errors
    def enqueue_forgotten(self) -> None:
        """Queue jobs for deliveries that should have been processed, and have none any more."""
        with self.database.writing(serialized=False) as connection:
            since = database_time(connection) - timedelta(seconds=_FORGOTTEN_SECONDS)
            free = _ROW.claimed_until.is_(None) | (_ROW.claimed_until <= since)
            query = select(_ROW.id, _ROW.account, _ROW.subject).where(_ROW.state == PENDING, _ROW.due_at <= since, free)
            found = connection.execute(query.order_by(_ROW.id).limit(_FORGOTTEN_AT_ONCE)).all()
            if found:
                self.enqueue(connection, [Stored(id=row.id, account=row.account, subject=row.subject) for row in found])

    @store_errors
    def drop_done(self) -> None:
        """Remove the jobs whose deliveries were processed without them, where no worker ever comes to do that."""
        with self.database.writing(serialized=False) as connection:
            connection.execute(_DROP_DONE)

    @store_errors
    def next_of_subject(self, id: int) -> int | None:
        """The delivery that comes next of those with the account and subject of this one; None if none is pending."""
        this = DELIVERIES.alias("this")
        same_subject = (_ROW.account == this.c.account) & (_ROW.subject == this.c.subject) & (_ROW.subject != "")
        query = select(_ROW.id).join(this, same_subject).where(this.c.id == id, _ROW.id > id, _ROW.state == PENDING)
        with self.database.reading() as connection:
            return connection.execute(query.order_by(_ROW.id).limit(1)).scalar()


def _installed(connection: Connection) -> str | None:
    """The name of the last change that is there; None where there is no queue."""
    installed: str | None = connection.execute(_COMMENT, {"schema": SCHEMA}).scalar()
    return installed


def _change(connection: Connection, installed: str | None, changes: Sequence[Path]) -> str:
    """Create the queue as it is now, or bring it one change on; the name of the last change that is there then."""
    if installed is None:
        _run(connection, f"CREATE SCHEMA {SCHEMA}")
        file, name = changes[-1].parent.parent / "schema.sql", changes[-1].name
    else:
        file = next(change for change in changes if change.name > installed)
        name = file.name
    _run(connection, f"SET LOCAL search_path = {SCHEMA}")
    _run(connection, file.read_text("utf-8"))
    _run(connection, f"COMMENT ON SCHEMA {SCHEMA} IS '{name}'")
    _run(connection, _SEARCH_PATHS)
    return name


def _changes() -> Sequence[Path]:
    """The changes that Procrastinate's package brings, in their order; it is not imported for that."""
    spec = importlib.util.find_spec("procrastinate")
    if spec is None or spec.origin is None:
        raise StoreError("a mirror on PostgreSQL needs the package procrastinate: pip install 'returns-hub[postgres]'")
    changes = sorted((Path(spec.origin).parent / "sql" / "migrations").glob("*.sql"))
    if not changes:
        raise StoreError("this release of procrastinate does not say how its tables change; install another one")
    return changes


def _run(connection: Connection, statements: str) -> None:
    # Several at once, and as they are: the driver must not look for parameters in them.
    connection.exec_driver_sql(statements, execution_options={"no_parameters": True})
