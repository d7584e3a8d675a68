"""The data of the ReturnMate simulator: the people and RMAs of the API Reference's examples, and made-up ones around them."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen


@frozen
class Vocabulary:
    """The status words of a shop and how often each occurs; ``shipped`` are those under which there is a parcel."""

    new: str
    done: str
    refused: str
    weights: Mapping[str, int]
    shipped: frozenset[str]


VOCABULARIES: Final = MappingProxyType(
    {
        # API Reference: the words of its examples.
        "reference": Vocabulary(
            new="pending",
            done="completed",
            refused="rejected",
            weights={"pending": 20, "approved": 25, "rejected": 10, "completed": 45},
            shipped=frozenset({"approved", "completed"}),
        ),
        # ReturnMate help centre, statuses (December 2024): names as shown to people.
        "display": Vocabulary(
            new="Pending",
            done="Resolved",
            refused="Rejected",
            weights={
                "Pending": 15,
                "Approved": 10,
                "Label Sent": 10,
                "In Transit": 15,
                "Received": 10,
                "Inspected": 5,
                "Resolved": 25,
                "Rejected": 5,
                "Cancelled": 5,
            },
            shipped=frozenset({"Label Sent", "In Transit", "Received", "Inspected", "Resolved"}),
        ),
        # ReturnMate help centre, workflow guide (April 2026): codes in capitals.
        "codes": Vocabulary(
            new="SUBMITTED",
            done="CLOSED",
            refused="REJECTED",
            weights={
                "DRAFT": 3,
                "SUBMITTED": 12,
                "APPROVED": 10,
                "WAITING_CUSTOMER": 5,
                "LABEL_ISSUED": 10,
                "IN_TRANSIT": 15,
                "RECEIVED": 10,
                "INSPECTED": 5,
                "REFUNDED": 10,
                "RESOLVED": 5,
                "REJECTED": 5,
                "CLOSED": 10,
            },
            shipped=frozenset(
                {"LABEL_ISSUED", "IN_TRANSIT", "RECEIVED", "INSPECTED", "REFUNDED", "RESOLVED", "CLOSED"}
            ),
        ),
    }
)

REASONS: Final = ("defective", "wrong_size", "changed_mind")  # API Reference, Returns Summary
# The API Reference shows the first pair. The others are offered in the admin; their codes are undocumented.
CARRIERS: Final = (("australia_post", "express_post"), ("startrack", "standard"), ("tnt", "express"))
FIRST_NAMES: Final = ("Ada", "Ben", "Chloé", "Dinh", "Ewa", "Finn", "Grace", "Hugo", "Ines", "Jörg", "Kiri", "Li")
LAST_NAMES: Final = ("Sample", "Example", "Tester", "Placeholder", "Fictional", "Specimen", "Demo", "Muster")
JOHN_SMITH: Final = MappingProxyType(
    {"email": "customer@example.com", "name": "John Smith"}
)  # API Reference, List RMAs

OLDEST: Final = datetime(2023, 1, 1, tzinfo=UTC)
NEWEST: Final = datetime(2024, 12, 30, 10, 30, tzinfo=UTC)  # API Reference: created_at of rma_abc123
# From a count of 300 on, the Returns Summary of these days is the API Reference's example to the digit.
SUMMARY_FROM: Final = datetime(2024, 1, 1, tzinfo=UTC)
SUMMARY_UNTIL: Final = datetime(2024, 7, 1, tzinfo=UTC)


@frozen(kw_only=True)
class Draft:
    """An RMA of the seeded data."""

    created: datetime
    status: str
    customer: Mapping[str, str]
    order_number: str
    items: Sequence[Mapping[str, Any]]
    refunded: Decimal = Decimal(0)
    rma_id: str | None = None


def build_drafts(count: int, rng: random.Random, words: Vocabulary) -> list[Draft]:
    """The seeded data, oldest first."""
    documented = _john_smiths(words)[:count]
    summary = _documented_summary(rng, words) if count >= 300 else []
    others = _varied(count - len(documented) - len(summary), rng, words, gap=bool(summary))
    return sorted(documented + summary + others, key=attrgetter("created"))


def _john_smiths(words: Vocabulary) -> list[Draft]:
    """What is behind the API Reference's List RMAs and Customer Return History: five returns, 450.00 refunded for four."""
    item = {"sku": "PROD-001", "quantity": 1, "reason": "defective", "notes": "Screen not working"}
    refunds = ((15, 12, "100.00"), (21, 11, "150.00"), (3, 9, "80.00"), (10, 7, "120.00"))
    return [
        Draft(
            created=NEWEST,
            status=words.new,
            customer=JOHN_SMITH,
            order_number="#1001",
            items=[item],
            rma_id="rma_abc123",
        ),
        *(
            Draft(
                created=datetime(2024, month, day, 8, tzinfo=UTC),
                status=words.done,
                customer=JOHN_SMITH,
                order_number=f"#{900 + month}",
                items=[item | {"reason": "changed_mind", "notes": "Ordered by mistake"}],
                refunded=Decimal(refund),
            )
            for day, month, refund in refunds
        ),
    ]


