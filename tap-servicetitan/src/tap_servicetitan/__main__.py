"""Command line of the tap."""

from __future__ import annotations

import sys
from typing import NoReturn

from tap_servicetitan.catalog import discovery

SIGNAL_EXIT_CODE_BASE = 128
"""A signal that stops the run adds its number to this to make the exit code."""


def main() -> NoReturn:
    """Run the tap and leave with its exit code."""
    catalog = discovery.discover(sys.argv[1:])
    if catalog is not None:
        _write(catalog)
        sys.exit()

    # Imported only when needed: they load the SDK, which takes a second.
    from tap_servicetitan.plugin_runtime.command import leave, run  # noqa: PLC0415
    from tap_servicetitan.plugin_runtime.heap import share_one_heap  # noqa: PLC0415
    from tap_servicetitan.tap import TapServiceTitan  # noqa: PLC0415

    share_one_heap()
    try:
        code = run(TapServiceTitan)
    except SystemExit as stop:
        if isinstance(stop.code, int) and stop.code > SIGNAL_EXIT_CODE_BASE:
            leave(stop.code)
        raise
    sys.exit(code)


def _write(output: bytes) -> None:
    try:
        sys.stdout.buffer.write(output)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        from tap_servicetitan.plugin_runtime.command import NO_READER, drop_stdout  # noqa: PLC0415 - as above

        drop_stdout()
        sys.exit(f"tap-servicetitan: {NO_READER}")


if __name__ == "__main__":
    main()
