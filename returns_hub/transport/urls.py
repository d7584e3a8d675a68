"""Where requests go: base URLs, absolute URLs from a vendor, queries; and what of an address may be logged."""

import re
from typing import Final
from urllib.parse import quote, urlencode, urljoin, urlsplit

from attrs import frozen

from returns_hub.errors import ConfigurationError, UnexpectedReply
from returns_hub.operation import Pairs

_PORTS: Final = {"http": 80, "https": 443}
# Stricter than any URL parser, so that no two of them can read another host out of it.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?"
    r"(?P<path>/[^\s?#\\\x00-\x20\x7f]*)?(\?(?P<query>[^\s#\\\x00-\x20\x7f]*))?(?P<fragment>#\S*)?\Z",
    re.IGNORECASE,
)
_PATH: Final = re.compile(r"(/[!\"$-.0->@-~]*)*\Z")
_DOT_SEGMENT: Final = re.compile(r"/(\.|%2e){1,2}(/|\Z)", re.IGNORECASE)
# What a path or a query may hold as it is; RFC 3986, section 3.3, and the percent sign of what is encoded already.
_SAFE: Final = "/%:@!$&'()*+,;=~?[]"


@frozen
class Origin:
    """Scheme, host and port: what decides whether a request is for the account's own vendor."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"


@frozen(kw_only=True)
class Url:
    """An absolute http or https URL without credentials, in ASCII."""

    origin: Origin
    text: str


def parse_url(text: object) -> Url | None:
    """The URL that ``text`` is; None where it is no plain one: another scheme, no host, credentials, a backslash."""
    match = _URL.match(text) if isinstance(text, str) else None
    if match is None or not 0 < int(match["port"] or 1) < 65536:
        return None
    scheme, host = match["scheme"].lower(), match["host"].lower()
    origin = Origin(scheme, host, int(match["port"] or _PORTS[scheme]))
    authority = host if origin.port == _PORTS[scheme] else f"{host}:{origin.port}"
    rest = quote((match["path"] or "/") + (f"?{match['query']}" if match["query"] else ""), safe=_SAFE)
    return Url(origin=origin, text=f"{scheme}://{authority}{rest}")


def parse_base_url(text: object) -> Url:
    """The base URL, if paths can be joined to it; its text has no slash at the end.

    Raises:
        ConfigurationError: it is none. The text is not quoted: somebody may have put credentials into it.
    """
    url = parse_url(text)
    if url is None or "?" in str(text) or "#" in str(text):
        raise ConfigurationError("base_url must look like https://host/path, without a query or credentials")
    return Url(origin=url.origin, text=url.text.rstrip("/"))


def is_path(path: str) -> bool:
    """True if the path is percent-encoded and begins with a slash."""
    return _PATH.match(path) is not None


def has_dot_segment(path: str) -> bool:
    """True if a segment of the path is ``.`` or ``..``, encoded or not: it would name another place."""
    return _DOT_SEGMENT.search(path) is not None


def with_query(url: str, query: Pairs) -> str:
    """The URL with pairs added to its query, as vendors read them.

    ``#`` becomes ``%23``, ``+`` ``%2B``, a space ``%20``; brackets stay, as ReturnMate writes them.
    """
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query, quote_via=quote, safe='[]')}"


def redact_path(path: str) -> str:
    """A path that may be logged: a segment that holds an e-mail address is left out."""
    if "@" not in path and "%40" not in path:
        return path
    return "/".join("…" if "@" in segment or "%40" in segment else segment for segment in path.split("/"))


def redirect_error(location: str | None, url: str) -> UnexpectedReply:
    """The error for a redirect. It names no address, which may hold credentials and a query."""
    try:
        target = urlsplit(urljoin(url, location or "")).hostname
    except ValueError:
        target = urlsplit(url).hostname
    where = "another address on the same host" if target == urlsplit(url).hostname else "another host"
    return UnexpectedReply(f"the vendor redirects to {where}, which is not followed; check base_url")
