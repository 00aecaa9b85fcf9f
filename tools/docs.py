"""Writes the parts of the documents that follow from the code, and checks their links.

Usage: tools/docs.py           write the generated parts
       tools/docs.py --check   print generated parts that are out of date and dead links, and exit 1 if there are any

A generated part stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`; `PARTS` says what each name holds.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import billing
import error_tables
import fleet_sizes
import links
import package_metadata
import waits
from servicetitan_fleet import errors as fleet_errors
from tap_servicetitan import errors as tap_errors
from tap_servicetitan.specs.excluded import EXCLUDED
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import ReplicationKind
from tap_servicetitan.tap import TapServiceTitan
from target_bigquery_softdelete import errors as target_errors
from target_bigquery_softdelete.schema.columns import typed
from target_bigquery_softdelete.schema.from_json_schema import table_columns
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from singer_sdk.plugin_base import PluginBase

    from tap_servicetitan.specs.spec import StreamSpec

ROOT = Path(__file__).resolve().parent.parent
PART = re.compile(r"(?<=<!-- begin: )(?P<name>[a-z-]+) -->\n.*?(?=<!-- end: (?P=name) -->)", re.DOTALL)

STREAM = {spec.name: spec for spec in STREAMS}
"""The specs by name."""

TYPE_EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("integer", {"type": "integer"}),
    ("number", {"type": "number"}),
    ("number or string, format `decimal` or `singer.decimal`", {"type": "number", "format": "decimal"}),
    ("number with `multipleOf` (up to 9 decimal places)", {"type": "number", "multipleOf": 0.01}),
    ("the same with more than 9 decimal places", {"type": "number", "multipleOf": 1e-12}),
    ("boolean", {"type": "boolean"}),
    ("string", {"type": "string"}),
    ("string, format `date-time`", {"type": "string", "format": "date-time"}),
    ("string, format `date`", {"type": "string", "format": "date"}),
    ("string, format `time`", {"type": "string", "format": "time"}),
    ("string, any other format", {"type": "string", "format": "uuid"}),
    ("string with `contentEncoding` `base64`", {"type": "string", "contentEncoding": "base64"}),
    ("object with properties", {"type": "object", "properties": {"streetName": {"type": "string"}}}),
    ("object without properties", {"type": "object"}),
    ("array of scalars", {"type": "array", "items": {"type": "string"}}),
    ("array of objects", {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}}),
    ("array of arrays", {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}),
    ("several types", {"type": ["integer", "string"]}),
    ("no type", {}),
    ("only null", {"type": "null"}),
)
"""Kinds of JSON Schema properties, each with an example."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, ["---"] * len(head), *rows])


def settings(plugin: type[PluginBase]) -> str:
    """Return the table of a plugin's settings: its own first, then the SDK's."""
    schema = plugin.config_jsonschema
    plugin.append_builtin_config(schema)
    required = schema.get("required", [])
    rows = [
        [
            f"`{name}`",
            type_name(setting),
            "required" if name in required else default(setting),
            ("Secret. " if setting.get("secret") else "") + " ".join(setting.get("description", "").split()),
        ]
        for name, setting in schema["properties"].items()
    ]
    return table(["setting", "type", "default", "meaning"], rows)


def type_name(setting: Mapping[str, Any]) -> str:
    """Return the type of a setting, or its values when there are only some."""
    values = [value for value in setting.get("enum", []) if value is not None]
    if values:
        return " or ".join(f"`{value}`" for value in values)
    types = [setting["type"]] if isinstance(setting["type"], str) else setting["type"]
    return " or ".join(name for name in types if name != "null")


def default(setting: Mapping[str, Any]) -> str:
    """Return the default of a setting as it is written in JSON."""
    return f"`{json.dumps(setting['default'])}`" if setting.get("default") is not None else ""


def selected_streams() -> str:
    """Return the table of the streams that are read by default."""
    head = ["stream", "endpoint", "key", "replication", "how deletions are seen"]
    rows = [spec for spec in by_name(STREAMS) if spec.selected]
    return table(head, ([name(spec), endpoints(spec), key(spec), replication(spec), deletions(spec)] for spec in rows))


def all_streams() -> str:
    """Return the tables of all streams, one for each API module."""
    head = ["stream", "endpoint", "key", "replication", "how deletions are seen", "default"]
    return "\n".join(
        f"### {module}\n\n{table(head, map(stream_row, by_name(group)))}"
        for module, group in groupby(sorted(STREAMS, key=lambda spec: spec.module), key=lambda spec: spec.module)
    )


