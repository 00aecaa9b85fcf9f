"""The public errors of this package. Every other failure that an operator can act on is a plain `PluginError`."""

from __future__ import annotations

from enum import Enum

from servicetitan_fleet.plugin_runtime.errors import PluginError


class Refusal(Enum):
    """Why this process must not run a company."""

    DONE = "this execution has already run it"
    BUSY = "another process is running it"


class ClaimRefusedError(PluginError):
    """Raised when a company cannot be claimed, or when another process has taken over the claim.

    Callers do not retry: they skip the company (`DONE`) or leave it to the process that runs it (`BUSY`).
    """

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.value + detail)
        self.refusal = refusal


class ConcurrentUpdateError(PluginError):
    """Raised when another process has replaced an object in the storage since this process read it.

    Callers read the object again and retry.
    """
