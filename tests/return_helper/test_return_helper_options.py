"""The options of an account, and what the adapter says of itself."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from returns_hub import (
    Adapter,
    Capability,
    ConfigurationError,
    Limits,
    NewLabel,
    Rate,
    Request,
    Secret,
    Status,
    Support,
    UnsupportedOperation,
)
from returns_hub_return_helper import ReturnHelper

CANARY = "canary-4f1d"
# 64 bytes, like the vendor's example.
KEY = base64.b64encode(bytes(range(64))).decode()


def test_base_urls_are_as_the_vendor_prints_them(adapter: Any) -> None:
    assert dict(adapter.base_urls) == {
        "production": "https://api.returnhelpercentre.com/v1/user/api",
        "sandbox": "https://api.returnshelper.com/uat/user/api",
        "china": "https://api.returnhelperchina.com/user/api",
    }
    assert dict(adapter.extra_base_urls["public"]) == {
        "production": "https://api.returnhelpercentre.com/v1/public/api",
        "sandbox": "https://api.returnshelper.com/uat/public/api",
    }


def test_paths_do_not_repeat_the_api_of_the_base(adapter: Any) -> None:
    request = next(adapter.inventory("123"))
    assert adapter.base_urls["sandbox"] + request.path == (
        "https://api.returnshelper.com/uat/user/api/returninventory/getReturnInventory"
    )


def test_credentials_go_into_two_headers(adapter: Any) -> None:
    request = adapter.authorize(Request(method="GET", path="/ReturnInventory/list", headers={"Accept": "text/plain"}))
    assert request.headers == (("Accept", "text/plain"), ("x-rr-apikey", "rr-key"), ("x-rr-apitoken", "rr-token"))


def test_idempotency_key_has_the_header_of_the_seed(adapter: Any) -> None:
    assert adapter.idempotency_header == "x-returnhelper-idempotency-key"


def test_pace_is_that_of_the_vendors_sample(adapter: Any) -> None:
    assert adapter.limits == Limits(rate=Rate(5, 1.0), assumed=True)


def test_open_returns_are_not_polled(adapter: Any) -> None:
    assert adapter.polls_open_returns is False


@pytest.mark.parametrize("option", ["api_key", "api_token"])
@pytest.mark.parametrize("value", ["", " ", "key\n", "key\r\nX-Other: 1", "kéy", "two words", "nul\0"])
def test_credential_that_fits_no_header_is_refused_without_being_shown(make: Any, option: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=option) as failure:
        make(**{option: Secret(value)})
    assert not value.strip() or value not in str(failure.value)


@pytest.mark.parametrize("key", ["", "not base64!", "abc", "A" * 5, "é", KEY + "\n x"])
def test_signing_key_that_is_no_base64_is_refused_without_being_shown(make: Any, key: str) -> None:
    with pytest.raises(ConfigurationError, match="signing key") as failure:
        make(signing_keys=(Secret(KEY), Secret(key)))
    assert not key or key not in str(failure.value)


def test_several_signing_keys_may_live(make: Any) -> None:
    assert len(make(signing_keys=(Secret(KEY), Secret("AAAA"))).signing_keys) == 2


@pytest.mark.parametrize(
    "url", ["", "platform.example/hook", "/hook", "ftp://a.example/x", "https://", "https://a b/", "http://[", "é"]
)
def test_webhook_url_that_is_no_address_is_refused(make: Any, url: str) -> None:
    with pytest.raises(ConfigurationError, match="webhook_url"):
        make(webhook_url=url)


def test_webhook_url_is_kept_as_it_is(make: Any) -> None:
    assert make(webhook_url="https://A.example/hook?a=1").webhook_url == "https://A.example/hook?a=1"


@pytest.mark.parametrize("minutes", [0, -1, 10081])
def test_tolerance_out_of_range_is_refused(make: Any, minutes: int) -> None:
    with pytest.raises(ConfigurationError, match="webhook_tolerance"):
        make(webhook_tolerance=minutes)


def test_credentials_are_in_no_repr(make: Any) -> None:
    adapter = make(api_key=Secret(CANARY), api_token=Secret(CANARY), signing_keys=(Secret(KEY),))
    assert CANARY not in repr(adapter)
    assert KEY not in repr(adapter)


def test_every_capability_is_declared(adapter: Any) -> None:
    assert set(adapter.capabilities) == set(Capability)


@pytest.mark.parametrize(
    "call",
    [
        lambda adapter: adapter.set_status("1", Status.APPROVED),
        lambda adapter: adapter.add_note("1", "text"),
        lambda adapter: adapter.get_shipment("1"),
        lambda adapter: adapter.track("1"),
        lambda adapter: adapter.create_label("1", NewLabel()),
        lambda adapter: adapter.changes(None),
        lambda adapter: adapter.read_order_lookup(None),
    ],
)
def test_call_that_the_vendor_lacks_is_refused(adapter: Any, call: Any) -> None:
    with pytest.raises(UnsupportedOperation, match="return_helper"):
        call(adapter)


def test_what_is_declared_is_there_and_the_rest_is_not() -> None:
    calls = set(Capability) - {Capability.RECEIVE, Capability.ORDER_LOOKUP}
    own = {one for one in calls if getattr(ReturnHelper, one.value) is not getattr(Adapter, one.value)}
    assert own == {one for one in calls if ReturnHelper.capabilities[one] is not Support.NO}


def test_every_documented_code_has_a_table(adapter: Any) -> None:
    assert {"return", "shipment", "label", "handling", "handling_status", "resend", "recall", "vas"} <= set(
        adapter.vocabularies
    )
    told = {table.name: table.rows for table in (*adapter.status_tables, adapter.vocabularies["return"])}
    assert told == {table.name: table.rows for table in adapter.vocabularies.values()}


def test_unknown_words_are_counted_for_each_account(make: Any, good: Any, finish: Any) -> None:
    row = {"returnInventoryId": 1, "returnRequestId": 2, "handlingCode": "quarantined"}
    one, other = make(), make()
    now = datetime(2026, 11, 21, tzinfo=UTC)
    finish(one.backfill(now, now)[0].read(None), good(data=[row], totalNumberOfRecords=1))

    def counted(adapter: ReturnHelper) -> dict[str, int]:
        return {word: n for table in adapter.status_tables for word, n in table.unknown_words().items()}

    assert (counted(one), counted(other)) == ({"quarantined": 1}, {})


def test_no_word_of_the_vendor_is_the_status_of_a_return(adapter: Any) -> None:
    assert adapter.statuses is None
