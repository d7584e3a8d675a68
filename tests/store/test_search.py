"""Returns are found by what people have at hand, in their spelling, and by nothing that is no longer so."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

import pytest
from sqlalchemy import select

from returns_hub import Attention, Customer, Item, OrderRef, Return, Shipment, Status
from returns_hub.merge import observed
from returns_hub.store import Store
from returns_hub.store.schema import TERMS
from returns_hub.store.search import remove_terms, term

At: TypeAlias = Callable[[float], datetime]
MakeReturn: TypeAlias = Callable[..., Return]


def found(store: Store, text: str, **options: Any) -> list[str]:
    return [stored.ret.id for stored in store.find(text, **options)]


def listed(store: Store, **filters: Any) -> list[str]:
    return [stored.ret.id for stored in store.returns(**filters)]


@pytest.fixture
def full(store: Store, a_return: MakeReturn, at: At) -> Store:
    """A return with every word, one without any, and a return that grew from a request."""
    rma = a_return(
        "rma_abc123",
        number="RMA-2024-001234",
        reference="Ref 7",
        status=Status.REQUESTED,
        attention=frozenset({Attention.REVIEW}),
        order=OrderRef(number="#1001", id="5678901"),
        customer=Customer(email="Jane.Doe@Example.com"),
        items=(
            Item(id="i1", aliases=("line-7",), sku="PROD-001", barcode="4006381333931", rma="WH-55", article_code="A9"),
        ),
        shipments=(Shipment(id="s1", tracking_number="1Z 999-AA1"),),
        created_at=at(0),
    )
    bare = a_return("bare")
    request = a_return("request:481049", number="R-1", created_at=at(1))
    grown = a_return("77", request_id="request:481049", number="R-1", created_at=at(2))
    store.apply("acme", [observed(ret, seen_at=at(3)) for ret in (rma, bare, request, grown)])
    return store


WORDS = """rma_abc123|RMA-2024-001234|rma-2024-001234| Ref 7 |#1001|1001|5678901|jane.doe@example.COM|1Z999AA1|1z 999 aa 1|1Z 999-AA1|prod-001|A9
4006381333931|wh-55|i1|line-7|s1""".replace("\n", "|").split("|")
NO_WORDS = ("", " ", "#", "100", "10011", "RMA-2024", "review", "a\0b\ud800", "x" * 5000, "%")


def test_a_return_is_found_by_every_word_it_is_known_by_and_by_no_part_of_one(full: Store) -> None:
    assert [text for text in WORDS if found(full, text) != ["rma_abc123"]] == []
    assert [text for text in WORDS if found(full, text, account="acme", limit=1) != ["rma_abc123"]] == []
    assert [text for text in WORDS if found(full, text, account="other")] == []
    assert [text for text in NO_WORDS if found(full, text) or listed(full, order=text)] == []


def test_a_request_is_found_as_the_return_that_grew_from_it(full: Store) -> None:
    assert [found(full, text) for text in ("request:481049", "481049", "77", "R-1")] == [["77"]] * 4


FILTERS: tuple[dict[str, Any], ...] = (
    {"order": "1001"},
    {"number": "RMA-2024-001234"},
    {"number": "WH-55"},
    {"email": "JANE.DOE@example.com"},
    {"tracking": "1z999aa1"},
    {"sku": "prod-001"},
    {"attention": Attention.REVIEW},
    {"order": "#1001", "email": "jane.doe@example.com", "tracking": "1Z999AA1", "sku": "PROD-001"},
    {"status": Status.REQUESTED},
    {"status": Status.REQUESTED, "account": "acme"},
    {"status": Status.REQUESTED, "sku": "PROD-001"},
    {"status": Status.REQUESTED, "attention": Attention.REVIEW},
    {"sku": "PROD-001", "attention": Attention.REVIEW, "status": Status.REQUESTED, "account": "acme"},
)


def test_filters_by_words_all_hold(full: Store, at: At) -> None:
    others = ({"since": at(1)}, {"limit": 0}, {"status": Status.CLOSED}, {"account": "other"}, {"sku": "PROD-002"})
    for filters in FILTERS:
        assert listed(full, **filters) == listed(full, **filters, since=at(0)) == ["rma_abc123"], filters
        assert [listed(full, **(filters | other)) for other in others] == [[]] * 5, filters


def test_a_word_of_one_kind_is_not_one_of_another(full: Store) -> None:
    assert listed(full, order="RMA-2024-001234") == listed(full, sku="#1001") == listed(full, tracking="PROD-001") == []


def test_several_come_newest_first_each_once_and_those_without_a_time_last(
    store: Store, a_return: MakeReturn, at: At
) -> None:
    item = Item(sku="X-1", barcode="x-1")
    for account in ("acme", "other"):
        returns = [
            a_return(f"r{n}", number="X-1", items=(item,), created_at=at(n) if n else None, status=Status.APPROVED)
            for n in range(4)
        ]
        store.apply(account, [observed(ret, seen_at=at(9)) for ret in returns])
    expected = ["r3", "r3", "r2", "r2", "r1", "r1", "r0", "r0"]
    assert found(store, "x-1") == expected
    assert [found(store, "x-1", limit=n) for n in range(9)] == [expected[:n] for n in range(9)]
    assert listed(store, sku="x-1", status=Status.APPROVED, limit=7) == expected[:7]
    assert found(store, "x-1", account="other") == ["r3", "r2", "r1", "r0"]


def test_what_changed_is_found_by_what_it_is_now(store: Store, a_return: MakeReturn, at: At) -> None:
    items, attention = (Item(id="1", sku="A"),), frozenset({Attention.REVIEW})
    old, new = Customer(email="old@example.com"), Customer(email="new@example.com")
    before = a_return("r1", customer=old, items=items, status=Status.REQUESTED, attention=attention, created_at=at(0))
    after = a_return("r1", customer=new, items=items, status=Status.APPROVED, attention=attention, created_at=at(-5))
    for minute, ret in enumerate((before, after, after)):
        store.apply("acme", [observed(ret, seen_at=at(minute))])
    assert (found(store, "old@example.com"), found(store, "new@example.com"), found(store, "a")) == ([], ["r1"], ["r1"])
    assert listed(store, sku="A", since=at(-1)) == []
    for status, expected in ((Status.REQUESTED, []), (Status.APPROVED, ["r1"])):
        assert listed(store, status=status) == listed(store, status=status, attention=Attention.REVIEW) == expected


def test_the_terms_of_a_return_go_with_it(full: Store) -> None:
    with full.database.writing() as connection:
        remove_terms(connection, "acme", "rma_abc123")
        remove_terms(connection, "acme", "never there")
        left = connection.execute(select(TERMS.c.return_id)).scalars().all()
    # Its number, the number of its request, where it stands.
    assert sorted(left) == ["77", "77", "77", "bare", "request:481049", "request:481049", "request:481049"]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("order", " #1001 ", "order:1001"),
        ("email", "Straße@Example.com", "email:strasse@example.com"),
        ("tracking", "JJD 00-03\t9", "tracking:jjd00039"),
        ("sku", "A B-1", "sku:a b-1"),
        ("sku", " # ", None),
        ("sku", "x" * 251, "sku:" + "x" * 251),
        ("sku", "x" * 252, None),
        ("sku", "a\ud800", None),
    ],
)
def test_words_are_folded(kind: str, text: str, expected: str | None) -> None:
    assert term(kind, text) == expected
