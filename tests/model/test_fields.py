"""The quick constructors of the model do what those of attrs do."""

import copy
import pickle
import weakref
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import Attention, Disposition, Item, Label, Money, Return, ShipmentStatus, Status, model

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
QUICK = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and attrs.has(kind) and hasattr(kind.__init__, "__wrapped__")
]
values = st.sampled_from(
    [
        *(None, "", "text", "approved", "9.95", 1, True, 9.95, (), [], ["review"], {}, {"a": 1}, object),
        *(
            Decimal("9.95"),
            Decimal("NaN"),
            Decimal("Infinity"),
            Decimal("1e400"),
            Status.APPROVED,
            ShipmentStatus.DELIVERED,
        ),
        *(frozenset(), frozenset({Attention.REVIEW}), frozenset({"review"}), frozenset({1}), Disposition.HOLD),
        *(NOON, NOON.replace(tzinfo=None), NOON.astimezone(timezone(timedelta(hours=2)))),
    ]
)


def outcome(build: Any, given: dict[str, Any]) -> tuple[Any, ...]:
    """The fields of what is built, types included; or the error."""
    try:
        built = build(**given)
    except Exception as error:  # noqa: BLE001 - whatever it is, both must say the same
        return type(error), str(error), error.__cause__
    return type(built), [(getattr(built, a.name), type(getattr(built, a.name))) for a in attrs.fields(type(built))]


def build_by_attrs(kind: Any) -> Any:
    def build(**given: Any) -> Any:
        built = kind.__new__(kind)
        kind.__init__.__wrapped__(built, **given)
        return built

    return build


def test_there_are_quick_classes() -> None:
    assert {Item, Label, Money, Return} < set(QUICK)


@given(st.data(), st.sampled_from(QUICK))
def test_the_same_is_built_and_the_same_refused(data: st.DataObject, kind: Any) -> None:
    names = st.sampled_from([*(a.name for a in attrs.fields(kind)), "nonsense"])
    required = {a.name: "x1" for a in attrs.fields(kind) if a.default is attrs.NOTHING}
    given = required | data.draw(st.dictionaries(names, values, max_size=6))
    assert repr(outcome(kind, given)) == repr(outcome(build_by_attrs(kind), given))


@pytest.mark.parametrize("kind", QUICK)
def test_what_is_missing_is_refused_alike(kind: Any) -> None:
    assert outcome(kind, {}) == outcome(build_by_attrs(kind), {})


def test_what_was_built_is_frozen_and_of_its_class() -> None:
    item = Item(id="i1")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        item.id = "i2"  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del item.id
    assert (type(item), weakref.ref(item)()) == (Item, item)
    assert Item().raw is not Item().raw


def test_what_was_built_can_be_copied_and_sent_elsewhere() -> None:
    ret = Return(provider="memory", id="r1", items=(Item(quantity="1", raw={"a": 1}),))
    for same in (copy.deepcopy(ret), pickle.loads(pickle.dumps(ret)), attrs.evolve(ret)):
        assert (type(same), same, same.items[0].raw) == (Return, ret, {"a": 1})


def test_a_subclass_is_built_as_before() -> None:
    class Noted(Label):
        seen = False

    @attrs.frozen(kw_only=True)
    class Priced(Item):
        price: Money

    noted = Noted(error="no such street")
    noted_fields = (type(noted), noted.reasons)
    assert noted_fields == (Noted, ("no such street",))
    priced = Priced(price=Money(amount=1), quantity=2)
    assert (type(priced), priced.price.amount, priced.quantity) == (Priced, Decimal(1), Decimal(2))
