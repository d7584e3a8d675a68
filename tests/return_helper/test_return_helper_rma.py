"""RMAs: both formats of the documentation, the shapes of older samples, and what is neither."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub_return_helper import Rma

# Return Helper API, Getting started, "RMA (Return Merchandise Authorization)".
PLAIN = "TWN-20-230101-D12345-36"
SPLIT = "TWN-20-230101-D12345-01-36"


def test_plain_example_of_the_seed_in_its_parts() -> None:
    assert Rma.parse(PLAIN) == Rma(
        prefix="TWN", warehouse_id="20", day="230101", environment="D", sequence="12345", check="36"
    )
    assert not Rma.parse(PLAIN).is_split


def test_split_example_of_the_seed_in_its_parts() -> None:
    rma = Rma.parse(SPLIT)
    assert (rma.split, rma.sequence, rma.check, rma.is_split) == ("01", "12345", "36", True)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        SPLIT,
        "USE-1034-220614-D00013-0",  # one check digit, a warehouse of four digits (older samples)
        "USE-5-991231-P1-7",
        "USE-5-991231-P1-99-7",
        "TWN-20-230101-D12345-99",  # check digits are never verified
        "TWN-20-239999-D12345-36",  # nor is the day a day
    ],
)
def test_text_comes_back_as_it_was(text: str) -> None:
    assert str(Rma.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        PLAIN + "\n",
        " " + PLAIN,
        PLAIN.lower(),
        "TWN-20-230101-D12345",
        "TWN-20-230101-12345-36",
        "TWN-20-230101-D123456-36",
        "TWN-20-2301-D12345-36",
        "TWN-20-230101-D12345-1-36",
        "TWN-20-230101-D12345-001-36",
        "TWN-20-230101-D12345-01-02-36",
        "TWN-20-230101-D12345-01-",
        "TWN--230101-D12345-36",
        "TWN-20-230101-D12345-366",
        "TWN-٢٠-230101-D12345-36",
        "1Z999AA10123456784",
        "TWN-20-230101-D12345-36" * 1000,
    ],
)
def test_other_text_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is no RMA: one looks like TWN-20-230101-D12345-36") as caught:
        Rma.parse(text)
    assert len(str(caught.value)) < 250


def digits(least: int, most: int) -> Any:
    return st.text("0123456789", min_size=least, max_size=most)


@settings(deadline=None)
@given(
    prefix=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=4),
    warehouse=digits(1, 4),
    day=digits(6, 6),
    letter=st.sampled_from("DPU"),
    sequence=digits(1, 5),
    split=st.none() | digits(2, 2),
    check=digits(1, 2),
)
def test_parts_and_text_are_the_same_thing(
    prefix: str, warehouse: str, day: str, letter: str, sequence: str, split: str | None, check: str
) -> None:
    rma = Rma(
        prefix=prefix,
        warehouse_id=warehouse,
        day=day,
        environment=letter,
        sequence=sequence,
        split=split,
        check=check,
    )
    assert Rma.parse(str(rma)) == rma


@settings(deadline=None)
@given(text=st.text(max_size=40) | st.from_regex(r"[A-Z]{1,3}(-[A-Z]?\d{1,6}){1,6}"))
def test_any_text_is_an_rma_or_a_value_error(text: str) -> None:
    try:
        rma = Rma.parse(text)
    except ValueError:
        return
    assert str(rma) == text
