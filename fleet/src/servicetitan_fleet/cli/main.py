"""The command group `orchestrate-etl`."""

from __future__ import annotations

import click

from servicetitan_fleet.cli.add_company import add_company
from servicetitan_fleet.cli.check import check
from servicetitan_fleet.cli.dashboard import dashboard
from servicetitan_fleet.cli.group_views import group_views
from servicetitan_fleet.cli.notify import notify
from servicetitan_fleet.cli.plan import plan
from servicetitan_fleet.cli.report import report
from servicetitan_fleet.cli.resync import resync
from servicetitan_fleet.cli.run import run
from servicetitan_fleet.cli.status import status
from servicetitan_fleet.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="servicetitan-fleet")
def orchestrate_etl() -> None:
    """Sync ServiceTitan to BigQuery for a fleet of companies, each into its own project."""


orchestrate_etl.add_command(run)
orchestrate_etl.add_command(resync)
orchestrate_etl.add_command(plan)
orchestrate_etl.add_command(status)
orchestrate_etl.add_command(report)
orchestrate_etl.add_command(dashboard)
orchestrate_etl.add_command(check)
orchestrate_etl.add_command(verify)
orchestrate_etl.add_command(add_company)
orchestrate_etl.add_command(notify)
orchestrate_etl.add_command(group_views)
