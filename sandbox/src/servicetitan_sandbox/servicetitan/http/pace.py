"""How long the answers to one tenant take, and how many requests the areas of the API work on at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import nullcontext
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicetitan_sandbox.models import Tenant


class Pace:
    """Lets the requests of one tenant take their time.

    Args:
        tenant: The tenant's settings.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._asked: Counter[tuple[str, str]] = Counter()
        self._lines = {area: asyncio.Semaphore(most) for area, most in tenant.served_at_once.items()}

    async def take_time(self, area: str, path: str, query: str) -> None:
        """Wait as long as the answer to a request takes. It does not hang on what else is asked for meanwhile.

        Args:
            area: The area of the API that is asked. If it is busy, the request stands in line first.
            path: The path of the request, without the host.
            query: Its query, which with the path tells its pages apart.
        """
        seconds = self.seconds(area, path, query)
        async with self._lines.get(area, nullcontext()):
            await asyncio.sleep(seconds)

    def seconds(self, area: str, path: str, query: str) -> float:
        """Return how long the next answer to a request takes, without standing in line."""
        wanted = self._tenant.area_seconds.get(area, self._tenant.answer_seconds)
        if not isinstance(wanted, tuple):
            return wanted
        self._asked[path, query] += 1
        return Random(f"{self._tenant.seed}/{path}?{query}/{self._asked[path, query]}").uniform(*wanted)
