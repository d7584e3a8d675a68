"""The accounts of a hub with the client and the rate limiter of each, opened when first needed, and replaced by a reload."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from threading import Lock, RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from returns_hub.accounts import Account
from returns_hub.adapter import Rate
from returns_hub.client import Client, open_client
from returns_hub.client.connection import LimiterFactory, SharedState
from returns_hub.errors import ConfigurationError
from returns_hub.hub.clients import HubClient, LocalObserver
from returns_hub.rate_limits import Limiter, RateLimiter
from returns_hub.reports import Reloaded
from returns_hub.secret import Secret
from returns_hub.tokens import Tokens
from returns_hub.transport.replies import KeptReplies

if TYPE_CHECKING:
    from returns_hub.store import Store

# A client that was replaced may be in the middle of a call, which has a deadline; and of several, one after the other.
RETIRED_SECONDS: Final = 600.0


class AccountClients:
    """Opens, shares and closes the clients of accounts. Threads may share it.

    ``open_store`` opens the store, where clients write what they observe; where it ``is_shared()`` all of its processes keep an
    account's rate limit together.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account] | Iterable[Account],
        open_store: "Callable[[], Store]",
        *,
        is_shared: Callable[[], bool],
    ) -> None:
        self.accounts: Mapping[str, Account] = _by_name(accounts)
        self._open_store = open_store
        self._is_shared = is_shared
        self._opening, self._limiting, self._reloading = RLock(), Lock(), Lock()
        self._clients: dict[str, Client] = {}
        self._limiters: dict[tuple[str, Rate | None], Limiter] = {}
        self._replies: dict[Account, KeptReplies] = {}
        self._retired: list[tuple[float, Client]] = []
        self._inherited: list[object] = []

    def account(self, name: str) -> Account:
        """The account of that name.

        Raises:
            ConfigurationError: there is none.
        """
        accounts = self.accounts
        if name in accounts:
            return accounts[name]
        close = get_close_matches(name, accounts, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(accounts)) or 'none'}"
        raise ConfigurationError(f"there is no account {name[:60]!r}; {hint}")

    def is_open(self, name: str) -> bool:
        """True if the account's client is open."""
        return name in self._clients

    def client(self, name: str) -> Client:
        """The blocking client of an account.

        Raises:
            ConfigurationError: there is no such account, or its options are wrong.
        """
        with self._opening:
            account = self.account(name)
            if name not in self._clients:
                self._clients[name] = self._open(account)
            return self._clients[name]

    def observer_of(self, account: Account) -> LocalObserver:
        """What puts the writes of an account's client into the mirror."""
        return LocalObserver(account=account.name, open_store=self._open_store)

    def limiter_of(self, account: Account) -> LimiterFactory:
        """Makes the one rate limiter of all clients of an account; on PostgreSQL other processes share it."""

        def make(rate: Rate | None, *, writes: bool = False) -> Limiter:
            name = f"{account.name}#writes" if writes else account.name
            shared = self._open_store().database if self._is_shared() else None
            with self._limiting:
                if (name, rate) not in self._limiters:
                    self._limiters[name, rate] = RateLimiter(rate)
                    if shared is not None:
                        from returns_hub.store.rate_limits import SharedRateLimiter

                        self._limiters[name, rate] = SharedRateLimiter(shared, name, rate)
                return self._limiters[name, rate]

        return make

    def shared_by(self, account: Account) -> SharedState:
        """What all clients of an account share; the token, which is stored, with those of other processes too."""

        def tokens(secrets: Sequence[Secret]) -> Tokens:
            from returns_hub.store.tokens import SharedTokens

            return SharedTokens(self._open_store().database, account.name, secrets)

        with self._limiting:
            replies = self._replies.setdefault(account, KeptReplies())
        return SharedState(limiter=self.limiter_of(account), tokens=tokens, replies=replies)

    def reload(self, accounts: Mapping[str, Account] | Iterable[Account]) -> Reloaded:
        """Take these accounts in place of those there are; what is new, changed and gone.

        The clients of new and changed accounts are opened first: if one cannot be, all stays as it was. Replaced clients go
        on with the calls that they have begun, and are closed some minutes later.

        Raises:
            ConfigurationError: an account's options are wrong, or two have one name. Nothing has changed.
            PluginError: a vendor's package cannot be used. Nothing has changed.
        """
        wanted = _by_name(accounts)
        with self._reloading:
            before = self.accounts
            changed = [name for name, account in wanted.items() if before.get(name) != account]
            gone = [name for name in before if name not in wanted]
            opened: dict[str, Client] = {}
            try:
                for name in changed:
                    opened[name] = self._open(wanted[name])
            except BaseException:
                _close(opened.values())
                raise
            with self._opening:
                self.accounts = wanted
                replaced = [self._clients.pop(name) for name in (*changed, *gone) if name in self._clients]
                self._clients.update(opened)
                with self._limiting:
                    self._replies = {key: kept for key, kept in self._replies.items() if wanted.get(key.name) == key}
            now = time.monotonic()
            _close(client for since, client in self._retired if since + RETIRED_SECONDS < now)
            self._retired = [each for each in self._retired if each[0] + RETIRED_SECONDS >= now]
            self._retired += [(now, client) for client in replaced]
        return Reloaded(
            added=tuple(sorted(name for name in changed if name not in before)),
            changed=tuple(sorted(name for name in changed if name in before)),
            removed=tuple(sorted(gone)),
        )

    def close(self) -> None:
        """Close every client. Further ones are opened anew."""
        with self._reloading:
            retired, self._retired = self._retired, []
            with self._opening:
                clients, self._clients = self._clients, {}
                with self._limiting:
                    self._limiters = {}
        _close((*clients.values(), *(client for _, client in retired)))

    def reset_after_fork(self) -> None:
        """Open everything anew in a child process. What is the parent's is kept, so that nothing here closes it."""
        self._inherited.append((self._clients, self._limiters, self._retired))
        self._opening, self._limiting, self._reloading = RLock(), Lock(), Lock()
        self._clients, self._limiters, self._retired = {}, {}, []

    def _open(self, account: Account) -> Client:
        factory = partial(HubClient, observer=self.observer_of(account))
        return open_client(account, shared=self.shared_by(account), factory=factory)


def _by_name(accounts: Mapping[str, Account] | Iterable[Account]) -> Mapping[str, Account]:
    named: dict[str, Account] = {}
    for account in accounts.values() if isinstance(accounts, Mapping) else accounts:
        if named.setdefault(account.name, account) is not account:
            raise ConfigurationError(f"two accounts are called {account.name!r}")
    return MappingProxyType(named)


def _close(clients: Iterable[Client]) -> None:
    for client in clients:
        client.close()
