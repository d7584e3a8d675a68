"""Correlation: by what names the parts of returns are known, and what waits until a return with such a name appears.

A name is ``shipment:ID``, ``item:ID``, or ``alias:ALIAS`` of an item: a vendor may number its items and what their aliases
are of alike. What names a return by its parts means the return that has every one of these names, as far as any return
has them. Where that is no return, or where several have them all, it waits: nothing is guessed. Names are only ever
added, so a further one may settle later which return is meant.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeAlias

from attrs import evolve, field, frozen
from sqlalchemy import Connection, RowMapping, bindparam, delete, select, tuple_

from returns_hub.events import Origin
from returns_hub.json_codec import encode_json
from returns_hub.merge import Observation
from returns_hub.scalars import format_time
from returns_hub.store import rows
from returns_hub.store.schema import ERASED, NAMES, WAITING
from returns_hub.store.sql import chunks, insert_new

Part: TypeAlias = tuple[str, ...]
"""By which name, or one of which names, a part of a return is known."""

_AT_ONCE: Final = 200

ERASED_RETURN: Final = ""
"""What stands for the id of a return that was erased, and is not to be stored again."""


@frozen(kw_only=True)
class Uncorrelated:
    """An observation of a return that is named by its parts only; without one, a hint that the return changed.

    ``key`` recognises it when it comes again.
    """

    parts: tuple[Part, ...]
    at: datetime
    seen_at: datetime
    origin: Origin
    observation: Observation | None
    text: str = field(repr=False)

    @property
    def key(self) -> str:
        """A digest of all but when and how it was learnt."""
        return rows.fingerprint(f"{format_time(self.at)} {self.text}")

    @classmethod
    def of(cls, observation: Observation, text: str) -> "Uncorrelated":
        """The observation, whose return is spelt in ``text``."""
        return cls(
            parts=tuple((name,) for name in rows.names(observation.ret)),
            at=observation.at,
            seen_at=observation.seen_at,
            origin=observation.origin,
            observation=observation,
            text=text,
        )

    @classmethod
    def hint(cls, aliases: Iterable[str], *, seen_at: datetime, origin: Origin) -> "Uncorrelated":
        """TriggerResult of the return that has these parts, spelt as in :attr:`returns_hub.ReturnHint.aliases`."""
        aliases = sorted(aliases)
        return cls(
            parts=part_names(aliases),
            at=seen_at,
            seen_at=seen_at,
            origin=origin,
            observation=None,
            text=encode_json(aliases),
        )

    @property
    def names(self) -> list[str]:
        """Every name that one of the parts may be known by."""
        return [name for part in self.parts for name in part]

    def observation_of(self, return_id: str) -> Observation | None:
        """The observation, as one of this return; None for a hint."""
        return self.observation and evolve(self.observation, ret=evolve(self.observation.ret, id=return_id))


def part_names(aliases: Iterable[str]) -> tuple[Part, ...]:
    """What a vendor's own ``shipment:ID`` and ``item:ID-OR-ALIAS`` may be known by."""
    return tuple(
        (alias, f"alias:{alias.removeprefix('item:')}") if alias.startswith("item:") else (alias,)
        for alias in aliases
        if rows.is_usable_id(f"alias:{alias}")
    )


def find_erased(connection: Connection, account: str, names: Iterable[str]) -> set[str]:
    """Those of the names, ``return:ID`` or of parts, that a return had which was erased and is not to be stored again."""
    of_account = select(ERASED.c.digest).where(ERASED.c.account == account)
    digests = {rows.fingerprint(name): name for name in names if rows.plain(name) == name}
    found = (connection.execute(of_account.where(ERASED.c.digest.in_(some))).scalars() for some in chunks(digests))
    return {digests[digest] for some in found for digest in some}


def correlate(
    connection: Connection, account: str, wanted: Mapping[str, Iterable[Part]], *, erased: bool
) -> dict[str, str]:
    """By the same keys as the parts, the ids of the returns that they mean; without those that mean none.

    Parts of a return that was ``erased`` mean :data:`ERASED_RETURN`, where the account has such.
    """
    wanted = {key: tuple(parts) for key, parts in wanted.items()}
    having: defaultdict[str, set[str]] = defaultdict(set)
    query = select(NAMES.c.name, NAMES.c.return_id).where(NAMES.c.account == account)
    names = {name for parts in wanted.values() for part in parts for name in part}
    for some in chunks(names):
        for name, return_id in connection.execute(query.where(NAMES.c.name.in_(some))):
            having[name].add(return_id)
    for name in find_erased(connection, account, names if erased else ()):
        having[name].add(ERASED_RETURN)
    found: dict[str, str] = {}
    for key, parts in wanted.items():
        owners = [set().union(*(having[name] for name in part if name in having)) for part in parts]
        known = [ids for ids in owners if ids]
        if known and len(common := set.intersection(*known)) == 1:
            found[key] = common.pop()
    return found


def put_waiting(connection: Connection, account: str, uncorrelated: Iterable[Uncorrelated]) -> None:
    """Keep what means no return yet, under each of its names."""
    new_rows = [
        {
            "account": account,
            "name": name,
            "fingerprint": each.key,
            "at": each.at,
            "seen_at": each.seen_at,
            "origin": each.origin.value,
            "object": each.text,
            "delivery_id": each.observation and each.observation.delivery_id,
        }
        for each in uncorrelated
        for name in each.names
    ]
    insert_new(connection, WAITING, new_rows)


def find_waiting(connection: Connection, account: str, names: Iterable[str]) -> dict[str, Uncorrelated]:
    """What waits for any of the names, by its key."""
    of_account = select(WAITING).where(WAITING.c.account == account)
    return {
        row["fingerprint"]: _read(row)
        for some in chunks(names)
        for row in connection.execute(of_account.where(WAITING.c.name.in_(some))).mappings()
    }


def remove_waiting(connection: Connection, account: str, uncorrelated: Iterable[Uncorrelated]) -> None:
    """Forget what waits no more."""
    table = WAITING.c
    gone = [{"of_name": name, "of_key": each.key} for each in uncorrelated for name in each.names]
    if gone:
        of_row = (table.name == bindparam("of_name")) & (table.fingerprint == bindparam("of_key"))
        connection.execute(delete(WAITING).where(table.account == account, of_row), gone)


def purge_waiting(connection: Connection, before: datetime) -> int:
    """Remove some of what was observed before a moment and still waits; how many of it, 0 once nothing is left."""
    table = WAITING.c
    old = table.seen_at < before
    some = select(table.account, table.fingerprint).where(old).distinct().limit(_AT_ONCE)
    found = connection.execute(some).all()
    if found:
        # An observation stands under each of its names.
        connection.execute(delete(WAITING).where(old, tuple_(table.account, table.fingerprint).in_(found)))
    return len(found)


def _read(row: RowMapping) -> Uncorrelated:
    at, seen_at, origin, text = row["at"], row["seen_at"], Origin(row["origin"]), row["object"]
    # TriggerResult is kept as a list of names, an observation as its return.
    if text.startswith("["):
        return Uncorrelated.hint(rows.decode(text), seen_at=seen_at, origin=origin)
    ret, delivery_id = rows.read_return(text, row["name"]), row["delivery_id"]
    observation = Observation(ret=ret, at=at, seen_at=seen_at, origin=origin, delivery_id=delivery_id)
    return Uncorrelated.of(observation, text)
