"""The command line of the sandbox."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from servicetitan_sandbox import cloud_storage, hosting
from servicetitan_sandbox.bigquery import server
from servicetitan_sandbox.client import environment, processes
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.models import Tenant
from servicetitan_sandbox.servicetitan import app as servicetitan

DESCRIPTION = """\
Run a local ServiceTitan and a local BigQuery for development and tests.

When the servers are ready, one JSON line with their addresses is written to stdout. Stop them with Ctrl-C or SIGTERM.
"""

# S106: it is made up, and only the local ServiceTitan knows it.
TENANT = Tenant(
    tenant_id="1001",
    client_id="sandbox-client",
    client_secret="sandbox-secret",  # noqa: S106
    app_key="sandbox-key",
    seed=1,
)
PROJECT = "sandbox-data"
"""Tenant and project of `sandbox up --print-env`. Other tenants are added through the control API."""


def main(args: list[str] | None = None) -> None:
    """Run a command of the command line."""
    options = _parser().parse_args(args)
    hosting.exit_on_signals()
    if options.stop_at_eof:
        hosting.exit_at_end_of_input()
    if options.command == "up":
        _up(options.data_dir, options.pace, print_env=options.print_env)
    elif options.command == "servicetitan":
        servicetitan.run(options.port)
    elif options.command == "storage":
        cloud_storage.run(options.port, options.bucket)
    else:
        server.run(options.port, options.data_dir, pace=options.pace, latency=options.latency, seed=options.seed)


def _up(data_dir: Path | None, pace: float, *, print_env: bool) -> None:
    with ExitStack() as stack:
        titan = stack.enter_context(processes.run_servicetitan())
        warehouse = stack.enter_context(processes.run_bigquery(data_dir, pace=pace))
        if print_env:
            titan.control.add_tenant(TENANT)
            project = Project(warehouse.api_endpoint, PROJECT)
            _print_variables(*environment.settings(titan, TENANT, project))
        else:
            hosting.announce({**titan.ready, **warehouse.ready})
        signal.pause()


def _print_variables(tap: dict[str, str], target: dict[str, str]) -> None:
    """Print the settings as commands of a shell."""
    variables = environment.for_meltano(tap, target) | environment.for_plugins(tap, target)
    sys.stdout.write("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    both = commands.add_parser("up", help="start ServiceTitan and BigQuery, on free ports")
    titan = commands.add_parser("servicetitan", help="start the local ServiceTitan only")
    warehouse = commands.add_parser("bigquery", help="start the local BigQuery only")
    storage = commands.add_parser("storage", help="start a local Cloud Storage only")
    warehouse.add_argument(
        "--latency",
        type=float,
        default=0.0,
        metavar="SCALE",
        help="let calls and jobs take this many times as long as they are believed to take in BigQuery (default: 0)",
    )
    warehouse.add_argument("--seed", type=int, default=1, help="what these times are drawn by (default: 1)")
    storage.add_argument("--bucket", default="sandbox", help="name of the bucket to create (default: sandbox)")

    both.add_argument(
        "--print-env",
        action="store_true",
        help="add a tenant, and write the settings for it as commands of a shell instead of the JSON line",
    )
    for command in (titan, warehouse, storage):
        command.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    for command in (both, warehouse):
        command.add_argument("--data-dir", type=Path, help="keep the tables here (default: a temporary directory)")
        command.add_argument(
            "--pace",
            type=float,
            default=1.0,
            help="let the time that BigQuery's limits count pass so many times faster (default: 1)",
        )
    for command in (both, titan, warehouse, storage):
        command.add_argument("--stop-at-eof", action="store_true", help="stop when standard input ends")
    return parser


if __name__ == "__main__":
    main()
