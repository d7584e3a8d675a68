"""What an account is asked about itself: its own statuses, and what the vendor's documents leave open."""

from collections.abc import Mapping, Sequence

from returns_hub import Adapter, Operation, ProviderError
from returns_hub.wire import comparable, get
from returns_hub_returnless_v2 import wire
from returns_hub_returnless_v2.pagination import Parameters, Rows
from returns_hub_returnless_v2.statuses import PROPOSALS


class AccountCalls(Adapter):
    """The calls by which ``doctor`` reads an account's own statuses and tries the open questions."""

    def read_words(self) -> Operation[Mapping[str, str]]:
        """Each status of the account by its id: its label with what it means here, or a line of ``status_map`` to look at."""
        found: dict[str, str] = {}
        known = {} if self.statuses is None else self.statuses.rows
        for path in ("/request-statuses", "/return-statuses"):
            for status_id, label in wire.labels(self.check((yield get(path)))).items():
                facts = known.get(status_id)
                if facts is not None:
                    found[status_id] = f"{label}: {facts.status}"
                    continue
                proposed = PROPOSALS.get(comparable(label))
                line = f', perhaps "{status_id}" = {proposed}' if proposed else ""
                found[status_id] = f"{label}: not in status_map{line}"
        return found

    def probe(self) -> Operation[Mapping[str, str]]:
        """What the account answers to questions that no document does: each with what was found. It only reads."""
        found: dict[str, str] = {}
        questions: Sequence[tuple[str, str, Parameters]] = (
            ("requests in /return-orders", "/return-orders", [("filter[return_type]", "request"), ("per_page", "1")]),
            ("requests in /request-orders", "/request-orders", [("per_page", "1")]),
            ("a page of 100", "/return-orders", [("per_page", "100")]),
            (
                "filter[order_number]",
                "/return-orders",
                [("filter[order_number]", "returns-hub-probe"), ("per_page", "1")],
            ),
            ("related data", "/return-orders", [("include", wire.LIST_INCLUDES), ("per_page", "1")]),
            (
                "changed shipments",
                "/shipments",
                [("filter[updated_at][gte]", "2099-01-01T00:00:00Z"), ("per_page", "1")],
            ),
        )
        for question, path, parameters in questions:
            reply = yield get(path, parameters)
            try:
                rows = Rows.read(self.check(reply))
            except ProviderError as error:
                found[question] = f"refused with HTTP {error.http_status}"
            else:
                found[question] = f"{len(rows.raw)} rows" if len(rows.raw) != 1 else "1 row"
        return found
