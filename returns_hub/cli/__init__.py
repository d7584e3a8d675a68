"""The command ``returns-hub``. Imported by its console script only; needs the extra ``cli``."""

import os
import sys
from typing import Final

# What a command needs beyond the core, and the extra that brings it.
_EXTRAS: Final = {
    "cyclopts": "cli",
    "pythonjsonlogger": "cli",
    "rich": "cli",
    "sqlalchemy": "store",
    "alembic": "store",
    "starlette": "server",
    "uvicorn": "server",
    "httptools": "server",
    "psycopg": "postgres",
}
_INTERRUPTED: Final = 130
_READER_GONE: Final = 141


def main() -> int:
    """Run the command and give its exit code: 0 done, 1 something failed, 2 usage or configuration.

    An interrupted command gives 130, one whose output nobody reads any more 141, as shells number signals.
    """
    try:
        from returns_hub.cli.app import run

        code = run(sys.argv[1:])
        sys.stdout.flush()
    except ImportError as error:
        # The one of a command that was not imported before it was called is the cause of another.
        missing = ((error.__cause__ if isinstance(error.__cause__, ImportError) else error).name or "").partition(".")[
            0
        ]
        if missing not in _EXTRAS:
            raise
        _complain(f"{missing} is not installed; run: pip install 'returns-hub[{_EXTRAS[missing]}]'")
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return _READER_GONE
    except OSError as error:
        _discard_output()
        _complain(f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror))
        return 1
    return code


def _complain(message: str) -> None:
    # output.complain needs rich, which may be what is missing.
    sys.stderr.write(f"returns-hub: {message}\n")


def _discard_output() -> None:
    """Let what Python still writes at its exit go nowhere, instead of failing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
