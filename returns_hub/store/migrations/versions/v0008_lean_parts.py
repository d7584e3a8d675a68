"""Items and shipments are stored once: in the object of their return."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the copies that stood in the tables of items and shipments. Objects themselves get shorter when they are next written."""
    op.drop_column("items", "object")
    op.drop_column("shipments", "object")
