"""Indexes for the queries that read a whole account without them, and which fields of a return could not be read."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TERMINAL = "status NOT IN ('rejected', 'cancelled', 'expired', 'closed')"


def upgrade() -> None:
    """Add the column and the indexes. What could not be read of a return is known once it is read again."""
    op.add_column("returns", sa.Column("unreadable", sa.Text))
    op.drop_index("returns_by_status", "returns")
    op.drop_index("returns_by_account_created_at", "returns")
    op.drop_index("returns_by_created_at", "returns")
    op.drop_index("returns_by_request_id", "returns")
    op.create_index("returns_newest", "returns", ["created_at", "account", "id"])
    op.create_index("returns_newest_of_account", "returns", ["account", "created_at", "id"])
    op.create_index("returns_newest_at_status", "returns", ["status", "created_at", "account", "id"])
    op.create_index("returns_newest_of_account_at_status", "returns", ["account", "status", "created_at", "id"])
    op.create_index("returns_open", "returns", ["account", "id"], **_where(_TERMINAL))
    op.create_index("returns_by_request_id", "returns", ["account", "request_id"], **_where("request_id IS NOT NULL"))
    op.create_index("returns_unreadable", "returns", ["account", "id"], **_where("unreadable IS NOT NULL"))
    op.create_index("events_of_account", "events", ["account", "sequence"])


def _where(condition: str) -> dict[str, Any]:
    return dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text(condition))
