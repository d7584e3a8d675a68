"""Names and what waits for them, deliveries, consumers of events, leases and paces."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from returns_hub.store.schema import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROWS_AT_ONCE: Final = 2000
_LONGEST_NAME: Final = 255


def upgrade() -> None:
    """Create the tables, and note the names of what is in the mirror already."""
    op.create_table(
        "names",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("return_id", sa.Text, primary_key=True),
    )
    op.create_table(
        "waiting",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("object", sa.Text, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("dedupe_key", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("duplicates", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("claim", sa.Text),
        sa.Column("claimed_until", Moment),
        sa.Column("processed_at", Moment),
        sa.Column("error", sa.Text),
        sa.Column("events", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("deliveries_by_dedupe_key", "deliveries", ["account", "dedupe_key"], unique=True)
    dead, pending = _where("state = 'dead'"), _where("state = 'pending'")
    op.create_index("deliveries_dead", "deliveries", ["id"], **dead)
    op.create_index("deliveries_due", "deliveries", ["due_at", "id"], **pending)
    op.create_index("deliveries_in_order", "deliveries", ["account", "subject", "id"], **pending)
    op.create_table(
        "consumers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("after", sa.BigInteger, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
    )
    op.create_table(
        "parked_events",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("return_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("error", sa.Text),
    )
    op.create_index("parked_events_by_state", "parked_events", ["consumer", "state", "due_at"])
    op.create_index("parked_events_by_return", "parked_events", ["consumer", "account", "return_id", "sequence"])
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("until", Moment, nullable=False),
    )
    op.create_table(
        "paces",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("held_until", sa.Double, nullable=False),
        sa.Column("learned_interval", sa.Double),
    )
    _fill_names(op.get_bind())


def _where(condition: str) -> dict[str, Any]:
    return dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text(condition))


def _fill_names(connection: sa.Connection) -> None:
    new = sa.text("INSERT INTO names VALUES (:account, :name, :return_id) ON CONFLICT DO NOTHING")
    for table, kind in (("shipments", "shipment"), ("items", "item")):
        for rows in _portions(connection, table):
            named = [
                {"account": row.account, "name": name, "return_id": row.return_id}
                for row in rows
                for name in _names(kind, row.object)
                if _is_usable(name)
            ]
            if named:
                connection.execute(new, named)


def _portions(connection: sa.Connection, name: str) -> Iterator[Sequence[sa.Row[Any]]]:
    table = sa.table(name, *(sa.column(each) for each in ("account", "return_id", "position", "object")))
    place = sa.tuple_(table.c.account, table.c.return_id, table.c.position)
    query = sa.select(table).order_by(*place).limit(_ROWS_AT_ONCE)
    rows = connection.execute(query).all()
    while rows:
        yield rows
        rows = connection.execute(query.where(place > tuple(rows[-1])[:3])).all()


def _names(kind: str, text: str) -> Iterator[str]:
    """The names of a part; none of one that somebody has spoilt."""
    with suppress(ValueError):
        part = json.loads(text)
        if part.get("id"):
            yield f"{kind}:{part['id']}"
        yield from (f"alias:{alias}" for alias in part.get("aliases", ()))


def _is_usable(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and "\0" not in name and name == name.encode(errors="ignore").decode()
