"""The table `jobs`, the runs that write into it, and whether they have looked at it or known it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.proxy import Proxy
from support.singer import INTEGER, STRING, activate, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

PROPERTIES: dict[str, Any] = {"id": INTEGER, "name": STRING, "size": INTEGER}
JOBS = schema("jobs", PROPERTIES)
SAME = {1: "one", 2: "two", 3: "three"}
EVERYTHING: dict[str, Any] = {"history": ["*"], "live_views": True}
COUNTS = ("inserted", "updated", "deleted", "restored", "unchanged")


def snapshot(names: dict[int, str], *, stream: dict[str, Any] = JOBS, version: int = 1) -> list[dict[str, Any]]:
    """Return a complete snapshot: the names of the rows by `id`."""
    records = [record("jobs", {"id": key, "name": name}, version) for key, name in names.items()]
    return [stream, *records, activate("jobs", version), state({"bookmarks": {"jobs": 1}})]


@dataclass
class WatchedTable:
    """The table `jobs`, and the runs that write into it."""

    target: TargetRunner
    project: Project
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self, messages: Iterable[dict[str, Any]], **settings: Any) -> tuple[Result, bool]:  # noqa: ANN401
        """Run the target, and return the result and whether it has compared the rows or written some."""
        with Proxy(self.project.api_endpoint) as proxy:
            result = self.target(*messages, api_endpoint=proxy.url, **{**self.settings, **settings})
        # The query for what is known names no table of a stream.
        return result, any(b"bronze.jobs` AS _etl_t" in request.body for request in proxy.requests)

    def read(self, names: dict[int, str], **settings: Any) -> bool:  # noqa: ANN401 - any setting
        """Read a complete snapshot, which must succeed, and return whether the rows were compared or written."""
        result, has_touched = self.run(snapshot(names), **settings)
        assert result.code == 0, result.log
        assert result.states == [{"bookmarks": {"jobs": 1}}]
        return has_touched

    def sql(self, statement: str) -> None:
        """Change something by hand. `{0}` stands for the dataset of the tables, `{log}` for the log."""
        self.project.query(statement.format(self.project.bronze, log=f"{self.project.management}.etl_logs"))

    @property
    def live(self) -> dict[int, str]:
        """The names of the live rows."""
        rows = self.project.rows("jobs").items()
        return {key: row["name"] for key, row in rows if row["_etl_operation"] != "DELETE"}

    @property
    def counts(self) -> dict[str, int]:
        """What the last run has counted, other than 0."""
        row = self.project.log("jobs")[-1]
        return {name: row[f"rows_{name}"] for name in COUNTS if row[f"rows_{name}"]}

    def assert_known(self, names: dict[int, str], **settings: Any) -> None:  # noqa: ANN401 - any setting
        """Check that the next run recognises a snapshot, counts its rows, and leaves them alone."""
        before = self.project.rows("jobs")
        assert not self.read(names, **settings), "it was not recognised"
        assert self.project.rows("jobs") == before
        assert self.counts == {"unchanged": len(names)}

    def assert_unknown_once(self, names: dict[int, str], **settings: Any) -> None:  # noqa: ANN401 - any setting
        """Check that the next run compares a snapshot, puts the rows right, and that the one after it recognises it."""
        assert self.read(names, **settings), "it was recognised"
        assert self.live == names
        assert sum(self.counts.values()) >= len(names)
        self.assert_known(names, **settings)


def known_table(target: TargetRunner, project: Project) -> WatchedTable:
    """Return the table after runs that have left it known to equal the snapshot of `SAME`."""
    table = WatchedTable(target, project)
    table.read(SAME)
    table.assert_known(SAME)
    return table
