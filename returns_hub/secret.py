"""A credential that cannot be printed by accident."""

import hmac
from collections.abc import Iterable
from typing import Any, Final, final

_MASK: Final = "Secret('…')"


@final
class Secret:
    """A credential: it compares, copies and travels, but never shows itself.

    ``repr``, ``str`` and ``format`` print a mask, pickling is refused, and equality takes constant time.
    :meth:`reveal` is the one way to the text; an adapter calls it where the header is built.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a Secret is made of text, not of {type(text).__name__}")
        self._text = text

    def reveal(self) -> str:
        """The credential itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would let a dictionary key betray the text

    def __repr__(self) -> str:
        return _MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Secret":
        return self

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def to_secret(value: Secret | str) -> Secret:
    """The credential as a :class:`Secret`: a converter for an adapter's option, ``field(converter=to_secret)``."""
    return value if isinstance(value, Secret) else Secret(value)


def to_secrets(value: Secret | str | Iterable[Secret | str]) -> tuple[Secret, ...]:
    """One credential or several, as a tuple: a converter for an adapter's option."""
    return (to_secret(value),) if isinstance(value, Secret | str) else tuple(map(to_secret, value))
