"""Every list in the API documents is served, and lists of the same entity show the same records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.client.control import Control, ControlError
from servicetitan_sandbox.servicetitan.spec import documents
from servicetitan_sandbox.servicetitan.spec.endpoints import entities
from support.servicetitan import Client, new_tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

    from servicetitan_sandbox.client.processes import ServiceTitan
    from servicetitan_sandbox.servicetitan.spec.endpoints import Endpoint

CUSTOMERS = "/crm/v2/tenant/{tenant}/customers"
CUSTOMER_CONTACTS = "/crm/v2/tenant/{tenant}/customers/contacts"
CONTACTS_OF_CUSTOMER = "/crm/v2/tenant/{tenant}/customers/{id}/contacts"
CONTACTS_EXPORT = "/crm/v2/tenant/{tenant}/export/customers/contacts"
REQUIRED = {
    "activeOnly": "false",
    "descending": "true",
    "fromUtc": "2000-01-01",
    "page": 1,
    "pageSize": 50,
    "performanceSegmentationType": "Keyword",
    "toUtc": "2030-01-01",
}
SESSIONS = {"sessionCreatedBefore": "2030-01-01", "sessionCreatedOnOrAfter": "2000-01-01"}
DAYS = {"startsOnOrAfter": "2026-03-02T00:00:00Z", "endsOnOrBefore": "2026-03-04T00:00:00Z"}


@pytest.fixture(scope="module")
def tenant(servicetitan: ServiceTitan) -> Client:
    """A tenant that no test changes."""
    return Client(servicetitan, new_tenant(requests_per_second=10_000))


def _data(endpoint: Endpoint, answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON is any of its types
    if endpoint.response_format == "object":
        return [] if answer is None else [answer]
    part = endpoint.path.partition(documents.PART)[2] or "data"
    data: list[dict[str, Any]] = answer if isinstance(answer, list) else answer[part]
    return data


def _ask(tenant: Client, endpoint: Endpoint, path: str) -> Response:
    path = path.partition(documents.PART)[0]
    if endpoint.method == "POST":
        return tenant.post(path, {**DAYS, "skillBasedAvailability": False})
    return tenant.get(path, **_required(tenant, endpoint))


def _required(tenant: Client, endpoint: Endpoint) -> dict[str, Any]:
    ids = ",".join(map(str, tenant.control.ids(tenant.tenant.tenant_id, endpoint.entity)))
    return {
        name: (REQUIRED | SESSIONS | {"ids": ids})[name]
        for name, facts in endpoint.query.items()
        if facts.get("required")
    }


def _paths(tenant: Client, endpoint: Endpoint) -> Iterator[str]:
    """Yield the path with each combination of existing parents."""
    paths = [endpoint.path]
    for parent in endpoint.parents:
        ids = tenant.control.ids(tenant.tenant.tenant_id, parent)
        paths = [re.sub(r"{(?!tenant})[^}]+}", str(parent_id), path, count=1) for path in paths for parent_id in ids]
    return iter(paths)


@pytest.mark.parametrize("module", sorted({path.module for path in documents.paths().values()}))
def test_every_list_answers_records_with_documented_fields(tenant: Client, module: str) -> None:
    endpoints = [
        endpoint
        for entity in entities().values()
        for endpoint in entity.endpoints
        if documents.paths()[endpoint.path].module == module
    ]
    for endpoint in endpoints:
        answers = [_ask(tenant, endpoint, path) for path in _paths(tenant, endpoint)]
        records = [
            record
            for answer in answers
            if answer.status_code == 200
            for record in _data(endpoint, exact_json.loads(answer.content))
        ]
        shapes = {type(answer.json()) for answer in answers if answer.status_code == 200} - {type(None)}

        assert records, endpoint.path
        # With several parents in a path, the second must belong to the first.
        assert {answer.status_code for answer in answers} <= {200, 404 if len(endpoint.parents) > 1 else 200}
        assert shapes == {list if endpoint.response_format == "array" else dict}, endpoint.path
        assert {name for record in records for name in record} <= documents.field_names(endpoint.path)


def test_every_documented_path_belongs_to_an_entity() -> None:
    served = {endpoint.path for entity in entities().values() for endpoint in entity.endpoints}

    # This one serves the values of a report's parameter, not records.
    assert documents.paths().keys() - served == {"/reporting/v2/tenant/{tenant}/dynamic-value-sets/{dynamicSetId}"}


def test_list_feed_and_children_show_the_same_records(tenant: Client) -> None:
    parents = tenant.ids(CUSTOMERS, active="Any")
    listed = {record["id"]: record for record in tenant.page(CUSTOMER_CONTACTS)["data"]}
    exported = {record["id"]: record for record in tenant.page(CONTACTS_EXPORT)["data"]}
    children = [record for parent in parents for record in tenant.page(_contacts_path(parent))["data"]]

    assert listed == {id_: _omit(record, "active") for id_, record in exported.items()}
    assert {child["id"]: child for child in children} == {id_: _omit(listed[id_], "customerId") for id_ in listed}
    assert len(children) == len(listed)
    assert {record["customerId"] for record in listed.values()} <= set(parents)
    counts = [len(tenant.page(_contacts_path(parent))["data"]) for parent in parents]
    assert counts[:4] == [2, 0, 3, 1][: len(counts)]


def test_child_follows_its_parent(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant(sizes={"crm_customers": 5}))
    tenant, control = client.tenant.tenant_id, client.control
    stream = control.entity(CONTACTS_OF_CUSTOMER)
    first, second, *_ = client.ids(CUSTOMERS, active="Any")
    before = client.ids(_contacts_path(second))
    added = control.insert(tenant, stream, parent=second)
    control.update(tenant, stream, client.ids(_contacts_path(first))[0], {"customerId": second})

    assert (before, stream, added["customerId"]) == ([], "crm_customers_contacts", second)
    assert len(client.ids(_contacts_path(second))) == 2
    assert len(client.ids(_contacts_path(first))) == 1
    control.delete(tenant, control.entity(CUSTOMERS), second)
    assert client.get(_contacts_path(second)).status_code == 404
    assert client.get(_contacts_path("x")).status_code == 404
    with pytest.raises(ControlError, match="there is no record"):
        control.insert(tenant, stream, parent=second)


def test_grandchild_belongs_to_the_whole_path(tenant: Client) -> None:
    base = "/crm/v2/tenant/{tenant}/contacts"
    contacts = [record["id"] for record in tenant.page(base)["data"]]
    methods = tenant.page(f"{base}/contact-methods")["data"]
    statuses = {
        (contact, method["id"]): tenant.get(f"{base}/{contact}/contact-methods/{method['id']}/preferences").status_code
        for contact in contacts
        for method in methods
    }

    assert statuses == {
        (contact, method["id"]): 200 if method["contactId"] == contact else 404
        for contact in contacts
        for method in methods
    }


def test_records_without_an_id_can_be_changed(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant())
    tenant, control = client.tenant.tenant_id, client.control
    path = "/marketingreputation/v2/tenant/{tenant}/reviews"
    stream = control.entity(path)
    first, *others = control.ids(tenant, stream)
    before = control.records(tenant, stream)
    control.update(tenant, stream, first, {"rating": 1})
    control.delete(tenant, stream, others[0])

    assert client.page(path)["data"] == [before[0] | {"rating": 1}, *before[2:]]
    control.restore(tenant, stream, others[0])
    assert client.page(path)["data"] == [before[0] | {"rating": 1}, *before[1:]]


def test_feed_shows_a_deletion_with_a_tombstone(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant())
    tenant, control = client.tenant.tenant_id, client.control
    export = "/crm/v2/tenant/{tenant}/export/customers"
    stream = control.entity(export)
    silent, announced, *_ = control.ids(tenant, stream)
    token = client.page(export)["continueFrom"]
    control.delete(tenant, stream, silent)
    control.delete(tenant, stream, announced, tombstone=True)

    assert [(record["id"], record["active"]) for record in client.page(export, **{"from": token})["data"]] == [
        (announced, False)
    ]
    assert not {silent, announced} & set(client.ids(CUSTOMERS, active="Any"))
    control.restore(tenant, stream, announced)
    assert [(record["id"], record["active"]) for record in client.page(export, **{"from": token})["data"]] == [
        (announced, True)
    ]


@pytest.mark.parametrize(("path", "query", "status", "named"), [
    ("/marketingads/v2/tenant/{tenant}/performance", {"fromUtc": "2024-01-01"}, 400,
     {"toUtc", "performanceSegmentationType"}),
    ("/marketingads/v2/tenant/{tenant}/performance", REQUIRED | {"performanceSegmentationType": "Size"}, 400,
     {"performanceSegmentationType", "activeOnly", "descending"}),
    ("/memberships/v2/tenant/{tenant}/invoice-templates", {}, 400, {"ids"}),
    ("/memberships/v2/tenant/{tenant}/invoice-templates", {"ids": "x"}, 400, {"ids"}),
    ("/dispatch/v2/tenant/{tenant}/teams", {"includeInactive": "maybe"}, 400, {"includeInactive"}),
    ("/accounting/v2/tenant/{tenant}/invoices", {"sort": "+Total"}, 400, {"sort"}),
    ("/jpm/v2/tenant/{tenant}/jobs", {"number": "5"}, 501, set()),
    ("/jpm/v2/tenant/{tenant}/export/appointments", {"active": "True"}, 501, set()),
    ("/jpm/v2/tenant/{tenant}/export/appointments", {"active": "Any"}, 200, set()),
    ("/memberships/v2/tenant/{tenant}/memberships", {"active": "False", "ids": "1,2"}, 200, set()),
])  # fmt: skip
def test_parameters_are_checked_against_the_documents(
    tenant: Client, path: str, query: dict[str, Any], status: int, named: set[str]
) -> None:
    answer = tenant.get(path, **query)

    assert (answer.status_code, set(answer.json().get("errors", ()))) == (status, named)


@pytest.mark.parametrize(("path", "everything"), [
    ("/accounting/v2/tenant/{tenant}/invoices", {"activeState": "All"}),
    ("/dispatch/v2/tenant/{tenant}/teams", {"includeInactive": "true"}),
    ("/dispatch/v2/tenant/{tenant}/non-job-appointments", {}),
    ("/jpm/v2/tenant/{tenant}/job-hold-reasons", {}),
    ("/crm/v2/tenant/{tenant}/customers", {"active": "Any"}),
])  # fmt: skip
def test_parameters_for_inactive_records(servicetitan: ServiceTitan, path: str, everything: dict[str, str]) -> None:
    client = Client(servicetitan, new_tenant())
    stream = client.control.entity(path)
    inactive = client.ids(path)[0]
    client.control.deactivate(client.tenant.tenant_id, stream, inactive)

    assert inactive in client.ids(path, **everything)
    only_active = {"activeOnly": "true"} if "activeOnly" in _query(path) else {} if everything else {"active": "True"}
    assert inactive not in client.ids(path, **only_active)


def test_a_few_records_have_every_value_of_a_filter(tenant: Client) -> None:
    path = "/accounting/v2/tenant/{tenant}/ap-bills"
    kinds = documents.paths()[path].query["billType"]["enum"]
    found = [tenant.page(path, billType=kind)["data"] for kind in kinds]

    assert [{record["billType"] for record in records} for records in found] == [{kind} for kind in kinds]


def test_a_list_is_sorted_by_several_fields(servicetitan: ServiceTitan) -> None:
    path = "/jpm/v2/tenant/{tenant}/project-substatuses"
    client = Client(servicetitan, new_tenant())
    for order, identifier in enumerate(client.control.ids(client.tenant.tenant_id, "jpm_project_substatuses")):
        client.control.update(client.tenant.tenant_id, "jpm_project_substatuses", identifier, {"order": order % 2})
    records = client.page(path, active="Any", sort="-Order,+Id")["data"]

    assert records == sorted(records, key=lambda record: (-record["order"], record["id"]))
    assert {record["order"] for record in records} == {0, 1}


def test_an_undocumented_path_has_no_entity() -> None:
    with pytest.raises(LookupError, match="/nothing"):
        Control.entity("/crm/v2/tenant/{tenant}/nothing")


def _contacts_path(parent: object) -> str:
    return f"/crm/v2/tenant/{{tenant}}/customers/{parent}/contacts"


def _query(path: str) -> set[str]:
    return set(documents.paths()[path].query)


def _omit(record: dict[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in record.items() if field != name}
