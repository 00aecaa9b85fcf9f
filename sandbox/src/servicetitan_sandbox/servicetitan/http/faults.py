"""The faults that are set: which request meets which, and the errors that some of them answer."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

from servicetitan_sandbox.servicetitan.http.access import too_many_requests
from servicetitan_sandbox.servicetitan.http.feed_tokens import is_token
from servicetitan_sandbox.servicetitan.http.problems import Problem, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicetitan_sandbox.models import Fault
    from servicetitan_sandbox.servicetitan.http.call import Call


class _Armed:
    """A fault, and how many requests it will still let pass and fail."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._passing = fault.after
        self._failing = fault.times
        self._ends: float | None = None

    def fire(self) -> bool:
        """Count a matching request, and return whether it fails."""
        if self._passing:
            self._passing -= 1
            return False
        if self.fault.for_seconds is not None:
            self._ends = self._ends or time.monotonic() + self.fault.for_seconds
            if time.monotonic() >= self._ends:
                return False
        if self._failing is None:
            return True
        self._failing -= 1
        return self._failing >= 0


class Faults:
    """The faults that are set now."""

    def __init__(self) -> None:
        self._armed: dict[int, _Armed] = {}
        self._ids = count(1)

    def set(self, fault: Fault) -> int:
        """Add a fault and return its id."""
        identifier = next(self._ids)
        self._armed[identifier] = _Armed(fault)
        return identifier

    def clear(self) -> None:
        """Remove all faults."""
        self._armed.clear()

    def meet(self, call: Call, page: int | None, tenant: str) -> Fault | None:
        """Count a request, and return the fault that it meets.

        Args:
            call: The request.
            page: The number of the page that it asks for.
            tenant: The tenant that asks. A request for a token meets a tenant's faults only if they name its path.
        """
        for armed in self._armed.values():
            asks = tenant if armed.fault.path != "/" else call.tenant
            if _matches(armed.fault, call, page, asks) and armed.fire():
                return armed.fault
        return None


def _matches(fault: Fault, call: Call, page: int | None, tenant: str) -> bool:
    if fault.kind == "unknown_token" and not is_token(call.query):
        return False
    return call.path.startswith(fault.path) and all(
        wanted in {None, actual}
        for wanted, actual in ((fault.stream, call.stream), (fault.tenant, tenant), (fault.page, page))
    )


def problem(fault: Fault) -> Problem | None:
    """Return the error that a fault answers instead of records; None if the fault does something else."""
    make = _PROBLEMS.get(fault.kind)
    return make(fault) if make else None


_PROBLEMS: dict[str, Callable[[Fault], Problem]] = {
    "status": lambda fault: Problem(fault.status, ""),
    "unauthorized": lambda _: Problem(401, "The access token expired."),
    "forbidden": lambda _: Problem(403, "The application lacks a scope for this module."),
    "not_found": lambda _: Problem(404, "The tenant has not enabled this."),
    "rate_limited": lambda fault: too_many_requests(fault.retry_after),
    "unknown_token": lambda _: invalid("from", "The continuation token is not valid."),
}
