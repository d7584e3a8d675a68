"""When two values say the same, although they differ."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from attrs import AttrsInstance, evolve

from returns_hub.model import Item, Label, Return, Service, Shipment

_URLS: Final = frozenset({"url", "qr_code_url", "images", "attachments"})
# The fields that hold a vendor's word, and the one that holds the neutral word for it.
WORDS: Final[Mapping[type[Any], Mapping[str, str]]] = {
    Return: {"status_raw": "status"},
    Item: {"disposition_raw": "disposition", "disposition_status_raw": "disposition_status"},
    Service: {"status_raw": "status"},
    Shipment: {"status_raw": "status"},
    Label: {"status_raw": "status"},
}


def is_equivalent(name: str, one: object, other: object) -> bool:
    """True if two values of a field say the same.

    A list in another order does, and so does an address whose query alone is another: it is signed anew in every reply.
    """
    if one == other:
        return True
    if name in _URLS and isinstance(one, str) and isinstance(other, str):
        return _without_query(one) == _without_query(other)
    if not isinstance(one, tuple) or not isinstance(other, tuple):
        return False
    if name in _URLS:
        one, other = map(_without_query, one), map(_without_query, other)
    return Counter(map(_comparable, one)) == Counter(map(_comparable, other))


def is_spelling(before: AttrsInstance, after: AttrsInstance, raw: str, neutral: str) -> bool:
    """True if the vendor's word is another and the neutral one is the same, and no more than the spelling changed."""
    if getattr(before, neutral) is not getattr(after, neutral):
        return False
    old, new = getattr(before, raw), getattr(after, raw)
    if old is not None and new is not None and _folded(old) == _folded(new):
        return True
    if not _is_known(getattr(after, neutral)):
        return False
    # Two words for one status of a return may be two stages; a code and its symbol, or a word and none, are not.
    return not isinstance(after, Return) or old is None or new is None or old.isdigit() != new.isdigit()


def _is_known(word: Any) -> bool:
    return word is not None and word.value != "unknown"


def _folded(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold())) or word


def plain(item: Item) -> Item:
    """The item with one spelling of every word and address, to be compared with others that nothing names either."""
    changes: dict[str, Any] = {
        raw: None if _is_known(getattr(item, neutral)) else _folded(word)
        for raw, neutral in WORDS[Item].items()
        if (word := getattr(item, raw)) is not None
    }
    return evolve(item, **changes, images=tuple(sorted(map(_without_query, item.images))))


def _comparable(part: object) -> object:
    return plain(part) if isinstance(part, Item) else part


def _without_query(url: str) -> str:
    try:
        return urlunsplit(urlsplit(url)._replace(query="", fragment=""))
    except ValueError:
        return url
