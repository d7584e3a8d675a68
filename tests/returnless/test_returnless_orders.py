"""Order look-ups: verified by the number in the URL, answered as Returnless V1 API documents it.

The signatures were computed with another tool: ``printf ORD000212 | openssl dgst -sha256 -hmac demo-key-1``.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from returns_hub import Address, Order, OrderLine, Secret, WebhookRejected, WebhookRequest
from returns_hub.orders import answer_order_lookup, answer_order_lookup_async

URL = "https://shop.example/orders/acme/ORD000212"
SIGNATURE = "8917e9d0bf4370c478396b4ab60f1cbae36ae9c83d84396e175353a71a0b5e74"  # demo-key-1, ORD000212
OTHER_KEY = "ff8c2e9176545651c3b4ee6e52f9774d2314a62f0113ec12b64d76c5f92585fe"  # demo-key-2, ORD000212
OTHER_NUMBER = "c675193fd2f5cffb2c97db748504224ff2773aaa0de5dd0eb50b0a79348c7101"  # demo-key-1, 100000042
BLANK = "c50eadbef799efa3c220e64571ec261c4cd875b93d10e162235bb078d0b58654"  # demo-key-1, "ORD 12"
SLASH = "2ca9960d8f84e400fe185b2c7d9ff332368bcb64875789360ef063c60d50c32c"  # demo-key-1, ORD/12
PERCENT = "badb95b0d19cf66f4e5ac24fea4c85d50bdcbac273c8070441b2421ac938b5d2"  # demo-key-1, 50%25
PLUS = "d1a9076b58a4c71bf343158d07cda354211e6f8dc1100a46ae9f702c0df5ae65"  # demo-key-1, A+B
UNICODE = "8af9e8840563de485d8556fe6cb32a6f2394df7bbed3c3b88f45bc9deb2760a5"  # demo-key-1, Größe-1
EMPTY = "13d50164e18f2116c791f4e66c273e2773e8211210b8f854041381bcef693f02"  # demo-key-1, nothing
RETURN_ID = "2a2ac40fffb71176e5a41b38c705b1a7a7535538b1d7319f54a117d3388dcaa6"  # demo-key-1, 948191
PRINTED = "4c7feb66d66873ec79c81cd8beb811f34e4ee37d9d24a407712b58049b08da9f"

# Returnless V1 API, Expected response, said in our words.
ORDER = Order(
    number="ORD000123",
    id="124006",
    created_at=datetime(2020, 9, 5, 10, 46, 27, tzinfo=UTC),
    email="pieter@returnless.com",
    phone="+31612341234",
    customer_id="58179",
    payment_method="iDeal",
    billing_address=Address(
        first_name="Pieter",
        last_name="Post",
        line1="PCzn Hooftlaan",
        house_number="14",
        house_number_addition="",
        city="Eindhoven",
        postal_code="5611NV",
        country="NL",
    ),
    lines=(
        OrderLine(
            product_id="1007",
            id="153397",
            quantity=Decimal(1),
            name="Samsonite S'Cure Spinner 55 navy blue capri",
            title="Samsonite S'Cure Spinner 55",
            sku="trvl-01598592",
            article_code="495398926",
            price=Decimal("144.63"),
            price_with_tax=Decimal(175),
            discount=Decimal(26),
            total=Decimal("149.80"),
            cost=Decimal("87.5"),
            weight=Decimal("2.9"),
            length=Decimal(50),
            width=Decimal(40),
            height=Decimal(30),
            images=("https://media.travelshop-cdn.nl/product-square-680/339033/image.jpg",),
            url="https://www.travelshop.nl/samsonite-scure-spinner-55-navy-blue-capri.html",
            category_ids=("520", "157"),
            brand="Samsonite",
            barcode="890128492109899",
        ),
        OrderLine(
            product_id="1008",
            id="153398",
            quantity=Decimal(2),
            name="Eastpak x Havaianas Padded Pak'R Rugzak havaianas green",
            title="Eastpak x Havaianas Padded Pak'R Rugzak",
            sku="trvl-1059819",
            article_code="EK000620C411001",
            price=Decimal("45.45"),
            price_with_tax=Decimal("55.00"),
            discount=Decimal("20.1"),
            total=Decimal("69.8"),
            cost=Decimal("21.90"),
            weight=Decimal("1.50"),
            images=("https://media.travelshop-cdn.nl/product-square-680/362798/image.jpg",),
            url="https://www.travelshop.nl/eastpak-x-havaianas-padded-pakr-rugzak-havaianas-green.html",
            category_ids=("520", "157"),
            brand="Eastpack",
            barcode="5400879259557",
            return_address=Address(
                name="My secondary warehouse",
                line1="Singel",
                house_number="1",
                postal_code="1234 AB",
                city="Amsterdam",
                country="NL",
            ),
        ),
    ),
)
BARE = Order(number="1", id="2", created_at=datetime(2024, 1, 31, 12, tzinfo=UTC), email="a@b.c")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def look_up(url: str = URL, *, method: str = "GET", headers: Any = None, signature: str = SIGNATURE) -> WebhookRequest:
    return WebhookRequest(
        method=method,
        url=url,
        headers={"returnless-signature": signature} if headers is None else headers,
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def rejection(adapter: Any, request: WebhookRequest) -> str:
    with pytest.raises(WebhookRejected) as caught:
        adapter.read_order_lookup(request)
    return caught.value.reason


def rendered(adapter: Any, order: Order | None) -> Any:
    return json.loads(adapter.answer_order_lookup(order).body)


def line(adapter: Any, **fields: Any) -> Any:
    order = evolve(BARE, lines=(OrderLine(**{"product_id": "9", "price_with_tax": Decimal("12.1"), **fields}),))
    return rendered(adapter, order)["result"]["order_products"][0]


@pytest.mark.parametrize(
    ("url", "signature", "number"),
    [
        (URL, SIGNATURE, "ORD000212"),
        (URL + "/", SIGNATURE, "ORD000212"),
        (URL, SIGNATURE.upper(), "ORD000212"),
        ("https://shop.example/api/v1/orders/100000042", OTHER_NUMBER, "100000042"),
        ("https://shop.example/orders/%4FRD000212", SIGNATURE, "ORD000212"),
        ("https://shop.example/orders/ORD%2012", BLANK, "ORD 12"),
        ("https://shop.example/orders/ORD+12", BLANK, "ORD 12"),
        ("https://shop.example/orders/ORD%2F12", SLASH, "ORD/12"),
        # nginx encodes once more what a rewrite has captured.
        ("https://shop.example/orders/ORD%252F12", SLASH, "ORD/12"),
        ("https://shop.example/orders/Gr%25C3%25B6%25C3%259Fe-1", UNICODE, "Größe-1"),
        ("https://shop.example/orders/ORD/12", SLASH, "ORD/12"),
        ("https://shop.example/orders/acme/ORD/12/", SLASH, "ORD/12"),
        ("https://shop.example/ORD/12", SLASH, "ORD/12"),
        ("/ORD/12", SLASH, "ORD/12"),
        ("https://shop.example/orders/ORD%2f12?x=1", SLASH, "ORD/12"),
        ("https://shop.example/orders/50%25", PERCENT, "50%25"),
        ("https://shop.example/orders/50%2525", PERCENT, "50%25"),
        ("https://shop.example/orders/A+B", PLUS, "A+B"),
        ("https://shop.example/orders/A%2BB", PLUS, "A+B"),
        ("https://shop.example/orders/Gr%C3%B6%C3%9Fe-1", UNICODE, "Größe-1"),
        ("https://shop.example/orders/Größe-1", UNICODE, "Größe-1"),
    ],
)
def test_signed_number_is_given(adapter: Any, url: str, signature: str, number: str) -> None:
    assert adapter.read_order_lookup(look_up(url, signature=signature)) == number


@pytest.mark.parametrize("signature", [SIGNATURE, OTHER_KEY])
def test_every_live_key_is_good(make: Any, signature: str) -> None:
    adapter = make(signing_keys=(Secret("demo-key-1"), Secret("demo-key-2")))
    assert adapter.read_order_lookup(look_up(signature=signature)) == "ORD000212"


@pytest.mark.parametrize("header", ["returnless-signature", "Returnless-Signature", "RETURNLESS-SIGNATURE"])
def test_header_name_has_no_case(adapter: Any, header: str) -> None:
    assert adapter.read_order_lookup(look_up(headers={header: SIGNATURE})) == "ORD000212"


@pytest.mark.parametrize("keys", [(), (Secret(""),)])
def test_without_a_key_every_look_up_is_refused(make: Any, keys: Any) -> None:
    assert rejection(make(signing_keys=keys), look_up()) == "not_configured"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "", "GET ", "GETS"])
def test_other_method_is_refused(adapter: Any, method: str) -> None:
    assert rejection(adapter, look_up(method=method)) == "wrong_method"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing_signature"),
        ({"returnless-signature": ""}, "missing_signature"),
        ({"returnless-signature": "   "}, "missing_signature"),
        ({"signature": SIGNATURE}, "missing_signature"),
        ({"returnless_signature": SIGNATURE}, "missing_signature"),
        ({"Authorization": SIGNATURE}, "missing_signature"),
        ([("returnless-signature", SIGNATURE), ("returnless-signature", SIGNATURE)], "duplicate_signature"),
        ([("returnless-signature", SIGNATURE), ("Returnless-Signature", OTHER_KEY)], "duplicate_signature"),
        ([("returnless-signature", ""), ("returnless-signature", SIGNATURE)], "duplicate_signature"),
        ({"returnless-signature": SIGNATURE[:-1]}, "malformed_signature"),
        ({"returnless-signature": SIGNATURE + "a"}, "malformed_signature"),
        ({"returnless-signature": SIGNATURE[1:] + "\n"}, "malformed_signature"),
        ({"returnless-signature": f"{SIGNATURE},{SIGNATURE}"}, "malformed_signature"),
        ({"returnless-signature": f"sha256={SIGNATURE}"}, "malformed_signature"),
        ({"returnless-signature": f"0x{SIGNATURE}"}, "malformed_signature"),
        ({"returnless-signature": "g" * 64}, "malformed_signature"),
        ({"returnless-signature": "é" * 64}, "malformed_signature"),
        ({"returnless-signature": "１" * 64}, "malformed_signature"),
        ({"returnless-signature": "\0" * 64}, "malformed_signature"),
        ({"returnless-signature": "\ud800" * 64}, "malformed_signature"),
        ({"returnless-signature": "null"}, "malformed_signature"),
        ({"returnless-signature": "a" * 1_000_000}, "malformed_signature"),
        ({"returnless-signature": "0" * 64}, "wrong_signature"),
        ({"returnless-signature": SIGNATURE[::-1]}, "wrong_signature"),
        ({"returnless-signature": "9" + SIGNATURE[1:]}, "wrong_signature"),
        ({"returnless-signature": SIGNATURE[:-1] + "5"}, "wrong_signature"),
        ({"returnless-signature": PRINTED}, "wrong_signature"),
        ({"returnless-signature": OTHER_NUMBER}, "wrong_signature"),
        ({"returnless-signature": OTHER_KEY}, "wrong_signature"),
        ({"returnless-signature": EMPTY}, "wrong_signature"),
        ({"returnless-signature": RETURN_ID}, "wrong_signature"),
    ],
)
def test_signature_that_is_not_one_is_refused(adapter: Any, headers: Any, reason: str) -> None:
    assert rejection(adapter, look_up(headers=headers)) == reason


@pytest.mark.parametrize(
    ("url", "signature", "reason"),
    [
        ("", SIGNATURE, "malformed_url"),
        ("https://shop.example", EMPTY, "malformed_url"),
        ("https://shop.example/", EMPTY, "malformed_url"),
        ("https://shop.example//", EMPTY, "malformed_url"),
        ("https://shop.example/orders/ORD000212//", SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/ord000212", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD000212%20", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/%20ORD000212", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD212", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD000213", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD000212%00", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD000212%0A", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD000212;x=1", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/x%2FORD000212", SIGNATURE, "wrong_signature"),
        ("https://shop.example/ORD000212/orders", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/?ORD000212", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/#ORD000212", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD000212/..", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/%25254FRD000212", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD/12/x", SLASH, "wrong_signature"),
        ("https://shop.example/orders/ORD//12", SLASH, "wrong_signature"),
        ("https://shop.example/orders/1/2/3/4/5/6/7/8/9/ORD000212/1/2/3/4/5/6/7/8/9", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ＯＲＤ000212", SIGNATURE, "wrong_signature"),
        ("https://shop.example/orders/ORD000212\n", SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/ORD\t000212", SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/ORD000212 ", SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/ORD000212\r\nX: y", SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/%FF%FE", SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/%ED%A0%80", SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/\ud800", SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/" + "1" * 201, SIGNATURE, "malformed_url"),
        ("https://shop.example/orders/" + "1" * 1_000_000, SIGNATURE, "malformed_url"),
        ("https://[shop/orders/ORD000212", SIGNATURE, "malformed_url"),
        ("https://[::1/ORD000212", SIGNATURE, "malformed_url"),
    ],
)
def test_url_that_holds_no_signed_number_is_refused(adapter: Any, url: str, signature: str, reason: str) -> None:
    assert rejection(adapter, look_up(url, signature=signature)) == reason


def test_rejection_quotes_nothing_that_came_in(adapter: Any) -> None:
    with pytest.raises(WebhookRejected) as caught:
        adapter.read_order_lookup(look_up("https://shop.example/canary", signature="canary"))
    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.args}"


def test_hostile_url_hangs_on_no_error(adapter: Any) -> None:
    with pytest.raises(WebhookRejected) as caught:
        adapter.read_order_lookup(look_up("https://shop.example/canary%FF"))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_documented_order_comes_out_as_documented(adapter: Any, document: Any) -> None:
    answer = adapter.answer_order_lookup(ORDER)
    assert json.loads(answer.body) == json.loads(document("order-info.json"))
    assert (answer.status, answer.headers) == (200, (("Content-Type", "application/json; charset=utf-8"),))


def test_least_order_has_what_is_required(adapter: Any) -> None:
    assert rendered(adapter, BARE) == {
        "return_code": 200,
        "return_message": "Success!",
        "result": {
            "id": "1",
            "order_id": "2",
            "create_at": {"value": "2024-01-31 12:00:00"},
            "customer": {"email": "a@b.c"},
            "order_products": [],
        },
    }


def test_least_line_has_what_is_required(adapter: Any) -> None:
    assert line(adapter) == {
        "product_id": "9",
        "quantity": "1.0000",
        "title_name": "9",
        "price_inc_tax": "12.1000",
    }


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"title": "Parent", "name": "Variant", "sku": "S"}, "Parent"),
        ({"name": "Variant", "sku": "S"}, "Variant"),
        ({"sku": "S"}, "S"),
    ],
)
def test_title_is_the_best_name_there_is(adapter: Any, fields: dict[str, str], title: str) -> None:
    assert line(adapter, **fields)["title_name"] == title


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({"price_with_tax": Decimal("12.1"), "price": Decimal(10)}, "12.1000"),
        ({"price_with_tax": Decimal(0), "price": Decimal(10)}, "0.0000"),
    ],
)
def test_required_price_is_the_one_with_tax(adapter: Any, fields: dict[str, Decimal], price: str) -> None:
    assert line(adapter, **fields)["price_inc_tax"] == price


@pytest.mark.parametrize(
    ("field", "key", "value", "text"),
    [
        ("quantity", "quantity", Decimal("2.5"), "2.5000"),
        ("price", "price", Decimal("144.63"), "144.6300"),
        ("price", "price", Decimal("1E+3"), "1000.0000"),
        ("discount", "discount_amount", Decimal(0), "0.0000"),
        ("total", "total_price", Decimal("89.99000000000001"), "89.9900"),
        ("cost", "cost", Decimal(87), "87.00"),
        ("weight", "weight", Decimal("2.9"), "2.9000"),
        ("length", "length", Decimal(50), "50"),
        ("width", "width", Decimal("40.5"), "40.5"),
        ("height", "height", Decimal("3E+1"), "30"),
    ],
)
def test_number_is_printed_as_the_vendor_prints_it(
    adapter: Any, field: str, key: str, value: Decimal, text: str
) -> None:
    assert line(adapter, **{field: value})[key] == text


def test_further_keys_stand_beside_the_documented_ones(adapter: Any) -> None:
    told = line(adapter, extra={"u_season": "summer", "product_id": "another"})
    assert (told["u_season"], told["product_id"]) == ("summer", "9")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (Address(name="Warehouse", company="Shop BV"), "Warehouse, Shop BV"),
        (Address(company="Shop BV", first_name="Ann"), "Ann, Shop BV"),
        (Address(company="Shop BV"), "Shop BV"),
        (Address(first_name="Ann", last_name="Post"), "Ann Post"),
    ],
)
def test_return_address_has_one_name(adapter: Any, address: Address, name: str) -> None:
    assert line(adapter, return_address=address)["force_address"] == {"name": name}


@pytest.mark.parametrize(
    ("address", "printed"),
    [
        (Address(name="Pieter Post"), {"last_name": "Pieter Post"}),
        (Address(first_name="Pieter", last_name="Post", name="P. Post"), {"first_name": "Pieter", "last_name": "Post"}),
        (
            Address(first_name="Pieter", last_name="Post", company="Shop BV"),
            {"first_name": "Pieter", "last_name": "Post, Shop BV"},
        ),
        (Address(company="Shop BV"), {"last_name": "Shop BV"}),
        (Address(house_number="14", house_number_addition="A"), {"address2": "14", "addition": "A"}),
        (Address(house_number="14", line2="Unit 3", line3="Dock B"), {"address2": "14", "addition": "Unit 3, Dock B"}),
        (Address(house_number_addition="A", line2="Unit 3"), {"addition": "A, Unit 3"}),
    ],
)
def test_nothing_of_a_billing_address_is_dropped(adapter: Any, address: Address, printed: dict[str, str]) -> None:
    assert rendered(adapter, evolve(BARE, billing_address=address))["result"]["billing_address"] == printed


@pytest.mark.parametrize(
    ("address", "number"),
    [
        (Address(house_number="1", house_number_addition="A"), "1 A"),
        (Address(house_number="1", line2="Unit 3"), "1, Unit 3"),
        (Address(line2="Unit 3", line3="Dock B"), "Unit 3, Dock B"),
    ],
)
def test_nothing_of_a_return_address_is_dropped(adapter: Any, address: Address, number: str) -> None:
    assert line(adapter, return_address=address)["force_address"] == {"house_number": number}


def test_phone_of_the_billing_address_is_the_customers(adapter: Any) -> None:
    order = evolve(BARE, billing_address=Address(city="Eindhoven", phone="+31612341234"))
    assert rendered(adapter, order)["result"]["customer"] == {"email": "a@b.c", "phone": "+31612341234"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"price_with_tax": None}, "order 1, product 9: Returnless requires price_with_tax"),
        ({"price_with_tax": None, "price": Decimal(10)}, "order 1, product 9: Returnless requires price_with_tax"),
        ({"product_id": ""}, "order 1, product : Returnless requires product_id"),
    ],
)
def test_line_without_what_is_required_is_refused(adapter: Any, fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        line(adapter, **fields)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"email": ""}, "order 1: Returnless requires email"),
        ({"email": None}, "order 1: Returnless requires email"),
        ({"id": ""}, "order 1: Returnless requires id"),
        ({"number": "", "id": ""}, "order : Returnless requires number and id"),
    ],
)
def test_order_without_what_is_required_is_refused(adapter: Any, fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        adapter.answer_order_lookup(evolve(BARE, **fields))


def test_empty_address_is_left_out(adapter: Any) -> None:
    assert "billing_address" not in rendered(adapter, evolve(BARE, billing_address=Address()))["result"]


def test_empty_return_address_is_left_out(adapter: Any) -> None:
    assert "force_address" not in line(adapter, return_address=Address())


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ({}, "2020-09-05 10:46:27"),
        ({"timezone": "Europe/Amsterdam"}, "2020-09-05 12:46:27"),
        ({"timezone": "Europe/Amsterdam", "order_timezone": "UTC"}, "2020-09-05 10:46:27"),
        ({"order_timezone": "America/New_York"}, "2020-09-05 06:46:27"),
    ],
)
def test_time_is_by_the_clock_of_the_shops_orders(make: Any, options: dict[str, str], printed: str) -> None:
    assert rendered(make(**options), ORDER)["result"]["create_at"] == {"value": printed}


def test_unknown_order_is_not_found_in_the_vendors_envelope(adapter: Any) -> None:
    answer = adapter.answer_order_lookup(None)
    assert (answer.status, json.loads(answer.body)) == (
        404,
        {"return_code": 404, "return_message": "Order is not found."},
    )


def test_look_up_is_verified_found_and_answered(adapter: Any) -> None:
    asked: list[str] = []

    def find_order(number: str) -> Order | None:
        asked.append(number)
        return BARE

    answer = answer_order_lookup(adapter, look_up(), find_order)
    assert (asked, answer.status, json.loads(answer.body)["result"]["id"]) == (["ORD000212"], 200, "1")


def test_nothing_is_looked_up_for_a_call_that_is_not_the_vendors(adapter: Any) -> None:
    with pytest.raises(WebhookRejected):
        answer_order_lookup(adapter, look_up(signature="0" * 64), lambda _: pytest.fail("it was looked up"))


@pytest.mark.anyio
async def test_look_up_may_be_awaited(adapter: Any) -> None:
    async def find_order(_: str) -> Order | None:
        return BARE

    answer = await answer_order_lookup_async(adapter, look_up(), find_order)
    assert answer.status == 200


@pytest.mark.anyio
async def test_awaited_look_up_takes_a_plain_function_too(adapter: Any) -> None:
    answer = await answer_order_lookup_async(adapter, look_up(), lambda _: None)
    assert answer.status == 404


@pytest.mark.anyio
async def test_nothing_is_awaited_for_a_call_that_is_not_the_vendors(adapter: Any) -> None:
    with pytest.raises(WebhookRejected):
        await answer_order_lookup_async(adapter, look_up(signature="0" * 64), lambda _: pytest.fail("it was looked up"))
