"""The check that secrets inside a vendor's records are nowhere, against the made-up vendor."""

from typing import ClassVar

import pytest

from returns_hub.testing import Driver, FakeAdapter
from tests.testing.test_fake_conformance import TestFake as FakeConformance


class Discreet(FakeAdapter):
    """The fake, which does not want the customers' addresses kept."""

    secret_paths = ("email",)


class Misspelt(FakeAdapter):
    secret_paths = ("e-mail",)


class Suite(FakeConformance):
    adapter_class = Discreet
    record_secrets: ClassVar[tuple[str, ...]] = ("customer-0@example.com",)


def test_an_adapter_that_declares_where_they_are_passes() -> None:
    Suite().test_secrets_inside_records_appear_nowhere(Driver.BLOCKING)


def test_one_that_declares_another_place_does_not() -> None:
    class Typo(FakeConformance):
        adapter_class = Misspelt
        record_secrets = Suite.record_secrets

    with pytest.raises(AssertionError):
        Typo().test_secrets_inside_records_appear_nowhere(Driver.BLOCKING)


def test_without_a_secret_to_look_for_nothing_is_proved() -> None:
    class Untold(Suite):
        record_secrets = ()

    with pytest.raises(NotImplementedError, match="record_secrets"):
        Untold().test_secrets_inside_records_appear_nowhere(Driver.BLOCKING)


def test_without_such_paths_there_is_nothing_to_check() -> None:
    with pytest.raises(pytest.skip.Exception, match="declares no secret_paths"):
        FakeConformance().test_secrets_inside_records_appear_nowhere(Driver.BLOCKING)
