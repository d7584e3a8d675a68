"""A request as an adapter yields it, made into one that can be sent: address, credentials, headers, body, key."""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from attrs import evolve, frozen

from returns_hub.adapter import Adapter, Token
from returns_hub.errors import ConfigurationError, NotFound, PluginError, UnexpectedReply
from returns_hub.json_codec import encode_json
from returns_hub.operation import Pairs, Request
from returns_hub.transport.headers import user_agent
from returns_hub.transport.logs import printable
from returns_hub.transport.urls import Origin, Url, has_dot_segment, is_path, parse_url, redact_path, with_query

_DEFAULT_HEADERS: Final = (("Accept", "application/json"), ("Accept-Encoding", "gzip"))

_METHOD: Final = re.compile(r"[A-Z]+\Z")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEADER_VALUE: Final = re.compile(r"([!-~]([ \t!-~]*[!-~])?)?\Z")


@frozen(kw_only=True, repr=False)
class OutgoingRequest:
    """A request with its credentials. ``own``: to the account's vendor; ``label``: its address, for a log.

    With a ``max_age`` in seconds a reply that is no older will do.
    """

    method: str
    url: str
    origin: Origin
    headers: Pairs
    body: bytes | None
    own: bool
    is_write: bool
    repeatable: bool
    wants_json: bool
    label: str
    max_age: float | None = None


@frozen(kw_only=True)
class Endpoint:
    """An account's adapter, and where its vendor is."""

    adapter: Adapter
    base_url: Url
    extra_base_urls: Mapping[str, Url]
    app: str | None = None

    def prepare(
        self, request: Request, *, operation: str, next_key: Callable[[], str], token: Token | None = None
    ) -> OutgoingRequest:
        """The request as it is sent, with the token or by the account's own credentials. Credentials and an idempotency key go to the account's own vendor only.

        Raises:
            ConfigurationError: the root that it names is not configured, or a header cannot carry its value.
            NotFound: its path holds an id that is made of dots; nothing has such an id.
            PluginError: the adapter yielded something that is no request, or cannot be one.
            UnexpectedReply: its absolute URL, which the vendor gave, is no plain one.
        """
        adapter = self.adapter
        if not isinstance(request, Request):
            raise self._misuse(operation, f"{type(request).__name__}, not Request")
        url, own = self._url(request, operation)
        has_key = (
            own
            and request.is_write
            and adapter.idempotency_header is not None
            and adapter.takes_idempotency_key(request)
        )
        if has_key:
            request = evolve(request, idempotency_key=request.idempotency_key or next_key())
        if own:
            request = adapter.authorize(request) if token is None else adapter.authorize_with(request, token)
        if not _METHOD.match(request.method):
            raise self._misuse(operation, "a method that is not a word in capitals")
        headers = self._headers(request, with_key=has_key)
        accepted = next(value for name, value in headers if name.lower() == "accept")
        return OutgoingRequest(
            method=request.method,
            url=with_query(url.text, request.query),
            origin=url.origin,
            headers=headers,
            body=self._body(request, operation),
            own=own,
            is_write=request.is_write,
            repeatable=not request.is_write or request.replayable or has_key,
            wants_json="json" in accepted.lower(),
            label=redact_path(request.path) if request.url is None else f"{url.origin}/…",
            max_age=request.max_age,
        )

    def _body(self, request: Request, operation: str) -> bytes | None:
        if request.form is None:
            return None if request.json is None else encode_json(request.json).encode()
        if request.json is not None:
            raise self._misuse(operation, "a request with JSON and a form")
        return urlencode(request.form).encode()

    def _url(self, request: Request, operation: str) -> tuple[Url, bool]:
        """Where the request goes, without its query; and whether that is the account's own vendor."""
        if request.url is None:
            if not is_path(request.path):
                raise self._misuse(operation, "a path that is not percent-encoded, or does not begin with a slash")
            if has_dot_segment(request.path):
                raise NotFound("nothing has an id that is made of dots: in a path they mean another place")
            base = self._root(request.base, operation)
            return Url(origin=base.origin, text=base.text + request.path), True
        url = parse_url(request.url)
        if url is None:
            raise UnexpectedReply("an address that the vendor gave is not a plain http or https URL")
        own = (self.base_url, *self.extra_base_urls.values())
        return url, any(url.origin == root.origin for root in own)

    def _root(self, name: str | None, operation: str) -> Url:
        if name is None:
            return self.base_url
        if name in self.extra_base_urls:
            return self.extra_base_urls[name]
        raise ConfigurationError(
            f"{self.adapter.provider} {operation}: {name}_base_url is not set, and nothing says what it is here: "
            "base_url was replaced, or the environment has none"
        )

    def _headers(self, request: Request, *, with_key: bool) -> Pairs:
        given = request.headers
        if with_key:
            given = (*given, (str(self.adapter.idempotency_header), str(request.idempotency_key)))
        names = {name.lower() for name, _ in given}
        defaults = [*_DEFAULT_HEADERS, ("User-Agent", user_agent(self.app))]
        if request.json is not None:
            defaults.append(("Content-Type", "application/json"))
        elif request.form is not None:
            defaults.append(("Content-Type", "application/x-www-form-urlencoded"))
        headers = (*(pair for pair in defaults if pair[0].lower() not in names), *given)
        for name, value in headers:
            # The HTTP library refuses them too, but quotes the value in its error.
            if not _HEADER_NAME.match(name) or not _HEADER_VALUE.match(value):
                raise ConfigurationError(
                    f"{self.adapter.provider}: the header {printable(name[:40])} would hold a line break or a "
                    "character that headers cannot carry; check the credentials for one"
                )
        return headers

    def _misuse(self, operation: str, what: str) -> PluginError:
        return PluginError(f"{self.adapter.provider} {operation}: the adapter yielded {what}")
