"""Faults, switched on in a ReturnMate simulator and seen through a plain HTTP client."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from returns_hub_returnmate.sandbox import ReturnMateSandbox

Start = Callable[..., httpx.Client]
NOTE = {"content": "Customer contacted about delay", "internal": True}


@pytest.fixture
def sandbox() -> ReturnMateSandbox:
    return ReturnMateSandbox(count=20)


@pytest.fixture
def client(sandbox: ReturnMateSandbox, http: Start) -> httpx.Client:
    return http(sandbox)


def notes(sandbox: ReturnMateSandbox) -> int:
    return sum(entry["type"] == "note" for entry in sandbox.rmas["rma_abc123"]["timeline"])


def test_too_many_requests_tells_seconds(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.too_many_requests(retry_after=7)
    reply = client.get("/rmas")
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")


def test_too_many_requests_tells_an_http_date(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.too_many_requests(retry_after=datetime(2024, 12, 30, 10, 30, tzinfo=UTC))
    assert client.get("/rmas").headers["retry-after"] == "Mon, 30 Dec 2024 10:30:00 GMT"


def test_too_many_requests_tells_in_the_vendors_headers(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.too_many_requests(headers={"X-RateLimit-Reset": "1704067200"})
    assert client.get("/rmas").headers["x-ratelimit-reset"] == "1704067200"


def test_too_many_requests_tells_nothing(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.too_many_requests()
    assert "retry-after" not in client.get("/rmas").headers


def test_errors_have_the_vendors_body(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.too_many_requests()
    assert client.get("/rmas").json()["error"]["code"] == "RATE_LIMITED"


def test_server_error_in_json(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.server_error()
    reply = client.get("/rmas")
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "SERVER_ERROR")


def test_server_error_as_a_page(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.server_error(html=True)
    reply = client.get("/rmas")
    assert (reply.status_code, reply.headers["content-type"]) == (500, "text/html")


def test_server_error_does_nothing(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.server_error(method="POST")
    client.post("/rmas/rma_abc123/notes", json=NOTE)
    assert notes(sandbox) == 0


def test_server_error_after_the_work(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.server_error(after_work=True, method="POST")
    client.post("/rmas/rma_abc123/notes", json=NOTE)
    assert notes(sandbox) == 1


def test_unavailable(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.unavailable()
    assert client.get("/rmas").status_code == 503


def test_soft_error_comes_under_200(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.soft_error()
    reply = client.get("/rmas")
    assert (reply.status_code, reply.json()["success"]) == (200, False)


def test_slow_reply_comes_after_the_work(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.slow(30)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/rmas/rma_abc123/notes", json=NOTE, timeout=0.2)
    assert notes(sandbox) == 1


def test_drop_before_does_nothing(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.drop_before()
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/rmas/rma_abc123/notes", json=NOTE)
    assert notes(sandbox) == 0


def test_drop_after_commit_has_done_the_work(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.drop_after_commit()
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/rmas/rma_abc123/notes", json=NOTE)
    assert notes(sandbox) == 1


def test_a_dropped_request_is_logged_without_a_status(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.drop_before()
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/rmas")
    assert (sandbox.requests[-1].status, sandbox.requests[-1].fault) == (None, "drop_before")


def test_cut_off_reply_ends_in_the_middle(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.cut_off()
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        client.get("/rmas")


def test_truncated_json_is_good_http(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.truncated()
    reply = client.get("/rmas")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        reply.json()


def test_duplicate_rows(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.duplicate_rows()
    ids = [row["id"] for row in client.get("/rmas?per_page=2").json()["data"]]
    assert (len(ids), ids[0], ids[2]) == (4, ids[1], ids[3])


def test_reordered_rows(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    usual = client.get("/rmas").json()["data"]
    sandbox.faults.reordered_rows()
    assert client.get("/rmas").json()["data"] == usual[::-1]


def test_row_faults_leave_other_replies_alone(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.reordered_rows()
    assert client.get("/rmas/rma_abc123").json()["data"]["id"] == "rma_abc123"


def test_repeated_page_is_the_first_one_again(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.repeated_page()
    assert client.get("/rmas?per_page=5").json() == client.get("/rmas?per_page=5&page=2").json()


def test_times_is_how_often_a_fault_strikes(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.unavailable(times=2)
    assert [client.get("/rmas").status_code for _ in range(3)] == [503, 503, 200]


def test_method_is_which_requests_a_fault_strikes(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.unavailable(method="POST")
    assert client.get("/rmas").status_code == 200


def test_path_is_a_pattern(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.unavailable(path="*/rmas/*")
    assert [client.get(path).status_code for path in ("/rmas", "/rmas/rma_abc123")] == [200, 503]


def test_the_first_rule_that_applies_strikes_alone(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.unavailable(times=1)
    second = sandbox.faults.server_error(times=1)
    client.get("/rmas")
    assert second.fired == 0


def test_clear_switches_all_off(sandbox: ReturnMateSandbox, client: httpx.Client) -> None:
    sandbox.faults.unavailable()
    sandbox.faults.clear()
    assert client.get("/rmas").status_code == 200
