"""Lists with numbered pages: paging, filters and sorting."""

from __future__ import annotations

import pytest

from support.servicetitan import CAMPAIGNS, JOB_TYPES, TECHNICIANS, Client


def test_pages_cover_every_record_once(client: Client) -> None:
    pages = [
        client.page(TECHNICIANS, page=number, pageSize=5, active="Any", includeTotal="true") for number in range(1, 6)
    ]

    assert [page["hasMore"] for page in pages] == [True, True, True, True, False]
    assert {page["totalCount"] for page in pages} == {25}
    ids = [record["id"] for page in pages for record in page["data"]]
    assert ids == [record["id"] for record in client.control.records(client.tenant.tenant_id, "technicians")]


def test_page_size_is_50_and_the_total_is_not_counted_unless_asked(client: Client) -> None:
    page = client.page(TECHNICIANS)

    assert (page["page"], page["pageSize"], page["totalCount"]) == (1, 50, None)


def test_only_active_records_are_listed_unless_asked(client: Client) -> None:
    active, inactive, both = (client.ids(TECHNICIANS, active=state) for state in ("True", "False", "Any"))

    assert active == client.ids(TECHNICIANS)
    assert len(active) == 24
    assert sorted(active + inactive) == both


def test_ids_are_looked_up(client: Client) -> None:
    wanted = client.ids(TECHNICIANS)[3:6]

    assert client.ids(TECHNICIANS, ids=",".join(map(str, wanted))) == wanted


@pytest.mark.parametrize(("after", "before", "name"), [
    ("modifiedOnOrAfter", "modifiedBefore", "modifiedOn"),
    ("createdOnOrAfter", "createdBefore", "createdOn"),
])  # fmt: skip
def test_times_bound_the_list_to_the_tick(client: Client, after: str, before: str, name: str) -> None:
    records = client.page(TECHNICIANS, active="Any")["data"]
    bound = sorted(record[name] for record in records)[10]
    later = {record["id"] for record in records if record[name] >= bound}

    assert set(client.ids(TECHNICIANS, active="Any", **{after: bound})) == later
    assert not later & set(client.ids(TECHNICIANS, active="Any", **{before: bound}))
    assert len(later) == 15


def test_lists_can_be_sorted(client: Client) -> None:
    ascending = client.ids(CAMPAIGNS, sort="+Id")

    assert ascending == sorted(ascending)
    assert client.ids(CAMPAIGNS, sort="-Id") == ascending[::-1]
    assert client.ids(JOB_TYPES, orderBy="id", orderByDirection="desc") == sorted(client.ids(JOB_TYPES), reverse=True)
    names = [record["name"] for record in client.page(CAMPAIGNS, sort="-Name")["data"]]
    assert names == sorted(names, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"page": "x"},
        {"pageSize": 5001},
        {"active": "Maybe"},
        {"ids": ",".join(map(str, range(51)))},
        {"modifiedBefore": "yesterday"},
        {"includeTotal": "perhaps"},
    ],
)
def test_invalid_value_is_an_error_of_its_parameter(client: Client, query: dict[str, object]) -> None:
    answer = client.get(TECHNICIANS, **query)

    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == query.keys()


def test_undocumented_parameter_is_refused_and_logged(client: Client) -> None:
    client.control.clear_requests()
    answer = client.get(TECHNICIANS, sort="-Id", colour="red")

    assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"colour", "sort"})
    assert [entry["undocumented"] for entry in client.control.requests()] == [["colour", "sort"]]


def test_documented_filter_that_is_not_implemented_is_refused(client: Client) -> None:
    assert client.get(TECHNICIANS, name="Smith").status_code == 501


def test_answers_are_compressed_when_accepted(client: Client) -> None:
    plain = client.get(TECHNICIANS, {"Accept-Encoding": "identity"})
    compressed = client.get(TECHNICIANS, {"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert plain.content == compressed.content


def test_connection_is_kept_alive_and_log_holds_no_secret(client: Client) -> None:
    client.control.clear_requests()
    client.token()
    client.get(TECHNICIANS, pageSize=1)
    client.get(TECHNICIANS, pageSize=1, page=2)
    log = client.control.requests()

    assert [entry["page"] for entry in log] == [None, 1, 2]
    assert len({entry["client_port"] for entry in log}) == 1
    assert client.tenant.client_secret not in str(log)
    assert client.tenant.app_key not in str(log)
    assert str(client.session.headers["Authorization"]) not in str(log)
