"""The events of a return, in whatever account, by an index."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the return first in the index."""
    op.drop_index("events_by_return", "events")
    op.create_index("events_by_return", "events", ["return_id", "account", "sequence"])
