"""The type of ``changes``, by the type of the event: a checker reads this file, and the mistakes in it are marked."""

from returns_hub import (
    Event,
    ItemImagesChanged,
    LabelFailed,
    ReturnAttentionChanged,
    ReturnCreated,
    ReturnStatusChanged,
)
from returns_hub.events import EVENT_TYPES


def read(
    created: ReturnCreated, status: ReturnStatusChanged, attention: ReturnAttentionChanged, label: LabelFailed
) -> list[str]:
    """What a platform reads, as the checker must know it."""
    before, after = status.changes.get("status", (None, None))
    first: str | None = created.changes["status"][1]
    waits: list[str] | None = attention.changes["attention"][1]
    error: str | None = label.changes["shipments[s1].label.error"][1]
    status.changes["statsu"]  # type: ignore[typeddict-item]
    number: int = status.changes["status"][0]  # type: ignore[assignment]
    created.changes["sku"]  # type: ignore[typeddict-item]
    return [before or "", after or "", first or "", *(waits or []), error or "", str(number)]


def pictures(event: ItemImagesChanged) -> list[str]:
    return [url for before, after in event.changes.values() for url in (*(before or ()), *(after or ()))]


def test_every_type_of_event_is_found_by_its_name() -> None:
    assert {kind.type for kind in Event.__subclasses__()} == EVENT_TYPES.keys()
