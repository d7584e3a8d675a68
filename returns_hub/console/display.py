"""How values look on a page. Whatever a vendor sent is text: nothing here returns markup that holds it unescaped."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlsplit

import simplejson

from returns_hub.console.masking import mask_email
from returns_hub.model import Money
from returns_hub.status import Attention, DispositionStatus, LabelStatus, ResolutionStatus, ShipmentStatus, Status

_MAX_CHARS: Final = 4000
_MAX_URL_CHARS: Final = 2000

# A tone and a shape for each word: colour is never all there is to see.
_TONES: Final[Mapping[str, tuple[str, str]]] = {
    Status.DRAFT: ("quiet", "ring"),
    Status.REQUESTED: ("warn", "ring"),
    Status.APPROVED: ("busy", "half"),
    Status.READY_TO_SHIP: ("busy", "half"),
    Status.IN_TRANSIT: ("busy", "arrow"),
    Status.RECEIVED: ("busy", "square"),
    Status.INSPECTED: ("busy", "square"),
    Status.RESOLVED: ("good", "check"),
    Status.CLOSED: ("quiet", "disc"),
    Status.REJECTED: ("bad", "cross"),
    Status.CANCELLED: ("quiet", "cross"),
    Status.EXPIRED: ("quiet", "cross"),
    Status.UNKNOWN: ("odd", "question"),
    ShipmentStatus.PRE_TRANSIT: ("quiet", "ring"),
    ShipmentStatus.OUT_FOR_DELIVERY: ("busy", "arrow"),
    ShipmentStatus.AVAILABLE_FOR_PICKUP: ("warn", "square"),
    ShipmentStatus.DELIVERED: ("good", "check"),
    ShipmentStatus.EXCEPTION: ("bad", "alert"),
    ShipmentStatus.RETURN_TO_SENDER: ("warn", "arrow"),
    LabelStatus.NONE: ("quiet", "ring"),
    LabelStatus.READY: ("good", "check"),
    LabelStatus.FAILED: ("bad", "cross"),
    LabelStatus.VOID: ("quiet", "cross"),
    ResolutionStatus.PENDING: ("warn", "ring"),
    ResolutionStatus.PARTIAL: ("busy", "half"),
    ResolutionStatus.DONE: ("good", "check"),
    ResolutionStatus.DENIED: ("bad", "cross"),
    DispositionStatus.IN_PROGRESS: ("busy", "half"),
    **{word: ("warn", "alert") for word in Attention if word is not Attention.EXCEPTION},
    "processed": ("good", "check"),
    "dead": ("bad", "cross"),
    "started": ("busy", "ring"),
    "refused": ("bad", "cross"),
    "maybe_applied": ("warn", "question"),
    "ok": ("good", "check"),
    "warning": ("warn", "alert"),
    "failing": ("warn", "alert"),
    "running": ("busy", "half"),
    "degraded": ("bad", "alert"),
    "never synced": ("warn", "ring"),
}


def tone(word: str) -> str:
    """The name of the colour that a word has."""
    return _TONES.get(word, ("quiet", "disc"))[0]


def shape(word: str) -> str:
    """The name of the shape that a word has."""
    return _TONES.get(word, ("quiet", "disc"))[1]


def words(value: object) -> str:
    """A neutral word for people: ``ready_to_ship`` is "ready to ship"."""
    return str(value).replace("_", " ")


def visible(text: object, limit: int = _MAX_CHARS) -> str:
    """The text with control characters and direction overrides made visible, and cut where nobody reads on."""
    given = str(text)
    shown = given[:limit]
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(map(_visible, shown))
    left = len(given) - limit
    return shown if left <= 0 else f"{shown}… ({left} more characters)"


def _visible(character: str) -> str:
    if character in "\n\t" or not unicodedata.category(character).startswith("C"):
        return character
    if character == "\r":
        return ""
    # Emoji are put together with these; they turn no direction.
    return character if character in "\u200c\u200d" else f"‹{ord(character):04X}›"


def web_link(url: object) -> str | None:
    """The URL if a browser may be sent there: http or https, with a host, and nothing odd in it; else None."""
    if not isinstance(url, str) or len(url) > _MAX_URL_CHARS or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        fine = False
    return url if fine else None


def path_part(text: object) -> str:
    """Text as one part of a path."""
    return quote(str(text), safe="")


def exact(moment: datetime) -> str:
    """A time to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def machine(moment: datetime) -> str:
    """A time as HTML has it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago that was, roughly; the date for what is older than four weeks."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 45:
        return "just now"
    said = span(abs(seconds))
    if abs(seconds) > 28 * 86400:
        return moment.astimezone(UTC).strftime("%Y-%m-%d")
    return f"{said} ago" if seconds > 0 else f"in {said}"


def span(seconds: float) -> str:
    """A span of time, in the unit that fits."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = round(seconds / size)
            return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    return f"{seconds:.0f} s"


def number(value: Decimal | None) -> str:
    """A quantity without the zeros at its end."""
    return "" if value is None else f"{value.normalize():f}"


def money(value: Money | None) -> str:
    """An amount with its currency, where that is known."""
    return "" if value is None else " ".join(filter(None, (f"{value.amount:f}", value.currency)))


def pretty_json(value: Any) -> str:
    """A decoded JSON value, indented; long ones are cut."""
    text = simplejson.dumps(value, indent=2, ensure_ascii=False, use_decimal=True, default=str)
    return visible(text, 200_000)


FILTERS: Final = {
    "ago": ago,
    "exact": exact,
    "link": web_link,
    "machine": machine,
    "masked_email": lambda text: text and mask_email(text),
    "money": money,
    "number": number,
    "part": path_part,
    "pretty": pretty_json,
    "shape": shape,
    "span": span,
    "tone": tone,
    "visible": visible,
    "words": words,
}
