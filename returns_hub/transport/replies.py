"""Replies that are kept for a while: look-up tables, which an account need not load with every call."""

import threading
from collections import OrderedDict
from typing import Final

from returns_hub.fork import reset_after_fork
from returns_hub.operation import Reply

# A vendor has a handful of tables; what has parameters may come in any number.
_MAX_REPLIES: Final = 100


class KeptReplies:
    """The last replies to requests that allow an age, by request. Threads, and all clients of an account, may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[float, Reply]] = OrderedDict()
        self._lock = threading.Lock()
        reset_after_fork(self, KeptReplies._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()

    def get(self, key: object, *, since: float) -> Reply | None:
        """The reply to a request that came at ``since`` or later; None if there is none."""
        with self._lock:
            at, reply = self._kept.get(key, (float("-inf"), None))
            return reply if at >= since else None

    def put(self, key: object, reply: Reply, *, at: float) -> None:
        """Keep a reply; the one that came first makes room."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (at, reply)
            while len(self._kept) > _MAX_REPLIES:
                self._kept.popitem(last=False)
