import asyncio
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import returns_hub
from returns_hub import (
    Account,
    Capability,
    ConfigurationError,
    Disposition,
    InvalidRecord,
    Item,
    ItemInstruction,
    NewLabel,
    NewReturn,
    NotFound,
    Operation,
    Page,
    Request,
    Return,
    ReturnQuery,
    Shipment,
    Status,
    StatusTable,
    Support,
    UnexpectedReply,
    UnsupportedOperation,
    connect,
    connect_async,
)
from returns_hub.client import AsyncClient, Client, open_async_client, open_client
from returns_hub.transport import AsyncTransport, Transport

CANARY = "canary-91ab22"


@pytest.fixture(autouse=True)
def _acme(installed_acme: Any) -> None: ...


# Opening


def test_connect_gives_a_client_of_the_environment() -> None:
    with connect("acme", environment="sandbox", api_key="k") as client:
        assert repr(client) == "<Client acme sandbox sandbox.acme.test>"
        assert client.provider == "acme"


def test_repr_shows_no_more_of_a_base_url_than_its_host() -> None:
    with connect("acme", base_url="https://localhost:8443/tenants/secret/v1", api_key=CANARY) as client:
        assert repr(client) == "<Client acme production localhost>"


def test_connect_async_gives_an_awaited_client() -> None:
    client = connect_async("acme", api_key="k")
    assert repr(client) == "<AsyncClient acme production api.acme.test>"
    asyncio.run(client.aclose())


def test_unknown_environment_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect("acme", environment="sandbx", api_key="k")
    assert str(caught.value) == (
        "acme: environment 'sandbx' is not known; did you mean 'sandbox'? Known: production, sandbox"
    )


def test_account_is_named_in_what_is_wrong_with_it() -> None:
    account = Account(name="acme-au", provider="acme", environment="test", options={"api_key": "k"})
    with pytest.raises(ConfigurationError, match=r"^accounts\.acme-au\.environment 'test' is not known"):
        open_client(account)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "acme: option api_key is missing"),
        ({"api_key": 5}, "acme: option api_key must be text, not int"),
        (
            {"api_key": "k", "tiemout": 5},
            "acme: option tiemout is not known; did you mean 'timeout'? Known: api_key, page_size, per_day",
        ),
        ({"api_key": "k", "page_size": 0}, "acme: page_size must be a whole number, at least 1"),
        ({"api_key": "k", "timeout": 0}, "timeout must be a number of seconds above 0"),
        ({"api_key": "k", "deadline": "10"}, "deadline must be a number of seconds above 0"),
        ({"api_key": "k", "attempts": 0}, "attempts must be a whole number above 0"),
        (
            {"api_key": "k", "rate_limit": "fast"},
            'rate_limit must look like "20/s", "60/min", "300/h" or "none", not \'fast\'',
        ),
        (
            {"api_key": "k", "base_url": "api.acme.test"},
            "base_url must look like https://host/path, without a query or credentials",
        ),
        (
            {"api_key": "k", "base_url": "https://u:p@acme.test"},
            "base_url must look like https://host/path, without a query or credentials",
        ),
        (
            {"api_key": "k", "base_url": "https://acme.test?x=1"},
            "base_url must look like https://host/path, without a query or credentials",
        ),
    ],
)
def test_wrong_option_is_named(options: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect("acme", **options)
    assert str(caught.value) == problem


@pytest.mark.parametrize("opening", [connect, connect_async])
def test_adapter_by_hand_is_used_as_it_is(opening: Any, acme: Any) -> None:
    adapter = acme()
    assert opening(adapter, environment="sandbox").adapter is adapter


@pytest.mark.parametrize(
    ("provider", "options", "problem"),
    [
        ("adapter", {"api_key": "k"}, "acme: api_key is an option of the adapter: give it there"),
        ("class", {}, "the provider is the name of a vendor, or an adapter with its options: ReturnMate(...)"),
        ("none", {}, "the provider is the name of a vendor, or an adapter with its options: ReturnMate(...)"),
    ],
)
def test_what_is_no_provider_is_said(provider: str, options: Any, problem: str, acme: Any) -> None:
    given: Any = {"adapter": acme(), "class": type(acme()), "none": None}[provider]
    with pytest.raises(ConfigurationError) as caught:
        connect(given, **options)
    assert str(caught.value) == problem


@pytest.mark.parametrize("name", ["page_size", "max_reply_bytes", "timeout", "attempts"])
def test_settings_of_a_client_may_stand_in_an_account(name: str) -> None:
    account = Account(name="a", provider="acme", options={"api_key": "k", name: 7})
    open_client(account).close()
    wrong = Account(name="a", provider="acme", options={"api_key": "k", name: 0})
    with pytest.raises(ConfigurationError, match=rf"^accounts\.a: .*{name} must be"):
        open_client(wrong)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"rate_limit": "fast"}, "accounts.acme-au: rate_limit must look like"),
        ({"base_url": "api.acme.test"}, "accounts.acme-au: base_url must look like"),
        ({"environment": "sandbx"}, "accounts.acme-au.environment 'sandbx' is not known"),
        ({"options": {}}, "accounts.acme-au.api_key is missing"),
    ],
)
def test_a_wrong_account_is_named(wrong: Any, problem: str) -> None:
    account = Account(**{"name": "acme-au", "provider": "acme", "options": {"api_key": CANARY}, **wrong})
    with pytest.raises(ConfigurationError) as caught:
        open_client(account)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("opening", [connect, connect_async])
