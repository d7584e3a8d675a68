"""What a comparison of the mirror with its vendor asks the mirror."""

from collections import defaultdict
from datetime import datetime
from typing import Final

from attrs import frozen
from sqlalchemy import distinct, func, select

from returns_hub.events import Origin, ReturnCreated
from returns_hub.reports import Difference
from returns_hub.store import rows
from returns_hub.store.database import Database, sql_time, store_errors
from returns_hub.store.events import last_sequence
from returns_hub.store.schema import EVENTS, MERGE_STATE, RETURNS

_AT_ONCE: Final = 500
_MAX_DIFFERENCES: Final = 500


@frozen(kw_only=True)
class Repairs:
    """What a comparison has repaired: returns that were ``missing``, and those that were ``changed``."""

    missing: int = 0
    changed: int = 0
    differences: tuple[Difference, ...] = ()


class ReconcileQueries:
    """Questions about what a run has seen and changed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def last_sequence(self) -> int:
        """The sequence of the newest event.

        Raises:
            StoreError: the database fails.
        """
        with self.database.reading() as connection:
            return last_sequence(connection)

    @store_errors
    def repairs(self, account: str, after: int) -> Repairs:
        """What polling has created and changed, by its events behind a sequence.

        Raises:
            StoreError: the database fails.
        """
        table = EVENTS.c
        polled = (table.account == account) & (table.sequence > after) & (table.origin == Origin.POLL.value)
        new = select(table.return_id).where(polled, table.type == ReturnCreated.type)
        others = polled & table.return_id.not_in(new)
        with self.database.reading() as connection:
            missing = connection.execute(select(func.count()).select_from(new.subquery())).scalar_one()
            changed = connection.execute(select(func.count(distinct(table.return_id))).where(others)).scalar_one()
            query = select(table.return_id, table.changes).where(others).order_by(table.sequence)
            fields: defaultdict[str, dict[str, None]] = defaultdict(dict)
            for row in connection.execute(query.limit(_MAX_DIFFERENCES)):
                fields[row.return_id].update(dict.fromkeys(rows.decode(row.changes)))
        differences = tuple(Difference(id=key, fields=tuple(names)) for key, names in fields.items())
        return Repairs(missing=missing, changed=changed, differences=differences)

    @store_errors
    def unseen(
        self, account: str, seen_since: datetime, created_since: datetime, *, after: str = ""
    ) -> tuple[str, ...]:
        """The next few hundred returns, by id, that were not observed since a moment.

        Of those created since another moment, and of those whose creation is not known.

        Raises:
            StoreError: the database fails.
        """
        mark, table = MERGE_STATE.c, RETURNS.c
        of_return = (mark.account == table.account) & (mark.return_id == table.id)
        query = (
            select(table.id)
            .join(MERGE_STATE, of_return)
            .where(
                table.account == account,
                table.id > after,
                (mark.seen_at < seen_since) | (mark.seen_at > sql_time(self.database.dialect)),
            )
            .where(table.created_at.is_(None) | (table.created_at >= created_since))
        )
        with self.database.reading() as connection:
            return tuple(connection.execute(query.order_by(table.id).limit(_AT_ONCE)).scalars())
