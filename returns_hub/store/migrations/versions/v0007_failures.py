"""What was refused, and which delivery caused an event."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from returns_hub.store.schema import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the columns. What caused the events there are is not known."""
    op.create_table(
        "refusals",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("route", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
    )
    op.add_column("waiting", sa.Column("delivery_id", sa.BigInteger))
    op.add_column("events", sa.Column("delivery_id", sa.BigInteger))
    known = sa.text("delivery_id IS NOT NULL")
    where: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), known)
    op.create_index("events_of_delivery", "events", ["delivery_id", "sequence"], **where)
