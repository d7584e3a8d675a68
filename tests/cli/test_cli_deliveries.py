"""``deliveries``: the inbox on the command line."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from returns_hub import Hub, WebhookRejected, WebhookRequest
from returns_hub.configuration import load_config
from returns_hub.store.audit import AuditLog, NewAuditEntry
from returns_hub_returnmate.sandbox import ReturnMateSandbox

Run = Callable[..., Any]
SECRET = "whsec-canary-3b9e"
UNKNOWN = "returns-hub: there is no delivery 99; returns-hub deliveries list shows which there are\n"


def body_about(return_id: str) -> bytes:
    return b'{"event": "rma.updated", "data": {"rma_id": "%s"}}' % return_id.encode()


@pytest.fixture
def hub(configure: Callable[..., None], tmp_path: Path) -> Any:
    """The hub that the commands use, to put deliveries into its inbox."""
    configure(f'webhook_secrets = ["{SECRET}"]')
    config = load_config(tmp_path / "returns-hub.toml", environ={"RETURNMATE_API_KEY": "rm-canary-5d1c0f7e"})
    with Hub(config.accounts, store=config.store) as hub:
        yield hub


@pytest.fixture
def deliver(hub: Hub) -> Callable[[bytes], None]:
    """A delivery, one second after the one before."""
    minute = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def receive(body: bytes) -> None:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        hub.receive(
            "acme-au",
            WebhookRequest(
                method="POST",
                url="https://shop.example/webhooks/acme-au",
                headers={"X-Webhook-Signature": signature},
                body=body,
                received_at=minute,
            ),
        )

    return receive


@pytest.fixture
def processed(hub: Hub, deliver: Callable[[bytes], None], vendor: ReturnMateSandbox) -> str:
    """A delivery about a return of the vendor's, processed; the return's id."""
    return_id = min(vendor.return_ids)
    deliver(body_about(return_id))
    hub.process()
    return return_id


def test_a_delivery_as_json_has_its_keys(processed: str, run: Run) -> None:
    (delivery,) = run("deliveries", "list", "--json").objects
    assert list(delivery) == [
        "id",
        "account",
        "received_at",
        "state",
        "duplicates",
        "attempts",
        "error",
        "events",
    ]


def test_a_processed_delivery_says_how_many_events_it_made(processed: str, run: Run) -> None:
    (delivery,) = run("deliveries", "list", "--json").objects
    assert delivery == {
        "id": 1,
        "account": "acme-au",
        "received_at": "2026-03-01T12:00:00Z",
        "state": "processed",
        "duplicates": 0,
        "attempts": 1,
        "error": None,
        "events": 1,
    }


def test_a_duplicate_is_counted(deliver: Callable[[bytes], None], run: Run) -> None:
    deliver(body_about("rma_1"))
    deliver(body_about("rma_1"))
    (delivery,) = run("deliveries", "list", "--json").objects
    assert (delivery["state"], delivery["duplicates"], delivery["attempts"]) == ("pending", 1, 0)


def test_the_list_is_newest_first_and_can_be_limited(deliver: Callable[[bytes], None], run: Run) -> None:
    for number in range(3):
        deliver(body_about(f"rma_{number}"))
    assert [one["id"] for one in run("deliveries", "list", "--json", "--limit", "2").objects] == [3, 2]


def test_the_list_can_be_of_one_state(processed: str, deliver: Callable[[bytes], None], run: Run) -> None:
    deliver(body_about("rma_later"))
    assert [one["id"] for one in run("deliveries", "list", "--json", "--state", "pending").objects] == [2]


def test_the_list_can_be_of_one_account(processed: str, run: Run) -> None:
    ran = run("deliveries", "list", "--account", "acme-uk")
    assert (ran.code, ran.err) == (2, "returns-hub: there is no account 'acme-uk'; did you mean 'acme-au'?\n")


def test_the_table_says_how_many_it_shows(deliver: Callable[[bytes], None], run: Run) -> None:
    deliver(body_about("rma_1"))
    deliver(body_about("rma_2"))
    ran = run("deliveries", "list", "--limit", "1")
    assert ran.lines[0].split() == [
        "ID",
        "RECEIVED",
        "(UTC)",
        "ACCOUNT",
        "STATE",
        "EVENTS",
        "ATTEMPTS",
        "DUPLICATES",
        "ERROR",
    ]
    assert ran.lines[1].split() == ["2", "2026-03-01", "12:00:00", "acme-au", "pending", "0", "0", "0", "-"]
    assert ran.lines[2] == "The newest 1 of 2 deliveries; --limit N shows more, --json all."


def test_an_empty_inbox_says_so(hub: Hub, run: Run) -> None:
    ran = run("deliveries", "list")
    assert (ran.code, ran.out) == (0, "No such deliveries.\n")


def test_a_state_that_is_none_is_wrong_usage(hub: Hub, run: Run) -> None:
    assert run("deliveries", "list", "--state", "lost").code == 2


def test_one_delivery_is_shown_without_its_body(processed: str, run: Run) -> None:
    ran = run("deliveries", "show", "1")
    assert ran.lines[0] == "delivery 1  acme-au"
    assert ("processed" in ran.out, "rma.updated" in ran.out) == (True, False)


def test_the_body_is_shown_on_demand_to_the_byte(deliver: Callable[[bytes], None], run: Run) -> None:
    body = b'{"event": "rma.updated", "data": {"rma_id": "rma_1"},\r\n "\xc3\xa4": 1.50}'
    deliver(body)
    assert run("deliveries", "show", "1", "--body").out.encode() == body.replace(b"\r\n", b"\n")


def test_json_has_the_body_on_demand_only(processed: str, run: Run) -> None:
    (without,) = run("deliveries", "show", "1", "--json").objects
    (with_body,) = run("deliveries", "show", "1", "--json", "--body").objects
    assert (without["bytes"], "body" in without) == (len(body_about(processed)), False)
    assert base64.b64decode(with_body["body"]) == body_about(processed)


def test_nothing_shown_holds_a_signature(processed: str, run: Run) -> None:
    signature = hmac.new(SECRET.encode(), body_about(processed), hashlib.sha256).hexdigest()
    shown = run("deliveries", "show", "1").out + run("deliveries", "show", "1", "--json", "--body").out
    assert signature not in shown


@pytest.mark.parametrize("command", ["show", "replay"])
def test_a_delivery_that_is_not_there_fails(hub: Hub, run: Run, command: str) -> None:
    ran = run("deliveries", command, "99")
    assert (ran.code, ran.out, ran.err) == (1, "", UNKNOWN)


def test_a_replayed_delivery_is_processed_again_and_emits_nothing_twice(hub: Hub, processed: str, run: Run) -> None:
    ran = run("deliveries", "replay", "1")
    assert (ran.code, ran.out, ran.err) == (0, "1: pending\n", "")
    hub.process()
    assert [one["state"] for one in run("deliveries", "list", "--json").objects] == ["processed"]
    assert len(run("events", "--json").objects) == 1


def test_a_delivery_and_its_events_name_each_other(processed: str, deliver: Callable[[bytes], None], run: Run) -> None:
    (event,) = run("events", "--json").objects
    (shown,) = run("deliveries", "show", "1", "--json").objects
    assert (event["delivery_id"], shown["sequences"]) == (1, [event["sequence"]])
    assert "return.created" in run("deliveries", "show", "1").lines[-1]
    assert "returns-hub, webhook 1" in run("show", "acme-au", processed).out
    deliver(body_about("rma_later"))
    assert run("deliveries", "show", "2", "--json").objects[0]["sequences"] == []


@pytest.fixture
def dead(hub: Hub, deliver: Callable[[bytes], None], vendor: ReturnMateSandbox) -> list[int]:
    """The ids of two dead deliveries, between others that are not."""
    for number in range(4):
        deliver(body_about(f"rma_{number}"))
    with hub._resources.store().database.writing() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'dead', attempts = 12 WHERE id IN (2, 3)"))
        connection.execute(text("UPDATE deliveries SET received_at = '2026-03-02T12:00:00.000000Z' WHERE id > 2"))
    return [2, 3]


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (["--dead"], "2 deliveries"),
        (["--account", "acme-au"], "4 deliveries"),
        (["--since", "2026-03-02"], "2 deliveries"),
        (["--dead", "--account", "acme-au", "--since", "2026-03-02T12:00"], "1 delivery"),
        (["--since", "2026-03-02T12:01"], "0 deliveries"),
    ],
)
def test_how_many_would_be_replayed_is_said_and_nothing_done(
    dead: list[int], run: Run, chosen: list[str], count: str
) -> None:
    ran = run("deliveries", "replay", *chosen, "--dry-run")
    assert (ran.code, ran.out) == (0, f"{count} would be replayed.\n")
    assert [one["id"] for one in run("deliveries", "list", "--state", "dead", "--json").objects] == [3, 2]


def test_many_are_replayed_once_somebody_agrees(dead: list[int], hub: Hub, run: Run) -> None:
    ran = run("deliveries", "replay", "--dead")
    asked = "returns-hub: it would be 2 deliveries: --yes replays them, --dry-run only counts\n"
    assert (ran.code, ran.out, ran.err) == (2, "", asked)
    ran = run("deliveries", "replay", "--dead", "--yes", "--json")
    assert (ran.code, ran.objects) == (0, [{"matching": 2, "replayed": 2}])
    assert [(each.id, each.state, each.attempts) for each in hub.deliveries()] == [
        (number, "pending", 0) for number in (4, 3, 2, 1)
    ]


def test_ids_and_a_choice_are_not_both_given(hub: Hub, run: Run) -> None:
    ran = run("deliveries", "replay", "1", "--dead")
    said = "returns-hub: name deliveries by their ids, or choose them by --dead, --account and --since\n"
    assert (ran.code, ran.err) == (2, said)


def test_what_was_refused_is_listed_and_doctor_says_it(hub: Hub, run: Run) -> None:
    assert run("deliveries", "refused").out == "Nothing was refused.\n"
    request = WebhookRequest(
        method="POST",
        url="https://shop.example/webhooks/acme-au",
        headers={"X-Webhook-Signature": "0" * 64},
        body=b"canary",
        received_at=datetime.now(UTC),
    )
    for _ in range(2):
        with pytest.raises(WebhookRejected):
            hub.receive("acme-au", request)
    hub.refused()
    (refusal,) = run("deliveries", "refused", "--json").objects
    first_at, last_at = refusal.pop("first_at"), refusal.pop("last_at")
    assert refusal == {
        "account": "acme-au",
        "route": "webhooks",
        "reason": "wrong_signature",
        "detail": "the signature does not match",
        "digest": hashlib.sha256(b"canary").hexdigest(),
        "count": 2,
    }
    assert first_at <= last_at
    (line,) = [line for line in run("doctor", "--offline").lines if " refused: 2 " in line]
    assert line.startswith("warning  acme-au: refused: 2 deliveries since ")
    assert line.endswith(" UTC: wrong_signature (the signature does not match)")
    assert run("deliveries", "refused").lines[1].split()[:4] == ["acme-au", "webhooks", "wrong_signature", "2"]


def test_of_several_those_that_are_there_are_replayed(processed: str, run: Run) -> None:
    ran = run("deliveries", "replay", "99", "1", "--json")
    assert (ran.code, [one["id"] for one in ran.objects], ran.err) == (1, [1], UNKNOWN)


def test_replay_needs_a_number(hub: Hub, run: Run) -> None:
    assert run("deliveries", "replay").code == 2


def test_what_is_old_and_processed_can_be_removed(processed: str, deliver: Callable[[bytes], None], run: Run) -> None:
    deliver(body_about("rma_later"))
    ran = run("deliveries", "purge", "--older", "1h")
    assert (ran.code, ran.out) == (0, "Removed: deliveries 1, observations waiting for a return 0.\n")
    assert [one["id"] for one in run("deliveries", "list", "--json").objects] == [2]
    assert run("deliveries", "purge", "--older", "36500d", "--json").objects == [{"deliveries": 0, "waiting": 0}]


def test_the_audit_is_removed_only_where_that_is_said(hub: Hub, run: Run) -> None:
    log = AuditLog(hub.open_store().database)
    entry = log.begin(NewAuditEntry(person="ada", session="s", action="unmask"))
    assert entry is not None
    run("deliveries", "purge", "--older", "1s")
    assert run("deliveries", "purge", "--older", "1h", "--audit", "--json").objects == [
        {"deliveries": 0, "waiting": 0, "audit": 0}
    ]
    assert log.get(entry) is not None
    before = datetime.now(UTC) + timedelta(hours=1)
    assert (hub.purge(before).audit, hub.purge(before, audit=True).audit, log.get(entry)) == (0, 1, None)


@pytest.mark.parametrize("older", ["a while", "0d", "-1d"])
def test_how_old_must_be_said_well(hub: Hub, run: Run, older: str) -> None:
    ran = run("deliveries", "purge", f"--older={older}")
    assert (ran.code, ran.err) == (2, 'returns-hub: --older must look like "30d" or "12h"\n')
