"""Finding returns by the words that people have at hand: an order number, an e-mail address, what is printed on a parcel.

Each such word of a return is a term, ``kind:word``, folded so that it is found however a person spells it. The terms of a return are
written in the transaction that writes the return. They hold personal data: whatever erases a return calls :func:`remove_terms` first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    delete,
    exists,
    func,
    literal,
    select,
    union,
)

from returns_hub.errors import StoreError
from returns_hub.status import Attention, Status
from returns_hub.store import rows
from returns_hub.store.rows import EncodedReturn, Row
from returns_hub.store.schema import NAMES, RETURNS, TERMS, Moment
from returns_hub.store.sql import deleting, write

# A return without a time of creation is older than all that have one. A day after the first one that there is: PostgreSQL gives times in
# the zone of its session.
UNDATED: Final = datetime(1, 1, 2, tzinfo=UTC)

_Key: TypeAlias = tuple[ColumnElement[str], ColumnElement[str]]

# The kinds that a text may be of, those first of which the fewest returns have the same word.
_KINDS: Final = ("tracking", "number", "order", "reference", "id", "email", "barcode", "sku")
# Made once: SQLAlchemy takes longer to make an alias of a table than a database to answer.
_GROWN: Final = RETURNS.alias("grown").c
_SEPARATORS: Final = re.compile(r"[\s-]+")


def term(kind: str, text: str) -> str | None:
    """The term of a word; None if it has none, because it is empty or longer than both databases index.

    Case, spaces around it and a ``#`` before it do not count, nor do spaces and hyphens in a tracking number.
    """
    word = text.strip().lstrip("#").strip().casefold()
    if kind == "tracking":
        word = _SEPARATORS.sub("", word)
    found = f"{kind}:{word}"
    return found if word and rows.is_usable_id(found) else None


def terms_of(data: Mapping[str, Any]) -> set[str]:
    """The terms of a return, given as :func:`returns_hub.dump` gives it."""
    order, customer = data.get("order") or {}, data.get("customer") or {}
    items, shipments = data.get("items") or (), data.get("shipments") or ()
    status = data.get("status", Status.UNKNOWN.value)
    words = [
        ("status", status),
        ("order", order.get("number")),
        ("order", order.get("id")),
        ("number", data.get("number")),
        ("reference", data.get("reference")),
        ("email", customer.get("email")),
        *(("tracking", shipment.get("tracking_number")) for shipment in shipments),
        *((kind, item.get(name)) for item in items for kind, name in _WORDS_OF_ITEMS),
        # Few returns need attention: for them the two filters together are a term too.
        *(("attention", text) for word in data.get("attention") or () for text in (word, f"{word} {status}")),
        # An id may name its number space: people have the number only. Whole ids are found by the tables' own indexes.
        *(("id", key.partition(":")[2]) for key in (data.get("id"), data.get("request_id")) if key and ":" in key),
    ]
    return {found for kind, text in words if text and (found := term(kind, text))}


_WORDS_OF_ITEMS: Final = (("sku", "sku"), ("sku", "article_code"), ("barcode", "barcode"), ("number", "rma"))


def changed_terms(
    account: str, changes: Iterable[tuple[EncodedReturn | None, EncodedReturn]]
) -> tuple[list[Row], list[Row]]:
    """The rows of the terms that returns lose and gain; each is given as it was stored before, and as it is stored now."""
    gone: list[Row] = []
    new: list[Row] = []
    for before, after in changes:
        known: set[tuple[str, datetime]] = _keys(before) if before else set()
        wanted = _keys(after)
        gone += [_row(account, after.ret.id, *key) for key in known - wanted]
        new += [_row(account, after.ret.id, *key) for key in sorted(wanted - known)]
    return gone, new


def remove_terms(connection: Connection, account: str, return_id: str) -> None:
    """Remove the terms of a stored return; call it in the transaction that removes the return, and before that."""
    query = select(RETURNS.c.object).where(RETURNS.c.account == account, RETURNS.c.id == return_id)
    text = connection.execute(query).scalar()
    if text is None:
        return
    try:
        stored = EncodedReturn.of(rows.read_return(text, return_id))
    except StoreError:
        # The row was damaged: its terms are found only by reading all of them.
        connection.execute(delete(TERMS).where(TERMS.c.account == account, TERMS.c.return_id == return_id))
    else:
        write(connection, [(deleting(TERMS), [_row(account, return_id, *key) for key in _keys(stored)])])


def _keys(encoded: EncodedReturn) -> set[tuple[str, datetime]]:
    created_at = encoded.ret.created_at or UNDATED
    return {(each, created_at) for each in terms_of(encoded.data)}


def _row(account: str, return_id: str, term: str, created_at: datetime) -> Row:
    return {"term": term, "created_at": created_at, "account": account, "return_id": return_id}


def select_found(text: str, account: str | None, limit: int | None) -> Executable:
    """The ``account`` and ``id`` of the returns that have the text as a word of any kind, newest first."""
    text = text.strip()
    parts = [_select_having(found, account, limit) for kind in _KINDS if (found := term(kind, text))]
    if rows.is_usable_id(text):
        parts += [query.where(stands_alone(*key)) for query, key in _by_keys(text, account)]
    if not parts:
        return select(RETURNS.c.account, RETURNS.c.id).limit(0)
    # Each is in order and cut already; a return that several of them find is one row of the union.
    every = union(*(select(part.subquery()) for part in parts)).subquery().c
    query = select(every.account, every.return_id.label("id"))
    return query.order_by(*_newest_first(every)).limit(limit)


def _select_having(found: str, account: str | None, limit: int | None) -> Select[Any, str, str]:
    table = TERMS.c
    query = select(table.created_at, table.account, table.return_id)
    query = query.where(table.term == found, stands_alone(table.account, table.return_id))
    if account is not None:
        query = query.where(table.account == account)
    return query.order_by(*_newest_first(table)).limit(limit)


def _by_keys(text: str, account: str | None) -> Iterator[tuple[Select[Any, str, str], _Key]]:
    """The queries for the returns of an id, of a request's, and of a part's, with the columns of the return's key."""
    table, name = RETURNS.c, NAMES.c
    known, undated = table.created_at, literal(UNDATED, Moment())
    # Joined, the databases might read an account's returns to look for the few names.
    of_named = select(known).where(table.account == name.account, table.id == name.return_id).scalar_subquery()
    names = [f"{kind}:{text}" for kind in ("item", "alias", "shipment")]
    whole: _Key = (table.account, table.id)
    named: _Key = (name.account, name.return_id)
    for key, created_at, condition in (
        (whole, known, table.id == text),
        (whole, known, table.request_id == text),
        (named, of_named, name.name.in_(names)),
    ):
        of_account, return_id = key
        dated = func.coalesce(created_at, undated).label("created_at")
        query = select(dated, of_account, return_id.label("return_id")).where(condition)
        yield query if account is None else query.where(of_account == account), key


