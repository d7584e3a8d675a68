"""Who wants which events: functions of the platform's, by the name under which their cursor is kept. No I/O."""

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    Protocol,
    TypeAlias,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
    cast,
    get_args,
    get_origin,
    overload,
)

from attrs import evolve, field, frozen

from returns_hub.errors import ConfigurationError
from returns_hub.events import EVENT_TYPES, Event

if TYPE_CHECKING:
    from sqlalchemy import Connection

Awaited: TypeAlias = Coroutine[Any, Any, None]
Handler: TypeAlias = "Callable[..., None] | Callable[..., Awaited]"
H = TypeVar("H", bound=Handler)
E = TypeVar("E", bound=Event)
E2 = TypeVar("E2", bound=Event)
E3 = TypeVar("E3", bound=Event)
E4 = TypeVar("E4", bound=Event)
Since = Literal["now", "beginning"]

ATTEMPTS: Final = 12
"""How often a handler that fails at an event is called with it: the last time up to an hour after the first."""

DEFAULT_TIMEOUT: Final = 60.0
"""Seconds that a handler has for an event."""
DEFAULT_CONCURRENCY: Final = 4
"""How many events of different returns a consumer gets at once in one process."""

_MAX_NAME_LENGTH: Final = 200
_MAX_CONCURRENCY: Final = 64


class HandlerOptions(TypedDict, total=False):
    """How a handler is called.

    ``name`` is where its cursor is kept: the same name goes on where it stopped, in this process or in another. Without
    it, it is the function's own name, and renaming the function makes a new consumer. A new consumer gets the events that
    are recorded from now on, with ``since="beginning"`` also everything before. Events of origin ``backfill`` are history
    that a sync read for the first time: they come with ``backfill=True`` only.

    ``attempts`` is how often it is called with an event at which it fails. One that takes longer than ``timeout`` seconds
    has failed; it cannot be ended if it is a plain function, but what it holds is retried. ``concurrency`` is how many events
    of different returns it gets at once: 1 for a function that must not run beside itself.
    """

    name: str | None
    since: Since
    backfill: bool
    attempts: int
    timeout: float
    concurrency: int


HandlerContext: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Makes what a plain function is called inside, in the thread that calls it."""
ExecuteStatement: TypeAlias = Callable[[str, Sequence[object]], int]
"""Executes a statement with ``%s`` for each parameter, and returns the number of rows."""


class Registration(Protocol[E]):
    """What ``Hub.on`` gives: a decorator for functions that take these events, and perhaps the database's connection."""

    @overload
    def __call__(self, handler: Callable[[E], None], /) -> Callable[[E], None]: ...
    @overload
    def __call__(self, handler: "Callable[[E, Connection], None]", /) -> "Callable[[E, Connection], None]": ...


class AsyncRegistration(Protocol[E]):
    """What ``AsyncHub.on`` gives: as :class:`Registration`; async functions, too, may take these events."""

    @overload
    def __call__(self, handler: Callable[[E], Awaited], /) -> Callable[[E], Awaited]: ...
    @overload
    def __call__(self, handler: Callable[[E], None], /) -> Callable[[E], None]: ...
    @overload
    def __call__(self, handler: "Callable[[E, Connection], None]", /) -> "Callable[[E, Connection], None]": ...


@frozen
class RegisteredHandler:
    """A platform's function, and how it is called."""

    function: Handler
    is_async: bool
    takes_connection: bool

    @classmethod
    def of(cls, handler: Handler, types: Sequence[type[Event]]) -> "RegisteredHandler":
        """The handler, checked for the types of events that it will get.

        Raises:
            ConfigurationError: it cannot be called with them.
        """
        name = getattr(handler, "__qualname__", None) or type(handler).__name__
        parameters = _parameters(handler)
        required = [each for each in parameters if each.default is each.empty and each.kind not in _VARIADIC]
        positional = [each for each in parameters if each.kind in _POSITIONAL]
        if not positional or len(required) > 2 or any(each.kind is each.KEYWORD_ONLY for each in required):
            raise ConfigurationError(
                f"{name}() cannot be a handler: one takes the event, and after it the database's connection if it likes"
            )
        refused = [kind for kind in types if not _accepts(positional[0].annotation, kind)]
        if refused:
            raise ConfigurationError(
                f"{name}() is registered for {refused[0].__name__}, and its {positional[0].name!r} is annotated as something "
                f"else; annotate it with what it gets, or register it for what it takes"
            )
        registered = cls(handler, _is_async(handler), takes_connection=len(required) == 2)
        if registered.is_async and registered.takes_connection:
            raise ConfigurationError(f"{name}() cannot take the connection, which blocks: make it a plain function")
        return registered


@frozen(kw_only=True)
class Consumer:
    """A name with a cursor of its own in the event stream, its handlers by type of event, and how they are called."""

    name: str
    handlers: Mapping[str, RegisteredHandler] = field(repr=False)
    since: Since = "now"
    backfill: bool = False
    attempts: int = ATTEMPTS
    timeout: float = DEFAULT_TIMEOUT
    concurrency: int = DEFAULT_CONCURRENCY

    def __attrs_post_init__(self) -> None:
        if self.since not in ("now", "beginning"):
            raise ConfigurationError("since is 'now' or 'beginning'")
        if type(self.backfill) is not bool:
            raise ConfigurationError("backfill is True or False")
        if type(self.attempts) is not int or self.attempts < 1:
            raise ConfigurationError("attempts must be a whole number above 0")
        if isinstance(self.timeout, bool) or not isinstance(self.timeout, int | float) or not self.timeout > 0:
            raise ConfigurationError("timeout must be seconds, more than 0")
        if type(self.concurrency) is not int or not 1 <= self.concurrency <= _MAX_CONCURRENCY:
            raise ConfigurationError(f"concurrency must be a whole number from 1 to {_MAX_CONCURRENCY}")


