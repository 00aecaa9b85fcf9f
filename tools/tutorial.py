"""Shows the way from ServiceTitan's records to a chart: a week of three technicians, and what the week's changes did.

It starts a local ServiceTitan and a local BigQuery, syncs, changes three records, syncs again, asks what happened to
the rows, runs a mart of the dbt package and draws its figures. docs/tutorial/README.md explains each step.

Usage: tools/tutorial.py [PICTURE]     the picture is output/hours.svg by default
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mart_views import make_mart
from servicetitan_sandbox.client import environment, processes
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.control import Control, Tenant
from servicetitan_sandbox.client.meltano_project import PLUGINS
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Row = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PICTURE = ROOT / "output" / "hours.svg"

MART = "servicetitan__technician_days"
MODELS = "reports"
"""The dataset of the models."""

STREAMS = ("technicians", "timesheets", "activities", "appointments", "appointment_assignments")
"""What the mart reads."""

TAP_FILES = {"config": "tap", "catalog": "catalog", "state": "state"}
"""The file of each option of the tap."""

APPOINTMENTS = "/jpm/v2/tenant/{tenant}/appointments"
ASSIGNMENTS = "/dispatch/v2/tenant/{tenant}/appointment-assignments"

TECHNICIANS = ("Ann", "Ben", "Cleo")
DAYS = ("2024-05-06", "2024-05-07", "2024-05-08", "2024-05-09", "2024-05-10")
VISITS = {
    "Ann": (("08:00", "08:30", "11:00"), ("12:00", "12:15", "15:15")),
    "Ben": (("09:00", "10:00", "12:00"), ("13:00", "14:00", "15:00")),
    "Cleo": (("07:30", "08:00", "14:00"),),
}
"""When each technician sets out, arrives and is done on each of the days (UTC)."""

LAST_WRITE = "SELECT MAX(_etl_synced) AS synced FROM bronze.timesheets"

WHAT_HAPPENED = """\
SELECT _etl_operation, COUNT(*) AS visits, COUNTIF(_etl_synced > {before}) AS written_again
FROM bronze.timesheets
GROUP BY _etl_operation
ORDER BY _etl_operation"""

HOURS = """\
SELECT technician_name, SUM(visits_done) AS visits, SUM(drive_hours) AS drive_hours, SUM(work_hours) AS work_hours
FROM {models}.servicetitan__technician_days
GROUP BY technician_name
ORDER BY technician_name"""

WIDTH, BAR, GAP, LEFT, TOP = 560, 26, 18, 70, 60
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"'
    ' fill="#222"><rect width="100%" height="100%" fill="#fff"/>'
)
COLOURS = {"work_hours": "#1a73e8", "drive_hours": "#b06000"}


class TutorialError(Exception):
    """A step failed. The text says which."""


def new_tenant(tenant_id: str = "1001") -> Tenant:
    """Return a tenant without a record of the streams."""
    entities = ("technicians", "timesheets", "activities", *map(Control.entity, (APPOINTMENTS, ASSIGNMENTS)))
    return Tenant(
        tenant_id=tenant_id,
        client_id=f"client-{tenant_id}",
        client_secret=f"secret-{tenant_id}",
        app_key="app-key",
        sizes=dict.fromkeys(entities, 0),
        seconds_per_request=1,  # a list is read as of a second that is over
    )


def add_week(control: Control, tenant: str) -> list[int]:
    """Add the technicians and their visits, and return the keys of the visits' time sheets."""
    people = {name: control.insert(tenant, "technicians", {"name": name, "active": True})["id"] for name in TECHNICIANS}
    return [
        control.insert(tenant, "timesheets", _timesheet(people[name], day, times))["id"]
        for name in TECHNICIANS
        for day in DAYS
        for times in VISITS[name]
    ]


def _timesheet(technician: int, day: str, times: Sequence[str]) -> Row:
    dispatched, arrived, done = (f"{day}T{time}:00Z" for time in times)
    return {
        "technicianId": technician,
        "dispatchedOn": dispatched,
        "arrivedOn": arrived,
        "doneOn": done,
        "canceledOn": None,
        "active": True,
    }


def change_week(control: Control, tenant: str, visits: Sequence[int]) -> None:
    """Change three visits as an office would: one took longer, one is entered late, one was entered by mistake."""
    first, *_, last = visits
    technician = next(each for each in control.records(tenant, "timesheets") if each["id"] == first)["technicianId"]
    control.update(tenant, "timesheets", first, {"doneOn": f"{DAYS[0]}T12:00:00Z"})
    control.insert(tenant, "timesheets", _timesheet(technician, DAYS[0], ("16:00", "16:30", "18:00")))
    control.delete(tenant, "timesheets", last, tombstone=True)


