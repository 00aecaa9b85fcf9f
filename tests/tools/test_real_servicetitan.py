"""The check of the real ServiceTitan, against both sets of habits of the local one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from real_servicetitan.report import BEGIN, END, put
from servicetitan_sandbox.models import PROFILES, Profile
from support.tap.harness import add_company

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Company

TOOLS = Path(__file__).parents[2] / "tools"
PAGE = f"# A page\n\n{BEGIN}\nNot run yet.\n{END}\n"


def run(company: Company, page: Path, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """Run the check against a company."""
    page.write_text(PAGE)
    settings = company.config
    names = {name: settings[name] for name in ("tenant_id", "client_id", "client_secret", "app_key")}
    addresses = {name: settings[name] for name in ("api_url", "auth_url")}
    given = {f"SERVICETITAN_{name.upper()}": value for name, value in (names | addresses | changed).items()}
    return subprocess.run(
        [sys.executable, "-m", "real_servicetitan", "--output", str(page), *arguments],
        env={**os.environ, **given, "PYTHONPATH": str(TOOLS), "SERVICETITAN_SECONDS_BETWEEN": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


FOUND = {
    "as_documented": {
        ("total", "a total"),
        ("order", "as asked"),
        ("`createdBefore`", "obeyed"),
        ("a page behind the end", "an empty page"),
        ("an unknown parameter", "refused (400)"),
        ("last token of a feed", "one that goes on"),
        ("zones of times", "all have a zone"),
    },
    "as_seen": {
        ("order", "another order"),
        ("a page behind the end", "204"),
        ("an unknown parameter", "ignored"),
        ("last token of a feed", "204"),
        ("zones of times", "none has a zone"),
    },
}


@pytest.mark.parametrize("profile", get_args(Profile))
def test_it_finds_the_habits_and_shows_no_value(servicetitan: ServiceTitan, tmp_path: Path, profile: Profile) -> None:
    # Whether inactive records come first shows only where there are some.
    order = {"order": "newest_first"} if profile == "as_seen" else {}
    company = add_company(servicetitan, **{**PROFILES[profile], **order})
    page = tmp_path / "page.md"
    done = run(company, page)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    text = page.read_text()
    rows = {tuple(cell.strip() for cell in line.split("|")[1:3]) for line in text.splitlines() if line.startswith("| ")}
    assert FOUND[profile] <= rows
    assert not any("unexpected" in answer for _, answer in rows)
    assert ("access", "can be read") in rows
    # Names of streams and fields, and counts: nothing of what the records say.
    secrets = [company.config[name] for name in ("client_id", "client_secret", "app_key", "tenant_id")]
    values = {
        str(value) for record in company.server.control.records(company.id, "technicians") for value in record.values()
    }
    shown = set(re.findall(r"[\w.@:+-]{6,}", text))
    assert not shown & {value for value in values if len(value) > 5}
    assert not any(secret in text + done.stdout for secret in secrets)
    requests = [request for request in company.server.control.requests() if request["tenant"] == company.id]
    assert {request["method"] for request in requests} == {"GET"}


def test_it_asks_no_more_than_it_may(servicetitan: ServiceTitan, tmp_path: Path) -> None:
    company = add_company(servicetitan)
    done = run(company, tmp_path / "page.md", "--requests", "20")
    assert done.returncode == 0
    requests = [request for request in company.server.control.requests() if request["tenant"] == company.id]
    assert len(requests) <= 25
    assert "Not asked, because a bound was reached" in (tmp_path / "page.md").read_text()


def test_a_wrong_credential_is_one_line(servicetitan: ServiceTitan, tmp_path: Path) -> None:
    company = add_company(servicetitan)
    for changed, said in (
        ({"client_secret": "s3cr3t"}, "refused the credentials"),
        ({"app_key": ""}, "set SERVICETITAN_APP_KEY in the environment"),
        ({"auth_url": "http://127.0.0.1:9/token"}, "cannot be reached"),
    ):
        done = run(company, tmp_path / "page.md", **changed)
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert "s3cr3t" not in done.stderr
        assert (tmp_path / "page.md").read_text() == PAGE


def test_what_the_tap_is_not_made_for_ends_with_1(servicetitan: ServiceTitan, tmp_path: Path) -> None:
    company = add_company(servicetitan)
    company.set_fault("status", path="/jpm/", status=500)
    done = run(company, tmp_path / "page.md")
    assert done.returncode == 1
    assert "not expected: access: unexpected: 500 (" in done.stdout


def test_a_page_without_a_place_is_named() -> None:
    with pytest.raises(ValueError, match="the page lacks"):
        put("# A page", "found")
