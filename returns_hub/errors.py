"""What can go wrong, named by what the caller can do about it.

::

    ReturnsHubError
    ├── ConfigurationError        fix the options or the configuration file
    ├── UnsupportedOperation      this vendor, or its adapter, does not have the call
    ├── PluginError               fix or remove an installed adapter package
    ├── StoreError                the mirror cannot be read or written
    ├── WebhookRejected           answer 401: this delivery is not the vendor's
    └── ProviderError             a call to a vendor failed
        ├── AuthenticationFailed  the credentials are wrong
        ├── PermissionDenied      the credentials may not do this
        ├── NotFound              the vendor has no such thing
        ├── ValidationFailed      the vendor refuses the values; see ``fields``
        ├── Conflict              the vendor's state forbids it now
        ├── RateLimited           wait ``retry_after`` seconds
        ├── QuotaExhausted        a long allowance (a day's) is used up
        ├── ProviderUnavailable   the vendor is failing (5xx)
        ├── UnexpectedReply       the vendor answered something undocumented; see ``where``
        └── TransportFailed       no complete reply arrived
            └── ReplyTooLarge     ask for less, or raise ``max_reply_bytes``

No text, ``repr`` or argument of any of them holds a credential, a header or a body.
"""

import sysconfig
import threading
import traceback
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import ClassVar, Final, TypedDict, Unpack

# What an operator has not written: the standard library and installed packages.
_INSTALLED: Final = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_MAX_FRAMES: Final = 20
_MAX_CHAIN: Final = 4


class ReturnsHubError(Exception):
    """The root of every error that returns-hub raises on purpose."""


class ConfigurationError(ReturnsHubError):
    """An option, an account or the configuration file is wrong; the text names which."""


class UnsupportedOperation(ReturnsHubError):
    """The account's adapter does not have this call. Raised before anything is sent."""

    def __init__(self, message: str, *, provider: str = "", operation: str = "") -> None:
        super().__init__(message)
        self.provider = provider
        self.operation = operation


class PluginError(ReturnsHubError):
    """An installed adapter package cannot be used; the text names the distribution and the reason."""


class StoreError(ReturnsHubError):
    """The mirror cannot be opened, read or written. Nothing was half-written."""


class WebhookRejected(ReturnsHubError):
    """A delivery that is not the vendor's, or cannot be verified.

    ``reason`` is one stable word for programs: ``not_configured``, ``missing_signature``,
    ``duplicate_signature``, ``malformed_signature``, ``wrong_signature``, ``missing_timestamp``,
    ``malformed_timestamp``, ``stale_timestamp``, ``wrong_method``, ``malformed_url``, ``too_large``.
    """

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason.replace("_", " "))
        self.reason = reason


class _ReplyDetails(TypedDict, total=False):
    """What a reply says of a failure; every :class:`ProviderError` takes these."""

    http_status: int | None
    vendor_code: str | None
    vendor_message: str | None
    request_id: str | None
    retryable: bool | None


class ProviderError(ReturnsHubError):
    """A call to a vendor failed.

    An adapter raises it with what the reply says (``http_status``, ``vendor_code``,
    ``vendor_message``); the client that ran the call adds the rest before the caller sees it:

    - ``provider``, ``operation``: whose call, and which.
    - ``request_id``: the vendor's own id of the request, to quote to its support.
    - ``attempts``: how many times the failing request was sent, or tried to be sent.
    - ``maybe_applied``: True when the vendor may have carried out a write although the call failed.
      Look before doing it again.
    - ``retryable``: waiting and calling again can help. It says nothing about doing a write twice.
    - ``asked``: the host, with its environment where that is one of the vendor's own, that refused the credentials.

    ``vendor_message`` is the vendor's own sentence, at most 300 characters. It may hold personal data,
    so it is an attribute only: never in the text, the arguments or the ``repr``.
    """

    default_retryable: ClassVar[bool] = False

    def __init__(self, message: str = "", **details: Unpack[_ReplyDetails]) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = details.get("http_status")
        self.vendor_code = _short(details.get("vendor_code"), 60)
        self.vendor_message = _short(details.get("vendor_message"), 300)
        self.request_id = _short(details.get("request_id"), 100)
        retryable = details.get("retryable")
        self.retryable = self.default_retryable if retryable is None else retryable
        self.provider = ""
        self.operation = ""
        self.maybe_applied = False
        self.attempts = 0
        self.asked = ""

    def __str__(self) -> str:
        call = " ".join(part for part in (self.provider, self.operation) if part)
        facts = ", ".join(self._facts())
        text = ": ".join(part for part in (call, self.message or _sentence(type(self))) if part)
        return f"{text} ({facts})" if facts else text

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def _facts(self) -> list[str]:
        facts = []
        if self.http_status is not None:
            facts.append(f"HTTP {self.http_status}")
        if self.vendor_code:
            facts.append(self.vendor_code)
        if self.request_id:
            facts.append(f"request {self.request_id}")
        if self.asked:
            facts.append(f"asked at {self.asked}")
        if self.attempts > 1:
            facts.append(f"{self.attempts} attempts")
        if self.maybe_applied:
            facts.append("may have been applied")
        return facts


class AuthenticationFailed(ProviderError):
    """The vendor does not accept the credentials."""


class PermissionDenied(ProviderError):
    """The credentials are good, but may not do this."""


