"""What a return is put together from: which of a vendor's payloads says what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from returns_hub.merge import Layer
from returns_hub.merge.facts import read_facts

_MAX_PLACES: Final = 60


@frozen
class Source:
    """One payload: the vendor's time, when it was learnt, and the places in the return that it decides."""

    at: datetime
    seen_at: datetime
    places: Sequence[str]
    more: int


def sources(layers: Sequence[Layer]) -> Sequence[Source]:
    """The payloads, newest first; nothing if one payload says everything."""
    return [_source(layer) for layer in layers] if len(layers) > 1 else ()


def _source(layer: Layer) -> Source:
    places = sorted(".".join(path) for path in read_facts(layer.ret) if path[0] not in ("raw", "unreadable"))
    shown = [place for place in places if not place.endswith((".raw", ".id"))]
    return Source(layer.stamp.at, layer.stamp.seen_at, shown[:_MAX_PLACES], max(len(shown) - _MAX_PLACES, 0))
