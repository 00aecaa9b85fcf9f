"""The options of `run` that go together."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from servicetitan_fleet.cli.run import run


@pytest.mark.parametrize("option", ["--adopt", "--allow-mass-delete"])
@pytest.mark.parametrize("companies", [[], ["--company", "one", "--company", "two"]])
def test_some_options_are_for_one_company_at_a_time(companies: list[str], option: str) -> None:
    options = ["--companies", "companies.yml", "--storage", "file:///nowhere", option, "jobs", *companies]

    done = CliRunner().invoke(run, options)

    assert done.exit_code == 2
    assert f"{option} is for the tables of one company: name it with --company." in done.output
