"""Where Arrow takes its memory from, in a process that is the target."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SHOW = """
import click, pyarrow
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete as Target
settings = {"project_id": "co-1", "api_endpoint": "http://127.0.0.1:9"}
with click.Context(click.Command("target")):
    Target(config=settings)
print(pyarrow.default_memory_pool().backend_name)
"""


@pytest.mark.parametrize(("chosen", "used"), [({}, "system"), ({"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}, "mimalloc")])
def test_the_target_uses_the_memory_of_the_system_unless_told_otherwise(chosen: dict[str, str], used: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARROW_")} | chosen
    done = subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == [used], done.stderr
