"""The names of a return, found by it: to erase one reads no others."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    op.create_index("names_of_return", "names", ["account", "return_id"])
