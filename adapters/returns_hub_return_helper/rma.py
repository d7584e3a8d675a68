"""The number that a parcel gets in a Return Helper warehouse, and goes by from then on (Return Helper API, Getting started, "RMA")."""

import re
from typing import Final, Self

from attrs import frozen

# The seed says "sequence up to 5 digits" and "check digits"; older samples show one check digit and warehouses of four.
_RMA: Final = re.compile(
    r"(?P<prefix>[A-Z]{1,10})-(?P<warehouse_id>\d{1,10})-(?P<day>\d{6})-(?P<environment>[A-Z])(?P<sequence>\d{1,5})"
    r"(?:-(?P<split>\d{2}))?-(?P<check>\d{1,2})",
    re.ASCII,
)


@frozen(kw_only=True)
class Rma:
    """An RMA in its parts, each as it is written: ``TWN-20-230101-D12345-36``, or after a split ``…-D12345-01-36``.

    ``day`` is ``YYMMDD``; ``environment`` the letter before the ``sequence``. ``split`` is the number of a piece, None of a
    parcel that was not split. ``check`` is not verified: how it is made is not published. An inventory's RMA can be
    swapped for another, so it is no key.
    """

    prefix: str
    warehouse_id: str
    day: str
    environment: str
    sequence: str
    split: str | None = None
    check: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The RMA that a text is; ``str()`` of it is the text again.

        Raises:
            ValueError: the text has neither of the two formats.
        """
        match = _RMA.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text[:60]!r} is no RMA: one looks like TWN-20-230101-D12345-36, a piece of a split like "
                "TWN-20-230101-D12345-01-36"
            )
        return cls(**match.groupdict())

    @property
    def is_split(self) -> bool:
        """True of a piece that came out of a split."""
        return self.split is not None

    def __str__(self) -> str:
        piece = () if self.split is None else (self.split,)
        return "-".join(
            (self.prefix, self.warehouse_id, self.day, self.environment + self.sequence, *piece, self.check)
        )
