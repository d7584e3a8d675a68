"""The Returnless simulator against its document, Returnless V1 API, over real HTTP. Values are the document's."""

import base64
import json
import time
from asyncio import to_thread
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import pytest

from returns_hub.testing import serve
from returns_hub_returnless.sandbox import (
    HOSTILE_TEXTS,
    REQUEST_STATUSES,
    RETURN_STATUSES,
    SAME_SECOND,
    UNDOCUMENTED_STATUSES,
    ReturnlessSandbox,
    signature,
)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """A plain HTTP client with the credentials that a simulator accepts by default."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.authorization: str | None = basic("sandbox-user", "sandbox-password")

    def call(self, method: str, target: str, body: bytes | None = None) -> Answer:
        parts = urlsplit(self.url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
        headers = {"authorization": self.authorization} if self.authorization else {}
        try:
            connection.request(method, target, body, headers)
            reply = connection.getresponse()
            return Answer(reply.status, {key.lower(): value for key, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def get(self, path: str, **query: object) -> Answer:
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)

    def put(self, path: str, **query: object) -> Answer:
        return self.call("PUT", f"{path}?{urlencode(query)}")

    def ids(self, kind: str, **query: object) -> list[str]:
        return [row[f"{kind.removesuffix('s')}_id"] for row in self.get(f"/{kind}", **query).json]


class Shop:
    """A shop's server: it remembers what it was sent, and answers with the given statuses, the last one for ever."""

    def __init__(self, *statuses: int, body: bytes = b"", headers: dict[bytes, bytes] | None = None) -> None:
        self.statuses = list(statuses)
        self.body = body
        self.headers = headers or {}
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        target = b"?".join(filter(None, (scope["raw_path"], scope["query_string"]))).decode()
        self.seen.append((scope["method"], target, headers, message["body"]))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        await send({"type": "http.response.start", "status": status, "headers": list(self.headers.items())})
        await send({"type": "http.response.body", "body": self.body})


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


Serve = Callable[[Any], str]
Start = Callable[..., Api]


@pytest.fixture
def served() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serve(app)).url


@pytest.fixture
def api(served: Serve) -> Start:
    def start(simulator: ReturnlessSandbox | None = None, **arguments: Any) -> Api:
        return Api(served(simulator or ReturnlessSandbox(**{"count": 20, **arguments})))

    return start


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# The documented examples

PIETER = {
    "first_name": "Pieter",
    "last_name": "Post",
    "postcode": "5611NV",
    "country": "NL",
    "city": "Eindhoven",
    "address1": "PCzn Hooftlaan",
    "address2": "14",
    "addition": "",
}
NOTES = [
    {
        "message": "The status has been changed from Open to Approved",
        "name": "Returnless Support",
        "quote_id": 408516,
        "created_at": "2022-05-13 13:29:45",
    },
    {
        "message": "I have contacted the customer and everything is fine.",
        "name": "Returnless Support",
        "quote_id": 408516,
        "created_at": "2022-05-13 13:29:59",
    },
]
LINE = {
    "product_id": "1007",
    "qty_ordered": "1.0000",
    "qty_returned": "1.0000",
    "qty_received": "0.0000",
    "order_product_id": "153397",
    "name": "Samsonite S'Cure Spinner 55 navy blue capri",
    "title_name": "Samsonite S'Cure Spinner 55",
    "model": "trvl-01598592",
    "article_code": "495398926",
    "cost": "87.50",
    "images": [{"http_path": "https://media.travelshop-cdn.nl/product-square-680/339033/image.jpg"}],
    "url": "https://www.travelshop.nl/samsonite-scure-spinner-55-navy-blue-capri.html",
    "u_brand": "Samsonite",
    "ean": "890128492109899",
    "reason_id": "2",
    "reason": "Size too small",
    "back_to_stock": "1",
    "remarks": "",
}
KEPT_LINE = {
    "product_id": "1008",
    "qty_ordered": "2.0000",
    "qty_returned": "0.0000",
    "qty_received": "0.0000",
    "order_product_id": "153398",
    "name": "Eastpak x Havaianas Padded Pak'R Rugzak havaianas green",
    "title_name": "Eastpak x Havaianas Padded Pak'R Rugzak",
    "model": "trvl-1059819",
    "article_code": "EK000620C411001",
    "cost": "21.90",
    "images": [{"http_path": "https://media.travelshop-cdn.nl/product-square-680/362798/image.jpg"}],
    "url": "https://www.travelshop.nl/eastpak-x-havaianas-padded-pakr-rugzak-havaianas-green.html",
    "u_brand": "Eastpack",
    "ean": "5400879259557",
    "reason_id": "",
    "reason": "",
    "back_to_stock": "",
    "remarks": "",
}
REQUEST = {
    "request_id": "948191",
    "request": "GK000102092019",
    "status": "processing",
    "reference": "ORD000123",
    "order_id": "124006",
    "order_date": "2021-01-10 10:46:27",
    "request_date": "2021-01-20 11:52:42",
    "form": "5919",
    "customer_id": "58179",
    "customer_email": "pieter@returnless.com",
    "billing_address": PIETER,
    "return_notes": NOTES,
    "returned_products": [{"return_item_id": "1458191", **LINE}],
}
# What the webhook and the two GETs tell of return 948191 alike.
RETURN = {
    "return_id": "948191",
    "return": "RENL1641091121",
    "reference": "ORD000123",
    "order_id": "124006",
    "order_date": "2021-01-10 10:46:27",
    "return_date": "2021-01-20 11:52:42",
    "form": "5919",
    "customer_id": "58179",
    "customer_email": "pieter@returnless.com",
    "request_id": "481049",
    "shipping_description": "PostNL inleveren bij pakketpunt",
    "tracking_number": "3STRVL58192041",
    "tracking_status_id": "1000",
    "tracking_status": "Ready to Send",
    "tracking_url": "https://jouw.postnl.nl/track-and-trace/3STRVL58192041-NL-5611NV",
    "shipping_label_link": "https://www.returnless.com/shippinglabel/index/"
    "?scid=3SRLSS001989339&hash=hsFMhN544bhKD57wk9QDJxjsUJ",
    "billing_address": PIETER,
    "return_questions": [
        {"option_id": "46363", "label": "Please describe the damage.", "value": "There is a stain on the t-shirt."}
    ],
}
ONLY_REST = {
    "status": "processing",
    "files": ["https://www.retourneren.nl/sales/download/downloadCustomOption/id/8304498/key/1f96k3FAZG9exk6"],
    "return_notes": NOTES,
    "returned_products": [{"return_item_id": "1458191", **LINE}],
}
LISTED_RETURN = RETURN | ONLY_REST | {"return_type": "coupon", "updated_at": "2021-01-21 21:29:59"}
SINGLE_RETURN = RETURN | ONLY_REST | {"updated_at": "2021-01-21 22:19:58"}
WEBHOOK = RETURN | {"action": "return_created", "returned_products": [LINE, KEPT_LINE]}
SHIPMENT = {
    "tracking_number": "3STRVL987599921",
    "tracking_status_id": "1000",
    "tracking_status": "Ready to Send",
    "tracking_url": "https://jouw.postnl.nl/#!/track-en-trace/3STRVL987599921/NL/1234AB",
    "shipping_label_link": "https://www.returnless.com/shippinglabel/index/index?scid=3STRVL987599921&oid=371141"
    "&hash=a4d80bd0bd87b0ff2ef1f5b17bba557756cae676dbc6b01c0f12495de2b70c81&position=0",
    "return_id": "371141",
    "return": "RENL0005191022",
    "status": "processing",
    "reference": "1004",
    "order_id": "2598449381543",
    "return_date": "2022-01-20 11:52:42",
    "form": "5919",
    "customer_id": "58179",
    "customer_email": "pieter@returnless.com",
    "returned_products": [{"return_item_id": "1458191", **LINE}],
}


