"""What the console needs: who is logged in, who did what, and the deliveries of an account and about a return."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from returns_hub.store.schema import Moment

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables and the indexes."""
    op.create_table(
        "audit",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("account", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("token", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_token", "audit", ["token"], unique=True, **_where("token IS NOT NULL"))
    op.create_index("audit_of_subject", "audit", ["account", "subject", "id"])
    op.create_table(
        "console_sessions",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("began_at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
    )
    op.create_index("deliveries_of_account", "deliveries", ["account", "id"])
    op.create_index("deliveries_of_subject", "deliveries", ["subject", "account", "id"], **_where("subject <> ''"))


def _where(condition: str) -> dict[str, Any]:
    return dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text(condition))
