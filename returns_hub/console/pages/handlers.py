"""Handlers: how far each has come, at which events it fails, and what to do about them."""

from itertools import islice
from typing import Final

from starlette.responses import Response

from returns_hub.console.display import path_part
from returns_hub.console.visit import Act, Page, Plan, Refusal, Result, Visit, whole_number
from returns_hub.handlers import ConsumerHealth

_MAX_FAILED: Final = 100


def list_handlers(visit: Visit) -> Response:
    """The handlers of every name."""
    return visit.render("handlers.html", handlers=visit.console.hub.handlers())


def show_handlers(visit: Visit) -> Response:
    """The handlers of one name, and the events at which they fail."""
    consumer = _consumer(visit)
    failed = list(islice(visit.console.hub.failed_events(consumer.name), _MAX_FAILED))
    return visit.render("handler.html", consumer=consumer, failed=failed, cut=len(failed) == _MAX_FAILED)


def retry(visit: Visit) -> Plan:
    """Call handlers again with an event at which they failed."""
    return _plan(visit, skips=False)


def skip(visit: Visit) -> Plan:
    """Never call handlers again with an event at which they failed."""
    return _plan(visit, skips=True)


def _plan(visit: Visit, *, skips: bool) -> Plan:
    consumer, sequence, hub = _consumer(visit), whole_number(visit.field("sequence")), visit.console.hub

    def do() -> Result:
        changed = hub.skip_event(consumer.name, sequence) if skips else hub.retry_event(consumer.name, sequence)
        if not changed:
            return Result(f"The handlers “{consumer.name}” have not failed at event {sequence}, or not any more.")
        if skips:
            return Result(
                f"Event {sequence} is skipped: the handlers “{consumer.name}” are never called with it again."
            )
        return Result(
            f"The handlers “{consumer.name}” are called with event {sequence} again, by a process that works."
        )

    back = visit.url(f"/console/handlers/{path_part(consumer.name)}")
    return Plan(do=do, subject=consumer.name, detail=f"event {sequence}", back=back)


def _consumer(visit: Visit) -> ConsumerHealth:
    name = visit.part("name")
    for consumer in visit.console.hub.handlers():
        if consumer.name == name:
            return consumer
    raise Refusal(404, "There are no handlers of that name.")


ROUTES: Final = (
    Page("/console/handlers", list_handlers),
    Page("/console/handlers/{name:path}", show_handlers),
    Act("/console/retry/{name:path}", retry, action="retry event"),
    Act("/console/skip/{name:path}", skip, action="skip event"),
)