def test_requests_are_listed_as_documented(api: Start) -> None:
    assert api().get("/requests", reference="ORD000123", status="processing").json == [REQUEST]


def test_a_single_request_is_the_documented_object(api: Start) -> None:
    assert api().get("/requests/948191").json == REQUEST


def test_returns_are_listed_as_documented(api: Start) -> None:
    assert api().get("/returns", reference="ORD000123").json == [LISTED_RETURN]


def test_a_single_return_is_the_documented_object(api: Start) -> None:
    assert api().get("/returns/948191").json == SINGLE_RETURN


def test_the_documented_shipment_is_listed(api: Start) -> None:
    assert SHIPMENT in api().get("/shipments", per_page=200).json


def test_a_single_shipment_is_a_list_of_one(api: Start) -> None:
    assert api().get("/shipments/3STRVL987599921").json == [SHIPMENT]


def test_updating_a_request_is_answered_as_documented(api: Start) -> None:
    assert api().put("/requests/948191", status="completed").json == {
        "result": True,
        "message": "Request updated successfully!",
    }


def test_updating_a_return_is_answered_as_documented(api: Start) -> None:
    assert api().put("/returns/948191", status="complete").json == {
        "result": True,
        "message": "Return updated successfully!",
    }


def test_replies_are_json(api: Start) -> None:
    assert api().get("/returns").headers["content-type"] == "application/json"


# The data


def test_the_same_seed_gives_the_same_data() -> None:
    assert ReturnlessSandbox(seed=7).records == ReturnlessSandbox(seed=7).records


def test_another_seed_gives_other_data() -> None:
    assert ReturnlessSandbox(seed=7).records != ReturnlessSandbox(seed=8).records


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50, 200])
def test_count_is_of_returns_and_of_requests(count: int) -> None:
    kinds = Counter(record_id.startswith("request:") for record_id in ReturnlessSandbox(count=count).records)
    assert (kinds[True], kinds[False]) == (count, count)


def test_about_half_of_the_requests_grew_into_a_return() -> None:
    ids = ReturnlessSandbox(count=200).return_ids
    assert sum(record_id.startswith("request:") for record_id in ids) == 100


def test_a_request_that_grew_is_no_return_of_its_own() -> None:
    sandbox = ReturnlessSandbox(count=2)
    assert sandbox.return_ids == {"948191", "371141", "request:948191"}


def test_a_return_is_of_the_order_that_its_request_is_of() -> None:
    records = ReturnlessSandbox(count=200).records
    pairs = [
        (record, records.get(f"request:{record['request_id']}"))
        for key, record in records.items()
        if "return" in record
    ]
    keys = ("reference", "order_id", "order_date", "customer_email", "billing_address")
    unlike = [ret["return_id"] for ret, request in pairs if request and any(ret[key] != request[key] for key in keys)]
    assert unlike == []


def test_a_return_is_younger_than_its_request() -> None:
    records = ReturnlessSandbox(count=200).records
    returns = [record for record in records.values() if record.get("request_id") and "return" in record]
    linked = [(ret, records[f"request:{ret['request_id']}"]) for ret in returns if ret["request_id"] != "0"]
    assert [ret for ret, request in linked if ret["return_date"] <= request["request_date"]] == []


def test_a_return_without_a_request_says_so_in_three_ways() -> None:
    records = ReturnlessSandbox(count=200).records
    told = {record["request_id"] for record in records.values() if "return" in record}
    assert {"", "0", None} <= told


def test_requests_and_returns_share_ids() -> None:
    records = ReturnlessSandbox(count=200).records
    returns = {key for key in records if not key.startswith("request:")}
    assert len(returns & {key.removeprefix("request:") for key in records if key.startswith("request:")}) == 199


@pytest.mark.parametrize(("kind", "words"), [("requests", REQUEST_STATUSES), ("returns", RETURN_STATUSES)])
def test_every_documented_status_occurs(api: Start, kind: str, words: tuple[str, ...]) -> None:
    told = {row["status"] for row in api(count=200).get(f"/{kind}", per_page=200).json}
    assert set(words) <= told


