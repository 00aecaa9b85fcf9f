"""Random sources, their tables in BigQuery and the models of these, compared after each run."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

from target.harness import HastyTarget
from target.model import Table, encoded
from target.scenarios import LIMITS, SETTINGS, Source, interleaved, of_stream
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    import datetime as dt

    from sandbox.project import Project
    from target.harness import Result, TargetRunner
    from target.model import Key, Message


def assert_same(project: Project, source: Source, table: Table) -> int:
    """Compare a table with its model. Return the number of rows."""
    return assert_rows(table_rows(project, source), table, source)


def assert_rows(rows: dict[Key, dict[str, Any]], table: Table, source: Source) -> int:
    """Compare rows with a model. Return their number."""
    assert set(rows) == set(table.rows), source.name
    times: dict[dt.datetime, tuple[int, int]] = {}
    for key, row in rows.items():
        expected = table.rows[key]
        assert row.pop("_etl_operation") == expected.operation, (source.name, key)
        # One time for each merge: the rows that a merge wrote have it, and no others.
        assert times.setdefault(row.pop("_etl_synced"), expected.written) == expected.written, (source.name, key)
        wanted = {**table.columns, **expected.columns}
        assert set(wanted) <= set(row), (source.name, "lacks a column")
        differ = {name: (row[name], wanted[name]) for name in wanted if row[name] != wanted[name]}
        assert not differ, (source.name, key, differ)
        assert not any(row[name] for name in set(row) - set(wanted)), "a failed run added a column, and a value"
    assert len(set(times.values())) == len(times), source.name
    assert sorted(times.values()) == [times[one] for one in sorted(times)], source.name
    return len(rows)


def table_rows(project: Project, source: Source) -> dict[Key, dict[str, Any]]:
    """Return the rows of a table by key; none when there is no table."""
    if source.name not in project.tables("bronze"):
        return {}
    found = project.query(f"SELECT * FROM `{project.name}.bronze.{source.name}`")
    rows = {tuple(row[name] for name in source.key): row for row in found}
    assert len(rows) == len(found), f"{source.name}: a key stands in two rows"
    return rows


def assert_state(result: Result, messages: list[Message], refused: set[str]) -> None:
    """Compare the last STATE with the last one of the input: it has all streams but those that were refused."""
    asked = [message["value"]["bookmarks"] for message in messages if message["type"] == "STATE"]
    let_out = result.states[-1]["bookmarks"] if result.states else {}
    for name, position in (asked[-1] if asked else {}).items():
        if name in refused:
            written = sum(1 for one in of_stream(messages, name) if one["type"] != "SCHEMA")
            assert let_out.get(name, 0) < position or not written, (name, result.log)
        else:
            assert let_out[name] == position, (name, result.log)


def is_same(rows: dict[Key, dict[str, Any]], table: Table, source: Source) -> bool:
    """Return whether rows are those of a model."""
    try:
        assert_rows(copy.deepcopy(rows), table, source)
    except AssertionError:
        return False
    return True


class World:
    """Sources, their tables in BigQuery, and their models."""

    def __init__(self, seed: int, target: TargetRunner, streams: int) -> None:
        self.dice = random.Random(seed)
        self.target = target
        self.rows_checked = 0
        self.sources = [Source(f"stream_{i}", random.Random(f"{seed}-{i}")) for i in range(streams)]
        self.tables = {source.name: Table(LIMITS) for source in self.sources}

    def messages(self) -> list[Message]:
        """Return what the tap says next."""
        return interleaved({source.name: source.messages() for source in self.sources}, self.dice)

    def run(self, messages: list[Message]) -> None:
        """Run the target and the model, and compare all that there is."""
        self.target.plugin = TargetBigQuerySoftDelete
        result = self.target(*encoded(messages), **SETTINGS)

        said = {message["stream"] for message in messages if "stream" in message}
        refused = {name for name in said if not self.tables[name].run(of_stream(messages, name))}
        assert result.code == bool(refused), result.log
        assert_state(result, messages, refused)
        self._compare()

    def _compare(self) -> None:
        for source in self.sources:
            self.rows_checked += assert_same(self.target.project, source, self.tables[source.name])

    def run_badly(self, messages: list[Message], **settings: Any) -> bool:  # noqa: ANN401 - any setting
        """Run the target where something may go wrong, and see that nothing is wrong. Return whether all went well.

        Each table is as it was before the run or as it is after one of its merges, and only what is in the last is in
        the STATE.
        """
        self.target.plugin = HastyTarget
        result = self.target(*encoded(messages), **SETTINGS, **settings)

        assert "Traceback" not in result.log
        said = {message["stream"] for message in messages if "stream" in message}
        refused = {name for name in said if not self.tables[name].run(of_stream(messages, name))}
        if result.code == 0:
            self._compare()
        landed = {source.name for source in self.sources if self._adopt(source, said)}
        for name, position in (bookmark for state in result.states for bookmark in state["bookmarks"].items()):
            nothing_to_write = all(one["type"] == "SCHEMA" for one in of_stream(messages, name)[:position])
            assert name in landed | refused or nothing_to_write, (name, position, result.log)
        if result.code == 0:
            assert landed == set(self.tables), result.log
            assert_state(result, messages, refused)
        return result.code == 0

    def _adopt(self, source: Source, said: set[str]) -> bool:
        """Take over the step of the model that the table is at. Return whether it is the last."""
        table = self.tables[source.name]
        steps = table.steps if source.name in said else [table]
        rows = table_rows(self.target.project, source)
        for step in reversed(steps):
            if is_same(rows, step, source):
                self.tables[source.name] = step
                self.rows_checked += len(rows)
                return step is steps[-1]
        raise AssertionError(f"{source.name} is at no step of the model: {rows}")
