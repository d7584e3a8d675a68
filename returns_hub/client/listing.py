"""The walk over the pages of a listing: every row once, and an end even where the vendor repeats its pages."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar, cast

from returns_hub.adapter import Adapter, Capability
from returns_hub.fork import reset_after_fork
from returns_hub.logs import log_event
from returns_hub.model import Return
from returns_hub.operation import Operation, Page, UnreadableField


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=_Identified)
ReadPage = Callable[[str | None], Operation[Page[Row]]]

_MAX_GAPS: Final = 100
_MAX_UNREADABLE: Final = 1000


def out_of_reach(adapter: Adapter, floor: datetime) -> str:
    """What is said where a listing is asked for more than the vendor lists."""
    return (
        f"{adapter.display_name} lists nothing that was created before {floor:%Y-%m-%d}; "
        "what is older can be read by its id only"
    )


class Omissions:
    """What the calls of a client could not show; threads may add to it together."""

    def __init__(self) -> None:
        self.invalid_records = 0
        self.gaps: tuple[str, ...] = ()
        self._unreadable: dict[UnreadableField, None] = {}
        self._lock = threading.Lock()
        reset_after_fork(self, Omissions._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()

    def add_invalid_record(self) -> None:
        """Count a record that could not be read."""
        with self._lock:
            self.invalid_records += 1

    def add_gap(self, sentence: str) -> None:
        """Remember what a vendor cannot be made to show, once; a hundred at most."""
        with self._lock:
            if len(self.gaps) < _MAX_GAPS and sentence not in self.gaps:
                self.gaps = (*self.gaps, sentence)

    @property
    def unreadable_fields(self) -> tuple[UnreadableField, ...]:
        """The fields that could not be read, each once."""
        with self._lock:
            return tuple(self._unreadable)

    def add_unreadable(self, name: str, result: object) -> None:
        """Remember and log which fields of the records in a call's result could not be read; each once, a thousand at most."""
        for record in result.items if isinstance(result, Page) else result if isinstance(result, tuple) else (result,):
            fields = getattr(record, "unreadable", ())
            if fields:
                self._add_unreadable_of(name, getattr(record, "id", None) or "", fields)

    def _add_unreadable_of(self, name: str, record_id: str, fields: Iterable[str]) -> None:
        with self._lock:
            room = _MAX_UNREADABLE - len(self._unreadable)
            found = [UnreadableField(id=record_id, field=field) for field in fields]
            new = [field for field in found if field not in self._unreadable][:room]
            self._unreadable.update(dict.fromkeys(new))
        if new:
            named = ", ".join(field.field for field in new)
            message = "%s: %s: fields that could not be read are left empty: %s"
            log_event("fields.unreadable", message, name, record_id, named, listing=name, record=record_id)


class Listing(Generic[Row]):
    """How far a listing has been read. It ends with the vendor's pages, or where these begin to repeat themselves."""

    def __init__(self, adapter: Adapter, capability: Capability, read: ReadPage[Row], omissions: Omissions) -> None:
        self._name = f"{adapter.provider} {capability}"
        self._adapter = adapter
        self._read = read
        self._omissions = omissions
        self._cursor: str | None = None
        self._cursors: set[str] = set()
        self._ids: set[str] = set()
        # The pages so far, by their hashes. One without a new id may be an old one, or hold more of what is known.
        self._pages: set[int] = set()
        # A return that grew from a request stands for it: the request does not come beside it.
        self._request_ids: set[str] = set()
        self.has_more = True

    def next_page(self) -> Operation[Page[Row]]:
        """The operation for the page that comes next."""
        return self._read(self._cursor)

    def new_rows(self, page: Page[Row]) -> list[Row]:
        """The rows of a page that no page before it had."""
        for record in page.invalid_records:
            self._omissions.add_invalid_record()
            message = "%s: a record could not be read and is left out, at %s"
            log_event("record.unreadable", message, self._name, record.where, listing=self._name)
        for sentence in page.gaps:
            self._omissions.add_gap(sentence)
            log_event("listing.gap", "%s: %s", self._name, sentence, listing=self._name)
        rows = {row.id: row for row in page.items if row.id not in self._ids}
        fingerprint = hash(page.items)
        repeats = bool(page.items) and not rows and fingerprint in self._pages
        self._pages.add(fingerprint)
        self._ids.update(rows)
        self._request_ids.update(filter(None, (getattr(row, "request_id", None) for row in rows.values())))
        if repeats or page.next in self._cursors:
            message = "%s: the vendor repeats its pages; the listing ends here"
            log_event("listing.repeats", message, self._name, listing=self._name)
        self.has_more = page.next is not None and not repeats and page.next not in self._cursors
        if page.next is not None:
            self._cursor = page.next
            self._cursors.add(page.next)
        return [self._derived(row) for row in rows.values() if row.id not in self._request_ids and self._is_meant(row)]

    def to_read_again(self, page: Page[Row]) -> list[str]:
        """The ids of returns that a page only names, none twice, and none that was shown."""
        ids = [each for each in dict.fromkeys(page.read_again) if each not in self._ids]
        self._ids.update(ids)
        return ids

    def shown(self, ret: Return) -> list[Return]:
        """A return that was read again, if it is one to be shown."""
        return [self._adapter.derive(ret)] if self._is_meant(ret) else []

    def _is_meant(self, row: object) -> bool:
        return not (isinstance(row, Return) and self._adapter.is_test_record(row))

    def _derived(self, row: Row) -> Row:
        return cast("Row", self._adapter.derive(row)) if isinstance(row, Return) else row
