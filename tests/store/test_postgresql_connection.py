"""What a connection to PostgreSQL is opened with, so that one that has gone mute is noticed."""

from typing import Any

from sqlalchemy import text

from returns_hub.store import Store


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
