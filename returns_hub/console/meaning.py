"""Why a neutral word stands where it does: the row of the vendor's table that made it."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from attrs import frozen

from returns_hub import registry
from returns_hub.adapter import Adapter
from returns_hub.errors import ReturnsHubError
from returns_hub.hub import Hub
from returns_hub.json_codec import encode_json
from returns_hub.model import Item, Return, Shipment
from returns_hub.status import Facts, Status, StatusTable

# Which vocabularies a word of a field is of, most likely first; what is left comes behind.
_OF_FIELD: Final[Mapping[str, Sequence[str]]] = {
    "status": ("return", "request"),
    "shipment": ("shipment",),
    "label": ("label", "shipment"),
    "disposition": ("handling", "disposition", "recall", "resend", "vas"),
    "disposition_status": ("handling_status", "recall_inventory", "recall", "resend", "vas", "disposition"),
}

_CONCLUDED: Final = "The vendor has no word for the return itself: it is concluded from its parcels and items, or from the call that told of it."
_PART_CONCLUDED: Final = (
    "The vendor has no word for it: what it sends instead, such as a link or another field, says so."
)


@frozen(kw_only=True)
class Meaning:
    """What a vendor's word means here. ``vocabulary`` is None, and ``source`` empty, for a word that no table has.

    ``close`` are documented words that look like it; ``map_line`` is what gives it a meaning, at vendors with such an option.
    """

    word: str
    vocabulary: str | None
    asserts: tuple[str, ...]
    why: str
    source: str
    close: tuple[str, ...] = ()
    map_line: str | None = None


class Meanings:
    """Explains the words of one account's vendor. ``adapter`` is None where its package cannot be loaded."""

    def __init__(self, hub: Hub, account: str) -> None:
        self.account = account
        self._own: StatusTable | None = None
        self.adapter: Adapter | type[Adapter] | None = None
        try:
            adapter = hub.client(account).adapter
            self.adapter, self._own = adapter, adapter.statuses
        except ReturnsHubError:
            # Without its secrets there is no client; the vendor's own table is known all the same.
            try:
                self.adapter = registry.adapter_class(hub.accounts[account].provider)
            except ReturnsHubError:
                self.adapter = None

    @property
    def display_name(self) -> str:
        """The vendor's name as it writes it."""
        return "" if self.adapter is None else self.adapter.display_name

    def explain(self, word: str | None, field: str = "status") -> Meaning | None:
        """What the word means in a field; None if there is no word, or nothing that could explain it."""
        if not word or self.adapter is None:
            return None
        for name, table in self._tables(field):
            facts = table.row(word)
            if facts is not None:
                return Meaning(
                    word=word,
                    vocabulary=name,
                    asserts=assertions(facts),
                    why=facts.why,
                    source=facts.source or table.source,
                    map_line=self._map_line(word) if facts.has_no_meaning and field == "status" else None,
                )
        return self._unknown(word, field)

    def of_return(self, ret: Return) -> Meaning | None:
        """Why a return has its status."""
        if ret.status_raw or ret.status is Status.UNKNOWN:
            return self.explain(ret.status_raw)
        return Meaning(word="", vocabulary=None, asserts=(ret.status.value,), why=_CONCLUDED, source="")

    def of_shipment(self, shipment: Shipment) -> Meaning | None:
        """Why a shipment has its status."""
        return self._of_part(shipment.status, shipment.status_raw, "shipment")

    def of_label(self, shipment: Shipment) -> Meaning | None:
        """Why a label has its status."""
        label = shipment.label
        return None if label is None else self._of_part(label.status, label.status_raw, "label")

    def of_disposition(self, item: Item) -> Meaning | None:
        """Why an item has its disposition."""
        return self._of_part(item.disposition, item.disposition_raw, "disposition")

    def of_disposition_status(self, item: Item) -> Meaning | None:
        """Why the disposition of an item stands where it does."""
        return self._of_part(item.disposition_status, item.disposition_status_raw, "disposition_status")

    def _of_part(self, word: StrEnum | None, raw: str | None, field: str) -> Meaning | None:
        if raw or word is None or word.value == Status.UNKNOWN.value:
            return self.explain(raw, field)
        return Meaning(word="", vocabulary=None, asserts=(word.value,), why=_PART_CONCLUDED, source="")

    def _tables(self, field: str) -> Iterator[tuple[str, StatusTable]]:
        if field == "status" and self._own is not None:
            yield "return", self._own
        known = self.adapter.vocabularies if self.adapter is not None else {}
        preferred = [name for name in _OF_FIELD.get(field, ()) if name in known]
        for name in (*preferred, *(name for name in known if name not in preferred and field != "status")):
            yield name, known[name]

    def _unknown(self, word: str, field: str) -> Meaning | None:
        tables = list(self._tables(field))
        if not tables:
            return None
        close = [near for _, table in tables for near in get_close_matches(table.fold(word), table.rows, n=3)]
        return Meaning(
            word=word,
            vocabulary=None,
            asserts=assertions(tables[0][1].unknown),
            why="No document of the vendor has this word. It is kept beside our status.",
            source="",
            close=tuple(dict.fromkeys(close))[:5],
            map_line=self._map_line(word) if field == "status" else None,
        )

    def _map_line(self, word: str) -> str | None:
        can_map = self.adapter is not None and hasattr(self.adapter, "status_map")
        return status_map_lines(self.account, word) if can_map else None


def assertions(facts: Facts) -> tuple[str, ...]:
    """What a row asserts, one sentence each."""
    return tuple(facts.assertions()) or ("nothing",)


def status_map_lines(account: str, word: str) -> str:
    """The lines of a configuration that give a vendor's word a meaning in one account."""
    return f'[accounts.{account}.status_map]\n{encode_json(word)} = "received"'
