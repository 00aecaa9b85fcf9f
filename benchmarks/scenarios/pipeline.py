"""From ServiceTitan to BigQuery: tap and target alone, in a shell pipe, and run by Meltano."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.lab import SingerFile
from benchmarks.measure import Command, cpu_seconds_of, measure
from benchmarks.scenario import Sample, Scenario, Section
from benchmarks.scenarios.tap import ONE
from benchmarks.scenarios.tap import OURS as TAP
from benchmarks.taps import SIGN_IN
from benchmarks.targets import OURS as TARGET
from servicetitan_sandbox.client.meltano_project import MELTANO, PLUGINS, MeltanoProject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from benchmarks.lab import Lab
    from benchmarks.measure import Measured
    from servicetitan_sandbox.client.bigquery_project import Project

RECORDS = 1_000_000
REPEATS = 3

TEXT = """
Activities of 1.1 KB, one stream, from the server of the section above into an empty project of the local BigQuery,
which works on the same cores: where three or four processes share two cores, the sum of their CPU seconds bounds the
wall clock. *CPU s* are those of the pair, and with Meltano also its own. Meltano gets the records in BATCH messages, as
`meltano.yml` says; what it takes for a message each is below it.
"""


def _tap_alone(lab: Lab) -> Iterator[Sample]:
    yield TAP.run(lab, RECORDS)


def _target_alone(lab: Lab) -> Iterator[Sample]:
    api = lab.start_api(RECORDS)
    with lab.create_folder() as folder, lab.create_project() as project:
        output = folder / "activities.singer"
        measure(TAP.command(api.url, folder, ONE), folder=folder, output=output)
        yield TARGET.run(lab, project, SingerFile(output, ONE, api.records))


def _pipe(lab: Lab) -> Iterator[Sample]:
    def run(project: Project, folder: Path) -> Measured:
        sides = folder / "tap", folder / "target"
        for side in sides:
            side.mkdir()
        tap = TAP.command(lab.start_api(RECORDS).url, sides[0], ONE)
        return measure(tap, TARGET.command(lab, project, sides[1]), folder=folder)

    yield _measure_pair(lab, run)


def _meltano(lab: Lab) -> Iterator[Sample]:
    yield _measure_pair(lab, _meltano_run(lab, {}))


def _meltano_record_by_record(lab: Lab) -> Iterator[Sample]:
    yield _measure_pair(lab, _meltano_run(lab, {"SERVICETITAN_BATCH_CONFIG": '{"storage": {"root": ""}}'}))


def _meltano_run(lab: Lab, settings: Mapping[str, str]) -> Callable[[Project, Path], Measured]:
    def run(project: Project, folder: Path) -> Measured:
        url = lab.start_api(RECORDS).url
        variables = {
            **{f"SERVICETITAN_{name.upper()}": value for name, value in SIGN_IN.items()},
            "SERVICETITAN_API_URL": url,
            "SERVICETITAN_AUTH_URL": f"{url}/connect/token",
            "SERVICETITAN_REQUESTS_PER_SECOND": "1000",
            "SERVICETITAN__SELECT": '["activities.*"]',
            "BIGQUERY_PROJECT_ID": project.name,
            "BIGQUERY_API_ENDPOINT": project.api_endpoint,
            **settings,
        }
        (folder / "project").mkdir()
        meltano = MeltanoProject(folder / "project", variables)
        meltano.install()
        for plugin in PLUGINS:
            # The first start compiles the installed packages, which is not part of an ordinary run.
            meltano.run_meltano("invoke", plugin, "--version")
        command = (str(MELTANO), "--cwd", str(meltano.folder), "run", *PLUGINS)
        return measure(Command(command, variables), folder=folder)

    return run


def _measure_pair(lab: Lab, run: Callable[[Project, Path], Measured]) -> Sample:
    """Run the pair, check that every record is in the table, and return the cost."""
    records = lab.start_api(RECORDS).records
    started = datetime.now(UTC)
    with lab.create_folder() as folder, lab.create_project() as project:
        emulator_before = cpu_seconds_of(lab.start_bigquery().pid)
        measured = run(project, folder)
        emulator = cpu_seconds_of(lab.start_bigquery().pid) - emulator_before
        written = TARGET.count_written_rows(project, "activities", records, started)
    return Sample.of(measured, records, rows_written=written, emulator_CPU_s=emulator)


SECTION = Section(
    "pipeline",
    f"The pair: {RECORDS:,} activities from ServiceTitan to BigQuery",
    TEXT,
    (
        Scenario(f"{TAP.name} alone", _tap_alone, REPEATS),
        Scenario(f"{TARGET.name} alone, from a file", _target_alone, REPEATS),
        Scenario("both, in a pipe of the shell", _pipe, REPEATS),
        Scenario("both, `meltano run`", _meltano, REPEATS),
        Scenario("both, `meltano run`, a RECORD message each", _meltano_record_by_record, REPEATS),
    ),
    unit="records",
)
