"""A company that takes several runs to load, whose processes are killed again and again, is loaded completely.

The source changes all the while. A seed (`LARGE_COMPANY_SEED`) draws who is killed when, and what changes.
"""

from __future__ import annotations

import math
import os
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.bigquery_project import Project
from support.pipeline.changing_company import (
    APPOINTMENTS,
    CAMPAIGNS,
    CONTACTS,
    CUSTOMERS,
    JOB_NOTES,
    LOADED,
    NOTES,
    TECHNICIANS,
    ChangingCompany,
)
from support.pipeline.pipe import Kill, Pipe
from support.pipeline.progress import parents_read, progress, went_back
from support.tap.harness import add_company

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan
    from support.pipeline.changing_company import Entity, Key
    from support.pipeline.pipe import Ended, Victim

SEED = int(os.environ.get("LARGE_COMPANY_SEED", "1"))
EIGHT_DAYS = 8 * 86400
FOLLOWED = {
    JOB_NOTES.stream: JOB_NOTES.name,
    APPOINTMENTS.stream: APPOINTMENTS.name,
    CONTACTS.stream: CONTACTS.name,
    NOTES.stream: CUSTOMERS.name,
}
"""The streams that continue, and the records that each follows."""
TAP: frozenset[Victim] = frozenset({"tap"})
TARGET: frozenset[Victim] = frozenset({"target"})
KILLED = -signal.SIGKILL
MOST_RUNS_ALONE = 4
"""After the last disturbance: a run may leave to the next one a full pass that only a single run can make."""
_PAGES_OF_A_WINDOW = 10


@dataclass(frozen=True)
class Plan:
    """How large the company is, and what happens to it.

    Attributes:
        sizes: How many records there are, by the sandbox's names.
        page_size: How many records a page has.
        disturbed_loads: How many runs of the first load are disturbed.
        disturbed_passes: How many runs of the next full pass are.
        changes: How many records of each entity change between two runs.
        lines: After how many lines a process is killed, at least and at most.
        deadline: The least and the most seconds of a run that has to end early.
        merge_rows: After how many rows the target merges.
        merge_seconds: After how many seconds it does.
        most_again: Which share of the parents' lists a disturbed run may read in vain.
        requests: How many requests the tap makes a second, at most: what it reads between two merges follows from it.
    """

    sizes: Mapping[str, int]
    page_size: int
    disturbed_loads: int
    disturbed_passes: int
    changes: int
    lines: tuple[int, int]
    deadline: tuple[int, int]
    merge_rows: int
    merge_seconds: int
    most_again: float
    requests: int


SMALL = Plan(
    sizes={
        JOB_NOTES.name: 800,
        APPOINTMENTS.name: 800,
        CONTACTS.name: 1000,
        CUSTOMERS.name: 150,
        NOTES.name: 225,
        TECHNICIANS.name: 12,
        CAMPAIGNS.name: 20,
    },
    page_size=50,
    disturbed_loads=2,
    disturbed_passes=1,
    changes=2,
    lines=(1000, 2000),
    deadline=(2, 3),
    merge_rows=300,
    merge_seconds=3600,
    most_again=1.0,
    requests=1000,
)
LARGE = Plan(
    sizes={
        JOB_NOTES.name: 500_000,
        APPOINTMENTS.name: 500_000,
        CONTACTS.name: 850_000,
        CUSTOMERS.name: 50_000,
        NOTES.name: 100_000,
        TECHNICIANS.name: 300,
        CAMPAIGNS.name: 2_000,
    },
    page_size=5000,
    disturbed_loads=8,
    disturbed_passes=4,
    changes=30,
    lines=(1000, 500_000),
    deadline=(30, 90),
    merge_rows=200_000,
    merge_seconds=15,
    most_again=0.1,
    requests=150,
)


@dataclass(frozen=True)
class Disturbance:
    """What keeps a run from its end: a kill, or a time limit in seconds."""

    kill: Kill | None = None
    seconds: int | None = None


def draw_disturbances(plan: Plan, random: Random) -> Iterator[Disturbance]:
    """Yield disturbances without an end: each kind in turn, in an order by the seed, some early and some late."""

    def lines() -> int:
        return round(math.exp(random.uniform(*map(math.log, plan.lines))))

    while True:
        # These two first: even of a few disturbances some come when something has been saved, and is not all.
        kinds = [
            Disturbance(Kill(TAP, after_lines=lines())),
            Disturbance(Kill(TARGET, after_states=random.randint(1, 3))),
        ]
        others = [
            Disturbance(Kill(TARGET, after_lines=lines())),
            Disturbance(Kill(TAP | TARGET, after_lines=lines())),
            Disturbance(Kill(TAP | TARGET, after_states=random.randint(1, 3))),
            Disturbance(seconds=random.randint(*plan.deadline)),
        ]
        random.shuffle(kinds)
        random.shuffle(others)
        yield from (*kinds, *others)


