"""The tap as a process: exit codes, one line per error, and no secret anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from support.tap.harness import Company

TAP = str(Path(sys.executable).with_name("tap-servicetitan"))
SECRETS = ("client_secret", "app_key")
DEFAULT = sum(spec.selected for spec in STREAMS)
MINIMAL = {"tenant_id": "1", "client_id": "x", "client_secret": "hunter-2-hunter", "app_key": "key-of-the-app"}


class Tap:
    """Runs the command with settings from a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def command(self, config: dict[str, Any], *args: str) -> list[str]:
        """Return the command line."""
        path = self._folder / "config.json"
        path.write_text(json.dumps(config))
        return [TAP, "--config", str(path), *args]

    def run(self, config: dict[str, Any], *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, and search its output for secrets."""
        done = subprocess.run(
            self.command(config, *args),
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
            env=os.environ | {"LOGLEVEL": "DEBUG"} | env,
        )
        secrets = [config[name] for name in SECRETS if config.get(name)]
        assert not [secret for secret in secrets if secret in done.stdout + done.stderr]
        assert "Bearer " not in done.stdout + done.stderr
        return done


@pytest.fixture
def tap(tmp_path: Path) -> Tap:
    """The command."""
    return Tap(tmp_path)


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the texts of the log's errors."""
    return [line.split("|", 3)[3].strip() for line in done.stderr.splitlines() if "| ERROR " in line]


def test_wrong_settings_are_one_line(tap: Tap) -> None:
    done = tap.run(MINIMAL | {"page_size": 5001, "app_key": ""}, LOGLEVEL="INFO")
    assert done.returncode == 1
    assert done.stdout == ""
    assert errors(done) == [
        "tap-servicetitan: setting `app_key` must not be empty; setting `page_size` must be at most 5000"
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--state", "--catalog"])
def test_a_file_that_is_not_json_is_named_in_one_line(tap: Tap, tmp_path: Path, option: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"bookmarks"')
    done = tap.run(MINIMAL, option, str(path), LOGLEVEL="INFO")
    assert done.returncode == 1
    assert done.stdout == ""
    (error,) = errors(done)
    assert error.startswith(f"the {option.removeprefix('--')} file {path} is not JSON: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["[]", "null", '[{"tap_stream_id": "jobs"}]', '{"streams": {"jobs": {}}}', "{}"])
def test_a_file_that_is_no_catalog_is_named_in_one_line(tap: Tap, tmp_path: Path, text: str) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(text)
    done = tap.run(MINIMAL, "--catalog", str(path), LOGLEVEL="INFO")
    assert (done.returncode, done.stdout) == (1, "")
    (error,) = errors(done)
    assert error.startswith(f"the catalog file {path} is no catalog: it must be an object with the array `streams`")
    assert "Traceback" not in done.stderr


def test_a_state_that_is_no_state_is_not_used(company: Company, tap: Tap, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('["2026-01-01"]')
    done = tap.run(company.config, "--state", str(path), LOGLEVEL="INFO")
    assert done.returncode == 0
    assert "state: it has no bookmarks by stream" in done.stderr


def test_a_missing_setting_is_one_line(tap: Tap) -> None:
    done = tap.run({"tenant_id": "1", "client_id": "x"})
    assert done.returncode == 1
    assert errors(done) == ["tap-servicetitan: missing setting `client_secret`, `app_key`"]


def test_settings_come_from_the_environment(tap: Tap) -> None:
    done = tap.run(
        {},
        "--config",
        "ENV",
        TAP_SERVICETITAN_TENANT_ID="1",
        TAP_SERVICETITAN_CLIENT_ID="x",
        TAP_SERVICETITAN_CLIENT_SECRET="hunter-2-hunter",
        TAP_SERVICETITAN_APP_KEY="key-of-the-app",
        TAP_SERVICETITAN_PAGE_SIZE="6000",
    )
    assert errors(done) == ["tap-servicetitan: setting `page_size` must be at most 5000"]
    assert "hunter-2-hunter" not in done.stderr


def test_discovery_needs_no_settings_and_no_network(tap: Tap) -> None:
    done = tap.run({}, "--discover")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["streams"]) == len(STREAMS)


def test_about(tap: Tap) -> None:
    done = tap.run({}, "--about", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["settings"]["properties"]["app_key"]["secret"] is True


def select(tap: Tap, company: Company, folder: Path, *names: str) -> str:
    """Write a catalog that selects these streams, and return its path."""
    catalog = json.loads(tap.run(company.config, "--discover").stdout)
    for stream in catalog["streams"]:
        stream["metadata"][-1]["metadata"]["selected"] = stream["stream"] in names
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog))
    return str(path)


def lines(done: subprocess.CompletedProcess[str], level: str) -> list[str]:
    """Return the texts of the log of one level."""
    return [line.split("|", 3)[3].strip() for line in done.stderr.splitlines() if f"| {level} " in line]


def test_each_stream_is_tested(tap: Tap, company: Company, tmp_path: Path) -> None:
    catalog = select(tap, company, tmp_path, "job_types", "employees", "technicians", "activities", "customer_notes")
    company.set_fault("forbidden", path="/settings/")
    company.set_fault("not_found", path=f"/crm/v2/tenant/{company.id}/customers/")

    done = tap.run(company.config, "--test", "--catalog", catalog, LOGLEVEL="INFO")

    assert (done.returncode, done.stdout) == (0, "")
    told = lines(done, "INFO")
    assert "jpm-v2: can be read: job_types" in told
    assert "timesheets-v2: can be read: activities" in told
    crm, settings = sorted(lines(done, "WARNING"))
    assert crm.startswith("crm-v2: cannot be read: GET /crm/v2/tenant/{tenant}/customers/")
    for part in ("settings-v2: cannot be read: GET", "403", "scope", "needed by employees, technicians"):
        assert part in settings
    sent = [request for request in company.server.control.requests() if request["tenant"] == company.id]
    # A list is asked for one record, and a feed for those of today.
    assert {request["query"].get("pageSize", "1") for request in sent} == {"1"}
    assert [request["path"] for request in sent if "from" in request["query"]]

    done = tap.run(company.config | {"on_missing_module": "fail"}, "--test", "--catalog", catalog)
    assert done.returncode == 1
    (error,) = errors(done)
    said = "3 of 5 streams cannot be read: customer_notes, employees, technicians (the first: GET /crm/v2/tenant/"
    assert error.startswith(said)


def test_one_stream_that_fails_is_named(tap: Tap, company: Company, tmp_path: Path) -> None:
    catalog = select(tap, company, tmp_path, "job_types", "job_cancel_reasons")
    company.set_fault("status", stream="job_types")
    done = tap.run(company.config | {"max_retries": 0}, "--test", "--catalog", catalog, LOGLEVEL="INFO")
    assert done.returncode == 1
    assert "jpm-v2: can be read: job_cancel_reasons" in lines(done, "INFO")
    (warning,) = [line for line in lines(done, "WARNING") if "cannot be read" in line]
    assert warning.startswith(f"job_types: cannot be read: GET /jpm/v2/tenant/{company.id}/job-types: 503")
    (error,) = errors(done)
    assert error.startswith(f"1 of 2 streams cannot be read: job_types (GET /jpm/v2/tenant/{company.id}/job-types: 503")


def test_a_list_of_nobody_is_not_tested(tap: Tap, company: Company, tmp_path: Path) -> None:
    control = company.server.control
    customers = control.entity("/crm/v2/tenant/{tenant}/customers")
    for each in control.ids(company.id, customers):
        control.delete(company.id, customers, each)
    done = tap.run(
        company.config, "--test", "--catalog", select(tap, company, tmp_path, "customer_notes"), LOGLEVEL="INFO"
    )
    assert done.returncode == 0
    assert "customer_notes: not tested: there is no record of customers" in lines(done, "INFO")


@pytest.mark.parametrize("option", [(), ("--test",)])
def test_a_catalog_with_a_stream_that_does_not_exist(
    tap: Tap, company: Company, tmp_path: Path, option: tuple[str, ...]
) -> None:
    path = Path(select(tap, company, tmp_path, "campaigns"))
    catalog = json.loads(path.read_text())
    stray = next(stream for stream in catalog["streams"] if stream["stream"] == "campaigns")
    path.write_text(json.dumps({"streams": [stray | {"stream": "campaignes", "tap_stream_id": "campaignes"}]}))
    done = tap.run(company.config, *option, "--catalog", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    (error,) = errors(done)
    assert error.startswith("the catalog selects streams that do not exist: campaignes (perhaps campaigns is meant). ")


def test_a_connection_through_which_nothing_can_be_read_fails(tap: Tap, company: Company) -> None:
    company.set_fault("status")
    done = tap.run(company.config | {"max_retries": 0}, "--test")
    assert done.returncode == 1
    assert errors(done)[-1].startswith(f"tenant {company.id} lets the app read none of the {DEFAULT} streams")


def test_the_schemas_can_be_tested(tap: Tap, company: Company) -> None:
    done = tap.run(company.config, "--test=schema")
    assert done.returncode == 0
    assert {json.loads(line)["type"] for line in done.stdout.splitlines()} == {"SCHEMA"}


def test_a_good_run_ends_with_0(tap: Tap, company: Company) -> None:
    done = tap.run(company.config)
    assert done.returncode == 0
    assert errors(done) == []


@pytest.mark.parametrize("kind", ["status", "html", "truncated", "unauthorized", "forbidden"])
def test_a_failing_run_ends_with_1_and_keeps_its_secrets(
    tap: Tap,
    company: Company,
    kind: Any,  # noqa: ANN401
) -> None:
    company.set_fault(kind)
    done = tap.run(company.config | {"max_retries": 0})
    assert done.returncode == 1
    assert errors(done)[-1]


def test_refused_credentials_are_one_line_and_nothing_is_written(tap: Tap, company: Company) -> None:
    config = company.config | {"client_secret": "another-secret"}
    done = tap.run(config, LOGLEVEL="INFO")
    assert done.returncode == 1
    assert done.stdout == ""
    (error,) = errors(done)
    assert error == (
        f"the sign-in for tenant {company.id} was refused (invalid_client): "
        "check client_id, client_secret and environment"
    )


def test_a_signal_is_not_a_success(tap: Tap, company: Company) -> None:
    company.set_fault("slow", stream="campaigns", seconds=30)
    with subprocess.Popen(tap.command(company.config), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        while b'"campaigns"' not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    # Other streams may have come to their end by then, and may say so.
    ended = [json.loads(line)["stream"] for line in out.splitlines() if b"ACTIVATE_VERSION" in line]
    assert "campaigns" not in ended


def test_a_reader_that_has_gone_is_an_error(tap: Tap, company: Company) -> None:
    with subprocess.Popen(tap.command(company.config), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        log = process.stderr.read()
    assert process.returncode == 1
    assert b"Traceback" not in log


def test_records_are_counted_with_a_small_request_each(tap: Tap, company: Company, tmp_path: Path) -> None:
    control = company.server.control
    names = ("campaigns", "timesheets", "activities", "customer_notes", "employees")
    company.set_fault("status", stream="employees")
    catalog = select(tap, company, tmp_path, *names)
    newest = max(record["createdOn"] for record in control.records(company.id, "campaigns"))
    moment = f"{newest[:19]}Z"
    older = sum(record["createdOn"][:19] < newest[:19] for record in control.records(company.id, "campaigns"))

    done = tap.run(company.config | {"max_retries": 0}, "--count", "--catalog", catalog)
    assert done.returncode == 0
    counts = {each["stream"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert counts.keys() == set(names)
    assert {name: counts[name]["count"] for name in names} == {
        **{name: len(control.ids(company.id, name)) for name in ("campaigns", "timesheets")},
        **dict.fromkeys(("activities", "customer_notes", "employees")),
    }
    assert counts["activities"]["uncounted"] == "an export feed, which tells no total"
    assert counts["customer_notes"]["uncounted"] == "a list for each record of customers"
    assert counts["employees"]["problem"].startswith("GET /settings/v2/tenant/")
    assert {name: each["is_snapshot"] for name, each in counts.items() if each["is_snapshot"]}.keys() >= {"campaigns"}
    sent = [request for request in control.requests() if request["tenant"] == company.id]
    assert {request["query"]["pageSize"] for request in sent} == {"1"}

    done = tap.run(company.config, "--count", "--created-before", moment, "--catalog", catalog)
    (campaigns,) = [each for each in map(json.loads, done.stdout.splitlines()) if each["stream"] == "campaigns"]
    assert (campaigns["count"], campaigns["created_before"]) == (older, moment)

    alone = tap.run(company.config, "--created-before", moment)
    assert (alone.returncode, errors(alone)) == (1, ["--created-before is for --count"])


def test_only_a_selected_stream_needs_what_it_is_read_by(tap: Tap, company: Company, tmp_path: Path) -> None:
    config = company.config | {"pii": [{"fields": ["modifiedOn"], "streams": ["activities"], "action": "drop"}]}
    done = tap.run(config, "--catalog", select(tap, company, tmp_path, "job_types"))
    assert done.returncode == 0
    assert '"stream":"job_types"' in done.stdout.replace(" ", "")

    done = tap.run(config, "--catalog", select(tap, company, tmp_path, "activities"))
    assert done.returncode == 1
    assert "setting `pii` drops modifiedOn of stream activities" in errors(done)[-1]
