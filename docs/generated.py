"""Writes the tables that the pages include, from the installed adapters and the vocabularies themselves."""

import inspect
import logging
import re
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

import attrs
from sphinx.application import Sphinx

from returns_hub import (
    Adapter,
    Attention,
    Capability,
    Direction,
    Disposition,
    DispositionStatus,
    Facts,
    LabelStatus,
    ResolutionKind,
    ResolutionStatus,
    ReturnKind,
    ShipmentStatus,
    Status,
    StatusTable,
)
from returns_hub import errors as error_types
from returns_hub.logs import LOG_EVENTS
from returns_hub.registry import adapter_class, providers
from returns_hub.testing.conformance import checks

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "_generated"

MARKS = {"yes": "yes", "partial": "in part", "no": "no", "not_implemented": "not yet"}

VOCABULARIES: tuple[type[StrEnum], ...] = (
    Status,
    Attention,
    ResolutionKind,
    ResolutionStatus,
    LabelStatus,
    ShipmentStatus,
    Direction,
    Disposition,
    DispositionStatus,
    ReturnKind,
)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def support_matrix(adapters: Mapping[str, type[Adapter]]) -> str:
    """Every capability of every installed adapter."""
    rows = [
        [
            f"`{capability}`",
            *(
                MARKS[kind.capabilities.get(capability, "not_implemented")]
                + " (preview)" * (capability in kind.preview)
                for kind in adapters.values()
            ),
        ]
        for capability in Capability
    ]
    return table(["Capability", *(kind.display_name for kind in adapters.values())], rows)


def vocabulary_tables() -> str:
    """Each vocabulary with its words, in order."""
    sections = (
        f"### {words.__name__}\n\n{inspect.getdoc(words)}\n\n" + " ".join(f"`{word}`" for word in words)
        for words in VOCABULARIES
    )
    return "\n\n".join(sections) + "\n"


def asserted(facts: Facts) -> str:
    """What a row asserts, in one line."""
    parts = [f"`{facts.status}`"] if facts.status else []
    parts += [f"attention `{attention}`" for attention in sorted(facts.attention)]
    if facts.goods_expected is not None:
        parts.append("goods expected" if facts.goods_expected else "goods not expected")
    if facts.resolution:
        parts.append(f"resolution `{facts.resolution}` {facts.resolution_status or ''}".strip())
    if facts.label:
        parts.append(f"label `{facts.label}`")
    if facts.shipment:
        parts.append(f"shipment `{facts.shipment}`")
    if facts.disposition:
        parts.append(f"disposition `{facts.disposition}`")
    if facts.disposition_status:
        parts.append(f"disposition status `{facts.disposition_status}`")
    return ", ".join(parts)


def word_table(words: StatusTable) -> str:
    """A vendor's words and what they mean here."""
    rows = [
        [f"`{word}`", asserted(facts), facts.why, facts.source or words.source] for word, facts in words.rows.items()
    ]
    return table(["Vendor word", "Means here", "Why", "Source"], rows)


def option_table(kind: type[Adapter]) -> str:
    """The options of a vendor's accounts, as the adapter declares them."""
    fields = [each for each in attrs.fields(attrs.resolve_types(kind)) if each.init]
    rows = [
        [
            f"`{each.alias}`",
            f"`{_type_name(each.type)}`",
            "required" if each.default is attrs.NOTHING else _default(each),
        ]
        for each in fields
    ]
    further = [[f"`{name}_base_url`", "`str`", "the vendor's own"] for name in kind.extra_base_urls]
    return table(["Option", "Type", "Default"], [*rows, *further])


def _type_name(kind: object) -> str:
    name = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    for module in ("returns_hub.secret.", "returns_hub.status.", "collections.abc.", "typing."):
        name = name.replace(module, "")
    return name


def _default(field: "attrs.Attribute[object]") -> str:
    factory = field.default
    value = factory.factory() if isinstance(factory, attrs.Factory) and not factory.takes_self else factory  # type: ignore[arg-type]
    return "none" if value is None or value in ((), {}) else f"`{value}`"


def check_table() -> str:
    """Every check of the conformance suite."""
    return table(
        ["Check", "Part", "Why it is there"], ([f"`{c.id}`", c.part, c.reason.replace("\n", " ")] for c in checks())
    )


def error_table() -> str:
    """Every error, with what it inherits from and what it says of itself."""
    kinds = [kind for kind in vars(error_types).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return table(
        ["Error", "Is a", "Means"],
        (
            [
                f"`{k.__name__}`",
                f"`{k.__base__.__name__}`",
                (inspect.getdoc(k) or "").partition("\n\n")[0].replace("\n", " "),
            ]
            for k in kinds
            if k.__base__
        ),
    )


def command_reference() -> str:
    """What ``--help`` says of every command, as Markdown: first the options that all have, then each command."""
    from returns_hub.cli.app import app

    text = app.generate_docs(output_format="markdown", heading_level=2, flatten_commands=True)
    # Every section repeats the options that all commands have.
    shared = re.compile(r"\*\*Options of every command\*\*:\n\n((?:\* .*\n)+)")
    options = shared.findall(text)[0]
    text = shared.sub("", text)
    sections = text[text.index("\n## returns-hub ") :]
    # Help is plain text: its examples are code.
    examples = re.compile(r"^For example:\n((?:  .*\n)+)", re.MULTILINE)
    sections = examples.sub(lambda found: f"```\n{inspect.cleandoc('  ' + found[1].strip())}\n```\n", sections)
    sections = re.sub(r"```console\n(.*?)\n```", r"```text\n\1\n```", sections)
    return f"## Options of every command\n\n{options}\n{sections}"


def floor_map() -> str:
    """The floors of the import-linter contract, one above the other; each imports only from those below it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    floors = next(each["layers"] for each in contracts if each.get("exhaustive"))
    lines = ["adapters (public names and wire only)", *(" ".join(floor.split(" : ")) for floor in floors)]
    width = max(len(line) for line in lines)
    border = "+" + "-" * (width + 2) + "+"
    return "```text\n" + border + "\n" + "".join(f"| {line:<{width}} |\n{border}\n" for line in lines) + "```\n"


def log_event_table() -> str:
    """Every event of the log, with its logger and level."""
    return table(
        ["Event", "Logger", "Level", "Means"],
        (
            [f"`{name}`", f"`{kind.logger}`", logging.getLevelName(kind.level), kind.meaning]
            for name, kind in LOG_EVENTS.items()
        ),
    )


def write_tables(_: Sphinx) -> None:
    """Writes every table before the pages are read."""
    FOLDER.mkdir(exist_ok=True)
    adapters = {provider: adapter_class(provider) for provider in providers()}
    write("support.md", support_matrix(adapters))
    write("vocabularies.md", vocabulary_tables())
    write("conformance.md", check_table())
    write("errors.md", error_table())
    write("commands.md", command_reference())
    write("floors.md", floor_map())
    write("log-events.md", log_event_table())
    for provider, kind in adapters.items():
        write(f"{provider}-options.md", option_table(kind))
        for name, words in kind.vocabularies.items():
            write(f"{provider}-{name}.md", word_table(words))


def write(name: str, text: str) -> None:
    """Writes a file only where it changes, so that pages are not built again for nothing."""
    path = FOLDER / name
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_tables)
    return {"parallel_read_safe": True}
