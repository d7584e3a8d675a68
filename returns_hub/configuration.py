"""The configuration file, ``returns-hub.toml``: the accounts that it describes, the store, and all that is wrong in it."""

import os
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import field, frozen

from returns_hub import registry
from returns_hub.accounts import Account, converted_scalar, secret_options, unknown_key, wrong_type
from returns_hub.errors import ConfigurationError, PluginError

T = TypeVar("T")

DEFAULT_PATH: Final = Path("returns-hub.toml")
DEFAULT_STORE: Final = "sqlite:///returns.db"
DEFAULT_KEEP_DELIVERIES: Final = timedelta(days=30)
CONSOLE_KEYS: Final = ("console_token", "console_users", "console_url", "console_user_header", "console_proxies")
"""The keys of the configuration that say who may use the console."""

_MAX_VALUE_BYTES: Final = 64 << 10
_MAX_FILE_BYTES: Final = 1024 * 1024
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MAX_DURATION: Final = timedelta(days=36500)
_SQLITE_FILE: Final = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?:///)(?P<path>(?!/|:memory:|file:)[^?]+)(?P<rest>.*)\Z")


@frozen(kw_only=True)
class ConfigProblem:
    """Something that is wrong in a configuration file, in a sentence; ``account`` is None where it is about none."""

    account: str | None
    text: str


@frozen(kw_only=True)
class Config:
    """A configuration file, read. ``warnings`` are sentences about what works but should not be done.

    They are :func:`examine_config`'s: to find them, the package of every vendor is imported. Deliveries that are processed are kept for ``keep_deliveries``. ``console`` has the keys that begin with ``console_``, unchecked.
    """

    path: Path
    store: str = field(repr=False)
    accounts: Mapping[str, Account]
    keep_deliveries: timedelta = DEFAULT_KEEP_DELIVERIES
    warnings: tuple[str, ...] = ()
    console: Mapping[str, Any] = field(factory=dict, repr=False)


