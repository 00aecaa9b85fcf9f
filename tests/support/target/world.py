"""Random sources, their tables in BigQuery, and models of the tables that are compared with them after each run."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

from support.proxy import Proxy, Trap
from support.singer import lines
from support.target.harness import result_of
from support.target.model import Table, encoded
from support.target.scenarios import LIMITS, SETTINGS, Source, as_batches, interleaved, of_stream
from target_bigquery_softdelete.load import prepare_table

if TYPE_CHECKING:
    import datetime as dt
    import signal
    from collections.abc import Collection

    import pytest

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner
    from support.target.model import Key, Message

NAMES = ("t", "select", "_etl_s", "end", "_etl_t")
"""Names of streams and tables: those of aliases and keywords."""


def assert_rows(rows: dict[Key, dict[str, Any]], table: Table, source: Source) -> int:
    """Compare rows with a model, and return how many there are."""
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
    assert sorted(times.values()) == [times[merge] for merge in sorted(times)], source.name
    return len(rows)


def table_rows(project: Project, source: Source) -> dict[Key, dict[str, Any]]:
    """Return the rows of a table by key; none when there is no table."""
    if source.name not in project.tables("bronze"):
        return {}
    found = project.query(f"SELECT * FROM `{project.name}.bronze.{source.name}`")
    rows = {tuple(row[name] for name in source.key): row for row in found}
    assert len(rows) == len(found), f"{source.name}: a key stands in two rows"
    return rows


def assert_history(
    project: Project, source: Source, rows: dict[Key, dict[str, Any]], versions: set[tuple[Key, dt.datetime]]
) -> None:
    """Check that a history has each version of each row once, without a gap, and that the last ones are the table."""
    found = project.query(f"SELECT * FROM `{project.name}.bronze.{source.name}_history` ORDER BY _valid_from")
    by_key: dict[Key, list[dict[str, Any]]] = {}
    for version in found:
        by_key.setdefault(tuple(version[name] for name in source.key), []).append(version)
    for key, chain in by_key.items():
        ends = [version["_valid_to"] for version in chain]
        assert ends == [*(version["_valid_from"] for version in chain[1:]), None], (source.name, key)
        last = {name: chain[-1][name] for name in rows[key] if name != "_etl_synced"}
        assert {**last, "_etl_synced": chain[-1]["_valid_from"]} == rows[key], (source.name, key)
    assert set(by_key) == set(rows)
    assert {(key, version["_valid_from"]) for key, chain in by_key.items() for version in chain} >= versions, (
        source.name
    )


def assert_quarantine(project: Project, streams: set[str]) -> None:
    """Check that of each stream one record is known not to fit: the last one of its key."""
    table = f"`{project.name}.management.etl_rejected_records`"
    found = project.query(f"SELECT stream, record_key FROM {table} WHERE open")
    assert sorted(row["stream"] for row in found) == sorted(streams)
    assert all("999" in row["record_key"] for row in found)


def covered(result: Result, messages: list[Message]) -> set[str]:
    """Return the streams whose STATE covers more than a SCHEMA message, whose STATE may be written at once."""
    marks = [mark for state in result.states for mark in state["bookmarks"].items()]
    return {
        name
        for name, position in marks
        if any(message["type"] != "SCHEMA" for message in of_stream(messages, name)[:position])
    }


def assert_state(result: Result, messages: list[Message], refused: set[str]) -> None:
    """Compare the last STATE with that of the input: it has all streams except those that were refused."""
    asked = [message["value"]["bookmarks"] for message in messages if message["type"] == "STATE"]
    let_out = result.states[-1]["bookmarks"] if result.states else {}
    for name, position in (asked[-1] if asked else {}).items():
        if name in refused:
            written = sum(1 for message in of_stream(messages, name) if message["type"] != "SCHEMA")
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


def take_tables_for_large(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Let the target treat all tables as large, with every other seed. It compares less before it merges into those."""
    if seed % 2 == 0:
        monkeypatch.setattr(prepare_table, "LEAST_BILLED_BYTES", -1)


