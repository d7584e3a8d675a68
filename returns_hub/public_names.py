"""Writes ``__init__.pyi``, by which type checkers and editors know where each public name comes from.

``python -m returns_hub.public_names`` writes it anew from the one table of names, in ``__init__.py``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

STUB: Final = Path(__file__).with_name("__init__.pyi")


def stub(public: Mapping[str, str]) -> str:
    """The text of ``__init__.pyi`` for the names by module."""
    lines = [
        f"from returns_hub.{module} import {name} as {name}\n"
        for module in sorted(public)
        for name in public[module].split()
    ]
    names = sorted(["__version__", *(name for names in public.values() for name in names.split())])
    return "".join([*lines, "\n__all__ = [\n", *(f'    "{name}",\n' for name in names), "]\n\n__version__: str\n"])


if __name__ == "__main__":
    import returns_hub

    STUB.write_text(stub(returns_hub._PUBLIC), "utf-8")  # type: ignore[attr-defined]  # noqa: SLF001 - the table of the package itself
