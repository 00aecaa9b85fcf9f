"""Which paths the API has, and which of them hand out the same records.

An entity is what one set of records belongs to: a list, the export feed of the same things, and the list of those of
one parent. Its name follows from its path: the area (`crm`; `telecom_v3` where it is not version 2) and the parts of
the path without `export` and the parents' ids, such as `crm_customers_contacts`. Seven have short names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from servicetitan_sandbox.servicetitan.data.identity import Identity
from servicetitan_sandbox.servicetitan.spec import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servicetitan_sandbox.servicetitan.data.identity import Kind

    Json = dict[str, Any]

TENANT = re.compile(r"(?<=/tenant/)[^/]+")
"""Finds the tenant in a path."""

_ROOT = re.compile(r"/([^/]+)/(v\d+)/tenant/{tenant}/")
_IN_NO_NAME = frozenset({"export", "paginated"})

SHORT_NAMES: Mapping[str, str] = {
    "jpm_job_types": "job_types",
    "marketing_campaigns": "campaigns",
    "payroll_jobs_timesheets": "timesheets",
    "settings_business_units": "business_units",
    "settings_employees": "employees",
    "settings_technicians": "technicians",
    "timesheets_activities": "activities",
}
"""Names by what the rule would call them."""

_APART: Mapping[str, str] = {"/telecom/v2/tenant/{tenant}/export/calls": "telecom_export_calls"}
"""A feed whose records have nothing in common with those of the list."""

_PARENTS: Mapping[str, str] = {
    "/crm/v2/tenant/{tenant}/booking-provider": "crm_booking_provider_tags",
    "/crm/v2/tenant/{tenant}/contacts/relationships": "crm_customers",
    "/jpm/v2/tenant/{tenant}/work-breakdown-structure/projects": "jpm_projects",
    "/payroll/v2/tenant/{tenant}/employees": "employees",
    "/payroll/v2/tenant/{tenant}/jobs": "jpm_jobs",
    "/payroll/v2/tenant/{tenant}/technicians": "technicians",
    "/reporting/v2/tenant/{tenant}/report-category": "reporting_report_categories",
    "/sales/v2/tenant/{tenant}/status/estimates": "sales_estimates",
    # Nothing lists routers. Each scheduler stands for one.
    "/schedulingpro/v2/tenant/{tenant}/routers": "schedulingpro_schedulers",
}
"""Parents of children whose path does not continue the parents' own."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "accounting_invoices_tasks": ("taskId",),
    "customer_interactions_technician_ratings": ("technicianId", "jobId"),
    "jpm_job_history": ("jobId",),
    "jpm_jobs_cancel_reasons": ("jobId",),
    "payroll_locations_rates": ("locationId", "laborTypeCode"),
    "payroll_payroll_settings": ("employeeId", "employeeType"),
    "telecom_v3_optinouts_optouts": ("contactNumber", "optOutType"),
}
"""Fields that every record has, of records without an `id`. The first is different in each of them."""

_SETS = "/reporting/v2/tenant/{tenant}/dynamic-value-sets/{dynamicSetId}"
_REPORTS = "/reporting/v2/tenant/{tenant}/report-category/{report_category}/reports"

Answer = documents.Answer | Literal["description", "report", "values"]
"""How a path answers: a list, the description of a report, a report's rows, or the values that a parameter takes."""

_KINDS: Mapping[str, Kind] = {"integer": "integer", "string": "text"}

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
    """A path that hands out an entity's records.

    Attributes:
        entity: Name of the entity.
        path: The path, with `{tenant}` and the placeholders of the parents' ids in it.
        answer: How it answers.
        query: The query parameters that it documents, with what is known of their values.
        parents: The entity of each placeholder, in the order of the path.
        hidden: Properties that the entity's records have and this path does not show.
    """

    entity: str
    path: str
    answer: Answer
    query: Mapping[str, Json]
    parents: tuple[str, ...]
    hidden: frozenset[str] = frozenset()

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "POST" if self.answer == "report" else "GET"


@dataclass(frozen=True, slots=True)
class Entity:
    """A set of records.

    Attributes:
        name: The name.
        endpoints: The paths that hand them out.
        key: Properties that every record has.
        parent: The entity that they belong to.
        parent_field: The property that holds the parent's id, if there is one.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    key: tuple[str, ...]
    parent: str | None
    parent_field: str | None

    @property
    def only_by_parent(self) -> bool:
        """Whether no path lists the records of all parents."""
        return all(endpoint.parents for endpoint in self.endpoints)


@cache
def entities() -> Mapping[str, Entity]:
    """Return every entity, by name."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for path in documents.paths():
        if path != _SETS:
            grouped[_name(path)].append(path)
    return {name: _entity(name, tuple(paths)) for name, paths in grouped.items()}


