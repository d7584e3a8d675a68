"""Cassettes: exchanges with a vendor that are replayed in tests, without secrets and without personal data.

A cassette is a vcrpy file that begins with where it comes from::

    origin: documentation          # or: sandbox, a simulator; or: vendor, the vendor itself
    source: ReturnMate API Reference, List RMAs    # which example of which document, or what recorded it
    read: '2026-11-21'             # documentation only
    fictitious: [John Smith]       # names that a published example made up
    keep_headers: [date]           # headers of the vendor's own that a replay needs
    interactions: ...

:func:`play` replays one and insists that all of it is played; :func:`record` writes one. vcrpy's own filters leave
nested JSON, JSON with a charset and every response body readable: :class:`Redactor` does not. The same redactor finds
what should not be there, ``python -m returns_hub.testing.cassettes FOLDER``.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from attrs import evolve, frozen

from returns_hub.json_codec import encode_json
from returns_hub.operation import Reply
from returns_hub.redaction import REDACTED, redact

ORIGINS: Final = ("documentation", "sandbox", "vendor")

# Headers that a replay needs or a test may want; every other one is left out, whatever it holds.
REQUEST_HEADERS: Final = frozenset({"accept", "content-type"})
RESPONSE_HEADERS: Final = frozenset(
    {
        "content-type",
        "location",
        "retry-after",
        "request-id",
        "x-correlation-id",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-id",
    }
)

# Keys are compared in lower case, without anything but letters and digits: `api_key`, `apiKey`, `X-Api-Key`.
_SECRET_KEY: Final = re.compile(
    r"(api|access|auth|private|signing|encryption)key|secret|token|passw(or)?d|passphrase|authorization|credential"
    r"|cookie|session|signature|bearer|jwt|^(auth|sig|pwd|otp|pin|hmac|hash)$"
)
_PERSONAL_KEYS: Final = (
    ("email", re.compile(r"e?mail(address)?$")),
    ("phone", re.compile(r"(tele)?phone(number)?$|mobile(number)?$|^(tel|fax)$")),
    (
        "name",
        re.compile(r"(first|last|full|middle|given|family|customer|recipient|sender|contact|holder)name$|^surname$"),
    ),
    (
        "address",
        re.compile(
            r"(address|street|addr)(line)?\d?$|^line\d$|housenumber(addition)?$"
            r"|post(al)?code$|^zip(code)?$|^(city|suburb|town)$"
        ),
    ),
)
# What a bare `name` or `company` belongs to decides: to a person it is personal, to a product it is not.
_PERSON: Final = re.compile(
    r"customer|person|recipient|sender|consignee|contact|buyer|client|user|author|agent|address|(ship|bill)(from|to)"
)

_EMAIL: Final = re.compile(r"[\w.+'-]{1,64}@((?:[\w-]{1,63}\.)+(?:xn--[\w-]{1,59}|[^\W\d_]{2,63}))\b")
# RFC 2606: nobody can have an address there.
_RESERVED: Final = re.compile(r"(^|\.)(example\.(com|net|org)|example|test|invalid|localhost)$", re.IGNORECASE)
_PHONE: Final = re.compile(r"(?<![\w+])\+[1-9]\d{0,2}[\d ()./-]{6,18}\d\b")
_SECRET_TEXT: Final = re.compile(
    r"(?i:\b(?:bearer|basic)\s+)[\w~+/.=-]{8,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # a JSON Web Token
    r"|\b(?:sk|pk|rk|whsec|shpat|ghp|gho|xox[abp])[_-][\w-]{12,}|\bAKIA[0-9A-Z]{16}\b"
    r"|(?<=://)[^/\s@:]+:[^/\s@]+(?=@)"  # user and password in a URL
)
_URL: Final = re.compile(r"\bhttps?://[^\s\"'<>\\]+")
_UNGUESSABLE: Final = re.compile(r"[\w-]{32,}\Z")
_FORM: Final = re.compile(r"[\w.%+\[\]-]+=[^&\s]*(&[\w.%+\[\]-]+=[^&\s]*)*")
_PLACEHOLDERS: Final = MappingProxyType(
    {
        "email": "person-{:04d}@example.com",
        "name": "Person {:04d}",
        "phone": "+00 0000 {:04d}",
        "address": "Address {:04d}",
    }
)
_KINDS: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
}
_PLACEHOLDER: Final = re.compile(rf"{REDACTED}|(Person|Address) \d{{4}}|\+00 0000 \d{{4}}|person-\d{{4}}@example\.com")


@frozen(kw_only=True)
class Redactor:
    """Takes secrets and personal data out of requests and responses, for vcrpy's hooks.

    Secrets become ``REDACTED``; e-mail addresses, names, phone numbers and addresses become placeholders that are the
    same for the same value everywhere, so that a replay still matches, and that cannot be turned back. Placeholders,
    and addresses that nobody can have (``example.com``), stay. Free text is searched for tokens, e-mail addresses and
    international numbers; a name within a sentence cannot be known.

    ``fictitious`` are texts to leave alone; ``keep_headers`` are a vendor's own headers that a replay needs; ``secret_paths`` are
    an adapter's (``Adapter.secret_paths``).
    """

    fictitious: frozenset[str] = frozenset()
    keep_headers: frozenset[str] = frozenset()
    secret_paths: Sequence[str] = ()

    def request(self, request: Any) -> Any:
        """A vcrpy request, redacted: for ``before_record_request``."""
        request.uri = self.url(request.uri)
        request.headers = self.headers(request.headers, usual=REQUEST_HEADERS)
        request.body = self.body(request.body) or None  # no body is written both as null and as ""
        return request

    def response(self, response: Mapping[str, Any]) -> dict[str, Any]:
        """A vcrpy response, redacted: for ``before_record_response``."""
        return {
            "status": self.value(response["status"]),
            "headers": self.headers(response["headers"], usual=RESPONSE_HEADERS),
            "body": {"string": self.body(response["body"]["string"])},
        }

    def headers(self, headers: Mapping[str, Any], *, usual: AbstractSet[str]) -> dict[str, Any]:
        """The ``usual`` headers and those to keep, their names in lower case; no other one, whatever it holds."""
        kept = usual | self.keep_headers
        return {
            name.lower(): [self.text(part) for part in value] if isinstance(value, list) else self.text(value)
            for name, value in headers.items()
            if name.lower() in kept and not _SECRET_KEY.search(_normalised(name))
        }

    def body(self, body: Any) -> Any:
        """A body in JSON, as a form, or in plain text; of the same type, and the same bytes where nothing was found."""
        if not body:
            return body
        if isinstance(body, str):
            return self._body_text(body)
        try:
            return self._body_text(bytes(body).decode()).encode()
        except UnicodeDecodeError:
            return REDACTED.encode()  # nobody can tell what is in it

    def url(self, url: str) -> str:
        """A URL without user and password, path and query redacted; a loopback address becomes ``sandbox.invalid``."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        if parts.hostname in ("127.0.0.1", "localhost", "::1"):
            host = "sandbox.invalid"
        path = "/".join(self._segment(segment) for segment in parts.path.split("/"))
        return urlunsplit((parts.scheme, host, path, self._pairs(parts.query), ""))

    def text(self, text: str) -> str:
        """Free text without tokens, e-mail addresses and international phone numbers."""
        if text in self.fictitious:
            return text
        text = _SECRET_TEXT.sub(REDACTED, _URL.sub(lambda found: self._link(found[0]), text))
        text = _EMAIL.sub(lambda found: _placeholder("email", found[0]), text)
        return _PHONE.sub(lambda found: _placeholder("phone", found[0]), text)

    def value(self, value: Any, *, parents: tuple[str, ...] = ()) -> Any:
        """Decoded JSON: every text in it is judged by its key and by its looks, JSON within a text included."""
        if isinstance(value, Mapping):
            return {self.text(key): self._member(value, key, parents) for key in value}
        if isinstance(value, list):
            return [self.value(part, parents=parents) for part in value]
        if isinstance(value, str):
            return self._body_text(value) if value[:1] in ("{", "[") else self.text(value)
        return value

    def _member(self, owner: Mapping[str, Any], key: str, parents: tuple[str, ...]) -> Any:
        value, name = owner[key], _normalised(key)
        if _SECRET_KEY.search(name):
            return _map_texts(value, lambda _: REDACTED)
        kind = _personal_kind(name, owner, parents)
        if kind is not None and not isinstance(value, Mapping):
            return _map_texts(value, lambda text: text if text in self.fictitious else _placeholder(kind, text))
        return self.value(value, parents=(*parents, name))

    def _body_text(self, text: str) -> str:
        try:
            value = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict | list):
            held_secrets = redact(value, self.secret_paths)
            redacted = self.value(value)
            return text if redacted == value and not held_secrets else encode_json(redacted, ascii_only=False)
        return self._pairs(text) if _FORM.fullmatch(text) else self.text(text)

    def _pairs(self, text: str) -> str:
        """A query or a form; as it was where nothing was found."""
        pairs = parse_qsl(text, keep_blank_values=True)
        redacted = [(name, self._member({name: value}, name, ())) for name, value in pairs]
        return text if redacted == pairs else urlencode(redacted)

    def _segment(self, segment: str) -> str:
        plain = unquote(segment)
        redacted = self.text(plain)
        return segment if redacted == plain else quote(redacted, safe="@")

    def _link(self, url: str) -> str:
        """A URL found in a text: who has it may open it, so a part that cannot be guessed is a secret."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return REDACTED
        path = "/".join(REDACTED if _UNGUESSABLE.match(segment) else segment for segment in parts.path.split("/"))
        return urlunsplit((parts.scheme, parts.netloc, path, self._pairs(parts.query), parts.fragment))


def _normalised(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _personal_kind(name: str, owner: Mapping[str, Any], parents: tuple[str, ...]) -> str | None:
    if name in ("name", "company"):
        theirs = any(_PERSON.search(parent) for parent in parents[-1:]) or any(
            "email" in _normalised(key) for key in owner
        )
        return "name" if theirs else None
    return next((kind for kind, keys in _PERSONAL_KEYS if keys.search(name)), None)


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Every text in ``value`` changed, every number 0; nothing, true and false say nothing and stay."""
    if isinstance(value, Mapping):
        return {key: _map_texts(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [_map_texts(part, change) for part in value]
    if isinstance(value, str):
        return change(value) if value else value
    return value if value is None or isinstance(value, bool) else 0


def _placeholder(kind: str, text: str) -> str:
    """The placeholder of a personal text. Four digits tell a few people apart, and not who they are."""
    email = _EMAIL.fullmatch(text)
    if _PLACEHOLDER.fullmatch(text) or (email and _RESERVED.search(email[1])):
        return text
    number = int.from_bytes(hashlib.sha256(f"{kind} {text.casefold()}".encode()).digest()[:8]) % 10_000
    return _PLACEHOLDERS[kind].format(number)


@contextmanager
def play(path: Path, *, redactor: Redactor = Redactor()) -> Iterator[None]:
    """Every request inside is answered from the cassette, none from a network, and the whole cassette is played.

    Requests match on method, path, query and body, each recorded one once.

    Raises:
        AssertionError: something was asked for that is not in the cassette, or the reverse.
    """
    redactor = _for_cassette(redactor, _load(path))
    asked: list[Any] = []

    def redact(request: Any) -> Any:
        asked.append(redactor.request(request))
        return asked[-1]

    with _player("none", redactor, before_record_request=redact).use_cassette(path) as playing:
        asked.clear()  # loading passes the recorded requests through the hook, too
        try:
            yield
        except Exception as error:
            # vcrpy says this inside the HTTP stack, where a client may make another error of it.
            if asked and not _has_answer_to(playing, asked[-1]):
                raise AssertionError(f"{path.name} has no answer to {asked[-1].method} {asked[-1].uri}") from error
            raise
    if not playing.all_played:
        raise AssertionError(f"{path.name}: {playing.play_count} of its {len(playing)} interactions were played")


@contextmanager
def record(path: Path, *, source: str, redactor: Redactor = Redactor(), origin: str = "sandbox") -> Iterator[None]:
    """Every exchange inside goes where it is meant to go, and into a new cassette.

    ``source`` says what that is, and ``origin`` of what kind: ``sandbox`` for a simulator, ``vendor`` for the vendor.
    """
    player = _player("all", redactor)
    kept = {"keep_headers": sorted(redactor.keep_headers)} if redactor.keep_headers else {}
    player.register_serializer("cassette", _Serializer({"origin": origin, "source": source, **kept}))
    path.unlink(missing_ok=True)
    with player.use_cassette(path, serializer="cassette"):
        yield


def differences(old: Path, new: Path) -> tuple[str, ...]:
    """How the answers of two cassettes differ: other requests, other statuses, other keys and types in JSON bodies.

    Values are not compared: two recordings of the same calls never have the same. A sentence for each difference.

    Raises:
        ValueError: one of them is no readable cassette.
    """
    before, after = (_load(path)["interactions"] for path in (old, new))
    found: list[str] = []
    if len(before) != len(after):
        found.append(f"{len(before)} exchanges on file, {len(after)} now")
    for number, (was, now) in enumerate(zip(before, after, strict=False)):
        places = [
            f"exchange {number}, {was['request']['method']} {urlsplit(was['request']['uri']).path}: {what}"
            for what in _exchange_differences(was, now)
        ]
        found += places
    return tuple(found)


def _exchange_differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    asked = [(each["request"]["method"], urlsplit(each["request"]["uri"]).path) for each in (was, now)]
    if asked[0] != asked[1]:
        yield f"now {asked[1][0]} {asked[1][1]}"
        return
    codes = [each["response"]["status"]["code"] for each in (was, now)]
    if codes[0] != codes[1]:
        yield f"answered {codes[0]} on file, {codes[1]} now"
    old, new = (_shape(each["response"]["body"]["string"]) for each in (was, now))
    for place in sorted(old.keys() | new.keys()):
        if old.get(place) != new.get(place):
            yield f"{place or 'the body'} is {old.get(place, 'not there')} on file, {new.get(place, 'not there')} now"


def _shape(body: Any) -> dict[str, str]:
    """The type of every place in a JSON body; list elements share one place. What is no JSON has no places."""
    try:
        value = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return {"": "no JSON"}
    kinds: dict[str, set[str]] = {}
    pending = [("", value)]
    while pending:
        place, part = pending.pop()
        kinds.setdefault(place, set()).add(_KINDS.get(type(part), "null"))
        if isinstance(part, dict):
            pending += [(f"{place}.{key}", each) for key, each in part.items()]
        elif isinstance(part, list):
            pending += [(f"{place}[]", each) for each in part]
    return {place: " or ".join(sorted(found)) for place, found in kinds.items()}


def replies(path: Path) -> tuple[Reply, ...]:
    """What the vendor answers in a cassette, in its order.

    Raises:
        ValueError: it is no readable cassette.
    """
    return tuple(reply for _, _, _, reply in exchanges(path))


def exchanges(path: Path) -> tuple[tuple[str, str, bytes, Reply], ...]:
    """Method, URL and body of each request of a cassette, with the reply to it, in their order.

    Raises:
        ValueError: it is no readable cassette.
    """
    return tuple(
        (asked["method"], asked["uri"], _bytes(asked["body"]), _reply(interaction["response"]))
        for interaction in _load(path)["interactions"]
        for asked in (interaction["request"],)
    )


def _reply(answer: Mapping[str, Any]) -> Reply:
    return Reply(
        status=answer["status"]["code"],
        headers=[(name, value) for name, values in answer["headers"].items() for value in values],
        body=_bytes(answer["body"]["string"]),
    )


def _bytes(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def origin(path: Path) -> str | None:
    """Where a cassette comes from; None where there is no readable one."""
    try:
        return str(_load(path)["origin"])
    except ValueError:
        return None


def _player(record_mode: str, redactor: Redactor, **hooks: Any) -> Any:
    from vcr import VCR  # type: ignore[import-untyped]  # vcrpy ships no types
    from vcr.record_mode import RecordMode  # type: ignore[import-untyped]  # vcrpy ships no types

    player = VCR(
        record_mode=RecordMode(record_mode),
        match_on=("method", "path", "exact_query", "body"),
        decode_compressed_response=True,
        **{"before_record_request": redactor.request, "before_record_response": redactor.response, **hooks},
    )
    player.register_matcher("exact_query", _same_query)
    return player


def _same_query(one: Any, other: Any) -> None:
    """Vcrpy's own matcher drops parameters without a value."""
    ours, theirs = (sorted(parse_qsl(urlsplit(request.uri).query, keep_blank_values=True)) for request in (one, other))
    assert ours == theirs, f"{ours} != {theirs}"  # noqa: S101  how a vcrpy matcher says no


def _has_answer_to(playing: Any, request: Any) -> bool:
    from vcr.errors import UnhandledHTTPRequestError  # type: ignore[import-untyped]  # vcrpy ships no types

    try:
        playing.responses_of(request)
    except UnhandledHTTPRequestError:
        return False
    return True


@frozen
class _Serializer:
    """vcrpy's YAML with a header, in ASCII, keys in order."""

    header: Mapping[str, Any]

    def serialize(self, cassette: Mapping[str, Any]) -> str:
        import yaml  # type: ignore[import-untyped]  # no types installed with it

        content = {**self.header, "interactions": cassette["interactions"], "version": cassette["version"]}
        return str(yaml.safe_dump(content, sort_keys=False, width=sys.maxsize))

    def deserialize(self, text: str) -> Any:
        return _parse(text)


def _parse(text: str) -> Any:
    from vcr.serializers import yamlserializer  # type: ignore[import-untyped]  # vcrpy ships no types

    return yamlserializer.deserialize(text)


def _load(path: Path) -> Mapping[str, Any]:
    """A cassette's content.

    Raises:
        ValueError: no YAML, no cassette, or one that does not begin with its origin.
    """
    try:
        cassette = _parse(path.read_text("utf-8"))
    except Exception as error:  # noqa: BLE001  whatever a YAML parser raises
        raise ValueError(f"no readable YAML ({type(error).__name__})") from None
    if not isinstance(cassette, dict) or next(iter(cassette), None) != "origin" or cassette["origin"] not in ORIGINS:
        raise ValueError(f"does not begin with `origin:` and one of {', '.join(ORIGINS)}")
    if not cassette.get("source") or (cassette["origin"] == "documentation" and not cassette.get("read")):
        raise ValueError("says no `source:`, or not when that was `read:`")
    if not cassette.get("interactions"):
        raise ValueError("holds no interactions")
    return cassette


def _for_cassette(redactor: Redactor, cassette: Mapping[str, Any]) -> Redactor:
    """The redactor, which leaves alone what a published example made up, and the headers that the cassette says a replay needs."""
    return evolve(
        redactor,
        fictitious=redactor.fictitious | frozenset(cassette.get("fictitious", ())),
        keep_headers=redactor.keep_headers | frozenset(cassette.get("keep_headers", ())),
    )


@frozen(kw_only=True)
class Finding:
    """Something that must not be in a cassette, by its place; never the thing itself."""

    path: Path
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.where}: {self.what}"


def scan(folder: Path, *, redactor: Redactor = Redactor()) -> tuple[Finding, ...]:
    """What is wrong with the cassettes below a folder: secrets, personal data, an unknown origin, none there at all."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml"))
    if not paths:
        return (Finding(path=folder, where="folder", what="no cassette in it"),)
    return tuple(finding for path in paths for finding in _scan_file(path, redactor))


def _scan_file(path: Path, redactor: Redactor) -> Iterator[Finding]:
    try:
        cassette = _load(path)
    except ValueError as error:
        yield Finding(path=path, where="file", what=str(error))
        return
    redactor = _for_cassette(redactor, cassette)
    remarks = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    header = {key: value for key, value in cassette.items() if key != "interactions"}
    if redactor.value([remarks, header]) != [remarks, header]:
        yield Finding(path=path, where="header", what="a secret or personal datum")
    for number, interaction in enumerate(cassette["interactions"]):
        try:
            found = list(_scan_interaction(interaction, redactor))
        except (LookupError, TypeError, AttributeError, ValueError):
            found = [("whole", "not an exchange that can be read")]
        for where, what in found:
            yield Finding(path=path, where=f"interaction {number}, {where}", what=what)


def _scan_interaction(interaction: Mapping[str, Any], redactor: Redactor) -> Iterator[tuple[str, str]]:
    request, response = interaction["request"], interaction["response"]
    if redactor.url(request["uri"]) != request["uri"]:
        yield "request URL", "a secret, a personal datum or a loopback address"
    yield from _scan_headers("request", request["headers"], REQUEST_HEADERS, redactor)
    yield from _scan_headers("response", response["headers"], RESPONSE_HEADERS, redactor)
    yield from _scan_body("request", request["body"], redactor)
    yield from _scan_body("response", response["body"]["string"], redactor)


def _scan_headers(
    side: str, headers: Mapping[str, Any], usual: AbstractSet[str], redactor: Redactor
) -> Iterator[tuple[str, str]]:
    redacted = redactor.headers(headers, usual=usual)
    for name, value in headers.items():
        if redacted.get(name.lower()) != value:
            yield f"{side} header {name}", "not one to keep, or with a secret or personal datum in it"


def _scan_body(side: str, body: Any, redactor: Redactor) -> Iterator[tuple[str, str]]:
    redacted = redactor.body(body)
    if redacted == body:
        return
    try:
        place = _first_difference(json.loads(body), json.loads(redacted))
    except ValueError:
        place = ""
    yield f"{side} body{place}", "a secret or personal datum"


def _first_difference(one: Any, other: Any) -> str:
    """Where two JSON values of the same shape first differ, as ``.data[0].email``."""
    if isinstance(one, dict) and isinstance(other, dict):
        steps = [(f".{key}", one[key], other.get(key)) for key in one]
    elif isinstance(one, list) and isinstance(other, list):
        steps = [(f"[{index}]", *pair) for index, pair in enumerate(zip(one, other, strict=True))]
    else:
        return ""
    return next((step + _first_difference(mine, theirs) for step, mine, theirs in steps if mine != theirs), "")


def main(folders: Sequence[str]) -> int:
    """Scan folders, say what was found; 0 if that is nothing."""
    findings = [finding for folder in folders for finding in scan(Path(folder))]
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return 1 if findings or not folders else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
