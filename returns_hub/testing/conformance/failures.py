"""What can go wrong with a call, and checks that each becomes the right error."""
# ruff: noqa: S101  assertions are what this module is made of

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import (
    AuthenticationFailed,
    Client,
    Conflict,
    HttpAnswer,
    NotFound,
    Operation,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Reply,
    ReturnsHubError,
    TransportFailed,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub.testing.cassettes import replies
from returns_hub.testing.conformance.case import Case, error_of, succeeds
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import READS, WRITES, ConformanceSuite
from returns_hub.testing.corruption import corrupted
from returns_hub.testing.drivers import Driver, open_with
from returns_hub.testing.faults import Faults, html_answer, json_answer
from returns_hub.testing.simulator import BaseUrls, Simulator


@frozen(kw_only=True)
class Failure:
    """A way for a call to go wrong, and the one class of error that a caller may then see.

    ``maybe_applied`` is what is said of a write. An ``empty`` success may be good enough for a write. ``timeout`` is that
    of the client, in seconds: short only where running into it is the failure.
    """

    name: str
    inject: Callable[[Faults], object] = field(repr=False)
    error: type[ProviderError]
    maybe_applied: bool = False
    empty: bool = False
    timeout: float = 20.0

    def __str__(self) -> str:
        return self.name


def _refused_with(status: int, error: type[ProviderError]) -> Failure:
    def inject(faults: Faults) -> object:
        return faults.answer_with(json_answer(status, faults.error_body(status)))

    return Failure(name=f"HTTP {status}", inject=inject, error=error)


def _maybe_applied(
    name: str, error: type[ProviderError], inject: Callable[[Faults], object], *, empty: bool = False
) -> Failure:
    return Failure(name=name, inject=inject, error=error, maybe_applied=True, empty=empty)


def _answer_body(body: bytes) -> Callable[[Faults], object]:
    answer = HttpAnswer(status=200, headers={"content-type": "application/json"}, body=body)
    return lambda faults: faults.answer_with(answer)


_MOVED: Final = HttpAnswer(status=302, headers={"location": "https://elsewhere.example/login"})
FAILURES: Final = (
    _refused_with(400, ValidationFailed),
    _refused_with(401, AuthenticationFailed),
    _refused_with(403, PermissionDenied),
    _refused_with(404, NotFound),
    _refused_with(409, Conflict),
    _refused_with(422, ValidationFailed),
    Failure(name="HTTP 404 page", inject=lambda faults: faults.answer_with(html_answer(404)), error=NotFound),
    Failure(name="HTTP 429", inject=lambda faults: faults.too_many_requests(), error=RateLimited),
    Failure(name="HTTP 429 empty", inject=lambda faults: faults.answer_with(HttpAnswer(status=429)), error=RateLimited),
    _maybe_applied("HTTP 500", ProviderUnavailable, lambda faults: faults.server_error()),
    _maybe_applied("HTTP 500 page", ProviderUnavailable, lambda faults: faults.server_error(html=True)),
    _maybe_applied("HTTP 502 empty", ProviderUnavailable, lambda faults: faults.answer_with(HttpAnswer(status=502))),
    _maybe_applied("HTTP 503 page", ProviderUnavailable, lambda faults: faults.unavailable()),
    _maybe_applied("HTTP 302", UnexpectedReply, lambda faults: faults.answer_with(_MOVED)),
    _maybe_applied("200 with a page", UnexpectedReply, lambda faults: faults.answer_with(html_answer(200))),
    _maybe_applied("200 with other JSON", UnexpectedReply, _answer_body(b'"maintenance"')),
    _maybe_applied("200 with deep JSON", UnexpectedReply, _answer_body(b"[" * 100_000)),
    _maybe_applied("200 not in UTF-8", UnexpectedReply, _answer_body(b'"\xff"')),
    _maybe_applied("200 cut in its JSON", UnexpectedReply, lambda faults: faults.truncated()),
    _maybe_applied("200 empty", UnexpectedReply, _answer_body(b""), empty=True),
    _maybe_applied("204", UnexpectedReply, lambda faults: faults.answer_with(HttpAnswer(status=204)), empty=True),
    _maybe_applied("connection cut in the reply", TransportFailed, lambda faults: faults.cut_off()),
    _maybe_applied("connection dropped before the reply", TransportFailed, lambda faults: faults.drop_before()),
    Failure(
        name="no reply in time",
        inject=lambda faults: faults.slow(30),
        error=TransportFailed,
        maybe_applied=True,
        timeout=1.0,
    ),
)


class FailureChecks(ConformanceSuite):
    """Every failed call is one of our errors, and says what may have happened."""

    @pytest.fixture
    def failing_client(
        self, failure: Failure, simulator: Simulator, base_urls: BaseUrls, driver: Driver
    ) -> Iterator[Client]:
        """A client that sends everything once, and waits for an answer as long as the failure needs."""
        with open_with(self._adapter(simulator.options), **base_urls, driver=driver, timeout=failure.timeout) as client:
            yield client

    @check(Part.FAILURES)
    @pytest.mark.parametrize("failure", FAILURES, ids=str)
    def test_a_failed_read_is_the_right_error(
        self, failure: Failure, simulator: Simulator, failing_client: Client
    ) -> None:
        """Callers decide by the class of an error: one that is misfiled, or not ours, breaks all of them."""
        failure.inject(simulator.faults)
        error = error_of(failing_client, self._case(READS))
        assert type(error) is self._expected_error(failure)
        assert not error.maybe_applied

    @check(Part.FAILURES)
    @pytest.mark.parametrize("failure", FAILURES, ids=str)
    def test_a_failed_write_is_the_right_error(
        self, failure: Failure, simulator: Simulator, failing_client: Client
    ) -> None:
        """After a failed write a caller must know whether to look first or simply to try again."""
        case, read = self._case(WRITES), self._good_case(READS)
        # Where a token is asked for before the first call, it is the call that is to fail.
        assert read is None or succeeds(failing_client, read)
        failure.inject(simulator.faults)
        if failure.empty and succeeds(failing_client, case):
            return
        error = error_of(failing_client, case)
        assert type(error) is self._expected_error(failure)
        assert error.maybe_applied == failure.maybe_applied

    @check(Part.FAILURES)
    def test_a_corrupted_reply_does_not_crash(self, good_case: Case) -> None:
        """Vendors add, retype and leave out fields without a word: a fact may be missing then, or it is our error."""
        recorded = replies(self.cassette(good_case))
        adapter = self._adapter(self._options(good_case.simulator), **good_case.options)

        @settings(deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
        @given(st.data())
        def reads_or_refuses(data: st.DataObject) -> None:
            strange = [_with_payload(reply, data.draw(corrupted(reply.json()))) for reply in recorded if reply.body]
            try:
                _drive(good_case.call(adapter), strange)
            except ReturnsHubError:
                return
            except Exception as error:
                raise AssertionError(
                    f"the adapter crashed on a corrupted reply: {type(error).__name__}: {error}"
                ) from error

        reads_or_refuses()

    @check(Part.FAILURES)
    def test_an_error_under_http_200_is_an_error(self, simulator: Simulator, client: Client) -> None:
        """Some vendors answer 200 to everything, and say in the body that it failed."""
        if simulator.faults.soft_error_body is None:
            pytest.skip("the vendor is not known to do that")
        simulator.faults.soft_error()
        assert not succeeds(client, self._case(READS))

    @check(Part.FAILURES)
    def test_a_refused_connection_is_a_transport_failure(self, driver: Driver) -> None:
        """Nothing listened, so nothing was done: even a write may simply be tried again."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with open_with(self._adapter(self._options()), base_url=f"http://127.0.0.1:{port}", driver=driver) as client:
            error = error_of(client, self._case((*WRITES, *READS)))
        assert type(error) is TransportFailed
        assert not error.maybe_applied

    @check(Part.FAILURES)
    def test_an_error_says_whose_and_which_call(self, simulator: Simulator, client: Client) -> None:
        """An operator of twenty accounts reads one line of a log."""
        simulator.faults.server_error()
        case = self._case(READS)
        error = error_of(client, case)
        assert (error.provider, error.operation) == (self.adapter_class.provider, case.operation)
        assert error.http_status == 500

    @check(Part.FAILURES)
    @pytest.mark.parametrize(
        ("seconds", "least", "most"), [(7, 7, 7), (900, 300, 901)], ids=["in seconds", "as a date"]
    )
    def test_retry_after_reaches_the_caller(
        self, seconds: int, least: int, most: int, simulator: Simulator, client: Client
    ) -> None:
        """``Retry-After`` has two forms (RFC 9110, section 10.2.3), and both must reach the caller."""
        as_date = datetime.now(UTC) + timedelta(seconds=seconds)
        simulator.faults.too_many_requests(retry_after=seconds if least == most else as_date)
        error = error_of(client, self._case(READS))
        assert isinstance(error, RateLimited)
        assert error.retry_after is not None
        assert least <= error.retry_after <= most

    @check(Part.FAILURES)
    def test_a_missing_retry_after_is_not_invented(self, simulator: Simulator, client: Client) -> None:
        """A caller would take it for the vendor's word."""
        simulator.faults.too_many_requests()
        error = error_of(client, self._case(READS))
        assert isinstance(error, RateLimited)
        assert error.retry_after is None

    def _expected_error(self, failure: Failure) -> type[ProviderError]:
        denied = failure.error is PermissionDenied and not self.distinguishes_permissions
        return AuthenticationFailed if denied else failure.error


def _with_payload(reply: Reply, payload: Any) -> Reply:
    return Reply(status=reply.status, headers=reply.headers, body=json.dumps(payload, default=str).encode())


def _drive(operation: Operation[Any], answers: Iterable[Reply]) -> None:
    """Hand the operation these replies, until it ends or they do."""
    with closing(operation), suppress(StopIteration):
        next(operation)
        for reply in answers:
            operation.send(reply)
