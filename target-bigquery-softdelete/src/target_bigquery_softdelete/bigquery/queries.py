"""Asks BigQuery short questions: one call each, `jobs.query`, which holds its answer until the query has ended.

A query changes nothing, so an answer that was lost is asked for again as a new query. What writes goes through
:mod:`~target_bigquery_softdelete.bigquery.jobs`, where a job has an id of its own before it is sent.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from target_bigquery_softdelete.bigquery.job_failure import JobTimeError
from target_bigquery_softdelete.bigquery.retry import is_transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from google.cloud import bigquery
    from google.cloud.bigquery.query import _AbstractQueryParameter

    from target_bigquery_softdelete.bigquery.retry import RetryPolicy

_HOLD_MS = 10_000
"""How long BigQuery holds an answer to a query that has not ended."""

_MOST_ROWS = 10_000
"""Rows of one answer. Further ones come with further answers."""


@dataclass(frozen=True)
class Answer:
    """The result of a query, and what it cost."""

    rows: list[dict[str, Any]]
    """Values by column: INT64, BOOL and STRING, and arrays of them. Other types are as BigQuery writes them."""
    bytes_billed: int = 0
    slot_ms: int = 0


def ask(
    client: bigquery.Client,
    sql: str,
    policy: RetryPolicy,
    *,
    parameters: Iterable[_AbstractQueryParameter] = (),
    options: Mapping[str, Any],
) -> Answer:
    """Run a query and return its result. It is asked again while it fails for a reason that passes.

    Args:
        client: The BigQuery client.
        sql: The query, in GoogleSQL.
        policy: How often, and for how long.
        parameters: Its parameters, all with names.
        options: What else the request says: location, labels, limits.

    Raises:
        GoogleAPIError: If it fails. `OSError` and `GoogleAuthError` too.
    """
    request = {
        "query": sql,
        "useLegacySql": False,
        "parameterMode": "NAMED",
        "queryParameters": [parameter.to_api_repr() for parameter in parameters],
        "timeoutMs": _HOLD_MS,
        "maxResults": _MOST_ROWS,
        **options,
    }
    deadline = time.monotonic() + policy.deadline_seconds
    attempt = 1
    while True:
        try:
            return _ask_once(client, request, policy)
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError, ValueError) as error:
            # Each time a new query: the answer to a request that is repeated is that of its first job.
            pause = policy.jittered_delay(attempt)
            if not is_transient(error) or time.monotonic() + pause >= deadline:
                raise
        time.sleep(pause)
        attempt += 1


def _ask_once(client: bigquery.Client, request: Mapping[str, Any], policy: RetryPolicy) -> Answer:
    data = {**request, "requestId": str(uuid.uuid4())}
    first = _call(client, policy, method="POST", path=f"/projects/{client.project}/queries", data=data)
    job = first.get("jobReference", {})
    place = {"location": job["location"]} if job.get("location") else {}
    rows = list(_rows_of_all(client, first, policy, place))
    if first.get("jobComplete"):
        return Answer(rows, int(first.get("totalBytesBilled", 0)), int(first.get("totalSlotMs", 0)))
    # An answer that comes later does not tell what the query has cost.
    path = f"/projects/{client.project}/jobs/{job['jobId']}"
    spent = _call(client, policy, method="GET", path=path, query_params=place)["statistics"]
    return Answer(rows, int(spent["query"].get("totalBytesBilled", 0)), int(spent.get("totalSlotMs", 0)))


def _rows_of_all(
    client: bigquery.Client, found: Mapping[str, Any], policy: RetryPolicy, place: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of an answer and of those that follow it.

    Raises:
        JobTimeError: If the query does not end in time.
    """
    job_id = found.get("jobReference", {}).get("jobId")
    deadline = time.monotonic() + policy.job_seconds
    while True:
        if found.get("jobComplete"):
            yield from _rows(found)
            if not (token := found.get("pageToken")):
                return
            wanted = {"pageToken": token, "maxResults": _MOST_ROWS}
        elif time.monotonic() > deadline:
            raise JobTimeError(job_id, policy.job_seconds)
        else:
            wanted = {"timeoutMs": _HOLD_MS, "maxResults": _MOST_ROWS}
        path = f"/projects/{client.project}/queries/{job_id}"
        found = _call(client, policy, method="GET", path=path, query_params={**wanted, **place})


def _call(client: bigquery.Client, policy: RetryPolicy, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    # The library's own function for this neither tells what a query costs, nor asks anew when the job has failed.
    send: Callable[..., dict[str, Any]] = client._connection.api_request  # noqa: SLF001
    return send(timeout=policy.call_seconds, **request)


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    fields = answer.get("schema", {}).get("fields", [])
    return [
        {field["name"]: _value(cell["v"], field) for field, cell in zip(fields, row["f"], strict=True)}
        for row in answer.get("rows", [])
    ]


def _value(value: Any, field: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a JSON value
    if field.get("mode") == "REPEATED":
        return [_item(item["v"], field["type"]) for item in value]
    return _item(value, field["type"])


def _item(value: str | None, kind: str) -> Any:  # noqa: ANN401 - of any type
    if value is None:
        return None
    if kind in {"INTEGER", "INT64"}:
        return int(value)
    return value == "true" if kind in {"BOOLEAN", "BOOL"} else value


def named(parameters: Sequence[_AbstractQueryParameter], suffix: str) -> list[_AbstractQueryParameter]:
    """Return the same parameters with a suffix to their names, so that two queries become one."""
    found = []
    for parameter in parameters:
        described = parameter.to_api_repr()
        described["name"] = f"{described['name']}{suffix}"
        found.append(type(parameter).from_api_repr(described))
    return found
