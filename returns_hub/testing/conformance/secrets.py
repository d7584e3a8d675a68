"""Checks that credentials do not leak."""
# ruff: noqa: S101  assertions are what this module is made of

import logging
import traceback
from collections.abc import Sequence
from typing import Final, get_args

import attrs
import pytest

from returns_hub import (
    Adapter,
    Client,
    ReturnsHubError,
    Secret,
    dump,
)
from returns_hub.accounts import build_adapter
from returns_hub.testing.conformance.case import Case
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.failures import FAILURES
from returns_hub.testing.conformance.suite import READS, WRITES, ConformanceSuite
from returns_hub.testing.drivers import Driver, open_with
from returns_hub.testing.server import serve
from returns_hub.testing.simulator import Simulator

CANARY: Final = "CANARY5d41402abc4b"


class SecretChecks(ConformanceSuite):
    """Credentials appear in no log, repr, error or traceback."""

    @check(Part.SECRETS)
    def test_secrets_appear_nowhere(self, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
        """Logs at the lowest level, ``repr``, errors, tracebacks with their variables: that is where they leak."""
        caplog.set_level(logging.DEBUG)
        adapter, simulator = self._with_canaries()
        calls = [case for case in map(self._good_case, (READS, WRITES)) if case is not None]
        seen = [repr(adapter)]
        with serve(simulator) as running:
            urls = simulator.base_urls(running.url)
            for failure in (None, *FAILURES):
                simulator.faults.clear()
                if failure is not None:
                    failure.inject(simulator.faults)
                timeout = failure.timeout if failure else 20.0
                # A new client for each: one that was refused for its rate goes slower afterwards.
                with open_with(adapter, **urls, driver=driver, timeout=timeout) as client:
                    seen += [_leakable_output(client, case) for case in calls]
        assert [text for text in [*seen, caplog.text] if CANARY in text] == []
        assert simulator.requests[0].status == 200

    @check(Part.SECRETS)
    def test_secrets_inside_records_appear_nowhere(self, driver: Driver) -> None:
        """The code of a gift card is money: it must be in no ``raw``, and so in no store, wherever the vendor sends it."""
        if not self.adapter_class.secret_paths:
            pytest.skip(f"{self.adapter_class.provider} declares no secret_paths")
        if not self.record_secrets:
            raise NotImplementedError(
                "record_secrets: name the secrets that the simulator's records hold at secret_paths"
            )
        as_sent = type("AsSent", (self.adapter_class,), {"secret_paths": ()})
        cases = [case for case in self.cases if case.raises is None]
        texts = [self._told_by(kind, cases, driver) for kind in (as_sent, self.adapter_class)]
        assert [[secret in text for secret in self.record_secrets] for text in texts] == [
            [True] * len(self.record_secrets),
            [False] * len(self.record_secrets),
        ]

    def _told_by(self, kind: type[Adapter], cases: Sequence[Case], driver: Driver) -> str:
        """All that the cases give, with ``raw``, as text."""
        texts = []
        for case in cases:
            simulator = self.make_simulator(**case.simulator)
            adapter = build_adapter(kind, {**self.options, **simulator.options, **case.options})
            with (
                serve(simulator) as running,
                open_with(adapter, **simulator.base_urls(running.url), driver=driver) as client,
            ):
                texts.append(repr(dump(client.run(case.call(adapter)), raw=True)))
        return "".join(texts)

    def _with_canaries(self) -> tuple[Adapter, Simulator]:
        """An adapter whose every credential is a canary, and a simulator that accepts them."""
        fields = [each for each in attrs.fields(attrs.resolve_types(self.adapter_class)) if each.init]
        named = {a.name: f"{CANARY}-{a.name}" for a in fields if a.type is Secret or Secret in get_args(a.type)}
        # Those of deliveries have a spelling of their own, which hides the canary: nothing is sent with them here.
        secrets = {name: self.secret(text) if name == self.webhook_secrets else text for name, text in named.items()}
        simulator = self.make_simulator(
            **{name: secrets[name] for name in self._options() if name in secrets and name != self.webhook_secrets}
        )
        return self._adapter(simulator.options, **secrets), simulator


def _leakable_output(client: Client, case: Case) -> str:
    """All that a log or an error tracker could show of a call."""
    try:
        return repr((client, client.run(case.call(client.adapter))))
    except ReturnsHubError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "\n".join([str(error), repr(error), repr(error.args), *trace.format()])
