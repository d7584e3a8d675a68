"""Secrets inside vendor objects, by the paths that an adapter declares."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from returns_hub import Reply, decode_json
from returns_hub.redaction import encode_redacted, redact, redact_body

# Redo: the code of a gift card is money, and an assessment names staff.
PATHS = ("giftCards[].code", "assessments[].assignedUser")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"giftCards": [{"code": "G-1", "amount": "5"}]}, {"giftCards": [{"code": "REDACTED", "amount": "5"}]}),
        ({"giftCards": {"code": "G-1"}}, {"giftCards": {"code": "REDACTED"}}),
        ({"giftCards": [[{"code": 17}]]}, {"giftCards": [[{"code": "REDACTED"}]]}),
        (
            {"returns": [{"items": [{"assessments": [{"assignedUser": {"email": "a@b.example"}}]}]}]},
            {"returns": [{"items": [{"assessments": [{"assignedUser": "REDACTED"}]}]}]},
        ),
        (
            {"giftCards": [{"giftCards": [{"code": "G-2"}], "code": "G-1"}]},
            {"giftCards": [{"giftCards": [{"code": "REDACTED"}], "code": "REDACTED"}]},
        ),
    ],
)
def test_what_stands_at_a_path_is_replaced_at_any_depth(value: Any, expected: Any) -> None:
    assert redact(value, PATHS)
    assert value == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "G-1",
        {"code": "size"},
        {"giftCards": []},
        {"giftCards": [{"code": None}, {"code": ""}, {"code": "REDACTED"}, {"other": {"code": "G-1"}}, "code"]},
        {"GiftCards": [{"code": "G-1"}]},
    ],
)
def test_nothing_else_is(value: Any) -> None:
    before = json.dumps(value)
    assert not redact(value, PATHS)
    assert json.dumps(value) == before


@pytest.mark.parametrize(
    ("body", "paths", "expected"),
    [
        (b'{ "giftCards": [ {"code": "G-1"} ], "n": 1.50 }', PATHS, '{"giftCards":[{"code":"REDACTED"}],"n":1.50}'),
        ('{"giftCards":[{"code":"é"}],"x":"é"}'.encode(), PATHS, '{"giftCards":[{"code":"REDACTED"}],"x":"é"}'),
        (b'{ "id": "r1" }', PATHS, '{ "id": "r1" }'),
        (b"<html>", PATHS, "<html>"),
        (b'{ "giftCards": [ {"code": "G-1"} ]}', (), '{ "giftCards": [ {"code": "G-1"} ]}'),
    ],
)
def test_a_body_keeps_its_bytes_where_it_holds_no_secret(body: bytes, paths: Sequence[str], expected: str) -> None:
    assert redact_body(body, paths).decode() == expected


def test_what_cannot_be_written_again_is_not_kept_at_all() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert encode_redacted({"giftCards": [{"code": "REDACTED"}], "deep": deep}) == b"{}"
    while deep:
        deep = deep.pop()


def test_a_reply_is_read_without_its_secrets_in_body_and_json() -> None:
    reply = Reply(status=200, headers={"a": "b"}, body=b'{"giftCards": [{"code": "G-1", "amount": 1.10}]}')
    clean = reply.without_secrets(PATHS)
    assert (clean.status, clean.headers) == (200, (("a", "b"),))
    assert clean.json() == {"giftCards": [{"code": "REDACTED", "amount": decode_json(b"1.10")}]}
    assert b"G-1" not in clean.body
    assert reply.without_secrets(()) is reply
    for other in (Reply(status=200, body=b"{}"), Reply(status=502, body=b"<html>")):
        assert other.without_secrets(PATHS) is other
