"""What `make help` prints fits a terminal."""

from __future__ import annotations

import subprocess

from servicetitan_sandbox.client.meltano_project import ROOT


def test_help_fits_80_columns_and_names_every_command() -> None:
    lines = subprocess.check_output(["make", "--no-print-directory", "help"], cwd=ROOT, text=True).splitlines()
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert [line for line in lines if len(line) > 80] == []
    assert sorted(line.split()[1] for line in lines) == sorted(phony.split()[1:])
