"""The way of what was read into the store: in order, side by side with the reading, and never further behind than a few pages."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from anyio import CancelScope, CapacityLimiter, Condition, to_thread
from attrs import frozen

from returns_hub.merge import Observation
from returns_hub.store import ApplyResult

# Pages that wait to be stored; the reading waits then, too.
_MAX_WAITING_WRITES: Final = 8
# A transaction of this size takes a fraction of a second: the other accounts wait that long for their turn.
_CHUNK_ROWS: Final = 500

Stored = Callable[[ApplyResult, int], None]


@frozen
class _Write:
    observations: Sequence[Observation]
    checkpoints: Mapping[str, Any]


class MirrorWriter:
    """What one account has to store, stored in its order; what waits at the same time goes into one transaction.

    ``apply`` is the store's, for this account. The accounts share one ``turn`` to write, and get it one after the other.
    ``stored`` is called with what became of each transaction, and of how many observations that was.
    """

    def __init__(self, apply: Callable[..., ApplyResult], turn: CapacityLimiter, stored: Stored) -> None:
        self._apply = apply
        self._turn = turn
        self._stored = stored
        self._waiting: deque[_Write] = deque()
        self._storing = False
        self._closed = False
        self._changed = Condition()

    async def run(self) -> None:
        """Store what comes, until :meth:`finish`. Whatever the store raises is raised."""
        # Whoever is interrupted keeps what was read: only the reading can be cancelled.
        with CancelScope(shield=True):
            try:
                while await self._has_some():
                    await self._store_some()
            finally:
                self._closed = True
                async with self._changed:
                    self._storing = False
                    self._waiting.clear()
                    self._changed.notify_all()

    @asynccontextmanager
    async def room(self) -> AsyncIterator[Callable[[Sequence[Observation], Mapping[str, Any]], None]]:
        """Once there is room, a function that adds observations, and the checkpoints that cover them and all before."""
        async with self._changed:
            while len(self._waiting) >= _MAX_WAITING_WRITES and not self._closed:
                await self._changed.wait()
            yield self._add
            self._changed.notify_all()

    async def save(self, checkpoints: Mapping[str, Any]) -> None:
        """Store checkpoints, and return when they and everything before are in the mirror."""
        async with self.room() as add:
            add((), checkpoints)
        await self.flush()

    async def flush(self, on_stored: Callable[[], object] = lambda: None) -> None:
        """Return when everything that was added is in the mirror; ``on_stored`` is called now, and after each transaction until then."""
        async with self._changed:
            on_stored()
            while (self._waiting or self._storing) and not self._closed:
                await self._changed.wait()
                on_stored()

    async def finish(self) -> None:
        """Store what still waits, and end."""
        await self.flush()
        self._closed = True
        async with self._changed:
            self._changed.notify_all()

    def _add(self, observations: Sequence[Observation], checkpoints: Mapping[str, Any]) -> None:
        # After a failure of the store nothing is added any more: the readers are being stopped.
        if not self._closed:
            self._waiting.append(_Write(observations, checkpoints))

    async def _has_some(self) -> bool:
        async with self._changed:
            while not self._waiting and not self._closed:
                await self._changed.wait()
            self._storing = bool(self._waiting)
            return self._storing

    async def _store_some(self) -> None:
        observations: list[Observation] = []
        checkpoints: dict[str, Any] = {}
        while self._waiting and (not observations or len(observations) < _CHUNK_ROWS):
            write = self._waiting.popleft()
            observations += write.observations
            checkpoints |= write.checkpoints
        applied = await to_thread.run_sync(
            partial(self._apply, observations, checkpoints=checkpoints), limiter=self._turn
        )
        self._stored(applied, len(observations))
        async with self._changed:
            self._storing = False
            self._changed.notify_all()
