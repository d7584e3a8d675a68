"""Forged deliveries of AfterShip, Redo and Returnless V2, sent to a receiver over HTTP: every one must be refused, every right one taken.

    python tests/benchmarks/signature_attacks.py [--only PART_OF_A_NAME]

Each account has three live secrets and had an old one; another account of the same vendor has one of its own. The exit code
is 1 where a forged delivery was taken or stored, a right one was not, or there are fewer than sixty attacks.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from returns_hub import Account, Hub
from returns_hub.server import create_app
from returns_hub.testing import serve
from returns_hub_aftership.sandbox import AfterShipSandbox
from returns_hub_redo.sandbox import RedoSandbox
from returns_hub_returnless_v2.sandbox import ReturnlessV2Sandbox

LIVE: Final = (
    "Live-secret-1-of-thirty-two-chars",
    "Live-secret-2-of-thirty-two-chars",
    "Live-secret-3-of-thirty-two-chars",
)
OLD: Final = "Old-secret-that-was-rotated-away!"
OTHERS: Final = "Secret-of-another-account-of-ours"
API_KEY: Final = "Api-key-of-this-very-account-here"
FEWEST: Final = 60

Headers: TypeAlias = tuple[tuple[str, str], ...]
Encode: TypeAlias = Callable[[bytes], str]


@frozen(kw_only=True)
class Delivery:
    """A request to the receiver, before it is sent."""

    body: bytes
    headers: Headers
    method: str = "POST"
    path: str = "/webhooks/acme"

    def signed(self, name: str, *values: str) -> "Delivery":
        """The delivery with exactly these values of the header."""
        others = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return evolve(self, headers=(*others, *((name, value) for value in values)))


Attack: TypeAlias = tuple[str, Delivery]


@frozen(kw_only=True)
class Scheme:
    """How a vendor's deliveries prove whose they are. ``encode`` is None where a token is sent instead of a signature."""

    provider: str
    header: str
    delivery: Callable[[str], tuple[Mapping[str, str], bytes]] = field(repr=False)
    options: Mapping[str, Any]
    encode: Encode | None = None
    other_encodings: tuple[Encode, ...] = ()
    accepted: Callable[[Delivery, str], Iterator[Attack]] = field(repr=False, default=lambda *_: iter(()))
    own_attacks: Callable[[Delivery, str], Iterator[Attack]] = field(repr=False, default=lambda *_: iter(()))

    def right(self, secret: str) -> Delivery:
        """A delivery as the vendor sends it."""
        headers, body = self.delivery(secret)
        return Delivery(body=body, headers=tuple(headers.items()))

    def value(self, secret: str) -> str:
        """What the header holds."""
        return dict(self.right(secret).headers)[self.header]


