"""Run by Alembic, inside the transaction of the connection that it is handed."""

from alembic import context

from returns_hub.store.schema import REVISION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=REVISION_TABLE)
context.run_migrations()
