"""Who wants which events: functions of the platform's, by the name under which their cursor is kept. No I/O."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from attrs import evolve, field, frozen

from returns_hub.errors import ConfigurationError
from returns_hub.events import EVENT_TYPES, Event

# A handler may say that it takes just the types of events that it is registered for.
Handler = Callable[[Any], None] | Callable[[Any], Awaitable[None]]
H = TypeVar("H", bound=Handler)
Since = Literal["now", "beginning"]

ATTEMPTS: Final = 12
"""How often a handler that fails at an event is called with it: the last time up to an hour after the first."""

_MAX_NAME_LENGTH: Final = 200


@frozen(kw_only=True)
class Consumer:
    """A name with a cursor of its own in the event stream, and its handlers by type of event."""

    name: str
    since: Since
    attempts: int
    handlers: Mapping[str, Handler] = field(repr=False)


class HandlerRegistry:
    """The handlers of a hub. Only with ``awaits`` may they be async functions."""

    def __init__(self, *, awaits: bool) -> None:
        self._awaits = awaits
        self._consumers: dict[str, Consumer] = {}

    def on(
        self,
        *types: type[Event],
        name: str | None = None,
        since: Since = "now",
        attempts: int = ATTEMPTS,
    ) -> Callable[[H], H]:
        """A decorator whose function is called with every event of these types, or of all; at least once for each ``id``.

        An event is done when the function returns. If it raises, it is called again, later and later, ``attempts`` times in
        all; until then the later events of the same return wait, those of other returns do not. Then the event is dead.

        ``name`` is where the cursor is kept: the same name goes on where it stopped, in this process or in another. Without
        it, it is the function's own name, and renaming the function makes a new consumer. Functions that take different
        types may share a name. A new consumer gets the events that are recorded from now on; with ``since="beginning"``
        also everything before, which may be years of returns.

        Raises:
            ConfigurationError: an argument that cannot be meant, or the name has a handler for such events already.
        """
        wanted = _type_names(types)
        if since not in ("now", "beginning"):
            raise ConfigurationError("since is 'now' or 'beginning'")
        if type(attempts) is not int or attempts < 1:
            raise ConfigurationError("attempts must be a whole number above 0")

        def register(handler: H) -> H:
            if is_async(handler) and not self._awaits:
                raise ConfigurationError("a handler that is awaited needs an AsyncHub; a Hub calls plain functions")
            own = _checked_name(getattr(handler, "__qualname__", None) if name is None else name)
            new = Consumer(name=own, since=since, attempts=attempts, handlers=dict.fromkeys(wanted, handler))
            known = self._consumers.get(own, new)
            if evolve(known, handlers={}) != evolve(new, handlers={}):
                raise ConfigurationError(f"the handlers under the name {own!r} differ in since= or attempts=")
            if known is not new and (taken := wanted & known.handlers.keys()):
                raise ConfigurationError(
                    f"two handlers under the name {own!r} want {min(taken)}; give each a name= of its own"
                )
            self._consumers[own] = evolve(new, handlers=MappingProxyType({**known.handlers, **new.handlers}))
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
