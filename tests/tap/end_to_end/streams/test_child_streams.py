"""Child lists: one per record of the parent, read side by side in any order, complete only if all are."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import Query, Reply, page_of
from tap_servicetitan.replication.child_lists import PARENTS_AT_ONCE
from tap_servicetitan.replication.complete_list import MAX_PASSES
from tap_servicetitan.specs.spec import Parent, ResponseFormat, StreamSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.tap.harness import Run, Sync
    from support.tap.scripted import ScriptedApi

# Rows bear the names of streams that have a schema file; the rest is made up.
PARENTS = StreamSpec(name="campaigns", list_path="/a/v2/tenant/{tenant}/jobs", query={"active": "Any"})
FED_PARENTS = StreamSpec(name="campaigns", export_path="/a/v2/tenant/{tenant}/export/jobs")
NOTES = StreamSpec(
    name="job_types",
    list_path="/a/v2/tenant/{tenant}/jobs/{job}/notes",
    key=("jobId", "id"),
    parent=Parent(stream="campaigns", placeholder="job", field="jobId"),
    cursor=None,
)
COUNT = 24


def note(job: int, number: int) -> dict[str, Any]:
    return {"id": number, "text": f"{job}/{number}"}


def notes(job: int) -> list[dict[str, Any]]:
    return [note(job, number) for number in range(job % 4)]


def serve(api: ScriptedApi, parents: int = COUNT, **lists: Callable[[Query], Any]) -> None:
    """Serve parents from 1 on, and their notes; `job7=` answers for those of one parent."""
    jobs = [{"id": job, "modifiedOn": "2026-01-01T00:00:00Z"} for job in range(1, parents + 1)]
    api.routes["/jobs"] = lambda query: page_of(jobs, query)
    for job in range(1, parents + 1):
        default = lambda query, job=job: page_of(notes(job), query)  # noqa: E731
        api.routes[f"/jobs/{job}/notes"] = lists.get(f"job{job}", default)


def expected(*without: int) -> list[dict[str, Any]]:
    jobs = [job for job in range(1, COUNT + 1) if job not in without]
    return [{"jobId": job, **note} for job in jobs for note in notes(job)]


def read(api: ScriptedApi, sync: Sync, *specs: StreamSpec, state: dict[str, Any] | None = None) -> Run:
    return sync(api.config | {"page_size": 5}, "job_types", specs=specs or (PARENTS, NOTES), state=state)


def came(run: Run) -> list[dict[str, Any]]:
    """Return the children that came, by parent: within a page of parents, their lists come in any order."""
    return sorted(run.records("job_types"), key=lambda child: (child["jobId"], child["id"]))


def test_every_child_of_every_parent_comes_once(api: ScriptedApi, sync: Sync) -> None:
    serve(api)
    run = read(api, sync)
    assert run.error is None
    assert came(run) == expected()
    assert run.of("RECORD", "campaigns") == []
    assert run.types[-2:] == ["ACTIVATE_VERSION", "STATE"]
    assert set(run.state["bookmarks"]) == {"job_types"}
    assert {query["active"] for query in api.asked("/jobs")} == {"Any"}
    assert api.asked("/jobs/5/notes") == [{"page": "1", "pageSize": "5", "includeTotal": "true"}]


def test_lists_of_parents_are_asked_for_side_by_side(api: ScriptedApi, sync: Sync) -> None:
    together = threading.Barrier(PARENTS_AT_ONCE)

    def meet(query: Query) -> dict[str, Any]:
        together.wait(timeout=20)
        return page_of([], query)

    # The answers for the first ones show that the module can take more at a time than it is asked for at first.
    count = 3 * PARENTS_AT_ONCE
    serve(api, count, **{f"job{job}": meet for job in range(count - PARENTS_AT_ONCE + 1, count + 1)})
    config = api.config | {"page_size": count}
    assert sync(config, "job_types", specs=(PARENTS, NOTES)).error is None


def test_a_slow_list_holds_up_no_other(api: ScriptedApi, sync: Sync) -> None:
    count = PARENTS_AT_ONCE + 8
    last_is_asked = threading.Event()

    def last(query: Query) -> dict[str, Any]:
        last_is_asked.set()
        return page_of(notes(count), query)

    def slow(query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        return page_of(notes(1), query) if last_is_asked.wait(20) else Reply(400)

    serve(api, count, job1=slow, **{f"job{count}": last})
    run = sync(api.config | {"page_size": count}, "job_types", specs=(PARENTS, NOTES))
    assert run.error is None
    assert len(came(run)) == sum(len(notes(job)) for job in range(1, count + 1))


def test_a_parent_that_has_gone_has_no_children(api: ScriptedApi, sync: Sync) -> None:
    serve(api)
    jobs = [{"id": job} for job in range(1, COUNT + 1)]

    def gone(_: Query) -> Reply:
        jobs[:] = [job for job in jobs if job["id"] != 7]
        return Reply(404)

    api.routes |= {"/jobs": lambda query: page_of(jobs, query), "/jobs/7/notes": gone}
    run = read(api, sync, replace(PARENTS, takes_ids=True), NOTES)
    assert run.error is None
    # The list of parents moves, so some of its pages are read again, and not always in the same order.
    assert sorted(map(str, run.records("job_types"))) == sorted(map(str, expected(7)))
    assert len(run.of("ACTIVATE_VERSION")) == 1
    assert {query["ids"] for query in api.asked("/jobs") if "ids" in query} == {"7"}


@pytest.mark.parametrize("takes_ids", [False, True])
def test_a_list_that_is_not_found_once_is_asked_for_again(api: ScriptedApi, sync: Sync, *, takes_ids: bool) -> None:
    answers = iter([Reply(404)])
    serve(api, job7=lambda query: next(answers, None) or page_of(notes(7), query))
    run = read(api, sync, replace(PARENTS, takes_ids=takes_ids), NOTES)
    assert run.error is None
    assert sorted(map(str, run.records("job_types"))) == sorted(map(str, expected()))
    assert len(run.of("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize("takes_ids", [False, True])
def test_a_list_that_is_not_found_though_its_parent_is_there(
    api: ScriptedApi, sync: Sync, caplog: pytest.LogCaptureFixture, *, takes_ids: bool
) -> None:
    serve(api, job7=lambda _: Reply(404))
    run = read(api, sync, replace(PARENTS, takes_ids=takes_ids), NOTES)
    assert str(run.error) == "1 of 1 stream is incomplete: job_types"
    assert came(run) == expected(7)
    assert run.of("ACTIVATE_VERSION") == []
    assert "job_types: incomplete: 1 list of campaigns was not read, such as that of 7: GET " in caplog.text
    assert run.ends["job_types"]["status"] == "incomplete"


@pytest.mark.parametrize("status", [403, 404])
def test_lists_that_no_parent_has_are_a_missing_module(
    api: ScriptedApi, sync: Sync, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    serve(api, 6, **{f"job{job}": lambda _: Reply(status) for job in range(1, 7)})
    run = read(api, sync)
    assert re.search(rf"job_types: skipped: GET /a/v2/tenant/{{tenant}}/jobs/[1-6]/notes: {status}", caplog.text)
    assert run.of("ACTIVATE_VERSION") == []
    assert run.of("STATE") == []
    assert run.ends["job_types"]["status"] == "skipped"
    assert "notes: 40" in run.ends["job_types"]["reason"]


def test_a_child_list_that_fails_leaves_the_pass_incomplete(api: ScriptedApi, sync: Sync) -> None:
    serve(api, job17=lambda _: Reply(400))
    run = read(api, sync)
    assert str(run.error) == "1 of 1 stream is incomplete: job_types"
    assert came(run) == expected(17)
    assert run.of("ACTIVATE_VERSION") == []


def test_a_child_list_that_keeps_moving_leaves_the_pass_incomplete(
    api: ScriptedApi, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    moving = {"hasMore": False, "totalCount": 9, "data": [note(4, 0)]}
    serve(api, job4=lambda _: moving)
    run = read(api, sync)
    assert str(run.error) == "1 of 1 stream is incomplete: job_types"
    assert len(api.asked("/jobs/4/notes")) == 2 * MAX_PASSES
    assert run.of("ACTIVATE_VERSION") == []
    assert "such as that of 4: it has 9 records, and 1 came, on each of 5 passes" in caplog.text


def test_children_without_a_key_are_numbered_in_the_list_of_their_parent(api: ScriptedApi, sync: Sync) -> None:
    items = [{"name": "a"}, {"name": "a"}]
    serve(api, 2, job1=lambda _: items, job2=lambda _: items[:1])
    spec = StreamSpec(
        name=NOTES.name,
        list_path=NOTES.list_path,
        parent=NOTES.parent,
        response_format=ResponseFormat.ARRAY,
        key=("jobId", "position"),
        numbered=True,
        cursor=None,
    )
    run = read(api, sync, PARENTS, spec)
    found = sorted((record["jobId"], record["position"], record["name"]) for record in run.records("job_types"))
    assert found == [(1, 0, "a"), (1, 1, "a"), (2, 0, "a")]
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_children_of_a_feed_follow_its_changes(api: ScriptedApi, sync: Sync) -> None:
    serve(api)
    pages = {
        None: {"hasMore": True, "continueFrom": "a", "data": [{"id": 1}, {"id": 2}]},
        "a": {"hasMore": False, "continueFrom": "b", "data": [{"id": 3}]},
        "b": {"hasMore": True, "continueFrom": "c", "data": [{"id": 2}]},
        "c": {"hasMore": False, "continueFrom": "d", "data": [{"id": 5}]},
    }
    api.routes["/export/jobs"] = lambda query: pages[query.get("from")]
    first = read(api, sync, FED_PARENTS, NOTES)
    assert {record["jobId"] for record in first.records("job_types")} == {1, 2, 3}
    assert len(first.of("ACTIVATE_VERSION")) == 1
    assert first.state["bookmarks"]["job_types"]["continue_from"] == "b"

    second = read(api, sync, FED_PARENTS, NOTES, state=first.state)
    assert {record["jobId"] for record in second.records("job_types")} == {2, 5}
    assert second.of("ACTIVATE_VERSION") == []
    tokens = [message["value"]["bookmarks"]["job_types"]["continue_from"] for message in second.of("STATE")]
    assert tokens == ["b", "c", "d"]


def test_a_parent_that_changes_again_during_the_run_is_asked_again(api: ScriptedApi, sync: Sync) -> None:
    serve(api, 3)
    pages = {
        None: {"hasMore": True, "continueFrom": "a", "data": [{"id": 1}, {"id": 2}]},
        "a": {"hasMore": False, "continueFrom": "b", "data": [{"id": 1}]},
    }
    api.routes["/export/jobs"] = lambda query: pages[query.get("from")]
    answers = iter([[], [note(1, 5)]])
    api.routes["/jobs/1/notes"] = lambda query: page_of(next(answers), query)
    run = read(api, sync, FED_PARENTS, NOTES)
    assert run.error is None
    assert {(record["jobId"], record["id"]) for record in run.records("job_types")} == {(1, 5), (2, 0), (2, 1)}


@pytest.mark.parametrize(("pending", "asked"), [([], [1, 2, 3]), ([2], [2, 3])])
def test_changes_that_took_several_runs_are_not_read_from_their_first_one_again(
    api: ScriptedApi, sync: Sync, pending: list[int], asked: list[int]
) -> None:
    """The look-back brings what changed in the last day, and was read in the run before."""
    serve(api, 3)
    times = {1: "2026-01-01T08:00:00Z", 2: "2026-01-01T09:00:00Z", 3: "2026-01-01T10:00:00Z"}
    jobs = [{"id": job, "modifiedOn": time} for job, time in times.items()]
    api.routes["/jobs"] = lambda query: page_of(
        [job for job in jobs if str(job["modifiedOn"]) >= query.get("modifiedOnOrAfter", "")], query
    )
    parents = replace(PARENTS, changed_since="modifiedOnOrAfter", changed_before="modifiedBefore")
    passed = datetime.now(UTC).isoformat()
    bookmark = {"newest": times[3], "full_pass_at": passed, "pending": pending, **api.owner}
    run = read(api, sync, parents, NOTES, state={"bookmarks": {"job_types": bookmark}})
    assert run.error is None
    assert [job for job in times if api.asked(f"/jobs/{job}/notes")] == asked
    assert "pending" not in run.state["bookmarks"]["job_types"]


@pytest.mark.parametrize(
    "passed", [{}, {"full_pass_at": "2026-01-01T00:00:00+00:00"}], ids=["first load", "later pass"]
)
def test_a_start_date_in_an_open_pass_leaves_no_list_out(api: ScriptedApi, sync: Sync, passed: dict[str, str]) -> None:
    """The first load begins again at the date, which job 1 is before; a later pass goes on behind job 1."""
    serve(api, 3)
    jobs = [{"id": job, "modifiedOn": f"2026-01-0{job}T08:00:00Z"} for job in (1, 2, 3)]
    api.routes["/jobs"] = lambda query: page_of(
        [job for job in jobs if str(job["modifiedOn"]) >= query.get("modifiedOnOrAfter", "")], query
    )
    parents = replace(PARENTS, changed_since="modifiedOnOrAfter", changed_before="modifiedBefore")
    opened = {"began": "2026-01-09T00:00:00+00:00", "done_to": 1}
    bookmark = {"newest": "2026-01-09T00:00:00Z", "open_pass": opened, **passed, **api.owner}
    config, state = api.config | {"start_date": "2026-01-02"}, {"bookmarks": {"job_types": bookmark}}
    run = sync(config, "job_types", specs=(parents, NOTES), state=state)
    assert run.ends["job_types"]["status"] == "complete"
    assert [job for job in (1, 2, 3) if api.asked(f"/jobs/{job}/notes")] == [2, 3]
    assert "open_pass" not in run.state["bookmarks"]["job_types"]


def test_a_run_after_one_that_went_on_looks_back_from_where_that_one_began(api: ScriptedApi, sync: Sync) -> None:
    """A change may be seen later than its time: here that of job 2, after the run that read its neighbours."""
    serve(api, 3)
    jobs = [{"id": 1, "modifiedOn": "2026-01-01T10:00:00Z"}, {"id": 3, "modifiedOn": "2026-01-09T10:00:00Z"}]
    api.routes["/jobs"] = lambda query: page_of(
        [job for job in jobs if str(job["modifiedOn"]) >= query.get("modifiedOnOrAfter", "")], query
    )
    parents = replace(PARENTS, changed_since="modifiedOnOrAfter", changed_before="modifiedBefore")
    passed = datetime.now(UTC).isoformat()
    bookmark = {"newest": jobs[0]["modifiedOn"], "full_pass_at": passed, "pending": [1], **api.owner}
    first = read(api, sync, parents, NOTES, state={"bookmarks": {"job_types": bookmark}})
    assert first.state["bookmarks"]["job_types"]["newest"] == jobs[1]["modifiedOn"]

    jobs.append({"id": 2, "modifiedOn": "2026-01-01T09:59:00Z"})
    second = read(api, sync, parents, NOTES, state=first.state)
    assert second.error is None
    assert 2 in {record["jobId"] for record in second.records("job_types")}
    assert "look_back_from" not in second.state["bookmarks"]["job_types"]

    # It has made up for it. The next one looks back from the latest change again.
    third = read(api, sync, parents, NOTES, state=second.state)
    assert {record["jobId"] for record in third.records("job_types")} == {3}


def test_a_parent_whose_list_cannot_be_read_holds_up_no_other_and_is_owed(api: ScriptedApi, sync: Sync) -> None:
    serve(api, 3)
    pages = {
        None: {"hasMore": False, "continueFrom": "a", "data": [{"id": 1}, {"id": 2}, {"id": 3}]},
        "a": {"hasMore": True, "continueFrom": "b", "data": [{"id": 2}]},
        "b": {"hasMore": False, "continueFrom": "c", "data": [{"id": 3}]},
        "c": {"hasMore": False, "continueFrom": "c", "data": []},
    }
    api.routes["/export/jobs"] = lambda query: pages[query.get("from")]
    first = read(api, sync, FED_PARENTS, NOTES)
    assert first.error is None

    api.routes["/jobs/2/notes"] = lambda _: Reply(404)
    second = read(api, sync, FED_PARENTS, NOTES, state=first.state)
    assert str(second.error) == "1 of 1 stream is incomplete: job_types"
    assert second.of("ACTIVATE_VERSION") == []
    assert {record["jobId"] for record in second.records("job_types")} >= {3}
    bookmark = second.state["bookmarks"]["job_types"]
    assert (bookmark["continue_from"], bookmark["owed"]) == ("c", [2])

    api.routes["/jobs/2/notes"] = lambda query: page_of(notes(2), query)
    third = read(api, sync, FED_PARENTS, NOTES, state=second.state)
    assert third.error is None
    assert third.records("job_types") == [{"jobId": 2, **one} for one in notes(2)]
    assert "owed" not in third.state["bookmarks"]["job_types"]


def test_a_parent_that_its_list_hides_is_asked_for_at_its_own_path(api: ScriptedApi, sync: Sync) -> None:
    """Its list would show it neither if it were gone, nor if it were merely inactive."""
    parents = replace(FED_PARENTS, record_path="/a/v2/tenant/{tenant}/jobs/{id}")
    serve(api, 3, job2=lambda _: Reply(404), job3=lambda _: Reply(404))
    api.routes["/export/jobs"] = lambda _: {
        "hasMore": False,
        "continueFrom": "a",
        "data": [{"id": job} for job in (1, 2, 3)],
    }
    there = {1, 2}

    def ask_for(job: int) -> Callable[[Query], Any]:
        return lambda _: {"id": job} if job in there else Reply(404)

    api.routes |= {f"/jobs/{job}": ask_for(job) for job in (1, 2, 3)}
    run = read(api, sync, parents, NOTES)
    assert str(run.error) == "1 of 1 stream is incomplete: job_types"
    assert run.state["bookmarks"]["job_types"]["owed"] == [2]

    there.discard(2)
    rest = read(api, sync, parents, NOTES, state=run.state)
    assert rest.error is None
    assert "owed" not in rest.state["bookmarks"]["job_types"]

    # A path that not even a parent that is there is found at says nothing.
    there.clear()
    silent = read(api, sync, parents, NOTES)
    assert str(silent.error) == "1 of 1 stream is incomplete: job_types"


@pytest.mark.parametrize("data", [[7], [None, "text"]])
def test_a_list_of_which_no_record_can_be_read_is_not_complete(
    api: ScriptedApi, sync: Sync, data: list[object]
) -> None:
    """Its notes may well be there."""
    serve(api, 3, job2=lambda _: {"hasMore": False, "totalCount": len(data), "data": data})
    run = read(api, sync)
    assert run.of("ACTIVATE_VERSION") == []
    assert "left out" in run.ends["job_types"]["reason"]


def test_a_parent_without_a_key_leaves_its_children_alone(api: ScriptedApi, sync: Sync) -> None:
    serve(api, 3)
    api.routes["/jobs"] = lambda query: page_of([{"id": 1}, {"number": 2}, {"id": 3}], query)
    run = read(api, sync)
    assert run.of("ACTIVATE_VERSION") == []
    assert "1 record of campaigns has no key, so its list was not read" in run.ends["job_types"]["reason"]
