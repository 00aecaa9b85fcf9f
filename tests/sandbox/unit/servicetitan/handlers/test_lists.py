"""Which records a page of a list has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_sandbox.models import Tenant
from servicetitan_sandbox.servicetitan.handlers import lists
from servicetitan_sandbox.servicetitan.spec import endpoints
from servicetitan_sandbox.servicetitan.state import Company

if TYPE_CHECKING:
    import pytest

CUSTOMERS = "/crm/v2/tenant/1/customers"


def test_many_short_lists_do_not_let_a_long_one_be_gone_through_for_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"crm_customers": 40, "crm_customers_notes": 60}
    company = Company(Tenant(tenant_id="1", client_id="c", client_secret="s", app_key="k", sizes=sizes))
    long, _ = endpoints.find(CUSTOMERS)
    short, _ = endpoints.find(f"{CUSTOMERS}/1/notes")
    assert long
    assert short
    customers = company.table("crm_customers")
    parents = customers.identifiers()
    asked: list[int | None] = []

    def identifiers(parent: int | None = None) -> list[int]:
        asked.append(parent)
        return parents

    monkeypatch.setattr(customers, "identifiers", identifiers)

    found: list[int] = []
    for number in (1, 2):
        query = {"page": str(number), "pageSize": "20", "active": "Any"}
        found += lists.page(company, long, query, None).identifiers
        for parent in parents:
            lists.page(company, short, {}, parent)

    assert sorted(found) == sorted(parents)
    assert asked == [None]
