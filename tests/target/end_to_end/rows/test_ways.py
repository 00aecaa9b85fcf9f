"""Rows take several ways into their tables. Whichever they take, the tables, the counts and the guard are the same."""

from __future__ import annotations

import math
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, activate, record, schema
from support.target.drawn import DrawnStream, together
from target_bigquery_softdelete.bigquery import fused_queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

pytestmark = pytest.mark.long

LIMITS = {"max_delete_rows": 3, "max_delete_fraction": 0.5}
COUNTS = ("read", "inserted", "updated", "deleted", "marked", "restored", "unchanged", "rejected")


@dataclass
class Way:
    """One way of the rows of all streams, into datasets of its own."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    forgets: bool = False
    """Whether no snapshot is known in any run."""
    asks_alone: bool = False
    """Whether no stream asks together with another."""

    @property
    def datasets(self) -> dict[str, str]:
        """The settings that name its datasets."""
        return {"dataset": self.name, "staging_dataset": f"{self.name}_staging", "log_dataset": f"{self.name}_log"}

    @contextmanager
    def patched(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Let streams ask alone within the block, or wait for each other however slow the machine is."""
        with monkeypatch.context() as patch:
            patch.setattr(fused_queries, "LONGEST_WAIT_SECONDS", 60.0)
            if self.asks_alone:
                patch.setattr(fused_queries, "MOST_QUESTIONS", 1)
            yield


WAYS = [
    Way("inline"),
    Way("staged", {"inline_bytes": 0}),
    Way("some_staged", {"inline_bytes": 6000}),
    Way("forgetful", forgets=True),
    Way("alone", asks_alone=True),
]


def plain(value: Any) -> Any:  # noqa: ANN401 - any value of a row
    """Return a value so that equal ones are equal in Python: NaN to NaN, and no -0 to 0."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else (value, math.copysign(1, value))
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else value


@dataclass
class Bench:
    """Runs the target by different ways on the same messages."""

    target: TargetRunner
    project: Project
    monkeypatch: pytest.MonkeyPatch

    def run(self, way: Way, messages: list[dict[str, Any] | bytes]) -> Result:
        """Run the target."""
        with way.patched(self.monkeypatch):
            result = self.target(*messages, **way.datasets, **way.settings, **LIMITS)
        if way.forgets:
            self.project.query(
                f"UPDATE `{self.project.name}.{way.name}_log.etl_logs` SET fingerprint = NULL WHERE TRUE"
            )
        return result

    def table(self, way: Way, stream: str) -> list[Any]:
        """Return the rows of a table without the time when they were written."""
        name = f"`{self.project.name}.{way.name}.{stream}`"
        return [plain(row) for row in self.project.query(f"SELECT * EXCEPT (_etl_synced) FROM {name} ORDER BY id")]

    def log(self, way: Way) -> dict[tuple[str, int], dict[str, Any]]:
        """Return what was counted, by stream and the number of the run."""
        counts = ", ".join(f"rows_{name}" for name in COUNTS)
        rows = self.project.query(
            f"SELECT stream, status, {counts}, fingerprint IS NOT NULL AS has_fingerprint, ROW_NUMBER() OVER "
            f"(PARTITION BY stream ORDER BY started) AS number FROM `{self.project.name}.{way.name}_log.etl_logs`"
        )
        return {(row.pop("stream"), row.pop("number")): row for row in rows}


@pytest.fixture
def bench(target: TargetRunner, project: Project, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """What runs the target by different ways."""
    return Bench(target, project, monkeypatch)


def streams(seed: int) -> list[DrawnStream]:
    """Return the streams of a seed."""
    dice = random.Random(f"ways {seed}")
    return [
        *(DrawnStream(f"snapshot_{number}", "snapshot", random.Random(dice.random())) for number in range(2)),
        DrawnStream("changes", "changes", random.Random(dice.random())),
        DrawnStream("collapse", "collapse", random.Random(dice.random())),
        DrawnStream("zero", "snapshot", random.Random(dice.random()), has_zero=True),
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)])
def test_every_way_brings_the_same_rows_counts_and_refusals(seed: int, bench: Bench) -> None:
    drawn = streams(seed)
    rounds = [together([stream.lines() for stream in drawn], {stream.name: n for stream in drawn}) for n in range(1, 4)]
    rounds.append(rounds[-1])  # and the last one once more: nothing is to be written

    for number, messages in enumerate(rounds, 1):
        results = {way.name: bench.run(way, messages) for way in WAYS}
        first = results["inline"]
        assert first.code == (1 if number == 2 else 0), first.log
        for way in WAYS:
            assert "Traceback" not in results[way.name].log
            assert (results[way.name].code, results[way.name].states) == (first.code, first.states), results[
                way.name
            ].log
            for stream in drawn:
                assert bench.table(way, stream.name) == bench.table(WAYS[0], stream.name), (
                    way.name,
                    stream.name,
                    number,
                )

    logs = {way.name: bench.log(way) for way in WAYS}
    known = {way: {key: row.pop("has_fingerprint") for key, row in log.items()} for way, log in logs.items()}
    assert all(log == logs["inline"] for log in logs.values())
    assert logs["inline"]["collapse", 2]["status"] == "deletes_refused"
    assert all(not any(logs["inline"][stream.name, 4][f"rows_{name}"] for name in COUNTS[1:6]) for stream in drawn)
    # The ways are what they are called: what travels has a fingerprint where it is a complete snapshot.
    complete = {(stream.name, 4) for stream in drawn if stream.shape != "changes" and not stream.has_zero}
    assert {key for key, is_known in known["inline"].items() if is_known and key[1] == 4} == complete
    assert not any(known["staged"].values())
    assert 0 < sum(known["some_staged"].values()) < sum(known["inline"].values())


def small(version: int, *, changed: int) -> list[dict[str, Any] | bytes]:
    """Return complete snapshots of 25 streams, in which the first ones have changed since the first version."""
    parts: list[list[dict[str, Any] | bytes]] = []
    for number in range(25):
        name, has_changed = f"stream_{number}", number < changed
        kept = range(1 + has_changed, 9 + has_changed)  # the first row is missing, and one is new
        rows = [record(name, {"id": key, "name": f"{number} {key % 3 if has_changed else 0}"}, version) for key in kept]
        parts.append([schema(name, {"id": INTEGER, "name": STRING}), *rows, activate(name, version)])
    return together(parts, {f"stream_{number}": version for number in range(25)})


@pytest.mark.timeout(600)
def test_streams_that_ask_together_get_the_answers_that_are_theirs(bench: Bench) -> None:
    ways = [Way("together"), Way("alone", asks_alone=True)]
    for way in ways:
        for version, changed in ((1, 0), (2, 11)):
            result = bench.run(way, small(version, changed=changed))
            assert result.code == 0, result.log

    logs = [bench.log(way) for way in ways]
    for number in range(25):
        expected = {"read": 8, "deleted": int(number < 11), "marked": int(number < 11), "inserted": int(number < 11)}
        counted = logs[0][f"stream_{number}", 2]
        assert {name: counted[f"rows_{name}"] for name in expected} == expected
        assert [log[f"stream_{number}", 2] | {"has_fingerprint": None} for log in logs] == [
            counted | {"has_fingerprint": None}
        ] * 2
        tables = [bench.table(way, f"stream_{number}") for way in ways]
        assert tables[0] == tables[1]
        assert [row["name"].split()[0] for row in tables[0]] == [str(number)] * len(tables[0])
