"""The command that runs a company's tap and target as a pair, or asks its tap: its name, its options.

Light: it loads nothing.
"""

from __future__ import annotations

import sys

NAME = "meltano-pair"
"""Its name among processes."""

MODULE = "servicetitan_fleet.meltano.pair_run"
COMMAND = (sys.executable, "-P", "-m", MODULE)
"""-P: nothing is loaded from the project's folder."""

RUN, ASK = "run", "invoke"
"""What it does: run a pair, as `meltano run` does, or only its tap with other options, as `meltano invoke` does."""

WITH_CATALOG = "--with-catalog"
"""Option of the second: the tap gets the catalog of the company's selection, as a run does."""
