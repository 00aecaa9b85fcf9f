"""Command line of the tap."""

from __future__ import annotations

import sys
from typing import NoReturn

from tap_servicetitan import discovery


def main() -> NoReturn:
    """Run the tap and leave with its exit code."""
    if (catalog := discovery.answer(sys.argv[1:])) is not None:
        sys.stdout.buffer.write(catalog)
        sys.exit()

    # Not before it is known that they are needed: they load the SDK, which takes a second.
    from plugin_runtime import run  # noqa: PLC0415
    from tap_servicetitan.tap import TapServiceTitan  # noqa: PLC0415

    sys.exit(run(TapServiceTitan))


if __name__ == "__main__":
    main()
