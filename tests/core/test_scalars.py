"""Times and exact numbers as text."""

import pytest

from returns_hub import format_time, parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-12-30T10:30:00Z", "2024-12-30T10:30:00Z"),
        ("2024-12-30T21:30:00+11:00", "2024-12-30T10:30:00Z"),
        ("2024-04-08T07:39:09.2626", "2024-04-08T07:39:09.262600Z"),
        ("2024-12-01", "2024-12-01T00:00:00Z"),
    ],
)
def test_times_are_read_into_utc(text: str, expected: str) -> None:
    assert format_time(parse_time(text)) == expected
