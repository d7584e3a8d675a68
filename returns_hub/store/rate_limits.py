"""The rate limit of an account, shared by all processes that use one PostgreSQL."""

from typing import Final

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from returns_hub.adapter import Rate
from returns_hub.logs import log_event
from returns_hub.rate_limits import RateLimiter, interval_and_burst, longer_interval, shorter_interval
from returns_hub.store.database import Database, store_errors

_FOREVER: Final = float("inf")
# The clock goes on inside a transaction, and while a statement waits for its row.
_NOW: Final = "extract(epoch FROM clock_timestamp())::float8"
_MOMENT: Final = f"greatest(next_at, held_until, {_NOW} - CASE WHEN learned_interval IS NULL THEN :slack ELSE 0 END)"
_STEP: Final = "greatest(:interval, coalesce(learned_interval, 0))"

# One statement: the row's lock gives every moment to one caller, in the order of their asking.
_RESERVE: Final = text(
    f"UPDATE paces SET next_at = {_MOMENT} + {_STEP} "  # noqa: S608 - constants of ours
    f"WHERE account = :account AND {_MOMENT} - {_NOW} <= :within "
    f"RETURNING next_at - {_STEP} - {_NOW} AS wait, learned_interval"
)
_ASK: Final = text(
    f"SELECT {_MOMENT} - {_NOW} AS wait, learned_interval FROM paces WHERE account = :account"  # noqa: S608
)
_HELD: Final = text(f"SELECT 1 FROM paces WHERE account = :account AND held_until > {_NOW}")  # noqa: S608
_HOLD: Final = text(
    f"UPDATE paces SET held_until = greatest(held_until, {_NOW} + :seconds) WHERE account = :account"  # noqa: S608
)
# What others have learnt meanwhile from the same requests counts once.
_REFUSED: Final = text(
    f"UPDATE paces SET learned_interval = :learned, held_until = {_NOW} + :learned "  # noqa: S608
    f"WHERE account = :account AND held_until <= {_NOW} AND learned_interval IS NOT DISTINCT FROM :known"
)
_ACCEPTED: Final = text(
    "UPDATE paces SET learned_interval = :learned WHERE account = :account AND learned_interval = :known"
)
_ADD: Final = text("INSERT INTO paces (account, next_at, held_until) VALUES (:account, 0, 0) ON CONFLICT DO NOTHING")


class SharedRateLimiter:
    """As :class:`returns_hub.rate_limits.RateLimiter`, exact to one request over all processes, by the database's clock.

    Its calls take the time of a statement: on an event loop they belong into a thread.
    """

    is_blocking = True

    def __init__(self, database: Database, account: str, rate: Rate | None) -> None:
        self.database = database
        self._account = account
        self._rate = rate
        self._interval, self._slack = interval_and_burst(rate)
        self._learned: float | None = None
        # A hold is obeyed here even where the database does not take it.
        self._own = RateLimiter(None)

    @store_errors
    def reserve(self, *, within: float = _FOREVER) -> float:
        """Seconds to wait before the next request; if they are more than ``within``, nothing is reserved.

        Raises:
            StoreError: the database cannot be asked, so nothing says whether a request may go.
        """
        own = self._own.reserve(within=within)
        if own > within:
            return own
        with self.database.writing(serialized=False) as connection:
            wait = self._reserve(connection, within)
            if wait is None:
                connection.execute(_ADD, {"account": self._account})
                wait = self._reserve(connection, within)
        return max(own, wait or 0.0)

    @property
    @store_errors
    def is_paused(self) -> bool:
        """True while the vendor wants nothing sent, whichever process it has answered so."""
        with self.database.reading() as connection:
            return self._own.is_paused or connection.execute(_HELD, {"account": self._account}).first() is not None

    def pause(self, seconds: float) -> None:
        """Nothing may go for so many seconds from now; a longer hold stays."""
        self._own.pause(seconds)
        self._share(_HOLD, seconds=seconds)

    def lower(self, count: int) -> None:
        """The vendor says that its window holds ``count`` requests. Every process hears that for itself."""
        if self._rate is not None and count >= 1:
            self._interval, self._slack = interval_and_burst(Rate(min(count, self._rate.count), self._rate.seconds))

    def slow_down(self) -> None:
        """The vendor was asked too often, and says not what would be right: half the pace, after a short hold."""
        known = self._learned
        self._share(_REFUSED, known=known, learned=longer_interval(max(self._interval, known or 0.0)))

    def speed_up(self) -> None:
        """The vendor was not asked too often: where its refusals were learnt from, a little faster again."""
        known = self._learned
        if known is not None:
            self._share(_ACCEPTED, known=known, learned=shorter_interval(known, self._interval))

    def _reserve(self, connection: Connection, within: float) -> float | None:
        """As :meth:`reserve`; None if the account has no row yet."""
        asked = {"account": self._account, "interval": self._interval, "slack": self._slack}
        while True:
            reserved = connection.execute(_RESERVE, {**asked, "within": within}).first()
            row = reserved or connection.execute(_ASK, asked).first()
            if row is None:
                return None
            # Between the two statements another process may have added the row, or the wait become short enough.
            if reserved or row.wait > within:
                self._learned = row.learned_interval
                return max(float(row.wait), 0.0)

    def _share(self, statement: TextClause, **values: float | None) -> None:
        """Store it for the other processes. It follows a reply, which matters more than whether this can be stored."""
        try:
            with self.database.writing(serialized=False) as connection:
                connection.execute(statement, {"account": self._account, **values})
        except SQLAlchemyError as error:
            message, problem = "the rate limit of %s could not be shared: %s", self.database.explain(error)
            log_event("rate_limit.not_shared", message, self._account, problem, account=self._account)
