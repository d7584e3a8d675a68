"""What processing a delivery again would do. Nothing is written, and no vendor is asked."""

from typing import Final

from returns_hub.console.masking import Mask
from returns_hub.console.timeline import event_line
from returns_hub.errors import ReturnsHubError, describe_error
from returns_hub.hub import Hub
from returns_hub.merge import Observation
from returns_hub.model import Return
from returns_hub.reports import Delivery
from returns_hub.store import StoredReturn
from returns_hub.webhooks import ReturnHint, ReturnObserved

_MAX_EVENTS: Final = 5


def preview(hub: Hub, delivery: Delivery, about: StoredReturn | None) -> str:
    """What would come of the delivery, in a sentence."""
    try:
        adapter = hub.client(delivery.account).adapter
        read_events = adapter.read_webhook(delivery.request).events
    except ReturnsHubError as error:
        return f"It would fail again: {error}."
    except Exception as error:  # noqa: BLE001 - a stored body may be anything
        return f"It would fail again: {describe_error(error)}."
    hints = [event for event in read_events if isinstance(event, ReturnHint)]
    observations = [
        Observation(ret=event.observed, at=event.occurred_at, seen_at=delivery.received_at, origin=delivery.origin)
        for event in read_events
        if isinstance(event, ReturnObserved)
    ]
    said = [f"Reads {hint.return_id or 'its return'} again at the vendor, and takes what that says." for hint in hints]
    if observations:
        said.append(_would_change(hub, delivery, observations, about))
    return " ".join(said) or "Changes nothing: it cannot be interpreted."


def _would_change(hub: Hub, delivery: Delivery, observations: list[Observation], about: StoredReturn | None) -> str:
    adapter = hub.client(delivery.account).adapter
    events = hub.open_store().rehearse(delivery.account, observations, adapter.derive)
    if not events:
        return "Changes nothing: the mirror knows it, or something newer."
    mask = Mask.of(about.ret if about else Return(provider="", id=""), unmasked=False)
    lines = [event_line(event, mask) for event in events[:_MAX_EVENTS]]
    shown = []
    for line in lines:
        changes = ", ".join(f"{place} {before or '–'} → {after or '–'}" for place, before, after in line.changes)
        shown.append(f"{line.what} ({changes})" if changes else line.what)
    more = f" and {len(events) - _MAX_EVENTS} more" if len(events) > _MAX_EVENTS else ""
    return f"Makes {len(events)} {'event' if len(events) == 1 else 'events'}: {'; '.join(shown)}{more}."
