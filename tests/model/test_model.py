"""The model: what it makes of what it is given."""

import pytest

from returns_hub import Label, LabelStatus


@pytest.mark.parametrize(
    ("label", "error", "reasons"),
    [
        (Label(reasons=("no such street", "no such city")), "no such street; no such city", 2),
        (Label(error="no such street"), "no such street", 1),
        (Label(status=LabelStatus.READY), None, 0),
    ],
)
def test_the_error_of_a_label_is_its_reasons_joined(label: Label, error: str | None, reasons: int) -> None:
    assert (label.error, len(label.reasons)) == (error, reasons)