def test_apart_from_the_documented_ones_all_addresses_are_fictitious() -> None:
    addresses = {record["customer_email"].partition("@")[2] for record in ReturnlessSandbox(count=500).records.values()}
    assert addresses == {"returnless.com", "example.com"}


def test_ids_amounts_and_flags_are_text() -> None:
    lines = [line for record in ReturnlessSandbox().records.values() for line in record["returned_products"]]
    kinds = {type(value) for line in lines for name, value in line.items() if name != "images"}
    assert kinds == {str}


def test_a_return_without_a_label_has_an_empty_tracking_block(api: Start) -> None:
    row = api().get("/returns", status="pending_payment", per_page=1).json[0]
    assert [
        row[key] for key in ("shipping_description", "tracking_number", "tracking_status_id", "shipping_label_link")
    ] == [
        "",
        "",
        "",
        "",
    ]


def test_several_records_share_a_second() -> None:
    dates = Counter(record["return_date"] for record in ReturnlessSandbox().records.values() if "return" in record)
    assert max(dates.values()) > 1


def test_ten_thousand_records_are_made_quickly() -> None:
    started = time.perf_counter()
    assert len(ReturnlessSandbox(count=5000).records) == 10_000
    assert time.perf_counter() - started < 5


# Credentials and limits


@pytest.mark.parametrize(
    "header",
    [None, "Bearer sandbox-password", basic("sandbox-user", "wrong"), basic("other", "sandbox-password"), "Basic !"],
)
def test_wrong_credentials_are_refused(api: Start, header: str | None) -> None:
    client = api()
    client.authorization = header
    assert client.get("/returns").status == 401


def test_wrong_credentials_may_bring_403(api: Start) -> None:
    client = api(login_status=403)
    client.authorization = None
    assert client.get("/returns").status == 403


def test_credentials_are_utf_8_and_split_at_the_first_colon(api: Start) -> None:
    client = api(user="ünser", password="pass:wört")
    client.authorization = "Basic w7xuc2VyOnBhc3M6d8O2cnQ="
    assert client.get("/returns").status == 200


def test_the_options_are_what_connect_needs() -> None:
    sandbox = ReturnlessSandbox(count=0, user="u", password="p", signing_key="k", timezone="Europe/Amsterdam")
    assert sandbox.options == {"user": "u", "password": "p", "signing_keys": ["k"], "timezone": "Europe/Amsterdam"}


def test_calls_over_the_limit_get_429_with_an_empty_body(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=1, requests_per_minute=2, now=Clock())
    client = api(sandbox)
    answers = [client.get("/returns") for _ in range(4)]
    assert [(answer.status, answer.body == b"") for answer in answers] == [
        (200, False),
        (200, False),
        (429, True),
        (429, True),
    ]


def test_calls_over_the_limit_are_counted(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=1, requests_per_minute=50, now=Clock())
    client = api(sandbox)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: client.get("/returns").status, range(80)))
    assert (statuses.count(200), statuses.count(429), sandbox.violations) == (50, 30, 30)


def test_the_next_minute_allows_calls_again(api: Start) -> None:
    clock = Clock()
    client = api(requests_per_minute=1, now=clock)
    client.get("/returns")
    clock.moment += timedelta(minutes=1)
    assert client.get("/returns").status == 200


def test_a_429_that_is_switched_on_has_an_empty_body_too(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=1)
    sandbox.faults.too_many_requests(retry_after=7)
    answer = api(sandbox).get("/returns")
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (429, b"", "7")


def test_other_faults_keep_their_body(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=1)
    sandbox.faults.server_error(html=True)
    answer = api(sandbox).get("/returns")
    assert (answer.status, answer.body[:6]) == (500, b"<html>")


def test_rows_can_be_duplicated(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=1)
    sandbox.faults.duplicate_rows()
    assert api(sandbox).ids("returns") == ["948191", "948191"]


def test_every_request_is_logged(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=1)
    client = api(sandbox)
    client.get("/returns", per_page=3)
    client.get("/nothing")
    assert [(one.method, one.path, one.query, one.status) for one in sandbox.requests] == [
        ("GET", "/returns", (("per_page", "3"),), 200),
        ("GET", "/nothing", (), 404),
    ]


# Listings


@pytest.mark.parametrize("kind", ["requests", "returns"])
def test_newest_first_is_the_default(api: Start, kind: str) -> None:
    client = api()
    assert client.ids(kind) == client.ids(kind, sort_order="desc") == client.ids(kind, sort_order="asc")[::-1]


@pytest.mark.parametrize(("kind", "date"), [("requests", "request_date"), ("returns", "return_date")])
def test_asc_is_oldest_first(api: Start, kind: str, date: str) -> None:
    dates = [row[date] for row in api(count=200).get(f"/{kind}", sort_order="asc", per_page=200).json]
    assert dates == sorted(dates)


def test_shipments_are_newest_first_too(api: Start) -> None:
    dates = [row["return_date"] for row in api(count=200).get("/shipments", per_page=200).json]
    assert dates == sorted(dates, reverse=True)


def test_a_return_may_have_several_parcels(api: Start) -> None:
    numbers = Counter(row["return_id"] for row in api(count=200).get("/shipments", per_page=200).json)
    assert max(numbers.values()) == 2


@pytest.mark.parametrize("path", ["/requests", "/returns", "/shipments"])
@pytest.mark.parametrize("per_page", ["1", "150", "200"])
def test_per_page_is_the_number_of_rows(api: Start, path: str, per_page: str) -> None:
    assert len(api(count=300).get(path, per_page=per_page).json) == int(per_page)


@pytest.mark.parametrize("per_page", ["0", "201", "-1", "ten", "1.5", "", "٣"])
def test_per_page_outside_1_to_200_is_refused(api: Start, per_page: str) -> None:
    assert api().get("/returns", per_page=per_page).status == 400


