"""Objects that must not be shared with a child process: each resets itself in the child, before anything there uses it.

A prefork server (gunicorn with ``--preload``, Celery) opens clients in a parent and uses them in its children. Two
processes that read from one connection get each other's replies, and a lock that another thread held at the moment of
the fork is never released in the child.
"""

import os
import weakref
from collections.abc import Callable
from typing import Any

_resets: "weakref.WeakKeyDictionary[Any, Callable[[Any], None]]" = weakref.WeakKeyDictionary()


def reset_after_fork(owner: Any, reset: Callable[[Any], None]) -> None:
    """Have ``reset(owner)`` called in every child process that is forked while ``owner`` lives.

    ``reset`` runs while the child has one thread. It makes new locks, and drops connections without closing them: to
    close one may say goodbye in the parent's name. It must not take a lock that the parent may have held, and must not
    hold ``owner``: pass a function of the class, not a bound method.
    """
    _resets[owner] = reset


def _reset_all() -> None:
    for owner, reset in list(_resets.items()):
        reset(owner)


# Not there on Windows, which does not fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
