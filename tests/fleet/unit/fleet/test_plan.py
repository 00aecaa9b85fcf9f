"""The plan is balanced, and a task finds its companies in the registry, which may have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from servicetitan_fleet.fleet.plan import UNKNOWN_SECONDS, assign_to_tasks, estimate_seconds, find_companies
from servicetitan_fleet.registry.entries import BadEntry, Entries
from support.fleet.nights.night import make_company

if TYPE_CHECKING:
    import random

SECONDS = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.floats(1, 5000), max_size=40)


@given(SECONDS, st.integers(1, 8), st.randoms())
def test_every_company_is_in_one_task_and_the_order_of_the_registry_does_not_matter(
    expected: dict[str, float], count: int, dice: random.Random
) -> None:
    tasks = assign_to_tasks(expected, count)
    assert sorted(company_id for task in tasks for company_id in task) == sorted(expected)
    shuffled = list(expected.items())
    dice.shuffle(shuffled)
    assert assign_to_tasks(dict(shuffled), count) == tasks


@given(SECONDS, st.integers(1, 8))
def test_no_task_is_much_longer_than_necessary(expected: dict[str, float], count: int) -> None:
    longest = max((sum(map(expected.__getitem__, task)) for task in assign_to_tasks(expected, count)), default=0)
    # List scheduling: the task that ends last started its last company when no other had less to do.
    mean, most = sum(expected.values()) / count, max(expected.values(), default=0)
    assert longest <= mean + most * (1 - 1 / count) + 1e-6


def test_a_company_that_was_never_run_gets_the_median() -> None:
    assert estimate_seconds(["a", "b", "c", "new"], {"a": 10.0, "b": 20.0, "c": 90.0, "gone": 1.0})["new"] == 20.0
    assert estimate_seconds(["a"], {}) == {"a": UNKNOWN_SECONDS}


def test_a_company_that_left_the_registry_or_was_disabled_is_not_run_but_named() -> None:
    bad = BadEntry(place="company 4", company_id="bad", reason="no tenant_id")
    companies = [make_company("here"), make_company("off", enabled=False), make_company("new")]
    registered = Entries(companies=companies, bad=[bad])
    found = find_companies([["off", "gone", "here", "bad"]], 0, registered, only=[])
    assert [company.company_id for company in found.companies] == ["here"]
    assert found.gone == {
        "off": "disabled in the registry since the execution began",
        "gone": "not in the registry any more",
    }
    assert found.refused == [bad]
    # With --company a disabled one runs.
    assert [company.company_id for company in find_companies([["off"]], 0, registered, only=["off"]).companies] == [
        "off"
    ]


def test_a_bad_entry_is_reported_once_by_the_task_that_has_its_company() -> None:
    one, new, off = (
        BadEntry(place=f"company {number}", company_id=company_id, reason="no tenant_id", enabled=company_id != "off")
        for number, company_id in enumerate(("one", "new", "off"))
    )
    entries = Entries(companies=[make_company("two")], bad=[one, new, off])
    tasks = [["two"], ["one"]]
    assert [find_companies(tasks, task, entries, only=[]).refused for task in (0, 1)] == [[new], [one]]
    assert not any(find_companies(tasks, task, entries, only=[]).gone for task in (0, 1))
    named = find_companies([["off", "gone"]], 0, entries, only=["off", "gone"])
    assert (named.refused, named.gone) == ([off], {"gone": "not in the registry any more"})
