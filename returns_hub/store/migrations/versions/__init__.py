"""One module for each revision; its number goes into ``returns_hub.store.schema.REVISION``."""
