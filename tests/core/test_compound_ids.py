"""Ids of shipments that have none: Redo and Loop give a tracking number, a group of items, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import Direction, NotFound, Return, ReturnKind, Shipment, Status
from returns_hub.wire import compound_id, return_id_of, shipment_ids, shipment_of


@pytest.mark.parametrize(
    ("shipments", "expected"),
    [
        ([], ()),
        ([("sg_1", "9400")], ("r1/sg_1",)),
        # A label made anew in the same group: the first keeps its id (Redo, check list 7).
        ([("sg_1", "9400"), ("sg_1", "9401")], ("r1/sg_1", "r1/sg_1/9401")),
        ([("sg_1", None), ("sg_1", None)], ("r1/sg_1", "r1/sg_1/2")),
        ([("sg_1", "9400"), ("sg_1", "9401"), ("sg_1", "9401")], ("r1/sg_1", "r1/sg_1/9401", "r1/sg_1/9401/3")),
        ([(None, "9400"), (None, None)], ("r1/9400", "r1/2")),
        ([("", ""), (None, "1")], ("r1/1", "r1/1/2")),
    ],
)
def test_a_shipment_is_known_by_its_group_then_its_number_then_its_place(
    shipments: list[tuple[str | None, str | None]], expected: tuple[str, ...]
) -> None:
    assert shipment_ids("r1", shipments) == expected


@given(
    st.lists(st.tuples(st.none() | st.sampled_from(["", "1", "2", "a"]), st.none() | st.sampled_from(["", "1", "2"])))
)
def test_no_two_have_one_id_and_what_comes_later_changes_none(shipments: list[tuple[str | None, str | None]]) -> None:
    found = shipment_ids("r1", shipments)
    assert len(set(found)) == len(shipments)
    assert all(found[: count + 1] == shipment_ids("r1", shipments[: count + 1]) for count in range(len(shipments)))
    assert all(return_id_of(each) == "r1" for each in found)


def test_an_item_that_is_unique_in_its_return_only_is_known_by_both() -> None:
    assert return_id_of(compound_id("410001", "9001", "lot 7")) == "410001"


@pytest.mark.parametrize("text", ["", "r1", "/9400", "r1/"])
def test_what_is_no_compound_id_is_the_id_of_nothing(text: str) -> None:
    with pytest.raises(NotFound):
        return_id_of(text)


def test_a_shipment_is_found_in_its_return() -> None:
    parcels = tuple(Shipment(id=compound_id("r1", part), direction=Direction.INBOUND) for part in ("a", "b"))
    ret = Return(provider="acme", id="r1", kind=ReturnKind.CUSTOMER, status=Status.APPROVED, shipments=parcels)
    assert shipment_of(ret, "r1/b") is parcels[1]
    with pytest.raises(NotFound):
        shipment_of(ret, "r1/c")
