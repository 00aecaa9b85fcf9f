"""A pair that the fleet runs itself is given, does and leaves what `meltano run` gives it, lets it do and leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_fleet.meltano.context import MeltanoContext, RunOwners
from servicetitan_fleet.meltano.error_collector import ErrorCollector
from servicetitan_fleet.meltano.log_lines import LogLine, parse_line
from servicetitan_fleet.meltano.process import EndedBy, ProcessExit
from servicetitan_fleet.meltano.project import TAP, TARGET, MeltanoProject
from servicetitan_fleet.meltano.runner import CompanyMeltano
from servicetitan_fleet.meltano.saved_state import StateWatch
from servicetitan_fleet.registry.company import parse_company
from servicetitan_fleet.registry.secrets import SecretResolver
from servicetitan_fleet.state.storage import meltano_state_uri
from support.fleet import recording_plugin
from support.fleet.recording_project import make_recording_project

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {"ID": "cid-of-one", "SECRET": "cs-of-one-s3cr3t", "KEY": 'ak-$UPPER${x}"\\/-s3cr3t'}
STATE_ID = "dev:tap-servicetitan-to-target-bigquery-softdelete:one"
CHANGES = {"MELTANO_CONTEXT_UUID", "MELTANO_PARENT_CONTEXT_UUID", "MELTANO_JOB_TRIGGER", "LC_CTYPE"}
"""Variables that no plugin reads: ids of a run, and how it was started."""
STATELESS = (
    "No active environment, proceeding with stateless run! See "
    "https://docs.meltano.com/reference/command-line-interface#run for details."
)
"""What Meltano says without a reason when the state is to stay as it is."""


@dataclass
class Side:
    """A fleet's folder, with one way to run a company."""

    folder: Path
    runs_pairs: bool
    facts: list[Any] = field(default_factory=list)

    def run(self, *options: str, tap: object = None, target: object = None, environment: str = "dev") -> ProcessExit:
        """Run the company, and add to the facts."""
        fields = {
            "company_id": "one",
            "tenant_id": "1",
            "project_id": "project-one",
            "streams": ["people.*", "!people.hidden", "things.id", "absent.*"],
            "secrets": {"client_id": "env:ID", "client_secret": "env:SECRET", "app_key": "env:KEY"},
            "tap": tap or {},
            "target": target or {},
        }
        company = parse_company(fields, "here")
        context = MeltanoContext(
            project=MeltanoProject(self.folder.parent / "project"),
            environment_name=environment,
            variables={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
            resolver=SecretResolver(SECRETS),
            system_root=self.folder / "work",
            state_uri=meltano_state_uri((self.folder / "etl").as_uri()),
            runs_pairs=self.runs_pairs,
        )
        lines: list[LogLine] = []
        meltano = CompanyMeltano(
            company=company,
            secrets=context.resolver.resolve(company),
            context=context,
            owners=RunOwners(own="me", dead=("dead",)),
        )
        end = meltano.run(
            ["run", "--state-id-suffix", "one", *options, TAP, TARGET],
            on_line=lambda line: lines.extend(filter(None, [parse_line(line)])),
            should_stop=lambda: False,
            timeout_seconds=120,
        )
        self.facts.append({"end": end, **self._given(), **self._saved(), **self._told(lines)})
        assert not list((self.folder / "work").rglob("*.config.json"))
        return end

    def _given(self) -> dict[str, Any]:
        """Return what the plugins were given, and take it away."""
        given: dict[str, Any] = {}
        for path in sorted((self.folder / "work/one").glob("t*.json*")):
            text = path.read_text().replace(str(self.folder), "HERE")
            path.unlink()
            if path.suffix == ".jsonl":
                given[path.name] = text.splitlines()
                continue
            given[path.name] = json.loads(text)
            for name in CHANGES & given[path.name]["environment"].keys():
                del given[path.name]["environment"][name]
        return given

    def _saved(self) -> dict[str, Any]:
        folder = self.folder / "etl"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        texts = [path.read_text() for path in files if path.parent.name == STATE_ID]
        return {"files": [str(path.relative_to(folder)) for path in files], "state": "".join(texts)}

    @staticmethod
    def _told(lines: list[LogLine]) -> dict[str, Any]:
        """Return what the lines of the plugins say, and what the fleet makes of all lines."""
        errors, states = ErrorCollector(), StateWatch()
        for line in lines:
            errors.add(line)
            states.add(line)
        said = sorted((line.plugin, line.severity, line.message, line.source) for line in lines if line.plugin)
        saved = [line.message for line in lines if line.message.startswith("Incremental state has been")]
        warnings = sorted(line.message for line in lines if line.severity == "WARNING" and line.message != STATELESS)
        assert "s3cr3t" not in repr(lines)
        return {
            "said": said,
            "states saved": len(saved),
            "warnings": warnings,
            "cause": errors.cause,
            "reason": sorted(errors.reason.split(" | ")),  # which of the two writes first is a matter of luck
            "problem": states.problem,
        }


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    """A side that uses `meltano run`, and one that does not, in one project, whose plugins record what they get."""
    make_recording_project(tmp_path / "project")
    for name in ("meltano", "pair"):
        (tmp_path / name).mkdir()
    return Side(tmp_path / "meltano", runs_pairs=False), Side(tmp_path / "pair", runs_pairs=True)


def assert_equal(sides: tuple[Side, Side]) -> list[dict[str, Any]]:
    """Check that both sides have the same facts, and return them."""
    meltano, pair = sides
    for theirs, ours in zip(meltano.facts, pair.facts, strict=True):
        for name in theirs | ours:
            assert ours.get(name) == theirs.get(name), name
    return pair.facts


def test_the_plugins_get_and_leave_the_same_in_either_way(sides: tuple[Side, Side]) -> None:
    for side in sides:
        assert side.run() == ProcessExit(0, EndedBy.ITSELF)
        side.run(tap={"start_date": "2021-01-01", "pii": ["people.name"]}, target={"history": ["people"]})
        side.run("--full-refresh", environment="pro")
        side.run("--no-state-update")
    pair = assert_equal(sides)

    first, second, third, dry = pair
    assert json.loads(first["state"])["completed"]["singer_state"] == recording_plugin.STATES[-1]
    assert "--state" not in first["tap.json"]["files"]
    assert second["tap.json"]["files"]["--state"] == recording_plugin.STATES[-1]
    assert second["tap.json"]["files"]["--config"]["start_date"] == "2021-01-01"
    assert "start_date" not in first["tap.json"]["files"]["--config"]
    assert third["tap.json"]["files"]["--config"]["environment"] == "production"
    assert {"--state"} & (third["tap.json"]["files"].keys() | dry["tap.json"]["files"].keys()) == set()
    assert (third["states saved"], dry["states saved"]) == (2, 0)
    assert "Stream `absent` was not found in the catalog" in first["warnings"]
    assert len(first["target.jsonl"]) == 2 * len(recording_plugin.STATES)
    assert first["tap.json"]["environment"]["OF_TAP"] == "of the tap"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"tap": {"page_size": 3}}, "the tap's own words"),
        ({"target": {"block_bytes": 4}}, "the target's own words"),
        pytest.param(
            {"target": {"block_bytes": 4, "inline_bytes": 1}}, "the target's own words", marks=pytest.mark.long
        ),
        pytest.param({"target": {"block_bytes": 7}}, "the target's own words", marks=pytest.mark.long),
        pytest.param({"tap": {"page_size": 3}, "target": {"block_bytes": 4}}, "own words", marks=pytest.mark.long),
        ({"tap": {"max_retries": 5}}, "the discovery's own words"),
    ],
)
def test_a_failure_ends_the_same_in_either_way(sides: tuple[Side, Side], trouble: dict[str, Any], said: str) -> None:
    for side in sides:
        assert side.run(**trouble) == ProcessExit(1, EndedBy.ITSELF)
        side.run()
    pair = assert_equal(sides)
    assert said in repr(pair[0]["reason"])
