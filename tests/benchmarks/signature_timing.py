"""Whether refusing a wrong signature takes longer the more of it is right, as a ratio to one that is wrong at once.

    python tests/benchmarks/signature_timing.py [--rounds N]

A comparison that stops at the first wrong digit would tell an attacker how much he has guessed. Rounds are interleaved,
medians are compared; a ratio of 1.00 is what constant time looks like from outside.
"""

import argparse
import hashlib
import hmac
import statistics
import time
from datetime import UTC, datetime

from returns_hub import Adapter, Secret, WebhookRejected, WebhookRequest
from returns_hub_returnless import Returnless
from returns_hub_returnmate import ReturnMate

KEY = "benchmark-key"
BODY = b'{"event":"rma.approved","data":{"id":"rma_abc123"}}'
RIGHT_DIGITS = (0, 1, 16, 32, 48, 63)


def wrong_after(signature: str, digits: int) -> str:
    """The signature with the first ``digits`` right and all others wrong."""
    return signature[:digits] + "".join("0" if digit != "0" else "1" for digit in signature[digits:])


def delivery(url: str, header: str, signature: str) -> WebhookRequest:
    return WebhookRequest(
        method="POST", url=url, headers={header: signature}, body=BODY, received_at=datetime(2026, 11, 21, tzinfo=UTC)
    )


def seconds(adapter: Adapter, request: WebhookRequest) -> float:
    started = time.perf_counter()
    for _ in range(50):
        try:
            adapter.verify_webhook(request)
        except WebhookRejected:
            continue
        raise AssertionError("a wrong signature was accepted")
    return (time.perf_counter() - started) / 50


def measure(adapter: Adapter, url: str, header: str, *, message: bytes, rounds: int) -> None:
    signature = hmac.new(KEY.encode(), message, hashlib.sha256).hexdigest()
    requests = {digits: delivery(url, header, wrong_after(signature, digits)) for digits in RIGHT_DIGITS}
    times: dict[int, list[float]] = {digits: [] for digits in RIGHT_DIGITS}
    for _ in range(rounds):
        for digits, request in requests.items():
            times[digits].append(seconds(adapter, request))
    base = statistics.median(times[0])
    ratios = "  ".join(f"{statistics.median(times[digits]) / base:.3f}" for digits in RIGHT_DIGITS)
    print(f"{adapter.display_name:<12}{base * 1e6:>6.1f} µs  {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    print(f"{'vendor':<12}{'at once':>9}  right digits before the first wrong one: {', '.join(map(str, RIGHT_DIGITS))}")
    returnmate = ReturnMate(api_key=Secret("any"), webhook_secrets=(Secret(KEY),))
    url = "https://shop.example/webhooks/acme"
    measure(returnmate, url, "X-Webhook-Signature", message=BODY, rounds=rounds)
    returnless = Returnless(user="any", password=Secret("any"), signing_keys=(Secret(KEY),))
    measure(returnless, f"{url}/948191", "returnless-signature", message=b"948191", rounds=rounds)


if __name__ == "__main__":
    main()
