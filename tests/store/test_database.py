"""Opening a store: what it makes of an address, of what it finds there, and of a database that fails later."""

import os
import pwd
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from returns_hub import OrderRef, Return, Secret, Shipment, StoreError, dump
from returns_hub.json_codec import encode_json
from returns_hub.merge import observed
from returns_hub.store import Store
from returns_hub.store.database import _MIGRATIONS, Database
from returns_hub.store.rows import EncodedReturn, return_row, shipment_rows
from returns_hub.store.schema import METADATA, REVISION, REVISION_TABLE

At: TypeAlias = Callable[[float], datetime]
MakeReturn: TypeAlias = Callable[..., Return]
SideBySide: TypeAlias = Callable[[Sequence[Callable[[], None]]], None]


@pytest.fixture
def postgresql_url(empty_postgresql_url: str) -> str:
    """Nothing is there: these tests are about what opening a store makes."""
    return empty_postgresql_url


def sqlite_file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


@contextmanager
def other_program(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that is not the store's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def message(address: str) -> str:
    with pytest.raises(StoreError) as caught:
        Store.open(address)
    return str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["", "returns.db", "mysql://root:hunter2@localhost/x", "postgresql://u:hunter2@host:port/x", "sqlite//x"],
)
def test_an_address_of_no_use_is_refused_without_repeating_it(address: str) -> None:
    assert message(address) == (
        "the address of the mirror must look like sqlite:///returns.db or postgresql://user@host/name"
    )


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:"])
def test_a_mirror_needs_a_file(address: str) -> None:
    assert message(address) == "the address of the mirror names no file; sqlite:///returns.db does"


@pytest.mark.parametrize("option", ["timeout=soon", "mode=ro", "shared=perhaps", "timeout=1&mode=ro"])
def test_an_option_of_no_use_is_refused(sqlite_url: str, option: str) -> None:
    expected = "the address of a mirror on SQLite takes two options: ?timeout=SECONDS and ?shared=true"
    assert message(f"{sqlite_url}?{option}") == expected


