"""The endpoints of the API, and the entities whose records they serve.

Several endpoints can serve the records of one entity: a list, an export feed, and a list of one parent's records. An
entity is named after its path: the area (`crm`, or `telecom_v3` if it is not version 2) and the parts of the path
without `export` and the parents' ids, such as `crm_customers_contacts`. Seven entities have short names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from servicetitan_sandbox.servicetitan.data.identity import Identity
from servicetitan_sandbox.servicetitan.spec import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servicetitan_sandbox.servicetitan.data.identity import IdKind

    Json = dict[str, Any]

TENANT = re.compile(r"(?<=/tenant/)[^/]+")
"""Finds the tenant in a path."""

REPORTS = "reporting_report_category_reports"
"""Name of the entity of reports."""

_ROOT = re.compile(r"/([^/]+)/(v\d+)/tenant/{tenant}/")
_NOT_IN_NAMES = frozenset({"export", "paginated"})

SHORT_NAMES: Mapping[str, str] = {
    "jpm_job_types": "job_types",
    "marketing_campaigns": "campaigns",
    "payroll_jobs_timesheets": "timesheets",
    "settings_business_units": "business_units",
    "settings_employees": "employees",
    "settings_technicians": "technicians",
    "timesheets_activities": "activities",
}
"""Short names, by the name that follows from the path."""

_SEPARATE_FEEDS: Mapping[str, str] = {"/telecom/v2/tenant/{tenant}/export/calls": "telecom_export_calls"}
"""Entities of feeds whose records have nothing in common with those of the list."""

_PARENTS: Mapping[str, str] = {
    "/crm/v2/tenant/{tenant}/booking-provider": "crm_booking_provider_tags",
    "/crm/v2/tenant/{tenant}/contacts/relationships": "crm_customers",
    "/forms/v2/tenant/{tenant}/jobs": "jpm_jobs",
    "/jpm/v2/tenant/{tenant}/work-breakdown-structure/projects": "jpm_projects",
    "/payroll/v2/tenant/{tenant}/employees": "employees",
    "/payroll/v2/tenant/{tenant}/jobs": "jpm_jobs",
    "/payroll/v2/tenant/{tenant}/technicians": "technicians",
    "/reporting/v2/tenant/{tenant}/report-category": "reporting_report_categories",
    "/sales/v2/tenant/{tenant}/status/estimates": "sales_estimates",
    # No endpoint lists routers, so schedulers take their place.
    "/schedulingpro/v2/tenant/{tenant}/routers": "schedulingpro_schedulers",
}
"""Entities of parents, by the start of a path, where the parents have another path themselves."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "accounting_invoices_tasks": ("taskId",),
    "customer_interactions_technician_ratings": ("technicianId", "jobId"),
    "jpm_job_history": ("jobId",),
    "jpm_jobs_cancel_reasons": ("jobId",),
    "payroll_locations_rates": ("locationId", "laborTypeCode"),
    "payroll_payroll_settings": ("employeeId", "employeeType"),
    "telecom_v3_optinouts_optouts": ("contactNumber", "optOutType"),
}
"""The keys of entities without an `id`. The first field is unique to each record."""

_VALUE_SETS_PATH = "/reporting/v2/tenant/{tenant}/dynamic-value-sets/{dynamicSetId}"
_REPORTS_PATH = "/reporting/v2/tenant/{tenant}/report-category/{report_category}/reports"

_RECORD_PATHS = (
    "/crm/v2/tenant/{tenant}/bookings/{id}",
    "/crm/v2/tenant/{tenant}/leads/{id}",
    "/jpm/v2/tenant/{tenant}/projects/{id}",
)
"""Paths of single records: those whose list cannot be asked for the inactive ones, and which have children."""

ResponseFormat = documents.ListFormat | Literal["description", "record", "report", "values"]
"""The format of a response: a list, a single record, a report's description, its rows, or the values of a parameter."""

_ID_KINDS: Mapping[str, IdKind] = {"integer": "integer", "string": "text"}

