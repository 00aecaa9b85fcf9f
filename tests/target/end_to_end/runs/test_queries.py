"""Short questions: one call each, page by page, asked anew when a failure passes, or given up in BigQuery's words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery as bq

from servicetitan_sandbox.client.bigquery_control import set_conditions
from support.proxy import Answer, Proxy
from support.target.harness import HastyTarget
from target_bigquery_softdelete.bigquery import queries
from target_bigquery_softdelete.bigquery.job_failure import JobTimeError
from target_bigquery_softdelete.bigquery.queries import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.cloud.bigquery.query import _AbstractQueryParameter

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Gate, Request
    from target_bigquery_softdelete.bigquery.retry import RetryPolicy

HASTY = HastyTarget.retry_policy
NUMBERS = "SELECT n FROM UNNEST(GENERATE_ARRAY(1, @most)) AS n"
AUSTRALIA = "australia-southeast1"


class Asker:
    """Asks one project through a proxy, and counts what goes through it."""

    def __init__(self, project: Project, proxy: Proxy) -> None:
        self.project = project
        self.proxy = proxy

    def __call__(
        self,
        sql: str = NUMBERS,
        *,
        most: int = 3,
        policy: RetryPolicy = HASTY,
        **options: Any,  # noqa: ANN401 - what a request may say
    ) -> queries.Answer:
        """Ask, and return the answer."""
        parameters: list[_AbstractQueryParameter] = [bq.ScalarQueryParameter("most", "INT64", most)]
        client = self.project.at(self.proxy.url).client
        return ask(client, sql, policy, parameters=parameters, options=options)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The requests that asked something, oldest first."""
        return [json.loads(request.body) for request in self.proxy.requests if request.method == "POST"]

    @property
    def looks(self) -> list[str]:
        """The addresses of those that asked for more of an answer."""
        return [request.path for request in self.proxy.requests if request.method == "GET"]


@pytest.fixture
def asker(project: Project) -> Iterator[Asker]:
    """What asks the project."""
    with Proxy(project.api_endpoint) as proxy:
        yield Asker(project, proxy)
    set_conditions(project.api_endpoint, project.name, failing_jobs=[], held_jobs=[])


def plan(project: Project, **conditions: Any) -> None:  # noqa: ANN401 - any condition
    """Let jobs of the project fail or take longer."""
    set_conditions(project.api_endpoint, project.name, **conditions)


def numbers(count: int) -> list[dict[str, int]]:
    """Return the rows of the numbers up to one."""
    return [{"n": number} for number in range(1, count + 1)]


