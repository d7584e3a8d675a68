"""Secrets inside vendor objects, such as the code of a gift card: taken out by their paths before anything keeps them. No I/O."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from returns_hub.errors import UnexpectedReply
from returns_hub.json_codec import decode_json, encode_json

REDACTED: Final = "REDACTED"
"""What stands where a secret stood."""

_NESTED: Final = (dict, list)


def redact(value: Any, paths: Iterable[str]) -> bool:
    """Replaces in decoded JSON, in place, whatever stands at one of the paths; True if something did.

    A path is names joined by dots, ``giftCards[].code``; it may begin at any depth, and a list stands for each of its elements, with
    ``[]`` or without.
    """
    wanted = [tuple(path.replace("[]", "").split(".")) for path in paths]
    first = {path[0] for path in wanted}
    found = False
    nodes: list[tuple[Any, Sequence[tuple[str, ...]]]] = [(value, ())]
    while nodes:
        node, begun = nodes.pop()
        if isinstance(node, list):
            nodes.extend((part, begun) for part in node if isinstance(part, _NESTED))
        elif isinstance(node, dict):
            for name, part in node.items():
                # Hardly any name is one that is looked for.
                rest = [path[1:] for path in (*wanted, *begun) if path[0] == name] if begun or name in first else ()
                if () in rest:
                    if part not in (None, "", [], {}, REDACTED):
                        node[name] = REDACTED
                        found = True
                elif isinstance(part, _NESTED):
                    nodes.append((part, rest))
    return found


def redact_body(body: bytes, paths: Sequence[str]) -> bytes:
    """A body of JSON without what stands at the paths; the same bytes where nothing does, or where it is no JSON."""
    if not paths:
        return body
    try:
        value = decode_json(body)
    except UnexpectedReply:
        return body
    return encode_redacted(value) if redact(value, paths) else body


def encode_redacted(value: Any) -> bytes:
    """Decoded JSON that was redacted, as JSON again; an empty object where it is nested too deeply to be written."""
    try:
        return encode_json(value, ascii_only=False).encode()
    except (RecursionError, TypeError, ValueError):
        return b"{}"
