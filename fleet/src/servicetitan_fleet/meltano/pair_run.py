"""Runs a company's tap and target as `meltano run` does, without Meltano between the two; or only its tap, to ask.

Meltano resolves the settings, the selection, the catalog and the state, with its own code and in its own order; so
environments, `meltano.yml`, variables and the state backend mean what they always mean. But its pipe, its database and
its job are left out: the tap writes straight into the target, and the fleet itself makes sure that a company runs once.
`pair_command.py` has the command line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import meltano.cli  # noqa: F401 - it sets the log up when it is loaded, which must not come after our own setting
import structlog
from meltano.core.config_service import ConfigService
from meltano.core.logging import setup_logging
from meltano.core.plugin.base import PluginType
from meltano.core.plugin.factory import base_plugin_classes
from meltano.core.project import Project
from meltano.core.state_store import StateBackend
from meltano.core.utils import new_run_id

from servicetitan_fleet.meltano import pair_command
from servicetitan_fleet.meltano.asked_tap import AskedTap
from servicetitan_fleet.meltano.pair import Pair
from servicetitan_fleet.meltano.pair_catalog import PairTap
from servicetitan_fleet.meltano.plugin_start import PluginStarter
from servicetitan_fleet.meltano.warm_server import PLUGIN_OPTION

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = structlog.get_logger(__name__)

for _addon in (ConfigService.addon, StateBackend.addon):
    # Meltano asks all packages of its environment, and remembers the answer: so it is there for all forks. If a package
    # cannot be asked, the run will say so.
    with contextlib.suppress(Exception):
        _ = _addon.installed


def main() -> NoReturn:
    """Run a pair, or ask its tap, and exit with the code: 0 if all went well."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(pair_command.NAME)  # its name in `ps` and `top`
    sys.exit(run(_parse(sys.argv[1:])))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line: that of `meltano run` and `meltano invoke`, as far as the fleet uses it."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--env-file", type=Path, required=True)
    parser.add_argument("--environment", required=True)
    parser.add_argument(PLUGIN_OPTION, dest="servers", action="append", default=[])
    commands = parser.add_subparsers(dest="command", required=True)
    run_parser = commands.add_parser(pair_command.RUN, allow_abbrev=False)
    run_parser.add_argument("--state-id-suffix", required=True)
    run_parser.add_argument("--full-refresh", action="store_true")
    run_parser.add_argument("--no-state-update", action="store_true")
    run_parser.add_argument("tap")
    run_parser.add_argument("target")
    ask_parser = commands.add_parser(pair_command.ASK, allow_abbrev=False)
    ask_parser.add_argument(pair_command.WITH_CATALOG, action="store_true")
    ask_parser.add_argument("tap")
    ask_parser.add_argument("options", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Run what the command line asks for. Return its exit code, or 1 if it cannot be run: the log says why."""
    run_id = new_run_id()
    start = PluginStarter(options.servers).start
    tap_class = PairTap.with_start(start)
    base_plugin_classes[PluginType.EXTRACTORS] = lambda: tap_class
    structlog.contextvars.bind_contextvars(run_id=str(run_id))
    try:
        project = Project.find(dotenv_file=options.env_file)
        setup_logging(project)
        project.activate_environment(options.environment)
        if options.command == pair_command.RUN:
            return asyncio.run(Pair(project, options, run_id, start).run())
        tap = AskedTap(project, options.tap, start)
        return asyncio.run(tap.run(options.options, has_catalog=options.with_catalog))
    except Exception as error:  # noqa: BLE001 - whatever it is, the last line must say it
        logger.error(str(error) or type(error).__name__)  # noqa: TRY400 - only this line is shown
        return 1


if __name__ == "__main__":
    main()
