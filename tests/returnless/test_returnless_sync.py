"""The mirror of an account at Returnless, over real HTTP: it is exact, or says what it could not see."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from returns_hub import Account, Hub, ReturnHint, Status, UnexpectedReply, WebhookRequest
from returns_hub.testing import serve
from returns_hub_returnless.sandbox import ReturnlessSandbox

OpenHub: TypeAlias = Callable[..., Hub]

# The least that 1,000 or 450 returns and as many requests take: each page but the first repeats one row, and one more page ends the list.
LEAST_OF_1000 = 2 * 7
LEAST_OF_450 = 2 * 4

# Each with how many requests may go to 450 returns and 450 requests: a tenth more than the least, of its own pages.
HARMLESS = [
    pytest.param({}, LEAST_OF_450, id="as documented"),
    pytest.param({"exclusive_bounds": True}, LEAST_OF_450, id="bounds left out"),
    pytest.param({"same_second": 150}, LEAST_OF_450, id="150 in a second"),
    pytest.param({"same_second": 150, "exclusive_bounds": True}, LEAST_OF_450, id="150 in a second, bounds left out"),
    pytest.param({"per_page_cap": 60}, 1.1 * 2 * 9, id="60 a page"),
    pytest.param({"per_page_cap": 60, "exclusive_bounds": True}, 1.1 * 2 * 9, id="60 a page, bounds left out"),
    pytest.param({"ignored": ["per_page"]}, 1.1 * 2 * 10, id="per_page ignored"),
    pytest.param({"ignored": ["updated_after", "status"]}, LEAST_OF_450, id="filters ignored that are not needed"),
    pytest.param({"one_filter": True}, LEAST_OF_450, id="one filter counts"),
    pytest.param({"any_update_matches": True}, LEAST_OF_450, id="every update matches"),
    pytest.param({"updated_order": "filtered"}, LEAST_OF_450, id="changes in the order of updates"),
    pytest.param({"timezone": "Europe/Amsterdam"}, LEAST_OF_450, id="Dutch time"),
    pytest.param({"filter_timezone": "Europe/Amsterdam"}, LEAST_OF_450, id="filters in Dutch time"),
    pytest.param({"undocumented_statuses": True}, LEAST_OF_450, id="words outside the vocabulary"),
    pytest.param({"hostile_texts": True}, LEAST_OF_450, id="hostile texts"),
]
# The simulator's crowds: so many of each kind in one second.
OVER_A_PAGE: dict[str, Any] = {"count": 460, "same_second": 205}
TOO_MANY_OF_EACH_STATUS: dict[str, Any] = {"count": 450, "same_second": 200, "per_page_cap": 10}
CROWDS = {"returns, return_date 2023-06-02 12:00:00", "requests, request_date 2023-06-01 12:00:00"}
REFUSED = [
    pytest.param({"ignored": ["created_after"]}, "rows came from before created_after", id="created_after ignored"),
    pytest.param({"ignored": ["sort_order"]}, "not in the order that sort_order asks for", id="sort_order ignored"),
    pytest.param({"updated_order": "always"}, "not in the order that sort_order asks for", id="order of updates"),
    pytest.param({"filter_timezone": "America/New_York"}, "did not come again", id="filters in another zone"),
]
CHANGING = [
    pytest.param({}, id="as documented"),
    pytest.param({"exclusive_bounds": True}, id="bounds left out", marks=pytest.mark.campaign),
    pytest.param({"per_page_cap": 60}, id="60 a page", marks=pytest.mark.campaign),
    pytest.param({"any_update_matches": True}, id="every update matches", marks=pytest.mark.campaign),
    pytest.param({"updated_order": "filtered"}, id="changes in the order of updates"),
    pytest.param({"timezone": "Europe/Amsterdam"}, id="Dutch time", marks=pytest.mark.campaign),
]


@pytest.fixture
def open_hub(tmp_path: Path) -> Iterator[OpenHub]:
    """A hub with one account, ``acme``, at a simulator that is served from now on; ``options`` are the account's."""
    with ExitStack() as stack:

        def start(sandbox: ReturnlessSandbox, **options: Any) -> Hub:
            running = stack.enter_context(serve(sandbox))
            account = Account(
                name="acme",
                provider="returnless",
                base_url=running.url,
                rate_limit="none",
                options={**sandbox.options, **options},
            )
            return stack.enter_context(Hub([account], store=f"sqlite:///{tmp_path / 'mirror.db'}"))

        yield start