class Pipe:
    """Syncs a tenant with `tap | target`, going on from the last STATE.

    Args:
        servicetitan: The local ServiceTitan.
        tenant: The tenant.
        project: The project to write to.
        folder: A folder for configuration files and STATE.
    """

    def __init__(self, servicetitan: processes.ServiceTitan, tenant: Tenant, project: Project, folder: Path) -> None:
        self._folder = folder
        tap, target = environment.settings(servicetitan, tenant, project)
        catalog: Row = TapServiceTitan(config=tap).catalog_dict
        for stream in catalog["streams"]:
            whole = next(entry for entry in stream["metadata"] if not entry["breadcrumb"])
            whole["metadata"]["selected"] = stream["tap_stream_id"] in STREAMS
        for name, content in (("tap", tap), ("target", target), ("catalog", catalog), ("state", {})):
            self._path(name).write_text(json.dumps(content))

    def __call__(self) -> None:
        """Sync.

        Raises:
            TutorialError: If the tap or the target fails.
        """
        tap, target = (BIN / plugin for plugin in PLUGINS)
        options = " ".join(f"--{name} '{self._path(file)}'" for name, file in TAP_FILES.items())
        command = f"'{tap}' {options} | '{target}' --config '{self._path('target')}'"
        done = subprocess.run(  # noqa: S603 - our own commands
            ["/bin/bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise TutorialError(f"the sync failed: {done.stderr[-1000:]}")
        if states := done.stdout.splitlines():
            self._path("state").write_text(states[-1])

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def chart(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the SVG with the hours of each technician."""
    most = max(row["work_hours"] + row["drive_hours"] for row in rows)
    height = TOP + len(rows) * (BAR + GAP) + 10
    return "\n".join(
        [
            HEAD.format(width=WIDTH, height=height),
            '<text x="20" y="24" font-size="14">Hours of the week by technician</text>',
            *_legend(),
            *(part for place, row in enumerate(rows) for part in _bar(row, TOP + place * (BAR + GAP), most)),
            "</svg>",
            "",
        ]
    )


def _legend() -> Iterator[str]:
    for place, (name, colour) in enumerate(COLOURS.items()):
        left = 300 + place * 120
        yield f'<rect x="{left}" y="14" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{left + 18}" y="24">{name.replace("_", " ")}</text>'


def _bar(row: Mapping[str, Any], top: float, most: float) -> Iterator[str]:
    middle, left = top + BAR / 2 + 4, float(LEFT)
    yield f'<text x="20" y="{middle:.0f}">{row["technician_name"]}</text>'
    for name, colour in COLOURS.items():
        width = row[name] / most * (WIDTH - LEFT - 20)
        yield f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        yield f'<text x="{left + 6:.1f}" y="{middle:.0f}" fill="#fff">{row[name]:g}</text>'
        left += width


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as text, with aligned columns.

    >>> print(table([{"a": 1, "name": "x"}]))
    a  name
    1  x
    """
    lines = [
        list(rows[0]),
        *([f"{value:g}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def run(servicetitan: processes.ServiceTitan, tenant: Tenant, project: Project, picture: Path) -> Iterator[str]:
    """Do each step and yield what there is to see.

    Raises:
        TutorialError: If a sync fails.
    """
    control = servicetitan.control
    with tempfile.TemporaryDirectory(prefix="servicetitan-tutorial-") as folder:
        control.add_tenant(tenant)
        visits = add_week(control, tenant.tenant_id)
        sync = Pipe(servicetitan, tenant, project, Path(folder))
        sync()
        yield f"A week of {len(TECHNICIANS)} technicians is in BigQuery: {len(visits)} visits."
        [last] = project.query(LAST_WRITE)
        change_week(control, tenant.tenant_id, visits)
        sync()
    yield "Three visits have changed. What happened to the rows:"
    before = f"TIMESTAMP '{last['synced'].isoformat()}'"
    yield table(project.query(WHAT_HAPPENED.format(before=before)))
    make_mart(project, MART, MODELS)
    hours = project.query(HOURS.format(models=MODELS))
    yield f"The mart {MART}, added up by technician:"
    yield table(hours)
    picture.parent.mkdir(exist_ok=True, parents=True)
    picture.write_text(chart(hours), encoding="utf-8")


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="From ServiceTitan's records to a chart.")
    parser.add_argument("picture", type=Path, nargs="?", default=PICTURE, help="where the chart goes")
    picture: Path = parser.parse_args().picture
    try:
        with processes.run_servicetitan() as servicetitan, processes.run_bigquery(pace=processes.PACE) as bigquery:
            project = Project(bigquery.api_endpoint, "tutorial-data")
            for text in run(servicetitan, new_tenant(), project, picture):
                print(text, end="\n\n")
    except TutorialError as error:
        print(f"tutorial: {error}", file=sys.stderr)
        return 1
    print(f"The chart is in {picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
