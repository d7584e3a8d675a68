"""The log: every line is one of the documented events, from where it is written, and holds no text of an error."""

import logging
import re
from pathlib import Path

import pytest

import returns_hub
from returns_hub import StoreError
from returns_hub.logs import LOG_EVENTS, log_event

SOURCES = sorted(Path(returns_hub.__file__).parent.rglob("*.py"))


def test_every_line_of_the_log_is_a_documented_event_and_each_of_these_is_written() -> None:
    code = {path: path.read_text("utf-8") for path in SOURCES if path.name != "logs.py"}
    # The outcome of a delivery is a part of the event's name.
    outcomes = {f"delivery.{word}" for word in ("received", "duplicate", "retried", "dead")}
    written = {name for text in code.values() for name in LOG_EVENTS if f'"{name}"' in text}
    assert written | outcomes == set(LOG_EVENTS)
    direct = re.compile(r"\b(_log|log|logger)\.(debug|info|warning|error|exception|log)\(")
    assert [path.name for path, text in code.items() if direct.search(text)] == []


def test_a_record_says_what_it_is_about_and_where_it_was_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "returns_hub"):
        log_event("delivery.duplicate", "delivery %d of %s", 7, "acme", account="acme", delivery=7)
    (record,) = caplog.records
    about = {name: vars(record)[name] for name in ("event", "account", "delivery")}
    assert about == {"event": "delivery.duplicate", "account": "acme", "delivery": 7}
    assert (record.name, record.levelname, record.getMessage()) == (
        "returns_hub.deliveries",
        "INFO",
        "delivery 7 of acme",
    )
    assert (record.filename, record.funcName) == (
        "test_logs.py",
        "test_a_record_says_what_it_is_about_and_where_it_was_written",
    )


def test_a_traceback_is_of_what_was_not_foreseen(caplog: pytest.LogCaptureFixture) -> None:
    for error in (StoreError("the mirror is read-only"), ValueError("jane@example.com")):
        log_event("worker.failing", "deliveries: failed", unforeseen=error)
    assert [record.exc_text for record in caplog.records] == [None, "Traceback (most recent call last):\nValueError"]


def test_what_nobody_listens_to_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "returns_hub"):
        log_event("delivery.duplicate", "%d", "no number")
    assert caplog.records == []
