"""The command `dashboard`: serves the report, and keeps it up to date."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicetitan_fleet.cli.live_pages import LivePages
from servicetitan_fleet.cli.page_server import PageServer, parse_address
from servicetitan_fleet.cli.pages import ReportQuery, report_options
from servicetitan_fleet.plugin_runtime.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

REFRESH_SECONDS = 60
"""The pages are made anew at most this often, and a browser loads them again as often."""

_DEFAULT = "127.0.0.1:8080"


@click.command()
@report_options
@click.option(
    "--serve",
    "address",
    envvar="ETL_DASHBOARD",
    is_flag=False,
    flag_value=_DEFAULT,
    default=_DEFAULT,
    show_default=True,
    metavar="[HOST:]PORT",
    help="Where to serve. The pages have no password: who reaches another address than 127.0.0.1 can read them.",
)
def dashboard(address: str, **options: Any) -> None:  # noqa: ANN401 - the parameters of ReportQuery.from_options
    """Serve the report, for a screen on the wall.

    The pages of `report`, made anew once a minute while somebody looks at them. Nothing can be changed through them.
    Ctrl-C or SIGTERM ends it.
    """
    query = ReportQuery.from_options(**options, refresh_seconds=REFRESH_SECONDS)
    host, port = parse_address(address)
    with tempfile.TemporaryDirectory(prefix="etl-dashboard-") as folder:
        pages = LivePages(Path(folder), lambda output: query.write(output, utc_now()), REFRESH_SECONDS)
        with PageServer(host, port, pages.read) as server:
            pages.refresh()
            shown = f"[{host}]" if ":" in host else host
            click.echo(f"the report is at http://{shown}:{server.server_port}/ (Ctrl-C ends it)")
            _stop_on_signal(server.shutdown)
            server.serve_forever()


def _stop_on_signal(stop: Callable[[], None]) -> None:
    """Let SIGTERM and Ctrl-C end the server. `stop` waits for its end, so another thread calls it."""

    def handle(*_: object) -> None:
        threading.Thread(target=stop, daemon=True).start()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, handle)
