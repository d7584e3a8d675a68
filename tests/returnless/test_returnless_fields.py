"""Where every field of the documented payloads goes; the tables of the vendor's page are made of this."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from returns_hub import decode_json
from returns_hub.testing import field_map, field_table
from returns_hub_returnless.statuses import BACK_TO_STOCK, REQUEST_STATUSES, RETURN_STATUSES, TRACKING_STATUSES
from returns_hub_returnless.wire import RecordParser

PAGE: Final = Path(__file__).parents[2] / "docs" / "providers" / "returnless.md"
PARSER: Final = RecordParser(
    zone=UTC,
    order_zone=UTC,
    requests=REQUEST_STATUSES,
    returns=RETURN_STATUSES,
    tracking=TRACKING_STATUSES,
    stock=BACK_TO_STOCK,
    observed_at=datetime(2026, 1, 1, tzinfo=UTC),
)
BOOKKEEPING: Final[Mapping[str, str]] = {
    "return_notes[].quote_id": "the vendor's own number of the record's notes, the same for all of them",
    "action": "the name of the event",
}


def fields(
    document: Callable[[str], bytes], name: str, parse: Callable[[Mapping[str, Any]], Any]
) -> dict[str, tuple[str, ...]]:
    payload = decode_json(document(name))
    return field_map(parse, payload[0] if isinstance(payload, list) else payload)


@pytest.mark.parametrize(
    ("name", "parse"),
    [
        ("list-returns.json", PARSER.parse_return),
        ("get-return.json", PARSER.parse_return),
        ("list-requests.json", PARSER.parse_request),
        ("get-request.json", PARSER.parse_request),
        ("webhook-return-created.json", PARSER.parse_return),
    ],
)
def test_every_field_is_reached_without_raw(
    document: Callable[[str], bytes], name: str, parse: Callable[[Mapping[str, Any]], Any]
) -> None:
    lost = {path for path, places in fields(document, name, parse).items() if not places}
    assert lost <= BOOKKEEPING.keys()


def test_what_a_shipment_lacks_is_of_its_return(document: Callable[[str], bytes]) -> None:
    of_a_return = fields(document, "list-returns.json", PARSER.parse_return)
    lost = {
        path for path, places in fields(document, "list-shipments.json", PARSER.parse_shipment).items() if not places
    }
    assert lost < of_a_return.keys()


def test_page_has_the_table(document: Callable[[str], bytes]) -> None:
    table = field_table(fields(document, "list-returns.json", PARSER.parse_return), bookkeeping=BOOKKEEPING)
    assert table in PAGE.read_text("utf-8")
