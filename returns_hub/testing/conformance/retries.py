"""Checks of what is sent again, and what never is."""
# ruff: noqa: S101  assertions are what this module is made of

import time

from returns_hub import (
    Capability,
    Client,
    RateLimited,
)
from returns_hub.testing.conformance.case import error_of, succeeds
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import READS, WRITES, ConformanceSuite
from returns_hub.testing.simulator import Simulator


class RetryChecks(ConformanceSuite):
    """Reads are retried, writes only where that cannot do the thing twice."""

    @check(Part.RETRIES)
    def test_a_failed_read_is_sent_again(self, simulator: Simulator, retrying_client: Client) -> None:
        """Vendors hiccup, and a read does no harm."""
        simulator.faults.unavailable(times=1)
        assert succeeds(retrying_client, self._case(READS))

    @check(Part.RETRIES)
    def test_a_write_refused_for_the_rate_is_sent_again(self, simulator: Simulator, retrying_client: Client) -> None:
        """A 429 comes before any work: sending again does nothing twice."""
        simulator.faults.too_many_requests(retry_after=0, times=1)
        assert succeeds(retrying_client, self._case(WRITES))

    @check(Part.RETRIES)
    def test_retry_after_is_honoured(self, simulator: Simulator, retrying_client: Client) -> None:
        """A client that comes back early is refused again, and may be locked out."""
        simulator.faults.too_many_requests(retry_after=1, times=1)
        started = time.monotonic()
        assert succeeds(retrying_client, self._case(READS))
        assert time.monotonic() - started >= 1

    @check(Part.RETRIES)
    def test_a_long_retry_after_is_raised_at_once(self, simulator: Simulator, retrying_client: Client) -> None:
        """A worker that sleeps for an hour looks dead; its caller can do better."""
        simulator.faults.too_many_requests(retry_after=3600)
        assert isinstance(error_of(retrying_client, self._case(READS)), RateLimited)

    @check(Part.RETRIES)
    def test_a_write_whose_reply_is_lost_is_not_done_twice(self, simulator: Simulator, retrying_client: Client) -> None:
        """The worst that sending again can do: a second return, a second label, a second refund."""
        self._need(Capability.CREATE_RETURN)
        assert succeeds(retrying_client, self._case(WRITES))
        # Where the vendor takes several requests, the last of them makes the return.
        path = next(request.path for request in reversed(simulator.requests) if request.method != "GET")
        before = len(simulator.return_ids)
        simulator.faults.drop_after_commit(path=path, times=1)
        # With an idempotency key the second sending is answered like the first; without one there is none.
        assert succeeds(retrying_client, self._case(WRITES)) == (self.adapter_class.idempotency_header is not None)
        assert len(simulator.return_ids) == before + 1
