import logging
from collections.abc import Iterator

import pytest

from returns_hub.cli import output


@pytest.fixture(autouse=True)
def _as_a_new_process() -> Iterator[None]:
    """Commands that are run here set up their logs and how they show things, as for a process of their own."""
    log = logging.getLogger("returns_hub")
    handlers, level = list(log.handlers), log.level
    yield
    log.handlers[:] = handlers
    log.setLevel(level)
    for cached in (output.display, output.console, output.error_console):
        cached.cache_clear()
