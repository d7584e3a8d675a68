"""Accounts, and how their options become an adapter."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs
from attrs import field, frozen

from returns_hub.adapter import Adapter
from returns_hub.errors import ConfigurationError, suggestion
from returns_hub.secret import Secret

# An account's name goes into webhook URLs and onto command lines.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_FUNCTION: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")
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


def _build(
    adapter_class: type[Adapter], options: Mapping[str, Any], account: str, other_options: Iterable[str]
) -> Adapter:
    prefix = f"accounts.{account}." if account else f"{adapter_class.provider}: option "
    wanted = {a.alias: a for a in attrs.fields(attrs.resolve_types(adapter_class)) if a.init}
    unknown = [name for name in options if name not in wanted]
    if unknown:
        keys = _account_keys() if account else ("environment", "base_url", "rate_limit")
        known = [*wanted, *keys, *other_options]
        raise ConfigurationError(unknown_key(prefix + str(unknown[0])[:60], str(unknown[0]), known, list(wanted)))
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
        raise wrong_type(name, "a table", value)
    if isinstance(kind, type):
        return converted_scalar(name, kind, value)
    return value


def _converted_optional(name: str, kinds: Sequence[Any], value: Any) -> Any:
    if value is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    return _converted(name, others[0], value) if len(others) == 1 else value


def converted_scalar(name: str, kind: type[Any], value: Any) -> Any:
    """A single value as the declared type wants it."""
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
    raise wrong_type(name, _KINDS.get(kind, kind.__name__), value)


def _filled(name: str, value: Any) -> Any:
    if value or not isinstance(value, str | Secret):
        return value
    raise ConfigurationError(f"{name} is empty")


def wrong_type(name: str, wanted: str, value: Any) -> ConfigurationError:
    """The error for a value of another type than is wanted."""
    return ConfigurationError(f"{name} must be {wanted}, not {type(value).__name__}")


def unknown_key(place: str, name: str, known: Sequence[str], listed: Sequence[str]) -> str:
    """The sentence about a name that means nothing: the one of the ``known`` that is close, and those that are ``listed``."""
    return f"{place} is not known{suggestion(name, known)} Known: {', '.join(sorted(listed))}"


def _account_keys() -> tuple[str, ...]:
    return tuple(a.name for a in attrs.fields(Account) if a.name not in ("name", "options", "unavailable"))


def secret_options(adapter_class: type[Adapter]) -> tuple[str, ...]:
    """The names of the options that hold secrets."""
    secrets = (Secret, tuple[Secret, ...])
    return tuple(
        a.alias
        for a in attrs.fields(attrs.resolve_types(adapter_class))
        if a.init and (a.type in secrets or any(kind in secrets for kind in get_args(a.type)))
    )