@pytest.mark.parametrize("name", ["a%20b", "a%2Fb", "a?b", "a?timeout=3", "a#b", "a b", "file:a"])
def test_a_path_is_taken_to_the_letter(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    directory.mkdir()
    for address in (f"sqlite:///{directory}/returns.db", f"sqlite:///{directory}/returns.db?timeout=5"):
        with Store.open(address) as store:
            assert store.database.place == f"{directory}/returns.db"
    assert (directory / "returns.db").exists()
    assert list(tmp_path.iterdir()) == [directory]


def test_a_relative_path_stays_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Store.open("sqlite:///file:returns.db") as store:
        monkeypatch.chdir(tmp_path / "elsewhere")
        store.apply("acme", checkpoints={"a": 1})
    assert sqlite_file("sqlite:///file:returns.db").exists() is False
    assert Store.open(f"sqlite:///{tmp_path}/file:returns.db").checkpoints("acme") == {"a": 1}


def test_many_threads_open_fresh_stores_at_once(tmp_path: Path, side_by_side: SideBySide) -> None:
    def open_one(number: int) -> None:
        Store.open(f"sqlite:///{tmp_path}/{number}.db").close()

    side_by_side([partial(open_one, number) for number in range(8)])
    assert len(list(tmp_path.glob("*.db"))) == 8


def in_child(work: Callable[[], bool]) -> bool:
    """Whether the work succeeds in a child process."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_child_process_opens_connections_of_its_own(store: Store) -> None:
    store.apply("acme", checkpoints={"parent": 1})
    with store.database.writing():  # at the moment of the fork a thread of the parent has the writers' lock
        assert in_child(lambda: store.checkpoints("acme") == {"parent": 1})
    assert in_child(lambda: store.apply("acme", checkpoints={"child": 2}) is not None)
    assert store.checkpoints("acme") == {"parent": 1, "child": 2}


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    expected = f"the mirror {missing}/returns.db cannot be created: there is no directory {missing}"
    assert message(f"sqlite:///{missing}/returns.db") == expected


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    assert message(f"sqlite:///{tmp_path}") == f"the mirror {tmp_path} is a directory, not a file"


def test_a_file_of_something_else_is_left_as_it_is(sqlite_url: str) -> None:
    file = sqlite_file(sqlite_url)
    file.write_bytes(b"not a database at all, but long enough for a header" * 100)
    before = file.read_bytes()
    assert message(sqlite_url) == f"the mirror {file} is a file, but not a database of SQLite"
    assert file.read_bytes() == before


def test_a_database_of_something_else_is_left_as_it_is(sqlite_url: str) -> None:
    file = sqlite_file(sqlite_url)
    with other_program(file) as connection:
        connection.execute("CREATE TABLE django_session (id INTEGER)")
    before = file.read_bytes()
    assert message(sqlite_url) == (
        f"{file} is the database of something else; give the mirror one of its own, or put it beside the other tables with ?shared=true"
    )
    assert file.read_bytes() == before


def test_a_foreign_postgresql_database_is_refused(postgresql_url: str) -> None:
    import psycopg

    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE events (id integer)")
    assert message(postgresql_url).endswith("or put it beside the other tables with ?schema=returns_hub")


@pytest.mark.parametrize("transaction", ["reading", "writing"])
def test_a_connection_that_is_in_use_when_the_store_is_closed_is_closed_afterwards(
    store_url: str, transaction: str
) -> None:
    store = Store.open(store_url)
    with getattr(store.database, transaction)() as connection:
        driver = connection.connection.driver_connection
        store.close()
        assert connection.execute(text("SELECT 1")).scalar() == 1
    with pytest.raises(Exception, match="closed"):
        driver.cursor().execute("SELECT 1")


def test_a_newer_mirror_asks_for_a_newer_program(store_url: str) -> None:
    with Store.open(store_url) as store, store.database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE {REVISION_TABLE} SET version_num = '9999'")
    assert message(store_url).endswith(f"is of revision 9999, this returns-hub knows {REVISION}; upgrade returns-hub")


def test_lost_tables_are_noticed(store_url: str) -> None:
    with Store.open(store_url) as store, store.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE checkpoints")
    assert message(store_url).endswith("has lost tables; restore it, or remove it and sync again")


def test_a_damaged_mirror_is_called_that(sqlite_url: str, a_return: MakeReturn, at: At) -> None:
    with Store.open(sqlite_url) as store:
        store.apply("acme", [observed(a_return(f"r{n}", number="x" * 400), seen_at=at(0)) for n in range(200)])
    file = sqlite_file(sqlite_url)
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xff" * len(content[8192:])
    file.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged; restore it, or remove it"), Store.open(sqlite_url) as store:
        list(store.returns())


def test_a_row_that_somebody_spoilt_is_named(store: Store, a_return: MakeReturn, at: At) -> None:
    store.apply("acme", [observed(a_return("r7"), seen_at=at(0))])
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE returns SET object = '{'")
    with pytest.raises(StoreError, match="row of r7 cannot be read"):
        store.get_return("acme", "r7")


def test_a_locked_mirror_is_called_that(sqlite_url: str, a_return: MakeReturn, at: At) -> None:
    with Store.open(sqlite_url + "?timeout=0.05") as store, other_program(sqlite_file(sqlite_url)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another process"):
            store.apply("acme", [observed(a_return(), seen_at=at(0))])


def test_a_full_disk_loses_the_page_and_nothing_else(sqlite_url: str, a_return: MakeReturn, at: At) -> None:
    with Store.open(sqlite_url) as store:
        store.apply("acme", [observed(a_return("kept"), seen_at=at(0))], checkpoints={"page": 1})
        with store.database.reading() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        page = [observed(a_return(f"r{n}", number="x" * 400), seen_at=at(1)) for n in range(2000)]
        with pytest.raises(StoreError, match="cannot be written: the disk is full"):
            store.apply("acme", page, checkpoints={"page": 2})
    with Store.open(sqlite_url) as store:
        assert [stored.ret.id for stored in store.returns()] == ["kept"]
        assert store.checkpoints("acme") == {"page": 1}


@pytest.fixture
def without_rights() -> Callable[[], AbstractContextManager[None]]:
    """While it lasts, root is nobody; anybody else has no special rights anyway."""

    @contextmanager
    def be_nobody() -> Iterator[None]:
        user = os.geteuid()
        if user == 0:
            os.seteuid(pwd.getpwnam("nobody").pw_uid)
        try:
            yield
        finally:
            os.seteuid(user)

    return be_nobody


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that everybody may look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


def test_a_read_only_mirror_is_called_that(
    public_directory: Path, without_rights: Callable[[], AbstractContextManager[None]]
) -> None:
    file = public_directory / "returns.db"
    Store.open(f"sqlite:///{file}").close()
    file.chmod(0o444)
    public_directory.chmod(0o777)
    with without_rights(), Store.open(f"sqlite:///{file}") as store, pytest.raises(StoreError) as caught:
        store.apply("acme", checkpoints={"page": 1})
    assert str(caught.value) == f"the mirror {file} is read-only"


def test_a_mirror_without_permission_is_called_that(
    public_directory: Path, without_rights: Callable[[], AbstractContextManager[None]]
) -> None:
    file = public_directory / "returns.db"
    Store.open(f"sqlite:///{file}").close()
    file.chmod(0)
    with without_rights():
        told = message(f"sqlite:///{file}")
    assert told == f"the mirror {file} cannot be opened: no permission, or the directory is read-only"


def test_a_directory_without_permission_is_called_that(
    public_directory: Path, without_rights: Callable[[], AbstractContextManager[None]]
) -> None:
    public_directory.chmod(0o555)
    with without_rights():
        told = message(f"sqlite:///{public_directory}/returns.db")
    expected = (
        f"the mirror {public_directory}/returns.db cannot be opened: no permission, or the directory is read-only"
    )
    assert told == expected


def test_a_server_that_is_not_there_is_called_that() -> None:
    address = "postgresql://returns:canary-7f3a@127.0.0.1:1/returns?connect_timeout=2"
    expected = "the mirror postgresql://127.0.0.1:1/returns cannot be reached"
    assert message(address) == expected


def test_a_missing_database_is_called_that(postgresql: str) -> None:
    told = message(f"postgresql://postgres:canary-7f3a@/missing?host={postgresql}")
    assert told == "the mirror postgresql:///missing does not exist: create the database, with createdb for instance"


def test_a_password_is_nowhere_in_an_error() -> None:
    address = Secret("postgresql://returns:canary-7f3a@127.0.0.1:1/returns?connect_timeout=2")
    with pytest.raises(StoreError) as caught:
        Store.open(address)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "canary-7f3a" not in "".join(told.format())


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    expected = "a mirror on PostgreSQL needs the package psycopg: pip install 'returns-hub[postgres]'"
    assert message("postgresql://user@host/name") == expected


def test_a_postgresql_that_stops_is_an_error_and_its_return_is_noticed(
    postgresql_url: str, a_return: MakeReturn, at: At
) -> None:
    import psycopg

    with Store.open(postgresql_url) as store:
        store.apply("acme", [observed(a_return("a"), seen_at=at(0))])
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
        store.apply("acme", [observed(a_return("b"), seen_at=at(0))])
        assert sorted(stored.ret.id for stored in store.returns()) == ["a", "b"]


def test_opening_again_changes_nothing(store_url: str, a_return: MakeReturn, at: At) -> None:
    with Store.open(store_url) as store:
        store.apply("acme", [observed(a_return(), seen_at=at(0))])
    with Store.open(store_url) as store:
        assert [stored.ret.id for stored in store.returns()] == ["r1"]


def test_an_up_to_date_mirror_opens_without_alembic(sqlite_url: str) -> None:
    Store.open(sqlite_url).close()
    code = (
        f"import sys; from returns_hub.store import Store; Store.open({sqlite_url!r}); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_several_may_create_the_mirror_at_once(store_url: str, side_by_side: SideBySide) -> None:
    side_by_side([lambda: Store.open(store_url).close()] * 4)
    with Store.open(store_url) as store:
        assert list(store.returns()) == []


def test_an_older_mirror_is_upgraded_while_another_process_reads_it(sqlite_url: str, a_return: MakeReturn) -> None:
    database = Database(Secret(sqlite_url))
    database._set_up_file()
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    shipment = Shipment(id="s1", tracking_number="1Z999")
    old = EncodedReturn.of(a_return("r1", order=OrderRef(number="#1001"), shipments=(shipment,)))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        row = {key: value for key, value in return_row("acme", old).items() if key != "unreadable"}
        columns, values = ", ".join(row), ", ".join(f":{key}" for key in row)
        connection.execute(text(f"INSERT INTO returns ({columns}) VALUES ({values})"), row)
        (part,) = shipment_rows("acme", old)
        part = {**part, "object": encode_json(dump(shipment))}
        columns, values = ", ".join(part), ", ".join(f":{key}" for key in part)
        connection.execute(text(f"INSERT INTO shipments ({columns}) VALUES ({values})"), part)
    database.close()
    with other_program(sqlite_file(sqlite_url)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM returns").fetchone() == (1,)
        with Store.open(sqlite_url) as store:
            stored = store.get_return("acme", "r1")
            assert stored is not None
            assert stored.ret.shipments == (shipment,)
            assert store.find_return("acme", ["shipment:s1"]) == "r1"
            for word in ("1Z 999", "1001", "s1"):
                assert [found.ret.id for found in store.find(word)] == ["r1"]
        assert reader.execute("SELECT count(*) FROM returns").fetchone() == (1,)


def test_the_migrations_make_the_tables_that_the_code_uses(store: Store) -> None:
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE})
        assert compare_metadata(context, METADATA) == []


def test_the_migrations_make_the_partial_indexes_that_the_code_names(sqlite_store: Store) -> None:
    named = {
        str(index.name): index.info["where"]
        for table in METADATA.tables.values()
        for index in table.indexes
        if "where" in index.info
    }
    with sqlite_store.database.reading() as connection:
        made = {
            index["name"]: str(index["dialect_options"]["sqlite_where"])
            for table in METADATA.tables
            for index in inspect(connection).get_indexes(table)
            if "sqlite_where" in index.get("dialect_options", {})
        }
    assert made == named


def test_the_revision_is_that_of_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_sqlite_keeps_readers_and_the_writer_apart(sqlite_store: Store) -> None:
    with sqlite_store.database.reading() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 1]
