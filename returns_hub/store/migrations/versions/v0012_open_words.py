"""What a sync asks of the open returns of an account, in an index."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_IS_OPEN = "status NOT IN ('rejected', 'cancelled', 'expired', 'closed')"


def upgrade() -> None:
    """Create the index."""
    columns, is_open = ["account", "status_raw", "created_at", "id"], sa.text(_IS_OPEN)
    op.create_index("returns_open_words", "returns", columns, sqlite_where=is_open, postgresql_where=is_open)
