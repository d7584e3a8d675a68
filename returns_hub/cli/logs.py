"""The log of a command on standard error: lines for people, or JSON for what collects logs."""

import logging
from typing import Annotated, Final, Literal, TypeAlias

from cyclopts import Parameter

LogFormat: TypeAlias = Literal["text", "json"]
Log: TypeAlias = Annotated[LogFormat, Parameter(show_default=True)]

_HANDLER: Final = "returns-hub"
_TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
# What is of no use beside the message: a copy of it with colours.
_LEFT_OUT: Final = ("color_message",)


def log_to_stderr(level: int, form: LogFormat = "text", *, also: str | None = None) -> None:
    """Write what is logged at this level or above to standard error; after ``--verbose`` in another form only.

    ``also`` is a logger that is not below ours: that of the server.
    """
    log = logging.getLogger("returns_hub")
    handler = next((each for each in log.handlers if each.get_name() == _HANDLER), None)
    if handler is None:
        handler = logging.StreamHandler()
        handler.set_name(_HANDLER)
        log.addHandler(handler)
        log.setLevel(level)
    handler.setFormatter(_json_formatter() if form == "json" else logging.Formatter(_TEXT))
    if also is not None:
        logging.getLogger(also).addHandler(handler)


def _json_formatter() -> logging.Formatter:
    """One object a line: time, level, logger and message, what the record says beside it, and a traceback where there is one."""
    from pythonjsonlogger.core import RESERVED_ATTRS
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        timestamp="time",
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
        rename_fields_keep_missing=False,
        reserved_attrs=[*RESERVED_ATTRS, *_LEFT_OUT],
    )
