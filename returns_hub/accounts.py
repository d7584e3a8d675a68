"""Accounts: where they come from (``returns-hub.toml``, or code) and how their options become an adapter."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import attrs
from attrs import field, frozen

from returns_hub import registry
from returns_hub.adapter import Adapter
from returns_hub.errors import ConfigurationError, PluginError, suggestion
from returns_hub.secret import Secret

T = TypeVar("T")

DEFAULT_PATH: Final = Path("returns-hub.toml")
DEFAULT_STORE: Final = "sqlite:///returns.db"
DEFAULT_KEEP_DELIVERIES: Final = timedelta(days=30)

_MAX_VALUE_BYTES: Final = 64 << 10
_MAX_FILE_BYTES: Final = 1024 * 1024
# An account's name goes into webhook URLs and onto command lines.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_FUNCTION: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MAX_DURATION: Final = timedelta(days=36500)
_SQLITE_FILE: Final = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?:///)(?P<path>(?!/|:memory:|file:)[^?]+)(?P<rest>.*)\Z")
CONSOLE_KEYS: Final = ("console_token", "console_users", "console_url", "console_user_header", "console_proxies")
"""The keys of the configuration that say who may use the console."""
_KINDS: Final[Mapping[type, str]] = {
    Secret: "text",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    Decimal: "a number, as text",
    date: "a date",
}


class Options(Mapping[str, Any]):
    """Options as they were given, credentials and all: the ``repr`` shows only their names."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = dict(given)

    def __getitem__(self, name: str) -> Any:
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def __repr__(self) -> str:
        return f"<Options: {', '.join(map(str, self._given))}>"


def _named(_: object, __: object, name: str) -> None:
    if not _NAME.match(name):
        raise ConfigurationError(
            f"an account cannot be called {name[:80]!r}: letters, digits, '.', '_' and '-', at most 64, are allowed"
        )


def _names_function(account: "Account", _: object, orders: str | None) -> None:
    if orders is not None and not _FUNCTION.match(orders):
        raise ConfigurationError(f'accounts.{account.name}.orders must look like "my_shop.lookup:find_order"')


@frozen(kw_only=True)
class Account:
    """One account at one vendor: which, where, and the options of its adapter.

    ``base_url`` replaces the vendor's own for the environment, ``rate_limit`` (``"60/min"``, ``"none"``) its published
    one. ``history_start`` is how far back a first sync reads. ``orders`` names the platform's ``find_order`` as
    ``module:function``, for vendors that look orders up. With ``sync_every`` background workers also sync
    the account, so long after the last sync began. ``options`` are the adapter's, unchecked until a client is
    opened. ``unavailable`` are sentences about values that the configuration names and that are not there, such as variables that are not
    set: what is in the mirror can be read all the same, but no client can be opened.
    """

    name: str = field(validator=_named)
    provider: str
    environment: str = "production"
    base_url: str | None = None
    rate_limit: str | None = None
    history_start: date = date(2020, 1, 1)
    orders: str | None = field(default=None, validator=_names_function)
    sync_every: timedelta | None = None
    options: Mapping[str, Any] = field(factory=dict, converter=Options, hash=False)
    unavailable: tuple[str, ...] = ()


@frozen(kw_only=True)
class ConfigProblem:
    """Something that is wrong in a configuration file, in a sentence; ``account`` is None where it is about none."""

    account: str | None
    text: str


@frozen(kw_only=True)
class Config:
    """A configuration file, read. ``warnings`` are sentences about what works but should not be done.

    Deliveries that are processed are kept for ``keep_deliveries``. ``console`` has the keys that begin with ``console_``, unchecked.
    """

    path: Path
    store: str = field(repr=False)
    accounts: Mapping[str, Account]
    keep_deliveries: timedelta = DEFAULT_KEEP_DELIVERIES
    warnings: tuple[str, ...] = ()
    console: Mapping[str, Any] = field(factory=dict, repr=False)


def build_adapter(
    adapter_class: type[Adapter], options: Mapping[str, Any], *, account: str = "", other_options: Iterable[str] = ()
) -> Adapter:
    """The adapter with these options.

    Text becomes a :class:`Secret` where the adapter declares one, and one value a list where it declares several;
    otherwise a value is of the declared type or refused. ``other_options`` are names that mean something elsewhere, and
    are suggested where one of them is misspelt.

    Raises:
        ConfigurationError: an option is unknown, missing or of the wrong type; the text names it, never its value.
    """
    # No frame that a traceback keeps may hold a value: the caller's mapping is wrapped, inner frames are dropped.
    options = Options(options)
    try:
        return _build(adapter_class, options, account, other_options)
    except ConfigurationError as error:
        failure = error.with_traceback(None)
    raise failure


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


