"""What BigQuery bills for a run is what the model says that the documents show (tools/billing.py)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

import billing
from billing import Group
from support.singer import INTEGER, STRING, activate, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

STREAMS = 3
RUN_JOBS = "the run itself"
INLINE, STAGED = 1_000_000, 0

Messages = list[dict[str, object]]


def messages(text: str, *, complete: bool, keys: range = range(4)) -> Messages:
    """Return a run of three small streams, whose first row has a text."""
    found: Messages = []
    for name in (f"stream_{number}" for number in range(STREAMS)):
        found.append(schema(name, {"id": INTEGER, "name": STRING}))
        version = len(text) if complete else None
        found += [record(name, {"id": key, "name": text if key == 0 else "same"}, version=version) for key in keys]
        found += [activate(name, len(text))] if complete else []
        found.append(state({"bookmarks": {name: 1}}))
    return found


def billed(project: Project, known: set[str]) -> Counter[str]:
    """Return the bytes billed in a project since it was asked last: for streams, and for the run itself.

    A question whose answer is late on a busy machine is asked again, and billed twice: it counts once.

    Args:
        project: The project.
        known: Ids of the jobs that have been counted. Filled here.
    """
    found: Counter[str] = Counter()
    asked = set()
    for job in project.client.list_jobs():
        query = getattr(job, "query", "") or ""
        if job.job_id not in known and query not in asked:
            found["streams" if "stream_" in query else RUN_JOBS] += getattr(job, "total_bytes_billed", 0) or 0
            if job.job_id.startswith("job_"):  # BigQuery has named it: it is a question
                asked.add(query)
        known.add(job.job_id)
    return found


def group(*, staged: bool, complete: bool, changing: float) -> Group:
    """Return the streams of this test for the model: one run, in which all of them bring rows."""
    row_bytes = billing.INLINE_BYTES if staged else 10  # what is staged here is so by a setting, not by its size
    return Group("", STREAMS, 4, row_bytes, 4, busy=1 / billing.RUNS, whole=complete, changing=changing)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("staged", [False, True], ids=["inline", "staged"])
@pytest.mark.parametrize("complete", [True, False], ids=["complete", "changes"])
def test_a_run_is_billed_as_the_model_says(
    target: TargetRunner, project: Project, *, complete: bool, staged: bool
) -> None:
    counts, known = [], set[str]()
    for text in ("a", "a", "changed"):
        result = target(*messages(text, complete=complete), inline_bytes=STAGED if staged else INLINE)
        assert result.code == 0
        counts.append(billed(project, known))

    first, unchanged, changed = (count["streams"] for count in counts)
    least = {"staged": staged, "complete": complete}
    assert first == billing.bytes_billed_new(group(**least, changing=1))
    assert unchanged == billing.bytes_billed(group(**least, changing=0), touched=1)
    assert changed == billing.bytes_billed(group(**least, changing=1), touched=1)
    for count in counts[1:]:
        assert count[RUN_JOBS] <= billing.bytes_billed_runs(STREAMS) / billing.RUNS
