"""The vocabularies, and the table that maps a vendor's words onto them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import Attention, Facts, Status, StatusTable


def a_table(**changes: Facts) -> StatusTable:
    return StatusTable(name="return", rows={"awaiting": Facts(status=Status.REQUESTED), **changes})


def test_progress_is_in_the_order_of_the_design() -> None:
    assert [status.value for status in Status] == [
        "draft",
        "requested",
        "approved",
        "ready_to_ship",
        "in_transit",
        "received",
        "inspected",
        "resolved",
        "closed",
        "rejected",
        "cancelled",
        "expired",
        "unknown",
    ]


def test_terminal_statuses_are_the_four_of_the_design() -> None:
    assert {status for status in Status if status.is_terminal} == {
        Status.REJECTED,
        Status.CANCELLED,
        Status.EXPIRED,
        Status.CLOSED,
    }


def test_known_word_asserts_its_facts() -> None:
    assert a_table().look_up("awaiting") == Facts(status=Status.REQUESTED)


def test_unknown_word_is_unknown_and_not_a_guess() -> None:
    assert a_table().look_up("awaitingg").status is Status.UNKNOWN


def test_matching_is_exact_unless_the_vendor_varies_its_spelling() -> None:
    assert a_table().look_up("Awaiting").status is Status.UNKNOWN


def test_folding_is_the_tables_own() -> None:
    table = StatusTable(name="return", rows={"label_sent": Facts(status=Status.READY_TO_SHIP)}, fold=str.casefold)
    assert table.look_up("LABEL_SENT").status is Status.READY_TO_SHIP


@pytest.mark.parametrize("silence", [None, ""])
def test_silence_asserts_nothing(silence: str | None) -> None:
    assert a_table().look_up(silence) == Facts()


def test_unknown_words_are_counted() -> None:
    table = a_table()
    table.look_up("quality hold")
    table.look_up("quality hold")
    table.look_up("awaiting")
    assert table.unknown_words() == {"quality hold": 2}


def test_a_word_that_the_vendor_never_defines_is_counted_too() -> None:
    table = a_table(processing=Facts(status=Status.UNKNOWN, why="shown, never defined"))
    table.look_up("processing")
    assert table.unknown_words() == {"processing": 1}


def test_a_word_without_progress_that_asks_for_attention_means_something() -> None:
    table = a_table(exception=Facts(status=Status.UNKNOWN, attention=frozenset({Attention.EXCEPTION})))
    table.look_up("exception")
    assert table.unknown_words() == {}


def test_the_count_is_bounded_against_a_hostile_vendor() -> None:
    table = a_table()
    for number in range(1000):
        table.look_up(f"word {number} " + "x" * 1000)
    assert len(table.unknown_words()) == 200
    assert max(map(len, table.unknown_words())) == 100


def test_two_rows_that_fold_alike_must_agree() -> None:
    rows = {"Open": Facts(status=Status.REQUESTED), "open": Facts(status=Status.APPROVED)}
    with pytest.raises(ValueError, match="'open' folds onto a word that means something else"):
        StatusTable(name="return", rows=rows, fold=str.casefold)


def test_a_merchants_own_words_win() -> None:
    table = a_table().extended({"awaiting": Facts(status=Status.APPROVED, attention=frozenset({Attention.REVIEW}))})
    assert table.look_up("awaiting").status is Status.APPROVED


def test_extending_leaves_the_first_table_alone() -> None:
    table = a_table()
    table.extended({"awaiting": Facts(status=Status.APPROVED)})
    assert table.look_up("awaiting").status is Status.REQUESTED


def test_words_for_a_status_are_spelt_as_the_rows_spell_them() -> None:
    table = a_table(Submitted=Facts(status=Status.REQUESTED))
    assert table.words_for(Status.REQUESTED) == ("awaiting", "Submitted")


@given(st.text())
def test_looking_up_is_total(word: str) -> None:
    assert isinstance(a_table().look_up(word), Facts)
