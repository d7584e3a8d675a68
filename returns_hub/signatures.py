"""How a delivery proves whose it is: for each scheme that vendors use a function that verifies, and one that signs. No I/O, no clock.

What signs is for simulators, tests and ``doctor``; it uses the first live secret, and raises :class:`~returns_hub.ConfigurationError` where
there is none. What verifies tries every live secret, in constant time, works on the bytes as they came, and raises
:class:`~returns_hub.WebhookRejected` and nothing else, with a distinct ``reason``: ``not_configured`` (said first: without a secret
nothing is believed), ``wrong_method``, ``missing_signature``, ``duplicate_signature``, ``malformed_signature``, ``wrong_signature``,
``malformed_timestamp``, ``stale_timestamp``.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from attrs import evolve

from returns_hub.errors import ConfigurationError, WebhookRejected
from returns_hub.operation import WebhookRequest
from returns_hub.secret import Secret

Key: TypeAlias = Secret | bytes
"""A secret whose UTF-8 text is the key, or the key itself."""

STANDARD_WEBHOOKS_TOLERANCE: Final = timedelta(minutes=5)
"""How far a signed time of Standard Webhooks may be from ours."""

_HEX_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}\Z")
_BASE64_SHA256: Final = re.compile(r"[A-Za-z0-9+/]{43}=\Z")
_STANDARD_SIGNATURE: Final = re.compile(r"v1,[A-Za-z0-9+/]{43}=\Z")
_SECONDS: Final = re.compile(r"[0-9]{1,12}\Z")


def single_header(request: WebhookRequest, name: str) -> str:
    """The one value of a signature header, without the blanks around it.

    Raises:
        WebhookRejected: ``missing_signature`` or ``duplicate_signature``.
    """
    values = request.header(name)
    if len(values) > 1:
        raise WebhookRejected("duplicate_signature", f"the header {name} came {len(values)} times")
    value = "".join(values).strip()
    if not value:
        raise WebhookRejected("missing_signature", f"the header {name} is missing")
    return value


def verify_hmac_sha256_hex(message: bytes, signature: str, secrets: Iterable[Key]) -> None:
    """Returns if ``signature`` is the hexadecimal HMAC-SHA256 of ``message`` under one of the live secrets; digits of either case.

    Raises:
        WebhookRejected: ``not_configured``, ``malformed_signature``, ``wrong_signature``.
    """
    keys = _keys(secrets)
    if not _HEX_SHA256.match(signature):
        raise WebhookRejected("malformed_signature", "the signature is not 64 hexadecimal digits")
    _compare(message, signature.lower().encode(), keys, binascii.hexlify)


def verify_hmac_sha256_base64(message: bytes, signature: str, secrets: Iterable[Key]) -> None:
    """Returns if ``signature`` is the Base64 of the HMAC-SHA256 of ``message`` under one of the live secrets.

    A vendor that shows its keys as Base64 of their own wants them as bytes.

    Raises:
        WebhookRejected: ``not_configured``, ``malformed_signature``, ``wrong_signature``.
    """
    keys = _keys(secrets)
    if not _BASE64_SHA256.match(signature):
        raise WebhookRejected("malformed_signature", "the signature is not the Base64 of 32 bytes")
    _compare(message, signature.encode(), keys, base64.b64encode)


def verify_signed_body(
    request: WebhookRequest,
    header: str,
    secrets: Iterable[Key],
    *,
    encoding: Literal["hex", "base64"] = "hex",
    prefix: str = "",
) -> None:
    """Returns if the delivery is a POST whose ``header`` is the HMAC-SHA256 of its raw body under one of the live secrets.

    ``prefix`` is what a vendor may write in front of the signature: ``sha256=``.

    Raises:
        WebhookRejected: it is not.
    """
    keys = _keys(secrets)
    _require_post(request)
    signature = single_header(request, header).removeprefix(prefix)
    verify = verify_hmac_sha256_hex if encoding == "hex" else verify_hmac_sha256_base64
    verify(request.body, signature, keys)


def verify_static(request: WebhookRequest, header: str, secrets: Iterable[Key], *, scheme: str = "") -> None:
    """Returns if the delivery is a POST whose ``header`` is one of the live secrets, behind the word ``scheme`` where one is given.

    Nothing of the body is signed: who believes it trusts TLS, and that the secret is one. ``scheme="Bearer"`` with the header
    ``Authorization`` is RFC 6750; the word is taken in any case (RFC 9110, section 11.1).

    Raises:
        WebhookRejected: it is not.
    """
    keys = _keys(secrets)
    _require_post(request)
    value = single_header(request, header)
    if scheme:
        word, _, value = value.partition(" ")
        value = value.strip()
        if word.lower() != scheme.lower() or not value:
            raise WebhookRejected("malformed_signature", f"the header {header} is not {scheme} and a token")
    given = value.encode(errors="replace")
    if not _is_one_of([given], keys):
        raise WebhookRejected("wrong_signature", f"the header {header} holds no secret of this account")


def verify_basic(request: WebhookRequest, user: Secret | None, passwords: Iterable[Key]) -> None:
    """Returns if the request carries the user and one of the live passwords by HTTP Basic (RFC 7617), UTF-8 encoded.

    Raises:
        WebhookRejected: it does not; ``not_configured`` without a user or a password here.
    """
    keys = _keys(passwords if user else ())
    word, _, encoded = single_header(request, "Authorization").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    if word.lower() != "basic" or b":" not in given:
        raise WebhookRejected("malformed_signature", "the header Authorization is not Basic credentials")
    expected = [(user.reveal() if user else "").encode() + b":" + key for key in keys]
    if not _is_one_of([given], expected):
        raise WebhookRejected("wrong_signature", "user and password are not those of this account")


def verify_standard_webhook(
    request: WebhookRequest,
    secrets: Iterable[Secret],
    *,
    tolerance: timedelta = STANDARD_WEBHOOKS_TOLERANCE,
    prefix: str = "webhook-",
) -> None:
    """Returns if the delivery is signed as Standard Webhooks says with one of the live secrets, at most ``tolerance`` from now.

    The headers are ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``; older services call them ``svix-...``. A header
    may hold several signatures, and those of other versions are passed over. https://www.standardwebhooks.com/

    Raises:
        WebhookRejected: it is not.
    """
    keys = _keys(key for key in map(_standard_key, secrets) if key)
    _require_post(request)
    given = [one for one in single_header(request, f"{prefix}signature").split() if one.startswith("v1,")]
    if not given or not all(_STANDARD_SIGNATURE.match(one) for one in given):
        raise WebhookRejected("malformed_signature", "a signature is not v1 and the Base64 of 32 bytes")
    name, timestamp = single_header(request, f"{prefix}id"), single_header(request, f"{prefix}timestamp")
    expected = [
        standard_webhook_signature(key, id=name, timestamp=timestamp, body=request.body).encode() for key in keys
    ]
    if not _is_one_of([one.encode() for one in given], expected):
        raise WebhookRejected("wrong_signature", "the signature does not match")
    if not _SECONDS.match(timestamp):
        raise WebhookRejected("malformed_timestamp", "the signed time is not a number of seconds")
    if abs(request.received_at.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise WebhookRejected(
            "stale_timestamp", f"the signed time is more than {tolerance.total_seconds():g} s from our clock"
        )


def sign_hmac_sha256_hex(message: bytes, secrets: Iterable[Key]) -> str:
    """The hexadecimal HMAC-SHA256 of ``message`` under the first live secret."""
    return hmac.new(_first_key(secrets), message, hashlib.sha256).hexdigest()


def sign_hmac_sha256_base64(message: bytes, secrets: Iterable[Key]) -> str:
    """The Base64 of the HMAC-SHA256 of ``message`` under the first live secret."""
    return base64.b64encode(hmac.new(_first_key(secrets), message, hashlib.sha256).digest()).decode()


def sign_body(
    request: WebhookRequest,
    header: str,
    secrets: Iterable[Key],
    *,
    encoding: Literal["hex", "base64"] = "hex",
    prefix: str = "",
) -> WebhookRequest:
    """The request with the ``header`` that :func:`verify_signed_body` wants."""
    sign = sign_hmac_sha256_hex if encoding == "hex" else sign_hmac_sha256_base64
    return with_headers(request, (header, prefix + sign(request.body, secrets)))


def sign_static(request: WebhookRequest, header: str, secrets: Iterable[Key], *, scheme: str = "") -> WebhookRequest:
    """The request with the ``header`` that :func:`verify_static` wants."""
    value = _first_key(secrets).decode()
    return with_headers(request, (header, f"{scheme} {value}" if scheme else value))


def sign_standard_webhook(
    request: WebhookRequest, secrets: Iterable[Secret], *, prefix: str = "webhook-"
) -> WebhookRequest:
    """The request with the headers that :func:`verify_standard_webhook` wants, of its ``received_at``."""
    key = _first_key(key for key in map(_standard_key, secrets) if key)
    name = f"msg_{hashlib.sha256(request.body).hexdigest()[:24]}"
    timestamp = str(int(request.received_at.timestamp()))
    signature = standard_webhook_signature(key, id=name, timestamp=timestamp, body=request.body)
    return with_headers(
        request, (f"{prefix}id", name), (f"{prefix}timestamp", timestamp), (f"{prefix}signature", signature)
    )


def with_headers(request: WebhookRequest, *headers: tuple[str, str]) -> WebhookRequest:
    """The request with these headers, and no others of these names."""
    names = {name.lower() for name, _ in headers}
    kept = [(name, value) for name, value in request.headers if name.lower() not in names]
    return evolve(request, headers=[*kept, *headers])


def standard_webhook_key(secret: Secret) -> bytes:
    """The key of a secret of Standard Webhooks, which is shown as ``whsec_`` and Base64.

    Raises:
        ConfigurationError: it is none. It is not shown.
    """
    key = _standard_key(secret)
    if key is None:
        raise ConfigurationError("a webhook secret must be whsec_ and Base64")
    return key


def standard_webhook_signature(key: bytes, *, id: str, timestamp: str, body: bytes) -> str:
    """The signature of a delivery by Standard Webhooks, ``v1,`` and Base64: for simulators and tests."""
    message = f"{id}.{timestamp}.".encode(errors="replace") + body
    return "v1," + base64.b64encode(hmac.digest(key, message, "sha256")).decode()


def _standard_key(secret: Secret) -> bytes | None:
    prefix, mark, encoded = secret.reveal().partition("_")
    try:
        return base64.b64decode(encoded, validate=True) or None if (prefix, mark) == ("whsec", "_") else None
    except (binascii.Error, ValueError):
        return None


def _keys(secrets: Iterable[Key]) -> list[bytes]:
    """The live keys.

    Raises:
        WebhookRejected: ``not_configured``, there is none.
    """
    keys = [secret.reveal().encode() if isinstance(secret, Secret) else secret for secret in secrets if secret]
    if not keys:
        raise WebhookRejected("not_configured", "no webhook secret is configured for this account")
    return keys


def _first_key(secrets: Iterable[Key]) -> bytes:
    problem = ""
    try:
        return _keys(secrets)[0]
    except WebhookRejected as error:
        problem = str(error)
    raise ConfigurationError(problem)


def _require_post(request: WebhookRequest) -> None:
    if request.method.upper() != "POST":
        raise WebhookRejected("wrong_method", "a delivery is a POST")


def _compare(message: bytes, signature: bytes, keys: Sequence[bytes], encode: Callable[[bytes], bytes]) -> None:
    if not _is_one_of([signature], [encode(hmac.digest(key, message, "sha256")) for key in keys]):
        raise WebhookRejected("wrong_signature", "the signature does not match")


def _is_one_of(given: Iterable[bytes], expected: Iterable[bytes]) -> bool:
    """True if one of them is expected: all are compared, each in constant time, whichever it is."""
    expected = list(expected)
    matches = [hmac.compare_digest(one, each) for one in given for each in expected]
    return any(matches)
