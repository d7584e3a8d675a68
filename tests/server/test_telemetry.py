"""Counters, durations and spans, as an SDK of the platform's own sees them, and as nothing where there is none."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from returns_hub import telemetry


@pytest.fixture(scope="session")
def reader() -> InMemoryMetricReader:
    """The platform's SDK, which is set up after the first call as well as before it."""
    telemetry.count("returns_hub.deliveries", 0, account="early", outcome="received")
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
    return reader


@pytest.fixture(scope="session")
def exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter
    exporter.clear()


def points(reader: InMemoryMetricReader, name: str) -> dict[tuple[Any, ...], Any]:
    """The data points of an instrument by the values of their attributes."""
    data = reader.get_metrics_data()
    assert data is not None
    return {
        tuple((point.attributes or {}).values()): point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    }


def test_a_counter_counts_by_its_attributes(reader: InMemoryMetricReader) -> None:
    telemetry.count("returns_hub.events", account="acme", outcome="told")
    telemetry.count("returns_hub.events", 2, account="acme", outcome="told")
    telemetry.count("returns_hub.events", account="acme", outcome="dead")
    found = points(reader, "returns_hub.events")
    assert {key: point.value for key, point in found.items()} == {("acme", "told"): 3, ("acme", "dead"): 1}


def test_a_duration_falls_into_buckets_made_for_seconds(reader: InMemoryMetricReader) -> None:
    telemetry.observe("returns_hub.request.duration", 0.03, provider="returnmate", status=200)
    point = points(reader, "returns_hub.request.duration")["returnmate", 200]
    bucket = point.bucket_counts.index(1)
    assert (point.explicit_bounds[bucket - 1], point.explicit_bounds[bucket]) == (0.025, 0.05)


def test_a_span_has_its_attributes(spans: InMemorySpanExporter) -> None:
    with telemetry.span("process a delivery", account="acme"):
        pass
    (span,) = spans.get_finished_spans()
    assert (span.name, dict(span.attributes or {})) == ("process a delivery", {"account": "acme"})


@pytest.fixture
def failed(spans: InMemorySpanExporter) -> ReadableSpan:
    with pytest.raises(ValueError, match="ada@example"), telemetry.span("process a delivery"):
        raise ValueError("ada@example.com")
    (span,) = spans.get_finished_spans()
    return span


def test_a_failed_span_names_the_exception(failed: ReadableSpan) -> None:
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "ValueError")


def test_a_failed_span_keeps_nothing_of_its_text(failed: ReadableSpan) -> None:
    assert "ada@example.com" not in failed.to_json()


@pytest.mark.parametrize("call", ["count", "observe"])
def test_a_name_that_is_not_described_is_a_mistake(call: str) -> None:
    with pytest.raises(KeyError):
        getattr(telemetry, call)("returns_hub.unheard_of", 1)


def test_without_the_api_nothing_happens() -> None:
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from returns_hub import telemetry\n"
        "telemetry.count('returns_hub.deliveries', account='a', outcome='received')\n"
        "telemetry.observe('returns_hub.answer.duration', 0.1, route='/healthz', status=200)\n"
        "with telemetry.span('s', account='a'): print('done')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("done\n", "")
