"""The vendor's object beside the model: what the model has is marked, however the two write it."""

from decimal import Decimal

from returns_hub.console.marking import marked_json


def test_values_that_the_model_has_are_marked_and_nothing_is_markup() -> None:
    raw = {
        "id": "100036",
        "at": "2026-03-01 12:00:00",
        "price": Decimal("10.50"),
        "name": "<b>Ada</b>",
        "other": ["elsewhere", 7, None, True],
        "nothing": {},
    }
    model = {
        "request_id": "request:100036",
        "created_at": "2026-03-01T12:00:00Z",
        "value": "10.50",
        "customer": {"name": "<b>Ada</b>"},
        "quantity": "7",
    }
    assert str(marked_json(raw, model)).splitlines() == [
        "{",
        "  &#34;id&#34;: <mark>&#34;100036&#34;</mark>,",
        "  &#34;at&#34;: <mark>&#34;2026-03-01 12:00:00&#34;</mark>,",
        "  &#34;price&#34;: <mark>10.50</mark>,",
        "  &#34;name&#34;: <mark>&#34;&lt;b&gt;Ada&lt;/b&gt;&#34;</mark>,",
        "  &#34;other&#34;: [",
        "    &#34;elsewhere&#34;,",
        "    7,",
        "    null,",
        "    true",
        "  ],",
        "  &#34;nothing&#34;: {}",
        "}",
    ]


def test_an_object_without_an_end_is_cut() -> None:
    deep: object = "x"
    for _ in range(500):
        deep = [deep]
    assert "x" in str(marked_json(deep, {}))
    assert str(marked_json(["y" * 1000] * 1000, {})).endswith("…")