def _documented_summary(rng: random.Random, words: Vocabulary) -> list[Draft]:
    """150 RMAs that add up to the API Reference's Returns Summary."""
    statuses = [words.done] * 120 + [words.new] * 20 + [words.refused] * 10
    reasons = ["defective"] * 45 + ["wrong_size"] * 60 + ["changed_mind"] * 45
    refunds = [Decimal("125.00")] * 20 + [Decimal("100.00")] * 100 + [Decimal(0)] * 30
    rng.shuffle(reasons)
    return [
        _draft(rng, index=5000 + index, created=created, status=status, reason=reason, refunded=refunded)
        for index, (created, status, reason, refunded) in enumerate(
            zip(_moments(rng, 150, SUMMARY_FROM, SUMMARY_UNTIL), statuses, reasons, refunds, strict=True)
        )
    ]


def _varied(count: int, rng: random.Random, words: Vocabulary, *, gap: bool) -> list[Draft]:
    """RMAs of every status over two years; with a ``gap`` where the documented summary is."""
    statuses = rng.choices(list(words.weights), weights=list(words.weights.values()), k=count)
    reasons = rng.choices(REASONS, k=count)
    early = round(count * 0.66) if gap else count
    moments = _moments(rng, early, OLDEST, SUMMARY_FROM if gap else NEWEST) + _moments(
        rng, count - early, SUMMARY_UNTIL, NEWEST
    )
    return [
        _draft(
            rng,
            index=index,
            created=created,
            status=status,
            reason=reason,
            refunded=Decimal("60.00") if status == words.done else Decimal(0),
        )
        for index, (created, status, reason) in enumerate(zip(moments, statuses, reasons, strict=True))
    ]


def _draft(rng: random.Random, *, index: int, created: datetime, status: str, reason: str, refunded: Decimal) -> Draft:
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    # Every seventh address has a plus sign, every tenth order two returns, every third return two lines.
    address = f"{first}.{last}{index % 97}{'+returns' if index % 7 == 0 else ''}@example.com".lower()
    items = [{"sku": f"PROD-{rng.randrange(2, 60):03d}", "quantity": rng.randrange(1, 4), "reason": reason}]
    if index % 3 == 0:
        items.append({"sku": f"PROD-{rng.randrange(60, 99):03d}", "quantity": 1, "reason": rng.choice(REASONS)})
    return Draft(
        created=created,
        status=status,
        customer={"email": address, "name": f"{first} {last}"},
        order_number=f"#{1002 + index - (index % 10 == 9)}",
        items=items,
        refunded=refunded,
    )


def _moments(rng: random.Random, count: int, start: datetime, end: datetime) -> list[datetime]:
    """Random whole minutes in [start, end), oldest first; every eighth is the one before it once more."""
    minutes = sorted(rng.randrange(int((end - start).total_seconds()) // 60) for _ in range(count))
    return [start + timedelta(minutes=minutes[i - 1 if i % 8 == 7 else i]) for i in range(count)]