def test_credentials_are_in_no_frame_of_ours(opening: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        opening("acme", api_kye=CANARY, api_key=CANARY)
    own = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack[1:]
    assert own
    assert CANARY not in "".join(str(frame.locals) for frame in own)


def test_open_client_is_connect_for_an_account() -> None:
    account = Account(name="acme-au", provider="acme", base_url="https://other.test/v1", options={"api_key": "k"})
    with open_client(account) as client:
        assert repr(client) == "<Client acme production other.test>"
    awaited = open_async_client(account)
    assert repr(awaited) == "<AsyncClient acme production other.test>"
    asyncio.run(awaited.aclose())


# Both clients, as one that blocks


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture
def opened(driver: str, vendor: Any, runner: asyncio.Runner) -> Iterator[Callable[[Any], Any]]:
    """Opens a client of either kind at the vendor."""
    closing: list[Callable[[], Any]] = []

    def open_one(adapter: Any) -> Any:
        if driver == "sync":
            client = Client(adapter, Transport(adapter, base_url=f"{vendor.url}/v1"), "title")
            closing.append(client.close)
            return client
        awaited = AsyncClient(adapter, AsyncTransport(adapter, base_url=f"{vendor.url}/v1"), "title")
        closing.append(lambda: runner.run(awaited.aclose()))
        return awaited

    yield open_one
    for close in closing:
        close()


@pytest.fixture
def result(driver: str, runner: asyncio.Runner) -> Callable[[Any], Any]:
    """What a call gives, or all rows of a listing, whichever the kind of the client."""

    async def collected(rows: Any) -> list[Any]:
        return [row async for row in rows]

    def of(given: Any) -> Any:
        if driver == "sync":
            return list(given) if hasattr(given, "__next__") else given
        return runner.run(collected(given) if hasattr(given, "__anext__") else given)

    return of


def test_listing_goes_through_all_pages(vendor: Any, acme: Any, opened: Any, result: Any) -> None:
    vendor.will(data={"ids": ["a", "b"], "next": "2"})
    vendor.will(data={"ids": ["c"], "next": None})
    assert [ret.id for ret in result(opened(acme()).list_returns())] == ["a", "b", "c"]
    assert [received.target for received in vendor.requests] == ["/v1/returns?page=1", "/v1/returns?page=2"]


def test_listing_sends_nothing_before_it_is_read(vendor: Any, acme: Any, opened: Any) -> None:
    opened(acme()).list_returns()
    assert vendor.requests == []


def test_listing_never_gives_a_row_twice(vendor: Any, acme: Any, opened: Any, result: Any) -> None:
    vendor.will(data={"ids": ["a", "b"], "next": "2"})
    vendor.will(data={"ids": ["b", "c", "c"], "next": None})
    assert [ret.id for ret in result(opened(acme()).list_returns())] == ["a", "b", "c"]


def test_listing_ends_where_the_vendor_repeats_a_page(
    vendor: Any, acme: Any, opened: Any, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.will(data={"ids": ["a"], "next": "2"})
    vendor.will(data={"ids": ["a"], "next": "3"})
    assert [ret.id for ret in result(opened(acme()).list_returns())] == ["a"]
    assert len(vendor.requests) == 2
    assert "acme list_returns: the vendor repeats its pages; the listing ends here" in caplog.messages


def test_listing_ends_where_the_vendor_repeats_a_cursor(vendor: Any, acme: Any, opened: Any, result: Any) -> None:
    vendor.will(data={"ids": ["a"], "next": "2"})
    vendor.will(data={"ids": ["b"], "next": "2"})
    assert [ret.id for ret in result(opened(acme()).list_returns())] == ["a", "b"]
    assert len(vendor.requests) == 2


def test_page_without_rows_does_not_end_a_listing(vendor: Any, acme: Any, opened: Any, result: Any) -> None:
    vendor.will(data={"ids": [], "next": "2"})
    vendor.will(data={"ids": ["a"], "next": None})
    assert [ret.id for ret in result(opened(acme()).list_returns())] == ["a"]


def test_records_that_could_not_be_read_are_counted_and_logged_by_place(
    vendor: Any, acme: Any, opened: Any, result: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def page(self: Any, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        yield Request(method="GET", path="/returns")
        bad = InvalidRecord(where="data[3].created_at", raw={"email": CANARY})
        return Page(items=(Return(provider="acme", id="a"),), invalid_records=(bad, bad))

    monkeypatch.setattr(type(acme()), "list_returns", page)
    client = opened(acme())
    assert len(result(client.list_returns())) == 1
    assert client.invalid_records == 2
    assert "acme list_returns: a record could not be read and is left out, at data[3].created_at" in caplog.messages
    assert CANARY not in caplog.text


def test_fields_that_could_not_be_read_are_kept_and_logged_once_by_record(
    vendor: Any, acme: Any, opened: Any, result: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = (
        Return(provider="acme", id="a", unreadable=("created_at", "items[0].quantity")),
        Return(provider="acme", id="b"),
    )

    def list_returns(self: Any, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        yield Request(method="GET", path="/returns")
        return Page(items=rows)

    def get_return(self: Any, return_id: str) -> Operation[Return]:
        yield Request(method="GET", path=f"/returns/{return_id}")
        return rows[0]

    monkeypatch.setattr(type(acme()), "list_returns", list_returns)
    monkeypatch.setattr(type(acme()), "get_return", get_return)
    client = opened(acme())
    result(client.list_returns())
    result(client.get_return("a"))
    assert [(each.id, each.field) for each in client.unreadable_fields] == [
        ("a", "created_at"),
        ("a", "items[0].quantity"),
    ]
    sentence = "acme list_returns: a: fields that could not be read are left empty: created_at, items[0].quantity"
    assert caplog.messages.count(sentence) == 1
    assert len([message for message in caplog.messages if "left empty" in message]) == 1


def test_what_a_listing_cannot_be_made_to_tell_is_logged_and_kept(
    acme: Any, opened: Any, result: Any, vendor: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    gap = "more than 200 returns were created at 2022-02-01 00:00:00"

    def page(self: Any, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        yield Request(method="GET", path="/returns")
        return Page(items=(), gaps=(gap, gap))

    monkeypatch.setattr(type(acme()), "list_returns", page)
    client = opened(acme())
    result(client.list_returns())
    assert client.gaps == (gap,)
    assert f"acme list_returns: {gap}" in caplog.messages


def test_a_listing_that_reaches_back_so_far_says_so_where_it_is_asked_for_more(
    acme: Any, opened: Any, result: Any, vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(acme()), "listing_reach", timedelta(days=365))
    vendor.will(data={"ids": [], "next": None})
    vendor.will(data={"ids": [], "next": None})
    client = opened(acme())
    result(client.list_returns(created_after=datetime.now(UTC) - timedelta(days=364)))
    assert client.gaps == ()
    result(client.list_returns())
    (gap,) = client.gaps
    assert re.fullmatch(
        r"Acme lists nothing that was created before \d{4}-\d\d-\d\d; what is older can be read by its id only", gap
    )


def test_a_test_record_is_in_no_listing_and_given_by_its_id(
    acme: Any, opened: Any, result: Any, vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(acme()), "is_test_record", lambda self, ret: ret.id == "t")
    vendor.will(data={"ids": ["a", "t"], "next": None})
    vendor.will(data={"id": "t"})
    client = opened(acme())
    assert [ret.id for ret in result(client.list_returns())] == ["a"]
    assert result(client.get_return("t")).id == "t"


def test_changes_give_what_a_page_only_names_and_each_return_once(
    acme: Any, opened: Any, result: Any, vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {
        None: Page(items=[Return(provider="acme", id="a")], next="2", read_again=("a", "b", "gone")),
        "2": Page(items=[Return(provider="acme", id="b")], read_again=("b", "c")),
    }

    def changes(self: Any, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        yield Request(method="GET", path="/changes")
        return pages[cursor]

    kind = type(acme())
    monkeypatch.setattr(kind, "capabilities", {**kind.capabilities, Capability.CHANGES: Support.YES})
    monkeypatch.setattr(kind, "changes", changes)
    vendor.will(data={})
    vendor.will(data={"id": "b"})
    vendor.will(404)
    vendor.will(data={})
    vendor.will(data={"id": "c"})
    client = opened(acme())
    assert [ret.id for ret in result(client.changes(datetime(2026, 1, 1, tzinfo=UTC)))] == ["a", "b", "c"]


def test_what_is_not_found_is_named(acme: Any, opened: Any, result: Any, vendor: Any) -> None:
    vendor.will(404)
    with pytest.raises(NotFound, match=r"\(id r-9, HTTP 404") as caught:
        result(opened(acme()).get_return("r-9"))
    assert caught.value.asked_id == "r-9"
    caught.value.asked_id = "a\x1b[31m\nb" + "c" * 200
    assert f"(id a [31m b{'c' * 92}, HTTP 404" in str(caught.value)


@pytest.mark.usefixtures("installed_acme")
def test_an_adapter_may_refuse_a_base_url_before_anything_is_sent(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(self: Any, url: str) -> None:
        if "v1" in url:
            raise ConfigurationError("acme: this is the old address")

    monkeypatch.setattr(type(acme()), "check_base_url", check)
    account = Account(name="shop", provider="acme", base_url="https://old.acme.test/v1", options={"api_key": "k"})
    with pytest.raises(ConfigurationError, match=r"^accounts\.shop: acme: this is the old address$"):
        open_client(account)
    connect("acme", base_url="https://new.acme.test/v2", api_key="k").close()


def test_a_request_does_not_come_beside_the_return_that_grew_from_it(
    acme: Any, opened: Any, result: Any, vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {
        None: Page(items=(Return(provider="acme", id="371141", request_id="request:481049"),), next="2"),
        "2": Page(items=(Return(provider="acme", id="request:481049"),), next="3"),
        "3": Page(items=(Return(provider="acme", id="request:7"),)),
    }

    def page(self: Any, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        yield Request(method="GET", path="/returns")
        return pages[cursor]

    monkeypatch.setattr(type(acme()), "list_returns", page)
    assert [ret.id for ret in result(opened(acme()).list_returns())] == ["371141", "request:7"]


def test_get_return(vendor: Any, acme: Any, opened: Any, result: Any) -> None:
    vendor.will(data={"id": "r1"})
    assert result(opened(acme()).get_return("r1")).id == "r1"


@pytest.mark.parametrize("call", ["get_return", "get_shipment"])
def test_reply_about_something_else_is_refused(
    call: str, acme: Any, opened: Any, result: Any, vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(self: Any, _: str) -> Operation[Any]:
        yield Request(method="GET", path="/one")
        return Return(provider="acme", id="r2") if call == "get_return" else Shipment(id="s2")

    monkeypatch.setattr(type(acme()), call, other)
    with pytest.raises(UnexpectedReply, match=r"another .* than the one that was asked for"):
        result(getattr(opened(acme()), call)("r1"))


def test_reply_with_the_id_in_another_case_is_the_one_that_was_asked_for(
    vendor: Any, acme: Any, opened: Any, result: Any
) -> None:
    vendor.will(data={"id": "RMA_1"})
    assert result(opened(acme()).get_return("rma_1")).id == "RMA_1"


def test_return_that_grew_from_the_request_that_was_asked_for(
    acme: Any, opened: Any, result: Any, vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grown(self: Any, _: str) -> Operation[Return]:
        yield Request(method="GET", path="/one")
        return Return(provider="acme", id="371141", request_id="request:481049")

    monkeypatch.setattr(type(acme()), "get_return", grown)
    assert result(opened(acme()).get_return("request:481049")).id == "371141"


def test_status_may_be_said_in_text(
    acme: Any, opened: Any, result: Any, vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def moved(self: Any, return_id: str, status: Any = None, **_: Any) -> Operation[Return]:
        asked.append(status)
        yield Request(method="PUT", path="/one")
        return Return(provider="acme", id=return_id)

    monkeypatch.setattr(type(acme()), "set_status", moved)
    result(opened(acme()).set_status("r1", "approved"))
    assert asked == [Status.APPROVED]
    assert type(asked[0]) is Status


def test_status_that_is_no_word_is_refused_before_anything_is_sent(
    acme: Any, opened: Any, result: Any, vendor: Any
) -> None:
    with pytest.raises(ValueError, match=r"status must be one of .*; 'aproved' is not"):
        result(opened(acme()).set_status("r1", "aproved"))
    assert vendor.requests == []


def test_run_takes_any_operation_of_the_adapter(vendor: Any, acme: Any, opened: Any, result: Any) -> None:
    vendor.will(data={"id": "r1"})
    client = opened(acme())
    assert result(client.run(client.adapter.get_return("r1"))).id == "r1"


def test_filters_become_a_query(acme: Any, opened: Any, monkeypatch: pytest.MonkeyPatch, result: Any) -> None:
    asked: list[ReturnQuery] = []

    def page(self: Any, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        asked.append(query)
        yield Request(method="GET", path="/returns")
        return Page(items=())

    monkeypatch.setattr(type(acme()), "list_returns", page)
    since = datetime(2024, 1, 31, tzinfo=timezone(timedelta(hours=10)))
    result(
        opened(acme()).list_returns(
            status=[Status.REQUESTED, "approved"],
            created_after=since,
            customer_email="a@x.com",
            order_number="#1001",
            newest_first=True,
            page_size=25,
        )
    )
    assert asked == [
        ReturnQuery(
            status=frozenset({Status.REQUESTED, Status.APPROVED}),
            created_after=since,
            customer_email="a@x.com",
            order_number="#1001",
            newest_first=True,
            page_size=25,
        )
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"created_after": datetime(2024, 1, 31)}, "created_after must be a datetime with a time zone"),  # noqa: DTZ001 - naive on purpose
        ({"created_before": "2024-01-31"}, "created_before must be a datetime with a time zone"),
        ({"updated_after": datetime(2024, 1, 31)}, "updated_after must be a datetime with a time zone"),  # noqa: DTZ001 - naive on purpose
        ({"status": "aproved"}, "status must be one of draft, requested, .*; 'aproved' is not"),
        ({"status": ["approved", 5]}, "status must be one of draft, .*; '5' is not"),
        ({"status": "approved", "raw_status": "pending"}, "give either a status or a raw_status"),
        ({"raw_status": ["pending", 5]}, "raw_status must be text, and not empty; it is of type int"),
        ({"page_size": 0}, "page_size must be a whole number, at least 1"),
        ({"page_size": True}, "page_size must be a whole number, at least 1"),
        ({"page_size": "50"}, "page_size must be a whole number, at least 1"),
        ({"order_number": ""}, "order_number is empty"),
        ({"order_number": 1001}, "order_number must be text, and not empty; it is of type int"),
        ({"customer_email": ""}, "customer_email is empty"),
    ],
)
def test_argument_that_cannot_be_meant_is_refused_at_the_call(
    arguments: Any, problem: str, acme: Any, opened: Any
) -> None:
    with pytest.raises(ValueError, match=problem):
        opened(acme()).list_returns(**arguments)


def test_words_of_the_vendor_may_be_one_or_several(
    acme: Any, opened: Any, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    asked: list[tuple[str, ...]] = []

    def page(self: Any, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        asked.append(query.raw_status)
        yield Request(method="GET", path="/returns")
        return Page(items=())

    monkeypatch.setattr(type(acme()), "list_returns", page)
    client = opened(acme())
    result(client.list_returns(raw_status="pending"))
    result(client.list_returns(raw_status=["pending", "approved"]))
    assert asked == [("pending",), ("pending", "approved")]


def test_filter_that_does_not_exist_is_a_type_error(acme: Any, opened: Any) -> None:
    with pytest.raises(TypeError, match="order_numbr"):
        opened(acme()).list_returns(order_numbr="1001")


KEEP = ItemInstruction(disposition=Disposition.KEEP)
NEW = NewReturn(order_number="#1001")

UNSUPPORTED: dict[str, Callable[[Any], Any]] = {
    "create_return": lambda client: client.create_return(NEW),
    "set_status": lambda client: client.set_status("r1", Status.APPROVED),
    "add_note": lambda client: client.add_note("r1", "text"),
    "get_shipment": lambda client: client.get_shipment("s1"),
    "track": lambda client: client.track("s1"),
    "create_label": lambda client: client.create_label("r1", NewLabel()),
    "cancel_label": lambda client: client.cancel_label("r1", "l1"),
    "instruct": lambda client: client.instruct((), None),
    "cancel_instruction": lambda client: client.cancel_instruction(()),
    "receive": lambda client: client.receive(None),
}


@pytest.mark.parametrize("call", UNSUPPORTED)
def test_call_that_the_vendor_does_not_have_sends_nothing(
    call: str, vendor: Any, acme: Any, opened: Any, result: Any
) -> None:
    with pytest.raises(UnsupportedOperation) as caught:
        result(UNSUPPORTED[call](opened(acme())))
    assert caught.value.operation == call
    assert vendor.requests == []


@pytest.mark.parametrize(
    "call",
    [lambda client: client.list_shipments(), lambda client: client.changes(datetime(2024, 1, 31, tzinfo=UTC))],
    ids=["list_shipments", "changes"],
)
def test_listing_that_the_vendor_does_not_have_is_refused_at_the_call(call: Any, acme: Any, opened: Any) -> None:
    with pytest.raises(UnsupportedOperation):
        call(opened(acme()))


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_return(""),
        lambda client: client.get_return(None),
        lambda client: client.set_status("", Status.APPROVED),
        lambda client: client.add_note("", "text"),
        lambda client: client.get_shipment(""),
        lambda client: client.track(""),
        lambda client: client.create_label("", NewLabel()),
        lambda client: client.cancel_label("r1", ""),
    ],
)
def test_empty_identifier_is_refused(call: Any, acme: Any, opened: Any, result: Any) -> None:
    with pytest.raises(ValueError, match="must be text, and not empty"):
        result(call(opened(acme())))


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (
            lambda client: client.create_return({"order_number": "#1001"}),
            "new must be of the class NewReturn, not dict",
        ),
        (lambda client: client.create_return(None), "new must be of the class NewReturn, not NoneType"),
        (lambda client: client.create_label("r1", {"carrier": "x"}), "new must be of the class NewLabel, not dict"),
        (
            lambda client: client.instruct([Item(id="i1")], "restock"),
            "instruction must be of the class ItemInstruction, not str",
        ),
        (
            lambda client: client.instruct(Item(id="i1"), KEEP),
            "items must be several of the class Item, not Item",
        ),
        (lambda client: client.instruct(["i1"], KEEP), "items must be of the class Item, not str"),
        (lambda client: client.cancel_instruction("i1"), "items must be several of the class Item, not str"),
    ],
)
def test_argument_of_another_class_is_named_and_nothing_is_sent(
    call: Any, problem: str, vendor: Any, acme: Any, opened: Any, result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(acme()), "capabilities", dict.fromkeys(Capability, Support.YES))
    with pytest.raises(ValueError, match=re.escape(problem)):
        result(call(opened(acme())))
    assert vendor.requests == []


@pytest.mark.parametrize("given", [{}, {"status": Status.APPROVED, "raw_status": "approved"}])
def test_set_status_wants_one_status(given: Any, acme: Any, opened: Any, result: Any) -> None:
    with pytest.raises(ValueError, match="either a status or a raw_status"):
        result(opened(acme()).set_status("r1", **given))


def test_naive_moment_of_changes_is_refused(acme: Any, opened: Any) -> None:
    with pytest.raises(ValueError, match="since must be a datetime with a time zone"):
        opened(acme()).changes(datetime(2024, 1, 31))  # noqa: DTZ001 - naive on purpose


def test_unknown_words_of_every_table_are_counted_together(
    opened: Any, monkeypatch: pytest.MonkeyPatch, acme: Any
) -> None:
    of_returns, of_requests = StatusTable(name="return", rows={}), StatusTable(name="request", rows={})
    monkeypatch.setattr(type(acme()), "status_tables", (of_returns, of_requests))
    of_returns.look_up("in limbo")
    of_requests.look_up("in limbo")
    assert opened(acme()).unknown_words() == {"in limbo": 2}


def test_unknown_words_of_a_vendor_without_words(acme: Any, opened: Any) -> None:
    assert opened(acme()).unknown_words() == {}


def test_the_two_clients_have_the_same_methods() -> None:
    blocking = {name for name in vars(Client) if not name.startswith("_")}
    awaited = {name for name in vars(AsyncClient) if not name.startswith("_")}
    assert blocking - awaited == {"close"}
    assert awaited - blocking == {"aclose"}


@pytest.mark.anyio
async def test_async_client_is_a_context_manager(vendor: Any) -> None:
    vendor.will(data={"id": "r1"})
    async with connect_async("acme", base_url=f"{vendor.url}/v1", api_key="k") as client:
        assert (await client.get_return("r1")).id == "r1"


def test_library_logs_nothing_to_the_terminal_by_itself() -> None:
    assert returns_hub.connect is connect
    for name in ("returns_hub.client", "returns_hub.sync"):
        assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger(name).handlers)
