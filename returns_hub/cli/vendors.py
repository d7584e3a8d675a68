"""``providers`` and ``explain``: which vendors can be used, and what their words mean here. Nothing is called."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from json import dumps as toml_text  # a TOML string is written as a JSON one
from typing import Any, Final

import attrs
from rich.text import Text

from returns_hub import registry
from returns_hub.adapter import Adapter, Capability, Support
from returns_hub.cli.output import (
    Column,
    clean,
    console,
    paged,
    print_heading,
    print_json,
    print_line,
    print_pairs,
    print_table,
    styled,
)
from returns_hub.convert import dump
from returns_hub.errors import ConfigurationError, PluginError
from returns_hub.status import Facts, StatusTable

_SUPPORT_STYLES: Final = {
    Support.YES: "green",
    Support.PARTIAL: "yellow",
    Support.NO: "dim",
    Support.NOT_IMPLEMENTED: "dim",
}


def providers(*names: str, json: bool = False) -> None:
    """Show the installed vendor packages and what each can do.

    "no": the vendor has no such call. "not_implemented": its package does not offer it yet.
    "preview": it rests on third parties or on inference, not on the vendor's own documents.

    For example:
      returns-hub providers
      returns-hub providers returnmate returnless
      returns-hub providers --json | jq .capabilities

    Args:
        names: The vendors to show; all of them if none is named.
        json: One JSON object a line: a vendor.
    """
    usable: dict[str, type[Adapter]] = {}
    broken: dict[str, str] = {}
    for name in names or registry.providers():
        try:
            usable[name] = registry.adapter_class(name)
        except PluginError as error:
            broken[name] = str(error)
    if json:
        for name in sorted((*usable, *broken)):
            print_json(_provider_data(name, usable.get(name), broken.get(name)))
        return
    with paged():
        for number, kinds in enumerate(_side_by_side(usable)):
            if number:
                print_line()
            print_table(
                (Column("capability"), *(Column(name) for name in kinds)),
                ([capability, *(_support(kind, capability) for kind in kinds.values())] for capability in Capability),
            )
    for reason in broken.values():
        print_line(styled(f"Broken: {reason}", "red"))
    if not usable and not broken:
        print_line("No vendor package is installed.")


def _side_by_side(usable: Mapping[str, type[Adapter]]) -> Iterator[dict[str, type[Adapter]]]:
    """The vendors in as many tables as it takes for none to be wider than the terminal."""
    room = console().width if console().is_terminal else None
    table: dict[str, type[Adapter]] = {}
    first = used = max(len(capability) for capability in Capability)
    for name, kind in usable.items():
        width = 2 + max(len(name), *(len(_support(kind, capability)) for capability in Capability))
        if table and room is not None and used + width > room:
            yield table
            table, used = {}, first
        table[name] = kind
        used += width
    if table:
        yield table


def explain(
    provider: str,
    word: str | None = None,
    /,
    *,
    vocabulary: str | None = None,
    json: bool = False,
) -> None:
    """Show what a vendor's word asserts here, and why; without a word, all of them.

    A word that nobody documented is explained too: what becomes of it, and how to
    give it a meaning.

    For example:
      returns-hub explain returnmate
      returns-hub explain returnmate completed
      returns-hub explain returnmate exception --vocabulary shipment

    Args:
        provider: The vendor, as "providers" lists it.
        word: The vendor's word; quote one that has spaces.
        vocabulary: Only this vocabulary, as "return" or "shipment".
        json: One JSON object a line: a word.
    """
    adapter = registry.adapter_class(provider)
    vocabularies = _vocabularies(adapter, vocabulary)
    if word is None:
        for name, words in vocabularies.items():
            _explain_all(provider, name, words, json=json)
        return
    knowing = {name: words for name, words in vocabularies.items() if words.knows(word)}
    for name, words in knowing.items():
        if json:
            print_json(_word_data(provider, name, words, word))
        else:
            _explain_word(name, words, word)
    if not knowing:
        # What becomes of it is the same everywhere; the first vocabulary is that of the return's status.
        words = next(iter(vocabularies.values()))
        if json:
            print_json(_word_data(provider, None, words, word))
        else:
            _explain_unknown(adapter, vocabularies, words, word)


def _provider_data(name: str, adapter: type[Adapter] | None, error: str | None) -> dict[str, Any]:
    return {
        "provider": name,
        "display_name": adapter and adapter.display_name,
        "base_urls": dict(adapter.base_urls) if adapter else None,
        "capabilities": adapter and {capability.value: _level(adapter, capability).value for capability in Capability},
        "preview": adapter and sorted(adapter.preview),
        "error": error,
    }


def _level(adapter: type[Adapter], capability: Capability) -> Support:
    return adapter.capabilities.get(capability, Support.NOT_IMPLEMENTED)


def _support(adapter: type[Adapter], capability: Capability) -> Text:
    level = _level(adapter, capability)
    mark = " (preview)" if capability in adapter.preview else ""
    return Text(level.value + mark, style=_SUPPORT_STYLES[level])


def _vocabularies(adapter: type[Adapter], wanted: str | None) -> Mapping[str, StatusTable]:
    known = adapter.vocabularies
    if not known:
        raise ConfigurationError(f"{adapter.display_name} has no words to explain")
    if wanted is None:
        return known
    if wanted not in known:
        raise ConfigurationError(f"{adapter.display_name} has no vocabulary {wanted!r}; it has: {', '.join(known)}")
    return {wanted: known[wanted]}


def _explain_all(provider: str, name: str, words: StatusTable, *, json: bool) -> None:
    if json:
        for word in words.rows:
            print_json(_word_data(provider, name, words, word))
        return
    print_heading(f"{words.name} ({name})")
    columns = (Column("word"), Column("asserts", prose=True), Column("why", prose=True), Column("source", drop=1))
    print_table(
        columns, ((word, _meaning(row), row.why, row.source or words.source) for word, row in words.rows.items())
    )


def _explain_word(name: str, words: StatusTable, word: str) -> None:
    row = words.look_up(word)
    print_line(Text.assemble((clean(word), "bold"), f"  {words.name} ({name})"))
    print_pairs((("asserts", _meaning(row)), ("why", row.why), ("source", row.source or words.source)))


def _explain_unknown(
    adapter: type[Adapter], vocabularies: Mapping[str, StatusTable], words: StatusTable, word: str
) -> None:
    print_line(Text.assemble((clean(word), "bold"), f"  in no vocabulary of {adapter.display_name}"))
    row = words.look_up(word)
    print_pairs((("asserts", _meaning(row)), ("why", row.why), ("searched", ", ".join(vocabularies))))
    print_line()
    print_line("No such word is documented. The return keeps it beside our status, and sync counts it.")
    close = list(
        dict.fromkeys(
            near for words in vocabularies.values() for near in get_close_matches(words.fold(word), words.rows, n=3)
        )
    )
    if close:
        print_line(f"Documented words that look like it: {', '.join(close)}.")
    if "status_map" in attrs.fields_dict(adapter):
        print_line("To give it a meaning in one account, put this into the configuration:")
        print_line()
        print_line("  [accounts.NAME.status_map]")
        print_line(f'  {toml_text(word)} = "received"')
    print_line()


def _meaning(row: Facts) -> str:
    """What a row asserts, in words."""
    return "; ".join(row.assertions()) or "nothing"


def _word_data(provider: str, vocabulary: str | None, words: StatusTable, word: str) -> dict[str, Any]:
    return {
        "provider": provider,
        "vocabulary": vocabulary,
        "word": word,
        "known": words.knows(word),
        **dump(words.look_up(word)),
    }
