"""A credential that cannot be printed by accident."""

import copy
import pickle

import attrs
import pytest

from returns_hub import Secret

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    "text",
    [str(Secret(CANARY)), repr(Secret(CANARY)), f"{Secret(CANARY)}", f"{Secret(CANARY):>40}", f"{[Secret(CANARY)]!r}"],
)
def test_it_never_shows_itself(text: str) -> None:
    assert CANARY not in text


def test_reveal_is_the_one_way_to_the_text() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_asdict_keeps_it_covered() -> None:
    @attrs.frozen
    class Options:
        api_key: Secret

    assert CANARY not in repr(attrs.asdict(Options(Secret(CANARY))))


def test_it_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="a Secret is not pickled"):
        pickle.dumps(Secret(CANARY))


def test_it_is_no_dictionary_key() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Secret(CANARY))


def test_a_copy_is_the_same_secret() -> None:
    secret = Secret(CANARY)
    assert copy.deepcopy([secret])[0] is secret


def test_equality_is_by_text() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("other")


def test_the_wrong_type_is_refused_without_showing_it() -> None:
    with pytest.raises(TypeError, match="not of int") as caught:
        Secret(73319)  # type: ignore[arg-type]  # what is tested
    assert "73319" not in str(caught.value)


def test_an_empty_one_is_false() -> None:
    assert not Secret("")
