"""How a client sends requests: its patience, its limits, its name, and the way through the network."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from attrs import Attribute, field, frozen

from returns_hub.errors import ConfigurationError
from returns_hub.secret import Secret

# RFC 9110, section 10.1.5: products, and comments in parentheses.
_PRODUCT: Final = re.compile(r"[!-~]+( [!-~]+)*\Z")
_MAX_PRODUCT_LENGTH: Final = 100


def _is_seconds(_: object, option: "Attribute[float]", value: object) -> None:
    if type(value) not in (int, float) or not 0 < value < float("inf"):  # type: ignore[operator]  # a number by now
        raise ConfigurationError(f"{option.name} must be a number of seconds above 0")


def _is_count(_: object, option: "Attribute[int]", value: object) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{option.name} must be a whole number above 0")


def _is_product(_: object, option: "Attribute[str | None]", value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str) or len(value) > _MAX_PRODUCT_LENGTH or not _PRODUCT.match(value):
        raise ConfigurationError(f'{option.name} must look like "my-shop/2.1": printable ASCII, at most 100 characters')


def _to_secret(value: object) -> Secret | None:
    if value is None or isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not value:
        raise ConfigurationError("proxy must be text, and not empty")
    return Secret(value)


def _to_path(value: Path | str | None) -> Path | None:
    return Path(value) if isinstance(value, str) else value


def _is_file(_: object, option: "Attribute[Path | None]", value: object) -> None:
    if value is not None and not (isinstance(value, Path) and value.is_file()):
        raise ConfigurationError(f"{option.name} must name a file in PEM format that is there")


@frozen(kw_only=True)
class TransportOptions:
    """How long a client waits, how often it tries, how much it reads, and how it reaches the vendor.

    ``timeout`` is the seconds one attempt may take, ``deadline`` those of a whole call with its retries and waits;
    ``attempts`` is how often one request is sent at most. A reply above ``max_reply_bytes``, on the wire or
    decompressed, is not read. ``app`` names the platform in front of the ``User-Agent``: ``my-shop/2.1``.

    ``proxy`` replaces what the environment says. ``ca_bundle`` is a file of the authorities to trust instead of the
    usual ones; ``client_certificate`` and ``client_key`` are files for vendors, or proxies, that ask for one.
    ``transport_factory`` is the way out for everything else: it makes what sends the requests, an
    ``httpx.BaseTransport`` for :func:`returns_hub.connect`, an ``httpx.AsyncBaseTransport`` for
    :func:`returns_hub.connect_async`, which the client closes; the three options before it are then not used.

    Raises:
        ConfigurationError: one of them cannot be used; the text names it, never a proxy's password.
    """

    timeout: float = field(default=30.0, validator=_is_seconds)
    deadline: float = field(default=120.0, validator=_is_seconds)
    attempts: int = field(default=5, validator=_is_count)
    max_reply_bytes: int = field(default=16 * 1024 * 1024, validator=_is_count)
    app: str | None = field(default=None, validator=_is_product)
    proxy: Secret | None = field(default=None, converter=_to_secret)
    ca_bundle: Path | None = field(default=None, converter=_to_path, validator=_is_file)
    client_certificate: Path | None = field(default=None, converter=_to_path, validator=_is_file)
    client_key: Path | None = field(default=None, converter=_to_path, validator=_is_file)
    transport_factory: Callable[[], Any] | None = field(default=None, repr=False)
