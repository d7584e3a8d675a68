"""Where each documented field goes: the table in the docs is what the adapter does, and nothing that says something of a return is left in ``raw``.

``python tests/returnmate/test_returnmate_fields.py`` writes the table.
"""

from pathlib import Path
from typing import Any

from returns_hub import ReturnQuery, Secret, decode_json
from returns_hub.testing import field_map, field_table, read_reply
from returns_hub_returnmate import ReturnMate

DOCUMENTS = Path(__file__).parent / "documents"
TABLE = Path(__file__).parents[2] / "docs" / "providers" / "returnmate-fields.md"
BOOKKEEPING = {
    "success": "of the envelope: false is an error",
    "meta.page": "of the listing",
    "meta.per_page": "of the listing",
    "meta.total": "of the listing: `Page.total`",
}


def document(name: str) -> Any:
    return decode_json((DOCUMENTS / name).read_bytes())


def documented_fields() -> dict[str, tuple[str, ...]]:
    adapter = ReturnMate(api_key=Secret("rm_test_key"), currency="AUD")
    listing = document("list-rmas.json")
    # The reference elides the items of its row: those of its request stand in.
    listing["data"][0]["items"] = document("create-rma.request.json")["items"]
    query = ReturnQuery(page_size=50)
    return {
        **field_map(lambda payload: read_reply(adapter.list_returns(query), payload).items, listing),
        **field_map(
            lambda payload: read_reply(adapter.customer_stats("a@b.c"), payload), document("customer-stats.json")
        ),
        **field_map(lambda payload: read_reply(adapter.reports_summary(), payload), document("returns-summary.json")),
    }


def build_table() -> str:
    return field_table(documented_fields(), bookkeeping=BOOKKEEPING)


def test_table_in_the_docs_is_what_the_adapter_does() -> None:
    assert TABLE.read_text() == build_table()


def test_nothing_that_says_something_is_left_in_raw() -> None:
    assert [path for path, places in documented_fields().items() if not places and path not in BOOKKEEPING] == []


if __name__ == "__main__":
    TABLE.write_text(build_table())
