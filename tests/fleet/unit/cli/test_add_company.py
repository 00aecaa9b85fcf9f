"""`add-company` prompts for what is not given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from servicetitan_fleet.cli.add_company import add_company
from servicetitan_fleet.registry.open_registry import open_registry

if TYPE_CHECKING:
    from pathlib import Path


def test_it_prompts_for_missing_values_until_they_are_valid(tmp_path: Path) -> None:
    path = tmp_path / "companies.yml"
    options = ["--companies", str(path), "--storage", "gs://b/etl", "--secrets-project", "fleet", "--company-name", ""]
    answers = ["Not An Id", "acme", "12a", "12", "acme-data", "", "", "the-secret-itself", "env:ACME_SECRET", ""]
    done = CliRunner().invoke(add_company, options, input="\n".join([*answers, ""]))
    assert done.exit_code == 0, done.output
    assert done.stderr.count("Error: ") == 3
    company = open_registry(str(path), {}).read().companies[0]
    assert (company.company_id, company.tenant_id, company.project_id, company.location) == (
        *("acme", "12", "acme-data", "US"),
    )
    assert company.secrets.client_id == "secret://projects/fleet/secrets/acme-client-id/versions/latest"
    assert company.secrets.client_secret == "env:ACME_SECRET"
    assert company.secrets.app_key == "secret://projects/fleet/secrets/app-key/versions/latest"

    # Without an answer, nothing is added.
    before = path.read_text()
    unanswered = CliRunner().invoke(add_company, [*options, "--company-id", "beta"], input="")
    assert str(unanswered.exception) == "nothing was added, because --tenant-id is missing"
    given = ["--tenant-id=3", "--project-id=project-3", "--location=US", "--client-id=env:A", "--app-key=env:B"]
    value = CliRunner().invoke(
        add_company, [*options, "--company-id=beta", *given, "--client-secret=cs1.secret-itself"]
    )
    assert "give a reference" in str(value.exception)
    assert "secret-itself" not in str(value.exception) + value.output
    assert path.read_text() == before
