"""Counters, durations and spans for OpenTelemetry, where its API is installed (extra ``otel``); otherwise nothing.

The platform brings the SDK and an exporter. Without one each call here costs some microseconds and stores nothing.
No attribute is ever a credential, an identifier of a return or a personal datum: accounts, routes, outcomes, statuses.
"""

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, Meter
    from opentelemetry.trace import Tracer

Attribute: TypeAlias = str | int

COUNTERS: Final[Mapping[str, str]] = {
    "returns_hub.deliveries": (
        "Webhook deliveries, by account and outcome: received, duplicate, refused, processed, retried, dead"
    ),
    "returns_hub.events": "Events handed to a handler, by account, type and outcome: handled, retried, dead",
    "returns_hub.local_observations": "Writes of a hub's clients that are not in the mirror before a sync, by account",
    "returns_hub.requests": "Requests sent to vendors, by provider, method and HTTP status (0: no reply)",
}
"""What :func:`count` counts, each with its description."""

DURATIONS: Final[Mapping[str, str]] = {
    "returns_hub.answer.duration": "From a request's head to our whole answer, by route and HTTP status",
    "returns_hub.delivery.duration": "From a delivery's arrival until it is processed, by account",
    "returns_hub.request.duration": "From sending a vendor a request to its whole reply, by provider and HTTP status",
}
"""What :func:`observe` observes, each with its description; in seconds."""

_BOUNDARIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0)


def count(name: str, amount: int = 1, /, **attributes: Attribute) -> None:
    """Add to one of :data:`COUNTERS`."""
    counter = _counter(name)
    if counter is not None:
        counter.add(amount, attributes)


def observe(name: str, seconds: float, /, **attributes: Attribute) -> None:
    """Note how long something took: one of :data:`DURATIONS`."""
    histogram = _histogram(name)
    if histogram is not None:
        histogram.record(seconds, attributes)


@contextmanager
def span(name: str, /, **attributes: Attribute) -> Iterator[None]:
    """A span around a block. An exception marks it as failed by the name of its class; its text stays out."""
    tracer = _tracer()
    if tracer is None:
        yield
        return
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            from opentelemetry.trace import Status, StatusCode

            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


@functools.cache
def _counter(name: str) -> "Counter | None":
    description, meter = COUNTERS[name], _meter()
    return None if meter is None else meter.create_counter(name, description=description)


@functools.cache
def _histogram(name: str) -> "Histogram | None":
    description, meter = DURATIONS[name], _meter()
    if meter is None:
        return None
    return meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=_BOUNDARIES
    )


@functools.cache
def _meter() -> "Meter | None":
    try:
        from opentelemetry.metrics import get_meter
    except ModuleNotFoundError:
        return None
    return get_meter("returns_hub")


@functools.cache
def _tracer() -> "Tracer | None":
    try:
        from opentelemetry.trace import get_tracer
    except ModuleNotFoundError:
        return None
    return get_tracer("returns_hub")
