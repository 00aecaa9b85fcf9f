"""Jobs that fail, take too long, or run elsewhere: each is run again, given up or found, and nothing waits in vain."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_control import read_stats, reset_stats, set_conditions
from support.proxy import Proxy
from support.singer import INTEGER, STRING, activate, record, schema, state
from support.target import ways
from support.target.harness import HastyTarget, lease_holder
from support.target.ways import INLINE, MERGES, STAGED, WAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Answer, Gate, Request
    from support.target.harness import TargetRunner
    from support.target.ways import Way

pytestmark = pytest.mark.usefixtures("alone")

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
MESSAGES = [
    JOBS,
    record("jobs", {"id": 1, "name": "one"}, version=1),
    activate("jobs", 1),
    state({"bookmarks": {"jobs": 1}}),
]
AUSTRALIA = "australia-southeast1"


@pytest.fixture(autouse=True)
def hasty(target: TargetRunner, project: Project) -> Iterator[None]:
    """Let the target wait less between its tries, and end what a test has planned for the project."""
    target.plugin = HastyTarget
    yield
    set_conditions(project.api_endpoint, project.name, failing_jobs=[], held_jobs=[])


def job_ids(project: Project, part: str) -> list[str]:
    """Return the ids of the jobs whose ids contain a text, without the run that they begin with, oldest first."""
    jobs = sorted(project.client.list_jobs(), key=lambda job: job.created)
    return [job.job_id.split("-", 1)[1] for job in jobs if part in job.job_id]


BEFORE = [JOBS, record("jobs", {"id": 1, "name": "old"}, version=1), activate("jobs", 1)]
"""What the table has where a test is about a MERGE."""

PASSING: dict[str, list[dict[str, Any]]] = {
    "load": [{"reason": "backendError", "times": 2}, {"reason": "rateLimitExceeded", "times": 2}],
    "fill": [{"reason": "backendError", "times": 2}, {"reason": "jobRateLimitExceeded", "times": 7}],
    "merge": [
        {"reason": "backendError", "times": 2},
        {"reason": "internalError", "times": 2},
        {"reason": "jobRateLimitExceeded", "times": 7},
        {"reason": "concurrentUpdate", "times": 7},
        {
            "reason": "resourcesExceeded",
            "message": "Resources exceeded during query execution: Too many DML statements outstanding against table "
            "co:bronze.jobs, limit is 20.",
            "times": 7,
        },
    ],
}
"""Failures that pass, by the step of the way on which they come."""


def prepare(way: Way, target: TargetRunner) -> None:
    """Make the table, unless the way leads into a new one."""
    if not way.is_into_new_table:
        assert target(*BEFORE, **way.settings).code == 0


def names(project: Project) -> dict[int, tuple[str, str]]:
    """Return what the rows are called, and how they came to be so. No row if there is no table."""
    rows = project.rows("jobs") if "jobs" in project.tables("bronze") else {}
    return {key: (row["name"], row["_etl_operation"]) for key, row in rows.items()}


def names_at_end(way: Way) -> dict[int, tuple[str, str]]:
    """Return the same as it is after a run that has gone a way to its end."""
    return {1: ("one", "INSERT" if way.is_into_new_table else "UPDATE")}


def counts(project: Project) -> list[int]:
    """Return how many rows the last run inserted and updated."""
    row = project.log("jobs")[-1]
    return [row["rows_inserted"], row["rows_updated"]]


@pytest.mark.parametrize(
    ("way", "fault"),
    [pytest.param(way, fault, marks=ways.marks(way)) for way in WAYS for fault in PASSING[way.step]],
    ids=lambda value: value["reason"] if isinstance(value, dict) else str(value),
)
def test_a_job_that_fails_for_a_reason_that_passes_is_run_again_under_a_new_id(
    way: Way, fault: dict[str, Any], target: TargetRunner, project: Project
) -> None:
    prepare(way, target)
    before = len(job_ids(project, way.job("jobs")))
    set_conditions(project.api_endpoint, project.name, failing_jobs=[{"text": way.job("jobs"), **fault}])

    result = target(*MESSAGES, **way.settings)

    assert (result.code, result.errors, len(result.states)) == (0, [], 1)
    assert names(project) == names_at_end(way)
    assert counts(project) == [int(way.is_into_new_table), int(not way.is_into_new_table)]
    ids = job_ids(project, way.job("jobs"))[before:]
    assert [int(each.rsplit("-", 1)[1]) for each in ids] == list(range(1, fault["times"] + 2))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"reason": "accessDenied"}, "Access Denied"),
        ({"reason": "quotaExceeded"}, "Quota exceeded"),
        ({"reason": "backendError", "times": 3}, "Error encountered during execution. Retrying may solve the problem."),
        ({"reason": "concurrentUpdate", "times": 8}, "Could not serialize access to table"),
    ],
    ids=lambda value: value["reason"] if isinstance(value, dict) else "",
)
@pytest.mark.parametrize(**ways.of(WAYS))
def test_a_job_that_keeps_failing_fails_the_stream_in_bigquerys_words(
    way: Way, fault: dict[str, Any], said: str, target: TargetRunner, project: Project
) -> None:
    prepare(way, target)
    before, jobs_before = names(project), job_ids(project, "jobs")
    set_conditions(project.api_endpoint, project.name, failing_jobs=[{"text": way.job("jobs"), **fault}])

    result = target(*MESSAGES, **way.settings)

    assert (result.code, result.states, len(result.errors)) == (1, [], 1)
    assert said in result.errors[0]
    failed = [each for each in job_ids(project, way.job("jobs")) if each not in jobs_before]
    assert len(failed) == fault.get("times", 1)
    assert names(project) == before
    set_conditions(project.api_endpoint, project.name, failing_jobs=[])
    assert target(*MESSAGES, **way.settings).code == 0
    assert names(project) == names_at_end(way)


def lose_an_answer(text: bytes) -> Gate:
    """Return a gate that loses the first answer to a request with a text in its path or its body."""
    lost: list[Answer] = []

    def gate(request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        answer = forward(request.body)
        if text in request.path.encode() + request.body and not lost:
            lost.append(answer)
            return None
        return answer

    return gate


def make_datasets(project: Project, location: str, *names: str) -> None:
    """Create datasets in a location."""
    for name in names:
        dataset = bq.Dataset(f"{project.name}.{name}")
        dataset.location = location
        project.client.create_dataset(dataset)


@pytest.mark.parametrize(**ways.of(WAYS))
def test_in_a_region_a_job_whose_answer_is_lost_is_found_again(
    way: Way, target: TargetRunner, project: Project
) -> None:
    make_datasets(project, AUSTRALIA, "bronze")
    prepare(way, target)
    fault = {"text": way.job("jobs"), "reason": "backendError"}
    set_conditions(project.api_endpoint, project.name, failing_jobs=[fault])

    with Proxy(project.api_endpoint) as proxy:
        proxy.gate = lose_an_answer(way.request)
        result = target(*MESSAGES, api_endpoint=proxy.url, **way.settings)

    assert (result.code, result.errors, len(result.states)) == (0, [], 1)
    assert names(project) == names_at_end(way)
    assert counts(project) == [int(way.is_into_new_table), int(not way.is_into_new_table)]
    assert {project.client.get_dataset(name).location for name in ("staging", "management")} == {AUSTRALIA}
    assert {job.location for job in project.client.list_jobs() if way.job("jobs") in job.job_id} == {AUSTRALIA}


@pytest.mark.parametrize(
    ("places", "settings", "said"),
    [
        ({"bronze": AUSTRALIA}, {"location": "EU"}, f"is in {AUSTRALIA}, and the setting `location` says EU"),
        ({"bronze": AUSTRALIA, "management": "US"}, {}, "No statement reaches tables in two locations"),
    ],
)
def test_datasets_elsewhere_are_refused_before_anything_is_written(
    places: dict[str, str], settings: dict[str, str], said: str, target: TargetRunner, project: Project
) -> None:
    for name, place in places.items():
        make_datasets(project, place, name)

    result = target(*MESSAGES, on_concurrent_run="refuse", **settings)

    assert (result.code, result.states, len(result.errors)) == (1, [], 1)
    assert said in result.errors[0]
    assert {dataset.dataset_id for dataset in project.client.list_datasets()} == set(places)
    assert project.tables("bronze") == []


@pytest.mark.parametrize(**ways.of(WAYS))
def test_a_job_beyond_its_time_is_stopped_before_the_lease_is_given_back(
    way: Way, target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(way, target)
    before = names(project)
    monkeypatch.setattr(HastyTarget, "retry_policy", replace(HastyTarget.retry_policy, job_seconds=1))
    hold = {"text": way.job("jobs"), "seconds": 60}
    set_conditions(project.api_endpoint, project.name, held_jobs=[hold])

    result = target(*MESSAGES, **{"on_concurrent_run": "refuse", **way.settings})

    assert (result.code, result.states) == (1, [])
    assert "Job execution was cancelled: Job timed out after 1 sec" in result.errors[0]
    assert not lease_holder(project)
    assert names(project) == before


@pytest.mark.long
@pytest.mark.parametrize(**ways.of(MERGES))
def test_a_job_that_bigquery_does_not_stop_is_cancelled_and_without_an_answer_the_lease_stays(
    way: Way, target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(way, target)
    policy = replace(HastyTarget.retry_policy, job_seconds=0.5, stop_seconds=1)
    monkeypatch.setattr(HastyTarget, "retry_policy", policy)
    # With the end of the id: the text of its error, which the log's job carries, has the id, too.
    hold = {"text": f"{way.job('jobs')}-1-1\n", "seconds": 60, "times": 2}
    set_conditions(project.api_endpoint, project.name, held_jobs=[hold])

    def without_timeout(request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        return forward(request.body.replace(b'"jobTimeoutMs"', b'"jobTimeout__"'))

    def without_cancel(request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        return None if "/cancel" in request.path else without_timeout(request, forward)

    with Proxy(project.api_endpoint) as proxy:
        proxy.gate = without_timeout
        first = target(*MESSAGES, api_endpoint=proxy.url, on_concurrent_run="refuse", **way.settings)
        given_back = not lease_holder(project)
        proxy.gate = without_cancel
        second = target(*MESSAGES, api_endpoint=proxy.url, on_concurrent_run="refuse", **way.settings)

    assert (first.code, second.code) == (1, 1)
    assert "and was told to stop" in first.errors[0]
    assert given_back
    assert lease_holder(project)
    assert "stays until it expires, because BigQuery did not confirm" in second.log


@pytest.mark.parametrize("way", [STAGED, INLINE], ids=["staged", "inline"])
def test_a_statement_costs_few_calls_and_the_connections_stay_open(
    way: dict[str, Any], target: TargetRunner, project: Project
) -> None:
    streams = [f"stream_{number}" for number in range(12)]
    messages = [
        message
        for name in streams
        for message in (schema(name, {"id": INTEGER}), record(name, {"id": 1}), state({"bookmarks": {name: 1}}))
    ]
    reset_stats(project.api_endpoint)

    assert target(*messages, **way, parallel_jobs=4).code == 0

    stats = read_stats(project.api_endpoint)
    statements = sum(stats["jobs"].values()) - stats["jobs"].get("LOAD", 0)
    # That for what is known of the tables needs no job of its own.
    assert (stats["calls"]["jobs.insert"], stats["calls"]["jobs.query"]) == (statements - 1, 1)
    # An answer comes when the statement has ended, or after ten seconds. Nobody asks again and again meanwhile.
    assert statements - 1 <= stats["calls"]["jobs.getQueryResults"] <= 2 * statements
    assert stats["errors"].keys() <= {"tables.get 404", "datasets.get 404", "jobs.query 404"}
    # One for each thread that loads and each stream that is merged, for the main thread, for those that read the three
    # datasets, for the two that prepare the log, and for what ends the run.
    assert stats["connections"] <= 4 + 12 + 1 + 3 + 2 + 4


def test_a_statement_above_the_limit_of_bytes_fails_at_once(target: TargetRunner, project: Project) -> None:
    assert target(*MESSAGES).code == 0
    changed = [JOBS, record("jobs", {"id": 1, "name": "other"}), state({"bookmarks": {"jobs": 2}})]

    result = target(*changed, maximum_bytes_billed=1)

    assert (result.code, result.states) == (1, [])
    assert "Query exceeded limit for bytes billed: 1. " in result.errors[0]
    assert project.rows("jobs")[1]["name"] == "one"
    assert target(*changed, maximum_bytes_billed=10**9).code == 0


def test_a_key_in_another_location_is_refused(target: TargetRunner) -> None:
    key = "projects/keys/locations/europe/keyRings/ring/cryptoKeys/key"

    result = target(*MESSAGES, kms_key_name=key)

    assert (result.code, result.states) == (1, [])
    assert key in result.errors[0]
    assert target(*MESSAGES, kms_key_name=key, location="EU").code == 0


def test_what_administrators_ask_for_is_on_jobs_datasets_and_tables(target: TargetRunner, project: Project) -> None:
    key = "projects/keys/locations/us/keyRings/ring/cryptoKeys/key"
    paying = f"{project.name}-pays"
    settings: dict[str, Any] = {
        "kms_key_name": key,
        "billing_project": paying,
        "reservation": f"projects/{paying}/locations/US/reservations/etl",
        "maximum_bytes_billed": 10**9,
        "labels": {"team": "data"},
    }
    project.client.create_dataset("bronze")  # which gives its tables no key
    for name in (project.name, paying):
        set_conditions(project.api_endpoint, name, requires_kms_key=True)

    with Proxy(project.api_endpoint) as proxy:
        settings |= {"api_endpoint": proxy.url, "on_concurrent_run": "refuse"}
        results = [target(*MESSAGES, **settings, **way) for way in (INLINE, STAGED, INLINE)]

    assert [(result.code, result.errors) for result in results] == [(0, [])] * 3
    assert list(project.client.list_jobs()) == [], "they are in the project that pays"
    sent = [request.body for request in proxy.requests if request.method == "POST" and "/jobs?" in request.path]
    configurations = [json.loads(body)["configuration"] for body in sent if b'"query": {' in body]
    asked = {(each["reservation"], each["labels"]["team"], each["jobTimeoutMs"]) for each in configurations}
    assert asked == {(settings["reservation"], "data", "3600000")}
    assert {each["query"]["maximumBytesBilled"] for each in configurations} == {"1000000000"}
    loads = [body for body in sent if b"PAR1" in body]
    assert loads
    assert all(key.encode() in body for body in loads)
    for name in ("bronze.jobs", "bronze._etl_lease", "management.etl_logs"):
        assert project.client.get_table(f"{project.name}.{name}").encryption_configuration.kms_key_name == key
    for name in ("staging", "management"):
        dataset = project.client.get_dataset(f"{project.name}.{name}")
        assert dataset.default_encryption_configuration.kms_key_name == key