def test_without_per_page_the_default_number_of_rows_comes(api: Start) -> None:
    assert len(api(default_per_page=7).get("/returns").json) == 7


@pytest.mark.parametrize("path", ["/requests", "/returns", "/shipments"])
def test_another_sort_order_is_refused(api: Start, path: str) -> None:
    assert api().get(path, sort_order="newest").status == 400


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"reference": "ORD000123"}, ["948191"]),
        ({"order_id": "124006"}, ["948191"]),
        ({"order_id": "124006", "reference": "1004"}, []),
        ({"emailaddress": "pieter@returnless.com"}, ["371141", "948191"]),
        ({"emailaddress": "PIETER@returnless.com"}, ["371141", "948191"]),
        ({"emailaddress": "nobody@example.com"}, []),
        ({"emailaddress": "pieter@returnless.com", "status": "processing"}, ["371141", "948191"]),
        ({"status": "approved"}, []),
        ({"reference": "ord000123"}, []),
    ],
)
def test_returns_can_be_filtered(api: Start, filters: dict[str, str], found: list[str]) -> None:
    assert api().ids("returns", **filters) == found


def test_requests_can_be_filtered(api: Start) -> None:
    assert api().ids("requests", emailaddress="pieter@returnless.com", status="label_created") == ["481049"]


def test_status_filters_exactly(api: Start) -> None:
    rows = api(count=200).get("/returns", status="complete", per_page=200).json
    assert {row["status"] for row in rows} == {"complete"}


def test_a_filter_that_is_spelt_as_in_the_documented_example_is_unknown(api: Start) -> None:
    assert api().get("/requests", emailaddresss="klant.peter@gmail.com", status="approved").status == 400


def test_unknown_parameters_can_be_ignored(api: Start) -> None:
    client = api(ignore_unknown_parameters=True)
    assert client.ids("requests", emailaddresss="nobody@example.com") == client.ids("requests")


def test_shipments_have_no_filters(api: Start) -> None:
    assert api().get("/shipments", status="processing").status == 400


def test_a_parameter_given_twice_is_refused(api: Start) -> None:
    assert api().call("GET", "/returns?status=received&status=checked").status == 400


@pytest.mark.parametrize("name", ["created_after", "updated_after"])
def test_a_plus_in_a_time_is_an_encoded_space(api: Start, name: str) -> None:
    assert api().call("GET", f"/returns?{name}=2022-02-01+00:00:00").status == 200


@pytest.mark.parametrize(
    "text",
    ["2022-02-01%2B00:00:00", "2022-02-01", "2022-02-01T00:00:00", "2022-02-01 00:00:00Z", "2022-13-01 00:00:00", ""],
)
def test_a_time_in_another_form_is_refused(api: Start, text: str) -> None:
    assert api().call("GET", f"/returns?created_after={text.replace(' ', '%20')}").status == 400


def test_a_time_that_no_zone_can_hold_is_refused(api: Start) -> None:
    client = api(timezone="Europe/Amsterdam")
    assert client.get("/returns", created_after="0001-01-01 00:00:00").status == 400


# What a walk must be ready for


def test_created_after_has_the_second_itself(api: Start) -> None:
    assert "948191" in api().ids("returns", created_after="2021-01-20 11:52:42")


def test_created_after_can_leave_out_the_second_itself(api: Start) -> None:
    client = api(exclusive_bounds=True)
    found = [
        "948191" in client.ids("returns", created_after=f"2021-01-20 11:52:{second}", reference="ORD000123")
        for second in (41, 42)
    ]
    assert found == [True, False]


def test_updated_after_has_the_second_itself(api: Start) -> None:
    assert api().ids("returns", updated_after="2021-01-21 21:29:59", reference="ORD000123") == ["948191"]


def test_updated_after_can_leave_out_the_second_itself(api: Start) -> None:
    client = api(exclusive_bounds=True)
    assert client.ids("returns", updated_after="2021-01-21 21:29:59", reference="ORD000123") == []


@pytest.mark.parametrize("cap", [50, 137])
def test_a_page_can_have_a_lower_silent_cap(api: Start, cap: int) -> None:
    client = api(count=300, per_page_cap=cap)
    assert [len(client.ids("requests", per_page=per_page)) for per_page in (200, 10)] == [cap, 10]


@pytest.mark.parametrize(
    ("kind", "date", "second"),
    [("requests", "request_date", "2023-06-01 12:00:00"), ("returns", "return_date", "2023-06-02 12:00:00")],
)
def test_many_can_share_one_second(kind: str, date: str, second: str) -> None:
    records = ReturnlessSandbox(count=400, same_second=250).records
    assert sum(record.get(date) == second for record in records.values()) == 250


def test_records_of_one_second_have_many_statuses() -> None:
    records = ReturnlessSandbox(count=400, same_second=250).records.values()
    words = Counter(record["status"] for record in records if record.get("return_date") == "2023-06-02 12:00:00")
    assert (len(words), max(words.values()) < 200) == (12, True)


def test_no_more_can_share_a_second_than_there_are() -> None:
    with pytest.raises(ValueError, match="at most 8"):
        ReturnlessSandbox(count=10, same_second=9)


def test_records_of_one_second_keep_their_order(api: Start) -> None:
    client = api(count=100, same_second=60)
    ascending = client.ids("returns", per_page=200, sort_order="asc")
    assert ascending == client.ids("returns", per_page=200, sort_order="desc")[::-1]


@pytest.mark.parametrize(
    "query",
    [
        {"reference": "nothing"},
        {"order_id": "nothing"},
        {"created_after": "2099-01-01 00:00:00"},
        {"updated_after": "2099-01-01 00:00:00"},
        {"emailaddress": "nothing"},
        {"status": "nothing"},
        {"sort_order": "asc"},
        {"per_page": "1"},
    ],
    ids=lambda query: next(iter(query)),
)
@pytest.mark.parametrize("kind", ["requests", "returns"])
def test_each_parameter_can_be_ignored(api: Start, kind: str, query: dict[str, str]) -> None:
    client = api(ignored=set(query))
    assert client.ids(kind, **query) == client.ids(kind)


