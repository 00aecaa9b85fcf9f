"""The control API changes records as users and administrators of ServiceTitan would."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.errors import ControlError
from servicetitan_sandbox.models import SIZES
from support.servicetitan import TECHNICIANS, Client, new_tenant

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan


@pytest.mark.parametrize("stream", SIZES)
def test_update_changes_one_field_and_the_time(client: Client, stream: str) -> None:
    tenant = client.tenant.tenant_id
    before = client.control.records(tenant, stream)[0]
    after = client.control.update(tenant, stream, before["id"])
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    assert len(changed) == 2
    assert "modifiedOn" in changed
    assert after["modifiedOn"] > before["modifiedOn"]
    assert client.control.records(tenant, stream)[0] == after


def test_values_arrive_exactly_as_they_were_set(client: Client) -> None:
    tenant = client.tenant.tenant_id
    values = {"hourlyRate": Decimal("12345678901234567890.1234"), "memo": "a\n\t\"'\\🧊", "new": {"deep": [1, None]}}
    identifier = client.ids(TECHNICIANS)[0]
    client.control.update(tenant, "technicians", identifier, values)
    answer = client.get(TECHNICIANS, ids=identifier)

    assert b'"hourlyRate":12345678901234567890.1234' in answer.content
    assert values.items() <= client.page(TECHNICIANS, ids=identifier)["data"][0].items()


def test_deleted_record_is_gone_until_restored(client: Client) -> None:
    tenant = client.tenant.tenant_id
    identifier = client.ids(TECHNICIANS)[0]
    client.control.delete(tenant, "technicians", identifier)
    gone = client.ids(TECHNICIANS, active="Any")
    client.control.restore(tenant, "technicians", identifier)

    assert identifier not in gone
    assert len(gone) == 24
    assert identifier in client.ids(TECHNICIANS)


def test_deactivated_record_is_listed_only_on_request_until_restored(client: Client) -> None:
    tenant = client.tenant.tenant_id
    identifier = client.ids(TECHNICIANS)[0]
    client.control.deactivate(tenant, "technicians", identifier)
    assert identifier not in client.ids(TECHNICIANS)
    assert identifier in client.ids(TECHNICIANS, active="Any")

    client.control.restore(tenant, "technicians", identifier)
    assert identifier in client.ids(TECHNICIANS)


def test_inserted_records_have_new_ids(client: Client) -> None:
    tenant = client.tenant.tenant_id
    before = client.ids(TECHNICIANS, active="Any")
    added = [client.control.insert(tenant, "technicians", {"name": f"New {number}"}) for number in range(30)]

    assert sorted(before + [record["id"] for record in added]) == client.ids(TECHNICIANS, active="Any", pageSize=100)
    assert added[0]["name"] == "New 0"


def test_parents_are_those_whose_lists_show_the_records(client: Client) -> None:
    tenant, stream = client.tenant.tenant_id, "crm_customers_contacts"
    inserted = client.control.insert(tenant, stream, parent=client.control.ids(tenant, "crm_customers")[1])
    parents = dict(zip(client.control.ids(tenant, stream), client.control.parents(tenant, stream), strict=True))

    assert parents[inserted["id"]] == client.control.ids(tenant, "crm_customers")[1]
    for parent in client.control.ids(tenant, "crm_customers"):
        path = f"/crm/v2/tenant/{{tenant}}/customers/{parent}/contacts"
        assert sorted(client.ids(path)) == sorted(child for child, other in parents.items() if other == parent)
    assert set(client.control.parents(tenant, "technicians")) == {None}


def test_some_values_of_all_records_come_in_the_order_of_the_records(client: Client) -> None:
    tenant = client.tenant.tenant_id
    client.control.update(tenant, "technicians", client.ids(TECHNICIANS)[1], {"name": "Changed"})
    expected = [[record["id"], record.get("name"), None] for record in client.control.records(tenant, "technicians")]
    assert client.control.values(tenant, "technicians", "id", "name", "unknown") == expected
    assert "Changed" in {name for _, name, _ in expected}


@pytest.mark.parametrize("stream", ["technicians", "nothing"])
def test_an_unknown_record_or_stream_cannot_be_changed(client: Client, stream: str) -> None:
    with pytest.raises(ControlError, match="there is no"):
        client.control.update(client.tenant.tenant_id, stream, 1)


def test_impossible_changes_are_refused(client: Client) -> None:
    tenant = client.tenant.tenant_id
    identifier = client.ids(TECHNICIANS)[0]

    with pytest.raises(ControlError, match="exists"):
        client.control.insert(tenant, "technicians", {"id": identifier})
    with pytest.raises(ControlError, match="cannot be changed"):
        client.control.update(tenant, "technicians", identifier, {"id": 1})
    with pytest.raises(ControlError, match="neither deleted nor deactivated"):
        client.control.restore(tenant, "technicians", identifier)


def test_same_seed_makes_the_same_records_and_another_seed_others(servicetitan: ServiceTitan) -> None:
    tenant = new_tenant(seed=1)
    control = servicetitan.control
    control.add_tenant(tenant)
    first = control.records(tenant.tenant_id, "employees")
    control.add_tenant(tenant)
    assert control.records(tenant.tenant_id, "employees") == first

    control.add_tenant(tenant.model_copy(update={"seed": 2}))
    assert control.records(tenant.tenant_id, "employees") != first


def test_size_of_an_unknown_stream_is_refused(servicetitan: ServiceTitan) -> None:
    with pytest.raises(ControlError, match="there is no stream"):
        servicetitan.control.add_tenant(new_tenant(sizes={"nothing": 1}))


@pytest.mark.parametrize("body", ["{{", "[]", '{"values": 5}'])
def test_a_body_must_be_a_json_object(client: Client, body: str) -> None:
    url = f"{client.server.api_url}/control/tenants/{client.tenant.tenant_id}/technicians"

    assert client.session.post(url, body, timeout=30).status_code == 400
