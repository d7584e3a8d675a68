"""The mirror's schema, revision by revision. Opening a store brings it to the newest."""