def _build(
    adapter_class: type[Adapter], options: Mapping[str, Any], account: str, other_options: Iterable[str]
) -> Adapter:
    prefix = f"accounts.{account}." if account else f"{adapter_class.provider}: option "
    wanted = {a.alias: a for a in attrs.fields(attrs.resolve_types(adapter_class)) if a.init}
    unknown = [name for name in options if name not in wanted]
    if unknown:
        keys = _account_keys() if account else ("environment", "base_url", "rate_limit")
        known = [*wanted, *keys, *other_options]
        raise ConfigurationError(_unknown_key(prefix + str(unknown[0])[:60], str(unknown[0]), known, list(wanted)))
    missing = [name for name, a in wanted.items() if a.default is attrs.NOTHING and name not in options]
    if missing:
        raise ConfigurationError(f"{prefix}{missing[0]} is missing")
    values = {name: _converted(prefix + name, wanted[name].type, value) for name, value in options.items()}
    problem = ""
    try:
        return adapter_class(**values)
    except ConfigurationError as error:
        problem = str(error)
    except (TypeError, ValueError) as error:
        # The text of a validator's error quotes the value it refuses.
        problem = f"the options of {adapter_class.provider} were refused ({type(error).__name__})"
    raise ConfigurationError(f"accounts.{account}: {problem}" if account else problem)


def _converted(name: str, kind: Any, value: Any) -> Any:
    """The value as the declared type wants it; ``name`` is what an error calls it."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _converted_optional(name, get_args(kind), value)
    if origin is tuple and get_args(kind)[-1] is ...:
        element = get_args(kind)[0]
        if not isinstance(value, list | tuple):
            return (_converted(name, element, value),)
        return tuple(_converted(f"{name}[{index}]", element, part) for index, part in enumerate(value))
    if origin in (Mapping, dict):
        if isinstance(value, Mapping) and all(type(key) is str for key in value):
            return dict(value)
        raise _wrong(name, "a table", value)
    if isinstance(kind, type):
        return _converted_scalar(name, kind, value)
    return value


def _converted_optional(name: str, kinds: Sequence[Any], value: Any) -> Any:
    if value is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    return _converted(name, others[0], value) if len(others) == 1 else value


def _converted_scalar(name: str, kind: type[Any], value: Any) -> Any:
    if type(value) is kind:
        return _filled(name, value)
    if kind is Secret and type(value) is str:
        return Secret(_filled(name, value))
    if issubclass(kind, Enum):
        words = [member.value for member in kind]
        if value in words:
            return kind(value)
        raise ConfigurationError(f"{name} must be one of {', '.join(map(str, words))}")
    if kind is Decimal and type(value) is int:
        return Decimal(value)
    if kind is Decimal and type(value) is str and re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?", value):
        return Decimal(value)
    raise _wrong(name, _KINDS.get(kind, kind.__name__), value)


def _filled(name: str, value: Any) -> Any:
    if value or not isinstance(value, str | Secret):
        return value
    raise ConfigurationError(f"{name} is empty")


def _wrong(name: str, wanted: str, value: Any) -> ConfigurationError:
    return ConfigurationError(f"{name} must be {wanted}, not {type(value).__name__}")


def _unknown_key(place: str, name: str, known: Sequence[str], listed: Sequence[str]) -> str:
    return f"{place} is not known{suggestion(name, known)} Known: {', '.join(sorted(listed))}"


def _account_keys() -> tuple[str, ...]:
    return tuple(a.name for a in attrs.fields(Account) if a.name not in ("name", "options", "unavailable"))


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
        problem = "does not exist"
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
                self._wrong(None, self._title + _unknown_key(str(key)[:60], str(key), known, listed))
        tables = content.get("accounts", {})
        if not isinstance(tables, dict):
            self._wrong(None, str(_wrong("accounts", "a table of accounts", tables)))
            tables = {}
        accounts, warnings = {}, []
        for name, table in tables.items():
            account = self._attempt(name, lambda name=name, table=table: self._account(name, table))  # type: ignore[misc]
            if account is not None:
                accounts[name] = account
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
            raise _wrong(place, "a table", table)
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
            unknown = _unknown_key(f"{place}.provider {provider[:60]!r}", provider, self._installed, self._installed)
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
    return str(_converted_scalar(place, str, value))


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


def secret_options(adapter_class: type[Adapter]) -> tuple[str, ...]:
    """The names of the options that hold secrets."""
    secrets = (Secret, tuple[Secret, ...])
    return tuple(
        a.alias
        for a in attrs.fields(attrs.resolve_types(adapter_class))
        if a.init and (a.type in secrets or any(kind in secrets for kind in get_args(a.type)))
    )


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
