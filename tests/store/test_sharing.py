"""A mirror beside the tables of a platform: in a schema of its own on PostgreSQL, in a file with no name of ours on SQLite."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from returns_hub import Return, StoreError
from returns_hub.merge import observed
from returns_hub.store import Store
from returns_hub.store.schema import METADATA, REVISION_TABLE
from returns_hub.store.vacuum import Vacuum

TABLES = {*METADATA.tables, REVISION_TABLE}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The database of a platform, in which a table has a row."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (number TEXT)")
        connection.execute("INSERT INTO orders VALUES ('1001')")
    return path


@pytest.fixture
def server(empty_postgresql_url: str) -> str:
    """The address of a platform's database, in which a table has the name of one of ours."""
    import psycopg

    with psycopg.connect(empty_postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE events (id integer)")
        connection.execute("INSERT INTO events VALUES (1001)")
    return empty_postgresql_url


def tables_of(url: str) -> set[tuple[str, str]]:
    import psycopg

    with psycopg.connect(url) as connection:
        query = (
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        return set(connection.execute(query).fetchall())


@pytest.fixture(params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest) -> str:
    """The address of a store that does not exist yet, beside the tables of a platform."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('file')}?timeout=0.2&shared=true"
    return f"{request.getfixturevalue('server')}&schema=returns_hub"


def test_a_mirror_works_beside_other_tables(
    shared_url: str, a_return: Callable[..., Return], at: Callable[..., Any]
) -> None:
    for number in range(2):  # made, and opened again
        with Store.open(shared_url) as store:
            store.apply("acme", [observed(a_return(f"r{number}"), seen_at=at(0))])
            assert [event.return_id for event in store.events()] == ["r0", "r1"][: number + 1]
            assert store.get_return("acme", "r0") is not None
            assert Vacuum(store.database).run()


def test_nothing_of_the_platform_is_touched_in_a_file(file: Path) -> None:
    Store.open(f"sqlite:///{file}?shared=true").close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT * FROM orders").fetchall() == [("1001",)]
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {"orders", "sqlite_sequence", *TABLES}


@pytest.mark.parametrize(
    "made", ["TABLE names (id)", "VIEW leases AS SELECT 1", "INDEX items_by_sku ON orders (number)"]
)
def test_a_file_with_a_name_of_ours_is_left_as_it_is(file: Path, made: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE {made}")
    before, name = file.read_bytes(), made.split()[1]
    with pytest.raises(StoreError) as caught:
        Store.open(f"sqlite:///{file}?shared=true")
    assert str(caught.value) == (
        f"{file} has a {name!r} of something else, which is a name of the mirror's; give the mirror a file of its own"
    )
    assert file.read_bytes() == before


def test_everything_of_ours_is_in_the_schema(server: str) -> None:
    Store.open(f"{server}&schema=returns_hub").close()
    assert tables_of(server) == {("public", "events"), *(("returns_hub", name) for name in TABLES)}


def test_two_mirrors_in_one_database_know_nothing_of_each_other(
    server: str, a_return: Callable[..., Return], at: Callable[..., Any]
) -> None:
    with Store.open(f"{server}&schema=live") as live, Store.open(f"{server}&schema=staging") as staging:
        live.apply("acme", [observed(a_return("r1"), seen_at=at(0))])
        assert ([e.return_id for e in live.events()], list(staging.events())) == (["r1"], [])


def test_a_schema_of_something_else_is_refused(server: str) -> None:
    with pytest.raises(StoreError, match="the schema public is of something else; give the mirror one of its own"):
        Store.open(f"{server}&schema=public")


@pytest.mark.parametrize("schema", ["Returns", "a-b", "x;DROP", "9a", "a&schema=b", "a" * 64])
def test_a_schema_that_needs_quotes_is_refused(schema: str) -> None:
    with pytest.raises(StoreError, match=r"must look like \?schema=returns_hub: lower-case letters, digits and _"):
        Store.open(f"postgresql://nobody@nowhere.invalid/x?schema={schema}")


def test_a_role_that_may_make_no_schema_uses_one_that_is_there(server: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE ROLE modest LOGIN")
        connection.execute("CREATE SCHEMA prepared AUTHORIZATION modest")
    try:
        with Store.open(server.replace("postgres@", "modest@") + "&schema=prepared") as store:
            assert list(store.events()) == []
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("DROP OWNED BY modest CASCADE")
            connection.execute("DROP ROLE modest")


@pytest.fixture
def lent(shared_url: str) -> Iterator[Store]:
    with Store.open(shared_url) as store:
        yield store


def test_names_mean_in_a_lent_transaction_what_they_mean_to_the_platform(lent: Store) -> None:
    table = "orders" if lent.database.dialect == "sqlite" else "events"
    with lent.database.lending(60.0) as connection:
        assert len(connection.execute(text(f"SELECT * FROM {table}")).all()) == 1
        assert lent.database.own(connection, METADATA.tables["deliveries"].delete()).rowcount == 0
