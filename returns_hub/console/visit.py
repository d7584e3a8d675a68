"""One request to the console, by somebody who may make it; what pages answer, and what acts say that they will do."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urlencode

from attrs import define, field, frozen
from starlette.requests import Request
from starlette.responses import Response

from returns_hub.console.access import Identity, Role
from returns_hub.console.state import Console
from returns_hub.store.audit import AuditEntry, Outcome

_TOKEN_FIELD: Final = "form_token"  # noqa: S105 - the name of a field
_MAX_QUERY_CHARS: Final = 500


class Refusal(Exception):
    """A request that is answered with an error page: a status, and a sentence for whoever made it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@frozen
class Result:
    """What became of an act, in a sentence."""

    message: str
    outcome: Outcome = Outcome.DONE


@frozen(kw_only=True)
class Plan:
    """An act, checked and not yet done. ``detail`` is for the audit, ``back`` the path to show afterwards."""

    do: Callable[[], Result]
    back: str
    detail: str = ""
    account: str | None = None
    subject: str | None = None


@frozen
class Route:
    """A page or an act: its path, what answers it, and who may ask for it."""

    path: str
    handler: Callable[["Visit"], Any]
    role: Role = Role.READ


@frozen
class Page(Route):
    """What is read with GET; it changes nothing. Its handler returns a response."""


@frozen
class Query(Route):
    """What is asked with POST, so that it does not stand in the address, and changes nothing. Its handler returns a response."""


@frozen(kw_only=True)
class Act(Route):
    """What is done with POST, once for each form. Its handler returns a :class:`Plan`; ``action`` names it in the audit."""

    action: str
    role: Role = Role.ACT


Form: TypeAlias = Mapping[str, Sequence[str]]


@define(kw_only=True)
class Visit:
    """One request. ``cookie`` is the secret of the browser's session."""

    console: Console
    request: Request
    identity: Identity
    cookie: str = field(repr=False)
    form: Form = field(factory=dict, repr=False)

    @property
    def may_act(self) -> bool:
        """True if this person may change something."""
        return self.identity.role >= Role.ACT

    @property
    def session(self) -> str:
        """A digest of the session's secret, which names it in the store."""
        return digest(self.cookie)

    @property
    def now(self) -> datetime:
        """This machine's time."""
        return datetime.now(UTC)

    @property
    def path(self) -> str:
        """The path of the request, decoded, below whatever the console is mounted at."""
        return path_of(self.request)

    def part(self, name: str) -> str:
        """A part of the path."""
        value: str = self.request.path_params[name]
        return value

    def account(self) -> str:
        """The account that the path names."""
        return self.known_account(self.part("account"))

    def known_account(self, name: str) -> str:
        """The name, if an account has it."""
        if name not in self.console.hub.accounts:
            raise Refusal(404, "There is no such account.")
        return name

    def query(self, name: str) -> str:
        """A parameter of the query without blanks around it; ``""`` if it is not given."""
        return self.request.query_params.get(name, "")[:_MAX_QUERY_CHARS].strip()

    def query_number(self, name: str) -> int | None:
        """A parameter of the query that is a number; None if it is not given."""
        return None if not self.query(name) else whole_number(self.query(name))

    def field(self, name: str, *, most: int = 200, required: bool = True) -> str:
        """A field of the form."""
        value = (self.form.get(name) or ("",))[0].replace("\r\n", "\n").strip()
        if required and not value:
            raise Refusal(422, f"“{name.replace('_', ' ')}” is empty.")
        if len(value) > most:
            raise Refusal(422, f"“{name.replace('_', ' ')}” is longer than {most} characters.")
        return value

    def fields(self, name: str) -> Sequence[str]:
        """All values of a field that may be given several times."""
        return self.form.get(name, ())

    def url(self, path: str, **query: object) -> str:
        """A path of the console as browsers reach it, below whatever it is mounted at."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        root: str = self.request.scope.get("root_path", "")
        return root + path + (f"?{urlencode(given)}" if given else "")

    def token(self, path: str) -> str:
        """The token of a form that posts to an (encoded) path: it is of this session and person, and good for one act."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._signature(unquote(path), nonce)}"

    def checked_token(self) -> str | None:
        """What the audit keeps of the form's token, so that it is used once; None if it is not one of :meth:`token`."""
        nonce, _, signature = self.field(_TOKEN_FIELD, required=False).partition(".")
        valid = hmac.compare_digest(signature.encode(), self._signature(self.path, nonce).encode())
        return digest(f"{self.cookie} {nonce}") if nonce and valid else None

    def done(self) -> AuditEntry | None:
        """The act of this session that the page is shown after."""
        entry = self.request.query_params.get("done", "")
        found = self.console.audit.get(int(entry)) if entry.isdecimal() and len(entry) < 19 else None
        return found if found is not None and found.session == self.session else None

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page."""
        shared = {"visit": self, "url": self.url, "now": self.now}
        return Response(self.console.render(template, {**shared, **context}), status, media_type="text/html")

    def _signature(self, path: str, nonce: str) -> str:
        message = f"{path}\0{self.identity.person}\0{nonce}".encode("utf-8", "surrogatepass")
        mac = hmac.digest(self.cookie.encode(), message, hashlib.sha256)
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def path_of(request: Request) -> str:
    """The path of a request, decoded, below whatever the console is mounted at."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def whole_number(text: str) -> int:
    """The number of an id.

    Raises:
        Refusal: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Refusal(404, "There is nothing of that number.")
    return int(text)


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
