"""Everything that a spec can say about a list or a feed, each against an API that answers so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import Query, Reply, page_of
from tap_servicetitan.specs.spec import Parent, ResponseFormat, StreamSpec

if TYPE_CHECKING:
    from support.tap.harness import Sync
    from support.tap.scripted import ScriptedApi

# Rows bear the names of streams that have a schema file; the rest is made up.
PATH = "/a/v2/tenant/{tenant}/things"
FEED = "/a/v2/tenant/{tenant}/export/things"
RECORDS = [{"id": number, "modifiedOn": f"2026-01-0{number}T00:00:00Z"} for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("response_format", "whole"), [(ResponseFormat.ARRAY, RECORDS), (ResponseFormat.DATA, {"data": RECORDS})]
)
def test_a_list_that_comes_at_once(
    api: ScriptedApi,
    sync: Sync,
    response_format: ResponseFormat,
    whole: Any,  # noqa: ANN401
) -> None:
    api.routes["/things"] = lambda _: whole
    run = sync(
        api.config,
        specs=[StreamSpec(name="campaigns", list_path=PATH, response_format=response_format, query={"active": "Any"})],
    )
    assert run.error is None
    assert run.records("campaigns") == RECORDS
    assert len(run.of("ACTIVATE_VERSION")) == 1
    assert api.asked("/things") == [{"active": "Any"}]


def test_a_list_that_cannot_be_counted_is_read_twice_unless_it_fits_a_page(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/things"] = lambda query: page_of(RECORDS, query) | {"totalCount": None}
    specs = [StreamSpec(name="campaigns", list_path=PATH, has_total_count=False)]
    whole, cut = (sync(api.config | {"page_size": size}, specs=specs) for size in (3, 2))
    assert whole.records("campaigns") == cut.records("campaigns") == RECORDS
    assert [len(run.of("ACTIVATE_VERSION")) for run in (whole, cut)] == [1, 1]
    assert [asked["page"] for asked in api.asked("/things")] == ["1", "1", "2", "1", "2"]
    assert all(asked.keys() == {"page", "pageSize"} for asked in api.asked("/things"))


@pytest.mark.parametrize("status", [204, 200])
def test_an_answer_without_content_is_an_empty_list_and_an_empty_answer_is_not(
    api: ScriptedApi, sync: Sync, status: int
) -> None:
    api.routes["/things"] = lambda _: Reply(status, body=b"")
    run = sync(api.config | {"max_retries": 0}, specs=[StreamSpec(name="campaigns", list_path=PATH)])
    assert run.records("campaigns") == []
    assert len(run.of("ACTIVATE_VERSION")) == (status == 204)
    if status == 200:
        assert "the response is empty" in run.ends["campaigns"]["reason"]


def test_an_answer_of_another_form_shows_what_came(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/things"] = lambda _: {"items": [{"id": 1}], "total": 1}
    run = sync(api.config, specs=[StreamSpec(name="campaigns", list_path=PATH)])
    assert "it has the fields items, total" in run.ends["campaigns"]["reason"]


BAD: list[dict[str, Any]] = [{"id": 1}, {"id": None, "name": "no key"}, {"id": 3}]


def test_a_record_without_a_key_does_not_keep_its_page_from_coming(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/things"] = lambda query: page_of(BAD, query)
    run = sync(api.config | {"page_size": 2}, specs=[StreamSpec(name="campaigns", list_path=PATH)])
    assert run.error is None
    assert run.records("campaigns") == BAD
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_what_is_no_record_makes_its_stream_incomplete(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/things"] = lambda _: {"hasMore": False, "totalCount": 2, "data": [{"id": 1}, None]}
    run = sync(api.config, specs=[StreamSpec(name="campaigns", list_path=PATH)])
    assert run.records("campaigns") == [{"id": 1}]
    assert run.of("ACTIVATE_VERSION") == []
    assert run.ends["campaigns"]["status"] == "incomplete"
    assert "1 record of a page is no JSON object" in run.ends["campaigns"]["reason"]


def test_the_children_of_a_record_without_a_key_are_not_asked_for(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/things"] = lambda query: page_of(BAD, query)
    for number in (1, 3):
        api.routes[f"/things/{number}/parts"] = lambda query: page_of([{"id": 7}], query)
    parent = Parent(stream="campaigns", placeholder="id", field="campaignId")
    parts = StreamSpec(name="technicians", list_path=f"{PATH}/{{id}}/parts", key=("campaignId", "id"), parent=parent)
    run = sync(api.config, "technicians", specs=[StreamSpec(name="campaigns", list_path=PATH), parts])
    # It may be the record of a parent whose children are in the table: nothing tells that they are gone.
    assert run.of("ACTIVATE_VERSION") == []
    assert "1 record of campaigns has no key" in run.ends["technicians"]["reason"]
    assert sorted(record["campaignId"] for record in run.records("technicians")) == [1, 3]


def test_a_feed_is_asked_what_its_row_says(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/export/things"] = lambda _: {"hasMore": False, "continueFrom": "t", "data": RECORDS}
    spec = StreamSpec(name="campaigns", export_path=FEED, export_query={"active": "Any"})
    first = sync(api.config, specs=[spec])
    assert sync(api.config, specs=[spec], state=first.state).error is None
    assert [asked["active"] for asked in api.asked("/export/things")] == ["Any", "Any"]


def test_records_in_an_array_come_with_the_fields_around_it(api: ScriptedApi, sync: Sync) -> None:
    pages = {
        "": [{"jobId": 1, "history": [{"id": 1}, {"id": 2, "jobId": 9}]}, {"jobId": 2, "history": None}],
        "t1": [{"jobId": 1, "history": [{"id": 3}]}, {"jobId": 3}, {"jobId": 4, "history": [7]}],
    }
    api.routes["/export/things"] = lambda query: {
        "hasMore": "from" not in query,
        "continueFrom": "t1" if "from" not in query else "t2",
        "data": pages[query.get("from", "")],
    }
    run = sync(
        api.config,
        specs=[StreamSpec(name="job_history", export_path=FEED, unpack="history", key=("jobId", "id"), cursor=None)],
    )
    assert run.error is None
    assert run.records("job_history") == [
        *({"jobId": 1, "id": 1}, {"jobId": 9, "id": 2}, {"jobId": 1, "id": 3}),
        # The target rejects these by name: nothing says what they are.
        *({"jobId": 3}, {"jobId": 4, "history": [7]}),
    ]


def test_records_without_a_key_are_numbered_through_all_pages(api: ScriptedApi, sync: Sync) -> None:
    records = [{"name": "same"}, {"name": "same"}, {"name": "other"}]
    api.routes["/things"] = lambda query: page_of(records, query)
    spec = StreamSpec(name="campaigns", list_path=PATH, key=("position",), numbered=True, cursor=None)
    run = sync(api.config | {"page_size": 2}, specs=[spec])
    assert run.records("campaigns") == [{"position": number, **record} for number, record in enumerate(records)]
    assert run.of("SCHEMA")[0]["key_properties"] == ["position"]
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_a_key_of_several_fields_can_be_out_of_order_in_each(api: ScriptedApi, sync: Sync) -> None:
    records = [{"code": code, "part": part} for code, part in (("a", 1), ("a", 2), ("b", 1))]
    api.routes["/things"] = lambda query: page_of(records, query)
    spec = StreamSpec(name="campaigns", list_path=PATH, key=("code", "part"), cursor=None)
    run = sync(api.config | {"page_size": 2}, specs=[spec])
    assert run.records("campaigns") == records
    assert len(run.of("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize("mapped", [False, True])
def test_what_is_not_active_says_that_it_is_deleted(api: ScriptedApi, sync: Sync, *, mapped: bool) -> None:
    records = [{**record, "active": record["id"] != 2} for record in RECORDS]
    api.routes["/export/things"] = lambda _: {"hasMore": False, "continueFrom": "t", "data": records}
    maps: dict[str, Any] = {"stream_maps": {"campaigns": {}}} if mapped else {}
    run = sync(api.config | maps, specs=[StreamSpec(name="campaigns", export_path=FEED, inactive_is_deleted=True)])
    deleted = {record["id"]: record.get("_sdc_deleted_at") for record in run.records("campaigns")}
    assert deleted == {1: None, 2: "2026-01-02T00:00:00Z", 3: None}
    assert run.of("SCHEMA")[0]["schema"]["properties"]["_sdc_deleted_at"]["format"] == "date-time"


def test_a_feed_whose_list_is_the_complete_one(api: ScriptedApi, sync: Sync) -> None:
    asked: list[Query] = []

    def feed(query: Query) -> dict[str, Any]:
        asked.append(query)
        return {"hasMore": False, "continueFrom": "t", "data": RECORDS[:1]}

    api.routes |= {"/things": lambda query: page_of(RECORDS, query), "/export/things": feed}
    specs = [StreamSpec(name="campaigns", list_path=PATH, export_path=FEED, full_pass="list")]
    # The first load is made from the feed, where it can go on if it is interrupted.
    first = sync(api.config | {"page_size": 2}, specs=specs)
    assert first.records("campaigns") == RECORDS[:1]
    assert len(first.of("ACTIVATE_VERSION")) == 1
    assert api.asked("/things") == []
    bookmark = first.state["bookmarks"]["campaigns"]

    config = api.config | {"page_size": 2, "reconcile_interval_days": 0}
    second = sync(config, specs=specs, state=first.state)
    assert [query.get("from") for query in asked] == [None, "t"]
    assert [record["id"] for record in second.records("campaigns")] == [1, 1, 2, 3]
    assert len(second.of("ACTIVATE_VERSION")) == 1
    assert second.state["bookmarks"]["campaigns"]["continue_from"] == "t"
    # The server tells its time to the second.
    assert second.state["bookmarks"]["campaigns"]["full_pass_at"][:19] >= bookmark["full_pass_at"][:19]
