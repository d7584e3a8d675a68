"""The page for data protection officers names every table there is."""

from pathlib import Path

from returns_hub.store.schema import METADATA

PAGE = Path(__file__).parents[2] / "docs" / "data-protection.md"


def test_every_table_is_on_the_page() -> None:
    rows = [line.split("|")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert {name.strip(" `") for row in rows for name in row.split(",")} == set(METADATA.tables)
