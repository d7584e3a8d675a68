"""Where a return stands is a term too, alone and with what needs attention: filters together are answered by terms alone."""

import sqlalchemy as sa
from alembic import op

from returns_hub.store.schema import Moment
from returns_hub.store.search import UNDATED

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_STATUS = """
INSERT INTO terms (term, created_at, account, return_id)
SELECT 'status:' || status, coalesce(created_at, :undated), account, id FROM returns WHERE true
ON CONFLICT DO NOTHING
"""
_ATTENTION = """
INSERT INTO terms (term, created_at, account, return_id)
SELECT terms.term || ' ' || returns.status, terms.created_at, terms.account, terms.return_id
FROM terms JOIN returns ON returns.account = terms.account AND returns.id = terms.return_id
WHERE terms.term >= 'attention:' AND terms.term < 'attention;' AND terms.term NOT LIKE '% %'
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Fill the terms in, by two statements of the database's own, and drop the index that they replace."""
    connection = op.get_bind()
    connection.execute(sa.text(_STATUS).bindparams(sa.bindparam("undated", UNDATED, Moment)))
    connection.execute(sa.text(_ATTENTION))
    op.drop_index("returns_newest_at_status", "returns")