def base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def of_any(scheme: Scheme) -> Iterator[Attack]:
    """What is tried on every vendor: the header missing, repeated, changed, of another secret, in another place."""
    right, value, name = scheme.right(LIVE[0]), scheme.value(LIVE[0]), scheme.header
    wrong = scheme.value("Another-secret-of-thirty-two-chars")
    values = {
        "empty": "",
        "blank": "   ",
        "one character short": value[:-1],
        "half": value[: len(value) // 2],
        "one character longer": value + "0",
        "twice in one": value + value,
        "turned by one": value[1:] + value[0],
        "last character changed": value[:-1] + ("x" if value[-1] != "x" else "y"),
        "first character changed": ("x" if value[0] != "x" else "y") + value[1:],
        "backwards": value[::-1],
        "zeros": "0" * len(value),
        "not ASCII": "é" * len(value),
        "a look-alike letter": value[:-1] + "а",
        "a blank inside": f"{value[:20]} {value[20:]}",
        "in quotes": f'"{value}"',
        "with a semicolon": f"{value};",
        "a list, the right one first": f"{value}, {wrong}",
        "a list, the right one last": f"{wrong}, {value}",
        "null": "null",
        "undefined": "undefined",
        "true": "true",
        "percent-encoded": "".join(f"%{byte:02X}" for byte in value.encode()),
        "of another secret": wrong,
        "of an old secret": scheme.value(OLD),
        "of another account": scheme.value(OTHERS),
        "of the API key": scheme.value(API_KEY),
        "of the secret in lower case": scheme.value(LIVE[0].lower()),
        "of the secret in upper case": scheme.value(LIVE[0].upper()),
        "of a part of the secret": scheme.value(LIVE[0][:16]),
        "of two secrets at once": scheme.value(LIVE[0] + LIVE[1]),
        "of the secret with a blank": scheme.value(LIVE[0] + " x"),
        "8 kB": value * 200,
        "60 kB": "A" * 60_000,
    }
    yield from ((label, right.signed(name, text)) for label, text in values.items())
    yield "missing", right.signed(name)
    yield "twice the same", right.signed(name, value, value)
    yield "twice, the right one first", right.signed(name, value, wrong)
    yield "twice, the right one last", right.signed(name, wrong, value)
    yield "in another header", right.signed(name).signed("X-Hub-Signature", value)
    yield "in a cookie", right.signed(name).signed("Cookie", f"{name}={value}")
    yield "in the query", evolve(right.signed(name), path=f"{right.path}?{name}=x")
    yield "in the body", evolve(right.signed(name), body=json.dumps({name: value}).encode())
    yield "in the body of a GET", evolve(right, method="GET")
    yield "by PUT", evolve(right, method="PUT")
    yield "sent to another account", evolve(right, path="/webhooks/other")
    yield "sent to an account without secrets", evolve(right, path="/webhooks/bare")
    yield "sent to no account", evolve(right, path="/webhooks/nobody")


def of_signatures(scheme: Scheme, encode: Encode) -> Iterator[Attack]:
    """What is tried where the body is signed: other bodies, other algorithms, other encodings, other messages."""
    right, value, key = scheme.right(LIVE[0]), scheme.value(LIVE[0]), LIVE[0].encode()
    body, name = right.body, scheme.header
    middle = len(body) // 2
    bodies = {
        "first byte changed": b"[" + body[1:],
        "a byte in the middle changed": body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :],
        "last byte changed": body[:-1] + b"]",
        "a newline more": body + b"\n",
        "a blank in front": b" " + body,
        "a byte-order mark in front": b"\xef\xbb\xbf" + body,
        "one byte short": body[:-1],
        "empty": b"",
        "twice": body + body,
        "written anew": json.dumps(json.loads(body), indent=1).encode(),
        "of another event": b'{"event":"return.approved","data":{"id":"r1","approval_status":"done"}}',
    }
    yield from ((f"body: {label}", evolve(right, body=other)) for label, other in bodies.items())
    digests = {
        "SHA-256 without a key": hashlib.sha256(body).digest(),
        "SHA-256 of secret and body": hashlib.sha256(key + body).digest(),
        "SHA-256 of body and secret": hashlib.sha256(body + key).digest(),
        "HMAC-SHA1": hmac.new(key, body, "sha1").digest(),
        "HMAC-SHA512": hmac.new(key, body, "sha512").digest(),
        "HMAC-SHA3-256": hmac.new(key, body, "sha3_256").digest(),
        "HMAC-MD5": hmac.new(key, body, "md5").digest(),
        "key and message changed round": hmac.new(body, key, "sha256").digest(),
        "HMAC of nothing": hmac.new(key, b"", "sha256").digest(),
        "HMAC of the address and the body": hmac.new(key, right.path.encode() + body, "sha256").digest(),
        "HMAC of an old time and the body": hmac.new(key, b"1700000000." + body, "sha256").digest(),
        "HMAC without a key": hmac.new(b"", body, "sha256").digest(),
        "HMAC of the digest": hmac.new(key, hashlib.sha256(body).digest(), "sha256").digest(),
    }
    yield from ((label, right.signed(name, encode(digest))) for label, digest in digests.items())
    signature = hmac.new(key, body, "sha256").digest()
    others = dict(enumerate(other(signature) for other in scheme.other_encodings))
    yield from ((f"another encoding, {number}", right.signed(name, text)) for number, text in others.items())
    yield "the secret itself", right.signed(name, LIVE[0])
    yield "v1= in front", right.signed(name, f"v1={value}")


