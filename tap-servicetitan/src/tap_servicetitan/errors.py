"""Every public exception of the tap, named by what the caller can still do.

PluginError ends the run, unless it is a StreamError::

    PluginError
    ├── BatchStorageError
    ├── NothingReadableError
    ├── SignInRefusedError
    └── StreamError
        ├── MissingRecordsError
        ├── RequestRefusedError
        │   └── PageSizeRefusedError
        ├── PageTooHeavyError
        ├── ResponseTooLargeError
        └── UnavailableError
    RetriableError
    RunCancelledError
"""

from __future__ import annotations

from tap_servicetitan.plugin_runtime.errors import PluginError


class SignInRefusedError(PluginError):
    """ServiceTitan does not accept the credentials, or a new access token.

    No stream can be read: the run ends, without a retry.
    """


class NothingReadableError(PluginError):
    """The app may read nothing of the tenant. The run ends, without a retry: the settings are wrong."""

    def __init__(self, tenant_id: str, what: str) -> None:
        """Describe the failure.

        Args:
            tenant_id: The tenant.
            what: The streams or modules that the tap tried to read, in words.
        """
        super().__init__(
            f"tenant {tenant_id} lets the app read none of the {what}: check tenant_id, app_key and the app's scopes"
        )


class BatchStorageError(PluginError):
    """A batch file cannot be written. The text names the place. The run ends, without a retry."""


class StreamError(PluginError):
    """A stream cannot be read to its end. It fails after all retries; the other streams go on."""


class RequestRefusedError(StreamError):
    """The API answered a request with a client error (4xx).

    The same request would fail again, so it is not retried. `status` is the code. The stream is skipped or fails, see
    `on_missing_module`.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class PageSizeRefusedError(RequestRefusedError):
    """The API does not give pages of the size that was asked for. Smaller ones are asked for."""


class PageTooHeavyError(StreamError):
    """The API begins a page and does not bring it to its end, again and again. A smaller one is asked for."""


class UnavailableError(StreamError):
    """The API gave no usable answer within the allowed retries. Other requests are likely to fail as well."""


class ResponseTooLargeError(StreamError):
    """A response is larger than it may be. Raised before it fills the memory.

    A list is asked for smaller pages first.
    """

    def __init__(self, request: str, most_bytes: int, *, is_set: bool) -> None:
        """Name the request and the limit.

        Args:
            request: The request, with the number of the page if it has one.
            most_bytes: The limit.
            is_set: Whether the setting `max_response_bytes` says it.
        """
        advice = ". If that is right, raise the setting `max_response_bytes`" if is_set else ""
        super().__init__(f"{request}: the response has more than {most_bytes} bytes{advice}")


class MissingRecordsError(StreamError):
    """A list says that it has more records than it brings, pass after pass, also with smaller pages."""


class RetriableError(Exception):
    """One attempt failed in a way that may pass: connection trouble, 429, 5xx, a body that is cut or not JSON.

    `Retrier` catches it and tries again. After the last attempt it raises an UnavailableError instead, so operators
    never see this one.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        throttled: bool = False,
        is_heavy: bool = False,
    ) -> None:
        """Describe the failure.

        Args:
            message: What happened.
            retry_after_seconds: The pause that the server asks for.
            throttled: Whether there were too many requests, so that all requests have to wait, not only this one.
            is_heavy: Whether a response that is too much work for the server looks like this: no answer in time, 504,
                or a cut body.
        """
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.throttled = throttled
        self.is_heavy = is_heavy


class RunCancelledError(Exception):
    """The run has ended early. A worker thread meets it when it pauses or writes, and stops.

    It is never logged: the error that ended the run is.
    """
