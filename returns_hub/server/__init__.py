"""Receiving over HTTP: an ASGI application to mount or to run, and the server that ``returns-hub serve`` is.

Needs the extra ``server``.
"""

from returns_hub.server.app import create_app

__all__ = ["create_app"]
