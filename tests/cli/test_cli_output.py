"""How text reaches people: cleaned, whole in a pipe, fitted on a terminal."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from returns_hub.cli import output
from returns_hub.cli.output import Column, clean, print_error, print_json, print_line, print_pairs, print_table, styled


@pytest.fixture(autouse=True)
def piped() -> Iterator[None]:
    output.console.cache_clear()
    yield
    output.console.cache_clear()


@given(st.text())
def test_cleaned_text_is_printable_whatever_came_in(text: str) -> None:
    assert clean(text).isprintable()


def test_an_escape_sequence_loses_its_escape() -> None:
    assert clean("a\x1b[31mb\x9b0m\u202ec") == "a [31mb 0m c"


def test_line_breaks_become_spaces() -> None:
    assert clean("one\r\ntwo\u2028three") == "one  two three"


def test_markup_of_a_vendor_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("[bold]not bold[/bold] [link=https://evil.example]x[/link]")
    assert capsys.readouterr().out == "[bold]not bold[/bold] [link=https://evil.example]x[/link]\n"


def test_a_piped_table_has_aligned_columns_and_no_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column("id"), Column("name")], [("1", styled("Köln", "red")), ("22", None)])
    assert capsys.readouterr().out == "ID  NAME\n1   Köln\n22  -\n"


def test_a_piped_table_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column("id", drop=9), Column("name")], [("x" * 200, "y" * 200)])
    assert f"{'x' * 200}  {'y' * 200}\n" in capsys.readouterr().out


def test_wide_characters_keep_columns_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column("name"), Column("n")], [("日本", "1"), ("abcd", "2")])
    assert capsys.readouterr().out == "NAME  N\n日本  1\nabcd  2\n"


def test_facts_leave_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs([("status", "approved"), ("reference", None), ("id", "1")])
    assert capsys.readouterr().out == "  status  approved\n  id      1\n"


def test_json_is_ascii_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Köln\n\x9b\ud800"})
    assert capsys.readouterr().out == '{"name": "K\\u00f6ln\\n\\u009b\\ud800"}\n'


def test_json_keeps_the_digits_of_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    from returns_hub.json_codec import decode_json

    print_json(decode_json(b'{"amount": 450.00, "rate": 12.5, "big": 12345678901234567890.10}'))
    assert capsys.readouterr().out == '{"amount": 450.00, "rate": 12.5, "big": 12345678901234567890.10}\n'


def test_a_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("first\n  second\x1b[2J")
    assert capsys.readouterr().err == "returns-hub: first second [2J\n"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        """What a person sees."""
        return Text.from_ansi(self.getvalue()).plain


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], _Terminal]:
    """Standard output as a terminal so many columns wide."""

    def make(columns: int) -> _Terminal:
        stream = _Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm-256color")
        return stream

    return make


def test_a_narrow_terminal_drops_the_least_needed_column(terminal: Callable[[int], _Terminal]) -> None:
    stream = terminal(20)
    print_table([Column("id"), Column("order", drop=1), Column("items", drop=2)], [("x" * 10, "y" * 8, "z" * 8)])
    assert ("yyyyyyyy" in stream.shown, "zzzzzzzz" in stream.shown) == (True, False)


def test_a_column_that_tells_nothing_is_left_out_of_a_terminal(terminal: Callable[[int], _Terminal]) -> None:
    stream = terminal(80)
    print_table([Column("id"), Column("order", drop=1)], [("1", None), ("2", "")])
    assert "order" not in stream.shown


def test_what_people_copy_is_not_wrapped_where_prose_can_be(terminal: Callable[[int], _Terminal]) -> None:
    stream = terminal(60)
    print_table([Column("id"), Column("text", prose=True)], [("x" * 25, "word " * 20)])
    assert "x" * 25 in stream.shown
    assert max(map(len, stream.shown.splitlines())) <= 60


def test_long_output_goes_through_the_pager(show: Callable[..., str], mirror: Path, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {tmp_path}/paged\n")
    pager.chmod(0o755)
    with mock.patch.object(sys, "stdin", _Terminal()):
        show(80, "--config", str(mirror), "returns", "--limit", "60", PAGER=str(pager), LINES="20")
        assert "60 returns." in (tmp_path / "paged").read_text("utf-8")
        (tmp_path / "paged").unlink()
        assert "The newest 2 of 60" in show(
            80, "--config", str(mirror), "returns", "--limit", "2", PAGER=str(pager), LINES="20"
        )
        show(80, "--config", str(mirror), "--no-pager", "returns", "--limit", "60", PAGER=str(pager), LINES="20")
    assert not (tmp_path / "paged").exists()