def test_only_what_exists_can_be_ignored() -> None:
    with pytest.raises(ValueError, match="emailaddresss"):
        ReturnlessSandbox(count=0, ignored={"emailaddresss"})


def test_one_filter_of_several_can_be_all_that_counts(api: Start) -> None:
    client = api(one_filter=True)
    assert client.ids("returns", reference="nothing", order_id="124006", per_page=9) == ["948191"]


def test_updated_after_finds_a_changed_status(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=20, now=Clock())
    sandbox.set_status("371141", "received")
    assert api(sandbox).ids("returns", updated_after="2026-01-01 00:00:10") == ["371141"]


def test_updated_after_finds_a_changed_status_of_a_request(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=20, now=Clock())
    sandbox.set_status("request:948191", "approved")
    assert api(sandbox).ids("requests", updated_after="2026-01-01 00:00:10") == ["948191"]


def test_updated_after_finds_no_other_change(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=20, now=Clock())
    sandbox.edit("371141", files=["https://files.example.com/1"])
    assert api(sandbox).ids("returns", updated_after="2026-01-01 00:00:00") == []


def test_what_is_added_has_had_its_status_since_then(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=2, now=Clock())
    new = sandbox.add_return(status="checked")
    client = api(sandbox)
    found = [client.ids("returns", updated_after=f"2026-01-01 00:00:{second}") for second in (10, 11)]
    assert found == [[new], []]


def test_any_update_can_match(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=20, any_update_matches=True, now=Clock())
    sandbox.edit("371141", files=["https://files.example.com/1"])
    assert api(sandbox).ids("returns", updated_after="2026-01-01 00:00:00") == ["371141"]


@pytest.mark.parametrize(
    ("updated_order", "plain", "filtered"),
    [
        ("never", ["948191", "371141"], ["948191", "371141"]),
        ("filtered", ["948191", "371141"], ["371141", "948191"]),
        ("always", ["371141", "948191"], ["371141", "948191"]),
    ],
)
def test_a_listing_can_be_in_the_order_of_updates(
    api: Start, updated_order: str, plain: list[str], filtered: list[str]
) -> None:
    sandbox = ReturnlessSandbox(count=2, updated_order=updated_order, now=Clock())  # type: ignore[arg-type]  # a parameter
    sandbox.set_status("948191", "received")
    client = api(sandbox)
    listings = [
        client.ids("returns", sort_order="asc"),
        client.ids("returns", sort_order="asc", updated_after="2020-01-01 00:00:00"),
    ]
    assert listings == [plain, filtered]


def test_a_page_number_is_refused(api: Start) -> None:
    assert api().get("/returns", page=2).status == 400


def test_a_page_number_can_be_ignored(api: Start) -> None:
    client = api(page_parameter="ignored")
    assert client.ids("returns", per_page=8, page=2) == client.ids("returns", per_page=8)


def test_a_page_number_can_be_answered(api: Start) -> None:
    client = api(page_parameter="answered")
    everything = client.ids("returns", per_page=200)
    pages = [client.ids("returns", per_page=8, page=page) for page in (1, 2, 3, 4)]
    assert pages == [everything[:8], everything[8:16], everything[16:], []]


def test_a_page_number_beyond_the_end_can_be_answered_with_the_last_page(api: Start) -> None:
    client = api(page_parameter="last_again")
    pages = [client.ids("returns", per_page=8, page=page) for page in (3, 4, 900)]
    assert pages[0] == pages[1] == pages[2] != []


def test_the_last_page_of_nothing_is_empty(api: Start) -> None:
    assert api(count=0, page_parameter="last_again").ids("returns", page=2) == []


@pytest.mark.parametrize("page", ["0", "-1", "two", "1" * 30])
def test_a_page_number_is_a_number(api: Start, page: str) -> None:
    assert api(page_parameter="answered").get("/returns", page=page).status == 400


def test_times_can_be_of_another_zone(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=3, timezone="Europe/Amsterdam", now=Clock())
    new = sandbox.add_return()
    assert api(sandbox).get(f"/returns/{new}").json["return_date"] == "2026-01-01 01:00:10"


def test_the_hour_that_autumn_repeats_is_printed_twice(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=0, timezone="Europe/Amsterdam")
    sandbox.add_return(created_at=datetime(2024, 10, 27, 0, 30, tzinfo=UTC))
    sandbox.add_return(created_at=datetime(2024, 10, 27, 1, 15, tzinfo=UTC))
    dates = [row["return_date"] for row in api(sandbox).get("/returns", sort_order="asc").json]
    assert dates == ["2024-10-27 02:30:00", "2024-10-27 02:15:00"]


def test_filters_are_read_in_the_zone_that_is_printed(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=3, timezone="Europe/Amsterdam", now=Clock())
    new = sandbox.add_return()
    client = api(sandbox)
    found = [client.ids("returns", created_after=f"2026-01-01 01:00:{second}") for second in (10, 11)]
    assert found == [[new], []]


def test_filters_can_be_read_in_another_zone_than_is_printed(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=3, filter_timezone="America/New_York", now=Clock())
    new = sandbox.add_return()
    client = api(sandbox)
    found = [client.ids("returns", created_after=moment) for moment in ("2025-12-31 19:00:10", "2025-12-31 19:00:11")]
    assert found == [[new], []]


def test_the_documented_examples_are_the_same_in_every_zone(api: Start) -> None:
    assert api(timezone="Europe/Amsterdam").get("/returns", reference="ORD000123").json == [LISTED_RETURN]


@pytest.mark.parametrize("kind", ["requests", "returns"])
def test_words_outside_the_vocabulary_can_occur(api: Start, kind: Any) -> None:
    told = {row["status"] for row in api(count=200, undocumented_statuses=True).get(f"/{kind}", per_page=200).json}
    assert set(UNDOCUMENTED_STATUSES[kind]) <= told


