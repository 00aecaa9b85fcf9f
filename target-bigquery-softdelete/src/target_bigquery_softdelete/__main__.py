"""The command `target-bigquery-softdelete`."""

from __future__ import annotations

import sys
from typing import NoReturn

from target_bigquery_softdelete.plugin_runtime.command import run
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete


def main() -> NoReturn:
    """Run the target and exit with its code."""
    sys.exit(run(TargetBigQuerySoftDelete))


if __name__ == "__main__":
    main()
