"""Settings API: the tenant's own structure and people."""

from __future__ import annotations

from tap_servicetitan.specs.spec import StreamSpec

# Most of these lists cannot be sorted.
STREAMS = (
    StreamSpec(
        name="business_units",
        list_path="/settings/v2/tenant/{tenant}/business-units",
        is_freezable=True,
        query={"active": "Any"},
        selected=True,
    ),
    StreamSpec(
        name="employees",
        list_path="/settings/v2/tenant/{tenant}/employees",
        is_freezable=True,
        query={"active": "Any"},
        selected=True,
    ),
    StreamSpec(
        name="tag_types",
        list_path="/settings/v2/tenant/{tenant}/tag-types",
        is_freezable=True,
        query={"active": "Any"},
        selected=True,
    ),
    StreamSpec(
        name="technicians",
        list_path="/settings/v2/tenant/{tenant}/technicians",
        is_freezable=True,
        query={"active": "Any"},
        selected=True,
    ),
    StreamSpec(
        name="user_roles",
        list_path="/settings/v2/tenant/{tenant}/user-roles",
        is_freezable=True,
        cursor=None,
        query={"active": "Any", "employeeType": "All"},
        selected=True,
    ),
)