def areas() -> frozenset[str]:
    """Return the areas of the API: the first parts of its paths."""
    return frozenset(_area(path)[0] for path in documents.paths())


def entity_of(path: str) -> str:
    """Return the name of the entity that a path hands out; the path is written as in the documents.

    Raises:
        LookupError: If the documents have no such list.
    """
    for entity in entities().values():
        if any(endpoint.path == path for endpoint in entity.endpoints):
            return entity.name
    raise LookupError(f"no list has the path {path}")


def find(path: str) -> tuple[Endpoint | None, tuple[str, ...]]:
    """Return the endpoint that a request's path stands for, and the parents' ids in it; None if there is none."""
    template = TENANT.sub("{tenant}", path, count=1)
    parts = template.split("/")
    exact, by_length = _index()
    if template in exact:
        return exact[template], ()
    for pattern, endpoint in by_length[len(parts)]:
        if all(wanted in {"{}", part} for wanted, part in zip(pattern, parts, strict=True)):
            return endpoint, tuple(part for wanted, part in zip(pattern, parts, strict=True) if wanted == "{}")
    return None, ()


@cache
def schema(entity_name: str) -> Json:
    """Return the JSON Schema of an entity's records: the fields that any of its paths shows.

    Every record has its key and what lists can be filtered by.
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
    """Return how an entity's records show what identifies them."""
    key = entities()[name].key
    if not key:
        return Identity(None)
    field = schema(name)["properties"][key[0]]
    return Identity(key[0], "guid" if field.get("format") == "guid" else _KINDS[field["type"]])


@cache
def _index() -> tuple[Mapping[str, Endpoint], Mapping[int, list[tuple[list[str], Endpoint]]]]:
    exact: dict[str, Endpoint] = {}
    by_length: dict[int, list[tuple[list[str], Endpoint]]] = defaultdict(list)
    lists = (endpoint for entity in entities().values() for endpoint in entity.endpoints)
    for endpoint in (*lists, *_of_reports()):
        pattern = re.sub(r"{(?!tenant})[^}]+}", "{}", endpoint.path).split("/")
        if "{}" in pattern:
            by_length[len(pattern)].append((pattern, endpoint))
        else:
            exact[endpoint.path] = endpoint
    return exact, by_length


def _of_reports() -> Iterator[Endpoint]:
    """Yield the paths that the documents have for reports besides lists."""
    paging = documents.paths()[_SETS].query
    parents = (_PARENTS[_REPORTS.rpartition("/{")[0]], _name(_REPORTS))
    yield Endpoint(_name(_SETS), _SETS, "values", paging, ())
    yield Endpoint(_name(_REPORTS), f"{_REPORTS}/{{reportId}}", "description", {}, parents)
    yield Endpoint(_name(_REPORTS), f"{_REPORTS}/{{reportId}}/data", "report", paging, parents)


def _name(path: str) -> str:
    if path in _APART:
        return _APART[path]
    area, version = _area(path)
    parts = _ROOT.sub("", path).split("/")
    words = [area if version == "v2" else f"{area}_{version}"]
    words += [part for part in parts if part not in _IN_NO_NAME and not part.startswith("{")]
    if parts[-1].startswith("{"):
        words += ["by", parts[-1].strip("{}").lower()]
    name = "_".join(words).replace("-", "_")
    return SHORT_NAMES.get(name, name)


def _area(path: str) -> tuple[str, str]:
    match = _ROOT.match(path)
    if match is None:
        raise LookupError(f"{path} is no path of a tenant")
    return match[1], match[2]


def _entity(name: str, paths: tuple[str, ...]) -> Entity:
    shown = {path: documents.field_names(path) for path in paths}
    every = frozenset[str]().union(*shown.values())
    endpoints = tuple(_endpoint(name, path, every - shown[path]) for path in paths)
    before = next((path.rpartition("/{")[0] for path in paths if re.search(r"{(?!tenant})", path)), None)
    parent = _parent(before) if before else None
    field = _parent_field(before) if before else None
    key = _KEYS.get(name, ("id",) if "id" in every else ())
    return Entity(name, endpoints, key, parent, field if field in every else None)


def _endpoint(name: str, path: str, hidden: frozenset[str]) -> Endpoint:
    known = documents.paths()[path]
    befores = [path[: match.start() - 1] for match in re.finditer(r"{(?!tenant})", path)]
    return Endpoint(name, path, known.answer, known.query, tuple(map(_parent, befores)), hidden)


def _parent(before: str) -> str:
    return _PARENTS.get(before) or _name(before)


def _parent_field(before: str) -> str:
    """Return what a record would call the id of its parent: `contactMethodId` for `contact-methods`."""
    singular = re.sub(r"ies$", "y", before.rpartition("/")[2]).removesuffix("s")
    first, *others = singular.split("-")
    return first + "".join(word.title() for word in others) + "Id"
