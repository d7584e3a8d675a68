"""What a comparison of the mirror with its vendor asks the mirror."""

from datetime import datetime
from typing import Final

from sqlalchemy import distinct, func, select

from returns_hub.events import Origin, ReturnCreated
from returns_hub.store.database import Database, sql_time, store_errors
from returns_hub.store.events import last_sequence
from returns_hub.store.schema import EVENTS, MERGE_STATE, RETURNS

_AT_ONCE: Final = 500


class ReconcileQueries:
    """Questions about what a run has seen and told."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def last_sequence(self) -> int:
        """The sequence of the newest event."""
        with self.database.reading() as connection:
            return last_sequence(connection)

    @store_errors
    def found(self, account: str, after: int) -> tuple[int, int]:
        """How many returns polling created, and how many others it changed, behind a sequence."""
        table = EVENTS.c
        polled = (table.account == account) & (table.sequence > after) & (table.origin == Origin.POLL.value)
        new = select(table.return_id).where(polled, table.type == ReturnCreated.type)
        others = select(func.count(distinct(table.return_id))).where(polled, table.return_id.not_in(new))
        with self.database.reading() as connection:
            created: int = connection.execute(select(func.count()).select_from(new.subquery())).scalar_one()
            changed: int = connection.execute(others).scalar_one()
        return created, changed

    @store_errors
    def unseen(
        self, account: str, seen_since: datetime, created_since: datetime, *, after: str = ""
    ) -> tuple[str, ...]:
        """The next few hundred returns, by id, that no observation has told of since a moment.

        Of those created since another moment, and of those whose creation is not known.
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
