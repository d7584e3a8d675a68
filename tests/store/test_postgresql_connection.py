"""Connections to PostgreSQL: one that has gone mute is noticed, and what a transaction needs is set for it alone."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from returns_hub import StoreError
from returns_hub.store import Store
from returns_hub.store.connection_failures import failure_reason
from returns_hub.store.delivery_writer import DeliveryWriter
from returns_hub.store.postgresql import BoundedConnection


def test_a_statement_and_a_mute_connection_have_an_end(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store, store.database.reading() as connection:
        driver: Any = connection.connection.dbapi_connection
        options = driver.info.get_parameters()
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "1min"
    named = ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
    assert [options[name] for name in named] == ["10", "5", "5", "2", "15000"]


def test_an_address_may_say_otherwise(postgresql_url: str) -> None:
    with Store.open(f"{postgresql_url}&tcp_user_timeout=3000") as store, store.database.reading() as connection:
        driver: Any = connection.connection.dbapi_connection
        assert driver.info.get_parameters()["tcp_user_timeout"] == "3000"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"durable": True}, ("15s", "on")),
        ({"durable": False, "serialized": False}, ("15s", "off")),
        ({"durable": True, "serialized": False, "single": True}, ("15s", "on")),
        ({}, ("15s", "off")),
        (None, ("0", "off")),
    ],
)
def test_what_a_transaction_needs_is_set_for_it_alone(
    postgresql_url: str, options: dict[str, bool] | None, expected: tuple[str, str]
) -> None:
    with Store.open(f"{postgresql_url}&options=-csynchronous_commit%3Doff") as store:
        database = store.database
        with database.reading() if options is None else database.writing(**options) as connection:
            names = ("idle_in_transaction_session_timeout", "synchronous_commit")
            assert tuple(connection.execute(text(f"SHOW {name}")).scalar() for name in names) == expected
        with database.reading() as connection:
            assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "0"


def test_a_transaction_is_opened_together_with_its_first_statement(
    postgresql_url: str, sent: Callable[..., list[str]]
) -> None:
    with Store.open(f"{postgresql_url}&schema=ours") as store:

        def write(divisor: int) -> None:
            with store.database.writing() as connection:
                connection.execute(text("SELECT 1 / :divisor"), {"divisor": divisor})
                assert connection.execute(text("SHOW search_path")).scalar() == "ours"

        def fail() -> None:
            with pytest.raises(DataError, match="division by zero"):
                write(0)

        with store.database.reading() as connection:
            driver: Any = connection.connection.dbapi_connection
        assert sent(driver, lambda: write(1)) == ["BEGIN SELECT SELECT", "SHOW", "COMMIT"]
        # What ends the statements sent together may go by itself, where the first of them has failed before.
        assert [each for each in sent(driver, fail) if each] == ["BEGIN SELECT SELECT", "ROLLBACK"]
        # A cursor of the server's cannot be declared on the same way.
        found = sent(driver, lambda: list(store.database.stream(text("SELECT 1"))))
        assert found[:3] == ["BEGIN", "SELECT", "DECLARE"]


class MuteNetwork:
    """Passes connections on to a PostgreSQL on a socket, until those there are go mute: new ones come through."""

    def __init__(self, url: str) -> None:
        (home,) = parse_qs(urlsplit(url).query)["host"]
        self._target = f"{home}/.s.PGSQL.5432"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._mute: list[bool] = []
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.url = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}{urlsplit(url).path}"

    def go_mute(self) -> None:
        """What is open now says nothing any more, and is not closed either."""
        self._mute[:] = [True] * len(self._mute)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(self._target)
                self._sockets += [here, there]
                self._mute.append(False)
                number = len(self._mute) - 1
                for pair in ((here, there), (there, here)):
                    thread = threading.Thread(target=self._pump, args=(number, *pair))
                    self._threads.append(thread)
                    thread.start()

    def _pump(self, number: int, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self._mute[number]:
                    target.sendall(data)
            if not self._mute[number]:
                target.shutdown(socket.SHUT_WR)


@pytest.fixture
def network(postgresql_url: str) -> Iterator[MuteNetwork]:
    opened = MuteNetwork(postgresql_url)
    yield opened
    opened.close()


def test_connections_that_went_mute_are_replaced_before_they_are_used(
    network: MuteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "limit", 0.2)
    monkeypatch.setattr("returns_hub.store.postgresql._PING_SECONDS", 0.0)
    with Store.open(network.url) as store, closing(DeliveryWriter.of(store.database)) as writer:
        writer.check()
        network.go_mute()
        writer.check()
        with store.database.reading() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1


def begin_and_go_mute(store: Store, network: MuteNetwork) -> None:
    with store.database.writing(within=0.1) as connection:
        network.go_mute()
        connection.execute(text("SELECT 1"))


def test_a_transaction_that_goes_mute_fails_and_the_next_one_is_made_anew(
    network: MuteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "limit", 0.2)
    with Store.open(network.url) as store:
        with pytest.raises(OperationalError) as caught:
            begin_and_go_mute(store, network)
        assert str(store.database.explain(caught.value)) == f"the mirror {store.database.place} does not answer"
        with store.database.reading() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1


def test_a_listener_finds_out_that_nobody_is_there_any_more(
    network: MuteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    from returns_hub.store.stream import CommitWatcher

    monkeypatch.setattr(BoundedConnection, "limit", 0.2)
    monkeypatch.setattr("returns_hub.store.stream._HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr("returns_hub.store.stream._RECONNECT_SECONDS", 0.0)
    with Store.open(network.url) as store:
        watcher = CommitWatcher(store.database)
        network.go_mute()
        # The one that is lost may have missed something.
        assert watcher.wait(0.05)
        watcher.close()


def test_a_pooler_s_refusals_say_what_to_set(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store:
        explain = store.database.explain
        assert "ALTER ROLE name SET search_path" in str(
            explain(psycopg.OperationalError("unsupported startup parameter: options"))
        )
        assert "set pool_mode = transaction or session" in str(
            explain(psycopg.OperationalError("transaction blocks not allowed in statement pooling mode"))
        )
        assert explain(StoreError("as it is")).args == ("as it is",)


def connection_failed(said: str) -> Any:
    return psycopg.OperationalError(f'connection failed: connection to server at "10.0.0.7", port 5432 failed: {said}')


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("FATAL:  sorry, too many clients already", "has no connection left: "),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "has no connection"),
        ('FATAL:  too many connections for role "shop"', "has no connection left: "),
        ('FATAL:  too many connections for database "returns"', "has no connection left: "),
        ("FATAL:  no more connections allowed (max_client_conn)", "has no connection left: "),
        ("FATAL:  the database system is starting up", "is starting or shutting down"),
        ("FATAL:  the database system is not yet accepting connections", "is starting or shutting down"),
        ("FATAL:  the database system is in recovery mode", "is starting or shutting down"),
        ('FATAL:  password authentication failed for user "shop"', "refuses the user or the password"),
        ('FATAL:  role "shop" does not exist', "refuses the user or the password"),
        ("fe_sendauth: no password supplied", "refuses the user or the password"),
        (
            'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "shop", database "returns", no encryption',
            "has no en",
        ),
        ('FATAL:  database "returns" does not exist', "does not exist: create the database"),
        ("Connection refused", "cannot be reached"),
        ("timeout expired", "cannot be reached"),
        ('could not translate host name "db" to address: Name or service not known', "cannot be reached"),
        ("server does not support SSL, but SSL was required", "cannot be reached: server and address do not agree"),
        ("FATAL:  désolé, trop de clients sont déjà connectés", "cannot be reached, or refuses the user or the passw"),
    ],
)
def test_a_refusal_says_what_is_wrong(said: str, reason: str) -> None:
    assert failure_reason(connection_failed(said)).startswith(reason)


@pytest.fixture
def crowded_url(postgresql: str, postgresql_url: str) -> Iterator[str]:
    """The address of a store whose user may have one connection."""
    import psycopg

    role = "one_connection"
    with psycopg.connect(host=postgresql, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
        connection.execute(f"GRANT pg_read_all_data TO {role}")
        yield postgresql_url.replace("postgres@", f"{role}@")
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [role], prepare=False
        )
        connection.execute(f"DROP ROLE {role}")


def test_one_connection_too_many_is_no_wrong_password(crowded_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("returns_hub.store.connection_failures._PATIENCE_SECONDS", 0.0)
    with Store.open(crowded_url), pytest.raises(StoreError) as caught, Store.open(crowded_url):
        pass
    assert "has no connection left: raise max_connections" in str(caught.value)


def test_a_connection_that_is_given_back_is_waited_for(crowded_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Store.open(crowded_url)
    monkeypatch.setattr("returns_hub.store.connection_failures._PATIENCE_SECONDS", 3600.0)
    monkeypatch.setattr("returns_hub.store.connection_failures.time.sleep", lambda _: first.close())
    with Store.open(crowded_url) as second:
        assert list(second.returns()) == []
