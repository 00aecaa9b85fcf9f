"""Lists that have to be asked for a stretch of time are read day by day, and recent days again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.tap.scripted import Reply, page_of

if TYPE_CHECKING:
    from support.tap.harness import Run, Sync
    from support.tap.scripted import Query, ScriptedApi

PERFORMANCE = "/performance"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

Figures = dict[str, list[dict[str, Any]]]
"""What there is for a day, by day."""


def serve(api: ScriptedApi, figures: Figures) -> None:
    """Let the API answer with the figures of the day that it is asked for, and refuse more than a day."""
    api.now = NOON

    def answer(query: Query) -> Any:  # noqa: ANN401 - JSON
        first, end = (datetime.fromisoformat(query[name]) for name in ("fromUtc", "toUtc"))
        assert first < end <= min(first + timedelta(days=1), NOON)
        return page_of(figures.get(str(first.date()), []), query)

    api.routes[PERFORMANCE] = answer


def table(*runs: Run) -> set[tuple[str, int, str]]:
    """Return the rows that are left after some runs: day, position and the name of the campaign."""
    rows: dict[tuple[str, int], str | None] = {}
    for run in runs:
        for record in run.records("campaign_performance"):
            gone = record.get("_sdc_deleted_at") is not None
            rows[record["date"], record["position"]] = None if gone else record["campaign"]["name"]
    return {(*key, name) for key, name in rows.items() if name is not None}


def campaigns(*names: str) -> list[dict[str, Any]]:
    return [{"campaign": {"name": name}} for name in names]


def test_each_day_is_asked_for_and_recent_ones_again(api: ScriptedApi, sync: Sync) -> None:
    config = api.config | {"start_date": "2026-03-07", "daily_lookback_days": 1}
    serve(api, {"2026-03-07": campaigns("a", "b"), "2026-03-09": campaigns("a"), "2026-03-10": campaigns("b")})
    first = sync(config, "campaign_performance")
    assert first.error is None
    assert table(first) == {
        *(("2026-03-07", 0, "a"), ("2026-03-07", 1, "b")),
        *(("2026-03-09", 0, "a"), ("2026-03-10", 0, "b")),
    }
    assert first.of("SCHEMA")[0]["key_properties"] == ["date", "position"]
    assert first.of("ACTIVATE_VERSION") == []

    # A day that was read before has changed; one beyond the look-back would not be seen.
    serve(api, {"2026-03-09": [], "2026-03-10": campaigns("c", "d")})
    asked = len(api.asked(PERFORMANCE))
    second = sync(config, "campaign_performance", state=first.state)
    days = [query["fromUtc"][:10] for query in api.asked(PERFORMANCE)[asked:]]
    assert sorted(set(days)) == ["2026-03-09", "2026-03-10"]
    assert table(first, second) == {
        *(("2026-03-07", 0, "a"), ("2026-03-07", 1, "b")),
        *(("2026-03-10", 0, "c"), ("2026-03-10", 1, "d")),
    }


def test_without_a_first_day_it_is_a_year(api: ScriptedApi, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_servicetitan.streams.period.MOST_DAYS", 2)
    serve(api, {})
    run = sync(api.config, "campaign_performance")
    assert run.ends["campaign_performance"] == {
        "status": "incomplete",
        "reason": "364 days are still to be read: the next run goes on from there",
    }
    assert [query["fromUtc"][:10] for query in api.asked(PERFORMANCE)] == ["2025-03-10", "2025-03-11"]
    assert run.state["bookmarks"]["campaign_performance"]["last_day"] == "2025-03-11"


def test_it_is_complete_when_the_days_have_reached_today(
    api: ScriptedApi, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_servicetitan.streams.period.MOST_DAYS", 2)
    serve(api, {})
    config = api.config | {"start_date": "2026-03-07", "daily_lookback_days": 0}
    first = sync(config, "campaign_performance")
    assert first.ends["campaign_performance"]["reason"].startswith("2 days are still to be read")
    second = sync(config, "campaign_performance", state=first.state)
    assert second.ends["campaign_performance"] == {"status": "complete"}


def test_the_capacity_of_the_days_to_come(api: ScriptedApi, sync: Sync) -> None:
    api.now = NOON
    frames = {"2026-03-10": 2, "2026-03-11": 1}

    def answer(query: Query) -> Any:  # noqa: ANN401 - JSON
        day = json.loads(query["body"])["startsOnOrAfter"][:10]
        return {"timeStamp": "2026-03-10T12:00:00Z", "availabilities": [{"start": day}] * frames.get(day, 0)}

    api.routes["/capacity"] = answer
    config = api.config | {"capacity_days": 3}
    first = sync(config, "capacity")
    assert first.error is None
    assert [(record["date"], record["position"]) for record in first.records("capacity")] == [
        *(("2026-03-10", 0), ("2026-03-10", 1), ("2026-03-11", 0)),
    ]
    assert json.loads(api.asked("/capacity")[-1]["body"]) == {
        "skillBasedAvailability": False,
        "startsOnOrAfter": "2026-03-12T00:00:00Z",
        "endsOnOrBefore": "2026-03-13T00:00:00Z",
    }

    # A day later, one frame is gone, and nobody asks for the day that is over: its rows stay as they were.
    frames["2026-03-11"] = 0
    api.now = NOON + timedelta(days=1)
    second = sync(config, "capacity", state=first.state)
    gone = [(record["date"], record["position"]) for record in second.records("capacity")]
    assert gone == [("2026-03-11", 0)]
    assert all(record["_sdc_deleted_at"] for record in second.records("capacity"))


SCHEDULERS = "scheduler_performance"


def serve_schedulers(api: ScriptedApi, *names: str) -> None:
    """Let the API answer with the schedulers, and with the same figures for each of them and each day."""
    api.now = NOON
    api.routes["/schedulers"] = lambda query: page_of([{"id": name} for name in names], query)
    for name in names:
        api.routes[f"/schedulers/{name}/performance"] = lambda _, name=name: {"id": name, "totalSessions": 3}  # type: ignore[misc]


def days_of(run: Run, scheduler: str) -> set[str]:
    """Return the days for which a run has brought the figures of a scheduler."""
    return {record["date"] for record in run.records(SCHEDULERS) if record["id"] == scheduler}


def test_the_performance_of_each_scheduler(api: ScriptedApi, sync: Sync) -> None:
    serve_schedulers(api, "s1", "s2")
    run = sync(api.config | {"start_date": "2026-03-09"}, SCHEDULERS)
    assert run.error is None
    assert {(record["date"], record["id"], record["totalSessions"]) for record in run.records(SCHEDULERS)} == {
        *(("2026-03-09", "s1", 3), ("2026-03-09", "s2", 3)),
        *(("2026-03-10", "s1", 3), ("2026-03-10", "s2", 3)),
    }
    query = api.asked("/schedulers/s1/performance")[0]
    assert query == {"sessionCreatedOnOrAfter": "2026-03-09T00:00:00Z", "sessionCreatedBefore": "2026-03-10T00:00:00Z"}


@pytest.mark.parametrize("status", [400, 404])
def test_a_scheduler_whose_figures_do_not_come_holds_up_no_other(api: ScriptedApi, sync: Sync, status: int) -> None:
    serve_schedulers(api, "s1", "s2")
    whole = api.routes["/schedulers/s1/performance"]
    api.routes["/schedulers/s1/performance"] = lambda _: Reply(status)
    config = api.config | {"start_date": "2026-03-08", "daily_lookback_days": 0}
    first = sync(config, SCHEDULERS)
    assert first.ends[SCHEDULERS]["status"] == "incomplete"
    assert "1 list of schedulers was not read, such as that of s1" in first.ends[SCHEDULERS]["reason"]
    assert days_of(first, "s2") == {"2026-03-08", "2026-03-09", "2026-03-10"}

    # As soon as they come, no day of them is missing.
    api.routes["/schedulers/s1/performance"] = whole
    second = sync(config, SCHEDULERS, state=first.state)
    assert second.ends[SCHEDULERS] == {"status": "complete"}
    assert days_of(second, "s1") == {"2026-03-08", "2026-03-09", "2026-03-10"}


def test_a_scheduler_that_is_gone_has_no_figures(api: ScriptedApi, sync: Sync) -> None:
    serve_schedulers(api, "s1", "s2")
    lists = iter([[{"id": "s1"}, {"id": "s2"}]])
    api.routes["/schedulers"] = lambda query: page_of(next(lists, [{"id": "s2"}]), query)
    api.routes["/schedulers/s1/performance"] = lambda _: Reply(404)
    run = sync(api.config | {"start_date": "2026-03-09"}, SCHEDULERS)
    assert run.ends[SCHEDULERS] == {"status": "complete"}
    assert days_of(run, "s2") == {"2026-03-09", "2026-03-10"}


def test_a_day_without_any_figures_does_not_skip_the_others(api: ScriptedApi, sync: Sync) -> None:
    serve_schedulers(api, "s1")
    whole = api.routes["/schedulers/s1/performance"]
    api.routes["/schedulers/s1/performance"] = lambda query: (
        Reply(404) if "2026-03-08" in query["sessionCreatedOnOrAfter"] else whole(query)
    )
    run = sync(api.config | {"start_date": "2026-03-08"}, SCHEDULERS)
    assert run.ends[SCHEDULERS]["status"] == "incomplete"
    assert days_of(run, "s1") == {"2026-03-09", "2026-03-10"}
    assert run.state["bookmarks"][SCHEDULERS]["missed"] == ["2026-03-08"]


def test_figures_that_no_scheduler_has_are_skipped(api: ScriptedApi, sync: Sync) -> None:
    serve_schedulers(api, "s1", "s2")
    for name in ("s1", "s2"):
        api.routes[f"/schedulers/{name}/performance"] = lambda _: Reply(404)
    run = sync(api.config | {"start_date": "2026-03-09"}, SCHEDULERS)
    assert run.ends[SCHEDULERS]["status"] == "skipped"


def test_no_day_counts_as_read_while_schedulers_may_be_missing(api: ScriptedApi, sync: Sync) -> None:
    serve_schedulers(api, "s1", "s2")
    whole, asked = api.routes["/schedulers"], []

    def keep_changing(query: Query) -> Any:  # noqa: ANN401 - JSON
        asked.append(query)
        other = f"x{len(asked)}"
        api.routes[f"/schedulers/{other}/performance"] = lambda _: {"id": other}
        is_first = query["page"] == "1"
        return {"hasMore": is_first, "totalCount": 2, "data": [{"id": "s1" if is_first else other}]}

    api.routes["/schedulers"] = keep_changing
    config = api.config | {"start_date": "2026-03-08", "daily_lookback_days": 0, "page_size": 1}
    first = sync(config, SCHEDULERS)
    assert first.ends[SCHEDULERS]["status"] == "incomplete"
    assert "schedulers: the list kept changing" in first.ends[SCHEDULERS]["reason"]
    assert days_of(first, "s1") == {"2026-03-08", "2026-03-09", "2026-03-10"}

    api.routes["/schedulers"] = whole
    second = sync(config, SCHEDULERS, state=first.state)
    assert second.ends[SCHEDULERS] == {"status": "complete"}
    assert days_of(second, "s2") == {"2026-03-08", "2026-03-09", "2026-03-10"}


def test_several_lists_in_one_answer(api: ScriptedApi, sync: Sync) -> None:
    api.routes["/data"] = lambda _: {"taskTypes": [{"id": 1}], "taskSources": [{"id": 2}], "taskResolutions": []}
    run = sync(api.config, "task_types", "task_sources", "task_resolutions")
    assert run.error is None
    assert (run.records("task_types"), run.records("task_sources")) == ([{"id": 1}], [{"id": 2}])
    assert len(run.of("ACTIVATE_VERSION")) == 3


def test_a_single_record(api: ScriptedApi, sync: Sync) -> None:
    hours = {"weekdays": [{"fromHour": 8, "toHour": 17}], "saturday": [], "sunday": []}
    api.routes["/business-hours"] = lambda _: hours
    run = sync(api.config, "business_hours")
    assert run.records("business_hours") == [{"position": 0, **hours}]


def test_what_is_not_documented_is_kept(api: ScriptedApi, sync: Sync) -> None:
    record = {"id": 7, "status": "Won", "modifiedOn": "2026-03-01T00:00:00Z", "estimateAmount": 12.5}
    api.routes["/export/opportunities"] = lambda _: {"hasMore": False, "continueFrom": "t", "data": [record]}
    run = sync(api.config, "opportunities")
    assert run.records("opportunities") == [
        {"id": 7, "status": "Won", "modifiedOn": "2026-03-01T00:00:00Z", "_extra": {"estimateAmount": "12.5"}}
    ]
