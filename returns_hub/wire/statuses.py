"""The words of one account: what a shop says its own statuses mean, before what the vendor documents."""

from collections.abc import Mapping
from typing import Any, Final

from returns_hub.convert import dump, structure
from returns_hub.errors import ConfigurationError, UnexpectedReply
from returns_hub.status import Facts, Status, StatusTable

_RETURN_FACTS: Final = frozenset({"status", "attention", "goods_expected", "resolution", "resolution_status", "why"})


def account_status_table(provider: str, table: StatusTable, status_map: Mapping[str, Any]) -> StatusTable:
    """The table of an account: the words, or ids, of its ``status_map`` option, and those of ``table`` where it says nothing else.

    Each value is a status word, or a table of facts with one under ``status``:
    ``{"status": "resolved", "resolution": "refund", "resolution_status": "done", "attention": ["review"]}``.

    Raises:
        ConfigurationError: naming the word whose meaning is not understood.
    """
    rows = {word: _facts(provider, table, word, meaning) for word, meaning in status_map.items()}
    try:
        return table.extended(rows)
    except ValueError as error:
        raise ConfigurationError(f"{provider}: status_map: {error}") from None


def _facts(provider: str, words: StatusTable, word: str, meaning: object) -> Facts:
    place = f"{provider}: status_map, word {word!r}"
    if not words.fold(word):
        raise ConfigurationError(f"{provider}: status_map: a word is empty")
    if isinstance(meaning, Facts):
        return meaning
    table = {"status": meaning} if isinstance(meaning, str) else meaning
    if not isinstance(table, Mapping) or "status" not in table:
        raise ConfigurationError(f"{place}: a status word is expected, or a table of facts with one under “status”")
    unknown = sorted(set(map(str, table)) - _RETURN_FACTS)
    if unknown:
        raise ConfigurationError(
            f"{place}: {unknown[0]!r} is no fact of a return; {', '.join(sorted(_RETURN_FACTS))} are"
        )
    fault = "status"
    try:
        facts = structure(dump(dict(table)), Facts)
    except UnexpectedReply as error:
        fault = error.where or "the table"
    else:
        if facts.status is not None:
            return facts
    raise ConfigurationError(f"{place}: {fault} is not a word of its vocabulary; status is one of {', '.join(Status)}")
