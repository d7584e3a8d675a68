"""The tables of the mirror: one schema for SQLite and PostgreSQL.

What people filter on is a column; the whole object stands beside it as JSON, keys as in the model, with ``raw``.
Columns are for finding: text is cut at :data:`MAX_COLUMN_CHARS`, quantities are floating point. The object is exact.
"""

from collections.abc import Mapping
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
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

# The revision in migrations/versions that these tables are of.
REVISION: Final = "0013"
REVISION_TABLE: Final = "returns_hub_revision"

# PostgreSQL indexes at most 2,704 bytes of a value, and UTF-8 takes up to four for a character.
MAX_COLUMN_CHARS: Final = 500


def file_time(moment: datetime) -> str:
    """An aware time as a file keeps it: ISO 8601 text of one width, which sorts as the time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


class Moment(TypeDecorator[datetime]):
    """An aware UTC time: a timestamp on PostgreSQL, on SQLite ISO 8601 text of one width, which sorts as the time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text where the database has no type for it."""
        return String() if dialect.name == "sqlite" else self.impl_instance

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """The time as the database keeps it."""
        return value if value is None or dialect.name != "sqlite" else file_time(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's own
        """The time as it was given."""
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return None if value is None else value.astimezone(UTC)


# Spelt out: an index of what is open is of no use where a parameter could be anything.
IS_OPEN: Final = "status NOT IN ('rejected', 'cancelled', 'expired', 'closed')"

METADATA: Final = MetaData()


def _where(condition: str) -> Mapping[str, Any]:
    """Which rows an index holds. The migrations make it; said in SQLAlchemy's own words, it would import the dialects of both databases."""
    return {"info": {"where": condition}}


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
    Column("unreadable", Text),  # JSON: the places of the fields that could not be read; NULL where all could
    Column("object", Text, nullable=False),
    # Read backwards: the newest come first.
    Index("returns_newest", "created_at", "account", "id"),
    Index("returns_newest_of_account", "account", "created_at", "id"),
    Index("returns_newest_of_account_at_status", "account", "status", "created_at", "id"),
    Index("returns_open", "account", "id", **_where(IS_OPEN)),
    # All that a sync asks of the open returns, so that it reads no rows.
    Index("returns_open_words", "account", "status_raw", "created_at", "id", **_where(IS_OPEN)),
    Index("returns_unreadable", "account", "id", **_where("unreadable IS NOT NULL")),
    Index("returns_by_id", "id"),
    Index("returns_by_request_id", "request_id", "account", **_where("request_id IS NOT NULL")),
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
    Index("shipments_by_id", "account", "id"),
)

# What merging needs beside the return: how old its facts are (``at`` and ``seen_at`` of the newest), the layers where
# there is more than one, and a digest of the newest observation, by which a repeated one is recognised.
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
    Column("delivery_id", BigInteger),  # of the delivery that caused it, which may be purged by now
    Index("events_by_return", "return_id", "account", "sequence"),
    Index("events_of_delivery", "delivery_id", "sequence", **_where("delivery_id IS NOT NULL")),
    Index("events_of_account", "account", "sequence"),
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

# By what names the parts of a return are known: ``shipment:ID``, ``item:ID`` and ``alias:ALIAS`` of an item. Names are
# only ever added: a delivery that names a line item finds its return however old that is.
NAMES: Final = Table(
    "names",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("return_id", Text, primary_key=True),
    Index("names_of_return", "account", "return_id"),
    sqlite_with_rowid=False,
)