class World:
    """Sources, their tables in BigQuery, and their models."""

    def __init__(self, seed: int, target: TargetRunner, streams: int, extras: Collection[str] = ()) -> None:
        """Make the sources of a seed.

        Args:
            seed: The seed.
            target: Runs the target.
            streams: How many sources.
            extras: Further settings: `history`, `quarantine`, `batches`, and `mapped`: stream maps that change
                nothing, so that records go one by one instead of by the fast path.
        """
        self.dice = random.Random(seed)
        self.target = target
        self.rows_checked = 0
        flawed = "quarantine" in extras
        names = [f"{NAMES[i % len(NAMES)]}{i // len(NAMES) or ''}" for i in range(streams)]
        self.sources = [Source(name, random.Random(f"{seed}-{i}"), flawed=flawed) for i, name in enumerate(names)]
        self.tables = {source.name: Table(LIMITS) for source in self.sources}
        self._extras = extras
        self._settings: dict[str, Any] = dict(SETTINGS)
        if flawed:
            self._settings["on_invalid_record"] = "quarantine"
        if "history" in extras:
            self._settings["history"] = ["*"]
        if "mapped" in extras:
            self._settings["stream_maps"] = {source.name: {} for source in self.sources}
        self._versions: dict[str, set[tuple[Key, dt.datetime]]] = {source.name: set() for source in self.sources}
        """Every version of a row that a table was seen with."""

    def messages(self) -> list[Message]:
        """Return the tap's next messages."""
        return interleaved({source.name: source.messages() for source in self.sources}, self.dice)

    def run(self, messages: list[Message]) -> None:
        """Run the target and the model, and compare everything."""
        result = self.target(*self._encoded(messages), **self._settings)

        refused = self._run_model(messages)
        assert result.code == bool(refused), result.log
        assert_state(result, messages, refused)
        self._compare()

    def run_badly(self, messages: list[Message], **settings: Any) -> bool:  # noqa: ANN401 - any setting
        """Run the target where requests may fail, check the results, and return whether the run succeeded."""
        return self._judge(self.target(*self._encoded(messages), **self._settings, **settings), messages)

    def run_stopped(self, messages: list[Message], number: signal.Signals, request: int, *, after: bool) -> bool:
        """Run the target as a process, and send it a signal before or after BigQuery has handled a request."""
        source = self.target.folder / "stopped.singer"
        source.write_bytes(lines(self._encoded(messages)))
        with Proxy(self.target.project.api_endpoint) as proxy, source.open("rb") as file:
            trap = proxy.trap(Trap(b"", "hold after" if after else "hold before", skip=request))
            with self.target.start(file, api_endpoint=proxy.url, **self._settings) as process:
                while process.poll() is None and not trap.reached.wait(0.05):
                    pass  # it may be done before
                process.send_signal(number)
                out, log = process.communicate(timeout=30)
        return self._judge(result_of(process.returncode, out.decode(), log.decode()), messages)

    def _judge(self, result: Result, messages: list[Message]) -> bool:
        """Check that each table is as before the run or as after a merge, and that STATE covers only merged records."""
        self.target.project.wait_for_jobs()
        assert "Traceback" not in result.log
        refused = self._run_model(messages)
        if result.code == 0:
            self._compare()
        said = {message["stream"] for message in messages if "stream" in message}
        landed = {source.name for source in self.sources if self._adopt(source, said)}
        for name in covered(result, messages) - refused:
            assert name in landed, (name, result.log)
        if result.code == 0:
            assert landed == set(self.tables), result.log
            assert_state(result, messages, refused)
        return result.code == 0

    def _encoded(self, messages: list[Message]) -> list[bytes]:
        if "batches" in self._extras:
            return encoded(as_batches(messages, self.dice, self.target.folder))
        return encoded(messages)

    def _run_model(self, messages: list[Message]) -> set[str]:
        """Return the streams whose deletions the guard refuses."""
        said = {message["stream"] for message in messages if "stream" in message}
        return {name for name in said if not self.tables[name].run(of_stream(messages, name))}

    def _compare(self) -> None:
        for source in self.sources:
            rows = table_rows(self.target.project, source)
            self._remember(source, rows)
            self.rows_checked += assert_rows(copy.deepcopy(rows), self.tables[source.name], source)
            if "history" in self._extras and rows:
                assert_history(self.target.project, source, rows, self._versions[source.name])
        if "quarantine" in self._extras:
            assert_quarantine(self.target.project, {source.name for source in self.sources})

    def _remember(self, source: Source, rows: dict[Key, dict[str, Any]]) -> None:
        self._versions[source.name] |= {(key, row["_etl_synced"]) for key, row in rows.items()}

    def _adopt(self, source: Source, said: set[str]) -> bool:
        """Set the model to the step that the table has reached. Return whether it is the last step."""
        table = self.tables[source.name]
        steps = table.steps if source.name in said else [table]
        rows = table_rows(self.target.project, source)
        self._remember(source, rows)
        for step in reversed(steps):
            if is_same(rows, step, source):
                self.tables[source.name] = step
                self.rows_checked += len(rows)
                return step is steps[-1]
        raise AssertionError(f"{source.name} is at no step of the model: {rows}")
