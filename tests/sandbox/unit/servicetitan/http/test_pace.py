"""How long answers take hangs on the tenant's seed and on what is asked for, and on nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from servicetitan_sandbox.models import Tenant
from servicetitan_sandbox.servicetitan.http.access import Crowd
from servicetitan_sandbox.servicetitan.http.pace import Pace
from servicetitan_sandbox.servicetitan.http.problems import Problem


def make(**settings: Any) -> Pace:  # noqa: ANN401 - the fields of Tenant
    """Return the pace of a tenant."""
    return Pace(Tenant(tenant_id="1", client_id="c", client_secret="s", app_key="k", **settings))


def test_the_same_seed_makes_the_same_times() -> None:
    asked = [("crm", f"/crm/{number}", "page=1") for number in range(50)]
    first = [make(answer_seconds=(0.5, 2)).seconds(*each) for each in asked]
    pace = make(answer_seconds=(0.5, 2))
    assert [pace.seconds(*each) for each in reversed(asked)] == first[::-1]
    assert all(0.5 <= seconds <= 2 for seconds in first)
    assert max(first) - min(first) > 1
    assert [make(answer_seconds=(0.5, 2), seed=2).seconds(*each) for each in asked] != first
    # The second answer to the same request takes another time.
    assert pace.seconds(*asked[0]) != first[0]


def test_an_area_has_times_of_its_own() -> None:
    pace = make(answer_seconds=1, area_seconds={"jpm": 7})
    assert (pace.seconds("crm", "/crm/a", ""), pace.seconds("jpm", "/jpm/a", "")) == (1, 7)


def test_a_crowd_of_any_area() -> None:
    crowd = Crowd({"*": 1, "crm": 2})
    with crowd.enter("jpm"), crowd.enter("crm"), crowd.enter("crm"), crowd.enter("forms"):
        for area in ("jpm", "crm", "forms"):
            with pytest.raises(Problem), crowd.enter(area):
                pass