# By what words people look for returns: ``order:1001``, ``sku:prod-001``, ``attention:review``; see ``search``. Read backwards: the newest
# come first, what has no time of creation last.
TERMS: Final = Table(
    "terms",
    METADATA,
    Column("term", Text, primary_key=True),
    Column("created_at", Moment, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("return_id", Text, primary_key=True),
    sqlite_with_rowid=False,
)

# Observations, and hints about parts, that name no return of the mirror: under each name that they give. The
# return that turns out to be meant takes them; in the end they are purged.
WAITING: Final = Table(
    "waiting",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("origin", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("delivery_id", BigInteger),
)


# The inbox. ``subject`` names what a delivery is about, ``""`` where it does not say: those of one subject are processed
# in their order. ``body`` is what came, to the byte; ``headers`` are JSON pairs, without any that could be a secret.
DELIVERIES: Final = Table(
    "deliveries",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),  # pending, processed, dead
    Column("origin", Text, nullable=False),  # webhook, or replay where it is to be processed again
    Column("duplicates", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),  # pending: not to be tried before
    Column("claim", Text),  # the token of whoever is at it
    Column("claimed_until", Moment),  # after that moment somebody else may be
    Column("processed_at", Moment),
    Column("error", Text),
    Column("events", Integer, nullable=False),
    Index("deliveries_by_dedupe_key", "account", "dedupe_key", unique=True),
    Index("deliveries_of_account", "account", "id"),
    Index("deliveries_of_subject", "subject", "account", "id", **_where("subject <> ''")),
    # What is processed is looked for by none of these, and soon it is nearly all.
    Index("deliveries_dead", "id", **_where("state = 'dead'")),
    Index("deliveries_due", "due_at", "id", **_where("state = 'pending'")),
    Index("deliveries_in_order", "account", "subject", "id", **_where("state = 'pending'")),
    sqlite_autoincrement=True,
)

# What was refused, or could not be answered, by account (``""`` where the path names none), route and reason: how often,
# the latest cause, and the SHA-256 of the body of one of the latest. Never what came in.
REFUSALS: Final = Table(
    "refusals",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("route", Text, primary_key=True),  # webhooks, orders
    Column("reason", Text, primary_key=True),
    Column("detail", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
)

# The consumers of events by name, each with its cursor.
CONSUMERS: Final = Table(
    "consumers",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("after", BigInteger, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

# Events behind a consumer's cursor that it has not taken yet: it failed at them, or at an earlier one of the same return.
PARKED_EVENTS: Final = Table(
    "parked_events",
    METADATA,
    Column("consumer", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("return_id", Text, nullable=False),
    Column("state", Text, nullable=False),  # pending, dead
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("error", Text),
    Column("claim", Text),
    Column("claimed_until", Moment),
    Index("parked_events_by_state", "consumer", "state", "due_at"),
    Index("parked_events_by_return", "consumer", "account", "return_id", "sequence"),
)

# By digests, the names of returns that were erased and are not to be stored again: ``return:ID`` and those of the parts.
# ``subject`` is the digest of the id that stands for them all.
ERASED: Final = Table(
    "erased",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("erased_at", Moment, nullable=False),
)

# What one process at a time may do (the sync of an account), and until when the others leave it to that process.
LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Moment, nullable=False),
)

# The pace that all processes share at an account, in seconds since 1970 by the database's clock: when the next request
# may go, until when the vendor wants none, and the interval that its answers have taught us, where they have.
PACES: Final = Table(
    "paces",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("next_at", Double, nullable=False),
    Column("held_until", Double, nullable=False),
    Column("learned_interval", Double),
)

# What people did in the console, and what they asked to see unmasked. A row is written before the act, ``outcome`` after it.
# ``token`` is that of the form, which is good for one act; ``session`` is a digest of the session's cookie.
AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("person", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("account", Text),
    Column("subject", Text),  # the id of a return or a delivery, the name of handlers
    Column("detail", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # started, done, refused, failed, maybe_applied
    Column("message", Text, nullable=False),
    Column("token", Text),
    Index("audit_by_token", "token", unique=True, **_where("token IS NOT NULL")),
    Index("audit_of_subject", "account", "subject", "id"),
    sqlite_autoincrement=True,
)

# Who is logged in to the console. ``key`` is a digest of the cookie: nobody who reads the table can use a session.
CONSOLE_SESSIONS: Final = Table(
    "console_sessions",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

# Indexes of earlier revisions: to come to the newest one, a new mirror makes and drops them.
_FORMER_INDEXES: Final = (
    "items_by_rma",
    "items_by_sku",
    "names_by_name",
    "returns_by_account_created_at",
    "returns_by_created_at",
    "returns_by_customer_email",
    "returns_by_order_number",
    "returns_by_status",
    "shipments_by_tracking_number",
)

RESERVED_NAMES: Final = frozenset(
    {
        *METADATA.tables,
        *(str(index.name) for table in METADATA.tables.values() for index in table.indexes),
        *_FORMER_INDEXES,
    }
)
"""The names that nothing else may have in a file with a mirror: SQLite has one namespace for tables and indexes."""
