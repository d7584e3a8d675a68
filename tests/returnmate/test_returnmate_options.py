"""The options of an account, and what the adapter says of itself."""

from typing import Any

import pytest

from returns_hub import Capability, ConfigurationError, Limits, Rate, Request, Secret, Support
from returns_hub_returnmate import Plan, ReturnMate

CANARY = "canary-4f1d"


def test_base_urls_are_the_vendors(adapter: Any) -> None:
    assert dict(adapter.base_urls) == {
        "production": "https://api.returnmate.io/v1",
        "sandbox": "https://api.sandbox.returnmate.io/v1",
    }


def test_paths_do_not_repeat_the_version(adapter: Any) -> None:
    request = next(adapter.get_return("rma_1"))
    assert adapter.base_urls["production"] + request.path == "https://api.returnmate.io/v1/rmas/rma_1"


def test_key_goes_into_the_authorization_header(adapter: Any) -> None:
    request = adapter.authorize(Request(method="GET", path="/rmas", headers={"Accept": "application/json"}))
    assert request.headers == (("Accept", "application/json"), ("Authorization", "Bearer rm_test_key"))


@pytest.mark.parametrize(
    ("plan", "limits"),
    [
        (Plan.STARTER, Limits(rate=Rate(60, 60.0), per_day=10_000)),
        (Plan.PROFESSIONAL, Limits(rate=Rate(120, 60.0), per_day=50_000)),
        (Plan.ENTERPRISE, Limits(rate=Rate(300, 60.0))),
    ],
)
def test_limits_are_those_of_the_plan(make: Any, plan: Plan, limits: Limits) -> None:
    assert make(plan=plan).limits == limits


def test_plan_is_starter_by_default(make: Any) -> None:
    assert make().limits == Limits(rate=Rate(60, 60.0), per_day=10_000)


@pytest.mark.parametrize("key", ["", " ", "key\n", "key\r\nX-Other: 1", "kéy", "two words", "nul\0"])
def test_key_that_fits_no_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="api_key") as failure:
        ReturnMate(api_key=Secret(key))
    assert not key.strip() or key not in str(failure.value)


@pytest.mark.parametrize("currency", ["", "aud", "AU", "AUDX", "A$D", "AUD\n"])
def test_currency_that_is_none_is_refused(make: Any, currency: str) -> None:
    with pytest.raises(ConfigurationError, match="currency"):
        make(currency=currency)


def test_credentials_are_in_no_repr(make: Any) -> None:
    adapter = make(api_key=Secret(CANARY), webhook_secrets=(Secret(CANARY),))
    request = adapter.authorize(Request(method="GET", path="/rmas"))
    assert CANARY not in repr(adapter) + repr(request)


def test_every_capability_is_declared(adapter: Any) -> None:
    assert set(adapter.capabilities) == set(Capability)


@pytest.mark.parametrize(
    "capability",
    [Capability.CANCEL_LABEL, Capability.INSTRUCT, Capability.CANCEL_INSTRUCTION, Capability.CHANGES],
)
def test_what_the_vendor_cannot_is_said(adapter: Any, capability: Capability) -> None:
    assert adapter.support(capability) is Support.NO


def test_vocabularies_can_be_explained(adapter: Any) -> None:
    assert set(adapter.vocabularies) == {"return", "shipment"}
