"""The way of what was read into the store."""

from typing import Any

import pytest
from anyio import CapacityLimiter, Event, create_task_group

from returns_hub.store import ApplyResult
from returns_hub.sync.writer import MirrorWriter


@pytest.mark.anyio
async def test_who_waits_for_what_is_stored_already_learns_of_it() -> None:
    stored = Event()

    def apply(*_: Any, **__: Any) -> ApplyResult:
        return ApplyResult()

    writer = MirrorWriter(apply, CapacityLimiter(1), lambda _, __: stored.set())
    seen: list[str] = []
    async with create_task_group() as tasks:
        tasks.start_soon(writer.run)
        async with writer.room() as add:
            add((), {"page": 1})
        await stored.wait()
        await writer.flush()
        await writer.flush(lambda: seen.append("stored"))
        await writer.finish()
    assert seen == ["stored"]