def lose(text: bytes, *, times: int, answer: Answer | None = None) -> Gate:
    """Return a gate that loses the first answers to requests with a text in their path or body, or replaces them."""
    left = [times]

    def gate(request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        found = forward(request.body)
        if text not in request.path.encode() + request.body or not left[0]:
            return found
        left[0] -= 1
        return answer

    return gate


def test_values_come_in_their_types(asker: Asker) -> None:
    sql = """
        SELECT 9223372036854775807 AS big, -1 AS small, TRUE AS yes, 1 > 2 AS wrong, 'a\\'b' AS text, '' AS empty,
        CAST(NULL AS INT64) AS nothing, CAST(NULL AS BOOL) AS never, CAST(NULL AS STRING) AS silent,
        [1, 2] AS many, ['x', ''] AS texts, ARRAY<INT64>[] AS none, @most AS most
    """

    (row,) = asker(sql).rows

    assert row == {
        "big": 2**63 - 1,
        "small": -1,
        "yes": True,
        "wrong": False,
        "text": "a'b",
        "empty": "",
        "nothing": None,
        "never": None,
        "silent": None,
        "many": [1, 2],
        "texts": ["x", ""],
        "none": [],
        "most": 3,
    }
    assert (len(asker.asked), asker.looks) == (1, [])


def test_an_answer_without_rows_has_none(asker: Asker) -> None:
    assert asker(f"{NUMBERS} WHERE n > @most").rows == []


def test_a_long_answer_comes_page_by_page(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_MOST_ROWS", 4)

    answer = asker(f"{NUMBERS} ORDER BY n", most=10)

    assert answer.rows == numbers(10)
    assert (len(asker.asked), len(asker.looks)) == (1, 2)


@pytest.mark.parametrize("place", [None, AUSTRALIA])
def test_a_query_that_takes_longer_is_waited_for_where_it_runs(
    place: str | None, asker: Asker, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_HOLD_MS", 100)
    monkeypatch.setattr(queries, "_MOST_ROWS", 4)
    plan(project, held_jobs=[{"text": "GENERATE_ARRAY", "seconds": 1}])

    options: dict[str, Any] = {"location": place} if place else {}
    answer = asker(f"{NUMBERS} ORDER BY n", most=6, **options)

    assert answer.rows == numbers(6)
    assert len(asker.asked) == 1
    assert len(asker.looks) >= 2
    if place:
        assert all(f"location={place}" in look for look in asker.looks)


def test_a_query_that_takes_too_long_is_given_up_with_its_name(
    asker: Asker, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_HOLD_MS", 50)
    plan(project, held_jobs=[{"text": "GENERATE_ARRAY", "seconds": 60}])

    with pytest.raises(JobTimeError) as told:
        asker(policy=replace(HASTY, job_seconds=0.5))

    (job,) = (job.job_id for job in project.client.list_jobs())
    assert job in str(told.value)
    assert len(asker.asked) == 1
    project.client.cancel_job(job)


PAGE = b"<!DOCTYPE html><title>Error 502 (Server Error)!!1</title>"


@pytest.mark.parametrize(
    ("text", "status", "body"),
    [
        (b"GENERATE_ARRAY", 0, b""),
        (b"GENERATE_ARRAY", 503, b'{"error": {"code": 503, "message": "no", "errors": [{"reason": "backendError"}]}}'),
        (b"GENERATE_ARRAY", 502, PAGE),
        (b"GENERATE_ARRAY", 200, PAGE),
        (b"pageToken", 0, b""),
        (b"pageToken", 500, b'{"error": {"code": 500, "message": "no", "errors": [{"reason": "internalError"}]}}'),
    ],
    ids=["lost", "503", "502 page", "200 page", "lost page of rows", "500 page of rows"],
)
def test_a_call_that_fails_is_made_again_as_a_new_question(
    text: bytes, status: int, body: bytes, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_MOST_ROWS", 4)
    kind = "text/html" if body == PAGE else "application/json"
    asker.proxy.gate = lose(text, times=2, answer=Answer(status, [("Content-Type", kind)], body) if status else None)

    assert asker(f"{NUMBERS} ORDER BY n", most=6).rows == numbers(6)

    assert len(asker.asked) == 3
    assert len({each["requestId"] for each in asker.asked}) == 3, "with the same id, the answer would be the same"


@pytest.mark.parametrize("reason", ["backendError", "jobRateLimitExceeded", "rateLimitExceeded"])
def test_a_query_that_fails_for_a_reason_that_passes_is_asked_anew(reason: str, asker: Asker, project: Project) -> None:
    plan(project, failing_jobs=[{"text": "GENERATE_ARRAY", "reason": reason, "times": 2}])

    assert asker().rows == numbers(3)

    assert len(asker.asked) == 3
    assert len(list(project.client.list_jobs())) == 3


def test_a_query_that_keeps_failing_is_given_up(asker: Asker, project: Project) -> None:
    plan(project, failing_jobs=[{"text": "GENERATE_ARRAY", "reason": "backendError", "times": 100_000}])

    with pytest.raises(exceptions.ServiceUnavailable, match="Retrying may solve the problem"):
        asker(policy=replace(HASTY, deadline_seconds=0.5))

    assert len(asker.asked) > 1


@pytest.mark.parametrize(
    ("sql", "options", "fault", "said"),
    [
        ("SELECT @most FROM `nowhere.jobs`", {}, None, "Not found: "),
        ("SELECT @most + missing AS n", {}, None, "missing"),
        ("SELECT IF(@most = 3, ERROR('etl: as asked for'), 1) AS n", {}, None, "etl: as asked for"),
        (NUMBERS, {}, {"reason": "accessDenied"}, "Access Denied"),
        (NUMBERS, {}, {"reason": "quotaExceeded"}, "Quota exceeded"),
        ("SELECT COUNT(*) AS n FROM bronze.jobs, (SELECT @most)", {"maximumBytesBilled": "1"}, None, "limit for bytes"),
    ],
    ids=["no dataset", "no column", "own error", "denied", "quota", "too many bytes"],
)
def test_a_query_that_cannot_succeed_is_asked_once(  # noqa: PLR0913, PLR0917 - what is asked, and what is said
    sql: str, options: dict[str, Any], fault: dict[str, str] | None, said: str, asker: Asker, project: Project
) -> None:
    project.client.create_dataset("bronze")
    project.query("CREATE TABLE bronze.jobs AS SELECT 1 AS id")
    plan(project, failing_jobs=[{"text": "GENERATE_ARRAY", **fault}] if fault else [])

    with pytest.raises(exceptions.GoogleAPIError, match=said):
        asker(sql, **options)

    assert len(asker.asked) == 1


def test_what_a_query_costs_comes_with_its_answer(asker: Asker, project: Project) -> None:
    project.client.create_dataset("bronze")
    project.query("CREATE TABLE bronze.jobs AS SELECT 1 AS id")

    answer = asker("SELECT id + @most AS n FROM bronze.jobs")

    assert answer.rows == [{"n": 4}]
    assert answer.bytes_billed == 10 << 20
    assert asker().bytes_billed == 0


def test_what_a_slow_query_costs_is_known_too(asker: Asker, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.client.create_dataset("bronze")
    project.query("CREATE TABLE bronze.jobs AS SELECT 1 AS id")
    monkeypatch.setattr(queries, "_HOLD_MS", 100)
    plan(project, held_jobs=[{"text": "id + @most", "seconds": 1}])

    answer = asker("SELECT id + @most AS n FROM bronze.jobs")

    assert (answer.rows, answer.bytes_billed) == ([{"n": 4}], 10 << 20)
    assert len(asker.asked) == 1
