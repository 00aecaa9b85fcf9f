"""What the description of a lease keeps from run to run."""

from __future__ import annotations

import datetime as dt

from target_bigquery_softdelete.bigquery.lease_memory import KEPT, LONGEST_TEXT, LeaseMemory

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def test_a_table_is_later_than_the_runs_that_began_before_it_was_brought_up_to_date() -> None:
    memory = LeaseMemory.read(LeaseMemory().add(["co.bronze.jobs"], NOON).write())
    assert memory.is_later("co.bronze.jobs", NOON - SECOND)
    assert not memory.is_later("co.bronze.jobs", NOON + SECOND)
    assert not memory.is_later("co.bronze.crews", NOON - SECOND)


def test_times_are_never_read_back_earlier_than_they_were() -> None:
    moment = NOON + dt.timedelta(microseconds=1)
    memory = LeaseMemory.read(LeaseMemory().add(["jobs"], moment).write())
    assert memory.is_later("jobs", NOON)


def test_what_is_too_old_to_matter_is_forgotten() -> None:
    memory = LeaseMemory().add(["old"], NOON).add(["new"], NOON + KEPT)
    assert not memory.is_later("old", NOON - SECOND)
    assert memory.is_later("new", NOON)


def test_of_two_memories_the_later_time_counts() -> None:
    one, other = LeaseMemory().add(["a", "b"], NOON), LeaseMemory().add(["a"], NOON + SECOND)
    for joined in (one.join(other), other.join(one)):
        assert joined.is_later("a", NOON)
        assert joined.is_later("b", NOON - SECOND)
        assert not joined.is_later("b", NOON)


def test_more_tables_than_a_description_holds_are_all_taken_for_up_to_date() -> None:
    many = LeaseMemory().add([f"table_{number}" for number in range(5000)], NOON)
    text = many.write()
    assert len(text) <= LONGEST_TEXT
    assert LeaseMemory.read(text).is_later("any other", NOON - SECOND)
    few = LeaseMemory().add([f"table_{number}" for number in range(600)], NOON)
    assert not LeaseMemory.read(few.write()).is_later("any other", NOON - SECOND)


def test_a_text_of_somebody_else_says_nothing() -> None:
    for text in (None, "", "do not delete: used by the ETL", "a:b 12:", ":7"):
        assert LeaseMemory.read(text) == LeaseMemory()
