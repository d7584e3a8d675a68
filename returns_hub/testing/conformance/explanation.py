"""One case of a suite laid open: what was asked, what was answered, and the values expected and found side by side."""

import json
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from returns_hub.testing.cassettes import exchanges
from returns_hub.testing.conformance.expectations import ExpectationChecks
from returns_hub.testing.conformance.expected import stated, values_of


@frozen(kw_only=True)
class Comparison:
    """A value of a record by its place in it: what the case expects (None: not stated), and what the adapter reads."""

    record: str
    place: str
    expected: str | None
    found: str

    @property
    def differs(self) -> bool:
        """True if it was stated, and is another."""
        return self.expected is not None and self.expected != self.found


@frozen(kw_only=True)
class Explanation:
    """A case with its exchanges, as texts for people, and its values."""

    case: str
    exchanges: tuple[tuple[str, str], ...]
    values: tuple[Comparison, ...]


def explain(suite: ExpectationChecks, name: str) -> tuple[Explanation, ...]:
    """The case of this name, or every case that expects a record with this id; empty if there is none.

    Raises:
        NotImplementedError: the cassette of the case has still to be written.
    """
    cases = [
        case
        for case in suite.cases
        if case.raises is None and (name == case.name or any(record.id == name for record in case.expects or ()))
    ]
    explanations = []
    for case in cases:
        expected = {record.id: dict(_leaves(stated(record))) for record in case.expects or ()}
        found = {ret.id: dict(_leaves(values_of(ret))) for ret in suite.read_records(case)}
        values = [
            Comparison(
                record=record,
                place=place,
                expected=expected.get(record, {}).get(place),
                found=found.get(record, {}).get(place, "nothing"),
            )
            for record in dict.fromkeys((*expected, *found))
            for place in dict.fromkeys((*expected.get(record, ()), *found.get(record, ())))
        ]
        explanations.append(
            Explanation(
                case=case.name,
                exchanges=tuple(
                    (_text(f"{method} {uri}", body), _text(f"HTTP {reply.status}", reply.body))
                    for method, uri, body, reply in exchanges(suite.cassette(case))
                ),
                values=tuple(values),
            )
        )
    return tuple(explanations)


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{place}.{key}".removeprefix("."))
    elif isinstance(value, tuple):
        yield f"{place} (how many)", str(len(value))
        for index, part in enumerate(value):
            yield from _leaves(part, f"{place}[{index}]")
    else:
        yield place, "nothing" if value is None else str(value)


def _text(head: str, body: bytes) -> str:
    """A request or a reply for people: JSON is indented."""
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        text = body.decode(errors="replace")
    return f"{head}\n{text}".rstrip()
