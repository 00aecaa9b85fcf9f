"""A tap that goes on from a bookmark leaves older rows out. A table that lost them is noticed, and not filled up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import Proxy
from support.singer import INTEGER, STRING, activate, record, schema, state
from support.target.harness import feed
from target_bigquery_softdelete.load.table_memory import stream_labels

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

COLUMNS = {"id": INTEGER, "name": STRING}
JOBS, CREWS = schema("jobs", COLUMNS), schema("crews", COLUMNS)


def row(stream: str, number: int, version: int | None = None, name: str = "same") -> dict[str, Any]:
    return record(stream, {"id": number, "name": name}, version)


def at(jobs: object, crews: object = "c1") -> dict[str, Any]:
    return state({"bookmarks": {"jobs": {"continue_from": jobs}, "crews": {"continue_from": crews}}})


FIRST = [JOBS, row("jobs", 1), CREWS, row("crews", 1), at("j1")]
"""A first run: there is no state, so the tap echoes none."""

ECHO = at("j1")
NEXT = [ECHO, JOBS, row("jobs", 2), CREWS, row("crews", 2), at("j2", "c2")]


def drop(project: Project) -> None:
    project.client.delete_table(f"{project.name}.bronze.jobs")


def empty(project: Project) -> None:
    project.query(f"DELETE FROM `{project.name}.bronze.jobs` WHERE TRUE")


def labels(project: Project, table: str) -> dict[str, str]:
    found: dict[str, str] = project.client.get_table(f"{project.name}.bronze.{table}").labels
    return found


def assert_refused(result: Result, project: Project, *parts: str) -> None:
    """Check that jobs failed, that nothing of it was written, and that its bookmark stays."""
    assert result.code == 1
    assert "Traceback" not in result.log
    (error,) = result.errors
    for part in ("jobs: ", f"`{project.name}.bronze.jobs`", "--full-refresh", "`meltano run`", "`--state`", *parts):
        assert part in error
    log = project.log("jobs")[-1]
    assert (log["status"].removeprefix("dry_run_"), log["error"]) == ("failed", error)
    assert not [value for value in result.states if value["bookmarks"]["jobs"] != ECHO["value"]["bookmarks"]["jobs"]]


@pytest.mark.parametrize(("harm", "reason"), [(drop, "does not exist"), (empty, "was emptied")])
@pytest.mark.parametrize("interval", [1, 1000], ids=["early-merges", "one-merge"])
def test_changes_over_a_table_that_lost_its_rows_are_refused(
    harm: Any,  # noqa: ANN401 - one of the two above
    reason: str,
    interval: int,
    target: TargetRunner,
    project: Project,
) -> None:
    assert target(*FIRST).code == 0
    harm(project)

    result = target(*NEXT, merge_interval_rows=interval)

    assert_refused(result, project, reason)
    assert ("jobs" in project.tables("bronze")) is (harm is empty)
    assert harm is drop or project.rows("jobs") == {}
    assert project.operations("crews") == {1: "INSERT", 2: "INSERT"}
    assert result.states[-1]["bookmarks"]["crews"] == {"continue_from": "c2"}

    # It stays so until everything is read again.
    assert_refused(target(*NEXT), project, reason)
    again = target(JOBS, row("jobs", 1), row("jobs", 2), at("j2"))
    assert again.code == 0, again.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT"}
    assert target(*NEXT).code == 0


@pytest.mark.parametrize(("harm", "reason"), [(drop, "does not exist"), (empty, "was emptied")])
@pytest.mark.parametrize("dry_run", [False, True])
def test_it_is_noticed_without_a_record_too(
    harm: Any,  # noqa: ANN401 - one of the two above
    reason: str,
    dry_run: bool,  # noqa: FBT001 - a parameter of the test
    target: TargetRunner,
    project: Project,
) -> None:
    target(*FIRST)
    harm(project)
    tables = project.tables("bronze")

    # A merge of another stream comes between, and does not release the bookmark.
    result = target(
        ECHO, JOBS, CREWS, row("crews", 2), at("j2"), row("crews", 3), merge_interval_rows=2, dry_run=dry_run
    )

    assert_refused(result, project, reason)
    assert project.tables("bronze") == tables
    assert project.tables("staging") == []


def test_a_dry_run_reports_it_and_creates_nothing(target: TargetRunner, project: Project) -> None:
    target(*FIRST)
    drop(project)

    assert_refused(target(*NEXT, dry_run=True), project, "does not exist")

    assert project.tables("bronze") == ["crews"]
    assert project.tables("staging") == []


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([row("jobs", 2, 7), activate("jobs", 7)], id="complete"),
        pytest.param([row("jobs", 2, 7)], id="incomplete"),
        pytest.param([activate("jobs", 7)], id="empty"),
        pytest.param([row("jobs", 1), row("jobs", 3), at("j2"), row("jobs", 2, 7), activate("jobs", 7)], id="changes"),
    ],
)
@pytest.mark.parametrize("interval", [1, 1000], ids=["early-merges", "one-merge"])
def test_a_snapshot_needs_no_older_rows(
    messages: list[dict[str, Any]], interval: int, target: TargetRunner, project: Project
) -> None:
    target(*FIRST)
    drop(project)

    result = target(ECHO, JOBS, *messages, at("j3"), merge_interval_rows=interval)

    assert result.code == 0, result.log
    assert result.states[-1] == at("j3")["value"]
    live = {key for key, what in project.operations("jobs").items() if what != "DELETE"}
    assert live == ({2} if len(messages) != 1 or "record" in messages[0] else set())


@pytest.mark.parametrize(
    "bookmark", [{}, {"continue_from": None}, None, "text", 5, {"jobs": {}}], ids=lambda value: str(value)[:12]
)
def test_without_a_bookmark_to_go_on_from_a_table_may_be_missing(
    bookmark: Any,  # noqa: ANN401 - any JSON
    target: TargetRunner,
    project: Project,
) -> None:
    first = state({"bookmarks": {"jobs": bookmark} if bookmark != {"jobs": {}} else {}})

    result = target(first, JOBS, row("jobs", 1), at("j1"), JOBS, row("jobs", 2), at("j2"))

    assert result.code == 0, result.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT"}


def test_a_version_that_is_announced_early_needs_them(target: TargetRunner, project: Project) -> None:
    # Taps of the SDK begin each run of changes with it.
    target(*FIRST)
    drop(project)

    assert_refused(target(ECHO, JOBS, activate("jobs", 7), row("jobs", 2, 7), at("j2")), project, "does not exist")


def test_a_bookmark_that_the_run_itself_has_made_is_none_to_go_on_from(target: TargetRunner, project: Project) -> None:
    # The first page of the feed was empty.
    result = target(JOBS, at("j1"), row("jobs", 1), at("j2"))

    assert result.code == 0, result.log
    assert project.operations("jobs") == {1: "INSERT"}


def test_a_stream_without_rows_gets_an_empty_table_that_may_stay_empty(target: TargetRunner, project: Project) -> None:
    dry = target(JOBS, at("j1"), dry_run=True)
    assert (dry.code, project.tables("bronze")) == (0, [])

    first = target(JOBS, at("j1"), live_views=True)
    assert first.code == 0, first.log
    assert project.tables("bronze") == ["jobs", "jobs_live"]
    assert project.query(f"SELECT id, name, _etl_operation, _etl_synced FROM `{project.name}.bronze.jobs`") == []
    assert "filled" not in labels(project, "jobs")

    for messages in ([], [row("jobs", 1)], [row("jobs", 2)]):
        result = target(ECHO, JOBS, *messages, at("j2"))
        assert result.code == 0, result.log
    assert labels(project, "jobs")["filled"] == "true"
    empty(project)
    assert_refused(target(ECHO, JOBS, row("jobs", 3), at("j2")), project, "was emptied")


def test_a_table_of_an_earlier_version_gets_its_labels_with_its_next_write(
    target: TargetRunner, project: Project
) -> None:
    target(*FIRST, tenant_id="1001")
    table = project.client.get_table(f"{project.name}.bronze.jobs")
    named = stream_labels(["jobs"])
    table.labels = {"tenant_id": "1001", "filled": None, **dict.fromkeys(named)}
    project.client.update_table(table, ["labels"])
    assert labels(project, "jobs") == {"tenant_id": "1001"}

    unchanged = target(ECHO, JOBS, row("jobs", 1), tenant_id="1001")
    assert (unchanged.code, labels(project, "jobs")) == (0, {"tenant_id": "1001", **named})
    changed = target(ECHO, JOBS, row("jobs", 1, name="new"), tenant_id="1001")
    assert (changed.code, labels(project, "jobs")) == (0, {"tenant_id": "1001", "filled": "true", **named})


def test_an_empty_table_that_somebody_made_anew_has_lost_its_rows(target: TargetRunner, project: Project) -> None:
    target(*FIRST)
    project.query(f"CREATE OR REPLACE TABLE `{project.name}.bronze.jobs` AS SELECT * FROM bronze.jobs WHERE FALSE")
    assert_refused(target(ECHO, JOBS, row("jobs", 3), at("j2")), project, "was emptied")


def test_streams_without_a_key_are_checked_too(target: TargetRunner, project: Project) -> None:
    keyless = schema("jobs", COLUMNS, key=())
    target(keyless, row("jobs", 1), at("j1"))
    assert labels(project, "jobs")["filled"] == "true"
    empty(project)

    assert_refused(target(ECHO, keyless, row("jobs", 2), at("j2")), project, "was emptied")


def test_it_costs_a_stream_without_records_one_request(target: TargetRunner, project: Project) -> None:
    target(*FIRST)

    with Proxy(project.api_endpoint) as proxy:
        result = target(ECHO, JOBS, CREWS, at("j2"), api_endpoint=proxy.url)

    assert result.code == 0, result.log
    assert result.states == [at("j2")["value"]]
    asked = [request.path for request in proxy.requests if "/datasets/bronze/tables/" in request.path]
    assert sorted(path.split("?")[0].rpartition("/")[2] for path in asked) == ["crews", "jobs"]


def test_a_bookmark_before_the_first_record_comes_out_with_a_table_only(target: TargetRunner, project: Project) -> None:
    """A tap may have looked through a stretch where nothing is, when the run dies: the next one goes on from there."""
    with target.start(merge_interval_rows=2, merge_interval_seconds=1) as process:
        feed(process, [JOBS, CREWS, at("j1", "c1"), row("crews", 1), row("crews", 2)])
        assert process.stdout
        states = [json.loads(process.stdout.readline())]
        feed(process, [at("j2", "c2")])
        while states[-1]["bookmarks"].get("jobs") is None:
            states.append(json.loads(process.stdout.readline()))
        process.kill()
    project.wait_for_jobs()

    assert states[0] == {"bookmarks": {"crews": {"continue_from": "c1"}}}
    assert project.rows("jobs") == {}
    again = target(state(states[-1]), JOBS, row("jobs", 1), CREWS, at("j3", "c3"))
    assert again.code == 0, again.log
    assert project.operations("jobs") == {1: "INSERT"}