def test_only_the_documented_example_has_a_word_outside_the_vocabulary_by_default() -> None:
    records = ReturnlessSandbox(count=300).records
    told = [key for key, record in records.items() if record["status"] not in {*REQUEST_STATUSES, *RETURN_STATUSES}]
    requests = [key for key in records if key.startswith("request:") and records[key]["status"] not in REQUEST_STATUSES]
    assert (told, requests) == ([], ["request:948191"])


def test_tracking_statuses_that_were_never_shown_can_occur(api: Start) -> None:
    shipments = api(count=100, undocumented_statuses=True).get("/shipments", per_page=200).json
    assert {row["tracking_status_id"] for row in shipments} == {"1000", "9001"}


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_texts_can_occur(api: Start, text: str) -> None:
    rows = api(count=200, hostile_texts=True).get("/returns", per_page=200).json
    assert text in {line["remarks"] for row in rows for line in row["returned_products"]}


def test_a_hostile_order_number_can_be_filtered_by(api: Start) -> None:
    client = api(count=200, hostile_texts=True)
    rows = client.get("/returns", reference="../../etc/passwd?status=approved&x=1#%2F").json
    assert {row["reference"] for row in rows} == {"../../etc/passwd?status=approved&x=1#%2F"}


def test_a_hostile_tracking_number_is_found(api: Start) -> None:
    client = api(count=60, hostile_texts=True)
    number = next(
        row["tracking_number"] for row in client.get("/shipments", per_page=200).json if "/" in row["tracking_number"]
    )
    assert [row["tracking_number"] for row in client.get(f"/shipments/{quote(number, safe='')}").json] == [number]


# Single records and updates


@pytest.mark.parametrize(
    "path", ["/requests/1", "/returns/481049", "/requests/371141", "/shipments/NONE", "/other", "/"]
)
def test_what_does_not_exist_is_not_found(api: Start, path: str) -> None:
    assert api().get(path).status == 404


@pytest.mark.parametrize("reply", ["[]", "{}", "null"])
@pytest.mark.parametrize("path", ["/requests/1", "/returns/1", "/shipments/NONE"])
def test_what_does_not_exist_can_be_hollow(api: Start, path: str, reply: str) -> None:
    answer = api(unknown_id=reply).get(path)
    assert (answer.status, answer.body.decode()) == (200, reply)


def test_a_single_return_has_no_return_type(api: Start) -> None:
    assert "return_type" not in api(count=50).get("/returns/100001").json


@pytest.mark.parametrize("word", REQUEST_STATUSES)
def test_a_request_can_be_set_to_every_documented_status(api: Start, word: str) -> None:
    client = api()
    client.put("/requests/948191", status=word)
    assert client.get("/requests/948191").json["status"] == word


@pytest.mark.parametrize("word", RETURN_STATUSES)
def test_a_return_can_be_set_to_every_documented_status(api: Start, word: str) -> None:
    client = api()
    client.put("/returns/371141", status=word)
    assert client.get("/returns/371141").json["status"] == word


@pytest.mark.parametrize(
    "target",
    [
        "/returns/371141?status=approved",
        "/returns/371141?status=Received",
        "/returns/371141?status=",
        "/returns/371141",
        "/requests/948191?status=received",
        "/requests/948191?free_shipping=True",
        "/requests/948191?free_shipping=",
        "/requests/948191?status=approved&free_shipping=1",
    ],
)
def test_an_update_that_cannot_be_has_a_false_result(api: Start, target: str) -> None:
    answer = api().call("PUT", target)
    assert (answer.status, answer.json["result"]) == (200, False)


def test_a_refused_update_changes_nothing(api: Start) -> None:
    client = api()
    client.put("/returns/948191", status="approved")
    assert client.get("/returns/948191").json == SINGLE_RETURN


def test_values_in_the_body_are_not_looked_at(api: Start) -> None:
    assert api().call("PUT", "/returns/371141", b"status=received").json["result"] is False


def test_free_shipping_is_for_requests_only(api: Start) -> None:
    assert api().put("/returns/948191", free_shipping=1).status == 400


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_there_are_no_other_methods(api: Start, method: str) -> None:
    assert api().call(method, "/returns/948191").status == 404


def test_free_shipping_is_told_to_python_only(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=2)
    client = api(sandbox)
    client.put("/requests/948191", free_shipping=1)
    assert (sandbox.free_shipping, client.get("/requests/948191").json) == ({"request:948191": "1"}, REQUEST)


def test_updating_what_does_not_exist_is_not_found(api: Start) -> None:
    assert api().put("/returns/1", status="received").status == 404


def test_a_new_status_is_told_in_updated_at(api: Start) -> None:
    client = api(now=Clock())
    client.put("/returns/948191", status="received")
    assert client.get("/returns/948191").json["updated_at"] == "2026-01-01 00:00:10"


def test_a_new_status_is_told_in_a_note(api: Start) -> None:
    client = api(now=Clock())
    client.put("/requests/481049", status="on_hold")
    assert client.get("/requests/481049").json["return_notes"] == [
        {
            "message": "The status has been changed from Label created to On hold",
            "name": "Returnless Support",
            "quote_id": 408516,
            "created_at": "2026-01-01 00:00:10",
        }
    ]


def test_the_same_status_changes_nothing(api: Start) -> None:
    client = api(now=Clock())
    client.put("/returns/948191", status="processing")
    assert client.get("/returns/948191").json == SINGLE_RETURN


def test_the_portal_can_set_any_word(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=2)
    sandbox.set_status("371141", "our own word")
    assert api(sandbox).get("/returns/371141").json["status"] == "our own word"


def test_a_shipment_tells_the_status_of_its_return(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=2)
    sandbox.set_status("371141", "checked")
    assert api(sandbox).get("/shipments/3STRVL987599921").json[0]["status"] == "checked"


