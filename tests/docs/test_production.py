"""The page for operators says of every alarm what it means and what to do."""

import logging
import re
from pathlib import Path

import pytest
from attrs import fields

from returns_hub import AccountHealth, Health
from returns_hub.handlers import ConsumerHealth
from returns_hub.logs import LOG_EVENTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "production.md").read_text("utf-8")
RUNBOOK = PAGE.partition("## When an alarm rings")[2].partition("\n## ")[0]

REFUSALS = re.compile(r'(?:WebhookRejected|RequestRefused)\(\s*(?:\d{3},\s*)?"([a-z_]+)"')


def test_every_field_of_the_health_is_explained() -> None:
    names = {each.name for kind in (Health, AccountHealth, ConsumerHealth) for each in fields(kind)}
    names -= {"ok", "account", "accounts", "consumers", "name", "cursor", "synced_at", "error"}
    assert sorted(name for name in names if f"`{name}`" not in PAGE) == []


@pytest.mark.parametrize("name", [name for name, event in LOG_EVENTS.items() if event.level >= logging.WARNING])
def test_every_line_of_the_log_that_warns_says_what_to_do(name: str) -> None:
    assert f"`{name}`" in RUNBOOK


def test_every_reason_of_a_refusal_says_what_to_do() -> None:
    files = [path for folder in ("returns_hub", "adapters") for path in (ROOT / folder).rglob("*.py")]
    reasons = {reason for path in files for reason in REFUSALS.findall(path.read_text("utf-8"))}
    assert len(reasons) > 20
    assert sorted(reason for reason in reasons if f"`{reason}`" not in RUNBOOK) == []
