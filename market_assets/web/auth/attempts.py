"""Sign-ins as a scarce thing: passwords are checked by few threads, and guesses at one account are slowed down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from anyio import CapacityLimiter, to_thread
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from market_assets.store.users import User
from market_assets.web.errors import ApiError

#: A hash takes 64 MiB and four threads for a moment; more at once would take the machine.
_AT_ONCE = 2
#: Beyond, waiting would take seconds, so the answer is 503.
_MOST_WAITING = 8


class Attempts:
    """Checks passwords in threads of their own.

    From some wrong passwords for a name on, whoever sent them, each further attempt at it waits before it is
    checked, a right one too. The owner gets in a little later; were the account locked, anybody could lock it.
    """

    def __init__(self, failures: str, delay_seconds: float) -> None:
        """Count wrong passwords: so many as in `10/10minute` go unpunished."""
        self._threads = CapacityLimiter(_AT_ONCE)
        self._under_way = 0
        self._failures = MovingWindowRateLimiter(MemoryStorage())
        self._allowed = parse(failures)
        self._delay_seconds = delay_seconds

    async def check(self, name: str, password_check: Callable[[], User | None]) -> User | None:
        """The user, where the check finds that the password is right.

        Raises:
            ApiError: too many passwords wait to be checked.
        """
        key = name.casefold()
        if not self._failures.test(self._allowed, key):
            await asyncio.sleep(self._delay_seconds)
        if self._under_way >= _AT_ONCE + _MOST_WAITING:
            raise ApiError(503, "Too many sign in at once: try again in 2 s", headers={"Retry-After": "2"})
        # Counted here: the limiter counts those who wait one step of the event loop later, which lets a flood in.
        self._under_way += 1
        try:
            user = await to_thread.run_sync(password_check, limiter=self._threads)
        finally:
            self._under_way -= 1
        if user is None:
            self._failures.hit(self._allowed, key)
        return user
