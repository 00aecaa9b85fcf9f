"""The options of `run` that go together."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from servicetitan_fleet.cli.run import run


@pytest.mark.parametrize("companies", [[], ["--company", "one", "--company", "two"]])
def test_tables_are_adopted_for_one_company_at_a_time(companies: list[str]) -> None:
    options = ["--companies", "companies.yml", "--storage", "file:///nowhere", "--adopt", "jobs", *companies]

    done = CliRunner().invoke(run, options)

    assert done.exit_code == 2
    assert "--adopt is for the tables of one company: name it with --company." in done.output
