"""Checks of the status tables."""
# ruff: noqa: S101  assertions are what this module is made of

from typing import Final

import pytest
from attrs import evolve

from returns_hub import (
    Client,
    Facts,
    Status,
)
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import ConformanceSuite
from returns_hub.testing.simulator import Simulator

_UNKNOWN_WORDS: Final = ("Never Heard Of", "ПРОВЕРКА", "x" * 300, "<b>&amp;</b>", "null", "0")


class StatusChecks(ConformanceSuite):
    """Documented words mean something, others stay unknown and are kept."""

    @check(Part.STATUSES)
    @pytest.mark.parametrize("word", _UNKNOWN_WORDS, ids=ascii)
    def test_an_unknown_status_survives(self, word: str, simulator: Simulator, client: Client) -> None:
        """Vendors and merchants add words: no crash and no guess, the word itself is kept, and counted."""
        if client.adapter.statuses is None:
            pytest.skip(f"{self.adapter_class.provider} has no status words")
        # Where an unknown word asserts no status, what else is known of the return says it.
        is_silent = client.adapter.statuses.unknown.status is None
        expected = client.get_return(self.known_return).status if is_silent else Status.UNKNOWN
        simulator.set_status(self.known_return, word)
        found = client.get_return(self.known_return)
        assert (found.status, found.status_raw) == (expected, word)
        assert word[:100] in client.unknown_words()

    @check(Part.STATUSES)
    def test_documented_words_mean_something(self) -> None:
        """A word that the vendor documents and nobody mapped is a hole in the table."""
        rows = [row for table in self.adapter_class.vocabularies.values() for row in table.rows.items()]
        assert {word for word, facts in rows if not _asserts_anything(facts)} == self.undefined_words

    @check(Part.STATUSES)
    def test_words_have_a_source(self) -> None:
        """Where a word is documented is the first question when it turns out to mean something else."""
        tables = self.adapter_class.vocabularies.values()
        assert all(facts.source or table.source for table in tables for facts in table.rows.values())

    @check(Part.STATUSES)
    @pytest.mark.parametrize("word", [*_UNKNOWN_WORDS, "", None], ids=ascii)
    def test_tables_are_total(self, word: str | None) -> None:
        """A look-up that raises takes a whole page of returns with it."""
        tables = [table.extended({}) for table in self.adapter_class.vocabularies.values()]
        assert all(isinstance(table.look_up(word), Facts) for table in tables)


def _asserts_anything(facts: Facts) -> bool:
    """True if the facts assert anything but an unknown status."""
    silent = evolve(facts, why="", source="", status=None if facts.status is Status.UNKNOWN else facts.status)
    return silent != Facts()
