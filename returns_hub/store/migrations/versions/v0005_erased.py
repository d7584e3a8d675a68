"""Which returns were erased, and are not to be stored again."""

import sqlalchemy as sa
from alembic import op

from returns_hub.store.schema import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "erased",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("erased_at", Moment, nullable=False),
    )
