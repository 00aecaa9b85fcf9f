"""Command line of the tap."""

from __future__ import annotations

import sys
from typing import NoReturn

from plugin_runtime import run
from tap_servicetitan.tap import TapServiceTitan


def main() -> NoReturn:
    """Run the tap and leave with its exit code."""
    sys.exit(run(TapServiceTitan))


if __name__ == "__main__":
    main()