def mirrored(hub: Hub) -> set[str]:
    return {stored.ret.id for stored in hub.returns()}


def last_event(hub: Hub) -> int:
    return max((event.sequence for event in hub.events()), default=0)


def slow_sandbox(**arguments: Any) -> ReturnlessSandbox:
    """One whose clock is an hour behind ours, and a second on at every change."""
    behind, changes = datetime.now(UTC) - timedelta(hours=1), itertools.count()
    return ReturnlessSandbox(
        **{"count": 450, "now": lambda: behind + timedelta(seconds=next(changes) // 2), **arguments}
    )


def move(sandbox: ReturnlessSandbox, count: int) -> list[str]:
    """Change the status of so many returns and requests, in no order of theirs; their ids in order."""
    words = {
        return_id: "on_hold" if return_id.startswith("request:") else "exchanged" for return_id in sandbox.return_ids
    }
    movable = sorted(key for key, word in words.items() if sandbox.records[key]["status"] != word)
    moved = movable[:: len(movable) // count][:count]
    for return_id in sorted(moved, key=lambda key: key[::-1]):
        sandbox.set_status(return_id, words[return_id])
    return moved


# The first sync


def test_two_thousand_records_are_mirrored_exactly_and_cheaply(open_hub: OpenHub) -> None:
    sandbox = ReturnlessSandbox(count=1000)
    hub = open_hub(sandbox)
    (report,) = hub.sync()
    assert (report.error, report.gaps, report.invalid_records, report.read) == (None, (), 0, 2_000)
    assert mirrored(hub) == sandbox.return_ids
    assert report.requests <= LEAST_OF_1000


@pytest.mark.parametrize(("behaviour", "most_requests"), HARMLESS)
def test_the_mirror_is_exact_whatever_the_vendor_leaves_open(
    open_hub: OpenHub, behaviour: dict[str, Any], most_requests: float
) -> None:
    sandbox = ReturnlessSandbox(**{"count": 450, **behaviour})
    hub = open_hub(sandbox)
    (report,) = hub.sync()
    assert (report.error, report.gaps, report.invalid_records) == (None, (), 0)
    assert mirrored(hub) == sandbox.return_ids
    assert report.requests <= most_requests


def test_a_wrong_guess_of_the_time_zone_loses_nothing(open_hub: OpenHub) -> None:
    sandbox = ReturnlessSandbox(count=450, timezone="Europe/Amsterdam")
    hub = open_hub(sandbox, timezone="UTC")
    hub.sync()
    assert mirrored(hub) == sandbox.return_ids


def test_rows_that_come_twice_are_one_return(open_hub: OpenHub) -> None:
    sandbox = ReturnlessSandbox(count=100)
    sandbox.faults.duplicate_rows()
    hub = open_hub(sandbox)
    (report,) = hub.sync()
    assert (report.created, report.events) == (len(sandbox.return_ids), len(sandbox.return_ids))


def test_an_empty_account_is_mirrored(open_hub: OpenHub) -> None:
    hub = open_hub(ReturnlessSandbox(count=0))
    (report,) = hub.sync()
    assert (report.error, report.read, report.requests) == (None, 0, 2)


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_second_with_more_than_a_page_is_read_status_by_status(open_hub: OpenHub, exclusive: bool) -> None:
    sandbox = ReturnlessSandbox(**OVER_A_PAGE, exclusive_bounds=exclusive)
    hub = open_hub(sandbox)
    (report,) = hub.sync()
    assert (report.error, report.gaps) == (None, ())
    assert mirrored(hub) == sandbox.return_ids


@pytest.mark.parametrize(
    "behaviour",
    [
        TOO_MANY_OF_EACH_STATUS,
        {**TOO_MANY_OF_EACH_STATUS, "exclusive_bounds": True},
        {**OVER_A_PAGE, "ignored": ["status"]},
        {**OVER_A_PAGE, "one_filter": True},
    ],
    ids=["too many of each status", "too many, bounds left out", "status ignored", "one filter counts"],
)
def test_what_a_crowded_second_hides_is_a_gap_and_nothing_else_is_missing(
    open_hub: OpenHub, behaviour: dict[str, Any]
) -> None:
    sandbox = ReturnlessSandbox(**behaviour)
    hub = open_hub(sandbox)
    (report,) = hub.sync()
    missing = [sandbox.records[return_id] for return_id in sandbox.return_ids - mirrored(hub)]
    assert {gap.partition(": ")[0] for gap in report.gaps} == CROWDS
    assert {row.get("return_date") or row["request_date"] for row in missing} == {
        "2023-06-01 12:00:00",
        "2023-06-02 12:00:00",
    }
    assert mirrored(hub) <= sandbox.return_ids


def test_a_status_that_cannot_be_asked_for_is_a_gap_of_a_crowded_second(open_hub: OpenHub) -> None:
    hub = open_hub(ReturnlessSandbox(**OVER_A_PAGE, undocumented_statuses=True))
    (report,) = hub.sync()
    assert {gap.partition(": ")[2] for gap in report.gaps} == {
        "those with a status outside the vocabulary cannot be requested; others may be missing"
    }


@pytest.mark.parametrize(("behaviour", "sentence"), REFUSED)
def test_a_vendor_that_does_not_do_as_asked_is_an_error(
    open_hub: OpenHub, behaviour: dict[str, Any], sentence: str
) -> None:
    hub = open_hub(ReturnlessSandbox(count=450, **behaviour))
    (first,) = hub.sync()
    (again,) = hub.sync()
    assert sentence in (first.error or "")
    # What was read so far is never taken for all there is.
    assert sentence in (again.error or "")


# Later ones


@pytest.mark.parametrize("behaviour", CHANGING)
def test_every_status_change_is_found_once(open_hub: OpenHub, behaviour: dict[str, Any]) -> None:
    sandbox = slow_sandbox(**behaviour)
    hub = open_hub(sandbox)
    hub.sync()
    before = last_event(hub)
    moved = move(sandbox, 300)
    (report,) = hub.sync()
    events = [(event.return_id, event.type) for event in hub.events(after=before)]
    assert (report.error, report.changed) == (None, 300)
    assert len(set(events)) == len(events)
    assert sorted({return_id for return_id, _ in events}) == moved
    # "exception" asserts that somebody must look, and no status.
    assert {return_id for return_id, kind in events if kind == "return.status_changed"} == {
        return_id for return_id in moved if sandbox.records[return_id]["status"] != "exception"
    }
    words = {stored.ret.id: stored.ret.status_raw for stored in hub.returns()}
    assert {return_id: words[return_id] for return_id in moved} == {
        return_id: sandbox.records[return_id]["status"] for return_id in moved
    }


@pytest.mark.parametrize(
    "behaviour",
    [{}, {"updated_order": "filtered"}],
    ids=["as documented", "changes in the order of updates"],
)
def test_a_sync_after_that_finds_nothing(open_hub: OpenHub, behaviour: dict[str, Any]) -> None:
    sandbox = slow_sandbox(**behaviour)
    hub = open_hub(sandbox)
    hub.sync()
    move(sandbox, 300)
    hub.sync()
    before = last_event(hub)
    (report,) = hub.sync()
    assert (report.error, report.created, report.changed, last_event(hub)) == (None, 0, 0, before)


def test_changes_that_come_in_the_order_of_updates_are_a_gap(open_hub: OpenHub) -> None:
    sandbox = slow_sandbox(updated_order="filtered")
    hub = open_hub(sandbox)
    hub.sync()
    move(sandbox, 300)
    (report,) = hub.sync()
    (gap,) = report.gaps
    assert gap.endswith("those that were updated after their status changed may be missing")


def test_changes_in_the_order_of_updates_are_found_where_that_looks_like_the_order_of_creation(
    open_hub: OpenHub,
) -> None:
    sandbox = slow_sandbox(updated_order="filtered")
    hub = open_hub(sandbox)
    hub.sync()
    by_creation = [key for key in sandbox.records if not key.startswith("request:") and key != "100001"]
    for return_id in [*by_creation[:220], "100001"]:
        sandbox.set_status(return_id, "re-check")
    hub.sync()
    stored = hub.get_return("acme", "100001")
    assert stored is not None
    assert stored.ret.status_raw == "re-check"


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ({"ignored": ["updated_after"]}, "the filter updated_after excludes"),
        ({"one_filter": True}, "rows came from before created_after"),
    ],
    ids=["updated_after ignored", "one filter counts"],
)
def test_changes_that_cannot_be_distinguished_are_an_error(
    open_hub: OpenHub, behaviour: dict[str, Any], sentence: str
) -> None:
    sandbox = slow_sandbox(**behaviour)
    hub = open_hub(sandbox)
    hub.sync()
    move(sandbox, 300)
    (report,) = hub.sync()
    assert sentence in (report.error or "")


def test_what_was_stamped_before_the_last_sync_is_found_within_the_overlap(open_hub: OpenHub) -> None:
    late = datetime.now(UTC) - timedelta(minutes=115)
    sandbox = ReturnlessSandbox(count=50, now=lambda: late)
    hub = open_hub(sandbox)
    hub.sync()
    sandbox.set_status("948191", "received")
    (report,) = hub.sync()
    assert report.changed == 1


def test_changes_in_the_order_of_updates_cannot_be_bounded_by_their_creation(open_hub: OpenHub) -> None:
    sandbox = slow_sandbox(updated_order="filtered")
    client = open_hub(sandbox).client("acme")
    move(sandbox, 600)
    since = datetime.now(UTC) - timedelta(hours=2)
    with pytest.raises(UnexpectedReply, match="not in the order that sort_order asks for"):
        list(client.list_returns(updated_after=since, created_after=datetime(2021, 1, 1, tzinfo=UTC)))


# Requests that become returns


def test_a_request_that_grew_into_a_return_is_one_life(open_hub: OpenHub) -> None:
    sandbox = ReturnlessSandbox(count=20)
    hub = open_hub(sandbox)
    request = sandbox.add_request(status="approved")
    hub.sync()
    grown = sandbox.add_return(request=request)
    hub.sync()
    assert mirrored(hub) == sandbox.return_ids
    assert [event.return_id for event in hub.events(return_id=grown)] == [request, grown]


def test_by_the_id_of_the_request_the_return_is_found(open_hub: OpenHub) -> None:
    sandbox = ReturnlessSandbox(count=20)
    hub = open_hub(sandbox)
    request = sandbox.add_request(status="approved")
    grown = sandbox.add_return(request=request)
    hub.sync()
    stored = hub.get_return("acme", request)
    assert stored is not None
    assert (stored.ret.id, stored.ret.request_id) == (grown, request)


def test_change_of_a_request_with_a_return_emits_no_event(open_hub: OpenHub) -> None:
    sandbox = ReturnlessSandbox(count=20)
    hub = open_hub(sandbox)
    hub.sync()
    before = last_event(hub)
    sandbox.set_status("request:481049", "completed")  # that of return 948191, in Returnless V1 API
    (report,) = hub.sync()
    assert (report.error, report.read, last_event(hub)) == (None, 1, before)


def test_a_request_and_a_return_of_the_same_number_are_two(open_hub: OpenHub) -> None:
    hub = open_hub(ReturnlessSandbox(count=2))
    hub.sync()
    assert mirrored(hub) == {"948191", "371141", "request:948191"}


def test_details_take_nothing_away_that_only_a_listing_has(open_hub: OpenHub) -> None:
    hub = open_hub(ReturnlessSandbox(count=2))
    hub.sync()
    hub.sync(full=True, details=True)
    stored = hub.get_return("acme", "948191")
    assert stored is not None
    assert stored.ret.custom_fields == {"return_type": "coupon"}


# What the vendor sends


def test_a_webhook_leads_to_the_return_that_it_is_about(open_hub: OpenHub) -> None:
    sandbox = ReturnlessSandbox(count=20)
    client = open_hub(sandbox).client("acme")
    new = sandbox.add_return()
    headers, body = sandbox.webhook(new)
    url = f"https://platform.example/webhooks/acme/{new}"
    receipt = client.receive(
        WebhookRequest(method="POST", url=url, headers=headers, body=body, received_at=datetime.now(UTC))
    )
    (hint,) = receipt.events
    assert isinstance(hint, ReturnHint)
    assert client.get_return(hint.return_id or "").status is Status.READY_TO_SHIP