def test_an_edited_return_is_told_as_edited(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=2, now=Clock())
    sandbox.edit("948191", tracking_status="Delivered")
    row = api(sandbox).get("/returns/948191").json
    assert (row["tracking_status"], row["updated_at"]) == ("Delivered", "2026-01-01 00:00:10")


def test_a_new_return_is_the_newest(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=20)
    new = sandbox.add_return(reference="NEW-1")
    row = api(sandbox).get("/returns", per_page=1).json[0]
    assert (row["return_id"], row["reference"], row["status"]) == (new, "NEW-1", "processing")


def test_a_new_return_may_have_grown_from_a_request(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=20)
    request = sandbox.add_request(customer_email="ada@example.com")
    new = sandbox.add_return(request=request)
    row = api(sandbox).get(f"/returns/{new}").json
    told = row["request_id"], row["customer_email"], sandbox.records[request]["status"]
    assert told == (request.removeprefix("request:"), "ada@example.com", "label_created")


def test_what_is_added_for_an_earlier_time_is_in_its_place(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=2)
    new = sandbox.add_return(created_at=datetime(2021, 6, 1, tzinfo=UTC))
    assert api(sandbox).ids("returns", sort_order="asc") == ["948191", new, "371141"]


def test_a_second_can_be_filled_with_one_status(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=10)
    new = [sandbox.add_return(created_at=SAME_SECOND, status="received") for _ in range(230)]
    client = api(sandbox)
    rows = client.ids("returns", created_after="2023-06-01 12:00:00", status="received", sort_order="asc", per_page=200)
    assert rows == new[:200]


def test_a_walk_over_everything_finds_everything(api: Start) -> None:
    sandbox = ReturnlessSandbox(count=1000)
    client = api(sandbox)
    found, bound = set[str](), "2020-01-01 00:00:00"
    for _ in range(20):
        rows = client.get("/returns", sort_order="asc", per_page=200, created_after=bound).json
        found.update(row["return_id"] for row in rows)
        bound = rows[-1]["return_date"]
    assert found == {key for key in sandbox.records if not key.startswith("request:")}


# Order look-ups


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("demo-key-1", "ORD000212", "8917e9d0bf4370c478396b4ab60f1cbae36ae9c83d84396e175353a71a0b5e74"),
        ("demo-key-1", "100000042", "c675193fd2f5cffb2c97db748504224ff2773aaa0de5dd0eb50b0a79348c7101"),
        ("demo-key-2", "ORD000212", "ff8c2e9176545651c3b4ee6e52f9774d2314a62f0113ec12b64d76c5f92585fe"),
        ("demo-key-1", "371141", "81950974af2e73c8f1d94de702d15d46f1627eb6c64b9d542ffa4300528b5f32"),
    ],
)
def test_signatures_are_the_known_ones(key: str, text: str, expected: str) -> None:
    assert signature(key, text) == expected


def test_an_order_is_asked_for_with_a_signed_get(served: Serve) -> None:
    shop = Shop(200)
    ReturnlessSandbox(count=0, signing_key="demo-key-1").call_order_lookup(
        f"{served(shop)}/api/v1/orders/", "ORD000212"
    )
    method, path, headers, body = shop.seen[0]
    assert (method, path, headers["returnless-signature"], body) == (
        "GET",
        "/api/v1/orders/ORD000212",
        "8917e9d0bf4370c478396b4ab60f1cbae36ae9c83d84396e175353a71a0b5e74",
        b"",
    )


def test_an_order_number_is_encoded_and_signed_as_it_is(served: Serve) -> None:
    shop = Shop(200)
    ReturnlessSandbox(count=0, signing_key="k").call_order_lookup(f"{served(shop)}/orders/", "#1 a/b+ü")
    _, path, headers, _ = shop.seen[0]
    assert (path, headers["returnless-signature"]) == ("/orders/%231%20a%2Fb%2B%C3%BC", signature("k", "#1 a/b+ü"))


def test_an_order_number_is_joined_to_the_url_as_it_is(served: Serve) -> None:
    shop = Shop(200)
    ReturnlessSandbox(count=0).call_order_lookup(f"{served(shop)}/orders?increment_id=", "ORD1")
    assert shop.seen[0][1] == "/orders?increment_id=ORD1"


def test_the_shops_answer_is_handed_back(served: Serve) -> None:
    shop = Shop(404, body=b'{"return_code":404}', headers={b"content-type": b"application/json; charset=utf-8"})
    answer = ReturnlessSandbox(count=0).call_order_lookup(served(shop) + "/", "ORD1")
    assert answer is not None
    assert (answer.status, answer.body, dict(answer.headers)["content-type"]) == (
        404,
        b'{"return_code":404}',
        "application/json; charset=utf-8",
    )


def test_a_shop_that_cannot_be_reached_gives_no_answer() -> None:
    assert ReturnlessSandbox(count=0).call_order_lookup("http://127.0.0.1:1/", "ORD1") is None


def test_a_shop_that_is_too_slow_gives_no_answer(served: Serve) -> None:
    shop = ReturnlessSandbox(count=0)
    shop.faults.slow(5)
    assert ReturnlessSandbox(count=0, timeout=0.05).call_order_lookup(f"{served(shop)}/", "ORD1") is None


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/orders/", "http:///orders/"])
def test_a_url_that_is_none_is_an_error(url: str) -> None:
    with pytest.raises(ValueError, match="not an absolute http or https URL"):
        ReturnlessSandbox(count=0).call_order_lookup(url, "ORD1")


# Webhooks


def waits(sandbox_arguments: dict[str, Any]) -> tuple[ReturnlessSandbox, list[float]]:
    """A simulator that does not wait, and the seconds for which it would have."""
    seconds: list[float] = []
    return ReturnlessSandbox(**{"count": 2, "pause": seconds.append, **sandbox_arguments}), seconds


