"""Charts as inline SVG; a table of the same figures stands beside each."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from returns_hub.store.overview import HourlyCount

WIDTH: Final = 480
HEIGHT: Final = 120
_GAP: Final = 4


@frozen
class Bar:
    """One column of a chart, in units of its view box."""

    x: float
    y: float
    width: float
    height: float
    of: HourlyCount


@frozen
class Chart:
    """A column for each hour. ``top`` is what the highest one stands for, ``total`` all of them together."""

    bars: Sequence[Bar]
    top: int
    total: int
    width: int = WIDTH
    height: int = HEIGHT


def columns(counts: Sequence[HourlyCount]) -> Chart:
    """The chart of counts by the hour."""
    top = max((each.count for each in counts), default=0)
    step = WIDTH / max(len(counts), 1)
    bars = []
    for index, each in enumerate(counts):
        # What is not nothing can be seen.
        height = max(round(HEIGHT * each.count / top, 1), 2) if each.count else 0
        bars.append(Bar(round(index * step + _GAP / 2, 1), HEIGHT - height, round(step - _GAP, 1), height, each))
    return Chart(bars, top, sum(each.count for each in counts))