class Load:
    """The runs of a company, and what each of them must keep to."""

    def __init__(self, plan: Plan, pipe: Pipe, source: ChangingCompany) -> None:
        self.plan, self.pipe, self.source = plan, pipe, source
        self.counts: Counter[str] = Counter()
        self.asked_for = 0
        """How many lists of notes were asked for."""
        self._run_owners: list[str] = []
        self._pass_before: str | None = None
        """When the last full pass of the notes was, if another one is due."""

    def let_passes_be_due(self) -> None:
        """Let the last full pass be long ago."""
        self._pass_before = self._bookmark_of_notes["full_pass_at"]
        self.source.company.server.control.advance_clock(self.source.company.id, EIGHT_DAYS)

    @property
    def _bookmark_of_notes(self) -> dict[str, Any]:
        bookmark: dict[str, Any] = (self.pipe.state or {}).get("bookmarks", {}).get(NOTES.stream, {})
        return bookmark

    def run(self, disturbance: Disturbance | None = None) -> Ended:
        """Run the pipe, continuing from the last STATE, and check what every run must keep to."""
        disturbance = disturbance or Disturbance()
        state, read_before = self.pipe.state, self._parents_read()
        settings = self.pipe.company.settings
        settings.pop("max_read_seconds", None)
        if disturbance.seconds:
            settings["max_read_seconds"] = disturbance.seconds
        self._run_owners.append(f"run {len(self._run_owners)}")
        ended = self.pipe(
            kill=disturbance.kill,
            run_owner=self._run_owners[-1],
            dead_owners=self._run_owners[:-1],
            merge_interval_rows=self.plan.merge_rows,
            merge_interval_seconds=self.plan.merge_seconds,
        )
        self.counts += Counter(runs=1, records=ended.records, kills=int(KILLED in {ended.tap, ended.target}))
        self._describe(disturbance, ended)
        assert "Traceback" not in ended.log, ended.log
        self._check_progress(state, ended)
        self._check_requests(read_before)
        return ended

    def _describe(self, disturbance: Disturbance, ended: Ended) -> None:
        """Add a line about a run to a file, for people."""
        with (self.pipe.folder / "runs.txt").open("a") as file:
            file.write(
                f"{datetime.now(UTC):%H:%M:%S} {disturbance}: ended with {ended.tap} and {ended.target}, "
                f"{ended.records} records, {len(ended.states)} STATE, {ended.peak_megabytes} MB\n"
            )

    def _check_progress(self, state: dict[str, Any] | None, ended: Ended) -> None:
        """Check that no STATE goes back, and that what the tap has saved counts if the target lives to its end."""
        reached = [progress(each, FOLLOWED) for each in (state, *ended.states)]
        for before, after in pairwise(reached):
            assert went_back(before, after) == []
        if ended.target == KILLED:
            return
        assert ended.target in {0, 1}, ended.log  # 1 if the tap was killed within a line
        saved = progress(ended.sent[-1], FOLLOWED) if ended.sent else reached[0]
        assert went_back(saved, reached[-1]) == [], ended.log
        if ended.records >= 3 * _PAGES_OF_A_WINDOW * self.plan.page_size:
            assert reached[-1] != reached[0], ended.log

    def _parents_read(self) -> set[int]:
        """Return the customers whose notes the next run need not ask for."""
        bookmark = self._bookmark_of_notes
        if not bookmark.get("open_pass") and self._pass_before and bookmark["full_pass_at"] == self._pass_before:
            return set()
        return parents_read(bookmark, self.source.parents, CUSTOMERS.name)

    def _check_requests(self, read_before: set[int]) -> None:
        """Check that a run has asked for no list of notes again that the last STATE has as read.

        But for those of customers that have changed, and that of the one with which the feed repeats where it stopped.
        """
        requested = self.source.requested_parents()
        self.asked_for += len(requested)
        again = set(requested) & read_before - self.source.touched_parents
        assert len(again) <= 1, sorted(again)

    def run_until_done(self, disturbances: Iterator[Disturbance], disturbed: int) -> None:
        """Disturb so many runs, while the source changes, and leave the next ones alone until one is done."""
        for _ in range(disturbed):
            ended = self.run(next(disturbances))
            # What goes during a full pass may be found by the next one only.
            self.source.change(self.plan.changes, deletes=self._pass_before is None)
            if (ended.tap, ended.target) == (0, 0):
                break
        for _ in range(MOST_RUNS_ALONE):
            ended = self.run()
            assert ended.target == 0, ended.log
            if ended.tap == 0:
                return
        raise AssertionError(ended.log)


