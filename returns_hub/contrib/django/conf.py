"""The setting ``RETURNS_HUB``, and the hub that it describes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections, connections, transaction

from returns_hub.configuration import Config, ConfigProblem, examine_config, load_config, read_config
from returns_hub.errors import ConfigurationError
from returns_hub.hub import Hub

_OWN: Final = ("config", "database", "atomic_handlers")
_VENDORS: Final = ("sqlite", "postgresql")
# Where the mirror is beside Django's tables.
_SCHEMA: Final = "returns_hub"
# What of a connection of Django's is said in another way, or is for Django alone.
_SAID: Final = ("dbname", "user", "password", "host", "port", "client_encoding", "prepare_threshold")


@frozen(kw_only=True)
class HubSettings:
    """What ``settings.RETURNS_HUB`` says. ``database`` is the alias of Django's database that the mirror shares."""

    config: Config
    database: str | None = None
    atomic_handlers: bool = False


@cache
def configured_hub() -> Hub:
    """The hub of the project, one for the process.

    Raises:
        ImproperlyConfigured: the setting is missing or wrong; the text names what.
    """
    given = read_settings()
    config, alias = given.config, given.database
    store = config.store if alias is None else partial(store_address, alias)
    hub = Hub(config.accounts, store=store, keep_deliveries=config.keep_deliveries)
    atomic = alias if given.atomic_handlers else None
    hub.call_handlers_in(
        partial(_handler_context, atomic), execute=None if atomic is None else partial(_execute, atomic)
    )
    return hub


def read_settings(problems: list[ConfigProblem] | None = None) -> HubSettings:
    """The setting, read. It is the path of a ``returns-hub.toml``, or a mapping with the same keys and those of Django.

    With ``problems`` what is wrong in the configuration itself is added to it, and an account of which something is wrong
    is left out.

    Raises:
        ImproperlyConfigured: it is missing or wrong; the text names what.
    """
    given = getattr(settings, "RETURNS_HUB", None)
    if given is None:
        raise ImproperlyConfigured(
            'RETURNS_HUB is missing: RETURNS_HUB = {"accounts": {...}}, or the path of a returns-hub.toml'
        )
    if isinstance(given, str | Path):
        given = {"config": given}
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"RETURNS_HUB must be a path or a dictionary, not {type(given).__name__}")
    content = {name: given[name] for name in given if name not in _OWN}
    atomic = given.get("atomic_handlers", False)
    alias = None if given.get("database") is None else _checked_database(given["database"], content)
    if type(atomic) is not bool or (atomic and alias is None):
        raise ImproperlyConfigured('RETURNS_HUB["atomic_handlers"] is True or False, and needs "database"')
    try:
        config = _config(given.get("config"), content, problems)
        return HubSettings(config=config, database=alias, atomic_handlers=atomic)
    except ConfigurationError as error:
        problem = str(error)
    raise ImproperlyConfigured(f"RETURNS_HUB: {problem}")


def store_address(alias: str) -> str:
    """The address of the mirror in one of Django's databases: of the test's own one while tests run.

    Raises:
        ConfigurationError: it is in memory, or its address has a form that we do not know.
    """
    connection = connections[alias]
    if connection.vendor == "sqlite":
        if connection.is_in_memory_db():
            raise ConfigurationError(
                f"the database {alias!r} is in memory, where the mirror cannot be: "
                f'DATABASES[{alias!r}]["TEST"] = {{"NAME": "test.sqlite3"}} has tests use a file'
            )
        return f"sqlite:///{Path(connection.settings_dict['NAME']).absolute()}?shared=true"
    from sqlalchemy import URL

    parameters = connection.get_connection_params()
    query = {
        name: str(value) for name, value in parameters.items() if name not in _SAID and isinstance(value, str | int)
    }
    # A directory of sockets is no host of a URL.
    if host := parameters.get("host"):
        query["host"] = host
    port = parameters.get("port")
    return URL.create(
        "postgresql",
        username=parameters.get("user"),
        password=parameters.get("password"),
        port=int(port) if port else None,
        database=parameters.get("dbname"),
        query={**query, "schema": _SCHEMA},
    ).render_as_string(hide_password=False)


def _config(path: object, content: Mapping[str, Any], problems: list[ConfigProblem] | None) -> Config:
    """The configuration, of a file or of the setting itself."""
    if path is None:
        return read_config(content, directory=Path(getattr(settings, "BASE_DIR", "")), problems=problems)
    if not isinstance(path, str | Path):
        raise ConfigurationError('"config" must be the path of a file')
    if content:
        raise ConfigurationError(f'{min(content)!r} stands beside "config": put it into that file')
    if problems is None:
        return load_config(Path(path))
    config, found = examine_config(Path(path))
    problems.extend(found)
    return config


def _checked_database(alias: object, content: Mapping[str, Any]) -> str:
    if not isinstance(alias, str) or alias not in settings.DATABASES:
        raise ImproperlyConfigured(f'RETURNS_HUB["database"] must be one of DATABASES: {", ".join(settings.DATABASES)}')
    if "store" in content:
        raise ImproperlyConfigured('RETURNS_HUB has "store" and "database": the mirror is in one of them')
    if connections[alias].vendor not in _VENDORS:
        raise ImproperlyConfigured(
            f'RETURNS_HUB["database"]: the mirror can be in PostgreSQL or SQLite, and {alias!r} is {connections[alias].vendor}; '
            'give it a "store" of its own'
        )
    return alias


@contextmanager
def _handler_context(atomic: str | None) -> Iterator[None]:
    """What a handler is called in: connections that are alive, closed after it as after a request; perhaps a transaction."""
    close_old_connections()
    try:
        if atomic is None:
            yield
        else:
            # Both a decorator and a context, and only one of them to type checkers.
            begin: Any = transaction.atomic
            with begin(using=atomic):
                _take_turn(atomic)
                yield
    finally:
        for connection in connections.all(initialized_only=True):
            # A test's transaction is the test's, and so is its connection. Others are the thread's, which ends.
            if not connection.in_atomic_block:
                connection.close()


def _take_turn(alias: str) -> None:
    """On SQLite, begin as a writer: a transaction that reads first and writes later fails where another one wrote in between."""
    if connections[alias].vendor == "sqlite":
        _execute(alias, "DELETE FROM parked_events WHERE 0", ())


def _execute(alias: str, statement: str, parameters: Sequence[object]) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)
