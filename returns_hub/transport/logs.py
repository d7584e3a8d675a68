"""A filter that keeps the libraries below from logging our calls, and vendor text that may stand in a log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_LIBRARIES: Final = (*(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")), "stamina")

_in_call: Final[ContextVar[bool]] = ContextVar("returns_hub_in_call", default=False)


@contextmanager
def call_in_progress() -> Iterator[None]:
    """Marks this thread or task as running a call of ours, whose requests the libraries below do not log.

    The HTTP stack logs every header of a reply at DEBUG.
    """
    token = _in_call.set(True)
    try:
        yield
    finally:
        _in_call.reset(token)


def filter_library_logs() -> None:
    """Put the filter on the libraries' loggers, once.

    It is global, and there is no other place to put one; so it drops only what is logged while a call of ours runs. An
    application's own use of these libraries is logged as before.
    """
    for name in _LIBRARIES:
        logging.getLogger(name).addFilter(_is_not_ours)


def _is_not_ours(_: logging.LogRecord) -> bool:
    return not _in_call.get()


def printable(text: str | None) -> str | None:
    """Vendor text for one line of a log."""
    return None if text is None else "".join(c for c in text[:100] if c.isprintable())