class Tables:
    """The tables of a company, to compare with its source."""

    def __init__(self, project: Project, source: ChangingCompany) -> None:
        self._project, self._source = project, source

    def check(self, entity: Entity, *, marks: bool) -> Counter[str]:
        """Check that a table has every record as it is, and no other row.

        Args:
            entity: The records.
            marks: Whether the rows of deleted records must be marked. Otherwise they may be.

        Returns:
            How many rows have each operation.
        """
        rows = self._rows(entity)
        operations = Counter(operation for operation, _ in rows.values())
        live = {key: values for key, (operation, values) in rows.items() if operation != "DELETE"}
        for key, values in self._source.truth(entity):
            assert live.pop(key, None) == values, (entity.stream, key)
            assert rows[key][0] == "INSERT" or self._source.has_changed(entity, key), (entity.stream, key)
        kept = {key for key in live if marks or not self._source.is_gone(entity, key)}
        assert kept == set(), entity.stream
        return operations

    def _rows(self, entity: Entity) -> dict[Key, tuple[str, tuple[object, ...]]]:
        """Return operation and values of each row, by key. No key may be there twice."""
        keys = ", ".join(entity.key_columns)
        found = self._project.client.query_and_wait(
            f"SELECT {keys}, _etl_operation, {entity.column}, UNIX_MICROS(modified_on) FROM"
            f" `{self._project.bronze}.{entity.stream}`"
        )
        rows: dict[Key, tuple[str, tuple[object, ...]]] = {}
        count = 0
        for row in found:
            *key, operation, text, modified = row.values()
            rows[tuple(key)] = operation, (text, modified)
            count += 1
        assert count == len(rows), entity.stream
        return rows

    def written_last(self) -> dict[str, Any]:
        """Return when each table was last written."""
        return {
            entity.stream: self._project.query(
                f"SELECT MAX(_etl_synced) AS moment FROM `{self._project.bronze}.{entity.stream}`"
            )[0]["moment"]
            for entity in LOADED
        }


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(LARGE, id="large", marks=[pytest.mark.long, pytest.mark.timeout(4 * 3600)]),
    ],
)
def test_a_company_is_loaded_completely_however_often_its_processes_are_killed(
    plan: Plan,
    servicetitan: ServiceTitan,
    bigquery: BigQuery,
    tmp_path: Path,
    record_property: Any,  # noqa: ANN401 - pytest's own
) -> None:
    company = add_company(servicetitan, sizes=dict(plan.sizes), feed_page_size=plan.page_size)
    company.settings |= {"page_size": plan.page_size, "requests_per_second": plan.requests}
    source = ChangingCompany(company, SEED)
    project = Project(bigquery.api_endpoint)
    load = Load(plan, Pipe(company, project, tmp_path, [entity.stream for entity in LOADED]), source)
    tables = Tables(project, source)
    disturbances = draw_disturbances(plan, Random(SEED))

    load.run_until_done(disturbances, plan.disturbed_loads)
    asked_again = load.asked_for - len(source.parents)
    assert asked_again <= plan.most_again * plan.disturbed_loads * len(source.parents) + 3 * len(source.touched_parents)

    for entity in LOADED:  # now: a full pass would bring what is missing, and nobody would see that it was
        tables.check(entity, marks=False)

    source.change(plan.changes, deletes=True)
    load.let_passes_be_due()
    load.run_until_done(disturbances, plan.disturbed_passes)

    for entity in LOADED:
        operations = tables.check(entity, marks=True)
        assert operations.keys() == {"INSERT", "UPDATE", "DELETE"}, entity.stream
        load.counts["rows"] += operations.total()

    written_last = tables.written_last()
    again = load.run()
    assert (again.tap, again.target) == (0, 0), again.log
    assert tables.written_last() == written_last
    for name, count in load.counts.items():
        record_property(name, count)
