"""What must not be shared with a parent process: connections, locks, threads and event loops do not survive a fork.

A server that loads the application and then forks (``gunicorn --preload``, Celery's prefork pool) hands every child a
copy of what was open. The copies of one socket would read each other's replies, and a lock that a thread of the parent
held stays locked for ever.
"""

import os
from typing import Final, Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """An object that opens its own resources in a child process."""

    def reset_after_fork(self) -> None:
        """Forget, and do not close, what belongs to the parent. Called in the child, before anything else runs there."""


_owners: Final[WeakSet[ForkAware]] = WeakSet()


def register(owner: ForkAware) -> None:
    """Have ``owner.reset_after_fork`` called in every child that this process forks, as long as the owner lives."""
    _owners.add(owner)


def _reset_all() -> None:
    for owner in list(_owners):
        owner.reset_after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_reset_all)
