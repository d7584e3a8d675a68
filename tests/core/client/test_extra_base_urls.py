"""A vendor whose API has more than one root: where its requests go, and who gets the credentials."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from returns_hub import Client, ConfigurationError, Operation, Request, connect, registry
from returns_hub.testing import Driver, open_with


@pytest.fixture
def acme_with_two(acme: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    """Acme, with a second root called ``public``, as the installed vendor."""

    class AcmeWithTwo(type(acme())):  # type: ignore[misc]
        extra_base_urls: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType(
            {"public": {"production": "https://public.acme.test/v1"}}
        )

        def words(self) -> Operation[Any]:
            reply = yield Request(method="GET", path="/words", base="public")
            return self.check(reply)

    monkeypatch.setattr(registry, "adapter_class", lambda provider: AcmeWithTwo)
    return AcmeWithTwo


def words(client: Client) -> Operation[Any]:
    adapter: Any = client.adapter
    operation: Operation[Any] = adapter.words()
    return operation


def test_a_request_goes_to_the_root_that_it_names(acme_with_two: type[Any], start_vendor: Callable[[], Any]) -> None:
    own, public = start_vendor(), start_vendor()
    with connect("acme", api_key="k", base_url=own.url + "/v1", public_base_url=public.url + "/lookup/") as client:
        client.run(words(client))
    assert own.requests == []
    assert [request.target for request in public.requests] == ["/lookup/words"]
    assert public.requests[0].headers["authorization"] == "Bearer k"


def test_where_the_base_is_replaced_the_vendors_own_further_root_is_not_called(
    acme_with_two: type[Any], vendor: Any
) -> None:
    not_set = pytest.raises(ConfigurationError, match="acme words: public_base_url is not set")
    with connect("acme", api_key="k", base_url=vendor.url) as client, not_set:
        client.run(words(client))
    assert vendor.requests == []


def test_an_environment_without_that_root_says_so(acme_with_two: type[Any]) -> None:
    not_set = pytest.raises(ConfigurationError, match="public_base_url is not set")
    with connect("acme", api_key="k", environment="sandbox") as client, not_set:
        client.run(words(client))


@pytest.mark.parametrize("wrong", ["", "ftp://host", "https://user:pw@host", 7])
def test_a_wrong_further_root_is_refused(acme_with_two: type[Any], wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="base_url must look like https://host/path") as caught:
        connect("acme", api_key="k", public_base_url=wrong)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("driver", list(Driver))
def test_both_drivers_know_further_roots(acme: Callable[..., Any], driver: Driver, vendor: Any) -> None:
    def read() -> Operation[int]:
        reply = yield Request(method="GET", path="/x", base="public")
        return reply.status

    urls = {"public": f"{vendor.url}/public"}
    with open_with(acme(), base_url=vendor.url, extra_base_urls=urls, driver=driver) as client:
        assert client.run(read()) == 200
    assert vendor.requests[0].target == "/public/x"
