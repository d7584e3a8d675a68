"""``check-adapter``: the conformance suite on an installed vendor package, as a report."""

import contextlib
import io
import runpy
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field
from rich.text import Text

from returns_hub import registry
from returns_hub.cli.output import (
    Column,
    clean,
    plural,
    print_hanging,
    print_heading,
    print_json,
    print_line,
    print_table,
    styled,
)
from returns_hub.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    import pytest

    from returns_hub.testing.conformance.checks import Check

_DEFAULT_SUITE: Final = Path("tests/test_conformance.py")
_STYLES: Final = {"passed": "green", "failed": "red", "unwritten": "yellow", "skipped": "dim"}
_MARKS: Final = {"passed": "✓", "failed": "✗", "unwritten": "…", "skipped": "-"}
# The project's own options are for its own runs; and this process has imported what pytest would like to rewrite.
_PYTEST_OPTIONS: Final = (
    *("-q", "--import-mode=importlib", "-p", "no:cacheprovider", "-o", "addopts=", "-o", "conformance_unwritten=fail"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
# How an adapter says that something has still to be written.
_UNWRITTEN: Final = "NotImplementedError: "
# How the suite says that it has nothing to expect.
_UNPROVED: Final = "not proved: "
_MAX_REASON: Final = 400
# Without a suite of the vendor's own: what an adapter says of itself can be asked of any.
_MINIMAL_SUITE: Final = """
from returns_hub import Capability, Support, registry
from returns_hub.testing import AdapterConformance, Case

KIND = registry.adapter_class({provider!r})
THERE = (Support.YES, Support.PARTIAL)


class TestInstalled(AdapterConformance):
    adapter_class = KIND
    cases = tuple(Case(each.value, None) for each in Capability if KIND.capabilities.get(each) in THERE)

    def make_simulator(self, **arguments):
        return registry.sandbox_class({provider!r})(**arguments)
"""


def check_adapter(name: str, /, *, suite: Path | None = None, explain: str | None = None, json: bool = False) -> int:
    """Run the conformance suite on an installed vendor package, and report.

    The suite is the class in tests/test_conformance.py of the package's own
    project (run this there, or name the file). Where there is none, only what the
    adapter says of itself is checked.

    The exit code is 1 if anything failed.

    For example:
      returns-hub check-adapter parcel_wise
      returns-hub check-adapter parcel_wise --suite tests/test_conformance.py --json
      returns-hub check-adapter parcel_wise --explain get_return

    Args:
        name: The vendor, as "providers" lists it.
        suite: The file with the class that inherits AdapterConformance.
        explain: A case, or the id of a record that a case expects: shows the request, the reply, and what was expected
            and found side by side, and checks nothing.
        json: One JSON object a line: a check.
    """
    try:
        import pytest  # noqa: F401
        import vcr  # type: ignore[import-untyped]  # noqa: F401  # vcrpy ships no types
    except ModuleNotFoundError as error:
        raise PluginError(
            f"check-adapter needs the package {error.name}: pip install 'returns-hub[testing]'"
        ) from error
    from returns_hub.testing.conformance import Part, checks

    registry.adapter_class(name)
    if explain is not None:
        return _explain(name, suite or _DEFAULT_SUITE, explain)
    with _suite(name, suite) as (path, whole):
        wanted = [each for each in checks() if whole or each.part is Part.DECLARATION]
        results = _run(path, name, wanted)
    if not any(each.id in results for each in wanted):
        raise ConfigurationError(f"{path}: no class in it inherits AdapterConformance for the provider {name!r}")
    if json:
        for each in wanted:
            print_json(_data(each, results[each.id]))
    else:
        _report(name, wanted, results, whole=whole)
    return int(any(results[each.id].failed for each in wanted))


@define
class _Result:
    """What became of the tests of one check."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: list[str] = field(factory=list)

    @property
    def outcome(self) -> str:
        """``skipped`` where nothing of it could be tried, ``unwritten`` where all that fails has still to be written."""
        if self.failed:
            return "unwritten" if len(self.unwritten) == self.failed else "failed"
        return "passed" if self.passed else "skipped"

    @property
    def unwritten(self) -> list[str]:
        """What has still to be written before this can pass."""
        return [reason.removeprefix(_UNWRITTEN) for reason in self.reasons if reason.startswith(_UNWRITTEN)]


class _Collector:
    """A pytest plugin: keeps the tests of one provider's suite, and counts what becomes of them."""

    def __init__(self, provider: str, wanted: "Sequence[Check]") -> None:
        self._provider = provider
        self._wanted = {each.id for each in wanted}
        self.results: defaultdict[str, _Result] = defaultdict(_Result)

    def pytest_collection_modifyitems(self, items: "list[pytest.Item]") -> None:
        from returns_hub.testing import AdapterConformance
        from returns_hub.testing.conformance.checks import check_id

        def is_meant(item: Any) -> bool:
            kind: Any = getattr(item, "cls", None) or object
            return (
                issubclass(kind, AdapterConformance)
                and kind.adapter_class.provider == self._provider
                and check_id(item.name) in self._wanted
            )

        items[:] = [item for item in items if is_meant(item)]

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        from returns_hub.testing.conformance.checks import check_id

        if report.when != "call" and report.outcome == "passed":
            return
        result = self.results[check_id(report.nodeid.rpartition("::")[2])]
        setattr(result, report.outcome, getattr(result, report.outcome) + 1)
        if report.outcome != "passed":
            result.reasons.append(_reason(report))


def _reason(report: "pytest.TestReport") -> str:
    """Why a test failed or was skipped, in one line."""
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return " ".join(text.removeprefix("Failed: ").split())[:_MAX_REASON]


@contextlib.contextmanager
def _suite(name: str, suite: Path | None) -> "Iterator[tuple[Path, bool]]":
    """The file to run, and whether it is a whole suite."""
    if suite is None and _DEFAULT_SUITE.is_file():
        suite = _DEFAULT_SUITE
    if suite is not None:
        if not suite.is_file():
            raise ConfigurationError(f"--suite {suite}: there is no such file")
        yield suite, True
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test_installed.py"
        path.write_text(_MINIMAL_SUITE.format(provider=name), "utf-8")
        yield path, False


def _run(path: Path, provider: str, wanted: "Sequence[Check]") -> "defaultdict[str, _Result]":
    import pytest

    collector = _Collector(provider, wanted)
    said = io.StringIO()
    # pytest's own report is not ours; where it could not even collect, it is what helps.
    with contextlib.redirect_stdout(said):
        code = pytest.main([*_PYTEST_OPTIONS, str(path)], plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        reasons = [line[2:] for line in said.getvalue().splitlines() if line.startswith("E ")]
        raise ConfigurationError(f"{path} cannot be run: {' '.join(''.join(reasons[-1:]).split())[:_MAX_REASON]}")
    return collector.results


def _report(name: str, wanted: "Sequence[Check]", results: "defaultdict[str, _Result]", *, whole: bool) -> None:
    part = None
    for each in wanted:
        if each.part is not part:
            part = each.part
            print_heading(part.value.capitalize())
        _print_check(each, results[each.id])
    reasons = Counter(reason for each in wanted for reason in dict.fromkeys(results[each.id].unwritten))
    unproved = [reason for reason in reasons if reason.startswith(_UNPROVED)]
    if len(reasons) > len(unproved):
        print_heading("What to write next")
    for reason, waiting in reasons.most_common():
        if reason not in unproved:
            print_hanging(Text(f"  {_MARKS['unwritten']} "), f"{reason} ({plural(waiting, 'check')} will look at it)")
    if unproved:
        print_heading("Not proved")
    for reason in unproved:
        print_hanging(Text(f"  {_MARKS['unwritten']} "), reason.removeprefix(_UNPROVED))
    print_line()
    _print_verdict(name, Counter(results[each.id].outcome for each in wanted), whole=whole)


def _print_check(each: "Check", result: _Result) -> None:
    tried = result.passed + result.failed
    share = f" ({result.failed} of {tried} cases)" if result.failed and tried > 1 else ""
    print_line(Text(f"  {_MARKS[result.outcome]} {each.id}{share}", _STYLES[result.outcome]))
    if result.outcome == "failed":
        print_hanging(Text("      why it is there: ", "dim"), each.reason.partition("\n\n")[0])
        found = [reason for reason in result.reasons if not reason.startswith(_UNWRITTEN)]
        print_hanging(Text("      what it found:   ", "dim"), found[0])


def _print_verdict(name: str, totals: Counter[str], *, whole: bool) -> None:
    checks = plural(totals.total(), "check")
    if totals["failed"] or totals["unwritten"]:
        print_line(
            styled(
                f"{name}: of {checks}, {totals['passed']} passed, {totals['failed']} failed, "
                f"{totals['unwritten']} wait for something that has still to be written.",
                "red",
            )
        )
    elif whole:
        print_line(styled(f"{name}: all {totals['passed']} checks that apply have passed. It is done.", "green"))
    else:
        print_line(styled(f"{name}: what the adapter says of itself is in order.", "green"))
    if not whole:
        print_line(f"Only that was checked: there is no {_DEFAULT_SUITE} here. --suite FILE names another.")


def _explain(name: str, suite: Path, wanted: str) -> int:
    """Print a case of the suite with its exchanges and values."""
    from returns_hub.testing import AdapterConformance
    from returns_hub.testing.conformance.explanation import explain

    if not suite.is_file():
        raise ConfigurationError(f"--suite {suite}: there is no such file")
    found: list[Any] = [
        kind
        for kind in runpy.run_path(str(suite)).values()
        if isinstance(kind, type) and issubclass(kind, AdapterConformance) and kind is not AdapterConformance
    ]
    suites = [kind() for kind in found if kind.adapter_class.provider == name]
    try:
        explanations = [each for kind in suites for each in explain(kind, wanted)]
    except NotImplementedError as error:
        raise ConfigurationError(str(error)) from error
    if not explanations:
        raise ConfigurationError(f"{suite}: no case of {name} is called {wanted!r} or expects a record with that id")
    for each in explanations:
        print_heading(each.case)
        for request, reply in each.exchanges:
            for text in (request, reply):
                print_line()
                for line in text.splitlines():
                    indent = len(line) - len(line.lstrip())
                    print_line(Text(" " * (indent + 2) + clean(line)))
        print_line()
        print_table(
            [
                Column("record"),
                Column("value"),
                Column("expected", prose=True),
                Column("found", prose=True),
                Column(""),
            ],
            [
                (
                    one.record,
                    one.place,
                    one.expected or "not stated",
                    one.found,
                    _MARKS["failed"] if one.differs else "",
                )
                for one in each.values
            ],
        )
    return int(any(one.differs for each in explanations for one in each.values))


def _data(each: "Check", result: _Result) -> dict[str, Any]:
    return {
        "id": each.id,
        "part": each.part.value,
        "outcome": result.outcome,
        "passed": result.passed,
        "failed": result.failed,
        "skipped": result.skipped,
        "reason": each.reason,
        "found": result.reasons[0] if result.reasons else None,
    }
