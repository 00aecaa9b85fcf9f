"""Habits of the real API that a tenant can have: caps, orders, ignored filters, restless data, odd times."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.errors import ControlError
from servicetitan_sandbox.models import Fault, PageCap, Unrest
from support.servicetitan import ACTIVITY_FEED, CAMPAIGNS, TECHNICIANS, Client, new_tenant

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan

SIZES = {"technicians": 25, "campaigns": 12, "activities": 20}
CONTACTS = "/crm/v2/tenant/{tenant}/customers/%d/contacts"


def _client(server: ServiceTitan, **habits: Any) -> Client:  # noqa: ANN401 - the fields of Tenant
    return Client(server, new_tenant(sizes=SIZES, **habits))


def _read_pages(client: Client, size: int, **query: object) -> list[dict[str, Any]]:
    """Return the pages of the technicians, up to the one that says it is the last."""
    pages: list[dict[str, Any]] = []
    while not pages or pages[-1]["hasMore"]:
        number = len(pages) + 1
        pages.append(client.page(TECHNICIANS, page=number, pageSize=size, active="Any", includeTotal="true", **query))
    return pages


def _ids(pages: list[dict[str, Any]]) -> list[int]:
    return [record["id"] for page in pages for record in page["data"]]


def test_a_refused_page_size_names_the_parameter(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan, largest_page={"technicians": PageCap(size=7)})

    assert client.get(TECHNICIANS, pageSize=8).json()["errors"].keys() == {"pageSize"}
    assert [len(client.ids(TECHNICIANS)), len(client.ids(TECHNICIANS, pageSize=7))] == [7, 7]
    assert client.get(CAMPAIGNS, pageSize=8).status_code == 200


def test_a_heavy_page_times_out(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan, largest_page={"technicians": PageCap(size=7, manner="heavy")})

    assert client.get(TECHNICIANS, pageSize=8).status_code == 504
    assert len(client.ids(TECHNICIANS, pageSize=7)) == 7


def test_pages_are_no_larger_than_the_documents_allow(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan)
    journal = "/accounting/v2/tenant/{tenant}/journal-entries"

    assert client.get(journal, pageSize=501).json()["errors"].keys() == {"pageSize"}
    assert client.get(journal, pageSize=500).status_code == 200
    assert client.get(TECHNICIANS, pageSize=5000).status_code == 200


def test_a_silent_cap_makes_smaller_pages(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan, largest_page={"*": PageCap(size=4, manner="silent")})
    pages = _read_pages(client, 10)

    assert [len(page["data"]) for page in pages] == [4] * 6 + [1]
    assert {page["totalCount"] for page in pages} == {25}
    assert len(set(_ids(pages))) == 25


def test_a_lossy_cap_lacks_records_though_the_totals_look_right(servicetitan: ServiceTitan) -> None:
    cap = PageCap(size=4, manner="lossy")
    client = _client(servicetitan, largest_page={"technicians": cap, "*": PageCap(size=1)})
    pages = _read_pages(client, 10)

    assert [len(page["data"]) for page in pages] == [4, 4, 4]
    assert {(page["totalCount"], page["pageSize"]) for page in pages} == {(25, 10)}
    assert len(set(_ids(_read_pages(client, 4)))) == 25


def test_a_cap_leaves_lists_alone_that_do_not_say_whether_there_is_more(servicetitan: ServiceTitan) -> None:
    sizes = {"pricebook_materials_costtypes": 9}
    client = Client(servicetitan, new_tenant(sizes=sizes, largest_page={"*": PageCap(size=2, manner="silent")}))

    assert len(client.page("/pricebook/v2/tenant/{tenant}/materials/costtypes")["data"]) == 9


def test_a_cap_on_an_unknown_stream_is_refused(servicetitan: ServiceTitan) -> None:
    with pytest.raises(ControlError, match="there is no stream"):
        servicetitan.control.add_tenant(new_tenant(largest_page={"nothing": PageCap(size=1)}))


def test_lists_come_in_the_tenants_order(servicetitan: ServiceTitan) -> None:
    orders = {
        order: _client(servicetitan, order=order, seed=5)
        for order in ("as_asked", "inactive_first", "newest_first", "shuffled")
    }
    lists = {order: _ids(_read_pages(client, 10)) for order, client in orders.items()}
    records = {record["id"]: record for record in _records(orders["inactive_first"], "technicians")}

    assert lists["as_asked"] == sorted(lists["as_asked"])
    assert lists["inactive_first"] == sorted(records, key=lambda key: (records[key]["active"], key))
    assert not records[lists["inactive_first"][0]]["active"]
    newest = {record["id"]: record["createdOn"] for record in _records(orders["newest_first"], "technicians")}
    assert [newest[key] for key in lists["newest_first"]] == sorted(newest.values(), reverse=True)
    assert lists["shuffled"] not in (sorted(lists["shuffled"]), sorted(lists["shuffled"], reverse=True))
    assert lists["shuffled"] == _ids(_read_pages(orders["shuffled"], 3))


def _records(client: Client, stream: str) -> list[dict[str, Any]]:
    return client.control.records(client.tenant.tenant_id, stream)


@pytest.mark.parametrize("order", ["newest_first", "shuffled"])
def test_an_order_ignores_sort(servicetitan: ServiceTitan, order: str) -> None:
    client = _client(servicetitan, order=order)

    assert client.ids(CAMPAIGNS, sort="+Id") == client.ids(CAMPAIGNS, sort="-Id") == client.ids(CAMPAIGNS)
    assert client.ids(CAMPAIGNS) != sorted(client.ids(CAMPAIGNS))


@pytest.mark.parametrize(("habit", "parameter"), [
    ("ignores_created_before", "createdBefore"),
    ("ignores_modified_before", "modifiedBefore"),
])  # fmt: skip
def test_a_filter_can_be_ignored(servicetitan: ServiceTitan, habit: str, parameter: str) -> None:
    names = ("createdBefore", "modifiedBefore")
    heeding, ignoring = _client(servicetitan), _client(servicetitan, **{habit: True})

    assert not heeding.ids(TECHNICIANS, **{parameter: "1990-01-01"})
    found = {name: len(ignoring.ids(TECHNICIANS, active="Any", **{name: "1990-01-01"})) for name in names}
    assert found == {name: 25 if name == parameter else 0 for name in names}


def test_the_total_can_be_missing(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan, omits_total=True)

    assert client.page(TECHNICIANS, includeTotal="true")["totalCount"] is None


def test_each_request_moves_the_clock(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan, seconds_per_request=3600, clock_skew_seconds=-7200)
    moments = [_date(client) for _ in range(3)]
    token = client.token()
    changed = client.control.update(client.tenant.tenant_id, "technicians", client.ids(TECHNICIANS)[0])

    steps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    assert all(3600 <= step < 3660 for step in steps)
    # The token of the sign-in was the first request, and this one's answer tells the same clock.
    assert 3 * 3600 - 60 < _ahead(parsedate_to_datetime(token.headers["Date"])) < 3 * 3600 + 60
    assert 4 * 3600 - 60 < _ahead(datetime.fromisoformat(changed["modifiedOn"])) < 4 * 3600 + 60


def test_the_clock_can_be_moved(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan)
    client.control.advance_clock(client.tenant.tenant_id, 86_400)

    assert 86_400 - 60 < _ahead(_date(client)) < 86_400 + 60


def test_a_refused_token_tells_real_time(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan, clock_skew_seconds=-7200)

    assert abs(_ahead(parsedate_to_datetime(client.token(client_id="unknown").headers["Date"]))) < 60


def _date(client: Client) -> datetime:
    return parsedate_to_datetime(client.get(TECHNICIANS, pageSize=1).headers["Date"])


def _ahead(moment: datetime) -> float:
    return (moment - datetime.now(UTC)).total_seconds()


def test_restless_records_change_before_each_request_until_it_is_quiet(servicetitan: ServiceTitan) -> None:
    client = _client(servicetitan)
    tenant = client.tenant.tenant_id
    before = {record["id"]: record for record in _records(client, "technicians")}
    others = _records(client, "campaigns")
    client.control.set_unrest(tenant, Unrest(streams=("technicians",), most=3, seed=7))
    for _ in range(30):
        client.get(CAMPAIGNS)
    client.control.end_unrest(tenant)
    after = {record["id"]: record for record in _records(client, "technicians")}
    client.get(CAMPAIGNS)

    assert before.keys() - after.keys(), "nothing was deleted"
    assert after.keys() - before.keys(), "nothing was inserted"
    both = before.keys() & after.keys()
    assert any(before[key] != after[key] and after[key]["active"] for key in both), "nothing was updated"
    assert any(before[key]["active"] and not after[key]["active"] for key in both), "nothing was deactivated"
    assert (list(after.values()), others) == (_records(client, "technicians"), _records(client, "campaigns"))


def test_the_same_seed_makes_the_same_unrest(servicetitan: ServiceTitan) -> None:
    tenant = new_tenant(sizes=SIZES)

    def stirred(seed: int) -> list[int | str]:
        client = Client(servicetitan, tenant)
        client.control.set_unrest(tenant.tenant_id, Unrest(streams=("technicians", "campaigns"), seed=seed))
        for _ in range(20):
            client.get(TECHNICIANS)
        return client.control.ids(tenant.tenant_id, "technicians")

    assert stirred(1) == stirred(1) != stirred(2)


@pytest.mark.parametrize("order", ["as_asked", "shuffled"])
def test_shifts_hide_live_records_from_a_pass_whose_totals_stand_still(servicetitan: ServiceTitan, order: str) -> None:
    client = _client(servicetitan, order=order)
    hidden, still = 0, 0
    for seed in range(20):
        live = set(client.control.ids(client.tenant.tenant_id, "technicians"))
        unrest = Unrest(streams=("technicians",), seed=seed, shifting=True)
        client.control.set_unrest(client.tenant.tenant_id, unrest)
        pages = _read_pages(client, 5)
        client.control.end_unrest(client.tenant.tenant_id)
        live &= set(client.control.ids(client.tenant.tenant_id, "technicians"))
        if len({page["totalCount"] for page in pages}) == 1:
            still += 1
            hidden += bool(live - set(_ids(pages)))

    assert still
    assert hidden


def test_children_are_inserted_for_a_live_parent(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant(sizes={"crm_customers": 6}))
    tenant, stream = client.tenant.tenant_id, "crm_customers_contacts"
    originals = set(client.control.ids(tenant, stream))
    unrest = Unrest(
        streams=("crm_customers", *[stream] * 4), most=3, shifting=True, tombstones=frozenset({"crm_customers"})
    )
    client.control.set_unrest(tenant, unrest)
    for _ in range(40):
        client.get(TECHNICIANS)
    client.control.end_unrest(tenant)
    customers = client.ids("/crm/v2/tenant/{tenant}/customers", active="Any")
    listed = [child for customer in customers for child in client.ids(CONTACTS % customer)]

    assert set(listed) <= set(client.control.ids(tenant, stream))
    assert set(listed) - originals, "no child was inserted where a list shows it"
    feed = [record for page in client.feed("/crm/v2/tenant/{tenant}/export/customers") for record in page["data"]]
    assert any(record["id"] not in customers and record["active"] is False for record in feed)


def test_unrest_of_an_unknown_stream_is_refused(client: Client) -> None:
    with pytest.raises(ControlError, match="there is no stream"):
        client.control.set_unrest(client.tenant.tenant_id, Unrest(streams=("nothing",)))


def test_one_list_of_a_child_is_not_found_once_while_its_parent_lives(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant(sizes={"crm_customers": 6}))
    first, second = client.ids("/crm/v2/tenant/{tenant}/customers", active="Any")[:2]
    path = (CONTACTS % first).format(tenant=client.tenant.tenant_id)
    client.control.set_fault(Fault(kind="not_found", path=path, stream="crm_customers_contacts", times=1))

    assert client.get(CONTACTS % second).status_code == 200
    assert first in client.ids("/crm/v2/tenant/{tenant}/customers", active="Any", ids=first)
    assert [client.get(CONTACTS % first).status_code for _ in range(2)] == [404, 200]


@pytest.mark.parametrize(("count", "updated"), [(None, 20), (7, 7)])
def test_a_bulk_update_gives_all_records_one_time(client: Client, count: int | None, updated: int) -> None:
    client.control.add_tenant(client.tenant.model_copy(update={"sizes": SIZES}))
    tenant = client.tenant.tenant_id
    before = _records(client, "activities")
    assert client.control.update_many(tenant, "activities", {"memo": "moved"}, count) == updated
    after = _records(client, "activities")
    changed = [record for old, record in zip(before, after, strict=True) if old != record]

    assert changed == after[:updated]
    assert len({record["modifiedOn"] for record in changed}) == 1
    # The feed has each once, at its end, and starts with them at their common time.
    latest = client.page(ACTIVITY_FEED, **{"from": changed[0]["modifiedOn"]})["data"]
    assert sorted(record["id"] for record in latest) == sorted(record["id"] for record in changed)


NEVER, TWO_HOURS_EAST = "0001-01-01T00:00:00Z", "2026-03-01T01:30:00.5+02:00"


@pytest.mark.parametrize("moment", [NEVER, None, TWO_HOURS_EAST])
def test_a_record_keeps_an_odd_time(client: Client, moment: str | None) -> None:
    inserted = client.control.insert(client.tenant.tenant_id, "technicians", {"modifiedOn": moment})
    updated = client.control.update(
        client.tenant.tenant_id, "technicians", client.ids(TECHNICIANS)[0], {"modifiedOn": moment}
    )
    shown = {record["id"]: record["modifiedOn"] for record in client.page(TECHNICIANS, active="Any")["data"]}

    assert shown[inserted["id"]] == shown[updated["id"]] == moment


@pytest.mark.parametrize(
    ("moment", "filters", "found"),
    [
        (TWO_HOURS_EAST, {"modifiedBefore": "2026-02-28T23:30:00.5Z"}, False),
        (TWO_HOURS_EAST, {"modifiedOnOrAfter": "2026-02-28T23:30:00.5Z"}, True),
        (TWO_HOURS_EAST, {"modifiedBefore": "2026-03-01T01:30:00.6+02:00"}, True),
        (TWO_HOURS_EAST, {"modifiedOnOrAfter": "2026-02-28T23:30:00.6Z"}, False),
        (NEVER, {"modifiedBefore": "1970-01-01"}, True),
        (NEVER, {"modifiedOnOrAfter": "1970-01-01"}, False),
        (None, {"modifiedBefore": "2999-01-01"}, False),
        (None, {"modifiedOnOrAfter": "0001-01-01"}, False),
        (None, {}, True),
    ],
)
def test_filters_treat_an_odd_time_right(
    client: Client, moment: str | None, filters: dict[str, str], *, found: bool
) -> None:
    record = client.control.insert(client.tenant.tenant_id, "technicians", {"modifiedOn": moment})["id"]

    assert (record in client.ids(TECHNICIANS, **filters)) == found


def test_a_time_that_is_none_is_refused(client: Client) -> None:
    for values in ({"modifiedOn": "soon"}, {"createdOn": 5}):
        with pytest.raises(ControlError, match="must be a time or null"):
            client.control.insert(client.tenant.tenant_id, "technicians", values)


def test_records_of_the_bounding_moment_are_not_before_it(client: Client) -> None:
    moment, later = "2026-02-03T04:05:06.5Z", "2026-02-03T04:05:06.5000001Z"
    values = {"createdOn": moment, "modifiedOn": moment}
    record = client.control.insert(client.tenant.tenant_id, "technicians", values)["id"]

    for bound in ("createdBefore", "modifiedBefore"):
        assert record not in client.ids(TECHNICIANS, **{bound: moment})
        assert record in client.ids(TECHNICIANS, **{bound: later})


def test_nothing_can_be_no_content(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant(sizes={"technicians": 0}, empty_is_no_content=True))
    answer = client.get(TECHNICIANS)
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(CAMPAIGNS).status_code == 200


@pytest.mark.parametrize("habit", ["same", "null"])
def test_the_last_page_of_a_feed_can_repeat_its_token_or_have_none(servicetitan: ServiceTitan, habit: str) -> None:
    client = Client(servicetitan, new_tenant(sizes={"activities": 5}, feed_page_size=3, last_continue_from=habit))
    first = client.page(ACTIVITY_FEED)
    last = client.page(ACTIVITY_FEED, **{"from": first["continueFrom"]})
    assert (first["hasMore"], last["hasMore"], len(last["data"])) == (True, False, 2)
    assert last["continueFrom"] == (first["continueFrom"] if habit == "same" else None)


def test_times_can_lack_their_zone(servicetitan: ServiceTitan) -> None:
    plain, zoned = (
        Client(servicetitan, new_tenant(sizes={"technicians": 2}, omits_zones=omits)) for omits in (True, False)
    )
    assert {record["createdOn"][-1] for record in zoned.page(TECHNICIANS)["data"]} == {"Z"}
    assert not any("Z" in record["createdOn"] for record in plain.page(TECHNICIANS)["data"])


def test_a_period_can_be_too_long(servicetitan: ServiceTitan) -> None:
    client = Client(servicetitan, new_tenant(longest_period_days=1))
    path = "/marketingads/v2/tenant/{tenant}/attributed-leads"
    day = client.get(path, fromUtc="2026-03-01T00:00:00Z", toUtc="2026-03-02T00:00:00Z")
    more = client.get(path, fromUtc="2026-03-01T00:00:00Z", toUtc="2026-03-02T00:00:01Z")
    assert (day.status_code, more.status_code) == (200, 400)
    assert set(more.json()["errors"]) == {"toUtc"}
