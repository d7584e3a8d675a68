"""What was refused, counted by account, route and reason: the table has as many rows as these, whatever comes in."""

from collections.abc import Iterable
from datetime import datetime

from attrs import frozen
from sqlalchemy import case, delete, func, select

from returns_hub.reports import Refusal
from returns_hub.store import rows
from returns_hub.store.database import Database, database_time, store_errors
from returns_hub.store.schema import REFUSALS
from returns_hub.store.sql import insert_into


@frozen(kw_only=True)
class NewRefusals:
    """So many further refusals of one kind; ``detail`` and ``digest`` are those of one of them."""

    account: str
    route: str
    reason: str
    detail: str
    digest: str
    count: int


class Refusals:
    """The refusals of a store.

    Everything raises :class:`StoreError` where the database fails, and then nothing was half-written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @store_errors
    def add(self, new: Iterable[NewRefusals]) -> None:
        """Count further refusals. A power cut may lose the latest."""
        row = REFUSALS.c
        with self.database.writing(serialized=False, durable=False) as connection:
            now = database_time(connection)
            statement = insert_into(connection, REFUSALS)
            known = statement.excluded
            count = {
                "count": row.count + known.count,
                "last_at": known.last_at,
                "detail": known.detail,
                "digest": case((known.digest == "", row.digest), else_=known.digest),
            }
            # In one order everywhere: two processes that wait for each other's rows would wait for ever.
            ordered = sorted(new, key=lambda each: (each.account, each.route, each.reason))
            connection.execute(
                statement.on_conflict_do_update(index_elements=REFUSALS.primary_key, set_=count),
                [
                    {
                        "account": each.account,
                        "route": each.route,
                        "reason": each.reason,
                        "detail": rows.plain(each.detail),
                        "digest": each.digest,
                        "count": each.count,
                        "first_at": now,
                        "last_at": now,
                    }
                    for each in ordered
                ],
            )

    @store_errors
    def find(self, account: str | None = None) -> tuple[Refusal, ...]:
        """What was refused, the latest first."""
        query = select(REFUSALS).order_by(REFUSALS.c.last_at.desc(), *REFUSALS.primary_key)
        if account is not None:
            query = query.where(REFUSALS.c.account == account)
        with self.database.reading() as connection:
            return tuple(Refusal(**row) for row in connection.execute(query).mappings())

    @store_errors
    def total(self) -> tuple[int, datetime | None]:
        """How much was refused, and when last."""
        query = select(func.coalesce(func.sum(REFUSALS.c.count), 0), func.max(REFUSALS.c.last_at))
        with self.database.reading() as connection:
            count, last_at = connection.execute(query).one()
        return int(count), last_at

    @store_errors
    def purge(self, before: datetime) -> None:
        """Forget the kinds that were last seen before a moment."""
        with self.database.writing(serialized=False, durable=False) as connection:
            connection.execute(delete(REFUSALS).where(REFUSALS.c.last_at < before))
