"""What is logged: every event of the log by its name, with the logger and the level that it goes to.

A record has the name as its attribute ``event``, and what the event is about (``account``, ``delivery``) as further ones.
No text, attribute or traceback holds a credential, a header, a body or a personal datum.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from returns_hub.errors import describe_traceback


@frozen
class LogEvent:
    """An event of the log: the logger below ``returns_hub``, the level, and what it means."""

    logger: str
    level: int
    meaning: str


_TABLE: Final = (
    ("configuration.reloaded", "hub", logging.INFO, "A changed configuration was taken up while the process runs"),
    ("configuration.refused", "hub", logging.ERROR, "A changed configuration is wrong: the one before stays in force"),
    (
        "delivery.lost",
        "deliveries",
        logging.WARNING,
        "An attempt ended without a word: process gone, or end not stored",
    ),
    ("handler.failed", "handlers", logging.WARNING, "A handler raised or took too long; it gets the event again"),
    ("handler.dead", "handlers", logging.ERROR, "A handler failed at an event for the last time"),
    ("handler.skipped", "handlers", logging.WARNING, "Somebody had an event skipped at which a handler failed"),
    ("refusals.not_stored", "deliveries", logging.WARNING, "What was refused could not be counted in the store yet"),
    ("server.error", "server", logging.ERROR, "A request could not be answered: the platform's code or ours raised"),
    ("worker.blocked", "worker", logging.ERROR, "Too many handlers or vendors hang: this process must be restarted"),
    ("server.unavailable", "server", logging.ERROR, "A request was answered 503: the store or the configuration fails"),
)

LOG_EVENTS: Final[Mapping[str, LogEvent]] = MappingProxyType(
    {name: LogEvent(f"returns_hub.{logger}", level, meaning) for name, logger, level, meaning in _TABLE}
)
"""Every event of the log by its name."""


def log_event(
    event: str, message: str, /, *arguments: object, error: BaseException | None = None, **fields: object
) -> None:
    """Write one line of the log: one of :data:`LOG_EVENTS`. With an ``error`` its traceback follows, without the error's text."""
    kind = LOG_EVENTS[event]
    logger = logging.getLogger(kind.logger)
    if not logger.isEnabledFor(kind.level):
        return
    file, line, function, _ = logger.findCaller(stacklevel=2)
    extra = {"event": event, **fields}
    record = logger.makeRecord(kind.logger, kind.level, file, line, message, arguments, None, function, extra)
    if error is not None:
        # Where every formatter looks for a traceback that is text already; the frames' variables stay out of the record.
        record.exc_text = describe_traceback(error)
    logger.handle(record)
