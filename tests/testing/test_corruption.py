from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub.testing.corruption import REPLACEMENT_VALUES, corrupted, lost_records, replacements

SAMPLE = {"data": [{"id": "r1", "status": "open"}, {"id": "r2", "items": [{"sku": "A"}]}], "total": 2}


def test_every_field_is_replaced_by_every_value() -> None:
    paths = [replacement.path for replacement in replacements(SAMPLE)]
    assert list(dict.fromkeys(paths)) == [
        "data",
        "data[0]",
        "data[0].id",
        "data[0].status",
        "data[1]",
        "data[1].id",
        "data[1].items",
        "data[1].items[0]",
        "data[1].items[0].sku",
        "total",
    ]
    assert len(paths) == 10 * len(REPLACEMENT_VALUES)


def test_a_replacement_changes_one_field_of_a_copy() -> None:
    replacement = next(each for each in replacements(SAMPLE) if each.path == "data[0].status" and each.value == [])
    assert replacement.payload == {**SAMPLE, "data": [{"id": "r1", "status": []}, SAMPLE["data"][1]]}  # type: ignore[index]
    assert SAMPLE["data"][0] == {"id": "r1", "status": "open"}  # type: ignore[index]


def read_tolerantly(payload: Any) -> Iterable[str]:
    return [row["id"] for row in payload["data"]]


def read_strictly(payload: Any) -> Iterable[str]:
    return [row["id"] for row in payload["data"] if isinstance(row.get("status", ""), str)]


def read_brittly(payload: Any) -> Iterable[str]:
    return [row["id"] for row in payload["data"] if len(row.get("items", ())) >= 0]


def test_a_tolerant_reader_loses_nothing_but_what_has_no_id() -> None:
    assert lost_records(read_tolerantly, SAMPLE, essential={"data[].id"}) == ()


def test_a_record_that_is_lost_is_named_with_the_field_and_its_value() -> None:
    lost = lost_records(read_strictly, SAMPLE, essential={"data[].id"})
    assert "data[0].status = None: 'r1' is lost" in lost
    assert all(line.startswith("data[0].status = ") for line in lost)


def test_an_exception_counts_as_a_loss() -> None:
    lost = lost_records(read_brittly, SAMPLE, essential={"data[].id"})
    assert "data[1].items = 0: TypeError: object of type 'int' has no len()" in lost


def test_an_essential_field_that_is_replaced_is_expected_to_lose_its_record() -> None:
    lost = lost_records(read_tolerantly, SAMPLE, essential=())
    assert "data[0].id = None: 'r1' is lost" in lost


def test_a_sample_without_a_record_is_refused() -> None:
    with pytest.raises(ValueError, match="no record"):
        lost_records(read_tolerantly, {"data": []}, essential={"data[].id"})


@given(st.data())
def test_a_corrupted_payload_leaves_the_original_alone(data: st.DataObject) -> None:
    data.draw(corrupted(SAMPLE))
    assert SAMPLE["data"][0] == {"id": "r1", "status": "open"}  # type: ignore[index]
