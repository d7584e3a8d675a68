import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx
import pytest

from returns_hub.operation import HttpAnswer
from returns_hub.testing import Call, Refusal, Simulator, json_answer, serve


class Echo(Simulator):
    """Counts its calls and answers with what it saw of one."""

    provider = "echo"

    def __init__(self) -> None:
        super().__init__()
        self.options = {}
        self.count = 0

    def answer(self, call: Call) -> HttpAnswer:
        seen = self.count
        time.sleep(0)  # gives way, so that an unguarded count would lose some
        self.count = seen + 1
        if call.segments[0] == "refuse":
            raise Refusal(json_answer(418, "no"))
        if call.segments[0] == "nothing":
            return HttpAnswer(status=204)
        return json_answer(200, {"segments": list(call.segments), "query": [list(pair) for pair in call.query]})

    @property
    def return_ids(self) -> frozenset[str]:
        return frozenset()

    def set_status(self, return_id: str, word: str) -> None:
        raise NotImplementedError


def test_accepts_connections_as_soon_as_it_is_entered() -> None:
    with serve(Echo()) as running:
        assert httpx.get(f"{running.url}/a").status_code == 200


def test_is_gone_on_exit() -> None:
    with serve(Echo()) as running:
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{running.url}/a")


def test_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with serve(Echo()):
        pass
    assert threading.active_count() == before


def test_ends_at_once_though_a_slow_reply_is_under_way() -> None:
    echo = Echo()
    echo.faults.slow(3600)
    with ThreadPoolExecutor() as pool:
        with serve(echo) as running:
            waiting = pool.submit(httpx.get, f"{running.url}/a", timeout=None)
            while not echo.requests:
                time.sleep(0.001)
        with pytest.raises(httpx.RemoteProtocolError):
            waiting.result()


def test_two_servers_run_side_by_side() -> None:
    with serve(Echo()) as one, serve(Echo()) as two:
        assert (httpx.get(one.url).status_code, httpx.get(two.url).status_code) == (200, 200)


def test_a_taken_port_is_an_error_and_not_a_hang() -> None:
    with serve(Echo()) as running, pytest.raises(OSError, match="in use"), serve(Echo(), port=running.port):
        pass


def test_an_encoded_slash_stays_inside_its_segment() -> None:
    with serve(Echo()) as running:
        assert httpx.get(f"{running.url}/a%2Fb/%23c").json()["segments"] == ["a/b", "#c"]


def test_query_keeps_order_repetition_and_empty_values() -> None:
    with serve(Echo()) as running:
        seen = httpx.get(f"{running.url}/a?s[]=1&s%5B%5D=2&empty=").json()["query"]
    assert seen == [["s[]", "1"], ["s[]", "2"], ["empty", ""]]


def test_a_refusal_is_the_answer() -> None:
    with serve(Echo()) as running:
        assert httpx.get(f"{running.url}/refuse").status_code == 418


def test_an_answer_without_content_has_none() -> None:
    with serve(Echo()) as running:
        assert httpx.get(f"{running.url}/nothing").content == b""


def test_concurrent_requests_are_answered_one_at_a_time() -> None:
    echo = Echo()
    with serve(echo) as one, serve(echo) as two, httpx.Client() as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(client.get, [one.url, two.url] * 100))
    assert echo.count == 200


def test_every_request_is_logged_with_what_became_of_it() -> None:
    echo = Echo()
    with serve(echo) as running:
        httpx.get(f"{running.url}/refuse?a=1")
    (logged,) = echo.requests
    assert (logged.method, logged.path, logged.query, logged.status) == ("GET", "/refuse", (("a", "1"),), 418)


def test_json_keeps_the_digits_of_a_decimal() -> None:
    assert json_answer(200, {"total": Decimal("450.00"), "text": "é"}).body == '{"total":450.00,"text":"é"}'.encode()