def _newest_first(table: Any) -> Sequence[ColumnElement[Any]]:
    return [column.desc() for column in (table.created_at, table.account, table.return_id)]


def select_matching(
    *,
    account: str | None,
    status: Status | None,
    attention: Attention | None,
    since: date | datetime | None,
    words: Mapping[str, str | None],
) -> Sequence[Select[Any]]:
    """The returns that match everything given, newest first; where that is several queries, one after the other.

    ``words`` are texts by the kind of word that they are.
    """
    wanted = {kind: text for kind, text in words.items() if text is not None}
    if attention is not None:
        wanted["attention"] = attention.value if status is None else f"{attention.value} {status.value}"
    elif status is not None and (wanted or account is None):
        wanted["status"] = status.value
    terms = [term(kind, wanted[kind]) for kind in (*_KINDS, "attention", "status") if kind in wanted]
    known = [each for each in terms if each is not None]
    if len(known) < len(terms):
        return ()
    table = RETURNS.c
    query: Any = select(table.account, table.id, table.object)
    if known:
        return (_having_all(query, known, account, since),)
    query = query.where(stands_alone(table.account, table.id))
    if account is not None:
        query = query.where(table.account == account)
    if status is not None:
        query = query.where(table.status == status.value)
    if since is not None:
        query = query.where(table.created_at >= start_of(since))
    # Two queries, for the databases do not agree on where a missing time stands in an index.
    dated = query.where(table.created_at.is_not(None))
    dated = dated.order_by(table.created_at.desc(), table.account.desc(), table.id.desc())
    undated = query.where(table.created_at.is_(None)).order_by(table.account, table.id)
    return (dated,) if since is not None else (dated, undated)


def _having_all(
    query: Select[Any], terms: Sequence[str], account: str | None, since: date | datetime | None
) -> Select[Any]:
    """The query, of the returns that have all of these terms, read along the first of them."""
    first, *others = terms
    along = TERMS.c
    query = query.join(TERMS, (along.account == RETURNS.c.account) & (along.return_id == RETURNS.c.id))
    query = query.where(along.term == first, stands_alone(along.account, along.return_id))
    for each in others:
        also = TERMS.alias().c
        same = [also[name] == along[name] for name in ("created_at", "account", "return_id")]
        query = query.where(exists().where(also.term == each, *same))
    if account is not None:
        query = query.where(along.account == account)
    if since is not None:
        query = query.where(along.created_at >= start_of(since))
    return query.order_by(*_newest_first(along))


def stands_alone(account: ColumnElement[str], return_id: ColumnElement[str]) -> ColumnElement[bool]:
    """True of a return from which no other one grew."""
    return ~exists().where(_GROWN.account == account, _GROWN.request_id == return_id)


def start_of(since: date | datetime) -> datetime:
    """The first moment of a day, in UTC; a time without a zone is read in UTC."""
    moment = since if isinstance(since, datetime) else datetime.combine(since, time())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
