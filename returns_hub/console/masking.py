"""Personal data is masked until somebody asks for it: enough is left to compare with what a caller says."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen

from returns_hub.model import Address, Customer, Return

_DOTS: Final = "•••"
_EMAIL: Final = re.compile(r"[^\s@<>,;:\"'()]{1,64}@[^\s@<>,;:\"'()]{1,255}")
_PHONE: Final = re.compile(r"\+\d[\d ()/.-]{5,24}\d")
_MIN_CHARS: Final = 4
_ADDRESS: Final = (
    "first_name",
    "last_name",
    "name",
    "company",
    "line1",
    "line2",
    "line3",
    "postal_code",
    "phone",
    "email",
)
# What an event says of these is a person's: it is masked whole.
_PERSONAL: Final = frozenset({"customer", "address", "ship_to", "answers", "email", "phone", "url", "qr_code_url"})
_MASKED: Final = "(masked)"


def mask_email(text: str) -> str:
    """The first characters of both parts of an e-mail address."""
    name, _, host = text.partition("@")
    return f"{name[:1]}{_DOTS}@{host[:1]}{_DOTS}"


def mask_name(text: str) -> str:
    """The initials of a name."""
    return " ".join(f"{part[:1]}{_DOTS}" for part in text.split()[:4])


def mask_tail(text: str) -> str:
    """The last two characters."""
    return f"{_DOTS}{text[-2:]}" if len(text) > _MIN_CHARS else _DOTS


@frozen
class Mask:
    """Shows a return's data, masked or as it is."""

    unmasked: bool
    _known: re.Pattern[str] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, ret: Return, *, unmasked: bool) -> "Mask":
        """The mask of one return: its customer's data is recognised in free text too."""
        parts = sorted({part for part in _personal(ret) if len(part) >= _MIN_CHARS}, key=len, reverse=True)
        known = re.compile("|".join(map(re.escape, parts)), re.IGNORECASE) if parts else None
        return cls(unmasked, known)

    def email(self, text: str | None) -> str | None:
        """An e-mail address."""
        return text if self.unmasked or not text else mask_email(text)

    def name(self, text: str | None) -> str | None:
        """A person's name."""
        return text if self.unmasked or not text else mask_name(text)

    def phone(self, text: str | None) -> str | None:
        """A telephone number."""
        return text if self.unmasked or not text else mask_tail(text)

    def text(self, text: str | None) -> str | None:
        """Free text: what is known of the customer, e-mail addresses and telephone numbers in it are masked."""
        if self.unmasked or not text:
            return text
        masked = _PHONE.sub(lambda found: mask_tail(found[0]), _EMAIL.sub(lambda found: mask_email(found[0]), text))
        return masked if self._known is None else self._known.sub(lambda found: mask_name(found[0]), masked)

    def change(self, place: str, value: Any) -> Any:
        """What an event says that changed, or changed to."""
        if self.unmasked or value is None:
            return value
        if _PERSONAL.intersection(re.split(r"[.\[\]]", place)):
            return _MASKED
        return self._value(value)

    def address(self, address: Address | None) -> str | None:
        """An address on one line; masked, only where it is roughly."""
        if address is None:
            return None
        if not self.unmasked:
            return ", ".join(filter(None, (self.name(_person(address)), address.city, address.country)))
        street = " ".join(filter(None, (address.line1, address.house_number, address.house_number_addition)))
        town = " ".join(filter(None, (address.postal_code, address.city)))
        parts = (_person(address), address.company, street, address.line2, address.line3, town, address.state)
        return ", ".join(filter(None, (*parts, address.country, address.phone, address.email)))

    def customer(self, customer: Customer | None) -> dict[str, str]:
        """What is known of a customer, by name."""
        if customer is None:
            return {}
        shown = {
            "name": self.name(customer.name),
            "e-mail": self.email(customer.email),
            "phone": self.phone(customer.phone),
            "id": customer.id,
        }
        return {name: value for name, value in shown.items() if value}

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: _MASKED if key in _PERSONAL else self._value(part) for key, part in value.items()}
        return [self._value(part) for part in value] if isinstance(value, list | tuple) else value


def _person(address: Address) -> str:
    return address.name or " ".join(filter(None, (address.first_name, address.last_name)))


def _personal(ret: Return) -> Iterator[str]:
    """Whatever of a return names its customer or where they live."""
    if ret.customer is not None:
        yield from filter(None, (ret.customer.name, ret.customer.email, ret.customer.phone))
    addresses: Iterable[Address | None] = (ret.address, *(shipment.ship_to for shipment in ret.shipments))
    for address in addresses:
        if address is not None:
            yield from filter(None, (getattr(address, name) for name in _ADDRESS))
