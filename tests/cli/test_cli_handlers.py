"""``handlers``: what an operator sees of a handler that fails, and what can be done about it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Event, Hub, Return, Status
from returns_hub.merge import observed

Run = Callable[..., Any]


def send_mail(event: Event) -> None:
    if event.return_id == "rma_bad":
        raise ValueError("jane@example.com has no mailbox")


@pytest.fixture
def _failed(tmp_path: Path) -> None:
    """A store in which the handler ``my-shop`` has failed for good at the event of one of two returns."""
    (tmp_path / "returns-hub.toml").write_text('store = "sqlite:///returns.db"', "utf-8")
    with Hub([], store=f"sqlite:///{tmp_path}/returns.db") as hub:
        hub.on(name="my-shop", since="beginning", attempts=1)(send_mail)
        for return_id in ("rma_bad", "rma_good"):
            ret = Return(provider="memory", id=return_id, status=Status.REQUESTED)
            hub._resources.store().apply("acme", [observed(ret, seen_at=datetime(2026, 3, 1, tzinfo=UTC))])
        hub.dispatch()


@pytest.mark.usefixtures("_failed")
def test_a_failed_event_is_listed_by_handler_and_place_without_the_text_of_the_error(run: Run) -> None:
    ran = run("handlers", "list")
    header, line = ran.lines
    assert header.split("  ")[0] == "HANDLER"
    assert line.split()[:2] == ["my-shop", "2"]
    assert "ValueError at cli/test_cli_handlers.py:" in line
    assert " in send_mail" in line
    assert "jane" not in ran.out + run("handlers", "list", "my-shop").out


@pytest.mark.usefixtures("_failed")
def test_as_json_a_handler_and_its_failed_events_have_their_keys(run: Run) -> None:
    (handler,) = run("handlers", "list", "--json").objects
    place = handler.pop("error")
    assert handler == {"name": "my-shop", "cursor": 2, "lag": 0, "failing": 0, "dead": 1, "oldest_pending_s": None}
    assert run("handlers", "list", "my-shop", "--json").objects == [
        {
            "handler": "my-shop",
            "sequence": 1,
            "event": "return.created",
            "account": "acme",
            "return_id": "rma_bad",
            "state": "dead",
            "attempts": 1,
            "due_at": None,
            "error": place,
        }
    ]


@pytest.mark.usefixtures("_failed")
def test_doctor_names_the_handler_and_where_it_failed(run: Run) -> None:
    (line,) = [line for line in run("doctor", "--offline").lines if "handler my-shop" in line]
    assert line.startswith("warning  handler my-shop: failing: 0, dead: 1, the latest with ValueError at cli/")


@pytest.mark.usefixtures("_failed")
@pytest.mark.parametrize(
    ("arguments", "said", "left"),
    [
        (("retry", "my-shop", "1"), "my-shop: event 1 is retried", (1, 1, 0)),
        (("retry", "my-shop", "--all"), "my-shop: 1 event retried", (1, 1, 0)),
        (("skip", "my-shop", "1"), "my-shop: event 1 is skipped", (0, 0, 0)),
        (("skip", "my-shop", "--all"), "my-shop: 1 event skipped", (0, 0, 0)),
    ],
)
def test_a_dead_event_is_retried_or_skipped(
    run: Run, arguments: tuple[str, ...], said: str, left: tuple[int, ...]
) -> None:
    ran = run("handlers", *arguments)
    assert (ran.code, ran.out, ran.err) == (0, said + "\n", "")
    (handler,) = run("handlers", "list", "--json").objects
    assert (handler["lag"], handler["failing"], handler["dead"]) == left


@pytest.mark.usefixtures("_failed")
def test_a_handler_that_no_process_has_any_more_is_forgotten(run: Run, tmp_path: Path) -> None:
    ran = run("handlers", "forget", "my-shop")
    said = "returns-hub: my-shop has not taken 1 event: --yes forgets it all the same\n"
    assert (ran.code, ran.out, ran.err) == (2, "", said)
    assert run("handlers", "forget", "my-shop", "--yes").out == "my-shop is forgotten\n"
    assert run("handlers", "list", "--json").objects == []
    with Hub([], store=f"sqlite:///{tmp_path}/returns.db") as hub:
        hub.on(name="my-shop", since="beginning")(lambda event: None)
        assert (hub.dispatch(), hub.forget_handler("other")) == (2, False)


@pytest.mark.usefixtures("_failed")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("retry", "my-shop"), 2, "name the events of my-shop, or --all for those that are dead"),
        (("skip", "my-shop", "1", "--all"), 2, "name the events of my-shop, or --all for those that are dead"),
        (
            ("retry", "my-shp", "1"),
            2,
            "there is no handler 'my-shp'; did you mean 'my-shop'?; returns-hub handlers list shows them",
        ),
        (
            ("skip", "my-shop", "2"),
            1,
            "my-shop has not failed at event 2; returns-hub handlers list my-shop shows which",
        ),
    ],
)
def test_what_cannot_be_meant_is_said(run: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = run("handlers", *arguments)
    assert (ran.code, ran.out, ran.err) == (code, "", f"returns-hub: {said}\n")