REFERENCES: Mapping[str, str] = {
    "appointmentId": "jpm_appointments",
    "businessUnitId": "business_units",
    "businessUnitIds": "business_units",
    "campaignId": "campaigns",
    "customerId": "crm_customers",
    "employeeId": "employees",
    "estimateId": "sales_estimates",
    "invoiceId": "accounting_invoices",
    "jobId": "jpm_jobs",
    "jobTypeId": "job_types",
    "locationId": "crm_locations",
    "managerId": "employees",
    "modifiedById": "employees",
    "projectId": "jpm_projects",
    "technicianId": "technicians",
}
"""Properties that hold ids of another entity."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path of the API that serves an entity's records.

    Attributes:
        entity: Name of the entity.
        path: The path, with placeholders for the tenant and the parents' ids.
        response_format: How the records are returned.
        query: The documented query parameters, each with the facts about its values.
        parents: The entity of each parent's placeholder, in the order of the path.
        hidden: Properties of the entity's records that this path does not return.
        body: The members of the body, each with whether it is required; none for one that is read by GET.
    """

    entity: str
    path: str
    response_format: ResponseFormat
    query: Mapping[str, Json]
    parents: tuple[str, ...]
    hidden: frozenset[str] = frozenset()
    body: Mapping[str, Json] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "POST" if self.response_format == "report" or self.body else "GET"


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of record.

    Attributes:
        name: The name. Control API and faults call it `stream`.
        endpoints: The endpoints that serve the records.
        key: Properties that every record has.
        parent: The entity of the parents, if there are any.
        parent_field: The property that holds the parent's id, if there is one.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    key: tuple[str, ...]
    parent: str | None
    parent_field: str | None

    @property
    def only_by_parent(self) -> bool:
        """Whether no endpoint lists the records of all parents."""
        return all(endpoint.parents for endpoint in self.endpoints)


@cache
def entities() -> Mapping[str, Entity]:
    """Return every entity, by name."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for path in documents.paths():
        if path != _VALUE_SETS_PATH:
            grouped[_name(path)].append(path)
    return {name: _entity(name, tuple(paths)) for name, paths in grouped.items()}


def areas() -> frozenset[str]:
    """Return the areas of the API: the first parts of its paths."""
    return frozenset(_area(path)[0] for path in documents.paths())


def entity_of(path: str) -> str:
    """Return the name of the entity that a path serves.

    Args:
        path: The path as in the documents.

    Raises:
        LookupError: If the documents have no list at this path.
    """
    for entity in entities().values():
        if any(endpoint.path == path for endpoint in entity.endpoints):
            return entity.name
    raise LookupError(f"no list has the path {path}")


def find(path: str) -> tuple[Endpoint | None, tuple[str, ...]]:
    """Return the endpoint at the path of a request, or None, and the parents' ids in the path."""
    template = TENANT.sub("{tenant}", path, count=1)
    parts = template.split("/")
    exact, by_length = _index()
    if template in exact:
        return exact[template], ()
    for pattern, endpoint in by_length[len(parts)]:
        if all(wanted in {"{}", part} for wanted, part in zip(pattern, parts, strict=True)):
            return endpoint, tuple(part for wanted, part in zip(pattern, parts, strict=True) if wanted == "{}")
    return None, ()


def parts_of(endpoint: Endpoint) -> Mapping[str, Endpoint]:
    """Return the endpoints that are answered together with one, by the name of their array."""
    address = endpoint.path.partition(documents.PART)[0]
    every = (other for entity in entities().values() for other in entity.endpoints)
    named = {other.path.rpartition(documents.PART)[2]: other for other in every if other.response_format == "part"}
    return {name: other for name, other in named.items() if other.path.startswith(f"{address}{documents.PART}")}


@cache
def schema(entity_name: str) -> Json:
    """Return the JSON Schema of an entity's records: the fields that any of its endpoints returns.

    The key and the fields that a list can be filtered by are required.
    """
    entity = entities()[entity_name]
    fields: Json = {}
    for endpoint in entity.endpoints:
        fields = documents.properties(endpoint.path) | fields
    required = [*entity.key, *(name for name in documents.FILTERED_FIELDS if name in fields)]
    for name in required:
        fields[name] = fields[name] | {"type": fields[name]["type"][0]}
    return {"type": "object", "properties": fields, "required": required}


