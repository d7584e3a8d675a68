"""The mirror: every account's returns as the vendors last showed them, and the events of their changes."""

from returns_hub.store.ingestion import ApplyResult
from returns_hub.store.mirror import Store, StoredReturn
from returns_hub.store.search import start_of

__all__ = ["ApplyResult", "Store", "StoredReturn", "start_of"]
