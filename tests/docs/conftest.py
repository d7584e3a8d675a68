import logging
import sys
from collections.abc import Iterator

import pytest

from returns_hub.cli import output


@pytest.fixture(autouse=True)
def _as_a_new_process() -> Iterator[None]:
    """Commands that are run here set up their logs and how they show things, as for a process of their own."""
    # The module that the pages call so is another one on each of them, and in the examples.
    sys.modules.pop("my_shop", None)
    log = logging.getLogger("returns_hub")
    handlers, level = list(log.handlers), log.level
    yield
    log.handlers[:] = handlers
    log.setLevel(level)
    for cached in (output.display, output.console, output.error_console):
        cached.cache_clear()
