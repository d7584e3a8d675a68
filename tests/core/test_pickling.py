"""Errors and models travel between processes: through a task queue, a process pool, a cache."""

import inspect
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    Customer,
    Item,
    Label,
    LabelStatus,
    Money,
    OrderRef,
    ProviderError,
    RateLimited,
    ReplyTooLarge,
    Return,
    ReturnsHubError,
    Shipment,
    Status,
    TrackingEvent,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
    WebhookRejected,
    errors,
)

PARTICULAR: dict[type[ReturnsHubError], ReturnsHubError] = {
    UnsupportedOperation: UnsupportedOperation("acme track: no", provider="acme", operation="track"),
    WebhookRejected: WebhookRejected("wrong_signature", "the signature does not match"),
    ValidationFailed: ValidationFailed("no", fields={"sku": "is unknown"}, http_status=422),
    RateLimited: RateLimited(retry_after=30.0, http_status=429),
    ReplyTooLarge: ReplyTooLarge(limit=1000),
    UnexpectedReply: UnexpectedReply("no", where="data[3].created_at"),
}

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ReturnsHubError)]


def an_error(kind: type[ReturnsHubError]) -> ReturnsHubError:
    error = PARTICULAR.get(kind) or kind("what happened")
    if isinstance(error, ProviderError):
        error.provider, error.operation, error.attempts, error.maybe_applied = "acme", "get_return", 3, True
        error.request_id, error.vendor_code, error.vendor_message = "req-1", "E1", "the vendor's sentence"
    return error


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", KINDS)
def test_error_comes_back_with_all_it_says(kind: type[ReturnsHubError], protocol: int) -> None:
    error = an_error(kind)
    back = pickle.loads(pickle.dumps(error, protocol))
    assert type(back) is kind
    assert (str(back), repr(back), vars(back)) == (str(error), repr(error), vars(error))


def test_return_comes_back_whole() -> None:
    moment = datetime(2024, 12, 30, 10, 30, tzinfo=UTC)
    raw: dict[str, Any] = {"id": "rma_1", "amount": Decimal("450.00")}
    ret = Return(
        provider="acme",
        id="rma_1",
        status=Status.RECEIVED,
        status_raw="Arrived",
        order=OrderRef(number="#1001"),
        customer=Customer(email="jane@example.com"),
        items=(Item(id="i1", sku="PROD-001", value=Money(amount=Decimal("450.00"), currency="AUD")),),
        shipments=(
            Shipment(id="s1", label=Label(status=LabelStatus.READY), tracking=(TrackingEvent(occurred_at=moment),)),
        ),
        created_at=moment,
        raw=raw,
    )
    back = pickle.loads(pickle.dumps(ret))
    assert back == ret
    assert back.raw == raw
