"""What requests to a vendor are made of: paths, pages, arguments that have been checked."""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from attrs import Attribute

from returns_hub.adapter import Adapter
from returns_hub.errors import AuthenticationFailed, ConfigurationError, NotFound, ProviderError, RateLimited
from returns_hub.operation import Operation, Request
from returns_hub.secret import Secret
from returns_hub.status import Status

LOOKUP_TABLE_AGE: Final = 3600.0
"""Seconds that a look-up table is good for."""

# A line break in a header value would be refused by the HTTP library, which quotes the value in its error.
_HEADER_VALUE: Final = re.compile(r"[!-~]+\Z")


def get(
    path: str, query: Iterable[tuple[str, str]] = (), *, base: str | None = None, max_age: float | None = None
) -> Request:
    """A GET that may be repeated; with ``max_age``, one whose last answer will do for so many seconds."""
    return Request(method="GET", path=path, query=query, base=base, replayable=True, max_age=max_age)


def prepare(adapter: Adapter, path: str, *, max_age: float = LOOKUP_TABLE_AGE) -> Operation[Any]:
    """The payload of a look-up table that an account loads once, and again when it is ``max_age`` seconds old.

    None where the vendor refuses it: an adapter works without its tables, only with fewer names. A vendor that is failing fails the call.
    """
    try:
        return adapter.check((yield get(path, max_age=max_age)))
    except (AuthenticationFailed, RateLimited):
        raise
    except ProviderError:
        return None


def build_path(*segments: str) -> str:
    """A path made of these segments, each percent-encoded whole: an id cannot become another path.

    Raises:
        NotFound: a segment is empty, ``.`` or ``..``: in a path they mean another place, and no record is known by them.
    """
    if any(segment in ("", ".", "..") for segment in segments):
        raise NotFound("an id is never empty, '.' or '..'")
    return "/" + "/".join([quote(segment, safe="") for segment in segments])


def page_size(asked: int | None, *, maximum: int) -> int:
    """How many rows of a page to ask for: as many as were asked for, and never more than the vendor allows; None is as many as it allows.

    Raises:
        ValueError: less than one.
    """
    if asked is not None and asked < 1:
        raise ValueError("page_size must be at least 1")
    return maximum if asked is None else min(asked, maximum)


def foreign_cursor() -> ValueError:
    """The error for a cursor that a listing did not give."""
    return ValueError("the cursor is not one that this listing gave")


def check_one_status(status: Status | None, raw_status: str | None) -> None:
    """Returns if exactly one of the two is given.

    Raises:
        ValueError: both are, or neither is.
    """
    if (status is None) == (raw_status is None):
        raise ValueError("give either a status or a raw_status")


def check_header_value(adapter: Adapter, option: "Attribute[Secret]", secret: Secret) -> None:
    """Returns if a credential can be sent in a header as it is: the ``validator`` of an adapter's option.

    Raises:
        ConfigurationError: it is empty, or holds a blank, a control character or one outside ASCII. It is not shown.
    """
    if not _HEADER_VALUE.match(secret.reveal()):
        raise ConfigurationError(
            f"{adapter.provider}: {option.name} is empty, or holds a blank or a character no key has"
        )


def without_none(**values: Any) -> dict[str, Any]:
    """The values that are set, by name: the body of a request without nulls."""
    return {name: value for name, value in values.items() if value is not None}


def fields_set(value: object, *names: str) -> list[str]:
    """Those of these fields of an object that are neither None nor an empty mapping."""
    return [name for name in names if getattr(value, name) not in (None, {})]


def comparable(text: str) -> str:
    """A text as a vendor may compare it in a filter: without case and blanks. A check of ours may not be stricter than the vendor's."""
    return "".join(text.split()).casefold()
