"""The helpers that vendor packages share: records read field by field, rows, errors, paths."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import (
    Adapter,
    AuthenticationFailed,
    ConfigurationError,
    Conflict,
    Customer,
    NotFound,
    OrderRef,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Reply,
    Return,
    ReturnQuery,
    Secret,
    Status,
    UnexpectedReply,
    ValidationFailed,
    decode_json,
)
from returns_hub.wire import (
    Record,
    alpha2,
    alpha3,
    body_excerpt,
    build_error,
    build_path,
    check_header_value,
    check_one_status,
    check_same_id,
    comparable,
    decode_object,
    describe,
    error_class,
    fields_set,
    foreign_cursor,
    get,
    json_or_none,
    may_match,
    page_size,
    parse_id,
    parse_list,
    parse_one,
    parse_rows,
    without_none,
)

NOTHING: list[Any] = [None, "", [], {}, False]
LONG = 10**40

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize(
    ("read", "empty"),
    [
        (lambda record: record.text("a"), None),
        (lambda record: record.number("a"), None),
        (lambda record: record.whole("a"), None),
        (lambda record: record.time("a"), None),
        (lambda record: record.optional_id("a"), None),
        (lambda record: record.texts("a"), ()),
        (lambda record: record.records("a"), []),
        (lambda record: record.text_map("a"), {}),
        (lambda record: record.record("a").raw, {}),
    ],
)
def test_nothing_is_empty_and_not_reported(read: Any, empty: object, nothing: object) -> None:
    record = Record({"a": nothing})
    assert (read(record), record.unreadable) == (empty, ())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("#1001", "#1001"),
        (1001, "1001"),
        (-5, "-5"),
        (Decimal("12.50"), "12.50"),
        (" a ", " a "),
        (" \t", None),
        (0, "0"),
    ],
)
def test_text_is_also_read_from_a_plain_number(value: object, text: str | None) -> None:
    record = Record({"a": value})
    assert (record.text("a"), record.unreadable) == (text, ())


@pytest.mark.parametrize("value", [True, ["x"], {"x": 1}, LONG, Decimal("1E+9"), Decimal("NaN"), 1.5])
def test_text_that_is_something_else_is_reported(value: object) -> None:
    record = Record({"a": value})
    assert (record.text("a"), record.unreadable) == (None, ("a",))


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, "1"), ("2", "2"), ("1.50", "1.50"), (" 3 ", "3"), (Decimal("19.95"), "19.95"), (-(10**20), "-1" + "0" * 20)],
)
def test_number_is_exact_and_also_read_from_a_plain_text(value: object, number: str) -> None:
    record = Record({"a": value})
    assert (record.number("a"), record.unreadable) == (Decimal(number), ())


@pytest.mark.parametrize(
    "value",
    ["1,50", "1e3", "two", "1 000", True, [1], {"x": 1}, LONG, 1.5, "NaN", "²", Decimal("NaN"), Decimal("Infinity")],
)
def test_number_that_is_not_plain_is_reported(value: object) -> None:
    record = Record({"a": value})
    assert (record.number("a"), record.unreadable) == (None, ("a",))


@pytest.mark.parametrize(("value", "whole"), [(5, 5), ("5", 5), (Decimal("5.0"), 5)])
def test_whole_number(value: object, whole: int) -> None:
    assert Record({"a": value}).whole("a") == whole


def test_whole_number_with_a_fraction_is_reported() -> None:
    record = Record({"a": Decimal("1.5")})
    assert (record.whole("a"), record.unreadable) == (None, ("a",))


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        ("1", True),
        ("0", False),
        ("TRUE", True),
        ("false", False),
        (None, None),
    ],
)
def test_flag(value: object, flag: bool | None) -> None:
    record = Record({"a": value})
    assert (record.flag("a"), record.unreadable) == (flag, ())


@pytest.mark.parametrize("value", [2, "yes", [True], {"x": 1}])
def test_flag_that_is_neither_is_reported(value: object) -> None:
    record = Record({"a": value})
    assert (record.flag("a"), record.unreadable) == (None, ("a",))


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-12-30T10:30:00Z", datetime(2024, 12, 30, 10, 30, tzinfo=UTC)),
        ("2024-12-30T21:30:00+11:00", datetime(2024, 12, 30, 10, 30, tzinfo=UTC)),
        ("2024-12-30 11:30:00", datetime(2024, 12, 30, 10, 30, tzinfo=UTC)),
    ],
)
def test_time_without_an_offset_is_by_the_zones_clock(value: str, moment: datetime) -> None:
    assert Record({"a": value}).time("a", zone=ZoneInfo("Europe/Amsterdam")) == moment


@pytest.mark.parametrize("value", ["0000-00-00 00:00:00", "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "  "])
def test_zeros_of_a_database_are_no_time(value: str) -> None:
    record = Record({"a": value})
    assert (record.time("a"), record.unreadable) == (None, ())


@pytest.mark.parametrize("value", [1704067200, "1704067200", "17040612001", "30/12/2024", "soon", ["x"], {"x": 1}])
def test_time_of_another_form_is_reported_and_not_guessed(value: object) -> None:
    record = Record({"a": value})
    assert (record.time("a"), record.unreadable) == (None, ("a",))


@pytest.mark.parametrize(("value", "identifier"), [("rma_1", "rma_1"), (17, "17"), (0, "0"), ("A 1", "A 1")])
def test_id_is_a_text_or_a_whole_number(value: object, identifier: str) -> None:
    assert parse_id(value) == identifier


@pytest.mark.parametrize(
    "value", ["", " ", ".", "..", "...", "x" * 201, "a\nb", "a\0", True, Decimal(1), LONG, [], None]
)
def test_what_cannot_be_an_id_is_none(value: object) -> None:
    assert parse_id(value) is None


@pytest.mark.parametrize("raw", [{}, {"id": None}, {"id": {"a": 1}}, {"id": ".."}])
def test_record_without_an_id_is_refused_by_its_place(raw: Any) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        Record({"return": raw}).record("return").id("id", "return_id")
    assert caught.value.where == "return.id"


def test_first_name_that_tells_something_is_taken() -> None:
    record = Record({"a": "", "b": [1], "c": "told", "d": "later"})
    assert (record.text("a", "b", "c", "d"), record.unreadable) == ("told", ("b",))


def test_places_name_fields_and_indexes_and_nothing_of_the_vendors() -> None:
    record = Record(
        {
            "lines": [{"q": "x"}, {"tags": ["a", {}, {"b": 1}]}, "odd"],
            "by_id": {"jane@example.com": {"q": []}, "b": {"q": "x"}},
        }
    )
    for line in (*record.records("lines"), *record.records("by_id")):
        line.number("q")
        line.texts("tags")
    record.record("lines").text("a")
    record.text_map("by_id")
    assert record.unreadable == ("lines[2]", "lines[0].q", "lines[1].tags[2]", "by_id[].q", "lines", "by_id")


def test_records_inside_tell_where_they_stand() -> None:
    (line,) = Record({"order": {"lines": [{"a": 1}]}}).record("order").records("lines")
    assert line.place == "order.lines[0]"


def test_objects_keyed_by_an_id_have_their_key() -> None:
    assert [(each.key, each.raw) for each in Record({"a": {"x": {"n": 1}, "y": {}}}).records("a")] == [
        ("x", {"n": 1}),
        ("y", {}),
    ]


def test_object_with_numbers_for_names_is_a_list() -> None:
    assert [(each.key, each.text("n")) for each in Record({"a": {"0": {"n": 1}, "2": {"n": 2}}}).records("a")] == [
        (None, "1"),
        (None, "2"),
    ]


def test_single_object_counts_as_a_list_of_it() -> None:
    assert [each.raw for each in Record({"a": {"n": 1}}).records("a")] == [{"n": 1}]


def test_single_text_counts_as_a_list_of_it() -> None:
    assert (Record({"a": "https://x"}).texts("a"), Record({"a": ["x", 2, None]}).texts("a")) == (
        ("https://x",),
        ("x", "2"),
    )


def test_unreadable_fields_are_reported_once_and_bounded() -> None:
    record = Record({str(n): [n] for n in range(100)})
    for name in [*record.raw, *record.raw]:
        record.text(name)
    assert len(record.unreadable) == 50


@given(raw=st.dictionaries(st.just("a"), json_values, min_size=1))
def test_any_value_is_read_or_reported(raw: dict[str, Any]) -> None:
    record = Record(raw)
    for read in (record.text, record.number, record.whole, record.flag, record.time, record.texts, record.optional_id):
        read("a")
    record.records("a"), record.record("a"), record.text_map("a")
    assert set(record.unreadable) <= {"a"} | {f"a[{n}]" for n in range(3)}


def test_damaged_values_are_no_texts() -> None:
    record = Record(decode_json(b'{"name": "J\xff", "weight": NaN, "note": "a\tb", "half": "\\ud800"}'))
    read = [
        record.text("name"),
        record.number("weight"),
        record.text("weight"),
        record.text("note"),
        record.text("half"),
    ]
    assert (read, record.unreadable) == ([None, None, None, "a\tb", None], ("name", "weight", "half"))


def test_rows_without_identity_are_invalid_and_the_others_stay() -> None:
    rows = [{"id": "1"}, {"name": "x"}, "<broken>", {"id": "2"}]
    parsed, invalid = parse_rows(enumerate(rows), lambda raw: Record(raw).id("id"), where="data")
    assert parsed == ("1", "2")
    assert [(record.where, record.raw) for record in invalid] == [
        ("data[1].id", {"name": "x"}),
        ("data[2]", "<broken>"),
    ]


def test_rows_of_a_bare_list_are_named_by_their_index() -> None:
    _, invalid = parse_rows([(7, {})], lambda raw: Record(raw).id("id"), where="")
    assert [record.where for record in invalid] == ["[7].id"]


@pytest.mark.parametrize(("data", "rows"), [(None, []), ([], []), ([1], [1]), ({"0": "a", "3": "b"}, ["a", "b"])])
def test_list_in_any_spelling(data: object, rows: object) -> None:
    assert parse_list(data, where="data") == rows


@pytest.mark.parametrize("data", ["", 0, "x", {}, {"rows": []}, {"0x": 1}, {"00": 1}])
def test_what_is_no_list_is_refused_by_its_place(data: object) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        parse_list(data, where="data")
    assert caught.value.where == "data"


def test_one_object_is_parsed_and_its_fault_placed() -> None:
    with pytest.raises(UnexpectedReply) as caught:
        parse_one({}, lambda raw: Record(raw).id("id"), where="data")
    assert (caught.value.where, caught.value.__context__) == ("data.id", None)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, None, AuthenticationFailed),
        (404, "BUSY", NotFound),
        (410, None, NotFound),
        (429, None, RateLimited),
        (409, None, Conflict),
        (503, "BUSY", ProviderUnavailable),
        (400, "BUSY", Conflict),
        (422, "BUSY", ValidationFailed),
        (418, None, ValidationFailed),
        (200, "BUSY", Conflict),
        (200, "NEW", UnexpectedReply),
        (302, None, UnexpectedReply),
        (None, None, UnexpectedReply),
    ],
)
def test_status_decides_first_and_then_the_code(
    status: int | None, code: str | None, kind: type[ProviderError]
) -> None:
    assert error_class(status, code, codes={"BUSY": Conflict}) is kind


def test_error_keeps_what_the_reply_said() -> None:
    error = build_error(
        ValidationFailed, Reply(status=400), code="BAD", message="no", fields={"sku": "unknown"}, request_id="r1"
    )
    assert isinstance(error, ValidationFailed)
    assert (error.http_status, error.vendor_code, error.vendor_message, error.request_id) == (400, "BAD", "no", "r1")
    assert error.fields == {"sku": "unknown"}
    assert type(build_error(NotFound, Reply(status=404), fields={"sku": "unknown"})) is NotFound


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ([], ""),
        ("is ill-formed", "is ill-formed"),
        (["is required", "is short"], "is required, is short"),
        ({"sku": Decimal("1.50")}, '{"sku":1.50}'),
        ([{"a": 1}, "b"], '[{"a":1},"b"]'),
        (3, "3"),
        ("x" * 400, "x" * 300),
        (Decimal("NaN"), ""),
    ],
)
def test_what_a_vendor_says_of_a_fault_is_text(value: object, text: str) -> None:
    assert describe(value) == text


def test_reply_that_is_not_json_is_none_and_its_beginning_can_be_quoted() -> None:
    page = Reply(status=502, body=b"<html>" + b"x" * 400)
    assert (json_or_none(page), body_excerpt(page), body_excerpt(Reply(status=502))) == (
        None,
        "<html>" + "x" * 294,
        None,
    )


@pytest.mark.parametrize(
    ("body", "value"),
    [(b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b"", {}), (b"<html>", {}), (b'{"a": NaN}', {"a": "NaN"})],
)
def test_object_of_a_delivery(body: bytes, value: object) -> None:
    assert decode_object(body) == value


def test_reply_that_is_not_json_says_its_status() -> None:
    with pytest.raises(UnexpectedReply) as caught:
        Reply(status=200, body=b"<html>").json()
    assert (caught.value.http_status, caught.value.__context__) == (200, None)


def test_path_encodes_each_segment_whole() -> None:
    assert build_path("rmas", "a/b #1?", "ü") == "/rmas/a%2Fb%20%231%3F/%C3%BC"


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_id_that_would_name_another_path_is_not_found(segment: str) -> None:
    with pytest.raises(NotFound):
        build_path("rmas", segment)


def test_get_may_be_repeated() -> None:
    request = get("/rmas", [("page", "1")], base="public")
    assert (request.method, request.path, request.query, request.base, request.replayable) == (
        "GET",
        "/rmas",
        (("page", "1"),),
        "public",
        True,
    )


@pytest.mark.parametrize(("asked", "size"), [(None, 100), (1, 1), (100, 100), (101, 100)])
def test_page_size_is_at_most_the_vendors(asked: int | None, size: int) -> None:
    assert page_size(asked, maximum=100) == size


@pytest.mark.parametrize("asked", [0, -1])
def test_page_size_below_one_is_refused(asked: int) -> None:
    with pytest.raises(ValueError, match="page_size"):
        page_size(asked, maximum=100)


@pytest.mark.parametrize(("status", "raw_status"), [(None, None), (Status.APPROVED, "approved")])
def test_status_is_given_in_exactly_one_way(status: Status | None, raw_status: str | None) -> None:
    with pytest.raises(ValueError, match="either"):
        check_one_status(status, raw_status)


def test_cursor_of_another_listing_is_a_value_error() -> None:
    assert str(foreign_cursor()) == "the cursor is not one that this listing gave"


@frozen(kw_only=True)
class Keyed(Adapter):
    provider: ClassVar[str] = "acme"
    api_key: Secret = field(validator=check_header_value)


@pytest.mark.parametrize("value", ["", "a b", "a\n", "é"])
def test_credential_that_fits_no_header_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Keyed(api_key=Secret(value))
    assert str(caught.value) == "acme: api_key is empty, or holds a blank or a character no key has"


def test_record_of_another_id_is_refused() -> None:
    check_same_id("rma_1", "rma_1", where="data.id")
    with pytest.raises(UnexpectedReply) as caught:
        check_same_id("rma_2", "rma_1", where="data.id")
    assert caught.value.where == "data.id"


@pytest.mark.parametrize("text", ["SP-1001", "sp-1001", " Sp-1001\t", "SP- 1001"])
def test_texts_are_compared_without_case_and_blanks(text: str) -> None:
    assert comparable(text) == "sp-1001"


def test_values_that_are_not_set_are_left_out() -> None:
    assert without_none(a=1, b=None, c="") == {"a": 1, "c": ""}


def test_fields_that_are_set_are_named() -> None:
    assert fields_set(Reply(status=200), "status", "body", "headers") == ["status", "body", "headers"]


@pytest.mark.parametrize(("code", "short"), [("deu", "DE"), ("DEU", "DE"), ("de", "DE"), ("XXX", None), ("ſ", None)])
def test_country_as_alpha_2(code: str, short: str | None) -> None:
    assert alpha2(code) == short


@pytest.mark.parametrize(("code", "long"), [("DE", "deu"), ("gb", "gbr"), ("GBR", "gbr"), ("XX", None)])
def test_country_as_alpha_3(code: str, long: str | None) -> None:
    assert alpha3(code) == long


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ({}, True),
        ({"status": {Status.APPROVED}}, True),
        ({"status": {Status.CLOSED}}, False),
        ({"raw_status": ("open",)}, True),
        ({"raw_status": ("closed",)}, False),
        ({"created_after": datetime(2024, 12, 30, tzinfo=UTC)}, True),
        ({"created_after": datetime(2024, 12, 31, tzinfo=UTC)}, False),
        ({"created_before": datetime(2024, 12, 29, tzinfo=UTC)}, False),
        ({"updated_after": datetime(2025, 1, 1, tzinfo=UTC)}, True),
        ({"customer_email": "KIM@example.org "}, True),
        ({"customer_email": "sam@example.org"}, False),
        ({"order_number": "2041"}, True),
        ({"order_number": "#2042"}, False),
    ],
)
def test_a_return_is_left_out_for_what_it_says_itself(query: dict[str, Any], matches: bool) -> None:
    ret = Return(
        provider="any",
        id="1",
        status=Status.APPROVED,
        status_raw="open",
        customer=Customer(email="kim@example.org"),
        order=OrderRef(number="#2041"),
        created_at=datetime(2024, 12, 30, 10, 30, tzinfo=UTC),
    )
    assert may_match(ReturnQuery(**query), ret) is matches
    assert may_match(
        ReturnQuery(**{name: value for name, value in query.items() if "status" not in name}),
        evolve(ret, created_at=None, customer=None, order=None),
    )


def test_a_raw_status_may_name_a_return_by_several_words() -> None:
    ret = Return(provider="any", id="1", status_raw="approved/in_transit")
    query = ReturnQuery(raw_status=("approved",))
    assert not may_match(query, ret)
    assert may_match(query, ret, words=("approved", "approved/in_transit"))
