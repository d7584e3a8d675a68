"""Claims on the events of consumers, as deliveries have them."""

import sqlalchemy as sa
from alembic import op

from returns_hub.store.schema import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. What was claimed by its ``due_at`` is due when that has come, as before."""
    op.add_column("parked_events", sa.Column("claim", sa.Text))
    op.add_column("parked_events", sa.Column("claimed_until", Moment))
