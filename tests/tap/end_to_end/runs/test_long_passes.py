"""A stream that does not fit into one run goes on in the next, keeps no other from arriving, and says what is left."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from support.servicetitan import Client
from support.tap.harness import add_company
from support.tap.source import Source, content, own_fields
from support.tap.target_table import Table
from tap_servicetitan.replication import child_lists
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Company, Run, Sync

SPECS = {spec.name: spec for spec in STREAMS}
STREAM, PARENTS = "customer_notes", "customers"
OTHERS = ("campaigns", "technicians", "business_units")
NAMES = (STREAM, PARENTS, *OTHERS)
CUSTOMERS, NOTES = "crm_customers", "crm_customers_notes"
AT_ONCE = 8
COUNT = 80
REPEATED = 4 * AT_ONCE + 1
"""The most lists that are asked for twice because a run ends: those on their way, some that the threads still ask for
which it leaves behind in a test, and that of the customer that changed."""
SHORT = 2
"""Seconds in which a run reads everything but the lists of notes, and a half of these or less."""
MOST_RUNS = 20
EIGHT_DAYS = 8 * 86400


class Tenant:
    """A tenant with more customers than a run can ask for the notes of, and what a target has of it."""

    def __init__(self, server: ServiceTitan, sync: Sync) -> None:
        self.company: Company = add_company(
            server, sizes={CUSTOMERS: COUNT, NOTES: COUNT}, feed_page_size=5000, area_seconds={"crm": 0.2}
        )
        self.company.settings |= {"page_size": 5000, "max_read_seconds": SHORT}
        self.control = server.control
        self.source = Source(Client(server, self.company.tenant))
        self.tables = {name: Table() for name in NAMES}
        self.marked: Counter[str] = Counter()
        self._sync = sync
        self._state: dict[str, Any] = {}
        self._asked = 0

    def run(self) -> Run:
        """Run the tap, and apply its messages."""
        run = self._sync(self.company.config, *NAMES, state=self._state or None)
        self._state = run.state
        for name, table in self.tables.items():
            marked = table.run(run.messages, name)
            self.marked[name] += len(marked)
            assert not marked & self.source.by_key(SPECS[name]).keys()  # no live row is marked, at any time
        return run

    def take_requests(self) -> int:
        """Return how many lists of notes were asked for since this was last called."""
        before, self._asked = self._asked, len(self.company.requests(NOTES))
        return self._asked - before

    def change(self, count: int = 1) -> None:
        """Change some customers, the last ones in the order of their ids."""
        for identifier in sorted(self.control.ids(self.company.id, CUSTOMERS))[-count:]:
            self.control.update(self.company.id, CUSTOMERS, identifier)

    def assert_arrived(self, name: str) -> None:
        """Check that all records of a stream are in its table, as they are."""
        spec, rows = SPECS[name], self.tables[name].live
        truth, fields = self.source.by_key(spec), own_fields(spec)
        assert truth.keys() <= rows.keys()
        assert [key for key in truth if content(truth[key], fields) != content(rows[key], fields)] == []

    @property
    def bookmark(self) -> dict[str, Any]:
        """The bookmark of the child stream."""
        bookmark: dict[str, Any] = self._state["bookmarks"][STREAM]
        return bookmark


@pytest.fixture
def tenant(servicetitan: ServiceTitan, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    monkeypatch.setattr(child_lists, "PARENTS_AT_ONCE", AT_ONCE)
    return Tenant(servicetitan, sync)


def run_until_read(tenant: Tenant) -> tuple[int, Run]:
    """Run the tap until no list is left, and return how many runs that took. Each of them must bring what changes."""
    for number in range(1, MOST_RUNS + 1):
        run = tenant.run()
        ends = {name: end["status"] for name, end in run.ends.items()}
        assert [ends[name] for name in (PARENTS, *OTHERS)] == ["complete"] * 4
        tenant.assert_arrived(PARENTS)
        if "max_read_seconds`):" not in run.ends[STREAM].get("reason", ""):
            return number, run
        assert ends[STREAM] == "incomplete"
        assert run.of("ACTIVATE_VERSION", STREAM) == []
        tenant.change()
    raise AssertionError(f"not read after {MOST_RUNS} runs: {run.ends[STREAM]}")


def test_a_first_load_that_takes_several_runs_ends(tenant: Tenant) -> None:
    runs, last = run_until_read(tenant)
    assert last.ends[STREAM] == {"status": "complete"}
    assert runs > 1
    tenant.assert_arrived(STREAM)
    assert tenant.marked[STREAM] == 0
    # What was on its way when a run ended, and the customer that changed, is asked for again, and nothing else.
    assert len(tenant.company.requests(NOTES)) <= COUNT + (runs - 1) * REPEATED
    assert tenant.bookmark.keys() == {"continue_from", "newest", "full_pass_at", "tenant", "environment"}


def test_a_full_pass_that_takes_several_runs_keeps_no_change_from_arriving(tenant: Tenant) -> None:
    tenant.company.settings["max_read_seconds"] = 60
    tenant.run()
    full_pass_at = tenant.bookmark["full_pass_at"]
    gone = tenant.control.ids(tenant.company.id, NOTES)[0]
    tenant.control.delete(tenant.company.id, NOTES, gone)
    tenant.control.advance_clock(tenant.company.id, EIGHT_DAYS)
    tenant.company.settings["max_read_seconds"] = SHORT
    tenant.change(COUNT // 2)
    tenant.take_requests()

    runs, last = run_until_read(tenant)
    assert runs > 1
    tenant.assert_arrived(STREAM)
    # Half of the customers had changed. Then the pass asked for all.
    asked = len(tenant.company.requests(NOTES)) - COUNT
    assert asked <= COUNT * 3 // 2 + (runs - 1) * REPEATED
    # No run has seen all of it. Each has told what is gone from what it has read.
    assert tenant.marked[STREAM] == 1
    assert last.ends[STREAM]["status"] == "complete"
    assert tenant.tables[STREAM].live.keys() == tenant.source.by_key(SPECS[STREAM]).keys()
    assert tenant.bookmark["full_pass_at"] > full_pass_at
    assert not tenant.bookmark.keys() & {"open_pass", "long_pass_at"}

    # It is not read again at once.
    tenant.take_requests()
    assert tenant.run().ends[STREAM] == {"status": "complete"}
    assert tenant.take_requests() <= 1
