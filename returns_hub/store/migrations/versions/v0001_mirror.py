"""Returns, items, shipments, what merging needs, events and checkpoints."""

import sqlalchemy as sa
from alembic import op

from returns_hub.store.schema import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "returns",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("number", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("status_raw", sa.Text),
        sa.Column("attention", sa.Text, nullable=False),
        sa.Column("order_number", sa.Text),
        sa.Column("customer_email", sa.Text),
        sa.Column("reference", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.Column("goods_expected", sa.Boolean),
        sa.Column("created_at", Moment),
        sa.Column("updated_at", Moment),
        sa.Column("object", sa.Text, nullable=False),
    )
    op.create_index("returns_by_status", "returns", ["account", "status"])
    op.create_index("returns_by_account_created_at", "returns", ["account", "created_at"])
    op.create_index("returns_by_created_at", "returns", ["created_at"])
    op.create_index("returns_by_order_number", "returns", ["order_number"])
    op.create_index("returns_by_customer_email", "returns", ["customer_email"])
    op.create_index("returns_by_request_id", "returns", ["account", "request_id"])
    op.create_table(
        "items",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("return_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text),
        sa.Column("sku", sa.Text),
        sa.Column("barcode", sa.Text),
        sa.Column("rma", sa.Text),
        sa.Column("quantity", sa.Double),
        sa.Column("quantity_received", sa.Double),
        sa.Column("disposition", sa.Text),
        sa.Column("disposition_status", sa.Text),
        sa.Column("object", sa.Text, nullable=False),
    )
    op.create_index("items_by_sku", "items", ["sku"])
    op.create_index("items_by_rma", "items", ["rma"])
    op.create_table(
        "shipments",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("return_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("direction", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("carrier", sa.Text),
        sa.Column("tracking_number", sa.Text),
        sa.Column("label_status", sa.Text),
        sa.Column("object", sa.Text, nullable=False),
    )
    op.create_index("shipments_by_id", "shipments", ["account", "id"])
    op.create_index("shipments_by_tracking_number", "shipments", ["tracking_number"])
    op.create_table(
        "merge_state",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("return_id", sa.Text, primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("layers", sa.Text),
    )
    op.create_table(
        "events",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("return_id", sa.Text, nullable=False),
        sa.Column("occurred_at", Moment, nullable=False),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_return", "events", ["account", "return_id", "sequence"])
    op.create_table(
        "checkpoints",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
