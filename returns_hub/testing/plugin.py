"""A pytest plugin: vendors' simulators and cassettes as fixtures. pytest loads it wherever returns-hub is installed.

``returnmate_sandbox`` and its like (one for each installed vendor with a simulator) are the vendor on loopback, with a
few returns in it; ``vendor_sandbox`` makes one to measure::

    def test_it_approves(returnmate_sandbox):
        with returnmate_sandbox.connect() as client:
            approve_everything(client)
        assert {call.method for call in returnmate_sandbox.simulator.requests} == {"GET", "PATCH"}

``cassette`` replays what a vendor once answered to this test, from ``cassettes/`` beside the test's module::

    def test_the_vendor_still_speaks_like_that(cassette):
        with cassette(), connect("returnmate", api_key=cassette.secret("RETURNMATE_API_KEY")) as client:
            assert client.get_return("rma_abc123").items

``pytest --cassettes=record`` calls the vendor and writes them, ``--cassettes=diff`` calls it and says how its answers
differ in shape from the ones on file.
"""

import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pytest

from returns_hub import registry
from returns_hub.testing.loopback import DEFAULT_COUNT, Sandbox

if TYPE_CHECKING:
    from returns_hub.testing.cassettes import Redactor

REPLAY: Final = "replay"
RECORD: Final = "record"
DIFF: Final = "diff"


class Cassette:
    """The cassette of a test. Calling it gives the context in which the vendor's answers come from it.

    ``path`` is ``cassettes/MODULE/TEST.yaml`` beside the test's module.
    """

    def __init__(self, path: Path, mode: str) -> None:
        self.path = path
        self.mode = mode

    def secret(self, name: str) -> str:
        """A credential from the environment where the vendor is really called; a stand-in where it is not."""
        if self.mode == REPLAY:
            from returns_hub.redaction import REDACTED

            return REDACTED
        value = os.environ.get(name)
        if not value:
            pytest.fail(f"--cassettes={self.mode} calls the vendor: the environment variable {name} is not set")
        return value

    @contextmanager
    def __call__(self, *, source: str = "", redactor: "Redactor | None" = None) -> Iterator[None]:
        """Play the cassette, record it anew, or compare the vendor with it.

        ``source`` says in the file what was recorded: which environment of the vendor, for instance. It is written with
        secrets and personal data replaced by stable placeholders; ``redactor`` for vendors with headers of their own.

        Raises:
            AssertionError: the test asks for something that is not in the cassette, or the reverse; or the vendor's
                answers no longer have the shape of those in it.
        """
        from returns_hub.testing.cassettes import Redactor, differences, play, record

        redactor = redactor or Redactor()
        if self.mode == REPLAY:
            if not self.path.is_file():
                pytest.fail(
                    f"there is no cassette {self.path}; pytest --cassettes=record calls the vendor and writes it"
                )
            with play(self.path, redactor=redactor):
                yield
            return
        said = source or "the vendor, called by this test"
        if self.mode == RECORD:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with record(self.path, source=said, redactor=redactor, origin="vendor"):
                yield
            return
        with TemporaryDirectory() as folder:
            fresh = Path(folder) / self.path.name
            with record(fresh, source=said, redactor=redactor, origin="vendor"):
                yield
            found = differences(self.path, fresh)
        if found:
            pytest.fail("the vendor answers otherwise than the cassette:\n" + "\n".join(found))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--cassettes``, and the ini option ``conformance_unwritten``."""
    parser.addini(
        "conformance_unwritten",
        help="what a check of the conformance suite is that waits for something to be written: fail, or xfail",
        default="fail",
    )
    parser.getgroup("returns-hub").addoption(
        "--cassettes",
        choices=(REPLAY, RECORD, DIFF),
        default=REPLAY,
        help="the `cassette` fixture: replay them (no network), record them anew, or compare the vendor with them",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Makes an expected failure of a conformance check that says what has still to be written, where that is asked for."""
    report = yield
    error = call.excinfo.value if call.excinfo else None
    if (
        isinstance(error, NotImplementedError)
        and hasattr(getattr(item, "function", None), "conformance_part")
        and item.config.getini("conformance_unwritten") == "xfail"
    ):
        report.outcome, report.wasxfail = "skipped", str(error)
    return report


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Cassette:
    """What the vendor answers to this test, from a file; see :class:`Cassette`."""
    module = request.path
    name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    return Cassette(
        module.parent / "cassettes" / module.stem / f"{name}.yaml", str(request.config.getoption("--cassettes"))
    )


@pytest.fixture
def vendor_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Makes a vendor on loopback: ``vendor_sandbox("returnmate", count=500, now=clock)``; see the simulator's own options."""
    with ExitStack() as servers:

        def make(provider: str, **arguments: Any) -> Sandbox:
            from returns_hub.testing import sandbox

            return servers.enter_context(sandbox(provider, **arguments))

        yield make


def _fixture_of(provider: str) -> Any:
    def sandbox(vendor_sandbox: Callable[..., Sandbox]) -> Sandbox:
        return vendor_sandbox(provider)

    sandbox.__doc__ = f"{provider} on loopback, with {DEFAULT_COUNT} returns; see :class:`Sandbox`."
    return pytest.fixture(name=f"{provider}_sandbox")(sandbox)


# A plugin's simulator comes in through the same door as ours.
globals().update({f"_{provider}_sandbox": _fixture_of(provider) for provider in registry.sandboxes()})
