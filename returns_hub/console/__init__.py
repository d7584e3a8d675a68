"""The web console, for the people who answer customers and look after the connection.

Server-rendered pages over the same store. Needs the extra ``console``.
"""

from returns_hub.console.access import Access, hash_password
from returns_hub.console.app import ConsoleApplication, create_console

__all__ = ["Access", "ConsoleApplication", "create_console", "hash_password"]