def stream_row(spec: StreamSpec) -> list[str]:
    """Return the row of one stream."""
    chosen = "yes" if spec.selected else ""
    return [name(spec), endpoints(spec), key(spec), replication(spec), deletions(spec), chosen]


def by_name(specs: Iterable[StreamSpec]) -> list[StreamSpec]:
    """Return specs sorted by name."""
    return sorted(specs, key=lambda spec: spec.name)


def name(spec: StreamSpec) -> str:
    """Return the name of a stream."""
    return f"`{spec.name}`"


def endpoints(spec: StreamSpec) -> str:
    """Return the paths that a stream is read from, without the tenant."""
    read = [spec.export_path] if spec.export_path and spec.full_pass == "feed" else spec.paths
    return ", ".join(f"`{short(path)}`" for path in read if path)


def short(path: str) -> str:
    """Return a path without the tenant."""
    return path.replace("/tenant/{tenant}/", "/")


def key(spec: StreamSpec) -> str:
    """Return the fields of a stream's key."""
    return ", ".join(f"`{field}`" for field in spec.key)


def replication(spec: StreamSpec) -> str:
    """Return which records of a stream a run reads."""
    if spec.period:
        days = "days to come" if spec.period.is_ahead else "day by day, and recent days again"
        return f"of all `{spec.parent.stream}`, {days}" if spec.parent else days
    if spec.parent:
        parent = STREAM[spec.parent.stream]
        return f"of {'all' if parent.kind is ReplicationKind.SNAPSHOT else 'new and changed'} `{parent.name}`"
    return {
        ReplicationKind.SNAPSHOT: "every row, every run",
        ReplicationKind.CHANGES: "changes",
        ReplicationKind.FEED: "changes (export feed)",
    }[spec.kind]


def deletions(spec: StreamSpec) -> str:
    """Return how the tap notices that a record of a stream is gone."""
    if spec.period:
        return "fewer records for a day that is read again" if spec.numbered else "not noticed"
    if spec.parent:
        whole = STREAM[spec.parent.stream].kind is ReplicationKind.SNAPSHOT
        return "gone from its list, or its parent is" if whole else f"gone from a full pass over `{spec.parent.stream}`"
    seen = f"gone from {pass_over(spec)}"
    return f"`active: false`, or {seen}" if spec.inactive_is_deleted else seen


def pass_over(spec: StreamSpec) -> str:
    """Return what shows every record of a stream."""
    if spec.kind is ReplicationKind.SNAPSHOT:
        return "the list"
    return f"a full pass over the {'feed' if spec.export_path and spec.full_pass == 'feed' else 'list'}"


def excluded_endpoints() -> str:
    """Return the table of the endpoints that no stream reads."""
    return table(["endpoint", "why"], ([f"`{short(path)}`", reason] for path, reason in sorted(EXCLUDED.items())))


def types() -> str:
    """Return the table of BigQuery types, from the same function that the target uses."""
    properties = {f"example{number}": schema for number, (_, schema) in enumerate(TYPE_EXAMPLES)}
    columns = table_columns({"type": "object", "properties": properties}, [], stream="examples").columns
    rows = [
        [text, "no column, until it has a type" if not typed([column]) else f"`{column.sql_type.replace('`', '')}`"]
        for (text, _), column in zip(TYPE_EXAMPLES, columns, strict=True)
    ]
    return table(["JSON Schema", "BigQuery"], rows)


def billed_streams() -> str:
    """Return the table of what BigQuery bills a company for a day, according to the model."""
    head = ["streams of a company", "tables", "rows in each", "before", "all blocks", "a fifth of the blocks"]
    rows = [
        [group.name, str(group.streams), f"{group.rows:,}", *map(gibibytes, billed_in_a_day(group))]
        for group in billing.FLEET
    ]
    of_runs = [0.0, *[billing.bytes_billed_runs(billing.streams(billing.FLEET))] * 2]
    sums = [sum(figures) for figures in zip(*map(billed_in_a_day, billing.FLEET), of_runs, strict=True)]
    fleet = [figure * billing.COMPANIES for figure in sums]
    streams = str(billing.streams(billing.FLEET))
    costs = [f"{billing.dollars(figure):,.0f} $" for figure in fleet]
    return table(
        head,
        [
            *rows,
            ["what each run asks once", "", "", *map(gibibytes, of_runs)],
            ["**a company, a day**", streams, "", *map(gibibytes, sums)],
            [f"**{billing.COMPANIES} companies, a day**", "", "", *map(gibibytes, fleet)],
            [f"**{billing.COMPANIES} companies, a month**", "", "", *costs],
        ],
    )


