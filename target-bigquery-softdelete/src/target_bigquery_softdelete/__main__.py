"""The command `target-bigquery-softdelete`."""

from __future__ import annotations

import sys
from typing import NoReturn

from target_bigquery_softdelete.bigquery.server_clock import steady_seconds


def main() -> NoReturn:
    """Run the target and exit with its code."""
    began = steady_seconds()  # loading the libraries takes a second, in which the tap may already read
    from target_bigquery_softdelete.plugin_runtime.command import run  # noqa: PLC0415
    from target_bigquery_softdelete.target import TargetBigQuerySoftDelete  # noqa: PLC0415

    TargetBigQuerySoftDelete.began = began
    sys.exit(run(TargetBigQuerySoftDelete))


if __name__ == "__main__":
    main()
