"""Who wants which events: functions of the platform's, by the name under which their cursor is kept. No I/O."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypedDict, TypeVar, Unpack

from attrs import evolve, field, frozen

from returns_hub.errors import ConfigurationError
from returns_hub.events import EVENT_TYPES, Event

# A handler may say that it takes just the types of events that it is registered for.
Handler = Callable[[Any], None] | Callable[[Any], Awaitable[None]]
H = TypeVar("H", bound=Handler)
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


@frozen(kw_only=True)
class Consumer:
    """A name with a cursor of its own in the event stream, its handlers by type of event, and how they are called."""

    name: str
    handlers: Mapping[str, Handler] = field(repr=False)
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

    def on(self, *types: type[Event], **options: Unpack[HandlerOptions]) -> Callable[[H], H]:
        """A decorator whose function is called with every event of these types, or of all; at least once for each ``id``.

        An event is done when the function returns. If it raises, it is called again, later and later; until then the later
        events of the same return wait, those of other returns do not. Then the event is dead. Functions that take
        different types may share a name and its options.

        Raises:
            ConfigurationError: an argument that cannot be meant, or the name has a handler for such events already.
        """
        wanted = _type_names(types)
        unknown = options.keys() - HandlerOptions.__annotations__.keys()
        if unknown:
            raise ConfigurationError(f"on() has no option {min(unknown)!r}")
        _consumer("checked", {}, options)

        def register(handler: H) -> H:
            if is_async(handler) and not self._awaits:
                raise ConfigurationError("a handler that is awaited needs an AsyncHub; a Hub calls plain functions")
            given = options.get("name")
            name = _checked_name(getattr(handler, "__qualname__", None) if given is None else given)
            new = _consumer(name, dict.fromkeys(wanted, handler), options)
            known = self._consumers.get(name)
            if known is not None:
                if evolve(known, handlers={}) != evolve(new, handlers={}):
                    raise ConfigurationError(f"the handlers under the name {name!r} differ in their options")
                if taken := wanted & known.handlers.keys():
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


def is_async(handler: Handler) -> bool:
    """True for a function that is awaited, or an object whose ``__call__`` is one."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 - not whether, but what


def _consumer(name: str, handlers: Mapping[str, Handler], options: HandlerOptions) -> Consumer:
    given: dict[str, Any] = {key: value for key, value in options.items() if key != "name"}
    return Consumer(name=name, handlers=MappingProxyType(dict(handlers)), **given)


def _type_names(types: Sequence[type[Event]]) -> set[str]:
    """The words of the types; ``Event`` is all of them, and so is nothing."""
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise ConfigurationError("on() takes types of events: @hub.on(ReturnStatusChanged), or @hub.on() for all")
    return {word for word, kind in EVENT_TYPES.items() if not types or issubclass(kind, tuple(types))}


def _checked_name(name: str | None) -> str:
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _MAX_NAME_LENGTH:
        raise ConfigurationError(f"a handler needs a name= of at most {_MAX_NAME_LENGTH} printable characters")
    return name
