"""Checks of listings and backfills."""
# ruff: noqa: S101  assertions are what this module is made of

from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest

from returns_hub import (
    Capability,
    Client,
    Page,
    Return,
    ReturnQuery,
    Slice,
    Status,
    UnexpectedReply,
    UnsupportedOperation,
)
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import FAR_AHEAD, LONG_AGO, ConformanceSuite
from returns_hub.testing.simulator import Simulator


class ListingChecks(ConformanceSuite):
    """Listings are complete, without duplicates, and end."""

    @check(Part.LISTINGS)
    def test_a_listing_is_complete(self, simulator: Simulator, client: Client) -> None:
        """Every return once, whatever the size of a page."""
        self._need(Capability.LIST_RETURNS)
        found = list(client.list_returns(page_size=3))
        assert len({ret.id for ret in found}) == len(found)
        assert merged_ids(found) == simulator.return_ids

    @check(Part.LISTINGS)
    @pytest.mark.parametrize("status", list(Status), ids=str)
    def test_a_status_filter_is_kept(self, status: Status, client: Client) -> None:
        """Where the vendor has no word for a status, the answer is not everything."""
        self._need(Capability.LIST_RETURNS)
        with suppress(UnsupportedOperation):  # which says so, and is as good
            assert {found.status for found in client.list_returns(status=status)} <= {status}

    @check(Part.LISTINGS)
    def test_a_backfill_is_complete(self, simulator: Simulator, client: Client) -> None:
        """The slices together hold every return."""
        self._need(Capability.BACKFILL)
        slices = client.adapter.backfill(LONG_AGO, FAR_AHEAD)
        pages = [page for part in slices for page in _pages(client, part)]
        assert merged_ids([found for page in pages for found in page.items]) == simulator.return_ids

    @check(Part.LISTINGS)
    def test_every_walk_keeps_the_accounts_page_size(self) -> None:
        """A reply that is too large is asked for again by a smaller ``page_size`` of the account."""
        self._need(Capability.LIST_RETURNS)
        large, small = [self._adapter(self._options(), page_size=size) for size in (None, 2)]
        query = ReturnQuery(**self.listing)
        if next(large.list_returns(query)) == next(small.list_returns(query)):
            pytest.skip("the vendor has no size of a page")
        if not self._lacks(Capability.CHANGES):
            assert next(large.changes(LONG_AGO)) != next(small.changes(LONG_AGO))
        if not self._lacks(Capability.BACKFILL):
            first, second = [next(iter(each.backfill(LONG_AGO, FAR_AHEAD))) for each in (large, small)]
            assert next(first.read(None)) != next(second.read(None))

    @check(Part.LISTINGS)
    def test_slices_have_keys_of_their_own(self) -> None:
        """Progress is kept under them: two slices with one key would take each other's place."""
        self._need(Capability.BACKFILL)
        keys = [part.key for part in self._adapter(self._options()).backfill(LONG_AGO, FAR_AHEAD)]
        assert len(set(keys)) == len(keys) > 0

    @check(Part.LISTINGS)
    def test_a_row_that_comes_twice_is_given_once(self, simulator: Simulator, client: Client) -> None:
        """Rows move from page to page while a listing is read."""
        self._need(Capability.LIST_RETURNS)
        simulator.faults.duplicate_rows()
        ids = [found.id for found in client.list_returns()]
        assert len(set(ids)) == len(ids) > 0

    @check(Part.LISTINGS)
    def test_an_empty_page_in_the_middle_is_not_the_end(self, simulator: Simulator, client: Client) -> None:
        """Rows may be filtered away after a page was cut. Where the vendor gives a total, there is more behind it."""
        self._need(Capability.LIST_RETURNS)
        first = client.run(client.adapter.list_returns(ReturnQuery(page_size=3)))
        if self.empty_page_ends or first.total is None:
            pytest.skip("an empty page is this vendor's last, or it gives no total")
        simulator.faults.empty_page(times=1)
        assert merged_ids(list(client.list_returns(page_size=3))) >= simulator.return_ids - {
            ret.id for ret in first.items
        }

    @check(Part.LISTINGS)
    def test_a_listing_that_repeats_itself_ends(self, simulator: Simulator, client: Client) -> None:
        """A vendor that ignores what page it is asked for must not keep a worker busy for ever."""
        self._need(Capability.LIST_RETURNS)
        simulator.faults.repeated_page()
        ids: list[str] = []
        with suppress(UnexpectedReply):  # which says so, and is as good
            ids += [found.id for found in client.list_returns(page_size=3, **self.listing)]
        assert len(set(ids)) == len(ids)
        # An adapter may ask twice about a page.
        assert 1 < len(simulator.requests) < 8


def _pages(client: Client, part: Slice) -> Iterator[Page[Return]]:
    page = client.run(part.read(None))
    yield page
    while page.next is not None:
        page = client.run(part.read(page.next))
        yield page


def merged_ids(returns: Sequence[Return]) -> set[str]:
    """The ids of the returns, without those of the requests that some of them grew from: the two are one life."""
    return {ret.id for ret in returns} - {ret.request_id for ret in returns}
