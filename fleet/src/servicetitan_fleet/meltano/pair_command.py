"""The command that runs a company's tap and target as a pair: its name, its options. Light: it loads nothing."""

from __future__ import annotations

import sys

NAME = "meltano-pair"
"""Its name among processes."""

MODULE = "servicetitan_fleet.meltano.pair_run"
COMMAND = (sys.executable, "-P", "-m", MODULE)
"""-P: nothing is loaded from the project's folder."""
