"""Counting what is refused, without a write for each: whoever sends nonsense must not keep the honest waiting."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from attrs import define

from returns_hub.errors import (
    ConfigurationError,
    PluginError,
    StoreError,
    UnsupportedOperation,
    WebhookRejected,
    describe_error,
)
from returns_hub.fork import reset_after_fork
from returns_hub.logs import log_event
from returns_hub.webhooks import body_digest

if TYPE_CHECKING:
    from returns_hub.store import Store

Route: TypeAlias = Literal["webhooks", "orders"]

# Between two writes, and after one that failed.
_WRITE_INTERVAL: Final = 2.0
_RETRY_INTERVAL: Final = 30.0
_CLOSE_SECONDS: Final = 5.0
# Reasons and details come from adapters too.
_MAX_REASON_CHARS: Final = 60
_MAX_DETAIL_CHARS: Final = 300
_MAX_KINDS: Final = 1000


@define
class _Count:
    """How many refusals of one kind are to be written, with the detail and the digest of one of them."""

    detail: str
    digest: str
    count: int = 1


class RefusalRecorder:
    """Counts refusals in memory, and has a thread of its own write them every few seconds.

    Only the first body of each kind between two writes is hashed. Threads and event loops may share it. What is not
    written yet is lost with the process. Call :meth:`close`.
    """

    def __init__(self, open_store: "Callable[[], Store]") -> None:
        self._open_store = open_store
        self._reset()
        reset_after_fork(self, RefusalRecorder._reset)

    def _reset(self) -> None:
        """Begin without counts and thread: in a forked process those are the parent's."""
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._new: dict[tuple[str, str, str], _Count] = {}
        self._writer: threading.Thread | None = None

    @contextmanager
    def recording(self, account: str, route: Route, body: bytes) -> Iterator[None]:
        """Counts the block as refused where it raises, whatever it raises but a failure of the store.

        ``account`` is ``""`` for one that there is not: the name is the sender's.
        """
        try:
            yield
        except WebhookRejected as error:
            self.record(account, route, error.reason, detail=str(error), body=body)
            raise
        except StoreError:
            raise
        except Exception as error:
            ours = isinstance(error, ConfigurationError | PluginError | UnsupportedOperation)
            reason = "unknown_account" if not account else "misconfigured" if ours else "failed"
            self.record(account, route, reason, detail=describe_error(error) if account else "", body=body)
            raise

    def record(self, account: str, route: Route, reason: str, *, detail: str = "", body: bytes = b"") -> None:
        """Count one refusal; it never waits for the store."""
        key = account, route, reason[:_MAX_REASON_CHARS]
        digest = body_digest(body) if body and key not in self._new else ""
        with self._lock:
            known = self._new.get(key)
            if known is not None:
                known.count += 1
            elif len(self._new) < _MAX_KINDS:
                self._new[key] = _Count(" ".join(detail.split())[:_MAX_DETAIL_CHARS], digest)
            if self._writer is None and not self._stopping.is_set():
                self._writer = threading.Thread(target=self._run, name="returns-hub-refusals", daemon=True)
                self._writer.start()
        self._wanted.set()

    def flush(self) -> None:
        """Write what is counted by now.

        Raises:
            StoreError: the store cannot take it; it is written later.
        """
        with self._writing:
            with self._lock:
                new, self._new = self._new, {}
            if not new:
                return
            try:
                store = self._open_store()
                from returns_hub.store.refusals import NewRefusals, Refusals

                Refusals(store.database).add(
                    NewRefusals(
                        account=account,
                        route=route,
                        reason=reason,
                        detail=each.detail,
                        digest=each.digest,
                        count=each.count,
                    )
                    for (account, route, reason), each in new.items()
                )
            except BaseException:
                with self._lock:
                    for key, each in new.items():
                        self._new.setdefault(key, _Count(each.detail, each.digest, 0)).count += each.count
                raise

    def close(self) -> None:
        """Write what is counted by now, if the store takes it, and end the thread."""
        self._stopping.set()
        self._wanted.set()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait()
            self._wanted.clear()
            self._stopping.wait(_WRITE_INTERVAL if self._write() else _RETRY_INTERVAL)
        self._write()

    def _write(self) -> bool:
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001 - counts are not worth more than a line of the log
            log_event("refusals.not_stored", "what was refused could not be counted: %s", describe_error(error))
            return False
        return True
