"""Statistics and reports: what the reference shows is read, and what it does not show is given as it came."""

from typing import Any

import pytest

from returns_hub import Reply


def test_amount_keeps_its_digits(adapter: Any, finish: Any) -> None:
    stats = finish(adapter.customer_stats("a@b.c"), Reply(status=200, body=b'{"total_refunded": 450.10}'))
    assert str(stats.total_refunded.amount) == "450.10"


def test_stats_of_a_customer_without_returns(adapter: Any, answer: Any, finish: Any) -> None:
    stats = finish(
        adapter.customer_stats("a@b.c"),
        answer(200, {"total_returns": 0, "total_refunded": None, "return_rate": None, "last_return": None}),
    )
    assert (stats.total_returns, stats.total_refunded, stats.return_rate, stats.last_return) == (0, None, None, None)


def test_summary_by_period_is_given_as_it_came(adapter: Any, answer: Any, finish: Any) -> None:
    buckets = [{"period": "2024-12-01", "total_rmas": 3}, {"period": "2024-12-08", "total_rmas": 4}]
    summary = finish(adapter.reports_summary(group_by="week"), answer(200, {"data": buckets}))
    assert (summary.periods, summary.total_rmas, summary.raw) == (tuple(buckets), None, buckets)


@pytest.mark.parametrize("payload", [{"data": {"defective": 45}}, {"defective": 45}])
@pytest.mark.parametrize("name", ["reports_reasons", "reports_carriers"])
def test_undocumented_report_is_given_as_it_came(
    adapter: Any, answer: Any, finish: Any, name: str, payload: Any
) -> None:
    assert finish(getattr(adapter, name)(), answer(200, payload)).raw == {"defective": 45}


def test_number_that_cannot_be_read_is_empty_and_named(adapter: Any, answer: Any, finish: Any) -> None:
    data = {"total_rmas": "many", "by_status": {"pending": 2, "approved": "2.5"}, "by_reason": []}
    summary = finish(adapter.reports_summary(), answer(200, {"data": data}))
    assert (summary.total_rmas, summary.by_status, summary.by_reason) == (None, {"pending": 2}, {})
    assert summary.unreadable == ("total_rmas", "by_status")
