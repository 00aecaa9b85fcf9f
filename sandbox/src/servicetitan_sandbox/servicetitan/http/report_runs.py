"""How often a report may run."""

from __future__ import annotations

import time

from servicetitan_sandbox.servicetitan.http.problems import Problem


class ReportRuns:
    """The last run of each report of a tenant.

    Args:
        seconds: How long a report must wait before it runs again.
        count_pages: Whether every page is a run, or only the first one.
        hides_pause: Whether only the title of a refusal says how long to wait, and not a `Retry-After`.
    """

    def __init__(self, seconds: float, *, count_pages: bool, hides_pause: bool = False) -> None:
        self._seconds = seconds
        self._count_pages = count_pages
        self._hides_pause = hides_pause
        self._started: dict[int, float] = {}

    def count(self, report: int, page: int) -> None:
        """Count a request for a page of a report.

        Raises:
            Problem: 429 if the report ran too short a time ago.
        """
        if page > 1 and not self._count_pages:
            return
        now = time.monotonic()
        wait = self._started.get(report, -self._seconds) + self._seconds - now
        if wait > 0:
            seconds = int(wait) + 1
            headers = None if self._hides_pause else {"Retry-After": str(seconds)}
            raise Problem(429, f"Rate limit is exceeded. Try again in {seconds} seconds.", headers=headers)
        self._started[report] = now