def billed_in_a_day(group: billing.Group) -> list[float]:
    """Return the bytes billed for a group: before; now without any gain from clustering; now with the most gain."""
    return [
        billing.bytes_billed_before(group),
        billing.bytes_billed(group, touched=1),
        billing.bytes_billed(group, touched=0.2),
    ]


def gibibytes(count: float) -> str:
    """Return a number of bytes as text."""
    return f"{count / (1 << 30):,.1f} GiB"


def load_jobs() -> str:
    """Return the table of load jobs and written rows of a company in a day, beside the limits of BigQuery."""
    loads = sum(group.loads for group in billing.FLEET)
    written = [sum(map(rule, billing.FLEET)) for rule in (billing.rows_written_before, billing.rows_written)]
    return table(
        ["a day", "before", "now", "BigQuery allows"],
        [
            ["load jobs into one table", str(billing.RUNS), f"{billing.RUNS}, and one for each further file", "1,500"],
            [
                "load jobs in a company's project",
                str(billing.streams(billing.FLEET) * billing.RUNS),
                f"{loads:,.0f}",
                "100,000",
            ],
            ["rows sent", *(f"{count:,.0f}" for count in written), ""],
            ["rows written into tables", f"{written[0]:,.0f}", "those that changed", ""],
        ],
    )


PARTS: dict[str, Callable[[], str]] = {
    "all-streams": all_streams,
    "billed-streams": billed_streams,
    "fleet-errors": lambda: table(error_tables.HEAD, error_tables.rows(fleet_errors)),
    "fleet-sizes": lambda: table(fleet_sizes.head(), fleet_sizes.rows()),
    "left-out": excluded_endpoints,
    "load-jobs": load_jobs,
    "selected-streams": selected_streams,
    "tap-errors": lambda: table(error_tables.HEAD, error_tables.rows(tap_errors)),
    "tap-settings": lambda: settings(TapServiceTitan),
    "target-errors": lambda: table(error_tables.HEAD, error_tables.rows(target_errors)),
    "target-settings": lambda: settings(TargetBigQuerySoftDelete),
    "types": types,
    "waits": lambda: table(["what", "STATE after", "end after", "calls", "billed"], waits.rows()),
}


def render(text: str) -> str:
    """Return a document with its generated parts brought up to date.

    Raises:
        KeyError: If the document names a part that `PARTS` lacks.
    """
    return PART.sub(lambda part: f"{part['name']} -->\n{PARTS[part['name']]()}", text)


def write(paths: Iterable[Path]) -> int:
    """Write the generated parts and return the exit code."""
    for path in paths:
        before = path.read_text("utf-8")
        if (after := render(before)) != before:
            path.write_text(after, encoding="utf-8")
    return 0


def check(paths: Sequence[Path]) -> int:
    """Print what is out of date and which links are dead, and return the exit code."""
    # The README of a package is read without the repository, too, and names paths inside the package.
    own = [path for path in paths if not (path.parent / "pyproject.toml").exists() or path.parent == ROOT]
    problems = [
        *chain.from_iterable(map(stale_lines, paths)),
        *links.dead_links(ROOT, paths, package_metadata.repository(package_metadata.workspace())),
        *links.dead_paths(ROOT, own),
    ]
    print("\n".join(problems or [f"docs: the generated parts, links and paths of {len(paths)} files are right"]))
    return 1 if problems else 0


def stale_lines(path: Path) -> list[str]:
    """Return how the generated parts of a document differ from the code, as the lines of a diff."""
    name = str(path.relative_to(ROOT))
    before = path.read_text("utf-8")
    after = render(before)
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), f"committed {name}", name, lineterm=""))


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Write the parts of the documents that follow from the code.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file would change or a link is dead"
    )
    paths = links.documents(ROOT)
    return check(paths) if parser.parse_args().check else write(paths)


if __name__ == "__main__":
    sys.exit(main())
