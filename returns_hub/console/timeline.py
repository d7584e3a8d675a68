"""The history of a return on one line each: our events in the order of their sequence, and what the vendor and carriers dated."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen

from returns_hub.console.masking import Mask
from returns_hub.events import Event
from returns_hub.model import Return

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_IDENTIFIERS: Final = ("id", "return_id")
_MAX_VALUE_CHARS: Final = 300
_ORIGINS: Final[Mapping[str, str]] = {
    "webhook": "by a webhook delivery",
    "poll": "by a sync",
    "backfill": "by the first sync",
    "replay": "by a replayed delivery",
    "local": "by a call of ours",
}


@frozen(kw_only=True)
class Line:
    """One line. ``changes`` are names with the value before and after; ``sequence`` is None of what is no event of ours."""

    at: datetime | None
    source: str
    what: str
    changes: tuple[tuple[str, str, str], ...] = ()
    sequence: int | None = None
    origin: str | None = None
    delivery: int | None = None


def timeline(ret: Return, events: Iterable[Event], mask: Mask) -> Sequence[Line]:
    """The lines, newest first; those without a time come last."""
    dated: list[tuple[datetime, Line]] = []
    latest = _EARLIEST
    for event in events:
        # Vendors' times are not in the order in which they were reported; the sequence is.
        latest = max(latest, event.occurred_at)
        dated.append((latest, event_line(event, mask)))
    for entry in ret.timeline:
        what = ": ".join(filter(None, (entry.kind, mask.text(entry.text))))
        source = mask.text(entry.author) or ret.provider
        dated.append((entry.occurred_at or _NEVER, Line(at=entry.occurred_at, source=source, what=what)))
    for shipment in ret.shipments:
        for scan in shipment.tracking:
            what = ", ".join(filter(None, (scan.text or scan.status_raw or scan.status.value, scan.location)))
            line = Line(at=scan.occurred_at, source=shipment.carrier or "carrier", what=what)
            dated.append((scan.occurred_at or _NEVER, line))
    known = sorted((pair for pair in dated if pair[0] is not _NEVER), key=lambda pair: pair[0])
    return [*(line for _, line in reversed(known)), *(line for at, line in dated if at is _NEVER)]


def event_line(event: Event, mask: Mask) -> Line:
    """An event as a line."""
    return Line(
        at=event.occurred_at,
        source=_ORIGINS[event.origin.value],
        what=event.type,
        changes=tuple(_changes(event.changes, mask)),
        sequence=event.sequence,
        origin=event.origin.value,
        delivery=event.delivery_id,
    )


def _changes(changes: Mapping[str, Any], mask: Mask) -> Iterable[tuple[str, str, str]]:
    for place, values in changes.items():
        if place.rpartition(".")[2] not in _IDENTIFIERS:
            before, after = (_text(mask.change(place, value)) for value in values)
            if before or after:
                yield place, before, after


def _text(value: Any) -> str:
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, Mapping):
        return _cut(", ".join(f"{name}: {_text(part)}" for name, part in value.items() if part not in (None, "")))
    if isinstance(value, list | tuple):
        return _cut("; ".join(map(_text, value)))
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_VALUE_CHARS else text[:_MAX_VALUE_CHARS] + "…"
