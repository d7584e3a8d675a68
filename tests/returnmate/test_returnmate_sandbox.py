"""The ReturnMate simulator against its document, ReturnMate API Reference, through a plain HTTP client. Values are the document's."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import PERMISSIONS, Plan, ReturnMateSandbox

Start = Callable[..., httpx.Client]


@pytest.fixture
def http() -> Iterator[Start]:
    """Clients with the key of a simulator that is given, or made with the given arguments."""
    with ExitStack() as stack:

        def start(simulator: ReturnMateSandbox | None = None, **arguments: Any) -> httpx.Client:
            sandbox = simulator or ReturnMateSandbox(**{"count": 20, **arguments})
            running = stack.enter_context(serve(sandbox))
            headers = {"authorization": f"Bearer {sandbox.options['api_key']}"}
            return stack.enter_context(
                httpx.Client(base_url=running.url + sandbox.base_path, headers=headers, timeout=30)
            )

        yield start


NEW_RMA: dict[str, Any] = {
    "order_number": "#1001",
    "customer_email": "customer@example.com",
    "items": [{"sku": "PROD-001", "quantity": 1, "reason": "defective", "notes": "Screen not working"}],
    "return_type": "refund",
}
LABEL = {"carrier": "australia_post", "service": "express_post", "direction": "return"}


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2025, 1, 1, 0, 0, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


def error_of(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


# The documented examples


def test_list_has_the_documented_row_first(http: Start) -> None:
    row = http().get("/rmas?status=pending&per_page=50").json()["data"][0]
    assert row == {
        "id": "rma_abc123",
        "rma_number": "RMA-2024-001234",
        "status": "pending",
        "order_number": "#1001",
        "customer": {"email": "customer@example.com", "name": "John Smith"},
        "items": [{"sku": "PROD-001", "quantity": 1, "reason": "defective", "notes": "Screen not working"}],
        "created_at": "2024-12-30T10:30:00Z",
    }


def test_list_envelope_is_full_and_without_total_pages(http: Start) -> None:
    body = http(count=150).get("/rmas?per_page=50").json()
    assert (body["success"], body["meta"]) == (True, {"page": 1, "per_page": 50, "total": 150})


def test_meta_has_total_pages_where_switched_on(http: Start) -> None:
    meta = http(count=150, total_pages=True).get("/rmas?page=2&per_page=25").json()["meta"]
    assert meta == {"page": 2, "per_page": 25, "total": 150, "total_pages": 6}


def test_customer_stats_are_bare_and_documented_to_the_digit(http: Start) -> None:
    reply = http().get("/customers/customer@example.com/stats")
    assert reply.text == (
        '{"total_returns":5,"total_refunded":450.00,"return_rate":12.5,"last_return":"2024-12-15T08:00:00Z"}'
    )


def test_returns_summary_has_data_only_and_the_documented_numbers(http: Start) -> None:
    reply = http(count=300).get("/reports/returns?start_date=2024-01-01&end_date=2024-06-30&group_by=month")
    assert reply.json() == {
        "data": {
            "total_rmas": 150,
            "total_refunded": 12500.00,
            "by_status": {"completed": 120, "pending": 20, "rejected": 10},
            "by_reason": {"defective": 45, "wrong_size": 60, "changed_mind": 45},
        }
    }


def test_detail_has_items_shipments_and_timeline(http: Start) -> None:
    assert {"items", "shipments", "timeline"} <= http().get("/rmas/rma_abc123").json()["data"].keys()


def test_documented_create_is_accepted(http: Start) -> None:
    reply = http().post("/rmas", json=NEW_RMA)
    assert (reply.status_code, reply.json()["data"]["status"]) == (201, "pending")


def test_documented_update_is_accepted(http: Start) -> None:
    body = {"status": "approved", "notes": "Approved for full refund"}
    assert http().patch("/rmas/rma_abc123", json=body).json()["data"]["status"] == "approved"


def test_a_note_shows_in_the_timeline(http: Start) -> None:
    client = http()
    client.post("/rmas/rma_abc123/notes", json={"content": "Customer contacted about delay", "internal": True})
    entry = client.get("/rmas/rma_abc123").json()["data"]["timeline"][-1]
    assert (entry["type"], entry["content"], entry["internal"]) == ("note", "Customer contacted about delay", True)


def test_a_label_has_a_url_and_a_tracking_number(http: Start) -> None:
    label = http(count=1).post("/rmas/rma_abc123/shipments", json=LABEL).json()["data"]
    assert (label["label_url"], label["tracking_number"]) == (
        "https://labels.example.com/000001.pdf",
        "SAMPLE0000000001",
    )


def test_a_label_shows_as_a_shipment(http: Start) -> None:
    client = http()
    label = client.post("/rmas/rma_abc123/shipments", json=LABEL).json()["data"]
    assert client.get(f"/shipments/{label['id']}").json()["data"] == label


def test_shipments_are_listed_in_pages(http: Start) -> None:
    body = http().get("/shipments?page=1&per_page=2").json()
    assert [parcel["id"] for parcel in body["data"]] == ["shp_000001", "shp_000002"]


def test_a_delivered_shipment_has_scans(http: Start) -> None:
    scans = http().get("/shipments/shp_000001/tracking").json()["data"]
    assert [scan["status"] for scan in scans] == ["in_transit", "delivered"]


def test_a_new_label_has_no_scans(http: Start) -> None:
    client = http(count=1)
    client.post("/rmas/rma_abc123/shipments", json=LABEL)
    assert client.get("/shipments/shp_000001/tracking").json()["data"] == []


def test_reasons_are_counted_by_item(http: Start) -> None:
    assert http(count=5).get("/reports/reasons").json() == {
        "data": [{"reason": "changed_mind", "count": 4}, {"reason": "defective", "count": 1}]
    }


def test_carriers_are_counted_by_shipment(http: Start) -> None:
    client = http(count=1)
    client.post("/rmas/rma_abc123/shipments", json=LABEL)
    reply = client.get("/reports/carriers?end_date=2024-12-30")
    assert reply.json() == {"data": [{"carrier": "australia_post", "shipments": 1}]}


@pytest.mark.parametrize("query", ["group_by=year", "start_date=2024-13-01", "end_date=soon", "page=1"])
def test_a_bad_report_parameter_is_a_validation_error(http: Start, query: str) -> None:
    assert error_of(http().get(f"/reports/returns?{query}")) == (400, "VALIDATION_ERROR")


# Credentials, permissions, limits


@pytest.mark.parametrize("header", [None, "Bearer wrong", "rm_sandbox_key", "Basic cm1fc2FuZGJveF9rZXk="])
def test_a_wrong_key_is_an_authentication_error(http: Start, header: str | None) -> None:
    client = http()
    client.headers.pop("authorization")
    assert error_of(client.get("/rmas", headers={"authorization": header} if header else {})) == (
        401,
        "AUTHENTICATION_ERROR",
    )


@pytest.mark.parametrize(
    ("permission", "method", "path"),
    [
        ("rmas:read", "GET", "/rmas"),
        ("rmas:read", "GET", "/rmas/rma_abc123"),
        ("rmas:write", "POST", "/rmas"),
        ("rmas:write", "PATCH", "/rmas/rma_abc123"),
        ("rmas:write", "POST", "/rmas/rma_abc123/notes"),
        ("shipments:read", "GET", "/shipments"),
        ("shipments:read", "GET", "/shipments/shp_000001"),
        ("shipments:read", "GET", "/shipments/shp_000001/tracking"),
        ("shipments:write", "POST", "/rmas/rma_abc123/shipments"),
        ("customers:read", "GET", "/customers/customer@example.com/rmas"),
        ("customers:read", "GET", "/customers/customer@example.com/stats"),
        ("reports:read", "GET", "/reports/returns"),
        ("reports:read", "GET", "/reports/reasons"),
        ("reports:read", "GET", "/reports/carriers"),
    ],
)
def test_a_key_without_the_permission_is_denied(http: Start, permission: str, method: str, path: str) -> None:
    client = http(permissions=PERMISSIONS - {permission})
    assert error_of(client.request(method, path)) == (403, "PERMISSION_DENIED")


def test_limit_headers_are_those_of_the_plan(http: Start) -> None:
    headers = http(plan="professional", now=Clock()).get("/rmas").headers
    told = [headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")]
    assert told == ["120", "119", "1735689660"]


def test_calls_over_the_limit_are_refused_and_counted(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=1, plan=Plan(2), now=Clock())
    client = http(sandbox)
    statuses = [client.get("/rmas").status_code for _ in range(4)]
    assert (statuses, sandbox.violations) == ([200, 200, 429, 429], 2)


def test_a_refused_call_tells_the_vendors_code_and_no_retry_after(http: Start) -> None:
    client = http(plan=Plan(1), now=Clock())
    client.get("/rmas")
    reply = client.get("/rmas")
    assert (*error_of(reply), "retry-after" in reply.headers) == (429, "RATE_LIMITED", False)


def test_the_next_minute_allows_calls_again(http: Start) -> None:
    clock = Clock()
    client = http(plan=Plan(1), now=clock)
    client.get("/rmas")
    clock.moment += timedelta(minutes=1)
    assert client.get("/rmas").status_code == 200


def test_a_used_up_day_resets_at_midnight(http: Start) -> None:
    clock = Clock()
    client = http(plan=Plan(10, 1), now=clock)
    client.get("/rmas")
    clock.moment += timedelta(minutes=1)
    reply = client.get("/rmas")
    assert (reply.status_code, reply.headers["x-ratelimit-reset"]) == (429, "1735776000")


def test_the_limit_is_exact_under_concurrent_calls(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=1, plan=Plan(50), now=Clock())
    client = http(sandbox)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: client.get("/rmas").status_code, range(80)))
    assert (statuses.count(200), statuses.count(429), sandbox.violations) == (50, 30, 30)


def test_a_permission_is_not_asked_of_a_call_over_the_limit(http: Start) -> None:
    client = http(plan=Plan(1), permissions=frozenset(), now=Clock())
    assert [client.get("/rmas").status_code for _ in range(2)] == [403, 429]


# Parameters


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=1.5",
        "per_page=0",
        "per_page=101",
        "per_page=",
        "order=up",
        "sort=status",
        "created_after=yesterday",
        "created_before=2024-13-01",
        "updated_after=2024-01-01",
        "status=pending&status[]=approved",
        "status=pending&status=approved",
        "page=1&page=2",
    ],
)
def test_a_bad_parameter_is_a_validation_error(http: Start, query: str) -> None:
    assert error_of(http().get(f"/rmas?{query}")) == (400, "VALIDATION_ERROR")


def test_per_page_is_clamped_where_switched_on(http: Start) -> None:
    assert http(clamp_per_page=True).get("/rmas?per_page=1000").json()["meta"]["per_page"] == 100


def test_unknown_parameters_are_ignored_where_switched_on(http: Start) -> None:
    assert http(ignore_unknown_parameters=True).get("/rmas?updated_after=x").status_code == 200


def test_an_unknown_status_selects_nothing(http: Start) -> None:
    assert http().get("/rmas?status=Quality%20Hold").json()["data"] == []


def test_an_unknown_status_is_an_error_where_switched_on(http: Start) -> None:
    assert error_of(http(refuse_unknown_status=True).get("/rmas?status=x")) == (400, "VALIDATION_ERROR")


def test_a_page_past_the_end_is_empty(http: Start) -> None:
    assert http(count=3).get("/rmas?page=2&per_page=3").json()["data"] == []


def test_filters_combine_with_and(http: Start) -> None:
    reply = http().get("/rmas", params={"status": "pending", "customer_email": "customer@example.com"})
    assert [row["id"] for row in reply.json()["data"]] == ["rma_abc123"]


def test_several_statuses_combine_with_or(http: Start) -> None:
    rows = http(count=300).get("/rmas?status[]=pending&status[]=rejected&per_page=100").json()["data"]
    assert {row["status"] for row in rows} == {"pending", "rejected"}


def test_an_order_number_is_found_with_its_hash_sign(http: Start) -> None:
    rows = http().get("/rmas?order_number=%231001").json()["data"]
    assert [row["id"] for row in rows] == ["rma_abc123"]


def test_an_unescaped_hash_sign_never_reaches_the_vendor(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=20)
    http(sandbox).get("/rmas?order_number=#1001")
    assert sandbox.requests[-1].query == (("order_number", ""),)


def test_an_address_with_a_plus_sign_is_found(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=3)
    sandbox.add_rma(customer={"email": "ada+returns@example.com", "name": "Ada Sample"})
    reply = http(sandbox).get("/rmas?customer_email=ada%2Breturns%40example.com")
    assert reply.json()["meta"]["total"] == 1


def test_a_bare_date_is_its_midnight(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=0)
    sandbox.add_rma(created_at=datetime(2024, 11, 30, 23, 59, 59, tzinfo=UTC))
    wanted = sandbox.add_rma(created_at=datetime(2024, 12, 1, tzinfo=UTC))
    rows = http(sandbox).get("/rmas?created_after=2024-12-01").json()["data"]
    assert [row["id"] for row in rows] == [wanted]


@pytest.mark.parametrize(("exclusive", "found"), [(False, 1), (True, 0)])
def test_bounds_hold_the_moment_itself_or_not(http: Start, exclusive: bool, found: int) -> None:
    client = http(count=1, exclusive_bounds=exclusive)
    reply = client.get("/rmas?created_after=2024-12-30T10:30:00Z&created_before=2024-12-30T10:30:00Z")
    assert reply.json()["meta"]["total"] == found


def test_a_bound_with_an_offset_is_understood(http: Start) -> None:
    reply = http(count=1).get("/rmas", params={"created_before": "2024-12-30T21:29:59+11:00"})
    assert reply.json()["meta"]["total"] == 0


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_hold_every_rma_once_in_order(http: Start, order: str) -> None:
    client = http(count=250)
    rows = [
        row
        for page in (1, 2, 3)
        for row in client.get(f"/rmas?sort=created_at&order={order}&per_page=100&page={page}").json()["data"]
    ]
    times = [row["created_at"] for row in rows]
    assert (len({row["id"] for row in rows}), times) == (250, sorted(times, reverse=order == "desc"))


def test_some_creation_times_are_equal() -> None:
    times = [rma["created_at"] for rma in ReturnMateSandbox().rmas.values()]
    assert len(set(times)) < len(times)


# What does not exist


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/rmas/rma_unknown"),
        ("PATCH", "/rmas/rma_unknown"),
        ("POST", "/rmas/rma_unknown/notes"),
        ("POST", "/rmas/rma_unknown/shipments"),
        ("GET", "/shipments/unknown"),
        ("GET", "/shipments/unknown/tracking"),
        ("GET", "/customers/nobody@example.com/stats"),
        ("GET", "/v1/rmas"),
        ("DELETE", "/rmas/rma_abc123"),
        ("GET", "/"),
    ],
)
def test_what_does_not_exist_is_not_found(http: Start, method: str, path: str) -> None:
    assert error_of(http().request(method, path)) == (404, "NOT_FOUND")


def test_a_customer_without_returns_has_an_empty_list(http: Start) -> None:
    assert http().get("/customers/nobody@example.com/rmas").json()["data"] == []


def test_a_customers_list_is_paged_like_the_other(http: Start) -> None:
    body = http().get("/customers/customer%40example.com/rmas?per_page=2").json()
    assert (len(body["data"]), body["meta"]["total"]) == (2, 5)


# Bodies


@pytest.mark.parametrize(
    "change",
    [
        {"order_number": "no such number!"},
        {"order_number": 1001},
        {"customer_email": "nobody"},
        {"items": []},
        {"items": [{"sku": "PROD-001", "quantity": 0, "reason": "defective"}]},
        {"items": [{"sku": "PROD-001", "quantity": True, "reason": "defective"}]},
        {"items": [{"sku": "PROD-001", "quantity": 1}]},
        {"items": [{"sku": "PROD-001", "quantity": 1, "reason": "defective", "price": 5}]},
        {"return_type": "exchange"},
        {"status": "approved"},
    ],
)
def test_a_bad_new_rma_is_a_validation_error(http: Start, change: dict[str, Any]) -> None:
    assert error_of(http().post("/rmas", json=NEW_RMA | change)) == (400, "VALIDATION_ERROR")


def test_a_bad_order_number_has_the_documented_message(http: Start) -> None:
    reply = http().post("/rmas", json=NEW_RMA | {"order_number": "?"})
    assert reply.json()["error"]["message"] == "Invalid order number format"


@pytest.mark.parametrize("missing", ["order_number", "customer_email", "items"])
def test_a_new_rma_needs_its_fields(http: Start, missing: str) -> None:
    body = {name: value for name, value in NEW_RMA.items() if name != missing}
    assert error_of(http().post("/rmas", json=body)) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"{", b"null", b"[" * 10_000])
def test_a_body_that_is_no_object_is_a_validation_error(http: Start, content: bytes) -> None:
    reply = http().post("/rmas", content=content, headers={"content-type": "application/json"})
    assert error_of(reply) == (400, "VALIDATION_ERROR")


def test_a_body_that_is_not_sent_as_json_is_a_validation_error(http: Start) -> None:
    assert error_of(http().post("/rmas", content=json.dumps(NEW_RMA))) == (400, "VALIDATION_ERROR")


def test_a_refused_write_changes_nothing(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=20)
    http(sandbox).patch("/rmas/rma_abc123", json={"status": "approved", "tags": []})
    assert sandbox.rmas["rma_abc123"]["status"] == "pending"


def test_a_status_that_the_shop_does_not_have_is_refused(http: Start) -> None:
    assert error_of(http().patch("/rmas/rma_abc123", json={"status": "x"})) == (400, "VALIDATION_ERROR")


def test_a_direction_that_is_not_documented_is_refused(http: Start) -> None:
    reply = http().post("/rmas/rma_abc123/shipments", json=LABEL | {"direction": "outbound"})
    assert error_of(reply) == (400, "VALIDATION_ERROR")


# Python's control


def test_the_same_seed_gives_the_same_data() -> None:
    assert ReturnMateSandbox(count=400, seed=7).rmas == ReturnMateSandbox(count=400, seed=7).rmas


def test_another_seed_gives_other_data() -> None:
    assert ReturnMateSandbox(seed=7).rmas != ReturnMateSandbox(seed=8).rmas


@pytest.mark.parametrize("count", [0, 1, 3, 5, 299, 300, 1500])
def test_there_are_as_many_rmas_as_asked_for(count: int) -> None:
    assert len(ReturnMateSandbox(count=count).rmas) == count


def test_numbers_are_unique() -> None:
    numbers = [rma["rma_number"] for rma in ReturnMateSandbox(count=1500).rmas.values()]
    assert len(set(numbers)) == 1500


def test_everybody_is_fictitious() -> None:
    emails = {rma["customer"]["email"] for rma in ReturnMateSandbox().rmas.values()}
    assert {email.partition("@")[2] for email in emails} == {"example.com"}


@pytest.mark.parametrize(
    ("vocabulary", "word"), [("reference", "completed"), ("display", "In Transit"), ("codes", "WAITING_CUSTOMER")]
)
def test_the_vocabulary_is_the_shops(vocabulary: Any, word: str) -> None:
    assert word in {rma["status"] for rma in ReturnMateSandbox(vocabulary=vocabulary).rmas.values()}


def test_staff_may_set_a_word_of_their_own(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=20)
    client = http(sandbox)
    client.get("/rmas?status=pending")  # a list that is kept must not be given again
    sandbox.set_status("rma_abc123", "Quality Hold")
    listed = [row["id"] for row in client.get("/rmas?status=pending").json()["data"]]
    assert (client.get("/rmas/rma_abc123").json()["data"]["status"], "rma_abc123" in listed) == ("Quality Hold", False)


def test_an_added_rma_is_listed_first(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=20)
    rma_id = sandbox.add_rma(created_at=datetime(2025, 1, 1, tzinfo=UTC))
    assert http(sandbox).get("/rmas?per_page=1").json()["data"][0]["id"] == rma_id


def test_an_id_is_given_once() -> None:
    with pytest.raises(ValueError, match="rma_abc123"):
        ReturnMateSandbox(count=1).add_rma(rma_id="rma_abc123")


def test_a_deleted_rma_is_gone(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=20)
    sandbox.delete("rma_abc123")
    assert error_of(http(sandbox).get("/rmas/rma_abc123")) == (404, "NOT_FOUND")


def test_a_deleted_rma_takes_its_shipments_along(http: Start) -> None:
    sandbox = ReturnMateSandbox(count=20)
    client = http(sandbox)
    label = client.post("/rmas/rma_abc123/shipments", json=LABEL).json()["data"]
    sandbox.delete("rma_abc123")
    assert client.get(f"/shipments/{label['id']}").status_code == 404


def test_options_are_what_a_client_needs() -> None:
    assert ReturnMateSandbox(count=0, api_key="rm_1", plan="enterprise").options == {
        "api_key": "rm_1",
        "webhook_secrets": ["rm_sandbox_secret"],
        "plan": "enterprise",
    }


def test_a_webhook_is_signed_over_its_exact_body() -> None:
    headers, body = ReturnMateSandbox(count=1).webhook("rma.approved", "rma_abc123", "whsec")
    assert headers["X-Webhook-Signature"] == hmac.new(b"whsec", body, hashlib.sha256).hexdigest()


def test_a_webhook_tells_its_event_and_its_rma() -> None:
    _, body = ReturnMateSandbox(count=1).webhook("rma.approved", "rma_abc123", "whsec")
    told = json.loads(body)
    assert (told["event"], told["data"]["id"]) == ("rma.approved", "rma_abc123")


def test_every_webhook_has_an_id_of_its_own() -> None:
    sandbox = ReturnMateSandbox(count=1)
    ids = [json.loads(sandbox.webhook("rma.updated", "rma_abc123", "whsec")[1])["id"] for _ in range(2)]
    assert ids[0] != ids[1]
