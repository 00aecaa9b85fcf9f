"""Export feeds of the local ServiceTitan: new records, or all of them when a full pass is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from support.tap.harness import FEW

if TYPE_CHECKING:
    import pytest

    from support.tap.harness import Company, Sync

STREAM = "activities"


def ids_at_source(company: Company) -> set[int]:
    return {record["id"] for record in company.server.control.records(company.id, STREAM)}


def ids(records: list[dict[str, Any]]) -> set[int]:
    return {record["id"] for record in records}


def backdate(state: dict[str, Any], days: float) -> dict[str, Any]:
    """Return a state whose last full pass was some days ago."""
    began = datetime.now(UTC) - timedelta(days=days)
    bookmark = state["bookmarks"][STREAM] | {"full_pass_at": began.isoformat()}
    return {"bookmarks": {STREAM: bookmark}}


def test_the_first_run_reads_everything(company: Company, sync: Sync) -> None:
    run = sync(company.config, STREAM)
    assert len(company.requests(STREAM)) >= FEW[STREAM] // 5
    assert ids(run.records(STREAM)) == ids_at_source(company)
    (activation,) = run.of("ACTIVATE_VERSION", STREAM)
    assert {message["version"] for message in run.of("RECORD", STREAM)} == {activation["version"]}
    assert run.types[-2:] == ["ACTIVATE_VERSION", "STATE"]
    assert set(run.state["bookmarks"][STREAM]) == {"continue_from", "newest", "full_pass_at", *company.owner}


def test_the_next_run_reads_what_is_new(company: Company, sync: Sync) -> None:
    first = sync(company.config, STREAM)
    changed = company.server.control.update(company.id, STREAM, min(ids_at_source(company)))
    added = company.server.control.insert(company.id, STREAM)
    run = sync(company.config, STREAM, state=first.state)
    assert {changed["id"], added["id"]} <= ids(run.records(STREAM))
    # The feed may repeat a record or two.
    assert len(run.records(STREAM)) <= 4
    assert run.of("ACTIVATE_VERSION") == []
    assert all("version" not in message for message in run.of("RECORD"))
    assert run.state["bookmarks"][STREAM]["full_pass_at"] == first.state["bookmarks"][STREAM]["full_pass_at"]
    assert run.state["bookmarks"][STREAM]["continue_from"] != first.state["bookmarks"][STREAM]["continue_from"]


def test_a_run_without_news_keeps_its_bookmark(company: Company, sync: Sync) -> None:
    first = sync(company.config, STREAM)
    assert sync(company.config, STREAM, state=first.state).state == first.state


def test_state_goes_out_with_every_page_of_changes(company: Company, sync: Sync) -> None:
    first = sync(company.config, STREAM)
    for _ in range(12):
        company.server.control.insert(company.id, STREAM)
    run = sync(company.config, STREAM, state=first.state)
    tokens = [message["value"]["bookmarks"][STREAM]["continue_from"] for message in run.of("STATE")]
    # The state that came in, and one for each of three pages of five.
    assert len(tokens) == len(set(tokens)) == 4
    assert run.types[-1] == "STATE"


def test_changes_that_break_off_go_on_where_they_were(company: Company, sync: Sync) -> None:
    state = sync(company.config, STREAM).state
    added = {company.server.control.insert(company.id, STREAM)["id"] for _ in range(12)}
    company.settings["max_retries"] = 0
    company.set_fault("status", stream=STREAM, after=2, times=1)
    broken = sync(company.config, STREAM, state=state)
    assert str(broken.error) == "1 of 1 stream failed: activities"
    assert not added <= ids(broken.records(STREAM))
    rest = sync(company.config, STREAM, state=broken.state)
    assert rest.error is None
    assert added <= ids(broken.records(STREAM)) | ids(rest.records(STREAM))
    assert len(rest.records(STREAM)) < len(added)


def test_a_full_pass_is_made_when_the_last_one_is_too_old(company: Company, sync: Sync) -> None:
    state = sync(company.config, STREAM).state
    gone = min(ids_at_source(company))
    company.server.control.delete(company.id, STREAM, gone)
    # After half of the seven days it depends on the stream and the tenant.
    assert sync(company.config, STREAM, state=backdate(state, 3.4)).of("ACTIVATE_VERSION") == []

    run = sync(company.config, STREAM, state=backdate(state, 7.1))
    passed = [message["record"] for message in run.of("RECORD") if "version" in message]
    assert ids(passed) == ids_at_source(company)
    assert gone not in ids(passed)
    assert run.types[-2] == "ACTIVATE_VERSION"


def test_the_interval_is_a_setting(company: Company, sync: Sync) -> None:
    state = sync(company.config, STREAM).state
    company.settings["reconcile_interval_days"] = 0
    assert len(sync(company.config, STREAM, state=state).of("ACTIVATE_VERSION")) == 1


def test_a_first_load_that_breaks_off_goes_on_where_it_was(company: Company, sync: Sync) -> None:
    company.settings["max_retries"] = 0
    company.set_fault("status", stream=STREAM, after=2, times=1)
    broken = sync(company.config, STREAM, "campaigns")
    assert str(broken.error) == "1 of 2 streams failed: activities"
    assert 10 <= len(broken.records(STREAM)) <= 11  # the feed may repeat one
    assert broken.of("ACTIVATE_VERSION", STREAM) == []
    assert "full_pass_at" not in broken.state["bookmarks"][STREAM]

    rest = sync(company.config, STREAM, state=broken.state)
    assert ids(broken.records(STREAM)) | ids(rest.records(STREAM)) == ids_at_source(company)
    # The feed may repeat a record per page. What went between the two runs would not be missing from the second part.
    assert len(rest.records(STREAM)) < FEW[STREAM]
    assert rest.of("ACTIVATE_VERSION") == []
    bookmark = rest.state["bookmarks"][STREAM]
    assert bookmark["full_pass_at"] == broken.state["bookmarks"][STREAM]["first_load_at"]
    assert "first_load_at" not in bookmark


def test_a_full_pass_that_breaks_off_does_not_count_but_its_changes_do(company: Company, sync: Sync) -> None:
    state = backdate(sync(company.config, STREAM).state, 8)
    added = company.server.control.insert(company.id, STREAM)
    company.settings["max_retries"] = 0
    company.set_fault("status", stream=STREAM, after=2, times=1)
    broken = sync(company.config, STREAM, state=state)
    assert broken.error
    assert added["id"] in ids(broken.records(STREAM))
    assert broken.of("ACTIVATE_VERSION") == []
    before, after = state["bookmarks"][STREAM], broken.state["bookmarks"][STREAM]
    assert after["continue_from"] != before["continue_from"]
    assert after["full_pass_at"] == before["full_pass_at"]

    run = sync(company.config, STREAM, state=broken.state)
    assert ids([message["record"] for message in run.of("RECORD") if "version" in message]) == ids_at_source(company)
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_a_refused_token_falls_back_to_the_date(company: Company, sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    state = sync(company.config, STREAM).state
    added = company.server.control.insert(company.id, STREAM)
    state["bookmarks"][STREAM]["continue_from"] = "no-token-of-this-feed"
    run = sync(company.config, STREAM, state=state)
    assert run.error is None
    assert added["id"] in ids(run.records(STREAM))
    assert len(run.records(STREAM)) < FEW[STREAM]
    assert run.of("ACTIVATE_VERSION") == []
    refusal = "activities: the API refused the bookmark (GET /timesheets/v2/tenant/{tenant}/export/activities: 400"
    assert refusal in caplog.text
    day = datetime.fromisoformat(state["bookmarks"][STREAM]["newest"]).date() - timedelta(days=1)
    assert f"continuing from {day}" in caplog.text


def test_a_start_date_leaves_out_the_past_and_deletes_nothing(company: Company, sync: Sync) -> None:
    times = sorted(record["modifiedOn"] for record in company.server.control.records(company.id, STREAM))
    company.settings["start_date"] = times[15]
    run = sync(company.config, STREAM)
    assert 10 <= len(run.records(STREAM)) < FEW[STREAM]
    assert run.of("ACTIVATE_VERSION") == []
    assert company.requests(STREAM)[0]["query"]["from"] == times[15][:10]
    assert "full_pass_at" not in run.state["bookmarks"][STREAM]

    company.server.control.insert(company.id, STREAM)
    assert len(sync(company.config, STREAM, state=run.state).records(STREAM)) <= 2


def test_a_feed_without_an_end_is_given_up(company: Company, sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    company.set_fault("endless_feed", stream=STREAM)
    run = sync(company.config, STREAM)
    assert str(run.error) == "1 of 1 stream failed: activities"
    assert "the export feed says that there is more, but does not move on" in caplog.text
    assert run.of("ACTIVATE_VERSION") == []


def test_a_module_that_the_tenant_lacks_is_skipped(company: Company, sync: Sync) -> None:
    company.set_fault("not_found", stream=STREAM)
    run = sync(company.config, STREAM, "campaigns")
    assert run.error is None
    assert run.of("ACTIVATE_VERSION", STREAM) == []


def test_a_bookmark_in_a_module_that_is_gone_is_kept(company: Company, sync: Sync) -> None:
    state = sync(company.config, STREAM).state
    company.set_fault("not_found", stream=STREAM)
    run = sync(company.config, STREAM, "campaigns", state=state)
    assert run.error is None
    assert run.state["bookmarks"][STREAM] == state["bookmarks"][STREAM]
