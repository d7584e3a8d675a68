"""Many accounts and one mirror of them, in one object."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self

from returns_hub.accounts import Account, load_config
from returns_hub.client import Client, open_client
from returns_hub.errors import ConfigurationError, StoreError
from returns_hub.events import Event
from returns_hub.secret import Secret
from returns_hub.status import Attention, Status

if TYPE_CHECKING:
    from returns_hub.store import Store, StoredReturn
    from returns_hub.sync import SyncProgress, SyncReport


class Hub:
    """The accounts of a platform and the local mirror of their returns.

    Nothing is opened before it is needed: a client at an account's first use, the store at the first reading or
    :meth:`sync`. Every account has its own adapter, client and credentials. Use it as a context manager, or call
    :meth:`close`.
    """

    def __init__(self, accounts: Mapping[str, Account] | Iterable[Account], *, store: str) -> None:
        named: dict[str, Account] = {}
        for account in accounts.values() if isinstance(accounts, Mapping) else accounts:
            if named.setdefault(account.name, account) is not account:
                raise ConfigurationError(f"two accounts are called {account.name!r}")
        self.accounts: Mapping[str, Account] = MappingProxyType(named)
        # An address of PostgreSQL holds a password.
        self._address = Secret(store)
        self._store: Store | None = None
        self._clients: dict[str, Client] = {}
        self._opening = Lock()

    @classmethod
    def from_config(cls, path: Path | None = None) -> Self:
        """The hub that ``returns-hub.toml``, or another file, describes.

        Raises:
            ConfigurationError: the file is missing or wrong; the text names what.
        """
        config = load_config(path)
        return cls(config.accounts, store=config.store)

    def client(self, account: str) -> Client:
        """The client of one account, the same one every time; the hub closes it.

        Raises:
            ConfigurationError: there is no such account, or its options are wrong.
        """
        wanted = self._account(account)
        with self._opening:
            if account not in self._clients:
                self._clients[account] = open_client(wanted)
            return self._clients[account]

    def sync(
        self,
        *accounts: str,
        since: date | datetime | None = None,
        full: bool = False,
        details: bool = False,
        progress: "Callable[[SyncProgress], None] | None" = None,
    ) -> "tuple[SyncReport, ...]":
        """Bring the mirror in step with the vendors, and tell how that went: one report for each account.

        The first sync of an account reads back to ``since`` (default: the account's ``history_start``), later ones
        read what changed. ``since`` on a later one reads again what was created from then on, ``full`` everything;
        ``details`` asks for every return one by one, which is one request each. Without names all accounts are
        synced. An account that fails does not stop the others: its report carries the ``error``. What was read is
        kept, and a run that was cut off goes on where it stopped.

        Raises:
            ConfigurationError: there is no such account. Nothing was read.
            StoreError: the mirror cannot be opened.
        """
        wanted = [self._account(name) for name in dict.fromkeys(accounts or self.accounts)]
        store = self._opened_store()
        from returns_hub.sync import sync_account

        return tuple(
            sync_account(
                account.name,
                partial(self.client, account.name),
                store,
                history_start=account.history_start,
                since=since,
                full=full,
                details=details,
                progress=progress,
            )
            for account in wanted
        )

    def returns(
        self,
        *,
        account: str | None = None,
        status: Status | None = None,
        attention: Attention | None = None,
        since: date | datetime | None = None,
        limit: int | None = None,
    ) -> "Iterator[StoredReturn]":
        """The mirrored returns that match, newest first by ``created_at``; read as they are asked for.

        ``since`` is the earliest ``created_at``.
        """
        if account is not None:
            self._account(account)
        return self._opened_store().returns(
            account=account, status=status, attention=attention, since=since, limit=limit
        )

    def get_return(self, account: str, return_id: str) -> "StoredReturn | None":
        """One mirrored return, or None if the mirror does not have it."""
        self._account(account)
        return self._opened_store().get_return(account, return_id)

    def events(
        self, *, after: int = 0, account: str | None = None, return_id: str | None = None, limit: int | None = None
    ) -> Iterator[Event]:
        """What changed, in the order it was recorded, after a ``sequence``; read as they are asked for."""
        if account is not None:
            self._account(account)
        return self._opened_store().events(after=after, account=account, return_id=return_id, limit=limit)

    def close(self) -> None:
        """Close every client and the store. The hub may be used again afterwards, and opens them anew."""
        with self._opening:
            clients, self._clients = self._clients, {}
            store, self._store = self._store, None
        for client in clients.values():
            client.close()
        if store is not None:
            store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Hub: {', '.join(self.accounts) or 'no accounts'}>"

    def _account(self, name: str) -> Account:
        account = self.accounts.get(name)
        if account is not None:
            return account
        close = get_close_matches(name, self.accounts, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(self.accounts)) or 'none'}"
        raise ConfigurationError(f"there is no account {name[:60]!r}; {hint}")

    def _opened_store(self) -> "Store":
        with self._opening:
            if self._store is None:
                self._store = _open_store(self._address)
            return self._store


def _open_store(address: Secret) -> "Store":
    try:
        from returns_hub.store import Store
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        return Store.open(address)
    raise StoreError(f"the mirror needs the package {missing}: pip install 'returns-hub[store]'")
