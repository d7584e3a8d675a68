"""Comma-separated values: what a spreadsheet makes of them."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import Return
from returns_hub.spreadsheet import RETURN_COLUMNS, csv_line, return_cells


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+61400", "'+61400"),
        ("-5", "'-5"),
        ("\t=1", "'=1"),
        ("＝1", "'＝1"),
        ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
        ("#1001", "#1001"),
        ("RMA-2024-001234", "RMA-2024-001234"),
        ("one\ntwo\x1b[2J", "one two [2J"),
        ("", ""),
        (None, ""),
    ],
)
def test_no_cell_is_a_formula(cell: str | None, written: str) -> None:
    assert next(csv.reader([csv_line([cell])]), [""]) == [written]


@given(st.lists(st.text(), min_size=2, max_size=4))
def test_a_row_is_one_line_with_as_many_cells(cells: list[str]) -> None:
    line = csv_line(cells)
    assert line.isprintable()
    (row,) = csv.reader([line])
    assert len(row) == len(cells)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_a_return_has_a_cell_for_each_column() -> None:
    assert len(return_cells("acme", Return(provider="returnmate", id="1", status="closed"))) == len(RETURN_COLUMNS)
