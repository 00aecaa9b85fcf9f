"""The setting `reread_from`: a run reads again what earlier runs have read, and leaves the bookmarks where they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import page_of
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import StreamSpec

if TYPE_CHECKING:
    from support.tap.harness import Company, Run, Sync
    from support.tap.scripted import Query, ScriptedApi

CAMPAIGNS = StreamSpec(
    name="campaigns",
    list_path="/marketing/v2/tenant/{tenant}/campaigns",
    changed_since="modifiedOnOrAfter",
    changed_before="modifiedBefore",
    query={"active": "Any"},
)
UNFILTERED = replace(CAMPAIGNS, changed_before=None)
SPECS = {
    "changes": CAMPAIGNS,
    "changes without an end": UNFILTERED,
    "feed": next(spec for spec in STREAMS if spec.name == "activities"),
}

incremental = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def times_at_source(company: Company, stream: str) -> dict[int, str]:
    return {record["id"]: record["modifiedOn"] for record in company.server.control.records(company.id, stream)}


def settled(state: dict[str, Any], spec: StreamSpec) -> dict[str, Any]:
    """Return the bookmark of a stream without what each run sets."""
    bookmark: dict[str, Any] = state["bookmarks"][spec.name]
    return {name: bookmark.get(name) for name in ("continue_from", "newest", "full_pass_at", "open_pass")}


@incremental
def test_from_a_day_on_what_has_changed_since_comes_again(company: Company, sync: Sync, spec: StreamSpec) -> None:
    company.settings |= {"lookback_seconds": 0}
    first = sync(company.config, specs=[spec])
    times = times_at_source(company, spec.name)
    day = sorted(times.values())[len(times) // 2][:10]
    run = sync({**company.config, "reread_from": day}, specs=[spec], state=first.state)
    assert run.error is None
    assert {record["id"] for record in run.records(spec.name)} >= {id_ for id_, time in times.items() if time >= day}
    assert len({record["id"] for record in run.records(spec.name)}) < len(times)
    assert run.of("ACTIVATE_VERSION") == []
    assert settled(run.state, spec) == settled(first.state, spec)


@incremental
def test_from_the_start_everything_comes_and_what_is_gone_shows(company: Company, sync: Sync, spec: StreamSpec) -> None:
    first = sync(company.config, specs=[spec])
    company.server.control.delete(company.id, spec.name, min(times_at_source(company, spec.name)))
    run = sync({**company.config, "reread_from": "start"}, specs=[spec], state=first.state)
    assert run.error is None
    (activation,) = run.of("ACTIVATE_VERSION")
    passed = {m["record"]["id"] for m in run.of("RECORD") if m.get("version") == activation["version"]}
    assert passed == set(times_at_source(company, spec.name))


@incremental
def test_from_the_start_means_from_the_start_date(company: Company, sync: Sync, spec: StreamSpec) -> None:
    times = sorted(times_at_source(company, spec.name).values())
    company.settings |= {"start_date": times[len(times) // 2][:10], "lookback_seconds": 0}
    first = sync(company.config, specs=[spec])
    run = sync({**company.config, "reread_from": "start"}, specs=[spec], state=first.state)
    assert {record["id"] for record in run.records(spec.name)} == {r["id"] for r in first.records(spec.name)}
    assert run.of("ACTIVATE_VERSION") == []


def test_a_first_load_that_is_not_done_goes_on_where_it_was(company: Company, sync: Sync) -> None:
    spec = SPECS["feed"]
    company.settings["max_retries"] = 0
    company.set_fault("status", stream=spec.name, after=2, times=1)
    broken = sync(company.config, specs=[spec])
    assert broken.error
    tomorrow = str((datetime.now(UTC) + timedelta(days=1)).date())
    run = sync({**company.config, "reread_from": tomorrow}, specs=[spec], state=broken.state)
    seen = {record["id"] for each in (broken, run) for record in each.records(spec.name)}
    assert seen == set(times_at_source(company, spec.name))


@pytest.mark.parametrize("spec", [CAMPAIGNS, UNFILTERED], ids=["changes", "changes without an end"])
def test_from_the_start_comes_also_what_a_pass_that_is_not_done_has_read(
    company: Company, sync: Sync, spec: StreamSpec
) -> None:
    first = sync(company.config, specs=[spec])
    times = times_at_source(company, spec.name)
    bookmark = first.state["bookmarks"][spec.name]
    begun = bookmark.pop("full_pass_at")
    bookmark["open_pass"] = {"began": begun, "created_to": "2000-01-01T00:00:00Z"}
    run = sync({**company.config, "reread_from": "start", "lookback_seconds": 0}, specs=[spec], state=first.state)
    assert run.error is None
    (activation,) = run.of("ACTIVATE_VERSION")
    passed = {m["record"]["id"] for m in run.of("RECORD") if m.get("version") == activation["version"]}
    assert passed == set(times)
    assert not run.state["bookmarks"][spec.name].get("open_pass")


def test_the_lists_of_parents_are_read_again(company: Company, sync: Sync) -> None:
    stream = "customer_notes"
    first = sync(company.config, stream)
    again = sync({**company.config, "reread_from": "2000-01-01"}, stream, state=first.state)
    without = sync(company.config, stream, state=first.state)

    def keys(run: Run) -> set[int]:
        return {record["id"] for record in run.records(stream)}

    assert keys(again) == keys(first) > keys(without)


def test_days_before_the_look_back_come_again(api: ScriptedApi, sync: Sync) -> None:
    api.now = datetime(2026, 3, 10, 12, tzinfo=UTC)

    def answer(query: Query) -> Any:  # noqa: ANN401 - JSON
        return page_of([{"campaign": {"name": "a"}}], query)

    api.routes["/performance"] = answer
    config = api.config | {"start_date": "2026-03-01", "daily_lookback_days": 1}
    first = sync(config, "campaign_performance")

    def days_with(reread_from: str) -> list[str]:
        run = sync(config | {"reread_from": reread_from}, "campaign_performance", state=first.state)
        assert run.error is None
        assert run.state["bookmarks"]["campaign_performance"]["first_day"] == "2026-03-01"
        assert run.state["bookmarks"]["campaign_performance"]["last_day"] == "2026-03-09"
        return sorted(record["date"] for record in run.records("campaign_performance"))

    # Days that the start was moved on beyond stay unread, and do not seem to be read.
    moved = sync(
        config | {"start_date": "2026-03-10", "reread_from": "start"},
        "campaign_performance",
        state={
            "bookmarks": {"campaign_performance": {"first_day": "2026-03-01", "last_day": "2026-03-04", **api.owner}}
        },
    )
    assert [record["date"] for record in moved.records("campaign_performance")] == ["2026-03-10"]
    march = [f"2026-03-{day:02}" for day in range(1, 11)]
    assert days_with("2026-03-06") == march[5:]
    assert days_with("2020-01-01") == days_with("start") == march
