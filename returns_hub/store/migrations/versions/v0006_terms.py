"""The words that people look for returns by, and names in one tree each."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from returns_hub.store.schema import Moment
from returns_hub.store.search import UNDATED, terms_of

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ROWS_AT_ONCE: Final = 500


def upgrade() -> None:
    """Create the table of terms and fill it, and put the name first in the key of names. The indexes that terms replace go."""
    op.create_table(
        "terms",
        sa.Column("term", sa.Text, primary_key=True),
        sa.Column("created_at", Moment, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("return_id", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "names_by_name",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("return_id", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO names_by_name SELECT name, account, return_id FROM names ORDER BY name, account, return_id")
    op.drop_table("names")
    op.rename_table("names_by_name", "names")
    op.drop_index("returns_by_order_number", "returns")
    op.drop_index("returns_by_customer_email", "returns")
    op.drop_index("returns_by_request_id", "returns")
    op.drop_index("items_by_sku", "items")
    op.drop_index("items_by_rma", "items")
    op.drop_index("shipments_by_tracking_number", "shipments")
    op.create_index("returns_by_id", "returns", ["id"])
    given = sa.text("request_id IS NOT NULL")
    columns = ["request_id", "account"]
    op.create_index("returns_by_request_id", "returns", columns, sqlite_where=given, postgresql_where=given)
    _fill_terms(op.get_bind())


def _fill_terms(connection: sa.Connection) -> None:
    columns = [sa.column("term"), sa.column("created_at", Moment), sa.column("account"), sa.column("return_id")]
    new = sa.insert(sa.table("terms", *columns))
    for rows in _portions(connection):
        found = [
            {"term": term, "created_at": row.created_at or UNDATED, "account": row.account, "return_id": row.id}
            for row in rows
            for term in _terms(row.object)
        ]
        if found:
            connection.execute(new, found)


def _portions(connection: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    columns = [sa.column("account"), sa.column("id"), sa.column("created_at", Moment), sa.column("object")]
    table = sa.table("returns", *columns)
    place = sa.tuple_(table.c.account, table.c.id)
    query = sa.select(table).order_by(table.c.account, table.c.id).limit(_ROWS_AT_ONCE)
    rows = connection.execute(query).all()
    while rows:
        yield rows
        rows = connection.execute(query.where(place > tuple(rows[-1])[:2])).all()


def _terms(text: str) -> set[str]:
    """The terms of a return; none of one that somebody has spoilt."""
    with suppress(AttributeError, TypeError, ValueError):
        return terms_of(json.loads(text))
    return set()
