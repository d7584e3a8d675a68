"""Which items are meant by an alias, and where the facts asserted under one are shown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from returns_hub.merge.facts import BESIDE_STATUS, STATUS, Fact, Path, Values, rank
from returns_hub.merge.precedence import wins


def visible_facts(known: Mapping[Path, Fact]) -> dict[Path, Values]:
    """The facts where a reader looks for them: beside the status, and at the items that an alias means."""
    shown = dict(known)
    if word := shown.get(STATUS):
        status, status_raw, *beside = word.values
        later = (
            shown.pop(path).values[0] if path in shown else own for path, own in zip(BESIDE_STATUS, beside, strict=True)
        )
        shown[STATUS] = Fact(word.stamp, (status, status_raw, *later))
    items = _items_by_alias(known)
    for path, fact in {path: shown.pop(path) for path in known if path[0] == "aliases"}.items():
        for place in items[path[1]]:
            own = (*place, *path[2:])
            if own not in shown or wins(own, fact, shown[own]):
                shown[own] = fact
    return {path: fact.values for path, fact in shown.items()}


def _items_by_alias(known: Iterable[Path]) -> dict[str, list[Path]]:
    """For each alias that an item without an id has: the items that are meant by it.

    These are the items with an id that have it, or another alias that some items without an id say is of the same thing.
    Where there are none, it is one without an id, at the first of all these aliases.
    """
    same: dict[str, set[str]] = {}
    owners: defaultdict[str, list[Path]] = defaultdict(list)
    for path in known:
        if path[2:3] != ("aliases",):
            continue
        if path[0] == "items":
            owners[path[3]].append(path[:2])
            continue
        few, many = sorted((same.setdefault(path[1], {path[1]}), same.setdefault(path[3], {path[3]})), key=len)
        if few is not many:
            many |= few
            same.update(dict.fromkeys(few, many))
    items: dict[str, list[Path]] = {}
    for alias, aliases in same.items():
        if alias not in items:
            found = list(dict.fromkeys(owner for each in aliases for owner in owners[each]))
            items.update(dict.fromkeys(aliases, found or [("aliases", min(aliases, key=rank))]))
    return items
