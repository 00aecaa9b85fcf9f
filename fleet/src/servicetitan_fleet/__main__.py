"""The command `orchestrate-etl`."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

from servicetitan_fleet.cli.main import orchestrate_etl
from servicetitan_fleet.plugin_runtime.command import run_command

NAME = "orchestrate-etl"


def main() -> NoReturn:
    """Run the command and exit."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    sys.exit(run_command(orchestrate_etl, NAME, logging.getLogger(NAME)))


if __name__ == "__main__":
    main()
