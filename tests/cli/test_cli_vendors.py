"""``providers`` and ``explain``."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Capability, registry

Run = Callable[..., Any]


@pytest.fixture
def broken_plugin(tmp_path: Path) -> str:
    """A directory for PYTHONPATH that holds an installed vendor package which cannot be imported."""
    metadata = tmp_path / "plugins" / "acme_returns-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-returns\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[returns_hub.adapters]\nacme = acme_returns:Acme\n")
    return str(metadata.parent)


def test_providers_shows_the_support_of_each_capability(run: Run) -> None:
    ran = run("providers")
    assert ran.code == 0
    header, *rows = [re.split(r" {2,}", line) for line in ran.lines]
    assert header == ["CAPABILITY", *(provider.upper() for provider in registry.providers())]
    support = {row[0]: dict(zip(registry.providers(), row[1:], strict=True)) for row in rows[: len(Capability)]}
    assert {name: support["list_returns"][name] for name in ("return_helper", "returnless", "returnmate")} == {
        "return_helper": "partial",
        "returnless": "yes",
        "returnmate": "yes",
    }
    assert (support["order_lookup"]["returnless"], support["order_lookup"]["returnmate"]) == ("yes", "no")


def test_providers_as_json_has_the_matrix_by_value(run: Run) -> None:
    rows = {row["provider"]: row for row in run("providers", "--json").objects}
    assert tuple(rows) == registry.providers()
    assert rows["return_helper"]["capabilities"]["instruct"] == "yes"
    assert rows["returnless"]["capabilities"]["changes"] == "partial"
    assert (rows["returnmate"]["capabilities"]["changes"], rows["returnmate"]["error"]) == ("no", None)


def test_a_broken_plugin_is_shown_and_the_others_work(run: Run, broken_plugin: str) -> None:
    ran = run("providers", PYTHONPATH=broken_plugin)
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0].split() == ["CAPABILITY", *(provider.upper() for provider in registry.providers())]
    assert "Broken: the distribution acme-returns, which provides 'acme', cannot be imported" in ran.out


def test_a_broken_plugin_as_json_has_its_error(run: Run, broken_plugin: str) -> None:
    rows = {row["provider"]: row for row in run("providers", "--json", PYTHONPATH=broken_plugin).objects}
    assert (rows["acme"]["capabilities"], "acme-returns" in rows["acme"]["error"]) == (None, True)
    assert rows["returnmate"]["error"] is None


def test_explain_says_what_a_word_asserts_and_why(run: Run) -> None:
    ran = run("explain", "returnmate", "refunded")
    assert ran.code == 0
    assert "  asserts  resolved; resolution: refund done" in ran.lines


def test_explain_folds_the_word_as_the_vendor_does(run: Run) -> None:
    assert "  asserts  ready_to_ship" in run("explain", "returnmate", "Label Sent").lines


def test_explain_shows_a_word_in_every_vocabulary_that_has_it(run: Run) -> None:
    out = run("explain", "returnmate", "in_transit").out
    assert "(return)" in out
    assert "(shipment)" in out


def test_explain_keeps_to_the_vocabulary_asked_for(run: Run) -> None:
    ran = run("explain", "returnmate", "in_transit", "--vocabulary", "shipment")
    assert "  asserts  shipment: in_transit" in ran.lines
    assert "(return)" not in ran.out


def test_explain_an_unknown_word_says_how_to_map_it(run: Run) -> None:
    ran = run("explain", "returnmate", 'Warten "auf" Teile')
    assert ran.code == 0
    assert "  asserts   unknown" in ran.lines
    assert '"Warten \\"auf\\" Teile" = "received"' in ran.lines


def test_explain_says_that_no_vocabulary_has_a_word(run: Run) -> None:
    assert run("explain", "returnmate", "teleported").lines[:3] == [
        "teleported  in no vocabulary of ReturnMate",
        "  asserts   unknown",
        "  searched  return, shipment",
    ]
    (row,) = run("explain", "returnmate", "teleported", "--json").objects
    assert (row["vocabulary"], row["known"], row["status"]) == (None, False, "unknown")


def test_explain_an_unknown_word_names_those_that_look_like_it(run: Run) -> None:
    assert "Documented words that look like it: quality_hold." in run("explain", "returnmate", "qualty_hold").lines


def test_explain_without_a_word_has_every_row(run: Run) -> None:
    from returns_hub_returnmate import ReturnMate

    words = {line.split("  ")[0] for line in run("explain", "returnmate", "--vocabulary", "return").lines}
    assert set(ReturnMate.vocabularies["return"].rows) <= words


def test_explain_as_json_has_the_facts_by_value(run: Run) -> None:
    (row,) = run("explain", "returnmate", "waiting_customer", "--json").objects
    assert (row["known"], row["status"], row["attention"]) == (True, "approved", ["waiting_customer"])


def test_explain_an_unknown_provider_suggests_one(run: Run) -> None:
    ran = run("explain", "returnmat")
    assert (ran.code, ran.err) == (
        2,
        (
            "returns-hub: there is no provider 'returnmat'; did you mean 'returnmate'? Installed: "
            f"{', '.join(registry.providers())}\n"
        ),
    )


def test_explain_an_unknown_vocabulary_names_those_there_are(run: Run) -> None:
    ran = run("explain", "returnmate", "--vocabulary", "items")
    assert (ran.code, ran.err) == (
        2,
        "returns-hub: ReturnMate has no vocabulary 'items'; it has: return, shipment\n",
    )


def test_explain_a_broken_plugin_names_its_distribution(run: Run, broken_plugin: str) -> None:
    ran = run("explain", "acme", PYTHONPATH=broken_plugin)
    assert (ran.code, ran.err.count("\n"), "acme-returns" in ran.err) == (1, 1, True)


def test_an_escape_in_a_word_does_not_reach_the_terminal(show: Callable[..., str]) -> None:
    assert "\x1b]0;" not in show(80, "explain", "returnmate", "\x1b]0;title\x07")


def test_providers_fit_a_terminal_of_80_columns(show: Callable[..., str]) -> None:
    from rich.text import Text

    lines = Text.from_ansi(show(80, "providers")).plain.splitlines()
    assert max(map(len, lines)) <= 80
    headings = [name for line in lines if line.startswith("capability") for name in line.split()[1:]]
    assert headings == list(registry.providers())


def test_providers_can_be_named(run: Run) -> None:
    assert run("providers", "returnless", "returnmate").lines[0].split() == ["CAPABILITY", "RETURNLESS", "RETURNMATE"]
