"""The same random changes, through the real target into the local BigQuery."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, override

from support.tap.world import World
from support.target.harness import HastyTarget, handle_signals
from target_bigquery_softdelete.plugin_runtime.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from servicetitan_sandbox.client.bigquery_project import Project
    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Sync

Rows = dict[tuple[str, ...], bool]
"""Whether rows are live, by key. The values of keys are texts, because BigQuery has more types than JSON."""


class PipedWorld(World):
    """A world whose messages also reach the target, with the tables that it writes.

    Args:
        seed: Everything follows from it.
        server: The local ServiceTitan.
        sync: Runs the tap.
        project: The project of the tables.
        folder: A folder for the files of the target.
    """

    def __init__(self, seed: int, server: ServiceTitan, sync: Sync, project: Project, folder: Path) -> None:
        super().__init__(seed, server, sync)
        self._project = project
        self._folder = folder
        self._keys: dict[str, list[str]] = {}
        self.rows_checked = 0

    @override
    def load(self, lines: list[bytes]) -> None:
        """Run the target on the messages, and compare its tables with the model's."""
        source, config = self._folder / "input.singer", self._folder / "target.json"
        source.write_bytes(b"".join(b"%b\n" % line for line in lines))
        settings = {
            "project_id": self._project.name,
            "api_endpoint": self._project.api_endpoint,
            # Few rows in few streams lose large shares of them, run after run. The guard has tests of its own.
            "allow_mass_delete": True,
        }
        config.write_text(json.dumps(settings))
        with handle_signals():
            code = run(HastyTarget, ["--config", str(config), "--input", str(source)])
        self.story.append(f"  the target ended with {code}")
        for message in map(json.loads, lines):
            if message["type"] == "SCHEMA":
                self._keys[message["stream"]] = message["key_properties"]
        written = set(self._project.tables("bronze"))
        for name in self.streams:
            self._compare_table(name, written)

    def _compare_table(self, name: str, written: set[str]) -> None:
        expected = {tuple(map(str, key)): row.live for key, row in self.tables[name].rows.items()}
        found = self._rows(name) if name in written else {}
        self.rows_checked += len(found)
        if wrong := {key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}:
            first = min(wrong)
            self.fail(
                f"{name}: {len(wrong)} rows of the table are not those of the model; {first} should be "
                f"{_said(expected.get(first))} and is {_said(found.get(first))}"
            )

    def _rows(self, name: str) -> Rows:
        columns = [_snake_case(column) for column in self._keys[name]]
        query = f"SELECT * FROM `{self._project.name}.bronze.{name}`"
        return {_key(row, columns): row["_etl_operation"] != "DELETE" for row in self._project.query(query)}


def _key(row: dict[str, Any], columns: list[str]) -> tuple[str, ...]:
    return tuple(str(row[column]) for column in columns)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _said(live: bool | None) -> str:  # noqa: FBT001 - the value of a row
    return {None: "missing", True: "live", False: "marked"}[live]
