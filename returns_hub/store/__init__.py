"""The mirror: every account's returns as the vendors last told them, and the events of their changes."""

from returns_hub.store.mirror import Store, StoredReturn, start_of
from returns_hub.store.writing import Applied

__all__ = ["Applied", "Store", "StoredReturn", "start_of"]
