"""JSON with exact numbers, and how much of a damaged document is read."""

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import UnexpectedReply, decode_json
from returns_hub.json_codec import Unreadable, _quick_decoder, encode_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_money_keeps_every_digit() -> None:
    assert decode_json(b'{"total_refunded": 450.00}') == {"total_refunded": Decimal("450.00")}
    assert str(decode_json(b"9.95")) == "9.95"


def test_integers_beyond_64_bits_are_exact() -> None:
    assert decode_json(b"123456789012345678901234567890") == 123456789012345678901234567890


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the reply is not JSON"),
        (b"<html>canary</html>", "the reply is not JSON"),
        (b'{"a": "canary', "the reply is not JSON"),
        (b"NaN", "the reply is not JSON"),
        (b"\xff canary", "the reply is not UTF-8"),
        (b'[{"a": 1}, {"a": "can', "the reply is not JSON"),
        (b"[" * 100_000, "the reply is nested too deeply"),
        (b"1" * 10_000, "the reply is not JSON"),
        (b"1e99999999999999999999", "the reply is not JSON"),
    ],
)
def test_what_is_not_json_is_refused_without_quoting_it(body: bytes, sentence: str) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        decode_json(body)
    assert (str(caught.value), caught.value.__cause__, caught.value.__context__) == (sentence, None, None)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": NaN, "b": -Infinity}', {"a": "NaN", "b": "-Infinity"}),
        (b'{"a": "x\xffy", "b": 1}', {"a": "x\ufffdy", "b": 1}),
        (b'{"a": "x\\ud800y"}', {"a": "x\ufffdy"}),
        (b'{"a\\udc00": 1}', {"a\ufffd": 1}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a": "line\nbreak\tand tab"}', {"a": "line\nbreak\tand tab"}),
        (b'{"a": %s}' % (b"1" * 5000), {"a": "1" * 5000}),
        (b'{"a": 1e99999999999999999999, "b": 1}', {"a": "1e99999999999999999999", "b": 1}),
        (b'\xef\xbb\xbf{"a": NaN}', {"a": "NaN"}),
        (b'{"data": [{"w": 1}, {"w": .5}, {"w": 2}]}', {"data": [{"w": 1}, '{"w": .5}', {"w": 2}]}),
        (b'[{"a": "]"}, {"a": undefined}, {"a": "[\\""}]', [{"a": "]"}, '{"a": undefined}', {"a": '["'}]),
        (b'{"a": [[1, 2], [1, 02]], "b": [x]}', {"a": [[1, 2], "[1, 02]"], "b": ["x"]}),
        (b"[1, %s, 2]" % (b"[" * 100_000 + b"]" * 100_000), [1, "[" * 100_000 + "]" * 100_000, 2]),
    ],
)
def test_damage_costs_no_more_than_the_damaged_value(body: bytes, value: object) -> None:
    assert decode_json(body) == value


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'{"a": "x\xff"}', b'{"a": "\\ud800"}', b'{"a": %s}' % (b"1" * 5000)])
def test_a_damaged_value_is_taken_for_no_text(body: bytes) -> None:
    value = decode_json(body)["a"]
    assert type(value) is Unreadable
    assert decode_json(encode_json({"a": value}).encode()) == {"a": str(value)}


@given(json_values, st.binary(max_size=8), st.integers(0, 200))
def test_any_damage_is_read_or_refused(value: Any, noise: bytes, place: int) -> None:
    body = encode_json([value, {"id": 1}]).encode()
    with contextlib.suppress(UnexpectedReply):
        decode_json(body[:place] + noise + body[place:])


scalars = st.sampled_from(
    [
        *b"0 -0 -0.0 0e5 1.10 1E400 -1e-7 1e99999999999999999999 18446744073709551616 01 1. +1 NaN -Infinity true nul".split(),
        *rb'"" "a" "\u00fc" "\ud83d\ude00" "\ud83d" "\ude00\ud83d" "\u0000" "\/" "\x" "cut'.split(),
        b'"\xc3\xbc"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"1" * 5000,
    ]
)
names = st.sampled_from([b'"a"', b'"\\u0061"', b'"b"', b'"\xc3\xbc"', b'"\\ud800"', b"1"])
json_texts = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: b"[ " + b" ,".join(parts) + b"]")
        | st.lists(st.tuples(names, inner), max_size=3).map(
            lambda members: b"{" + b",\n".join(name + b":" + part for name, part in members) + b"\t}"
        )
    ),
    max_leaves=6,
)


@given(json_texts, st.binary(max_size=2), st.integers(0, 40))
def test_what_the_quick_decoder_reads_is_what_the_standard_library_reads(text: bytes, noise: bytes, place: int) -> None:
    body = text[:place] + noise + text[place:]
    quick = None
    with contextlib.suppress(Exception):
        quick = repr(_quick_decoder()(body))
    if quick is not None:
        # Types, digits and the order of names included; a text with half a surrogate pair could not be encoded.
        exact = json.loads(body, parse_float=Decimal, parse_constant=pytest.fail)
        assert quick.encode() == repr(exact).encode("utf-8", "surrogatepass")
        assert "\\ud" not in quick


@given(json_values)
def test_json_survives_the_way_there_and_back(value: Any) -> None:
    assert decode_json(encode_json(value).encode()) == value


def test_a_number_keeps_its_digits() -> None:
    assert encode_json({"total_refunded": Decimal("450.00")}) == '{"total_refunded":450.00}'


@pytest.mark.parametrize("number", [Decimal("NaN"), float("inf")])
def test_a_number_that_json_has_no_form_for_is_refused(number: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_json(number)
