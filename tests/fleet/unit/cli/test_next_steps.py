"""The remaining steps of a new company are commands that contain no secret."""

from __future__ import annotations

from servicetitan_fleet.cli.next_steps import next_steps
from servicetitan_fleet.registry.company import parse_company

STORED = "secret://projects/fleet/secrets/acme-{}/versions/latest"
SECRETS = {"client_id": "env:ACME_CLIENT_ID", "client_secret": STORED.format("cs"), "app_key": STORED.format("ak")}
NEW = {"company_id": "acme", "tenant_id": "0012", "project_id": "acme-data", "secrets": SECRETS}


def test_the_steps_are_commands_and_contain_no_secret() -> None:
    steps = list(next_steps(parse_company(NEW, "here"), "pro", ["--companies", "bq://f.settings.companies"]))
    assert [line for line in steps if not line.startswith("#")] == [
        "gcloud secrets create acme-cs --project=fleet --replication-policy=automatic --data-file=-",
        "gcloud secrets create acme-ak --project=fleet --replication-policy=automatic --data-file=-",
        f"deploy/deploy.sh pro company acme-data US {SECRETS['client_secret']} {SECRETS['app_key']}",
        "orchestrate-etl check --company acme --environment pro --companies bq://f.settings.companies",
        "orchestrate-etl run --company acme --environment pro --companies bq://f.settings.companies",
    ]
    assert "# Set these environment variables where the fleet runs: ACME_CLIENT_ID." in steps
