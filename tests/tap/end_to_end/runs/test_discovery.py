"""The command `--discover` is quick, and ends with one line when its output is closed."""

from __future__ import annotations

import subprocess
import sys

from tap_servicetitan.catalog import discovery


def test_the_command_answers_without_loading_the_sdk() -> None:
    program = """
import sys
from tap_servicetitan.__main__ import main
sys.argv = ["tap-servicetitan", "--discover"]
try:
    main()
finally:
    print(*sorted(sys.modules.keys() & {"singer_sdk", "requests", "click"}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == discovery.discover(["--discover"])
    assert done.stderr.split() == []


def test_a_catalog_that_nobody_reads_is_one_line() -> None:
    command = [sys.executable, "-m", "tap_servicetitan", "--discover"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        log = process.stderr.read().decode()
    assert process.returncode == 1
    assert "the program that reads this output has stopped" in log
    assert "Traceback" not in log
