"""What is logged: every event of the log by its name, with the logger and the level that it goes to.

A record has the name as its attribute ``event``, and what the event is about (``account``, ``delivery``) as further ones.
No text, attribute or traceback holds a credential, a header, a body or a personal datum.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from returns_hub.errors import ReturnsHubError, describe_traceback


@frozen
class LogEvent:
    """An event of the log: the logger below ``returns_hub``, the level, and what it means."""

    logger: str
    level: int
    meaning: str


_TABLE: Final = (
    (
        "vendor.request",
        "client",
        logging.INFO,
        "A request was sent to a vendor: method, path template, status, time, attempt",
    ),
    (
        "record.unreadable",
        "client",
        logging.WARNING,
        "A vendor's record could not be read and is left out, by its place",
    ),
    ("fields.unreadable", "client", logging.WARNING, "Fields of a record could not be read and are left empty"),
    ("listing.gap", "client", logging.WARNING, "A vendor cannot be made to show a part of its listing"),
    ("listing.repeats", "client", logging.WARNING, "A vendor repeats its pages: the listing ends there"),
    (
        "sync.smaller_pages",
        "sync",
        logging.WARNING,
        "A page was larger than the client reads: smaller ones are asked for",
    ),
    ("sync.clock_was_ahead", "sync", logging.WARNING, "An earlier sync ran while a clock was ahead: all is read again"),
    (
        "write.not_observed",
        "hub",
        logging.WARNING,
        "A write succeeded at the vendor, and is not in the mirror before a sync",
    ),
    ("configuration.reloaded", "hub", logging.INFO, "A changed configuration was taken up while the process runs"),
    ("configuration.refused", "hub", logging.ERROR, "A changed configuration is wrong: the one before stays in force"),
    ("delivery.received", "deliveries", logging.DEBUG, "A delivery was verified and stored"),
    ("delivery.duplicate", "deliveries", logging.INFO, "A delivery came again; it is counted"),
    ("delivery.retried", "deliveries", logging.WARNING, "A delivery could not be processed; it is tried again"),
    ("delivery.dead", "deliveries", logging.ERROR, "A delivery could not be processed for the last time"),
    ("delivery.claim_lost", "deliveries", logging.WARNING, "A delivery took so long that another worker has it"),
    (
        "delivery.lost",
        "deliveries",
        logging.WARNING,
        "An attempt ended without a word: process gone, or end not stored",
    ),
    ("handler.forgotten", "handlers", logging.WARNING, "Somebody had a handler forgotten, with its cursor"),
    ("refusals.not_stored", "deliveries", logging.WARNING, "What was refused could not be counted in the store yet"),
    ("return.erased", "deliveries", logging.INFO, "A return was erased with all that is stored of it"),
    ("handler.failed", "handlers", logging.WARNING, "A handler raised or took too long; it gets the event again"),
    ("handler.dead", "handlers", logging.ERROR, "A handler failed at an event for the last time"),
    ("handler.skipped", "handlers", logging.WARNING, "Somebody had an event skipped at which a handler failed"),
    (
        "worker.failing",
        "worker",
        logging.WARNING,
        "Background work failed, mostly for want of the store; it is tried again",
    ),
    ("worker.blocked", "worker", logging.ERROR, "Too many handlers or vendors hang: this process must be restarted"),
    ("worker.unfinished", "worker", logging.WARNING, "Background work had not finished when the process was to end"),
    (
        "store.connection_lost",
        "store",
        logging.WARNING,
        "The connection that waits for commits was lost; another one is made",
    ),
    ("store.stream_stalled", "store", logging.WARNING, "The event stream cannot be read just now"),
    ("rate_limit.not_shared", "store", logging.WARNING, "Other processes could not be told of an account's rate limit"),
    ("request.answered", "server", logging.INFO, "A request was answered: method, route, account, status, time"),
    ("request.refused", "server", logging.WARNING, "A request was refused, with the reason"),
    ("request.failed", "server", logging.ERROR, "A request could not be answered: the platform's code or ours raised"),
    (
        "request.unavailable",
        "server",
        logging.ERROR,
        "A request was answered 503: the store or the configuration fails",
    ),
    ("console.login_failed", "console", logging.WARNING, "Somebody did not get into the console"),
    ("console.failed", "console", logging.ERROR, "A page, an act or a sync of the console failed"),
    ("health.failed", "server", logging.WARNING, "The store fails, or does not answer monitoring in time"),
)

LOG_EVENTS: Final[Mapping[str, LogEvent]] = MappingProxyType(
    {name: LogEvent(f"returns_hub.{logger}", level, meaning) for name, logger, level, meaning in _TABLE}
)
"""Every event of the log by its name."""

_LOGGERS: Final = {kind.logger: logging.getLogger(kind.logger) for kind in LOG_EVENTS.values()}

# What a client reports to its caller too, in errors and reports, is not for the terminal of whoever has configured no logging.
for _logger in ("client", "sync"):
    _LOGGERS[f"returns_hub.{_logger}"].addHandler(logging.NullHandler())


def is_logged(event: str) -> bool:
    """True if anybody wants lines of this event of the log; what one costs to put together can be spared otherwise."""
    kind = LOG_EVENTS[event]
    return _LOGGERS[kind.logger].isEnabledFor(kind.level)


def log_event(
    event: str,
    message: str,
    /,
    *arguments: object,
    error: BaseException | None = None,
    unforeseen: BaseException | None = None,
    **fields: object,
) -> None:
    """Write one line of the log: one of :data:`LOG_EVENTS`.

    With an ``error`` its traceback follows, without the error's text; so it does with an ``unforeseen`` one that is none of ours.
    """
    kind = LOG_EVENTS[event]
    logger = _LOGGERS[kind.logger]
    if not logger.isEnabledFor(kind.level):
        return
    file, line, function, _ = logger.findCaller(stacklevel=2)
    extra = {"event": event, **fields}
    record = logger.makeRecord(kind.logger, kind.level, file, line, message, arguments, None, function, extra)
    shown = error if unforeseen is None or isinstance(unforeseen, ReturnsHubError) else unforeseen
    if shown is not None:
        # Where every formatter looks for a traceback that is text already; the frames' variables stay out of the record.
        record.exc_text = describe_traceback(shown)
    logger.handle(record)
