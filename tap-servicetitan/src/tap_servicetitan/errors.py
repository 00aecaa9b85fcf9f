"""Errors, named by what the caller can still do."""

from __future__ import annotations

from tap_servicetitan.plugin_runtime.errors import PluginError


class SignInRefusedError(PluginError):
    """The credentials are not accepted: no stream can be read, the run stops."""


class StreamError(PluginError):
    """This stream cannot go on. The others can."""


class RequestRefusedError(StreamError):
    """The API answered a request with a client error (4xx), so the same request would fail again."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class RetriableError(Exception):
    """One attempt failed in a way that may pass: connection trouble, 429, 5xx, a body that is cut or not JSON."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None, throttled: bool = False) -> None:
        """Describe the failure.

        Args:
            message: What happened.
            retry_after_seconds: The pause that the server asks for.
            throttled: Whether there were too many requests, so that it is not this one alone that has to wait.
        """
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.throttled = throttled
