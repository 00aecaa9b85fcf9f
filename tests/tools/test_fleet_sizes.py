"""The model of what fleets take: it grows with them as it should."""

from __future__ import annotations

import fleet_sizes
from fleet_sizes import EVERY_6_HOURS, EVERY_15_MINUTES, Rhythm


def test_more_companies_take_more_of_everything_and_each_the_same() -> None:
    small, large = (Rhythm(companies=count, runs=EVERY_6_HOURS) for count in (30, 300))
    assert large.bigquery_dollars == 10 * small.bigquery_dollars
    assert round(large.cloud_run_dollars / small.cloud_run_dollars) == 10
    assert large.seconds == small.seconds


def test_running_more_often_changes_less_in_each_run_and_costs_less_than_as_many_times_more() -> None:
    slow, quick = (Rhythm(companies=30, runs=runs) for runs in (EVERY_6_HOURS, EVERY_15_MINUTES))
    assert quick.changed_streams < slow.changed_streams
    assert slow.bigquery_dollars < quick.bigquery_dollars < 24 * slow.bigquery_dollars
    assert quick.requests_to_servicetitan == slow.requests_to_servicetitan


def test_a_fleet_of_a_thousand_is_done_within_the_hour() -> None:
    fleet = Rhythm(companies=1000, runs=EVERY_6_HOURS)
    assert fleet.night_seconds <= 3600
    assert fleet.requests_a_second <= fleet_sizes.MOST_REQUESTS_A_SECOND
