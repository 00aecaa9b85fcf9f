"""A client of the local ServiceTitan's control API."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import requests

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.models import Fault, ReportChange, ReportField, Tenant
from servicetitan_sandbox.servicetitan.spec import endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["Control", "ControlError", "Fault", "ReportChange", "ReportField", "Tenant"]

_TIMEOUT_SECONDS = 300


class ControlError(Exception):
    """The control API refused a call; the text says why."""


class Control:
    """Changes records behind the API's back, sets faults, and reads which requests were served.

    Numbers with a fraction are :class:`decimal.Decimal` in both directions, so that amounts stay exact.
    Every method raises :class:`ControlError` when the call is refused.

    Args:
        api_url: Base URL of the local ServiceTitan.
    """

    def __init__(self, api_url: str) -> None:
        self._url = f"{api_url}/control"
        self._session = requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def entity(path: str) -> str:
        """Return the name that the other methods, and faults, know the records of a path by: their `stream`.

        Args:
            path: The path as in the documents, with `{tenant}` and the parents' placeholders in it.

        Raises:
            LookupError: If the documents have no such list.
        """
        return endpoints.entity_of(path)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def add_tenant(self, tenant: Tenant) -> None:
        """Add a tenant with its first records. One that exists with this id is replaced."""
        self._call("POST", "/tenants", tenant.model_dump(mode="json"))

    def insert(
        self, tenant: str, stream: str, values: Mapping[str, Any] | None = None, parent: int | str | None = None
    ) -> dict[str, Any]:
        """Add a record, made up except for the values given, and return it. A child without a parent gets any."""
        return self._record("POST", f"/tenants/{tenant}/{stream}", {"values": values, "parent": parent})

    def update(
        self,
        tenant: str,
        stream: str,
        id: int | str,  # noqa: A002 - the name of the property
        values: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Change a record and return it. Without values, one field changes as its users would change it."""
        return self._record("PATCH", f"/tenants/{tenant}/{stream}/{id}", {"values": values})

    def delete(self, tenant: str, stream: str, id: int | str, *, tombstone: bool = False) -> None:  # noqa: A002
        """Remove a record for good: lists do not show it any more, feeds only once more and only with a tombstone."""
        self._call("DELETE", f"/tenants/{tenant}/{stream}/{id}?tombstone={str(tombstone).lower()}")

    def deactivate(self, tenant: str, stream: str, id: int | str) -> dict[str, Any]:  # noqa: A002
        """Set a record's `active` to false and return it."""
        return self._record("POST", f"/tenants/{tenant}/{stream}/{id}/deactivate")

    def restore(self, tenant: str, stream: str, id: int | str) -> dict[str, Any]:  # noqa: A002
        """Bring back a record that was deleted or deactivated, and return it."""
        return self._record("POST", f"/tenants/{tenant}/{stream}/{id}/restore")

    def records(self, tenant: str, stream: str) -> list[dict[str, Any]]:
        """Return all records, the inactive ones too, by id."""
        records: list[dict[str, Any]] = self._call("GET", f"/tenants/{tenant}/{stream}")
        return records

    def ids(self, tenant: str, stream: str) -> list[int | str]:
        """Return what the other methods take as `id`, in the order of :meth:`records`; also of records without one."""
        ids: list[int | str] = self._call("GET", f"/tenants/{tenant}/{stream}/ids")
        return ids

    def change_report(self, tenant: str, report: int, change: ReportChange) -> None:
        """Let a report have other columns or other rows from now on."""
        self._call("PUT", f"/tenants/{tenant}/reports/{report}", change.model_dump())

    def set_fault(self, fault: Fault) -> int:
        """Let something go wrong from now on, and return the fault's id."""
        identifier: int = self._call("POST", "/faults", fault.model_dump())["id"]
        return identifier

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self._call("DELETE", "/faults")

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests served, oldest first, except those of this API.

        Each has `method`, `path`, `query`, `status`, `tenant`, `stream`, `page`, `undocumented` (names of query
        parameters that the API does not document), `missing` (those that it requires and did not get), `fault` (kind
        of the fault that it met), `body` (of a report's run), `headers` (without secrets) and `client_port` (the same
        for requests of one connection).
        """
        log: list[dict[str, Any]] = self._call("GET", "/requests")
        return log

    def clear_requests(self) -> None:
        """Forget the requests served so far."""
        self._call("DELETE", "/requests")

    def _record(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        record: dict[str, Any] = self._call(method, path, body)
        return record

    def _call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON is any of its types
        data = None if body is None else exact_json.dumps(body)
        headers = {"Content-Type": "application/json"}
        response = self._session.request(
            method, f"{self._url}{path}", data=data, headers=headers, timeout=_TIMEOUT_SECONDS
        )
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise ControlError(f"{method} {path}: {response.status_code} {response.text}")
        return exact_json.loads(response.content) if response.content else None
