"""A client of the local ServiceTitan's control API."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import requests

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.errors import ControlError
from servicetitan_sandbox.models import Fault, PageCap, ReportChange, ReportField, Tenant, Unrest
from servicetitan_sandbox.servicetitan.spec import endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["Control", "ControlError", "Fault", "PageCap", "ReportChange", "ReportField", "Tenant", "Unrest"]

_TIMEOUT_SECONDS = 300


class Control:
    """Adds tenants, changes their records, sets faults, and reads the request log.

    Numbers with a fraction are :class:`decimal.Decimal` in both directions, so that amounts stay exact.
    Every method raises :class:`ControlError` if the server refuses the call.

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
        """Return the name of the entity that a path serves: the `stream` of the other methods and of faults.

        Args:
            path: The path as in the API documents, with placeholders for the tenant and the parents' ids.

        Raises:
            LookupError: If the documents have no list at this path.
        """
        return endpoints.entity_of(path)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def add_tenant(self, tenant: Tenant) -> None:
        """Add a tenant with its original records. A tenant with the same id is replaced."""
        self._call("POST", "/tenants", tenant.model_dump(mode="json"))

    def set_unrest(self, tenant: str, unrest: Unrest) -> None:
        """Let records change before each request of a tenant from now on. It replaces any earlier unrest."""
        self._call("PUT", f"/tenants/{tenant}/unrest", unrest.model_dump(mode="json"))

    def end_unrest(self, tenant: str) -> None:
        """Let the records of a tenant change only by calls of the control API."""
        self._call("DELETE", f"/tenants/{tenant}/unrest")

    def advance_clock(self, tenant: str, seconds: float) -> None:
        """Move the clock of a tenant's server on by some seconds."""
        self._call("POST", f"/tenants/{tenant}/clock/advance?seconds={seconds}")

    def insert(
        self, tenant: str, stream: str, values: Mapping[str, Any] | None = None, parent: int | str | None = None
    ) -> dict[str, Any]:
        """Add a record and return it.

        Args:
            tenant: The tenant's id.
            stream: The record's entity.
            values: Values of the record; the others are made up. A `modifiedOn`, also null, stays as it is given.
            parent: Id of the parent of a child record. By default any parent.
        """
        return self._record("POST", f"/tenants/{tenant}/{stream}", {"values": values, "parent": parent})

    def update(
        self,
        tenant: str,
        stream: str,
        id: int | str,  # noqa: A002 - the name of the property
        values: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Change a record and return it. Without values, one field changes, as a user would change it."""
        return self._record("PATCH", f"/tenants/{tenant}/{stream}/{id}", {"values": values})

    def update_many(
        self, tenant: str, stream: str, values: Mapping[str, Any] | None = None, count: int | None = None
    ) -> int:
        """Change many records in one moment, so that they have the same `modifiedOn`, and return how many.

        Args:
            tenant: The tenant's id.
            stream: The records' entity.
            values: As for :meth:`update`.
            count: How many, in the order of their ids; None for all.
        """
        path = f"/tenants/{tenant}/{stream}" + ("" if count is None else f"?count={count}")
        updated: int = self._call("PATCH", path, {"values": values})["updated"]
        return updated

    def delete(self, tenant: str, stream: str, id: int | str, *, tombstone: bool = False) -> None:  # noqa: A002
        """Remove a record for good. With a tombstone the feed shows it once more, as inactive."""
        self._call("DELETE", f"/tenants/{tenant}/{stream}/{id}?tombstone={str(tombstone).lower()}")

    def deactivate(self, tenant: str, stream: str, id: int | str) -> dict[str, Any]:  # noqa: A002
        """Set a record's `active` to false and return it."""
        return self._record("POST", f"/tenants/{tenant}/{stream}/{id}/deactivate")

    def restore(self, tenant: str, stream: str, id: int | str) -> dict[str, Any]:  # noqa: A002
        """Bring back a record that was deleted or deactivated, and return it."""
        return self._record("POST", f"/tenants/{tenant}/{stream}/{id}/restore")

    def records(self, tenant: str, stream: str) -> list[dict[str, Any]]:
        """Return all records, including inactive ones, in the order of their ids."""
        records: list[dict[str, Any]] = self._call("GET", f"/tenants/{tenant}/{stream}")
        return records

    def values(self, tenant: str, stream: str, *names: str) -> list[list[Any]]:
        """Return some properties of all records, in the order of :meth:`records`: for a table that has a million."""
        values: list[list[Any]] = self._call("GET", f"/tenants/{tenant}/{stream}/values?names={','.join(names)}")
        return values

    def ids(self, tenant: str, stream: str) -> list[int | str]:
        """Return the ids for the other methods, in the order of :meth:`records`. Records without `id` have one, too."""
        ids: list[int | str] = self._call("GET", f"/tenants/{tenant}/{stream}/ids")
        return ids

    def parents(self, tenant: str, stream: str) -> list[int | str | None]:
        """Return the ids of the records' parents, in the order of :meth:`records`. A parent may have been deleted."""
        parents: list[int | str | None] = self._call("GET", f"/tenants/{tenant}/{stream}/parents")
        return parents

    def change_report(self, tenant: str, report: int, change: ReportChange) -> None:
        """Give a report other columns or other rows from now on."""
        self._call("PUT", f"/tenants/{tenant}/reports/{report}", change.model_dump())

    def set_fault(self, fault: Fault) -> int:
        """Set a fault and return its id."""
        identifier: int = self._call("POST", "/faults", fault.model_dump())["id"]
        return identifier

    def clear_faults(self) -> None:
        """Clear all faults."""
        self._call("DELETE", "/faults")

    def requests(self) -> list[dict[str, Any]]:
        """Return the request log, oldest first. It omits requests to the control API.

        Each entry has `method`, `path`, `query`, `status`, `tenant`, `stream`, `page`, `undocumented` (names of query
        parameters that the API does not document), `missing` (names of required parameters that were not given),
        `fault` (the kind of fault that the request met), `body` (of a report's run), `headers` (without secrets) and
        `client_port` (the same for all requests of one connection).
        """
        log: list[dict[str, Any]] = self._call("GET", "/requests")
        return log

    def clear_requests(self) -> None:
        """Clear the request log."""
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
