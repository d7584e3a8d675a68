"""A simulator of ParcelWise: tokens that expire, GraphQL under HTTP 200, cursors, signed deliveries."""

import base64
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from returns_hub import HttpAnswer, Secret, format_time, parse_time
from returns_hub.testing import Call, Faults, Refusal, Simulator, json_answer
from returns_hub.wire import standard_webhook_key, standard_webhook_signature
from returns_hub_parcelwise import webhooks
from returns_hub_parcelwise.statuses import STATUSES

_TOKEN_CALLS = 50


class ParcelWiseSandbox(Simulator):
    """ParcelWise with ``count`` seeded returns, a day apart; ``now`` is its clock. A token is good for fifty calls."""

    provider: ClassVar[str] = "parcelwise"

    def __init__(
        self,
        *,
        count: int = 20,
        seed: int = 1,
        client_id: str = "pw_client",
        client_secret: str = "pw_sandbox_secret",  # noqa: S107 - a simulator's, and not a secret
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(
            faults=Faults(
                error_body=lambda _: {"errors": [{"message": "A fault was switched on"}]},
                soft_error_body=_errors("INTERNAL"),
                rows=_rows,
            )
        )
        self.options: Mapping[str, Any] = {"client_id": client_id, "client_secret": client_secret}
        self._now = now
        self._calls_left: dict[str, int] = {}
        self._refresh_tokens: set[str] = set()
        self.grants: list[str] = []
        self._tokens = itertools.count(seed)
        self._ids = itertools.count(1)
        self._returns: dict[str, dict[str, Any]] = {}
        self._answered: dict[str, HttpAnswer] = {}
        start = datetime(2024, 1, 1, tzinfo=UTC)
        for number in range(count):
            lines = [
                {"sku": "PW-1", "quantity": 1, "reasonCode": "TOO_SMALL", "reasonText": None},
                {"sku": "PW-2", "quantity": 2, "reasonCode": "UNWANTED", "reasonText": None},
            ]
            email = "other@example.com" if number % 2 else "customer@example.com"
            row = self._add(f"#{1001 + number}", email, lines, start + timedelta(days=number))
            row["updatedAt"] = format_time(start + timedelta(days=number, hours=1))
            if number % 2:
                row["state"] = "ACCEPTED"

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all returns."""
        with self.lock:
            return frozenset(self._returns)

    def set_status(self, return_id: str, word: str) -> None:
        """Move a return, as the vendor's staff would: any word goes."""
        with self.lock:
            self._returns[return_id] |= {"state": word, "updatedAt": format_time(self._now())}

    def expire_tokens(self) -> None:
        """No token that was given so far is good any more."""
        with self.lock:
            self._calls_left.clear()

    def webhook(self, kind: str, return_id: str, secret: str) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a signed delivery about a return."""
        with self.lock:
            payload = {"type": kind, "timestamp": format_time(self._now()), "data": self._returns[return_id]}
            body = json.dumps(payload).encode()
            return sign(body, secret, name=f"msg_{next(self._ids)}", at=self._now()), body

    def answer(self, call: Call) -> HttpAnswer:
        """Gives tokens, and answers GraphQL to whoever has one."""
        if (call.method, call.path) == ("POST", "/oauth/token"):
            return self._give_token(call)
        if (call.method, call.path) != ("POST", "/graphql"):
            raise Refusal(json_answer(404, {"errors": [{"message": "no such path"}]}))
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self._calls_left.get(token, 0) < 1:
            raise _refusal("UNAUTHENTICATED", status=401)
        self._calls_left[token] -= 1
        asked = _body(call)
        document, variables = str(asked.get("query")), asked.get("variables") or {}
        match document.partition("(")[0]:
            case "query List":
                return _data("returns", self._list(variables))
            case "query Get":
                return _data("return", self._returns.get(str(variables.get("id"))))
            case "mutation Create":
                return self._once(call, lambda: _data("createReturn", self._create(variables.get("input") or {})))
            case "mutation Move":
                return _data("moveReturn", self._move(variables))
        raise _refusal("BAD_USER_INPUT")

    def _give_token(self, call: Call) -> HttpAnswer:
        """RFC 6749: a form, the client's credentials by HTTP Basic, and refresh tokens that are good once."""
        credentials = ":".join(self.options.values()).encode()
        if call.headers.get("authorization") != f"Basic {base64.b64encode(credentials).decode()}":
            raise Refusal(json_answer(401, {"error": "invalid_client"}))
        form = dict(parse_qsl(call.body.decode()))
        refresh = form.get("refresh_token", "")
        if form.get("grant_type") == "refresh_token" and refresh not in self._refresh_tokens:
            raise Refusal(json_answer(400, {"error": "invalid_grant"}))
        if form.get("grant_type") not in ("refresh_token", "client_credentials"):
            raise Refusal(json_answer(400, {"error": "unsupported_grant_type"}))
        self._refresh_tokens.discard(refresh)
        number = next(self._tokens)
        self._calls_left[f"pw-token-{number}"] = _TOKEN_CALLS
        self._refresh_tokens.add(f"pw-refresh-{number}")
        self.grants.append(form["grant_type"])
        given = {"access_token": f"pw-token-{number}", "refresh_token": f"pw-refresh-{number}"}
        return json_answer(200, {**given, "token_type": "Bearer", "expires_in": 3600})

    def _list(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        wanted = variables.get("filter") or {}
        rows = [row for row in self._returns.values() if _matches(row, wanted)]
        rows.sort(key=lambda row: (row["createdAt"], row["id"]), reverse=bool(variables.get("newestFirst")))
        places = [_cursor(row["id"]) for row in rows]
        after = variables.get("after")
        first = places.index(after) + 1 if after in places else 0
        page = rows[first : first + int(variables["first"])]
        return {
            "totalCount": len(rows),
            "pageInfo": {
                "endCursor": _cursor(page[-1]["id"]) if page else None,
                "hasNextPage": bool(page) and page[-1] is not rows[-1],
            },
            "nodes": page,
        }

    def _once(self, call: Call, work: Callable[[], HttpAnswer]) -> HttpAnswer:
        """Once for each idempotency key: the same key is given the same answer."""
        key = call.headers.get("idempotency-key")
        if key is None:
            return work()
        if key not in self._answered:
            self._answered[key] = work()
        return self._answered[key]

    def _create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        if not fields.get("orderName"):
            raise _refusal("BAD_USER_INPUT")
        return self._add(fields["orderName"], fields.get("email"), fields.get("lines") or [], self._now())

    def _move(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        row, word = self._returns.get(str(variables.get("id"))), str(variables.get("state"))
        if row is None:
            raise _refusal("NOT_FOUND")
        if word not in STATUSES.rows:
            raise _refusal("BAD_USER_INPUT")
        if row["state"] == "WITHDRAWN":
            raise _refusal("CONFLICT")
        self.set_status(row["id"], word)
        return row

    def _add(self, order: str, email: str | None, lines: Sequence[Mapping[str, Any]], at: datetime) -> dict[str, Any]:
        number = next(self._ids)
        created = format_time(at.replace(microsecond=0))
        row: dict[str, Any] = {
            "id": f"pw_{number}",
            "reference": f"PW-{number:05}",
            "state": "AWAITING_REVIEW",
            "orderName": order,
            "createdAt": created,
            "updatedAt": created,
            "customer": {"email": email, "name": None},
            "lines": [{"id": f"pw_{number}_{index}", "title": None, **line} for index, line in enumerate(lines, 1)],
        }
        self._returns[row["id"]] = row
        return row


def sign(body: bytes, secret: str, *, name: str, at: datetime) -> Mapping[str, str]:
    """The headers of a delivery that is signed at a moment."""
    timestamp = str(int(at.timestamp()))
    signature = standard_webhook_signature(
        standard_webhook_key(Secret(secret)), id=name, timestamp=timestamp, body=body
    )
    return {webhooks.ID_HEADER: name, "webhook-timestamp": timestamp, webhooks.SIGNATURE_HEADER: signature}


def _matches(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    created, updated = parse_time(row["createdAt"]), parse_time(row["updatedAt"])
    return (
        row["state"] in wanted.get("states", [row["state"]])
        and created >= _moment(wanted.get("createdFrom"), created)
        and created <= _moment(wanted.get("createdTo"), created)
        and updated >= _moment(wanted.get("updatedFrom"), updated)
        and row["customer"]["email"] == wanted.get("email", row["customer"]["email"])
        and row["orderName"] == wanted.get("orderName", row["orderName"])
    )


def _moment(text: str | None, otherwise: datetime) -> datetime:
    return otherwise if text is None else parse_time(text)


def _cursor(return_id: str) -> str:
    return base64.urlsafe_b64encode(return_id.encode()).decode()


def _body(call: Call) -> dict[str, Any]:
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refusal("BAD_USER_INPUT", status=400)
    return body


def _rows(payload: Any) -> Any:
    listing = ((payload.get("data") or {}).get("returns")) if isinstance(payload, dict) else None
    return listing["nodes"] if listing else None


def _data(name: str, value: Any) -> HttpAnswer:
    return json_answer(200, {"data": {name: value}})


def _errors(code: str) -> dict[str, Any]:
    return {"data": None, "errors": [{"message": "refused", "extensions": {"code": code}}]}


def _refusal(code: str, *, status: int = 200) -> Refusal:
    return Refusal(json_answer(status, _errors(code)))
