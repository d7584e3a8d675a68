"""``--log``: lines for people, or one JSON object a line."""

import json
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_json_is_one_object_a_line_with_the_fields_of_the_event(configure: Callable[..., None], run: Run) -> None:
    ran = run("sync", "--log", "json", "--json")
    first, *_ = [line for line in map(json.loads, ran.err.splitlines()) if line["event"] == "vendor.request"]
    assert ran.code == 0
    assert {key: first[key] for key in ("level", "logger", "provider", "method", "status", "attempt")} == {
        "level": "INFO",
        "logger": "returns_hub.client",
        "provider": "returnmate",
        "method": "GET",
        "status": 200,
        "attempt": 1,
    }
    assert first["message"].startswith("returnmate GET /rmas: 200 in ")
    assert first["time"].endswith("+00:00")


def test_text_is_lines(configure: Callable[..., None], run: Run) -> None:
    line = run("sync", "--log", "text", "--json").err.splitlines()[0]
    assert " INFO returns_hub.client returnmate GET /rmas: 200 in " in line


def test_verbose_takes_the_form_and_keeps_its_level(configure: Callable[..., None], run: Run) -> None:
    ran = run("--verbose", "sync", "--log", "json", "--json")
    assert {json.loads(line)["logger"] for line in ran.err.splitlines()} >= {"returns_hub.client"}
    assert len(ran.err.splitlines()) == len(set(ran.err.splitlines()))


def test_without_it_a_sync_writes_no_log(configure: Callable[..., None], run: Run) -> None:
    assert "returns_hub" not in run("sync").err
