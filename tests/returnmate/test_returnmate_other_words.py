"""Listings by a neutral status at a shop that does not use the words of the ReturnMate API Reference."""

from typing import Any, Literal

import pytest

from returns_hub import ReturnQuery, Status, connect
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

REQUESTED = ReturnQuery(status=frozenset({Status.REQUESTED}))
NOTHING = {"success": True, "data": [], "meta": {"page": 1, "per_page": 100, "total": 0}}


@pytest.mark.parametrize("vocabulary", ["codes", "display"])
def test_returns_are_found_whatever_words_the_shop_uses(vocabulary: Literal["codes", "display"]) -> None:
    vendor = ReturnMateSandbox(count=120, vocabulary=vocabulary)
    with serve(vendor) as running:
        url = running.url + vendor.base_path
        with connect("returnmate", base_url=url, rate_limit="none", **vendor.options) as client:
            by_filter = {ret.id for ret in client.list_returns(status=Status.REQUESTED)}
            by_looking = {ret.id for ret in client.list_returns() if ret.status is Status.REQUESTED}
    assert by_filter == by_looking != set()


def test_an_empty_list_is_asked_for_the_shops_words(adapter: Any, answer: Any) -> None:
    operation = adapter.list_returns(REQUESTED)
    next(operation)
    assert operation.send(answer(200, NOTHING)).query == (
        ("page", "1"),
        ("per_page", "1"),
        ("sort", "created_at"),
        ("order", "desc"),
    )


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no RMA at all"),
        pytest.param([{"id": "rma_1", "status": "completed"}], id="a word of the reference"),
    ],
)
def test_an_empty_list_of_a_shop_with_the_references_words_is_empty(
    adapter: Any, answer: Any, finish: Any, rows: Any
) -> None:
    look = answer(200, {"data": rows, "meta": {"page": 1, "per_page": 1, "total": 9}})
    page = finish(adapter.list_returns(REQUESTED), answer(200, NOTHING), look)
    assert (page.items, page.next) == ((), None)


def test_a_shop_with_other_words_is_filtered_here(adapter: Any, answer: Any, finish: Any) -> None:
    other = [{"id": "rma_1", "status": "CLOSED"}, {"id": "rma_2", "status": "SUBMITTED"}]
    look = answer(200, {"data": other[:1], "meta": {"page": 1, "per_page": 1, "total": 2}})
    whole = answer(200, {"data": other, "meta": {"page": 1, "per_page": 100, "total": 2}})
    page = finish(adapter.list_returns(REQUESTED), answer(200, NOTHING), look, whole)
    assert [ret.id for ret in page.items] == ["rma_2"]


def test_the_vendors_own_words_are_taken_at_their_word(adapter: Any, answer: Any, finish: Any) -> None:
    page = finish(adapter.list_returns(ReturnQuery(raw_status=("pending",))), answer(200, NOTHING))
    assert page.items == ()