class NotFound(ProviderError):
    """The vendor has no such thing.

    ``asked_id`` is the id that the caller asked for; empty where the call takes none.
    """

    def __init__(self, message: str = "", **details: Unpack[_ReplyDetails]) -> None:
        super().__init__(message, **details)
        self.asked_id = ""

    def _facts(self) -> list[str]:
        asked = _short(self.asked_id, 100)
        return [*([f"id {asked}"] if asked else []), *super()._facts()]


class ValidationFailed(ProviderError):
    """The vendor refuses the values it was sent.

    ``fields`` maps the vendor's field names to its sentences about them, where it gives any. Only the
    names appear in the text: the sentences may repeat what was sent.
    """

    def __init__(
        self, message: str = "", *, fields: Mapping[str, str] | None = None, **details: Unpack[_ReplyDetails]
    ) -> None:
        super().__init__(message, **details)
        self.fields: Mapping[str, str] = dict(fields or {})

    def _facts(self) -> list[str]:
        facts = super()._facts()
        if self.fields:
            names = [_short(name, 60) or "" for name in list(self.fields)[:8]]
            facts.append("fields: " + " ".join(names))
        return facts


class Conflict(ProviderError):
    """The vendor's present state forbids the call."""


class RateLimited(ProviderError):
    """The vendor refused the call because too many came; nothing was applied by it.

    ``retry_after`` is how many seconds to wait, where the vendor says so.
    """

    default_retryable = True

    def __init__(
        self, message: str = "", *, retry_after: float | None = None, **details: Unpack[_ReplyDetails]
    ) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after

    def _facts(self) -> list[str]:
        facts = super()._facts()
        if self.retry_after is not None:
            facts.append(f"wait {self.retry_after:.0f} s")
        return facts


class QuotaExhausted(RateLimited):
    """A long allowance, a day's for instance, is used up; ``retry_after`` is too long to sleep through."""

    default_retryable = False


class ProviderUnavailable(ProviderError):
    """The vendor is failing (5xx); waiting will probably help."""

    default_retryable = True


class UnexpectedReply(ProviderError):
    """The vendor answered something its documents do not describe; ``where`` says at what place."""

    def __init__(self, message: str = "", *, where: str = "", **details: Unpack[_ReplyDetails]) -> None:
        super().__init__(message, **details)
        self.where = where

    def _facts(self) -> list[str]:
        return ([f"at {_short(self.where, 120)}"] if self.where else []) + super()._facts()


class TransportFailed(ProviderError):
    """No complete reply arrived: no connection, a timeout, or a reply cut off or too large."""

    default_retryable = True


class ReplyTooLarge(TransportFailed):
    """The reply is larger than the client reads. Smaller pages, or a larger ``max_reply_bytes``, help.

    ``limit`` is the number of bytes that the client reads.
    """

    default_retryable = False

    def __init__(self, message: str = "", *, limit: int = 0, **details: Unpack[_ReplyDetails]) -> None:
        super().__init__(message or f"the reply is larger than {limit} bytes", **details)
        self.limit = limit


def error_location(error: BaseException) -> str:
    """Where an error was raised, as ``folder/file.py:line in function``: of the platform's own code, where it came through that."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return "an unknown place"
    own = [each for each in frames if not each[0].f_code.co_filename.startswith(_INSTALLED)]
    frame, line = (own or frames)[-1]
    path = frame.f_code.co_filename.replace("\\", "/")
    return f"{'/'.join(path.split('/')[-2:])}:{line} in {frame.f_code.co_name}"


def describe_traceback(error: BaseException) -> str:
    """The traceback of an error and of those that led to it, the first one first: files, lines and functions.

    The errors' texts and the lines of code are left out: they may hold anything.
    """
    chain = [error]
    while (before := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        if len(chain) == _MAX_CHAIN or before in chain:
            break
        chain.append(before)
        error = before
    lines: list[str] = []
    for each in reversed(chain):
        frames = traceback.extract_tb(each.__traceback__)[-_MAX_FRAMES:]
        places = [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}' for frame in frames]
        lines += ["Traceback (most recent call last):", *places, type(each).__qualname__]
    return "\n".join(lines)


def is_interrupt(error: BaseException) -> bool:
    """True of Ctrl-C, which only the main thread hears; what other people's code raises by that name is an error."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def describe_error(error: BaseException) -> str:
    """What went wrong, in one line that may be logged and stored: our own errors in their words, others by type and place.

    The text of an unforeseen error may hold anything, and is not repeated.
    """
    kind = type(error).__name__
    is_ours = isinstance(error, ReturnsHubError)
    return " ".join(f"{kind}: {error}".split()) if is_ours else f"{kind} at {error_location(error)}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to say behind a name that is not known: ``; did you mean 'x'?``, or a full stop where none is close."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else "."


def _sentence(kind: type[ProviderError]) -> str:
    """The first line of the class's docstring, as the text of an error that was given none."""
    return (kind.__doc__ or kind.__name__).partition("\n")[0].partition(";")[0].rstrip(".").strip()


def _short(text: str | None, limit: int) -> str | None:
    """Vendor text made safe for one line of a log: printable, and no longer than ``limit``."""
    if text is None:
        return None
    return "".join(c if c.isprintable() else " " for c in text[:limit]).strip()
