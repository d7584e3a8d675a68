"""The queue of jobs on PostgreSQL: installed by whoever comes first, filled by the transaction that stores a delivery."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import procrastinate
import pytest
from sqlalchemy import text

from returns_hub import WebhookRequest
from returns_hub.store import Store
from returns_hub.store.inbox import Deliveries, NewDelivery, Stored
from returns_hub.store.jobs import SCHEMA, Jobs

CHANGES = sorted((Path(procrastinate.__file__).parent / "sql" / "migrations").glob("*.sql"))

INSTALL = """
import sys
from returns_hub.store import Store
from returns_hub.store.jobs import Jobs

with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    Jobs(store.database).install()
assert "procrastinate" not in sys.modules
"""


@pytest.fixture
def shared(postgresql_url: str) -> Iterator[Store]:
    with Store.open(postgresql_url) as opened:
        yield opened


@pytest.fixture
def jobs(shared: Store) -> Jobs:
    queue = Jobs(shared.database)
    queue.install()
    return queue


def queued(store: Store) -> list[tuple[int, str | None]]:
    """The delivery and the lock of each job."""
    with store.database.reading() as connection:
        found = connection.execute(text(f"SELECT args, lock FROM {SCHEMA}.procrastinate_jobs ORDER BY id"))
        return [(row.args["delivery"], row.lock) for row in found]


def objects(store: Store) -> set[str]:
    """The tables, columns, functions, types and triggers of the queue."""
    query = f"""
        SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
        WHERE table_schema = '{SCHEMA}'
        UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = '{SCHEMA}'::regnamespace
        UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = '{SCHEMA}'
        UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'value ' || enumlabel FROM pg_enum
    """
    with store.database.reading() as connection:
        return set(connection.execute(text(query)).scalars())


def stored(id: int, subject: str = "r1") -> Stored:
    return Stored(id=id, account="acme", subject=subject)


def test_installing_again_changes_nothing(jobs: Jobs, shared: Store) -> None:
    before = objects(shared)
    jobs.install()
    assert objects(shared) == before


def test_the_mirror_is_still_the_mirror(jobs: Jobs, postgresql_url: str) -> None:
    Store.open(postgresql_url).close()


def test_processes_that_install_at_once_agree(postgresql_url: str, shared: Store, start: Callable[..., Any]) -> None:
    processes = [start(INSTALL, postgresql_url) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(30) for process in processes] == [0] * 4
    queue = Jobs(shared.database)
    with shared.database.writing() as connection:
        queue.enqueue(connection, [stored(1)])
    assert queued(shared) == [(1, "acme r1")]


def test_an_older_queue_is_upgraded(shared: Store, tmp_path: Path) -> None:
    before = [change for change in CHANGES if change.name < "03.02.00"]
    for number, change in enumerate(before):
        with shared.database.writing() as connection:
            create = "" if number else f"CREATE SCHEMA {SCHEMA};"
            statements = f"{create} SET LOCAL search_path = {SCHEMA}; {change.read_text()}"
            connection.exec_driver_sql(statements, execution_options={"no_parameters": True})
            connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{change.name}'")
    jobs = Jobs(shared.database)
    jobs.install()
    with shared.database.writing() as connection:
        jobs.enqueue(connection, [stored(1)])
    upgraded = objects(shared)
    assert queued(shared) == [(1, "acme r1")]
    with shared.database.writing() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {SCHEMA} CASCADE")
    jobs.install()
    assert {each for each in objects(shared) if each.startswith("value ")} == {
        each for each in upgraded if each.startswith("value ")
    }


def test_a_job_comes_with_its_transaction_and_goes_with_it(jobs: Jobs, shared: Store) -> None:
    with pytest.raises(ZeroDivisionError), shared.database.writing() as connection:  # noqa: PT012 - inside it
        jobs.enqueue(connection, [stored(1)])
        raise ZeroDivisionError
    with shared.database.writing() as connection:
        jobs.enqueue(connection, [stored(2), stored(3, "r2"), stored(4, "")])
    assert queued(shared) == [(2, "acme r1"), (3, "acme r2"), (4, None)]


def test_nothing_queues_nothing(jobs: Jobs, shared: Store) -> None:
    with shared.database.writing() as connection:
        jobs.enqueue(connection, [])
    assert queued(shared) == []


def test_one_that_waits_is_not_queued_twice(jobs: Jobs, shared: Store) -> None:
    with shared.database.writing() as connection:
        jobs.enqueue(connection, [stored(1)])
        jobs.enqueue(connection, [stored(1), stored(2)])
    assert [number for number, _ in queued(shared)] == [1, 2]


def test_a_subject_may_be_any_text(jobs: Jobs, shared: Store) -> None:
    subject = "r'1\"; DROP TABLE returns; --{}:x %s \\ é\U0001f4e6"
    with shared.database.writing() as connection:
        jobs.enqueue(connection, [stored(1, subject)])
    assert queued(shared) == [(1, f"acme {subject}")]


def test_the_queue_needs_nothing_of_the_callers_search_path(jobs: Jobs, shared: Store) -> None:
    with shared.database.writing() as connection:
        connection.execute(text("SET LOCAL search_path = pg_catalog"))
        jobs.enqueue(connection, [stored(1)])
    assert [number for number, _ in queued(shared)] == [1]


def test_a_job_whose_delivery_was_processed_without_it_can_be_dropped(jobs: Jobs, shared: Store) -> None:
    request = WebhookRequest(method="POST", url="https://x/", headers=(), body=b"", received_at=datetime.now(UTC))
    new = [NewDelivery(account="acme", dedupe_key=key, subject=key, request=request) for key in ("a", "b")]
    Deliveries(shared.database).put(new, jobs.enqueue)
    with shared.database.writing() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'processed' WHERE subject = 'a'"))
    jobs.drop_done()
    assert [lock for _, lock in queued(shared)] == ["acme b"]
