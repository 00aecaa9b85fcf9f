"""Turns a failed call to BigQuery into one line that says what could not be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from target_bigquery_softdelete.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Callable

_WITHOUT_BILLING = (
    "Without billing BigQuery changes no rows and deletes every table after 60 days, so this target cannot be used: "
    "link the project to a billing account, and run again."
)

_STREAMED = (
    "Another program has streamed rows into the table. BigQuery changes them only half an hour later, and clones the "
    "table only an hour and a half later: run again then."
)

CALL_ERRORS = (exceptions.GoogleAPIError, GoogleAuthError, OSError)
"""What a call raises when it has failed for good. The errors of `requests` are OSErrors."""


def call(action: str, request: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the request returns
    """Send a request and return its result.

    Args:
        action: What the request does, as the error says it: `cannot read the table ...`.
        request: Sends it, with all retries.

    Raises:
        WarehouseError: If it fails for good.
    """
    try:
        return request()
    except CALL_ERRORS as error:
        raise warehouse_error(action, error) from error


def warehouse_error(action: str, error: BaseException) -> WarehouseError:
    """Return the error that says what could not be done, and why."""
    message = getattr(error, "message", None) or str(error)
    return WarehouseError(f"BigQuery: {action}: {message}{_advice(error)}")


def _advice(error: BaseException) -> str:
    """Return what to do about an error whose own text does not say it, as another sentence."""
    reasons = {str(item.get("reason")) for item in getattr(error, "errors", ()) if isinstance(item, dict)}
    reasons.add(getattr(error, "reason", ""))  # of a job that has failed
    if "billingNotEnabled" in reasons:
        return f" {_WITHOUT_BILLING}"
    return f" {_STREAMED}" if "streaming buffer" in str(error) else ""