def test_a_webhook_is_the_documented_post(served: Serve) -> None:
    shop = Shop(201)
    sandbox, _ = waits({"signing_key": "demo-key-1"})
    sandbox.deliver_webhook(f"{served(shop)}/webhook/returnless/index/", "948191")
    method, path, headers, body = shop.seen[0]
    assert (method, path, headers["content-type"], json.loads(body)) == (
        "POST",
        "/webhook/returnless/index/948191",
        "application/json",
        WEBHOOK,
    )


def test_a_webhook_is_signed_over_the_id_in_its_url(served: Serve) -> None:
    shop = Shop(201)
    sandbox, _ = waits({"signing_key": "demo-key-1"})
    sandbox.deliver_webhook(f"{served(shop)}/", "371141")
    expected = "81950974af2e73c8f1d94de702d15d46f1627eb6c64b9d542ffa4300528b5f32"
    assert shop.seen[0][2]["returnless-signature"] == expected


def test_a_webhook_tells_of_every_line_of_the_order() -> None:
    sandbox = ReturnlessSandbox(count=100)
    products = [line for key in sandbox.records if not key.startswith("request:") for line in lines_of(sandbox, key)]
    kept = [line for line in products if line["qty_returned"] == "0.0000"]
    assert ({line["reason"] for line in kept}, any("return_item_id" in line for line in products)) == ({""}, False)


def lines_of(sandbox: ReturnlessSandbox, return_id: str) -> Any:
    return json.loads(sandbox.webhook(return_id)[1])["returned_products"]


def test_201_acknowledges_at_once(served: Serve) -> None:
    sandbox, seconds = waits({})
    delivery = sandbox.deliver_webhook(f"{served(Shop(201))}/", "371141")
    assert (delivery.acknowledged, len(delivery.attempts), seconds) == (True, 1, [])


@pytest.mark.parametrize("status", [200, 202, 204, 302, 401, 404, 500, 503])
def test_anything_but_201_is_a_failure(served: Serve, status: int) -> None:
    sandbox, _ = waits({})
    delivery = sandbox.deliver_webhook(f"{served(Shop(status))}/", "371141")
    assert ({attempt.status for attempt in delivery.attempts}, delivery.acknowledged) == ({status}, False)


def test_a_redirect_is_not_followed(served: Serve) -> None:
    elsewhere = Shop(201)
    shop = Shop(307, headers={b"location": served(elsewhere).encode()})
    waits({})[0].deliver_webhook(f"{served(shop)}/", "371141")
    assert elsewhere.seen == []


def test_a_failed_webhook_is_tried_ten_times_more_in_three_hours(served: Serve) -> None:
    sandbox, seconds = waits({})
    delivery = sandbox.deliver_webhook(f"{served(Shop(503))}/", "371141")
    assert (len(delivery.attempts), delivery.attempts[-1].after, sum(seconds)) == (11, timedelta(hours=3), 10_800)


def test_a_late_201_ends_the_retries(served: Serve) -> None:
    sandbox, seconds = waits({})
    delivery = sandbox.deliver_webhook(f"{served(Shop(503, 200, 201))}/", "371141")
    assert ([attempt.status for attempt in delivery.attempts], delivery.acknowledged, len(seconds)) == (
        [503, 200, 201],
        True,
        2,
    )


def test_every_attempt_is_the_same_message(served: Serve) -> None:
    shop = Shop(500, 500, 201)
    waits({})[0].deliver_webhook(f"{served(shop)}/", "948191")
    assert shop.seen[0][1:] == shop.seen[1][1:] == shop.seen[2][1:]


def test_no_connection_is_a_failure_too() -> None:
    delivery = waits({})[0].deliver_webhook("http://127.0.0.1:1/", "371141")
    assert {attempt.status for attempt in delivery.attempts} == {None}


def test_three_hours_take_less_than_two_seconds() -> None:
    started = time.perf_counter()
    delivery = ReturnlessSandbox(count=2).deliver_webhook("http://127.0.0.1:1/", "371141")
    assert (len(delivery.attempts), time.perf_counter() - started < 2) == (11, True)


def test_a_batch_tells_of_what_was_added(served: Serve) -> None:
    sandbox, _ = waits({})
    new = [sandbox.add_return() for _ in range(3)]
    deliveries = sandbox.deliver_batch(f"{served(Shop(201))}/")
    assert [delivery.return_id for delivery in deliveries] == new


def test_a_batch_tells_of_everything_once(served: Serve) -> None:
    sandbox, _ = waits({})
    sandbox.add_return()
    url = f"{served(Shop(201))}/"
    sandbox.deliver_batch(url)
    assert sandbox.deliver_batch(url) == ()


def test_what_was_dropped_does_not_come_again(served: Serve) -> None:
    sandbox, _ = waits({})
    sandbox.add_return()
    sandbox.deliver_batch("http://127.0.0.1:1/")
    assert sandbox.deliver_batch(f"{served(Shop(201))}/") == ()


def test_a_batch_retries_what_failed_and_nothing_else(served: Serve) -> None:
    sandbox, seconds = waits({})
    new = [sandbox.add_return() for _ in range(3)]
    shop = Shop(201, 500, 201)
    sandbox.deliver_batch(f"{served(shop)}/")
    assert ([path for _, path, *_ in shop.seen], len(seconds)) == ([f"/{one}" for one in (*new, new[1])], 1)


def test_no_webhook_tells_of_a_changed_status(served: Serve) -> None:
    sandbox, _ = waits({})
    sandbox.set_status("948191", "received")
    assert sandbox.deliver_batch(f"{served(Shop(201))}/") == ()


def test_the_api_answers_while_a_webhook_is_delivered(served: Serve) -> None:
    sandbox, _ = waits({})
    client = Api(served(sandbox))
    read: list[int] = []

    async def shop(scope: Any, receive: Any, send: Any) -> None:
        answer = await to_thread(client.get, "/returns/948191")
        read.append(answer.status)
        await Shop(201)(scope, receive, send)

    sandbox.deliver_webhook(f"{served(shop)}/", "948191")
    assert read == [200]
