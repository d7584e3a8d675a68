"""The tables of the mirror: one schema for SQLite and PostgreSQL.

What people filter on is a column; the whole object stands beside it as JSON, keys as in the model, with ``raw``.
Columns are for finding: text is cut at :data:`LONGEST_COLUMN`, quantities are floating point. The object is exact.
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

# The revision in migrations/versions that these tables are of.
REVISION: Final = "0001"
REVISION_TABLE: Final = "returns_hub_revision"

# PostgreSQL indexes at most 2,704 bytes of a value, and UTF-8 takes up to four for a character.
LONGEST_COLUMN: Final = 500


class Moment(TypeDecorator[datetime]):
    """An aware UTC time: a timestamp on PostgreSQL, on SQLite ISO 8601 text of one width, which sorts as the time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text where the database has no type for it."""
        return String() if dialect.name == "sqlite" else self.impl_instance

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """The time as the database keeps it."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's own
        """The time as it was given."""
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return None if value is None else value.astimezone(UTC)


METADATA: Final = MetaData()

RETURNS: Final = Table(
    "returns",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("number", Text),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_raw", Text),
    Column("attention", Text, nullable=False),  # words with a space before and behind each: " on_hold review "
    Column("order_number", Text),
    Column("customer_email", Text),
    Column("reference", Text),
    Column("request_id", Text),
    Column("goods_expected", Boolean),
    Column("created_at", Moment),
    Column("updated_at", Moment),
    Column("object", Text, nullable=False),
    Index("returns_by_status", "account", "status"),
    Index("returns_by_account_created_at", "account", "created_at"),
    Index("returns_by_created_at", "created_at"),
    Index("returns_by_order_number", "order_number"),
    Index("returns_by_customer_email", "customer_email"),
    Index("returns_by_request_id", "account", "request_id"),
)

ITEMS: Final = Table(
    "items",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("return_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("id", Text),
    Column("sku", Text),
    Column("barcode", Text),
    Column("rma", Text),
    Column("quantity", Double),
    Column("quantity_received", Double),
    Column("disposition", Text),
    Column("disposition_status", Text),
    Column("object", Text, nullable=False),
    Index("items_by_sku", "sku"),
    Index("items_by_rma", "rma"),
)

SHIPMENTS: Final = Table(
    "shipments",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("return_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("direction", Text),
    Column("status", Text),
    Column("carrier", Text),
    Column("tracking_number", Text),
    Column("label_status", Text),
    Column("object", Text, nullable=False),
    Index("shipments_by_id", "account", "id"),
    Index("shipments_by_tracking_number", "tracking_number"),
)

# What merging needs beside the return: how old its facts are (``at`` and ``seen_at`` of the newest), the layers where
# there is more than one, and a digest of what the newest observation told, by which a repeated one is recognised.
MERGE_STATE: Final = Table(
    "merge_state",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("return_id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("layers", Text),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("return_id", Text, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("origin", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Index("events_by_return", "account", "return_id", "sequence"),
    # Numbers are never given twice, not even after the newest events were deleted.
    sqlite_autoincrement=True,
)

CHECKPOINTS: Final = Table(
    "checkpoints",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