def identity(name: str) -> Identity:
    """Return how an entity's records show their ids."""
    key = entities()[name].key
    if not key:
        return Identity(None)
    shown = schema(name)["properties"][key[0]]
    return Identity(key[0], "guid" if shown.get("format") == "guid" else _ID_KINDS[shown["type"]])


@cache
def _index() -> tuple[Mapping[str, Endpoint], Mapping[int, list[tuple[list[str], Endpoint]]]]:
    exact: dict[str, Endpoint] = {}
    by_length: dict[int, list[tuple[list[str], Endpoint]]] = defaultdict(list)
    lists = (endpoint for entity in entities().values() for endpoint in entity.endpoints)
    for endpoint in (*lists, *_record_endpoints(), *_report_endpoints()):
        address = endpoint.path.partition(documents.PART)[0]
        pattern = re.sub(r"{(?!tenant})[^}]+}", "{}", address).split("/")
        if "{}" in pattern:
            by_length[len(pattern)].append((pattern, endpoint))
        else:
            exact[address] = endpoint
    return exact, by_length


def _record_endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints of single records."""
    for path in _RECORD_PATHS:
        name = _name(path.rpartition("/{")[0])
        yield Endpoint(name, path, "record", {}, (name,))


def _report_endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints of reports that are not lists."""
    paging = documents.paths()[_VALUE_SETS_PATH].query
    parents = (_PARENTS[_REPORTS_PATH.rpartition("/{")[0]], REPORTS)
    yield Endpoint(_name(_VALUE_SETS_PATH), _VALUE_SETS_PATH, "values", paging, ())
    yield Endpoint(REPORTS, f"{_REPORTS_PATH}/{{reportId}}", "description", {}, parents)
    yield Endpoint(REPORTS, f"{_REPORTS_PATH}/{{reportId}}/data", "report", paging, parents)


def _name(path: str) -> str:
    if path in _SEPARATE_FEEDS:
        return _SEPARATE_FEEDS[path]
    area, version = _area(path)
    parts = re.split(rf"[/{documents.PART}]", _ROOT.sub("", path))
    words = [area if version == "v2" else f"{area}_{version}"]
    words += [part for part in parts if part not in _NOT_IN_NAMES and not part.startswith("{")]
    if parts[-1].startswith("{"):
        words += ["by", parts[-1].strip("{}").lower()]
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", "_".join(words)).replace("-", "_").lower()
    return SHORT_NAMES.get(name, name)


def _area(path: str) -> tuple[str, str]:
    match = _ROOT.match(path)
    if match is None:
        raise LookupError(f"{path} is not the path of a tenant's data")
    return match[1], match[2]


def _entity(name: str, paths: tuple[str, ...]) -> Entity:
    fields_by_path = {path: documents.field_names(path) for path in paths}
    fields = frozenset[str]().union(*fields_by_path.values())
    endpoints = tuple(_endpoint(name, path, fields - fields_by_path[path]) for path in paths)
    parent_path = next((path.rpartition("/{")[0] for path in paths if re.search(r"{(?!tenant})", path)), None)
    parent = _parent(parent_path) if parent_path else None
    parent_field = _parent_field(parent_path) if parent_path else None
    key = _KEYS.get(name, ("id",) if "id" in fields else ())
    return Entity(name, endpoints, key, parent, parent_field if parent_field in fields else None)


def _endpoint(name: str, path: str, hidden: frozenset[str]) -> Endpoint:
    documented = documents.paths()[path]
    parent_paths = [path[: match.start() - 1] for match in re.finditer(r"{(?!tenant})", path)]
    parents = tuple(map(_parent, parent_paths))
    return Endpoint(name, path, documented.response_format, documented.query, parents, hidden, documented.body)


def _parent(parent_path: str) -> str:
    return _PARENTS.get(parent_path) or _name(parent_path)


def _parent_field(parent_path: str) -> str:
    """Return the name that a parent's id usually has in a record, such as `contactMethodId` for `contact-methods`."""
    singular = re.sub(r"ies$", "y", parent_path.rpartition("/")[2]).removesuffix("s")
    first, *others = singular.split("-")
    return first + "".join(word.title() for word in others) + "Id"