@frozen(kw_only=True)
class ConsumerHealth:
    """How far the handlers of a name have come in the event stream.

    ``cursor`` is the sequence up to which events have come to their turn. ``lag`` events are recorded and not done, the
    oldest since ``oldest_pending_s`` seconds (None without lag). Of these ``failing`` are retried; ``dead`` ones are not,
    and are not part of the lag. ``error`` is the type and the place of the latest failure, None without one.
    """

    name: str
    cursor: int
    lag: int
    failing: int
    dead: int
    oldest_pending_s: float | None = None
    error: str | None = None


class HandlerRegistry:
    """The handlers of a hub. Only with ``awaits`` may they be async functions."""

    def __init__(self, *, awaits: bool) -> None:
        self._awaits = awaits
        self._consumers: dict[str, Consumer] = {}
        self.context: HandlerContext = nullcontext
        self.execute: ExecuteStatement | None = None

    def on(self, *types: type[Event], **options: Unpack[HandlerOptions]) -> Callable[[H], H]:
        """A decorator whose function is called with every event of these types, or of all; at least once for each ``id``.

        An event is done when the function returns. If it raises, it is called again, later and later; until then the later
        events of the same return wait, those of other returns do not. Then the event is dead. Functions that take
        different types may share a name and its options.

        Raises:
            ConfigurationError: an argument that cannot be meant, a function that does not take these events, or the name
                has a handler for such events already.
        """
        wanted = _wanted(types)
        unknown = options.keys() - HandlerOptions.__annotations__.keys()
        if unknown:
            raise ConfigurationError(f"on() has no option {min(unknown)!r}")
        _consumer("checked", {}, options)

        def register(handler: H) -> H:
            registered = RegisteredHandler.of(handler, types=list(wanted.values()))
            if registered.is_async and not self._awaits:
                raise ConfigurationError("a handler that is awaited needs an AsyncHub; a Hub calls plain functions")
            given = options.get("name")
            name = _checked_name(getattr(handler, "__qualname__", None) if given is None else given)
            new = _consumer(name, dict.fromkeys(wanted, registered), options)
            known = self._consumers.get(name)
            if known is not None:
                if evolve(known, handlers={}) != evolve(new, handlers={}):
                    raise ConfigurationError(f"the handlers under the name {name!r} differ in their options")
                if taken := wanted.keys() & known.handlers.keys():
                    raise ConfigurationError(
                        f"two handlers under the name {name!r} want {min(taken)}; give each a name= of its own"
                    )
                new = evolve(new, handlers={**known.handlers, **new.handlers})
            self._consumers[name] = new
            return handler

        return register

    def consumers(self) -> tuple[Consumer, ...]:
        """The consumers, in the order of their registration."""
        return tuple(self._consumers.values())

    def consumer(self, name: str) -> Consumer:
        """The consumer of a name that :meth:`consumers` has."""
        return self._consumers[name]


_POSITIONAL: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_VARIADIC: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
# What is written in another language may not say what it takes.
_UNKNOWN: Final = (inspect.Parameter("event", inspect.Parameter.POSITIONAL_ONLY),)


def _parameters(handler: Handler) -> Sequence[inspect.Parameter]:
    """What the function is called with; behind a decorator that takes anything, what the decorated function is."""
    try:
        try:
            signature = inspect.signature(handler, follow_wrapped=False, eval_str=True)
        except NameError:
            # An annotation may be a name that type checkers alone import.
            signature = inspect.signature(handler, follow_wrapped=False)
    except (TypeError, ValueError):
        return _UNKNOWN
    parameters = tuple(signature.parameters.values())
    wrapped = getattr(handler, "__wrapped__", None)
    if callable(wrapped) and parameters and all(each.kind in _VARIADIC for each in parameters):
        return _parameters(cast("Handler", wrapped))
    return parameters


def _accepts(annotation: Any, kind: type[Event]) -> bool:
    """False if the annotation is known to exclude the type of event."""
    # An alias of Python 3.12's "type" statement, and a type variable.
    annotation = getattr(annotation, "__value__", getattr(annotation, "__bound__", annotation))
    if get_origin(annotation) is Annotated:
        return _accepts(get_args(annotation)[0], kind)
    if get_origin(annotation) in (Union, UnionType):
        return any(_accepts(each, kind) for each in get_args(annotation))
    if annotation in (inspect.Parameter.empty, Any) or not isinstance(annotation, type):
        return True
    return issubclass(kind, annotation) or getattr(annotation, "_is_protocol", False)


def _is_async(handler: Handler) -> bool:
    """True for a function that is awaited, or an object whose ``__call__`` is one."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 - not whether, but what


def _consumer(name: str, handlers: Mapping[str, RegisteredHandler], options: HandlerOptions) -> Consumer:
    given: dict[str, Any] = {key: value for key, value in options.items() if key != "name"}
    return Consumer(name=name, handlers=MappingProxyType(dict(handlers)), **given)


def _wanted(types: Sequence[type[Event]]) -> dict[str, type[Event]]:
    """The types of events by their words; ``Event`` is all of them, and so is nothing."""
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise ConfigurationError("on() takes types of events: @hub.on(ReturnStatusChanged), or @hub.on() for all")
    return {word: kind for word, kind in EVENT_TYPES.items() if not types or issubclass(kind, tuple(types))}


def _checked_name(name: str | None) -> str:
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _MAX_NAME_LENGTH:
        raise ConfigurationError(f"a handler needs a name= of at most {_MAX_NAME_LENGTH} printable characters")
    return name