def of_tokens(scheme: Scheme) -> Iterator[Attack]:
    """What is tried where a bearer token is sent."""
    right, token, name = scheme.right(LIVE[0]), LIVE[0], scheme.header
    values = {
        "no scheme": token,
        "the scheme alone": "Bearer",
        "the scheme and a blank": "Bearer ",
        "no blank": f"Bearer{token}",
        "a colon": f"Bearer: {token}",
        "a tab": f"Bearer\t{token}",
        "Basic": f"Basic {token}",
        "Basic, as user": "Basic " + base64_text(f"{token}:".encode()),
        "Basic, as password": "Basic " + base64_text(f":{token}".encode()),
        "Token": f"Token {token}",
        "Digest": f"Digest {token}",
        "the scheme twice": f"Bearer Bearer {token}",
        "blanks inside": "Bearer " + " ".join(token),
        "two tokens": f"Bearer {token} {LIVE[1]}",
        "two tokens by a comma": f"Bearer {token},{LIVE[1]}",
        "Base64 of the token": "Bearer " + base64_text(token.encode()),
        "SHA-256 of the token": "Bearer " + hashlib.sha256(token.encode()).hexdigest(),
        "HMAC of the body": "Bearer " + hmac.new(token.encode(), right.body, "sha256").hexdigest(),
        "the token as a prefix": f"Bearer {token}-and-more",
        "a prefix of the token": f"Bearer {token[:-5]}",
        "a slash": f"Bearer {token}/",
        "an asterisk": "Bearer *",
        "a NUL": f"Bearer {token}\x00",
    }
    yield from ((label, right.signed(name, text)) for label, text in values.items())


def aftership() -> Scheme:
    sandbox = AfterShipSandbox(count=1, api_key=API_KEY)
    return_id = min(sandbox.return_ids)
    _, body = sandbox.webhook("return.approved", return_id)
    old, new = "am-webhook-signature", "as-signature-hmac-sha256"

    def sign(secret: str) -> str:
        return base64_text(hmac.new(secret.encode(), body, "sha256").digest())

    def accepted(right: Delivery, secret: str) -> Iterator[Attack]:
        yield "the older header", right.signed(new).signed(old, f"hmac-sha256={sign(secret)}")

    def own(right: Delivery, secret: str) -> Iterator[Attack]:
        good, bad = f"hmac-sha256={sign(secret)}", f"hmac-sha256={sign('wrong')}"
        yield "a wrong newer header beside a right older one", right.signed(new, sign("wrong")).signed(old, good)
        yield "the older header, of another secret", right.signed(new).signed(old, bad)
        yield "the older header, sha1 in front", right.signed(new).signed(old, good.replace("sha256", "sha1"))
        yield "the older header, twice", right.signed(new).signed(old, good, good)
        yield "the older prefix in the newer header", right.signed(new, good)
        yield "letters of the other case", right.signed(new, sign(secret).swapcase())
        yield "the header of another product", right.signed(new).signed("aftership-hmac-sha256", sign(secret))

    return Scheme(
        provider="aftership",
        header=new,
        delivery=lambda secret: ({"Content-Type": "application/json", new: sign(secret)}, body),
        options={"api_key": API_KEY},
        encode=base64_text,
        other_encodings=(
            bytes.hex,
            lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
            lambda raw: base64_text(raw).rstrip("="),
            lambda raw: base64_text(raw.hex().encode()),
            lambda raw: base64.b32encode(raw).decode(),
        ),
        accepted=accepted,
        own_attacks=own,
    )


