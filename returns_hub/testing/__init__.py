"""What plugin authors and users test with: simulators, faults, cassettes, a conformance suite, a made-up vendor.

Nothing is imported before it is asked for: the simulators run where neither pytest nor vcrpy is installed.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from returns_hub.testing.cassettes import Finding, Redactor, play, record, scan
    from returns_hub.testing.conformance import (
        AdapterConformance,
        Case,
        ExpectedItem,
        ExpectedReturn,
        ExpectedShipment,
        Filter,
        Variation,
    )
    from returns_hub.testing.corruption import Replacement, corrupted, lost_records, replacements
    from returns_hub.testing.drivers import Driver, open_with
    from returns_hub.testing.fake import FakeAdapter, FakeVendor
    from returns_hub.testing.faults import Call, Fault, Faults, Outcome, html_answer, json_answer
    from returns_hub.testing.fields import explain_fields, field_map, field_table, read_reply
    from returns_hub.testing.loopback import Sandbox, sandbox
    from returns_hub.testing.server import RunningServer, serve
    from returns_hub.testing.simulator import (
        LoggedRequest,
        Refusal,
        SignedRequest,
        Simulator,
        TriggerResult,
        call_platform,
        change_values,
    )

__all__ = [
    "AdapterConformance",
    "Call",
    "Case",
    "Driver",
    "ExpectedItem",
    "ExpectedReturn",
    "ExpectedShipment",
    "FakeAdapter",
    "FakeVendor",
    "Fault",
    "Faults",
    "Filter",
    "Finding",
    "LoggedRequest",
    "Outcome",
    "Redactor",
    "Refusal",
    "Replacement",
    "RunningServer",
    "Sandbox",
    "SignedRequest",
    "Simulator",
    "TriggerResult",
    "Variation",
    "call_platform",
    "change_values",
    "corrupted",
    "explain_fields",
    "field_map",
    "field_table",
    "html_answer",
    "json_answer",
    "lost_records",
    "open_with",
    "play",
    "read_reply",
    "record",
    "replacements",
    "sandbox",
    "scan",
    "serve",
]

_CONFORMANCE: Final = (
    *("AdapterConformance", "Case", "ExpectedItem", "ExpectedReturn", "ExpectedShipment", "Filter"),
    "Variation",
)
_MODULES: Final = {
    **dict.fromkeys(("Finding", "Redactor", "play", "record", "scan"), "cassettes"),
    **dict.fromkeys(_CONFORMANCE, "conformance"),
    **dict.fromkeys(("Replacement", "corrupted", "lost_records", "replacements"), "corruption"),
    **dict.fromkeys(("Driver", "open_with"), "drivers"),
    **dict.fromkeys(("FakeAdapter", "FakeVendor"), "fake"),
    **dict.fromkeys(("Call", "Fault", "Faults", "Outcome", "html_answer", "json_answer"), "faults"),
    **dict.fromkeys(("explain_fields", "field_map", "field_table", "read_reply"), "fields"),
    **dict.fromkeys(("RunningServer", "serve"), "server"),
    **dict.fromkeys(("Sandbox", "sandbox"), "loopback"),
    **dict.fromkeys(
        (
            *("LoggedRequest", "Refusal", "SignedRequest", "Simulator", "TriggerResult", "call_platform"),
            "change_values",
        ),
        "simulator",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{_MODULES[name]}"
    if name in _CONFORMANCE:
        import pytest

        # So that a failed check shows its values, as in a test module.
        pytest.register_assert_rewrite(module)
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return __all__