def load_config(path: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration file; ``returns-hub.toml`` in the current directory unless another is named.

    A table ``{ env = "NAME" }`` anywhere stands for that variable of the environment, ``{ file = "PATH" }`` for the text of a
    file, relative to this one, without the line end behind it. A relative SQLite path is
    relative to the file. The options of an account are checked when its client is opened, and so is that all of its values are
    there (``Account.unavailable``).

    Raises:
        ConfigurationError: the file is missing, malformed or says something impossible; the text names what, and where.
    """
    given = DEFAULT_PATH if path is None else Path(path)
    try:
        return _ConfigReader(given, environ, None).read(_parsed(given))
    except ConfigurationError as error:
        failure = error.with_traceback(None)
    # A traceback that shows local variables must not show the environment.
    del environ
    raise failure


def examine_config(
    path: Path | None = None, *, environ: Mapping[str, str] = os.environ
) -> tuple[Config, tuple[ConfigProblem, ...]]:
    """What can be read of a configuration file, and everything that is wrong in it, where :func:`load_config` names the first.

    An account of which something is wrong is left out; ``store`` is ``""`` where that is.

    Raises:
        ConfigurationError: the file is missing, or no TOML.
    """
    given = DEFAULT_PATH if path is None else Path(path)
    problems: list[ConfigProblem] = []
    config = _ConfigReader(given, environ, problems).read(_parsed(given))
    return config, tuple(problems)


def read_config(
    content: Mapping[str, Any],
    *,
    directory: Path,
    problems: list[ConfigProblem] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """The configuration that a mapping describes, which has the keys of the file; otherwise as :func:`load_config`.

    Relative paths are relative to ``directory``. With ``problems`` everything that is wrong is added to it, as
    :func:`examine_config` gives it, and nothing is raised.

    Raises:
        ConfigurationError: it says something impossible; the text names what.
    """
    return _ConfigReader(directory / "-", environ, problems, title="").read(dict(content))


def _parsed(path: Path) -> dict[str, Any]:
    import tomllib

    problem = ""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) <= _MAX_FILE_BYTES:
            # Numbers with a fraction stay exact. Editors on Windows put a byte order mark in front.
            return tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
        problem = "is larger than 1 MiB"
    except FileNotFoundError:
        problem = "does not exist; returns-hub init writes one"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"is not valid TOML: {error}"
    except (ValueError, RecursionError):
        problem = "is not valid TOML: a number too long, or tables too deep"
    raise ConfigurationError(f"the configuration file {path} {problem}")


class _ConfigReader:
    """Reads what a file says. What is wrong is raised, or noted where ``problems`` is given, and reading goes on."""

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        problems: list[ConfigProblem] | None,
        *,
        title: str | None = None,
    ) -> None:
        self._path = path
        self._title = f"{path}: " if title is None else title
        self._environ = environ
        self._problems = problems
        # Asked once: it takes as long as the environment is large, and there may be a thousand accounts.
        self._installed = registry.providers()

    def read(self, content: dict[str, Any]) -> Config:
        """The configuration."""
        listed = ["store", "keep_deliveries", "accounts"]
        known = [*listed, *CONSOLE_KEYS]
        for key in content:
            if key not in known:
                self._wrong(None, self._title + unknown_key(str(key)[:60], str(key), known, listed))
        tables = content.get("accounts", {})
        if not isinstance(tables, dict):
            self._wrong(None, str(wrong_type("accounts", "a table of accounts", tables)))
            tables = {}
        accounts, warnings = {}, []
        for name, table in tables.items():
            account = self._attempt(name, lambda name=name, table=table: self._account(name, table))  # type: ignore[misc]
            if account is not None:
                accounts[name] = account
                if self._problems is not None:
                    warnings += _literal_secrets(name, account.provider, table)
        store = self._attempt(None, lambda: _text("store", self._value("store", content.get("store", DEFAULT_STORE))))
        keep: timedelta | None = DEFAULT_KEEP_DELIVERIES
        if "keep_deliveries" in content:
            place = "keep_deliveries"
            keep = self._attempt(None, lambda: _duration(place, self._value(place, content[place])))
        console: dict[str, Any] = {
            key: self._attempt(None, lambda key=key: self._value(key, content[key]))  # type: ignore[misc]
            for key in CONSOLE_KEYS
            if key in content
        }
        return Config(
            path=self._path,
            store=_anchored(store, self._path) if store else "",
            accounts=accounts,
            keep_deliveries=keep or DEFAULT_KEEP_DELIVERIES,
            warnings=tuple(warnings),
            console=console,
        )

    def _account(self, name: str, table: Any) -> Account | None:
        place = f"accounts.{name}"
        if not isinstance(table, dict):
            raise wrong_type(place, "a table", table)
        values, unavailable = {}, []
        for key, value in table.items():
            try:
                values[key] = self._value(f"{place}.{key}", value)
            except _Unavailable as error:
                unavailable.append(str(error))
        if "provider" not in values:
            raise ConfigurationError(
                unavailable[0]
                if "provider" in table
                else f"{place}.provider is missing; installed: {', '.join(self._installed) or 'none'}"
            )
        known = len(self._problems or ())
        own: dict[str, Any] = {}
        for key, read in _ACCOUNT_READERS.items():
            if key in values:
                own[key] = self._attempt(
                    name,
                    lambda read=read, key=key: read(f"{place}.{key}", values[key]),  # type: ignore[misc]
                )
        provider = own["provider"]
        if provider is not None and provider not in self._installed:
            unknown = unknown_key(f"{place}.provider {provider[:60]!r}", provider, self._installed, self._installed)
            self._wrong(name, unknown)
        if len(self._problems or ()) != known:
            return None
        options = {key: values[key] for key in values if key not in _ACCOUNT_READERS}
        return Account(name=name, options=options, unavailable=tuple(unavailable), **own)

    def _value(self, place: str, value: Any) -> Any:
        return _resolved(place, value, self._environ, self._path.parent)

    def _attempt(self, account: str | None, read: Callable[[], T]) -> T | None:
        """What is read; None where that is wrong, and only noted."""
        try:
            return read()
        except ConfigurationError as error:
            if self._problems is None:
                raise
            self._wrong(account, str(error))
        return None

    def _wrong(self, account: str | None, text: str) -> None:
        if self._problems is None:
            raise ConfigurationError(text)
        self._problems.append(ConfigProblem(account=account, text=text))


class _Unavailable(ConfigurationError):
    """A value that the configuration names is not there."""


def _text(place: str, value: Any) -> str:
    return str(converted_scalar(place, str, value))


def parse_duration(text: str) -> timedelta | None:
    """``"30s"``, ``"5m"``, ``"1h"`` or ``"30d"``, up to a hundred years; None for anything else."""
    match = _DURATION.fullmatch(text.strip())
    found = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    return found if timedelta() < found <= _MAX_DURATION else None


def _duration(place: str, value: Any) -> timedelta:
    found = parse_duration(value) if type(value) is str else None
    if found is None:
        raise ConfigurationError(f'{place} must look like "30s", "5m", "1h" or "30d"')
    return found


def _date(place: str, value: Any) -> date:
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        pass
    raise ConfigurationError(f"{place} must be a date such as 2024-01-31")


_ACCOUNT_READERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "provider": _text,
    "environment": _text,
    "base_url": _text,
    "rate_limit": _text,
    "history_start": _date,
    "orders": _text,
    "sync_every": _duration,
}


def _resolved(place: str, value: Any, environ: Mapping[str, str], directory: Path) -> Any:
    """The value with every ``{ env = "NAME" }`` and ``{ file = "PATH" }`` in it replaced by what is there."""
    if _names(value, "file"):
        return _read_value(place, directory / value["file"])
    if _names(value, "env"):
        if environ.get(value["env"]):
            return environ[value["env"]]
        raise _Unavailable(f"{place}: the environment variable {value['env'][:80]} is not set")
    if isinstance(value, dict):
        return {key: _resolved(f"{place}.{key}", part, environ, directory) for key, part in value.items()}
    if isinstance(value, list):
        return [_resolved(f"{place}[{index}]", part, environ, directory) for index, part in enumerate(value)]
    return value


def _names(value: Any, kind: str) -> bool:
    """True of a table that says where a value is, such as ``{ env = "NAME" }``."""
    return isinstance(value, dict) and list(value) == [kind] and type(value[kind]) is str


def _read_value(place: str, path: Path) -> str:
    """The text of a file that holds one value, as container platforms mount secrets."""
    problem = "is empty"
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_VALUE_BYTES + 1)
        if len(content) > _MAX_VALUE_BYTES:
            problem = "is larger than 64 KiB"
        elif text := content.decode().removesuffix("\n").removesuffix("\r"):
            return text
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except ValueError:  # no UTF-8, or no file can be called that
        problem = "is not UTF-8 text"
    raise _Unavailable(f"{place}: the file {path} {problem}")


def _literal_secrets(account: str, provider: str, table: Mapping[str, Any]) -> list[str]:
    """A warning for each secret that stands in the file itself."""
    try:
        names = secret_options(registry.adapter_class(provider))
    except PluginError:
        return []  # said when the account is used; the other accounts still work
    return [
        f'accounts.{account}.{name} is written in the file; {{ env = "NAME" }} or {{ file = "PATH" }} keeps it out'
        for name in names
        for parts in [table.get(name, [])]
        if any(
            not (_names(part, "env") or _names(part, "file"))
            for part in (parts if isinstance(parts, list) else [parts])
        )
    ]


def _anchored(store: str, path: Path) -> str:
    """The store's address, a relative SQLite path made relative to the configuration file."""
    match = _SQLITE_FILE.match(store)
    if not match:
        return store
    return f"{match['scheme']}{path.absolute().parent / match['path']}{match['rest']}"
