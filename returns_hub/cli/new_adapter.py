"""``new-adapter``: a vendor package of one's own, to be filled in."""

import keyword
import re
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

from returns_hub import registry
from returns_hub.cli.output import print_heading, print_line
from returns_hub.errors import ConfigurationError

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_SUFFIX: Final = ".tmpl"
# Where the files of the skeleton go that cannot lie in this package under their own name.
_TARGET_PATHS: Final = {"package": "$package", "ci.yml": ".github/workflows/test.yml", "gitignore": ".gitignore"}


def new_adapter(name: str, /, *, display: str | None = None, into: Path | None = None) -> None:
    """Write the skeleton of a vendor package: its own distribution, ready to be filled in.

    It installs, is found, and passes the part of the conformance suite that asks
    what an adapter says of itself; what else there is to write, its tests say.

    For example:
      returns-hub new-adapter parcel_wise
      returns-hub new-adapter parcel_wise --display "Parcel Wise" --into ~/src/parcel-wise

    Args:
        name: The vendor in code and configuration: small letters, digits and underscores.
        display: The name as the vendor writes it.
        into: A new or empty directory; without it, one named like the distribution, here.
    """
    if not _NAME.match(name) or keyword.iskeyword(name) or len(name) > 40:
        raise ConfigurationError(
            f"a vendor cannot be called {name[:60]!r}: small letters, digits and underscores, as in parcel_wise"
        )
    if name in registry.providers():
        raise ConfigurationError(f"the provider {name!r} is installed already")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    words = {
        "provider": name,
        "class_name": class_name,
        "display": _display(display or " ".join(part.capitalize() for part in name.split("_"))),
        "package": f"returns_hub_{name}",
        "distribution": f"returns-hub-{name.replace('_', '-')}",
        "version": version("returns-hub"),
    }
    folder = _empty(into or Path(words["distribution"]))
    written = [place for place, text in _skeleton(words) if _write(folder / place, text)]
    print_line(f"{folder}: {len(written)} files.")
    print_heading("What next")
    for step in (
        f"cd {folder}",
        "python -m venv .venv && . .venv/bin/activate",
        "pip install -e '.[test]'",
        f"returns-hub check-adapter {name}    # says what is done and what to write",
    ):
        print_line(f"  {step}")


def _display(text: str) -> str:
    """The name, if it can stand in Python, TOML and Markdown as it is."""
    if not re.fullmatch(r"[\w .&+-]{1,60}", text):
        raise ConfigurationError(
            f"--display {text[:60]!r}: letters, digits, blanks and . & + - are allowed, at most 60"
        )
    return text


def _empty(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}") from error
    if used:
        raise ConfigurationError(f"{folder}: the directory is not empty")
    return folder


def _skeleton(words: dict[str, str]) -> list[tuple[str, str]]:
    """Every file's place and content."""
    return [
        (Template(place).substitute(words), Template(part.read_text("utf-8")).substitute(words))
        for place, part in _parts(files("returns_hub.cli") / "skeleton", "")
    ]


def _parts(folder: Traversable, place: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for part in sorted(folder.iterdir(), key=lambda each: each.name):
        name = part.name.removesuffix(_SUFFIX)
        there = place + _TARGET_PATHS.get(name, name)
        if part.is_dir():
            found += _parts(part, f"{there}/")
        elif part.name.endswith(_SUFFIX):
            found.append((there, part))
    return found


def _write(path: Path, text: str) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return True