def redo() -> Scheme:
    sandbox = RedoSandbox(count=1, api_key=API_KEY)
    return_id = min(sandbox.return_ids)
    _, body = sandbox.webhook("updated", return_id)

    def accepted(right: Delivery, secret: str) -> Iterator[Attack]:
        yield "the scheme in lower case", right.signed("Authorization", f"bearer {secret}")
        yield "two blanks behind the scheme", right.signed("Authorization", f"Bearer  {secret}")

    return Scheme(
        provider="redo",
        header="Authorization",
        delivery=lambda secret: ({"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}, body),
        options={"api_key": API_KEY, "store_id": sandbox.options["store_id"]},
        accepted=accepted,
    )


def returnless_v2() -> Scheme:
    sandbox = ReturnlessV2Sandbox(count=1, api_key=API_KEY)
    return_id = min(sandbox.return_ids)
    _, body = sandbox.webhook("return.status_changed", return_id)

    def sign(secret: str) -> str:
        return hmac.new(secret.encode(), body, "sha256").hexdigest()

    def accepted(right: Delivery, secret: str) -> Iterator[Attack]:
        yield "digits in upper case", right.signed("X-Signature", sign(secret).upper())

    def own(right: Delivery, secret: str) -> Iterator[Attack]:
        over_id = hmac.new(secret.encode(), return_id.encode(), "sha256").hexdigest()
        yield "HMAC of the return's id, as Returnless V1 signs", right.signed("X-Signature", over_id)
        yield "0x in front", right.signed("X-Signature", "0x" + sign(secret))
        yield "sha256= in front", right.signed("X-Signature", "sha256=" + sign(secret))
        yield "digits that are none", right.signed("X-Signature", sign(secret)[:-1] + "g")
        yield "digits of another script", right.signed("X-Signature", "٣" * 64)

    return Scheme(
        provider="returnless_v2",
        header="X-Signature",
        delivery=lambda secret: ({"Content-Type": "application/json", "X-Signature": sign(secret)}, body),
        options={"api_key": API_KEY},
        encode=bytes.hex,
        other_encodings=(base64_text, lambda raw: base64.b32encode(raw).decode(), lambda raw: raw.hex(":")),
        accepted=accepted,
        own_attacks=own,
    )


def attacks(scheme: Scheme) -> list[Attack]:
    """Every attack on a vendor's scheme."""
    right = scheme.right(LIVE[0])
    by_kind = of_tokens(scheme) if scheme.encode is None else of_signatures(scheme, scheme.encode)
    return [*of_any(scheme), *by_kind, *scheme.own_attacks(right, LIVE[0])]


def right_deliveries(scheme: Scheme) -> Iterator[Attack]:
    """What must be taken: each live secret, and what the vendor or HTTP may write otherwise."""
    for number, secret in enumerate(LIVE, start=1):
        yield f"live secret {number}", scheme.right(secret)
        yield from scheme.accepted(scheme.right(secret), secret)
    right, value = scheme.right(LIVE[0]), scheme.value(LIVE[0])
    yield "header in upper case", right.signed(scheme.header).signed(scheme.header.upper(), value)
    yield "header in lower case", right.signed(scheme.header).signed(scheme.header.lower(), value)


def send(port: int, delivery: Delivery) -> str:
    """The status of the answer; ``none`` where the connection ended without one."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.putrequest(delivery.method, delivery.path, skip_accept_encoding=True)
            for name, value in delivery.headers:
                connection.putheader(name, value.encode())
            connection.putheader("Content-Length", str(len(delivery.body)))
            connection.endheaders(delivery.body)
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            return "none"


def account(name: str, scheme: Scheme, *secrets: str) -> Account:
    return Account(name=name, provider=scheme.provider, options={**scheme.options, "webhook_secrets": list(secrets)})


def attack(scheme: Scheme) -> bool:
    """Print what became of every attack on a vendor's scheme, and of the right deliveries; True where all is as it must be."""
    accounts = [account("acme", scheme, *LIVE), account("other", scheme, OTHERS), account("bare", scheme)]
    with (
        tempfile.TemporaryDirectory() as directory,
        Hub(accounts, store=f"sqlite:///{directory}/x.db") as hub,
        serve(create_app(hub)) as running,
    ):
        forged = [(name, send(running.port, delivery)) for name, delivery in attacks(scheme)]
        stored = hub.count_deliveries()
        right = [(name, send(running.port, delivery)) for name, delivery in right_deliveries(scheme)]
    taken = [name for name, status in forged if status.startswith(("1", "2", "3", "5"))]
    lost = [name for name, status in right if status != "200"]
    answers = ", ".join(
        f"{count} x {status}" for status, count in Counter(status for _, status in forged).most_common()
    )
    print(
        f"{scheme.provider}: {len(forged)} attacks, {len(taken)} taken, {stored} stored ({answers}); "
        f"{len(right)} right deliveries, {len(right) - len(lost)} taken"
    )
    print(*(f"  taken: {name}" for name in taken), *(f"  refused: {name}" for name in lost), sep="\n", end="")
    return not taken and not stored and not lost and len(forged) >= FEWEST


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="vendors with this in their name")
    only = parser.parse_args().only
    logging.disable()
    results = [attack(scheme) for scheme in (aftership(), redo(), returnless_v2()) if only in scheme.provider]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
