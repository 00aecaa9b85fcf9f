"""Lists that are asked for what changed: nothing is missed, whatever order they come in and whose clock is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap.harness import FEW
from tap_servicetitan.streams import StreamSpec

if TYPE_CHECKING:
    from tap.harness import Company, Run, Sync

STREAM = "campaigns"
ROWS = (
    StreamSpec(
        name=STREAM,
        list_path="/marketing/v2/tenant/{tenant}/campaigns",
        changed_since="modifiedOnOrAfter",
        query={"active": "Any", "sort": "+Id"},
        sorted_by_key=True,
    ),
)


def ids(run: Run) -> set[int]:
    return {record["id"] for record in run.records(STREAM)}


def at_source(company: Company) -> dict[int, dict[str, Any]]:
    return {record["id"]: record for record in company.server.control.records(company.id, STREAM)}


def aged(state: dict[str, Any], days: float) -> dict[str, Any]:
    """Return a state whose last full pass lies some days back."""
    began = datetime.now(UTC) - timedelta(days=days)
    return {"bookmarks": {STREAM: state["bookmarks"][STREAM] | {"full_pass_at": began.isoformat()}}}


def test_the_first_run_reads_everything_and_the_next_what_changed(company: Company, sync: Sync) -> None:
    first = sync(company.config, rows=ROWS)
    records = at_source(company)
    assert ids(first) == set(records)
    assert [message["type"] for message in first.messages[-2:]] == ["ACTIVATE_VERSION", "STATE"]
    bookmark = first.state["bookmarks"][STREAM]
    assert bookmark["newest"] == max(record["modifiedOn"] for record in records.values())

    company.settings["lookback_seconds"] = 60
    changed = company.server.control.update(company.id, STREAM, min(records))
    run = sync(company.config, rows=ROWS, state=first.state)
    since = datetime.fromisoformat(bookmark["newest"]) - timedelta(seconds=60)
    assert company.requests(STREAM)[-1]["query"]["modifiedOnOrAfter"] == since.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert changed["id"] in ids(run)
    assert len(ids(run)) < FEW[STREAM]
    assert run.of("ACTIVATE_VERSION") == []
    assert run.state["bookmarks"][STREAM]["newest"][:19] == changed["modifiedOn"][:19]
    assert run.state["bookmarks"][STREAM]["full_pass_at"] == bookmark["full_pass_at"]


def test_a_full_pass_is_made_when_it_is_time_and_an_interrupted_one_does_not_count(
    company: Company, sync: Sync
) -> None:
    state = sync(company.config, rows=ROWS).state
    company.server.control.delete(company.id, STREAM, min(at_source(company)))
    company.settings["max_retries"] = 0
    company.set_fault("status", stream=STREAM, page=2, times=1)
    broken = sync(company.config, rows=ROWS, state=aged(state, 7.1))
    assert broken.error
    assert broken.records(STREAM)
    assert broken.of("ACTIVATE_VERSION") == []

    run = sync(company.config, rows=ROWS, state=broken.state)
    assert ids(run) == set(at_source(company))
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_changes_that_break_off_or_keep_moving_do_not_move_the_bookmark(company: Company, sync: Sync) -> None:
    state = sync(company.config, rows=ROWS).state
    company.settings |= {"max_retries": 0, "lookback_seconds": 10**9}
    company.set_fault("status", stream=STREAM, page=3, times=1)
    broken = sync(company.config, rows=ROWS, state=state)
    assert broken.records(STREAM)
    assert broken.state == state

    company.set_fault("shift", stream=STREAM, page=1)
    moving = sync(company.config, rows=ROWS, state=state)
    assert moving.error is None
    assert moving.state == state


def test_a_time_to_come_and_a_record_without_a_time_do_not_lead_the_bookmark(company: Company, sync: Sync) -> None:
    state = sync(company.config, rows=ROWS).state
    first, second = sorted(at_source(company))[:2]
    company.server.control.update(company.id, STREAM, first, {"modifiedOn": "2099-01-01T00:00:00Z"})
    company.server.control.update(company.id, STREAM, second, {"modifiedOn": None})
    run = sync(company.config, rows=ROWS, state=state)
    assert run.error is None
    newest = datetime.fromisoformat(run.state["bookmarks"][STREAM]["newest"])
    assert newest <= datetime.now(UTC)


def test_a_start_date_leaves_out_the_past_and_deletes_nothing(company: Company, sync: Sync) -> None:
    times = sorted(record["modifiedOn"] for record in at_source(company).values())
    company.settings["start_date"] = times[6]
    run = sync(company.config, rows=ROWS)
    assert 0 < len(run.records(STREAM)) < FEW[STREAM]
    assert run.of("ACTIVATE_VERSION") == []
    assert "full_pass_at" not in run.state["bookmarks"][STREAM]
