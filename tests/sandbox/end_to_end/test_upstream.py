"""What we tell the emulator's maintainers is so: each reproduction shows its difference in the emulator as it comes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

DOCUMENT = Path(__file__).resolve().parents[3] / "sandbox/UPSTREAM.md"
PARTS = re.compile(r"^### (?P<title>[^\n]+)$|^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
START_SECONDS = 60

INSTALL = """
import sys
from servicetitan_sandbox.bigquery.emulator import install_extensions
install_extensions()
from local_bigquery.cli import main
sys.argv = ["local-bigquery", *sys.argv[1:]]
main()
"""
"""Starts the emulator alone. Only its extensions come from where they are installed, and not from the network."""


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """Run the emulator without any correction, and yield its address."""
    port, storage_port = 29050, 29060
    options = ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(storage_port), "--data-dir", str(folder)]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", INSTALL, *options, "serve"]
    with subprocess.Popen(command, env={**os.environ, "HOME": str(folder)}, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"{address}/bigquery/v2/projects/local/datasets")
            yield address
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            requests.get(url, timeout=START_SECONDS).raise_for_status()
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


def reproductions() -> Iterator[tuple[str, str]]:
    """Yield the title above each block of code, and the code. The first one makes what the others use."""
    title = "what all of them use"
    for part in PARTS.finditer(DOCUMENT.read_text(encoding="utf-8")):
        title = part["title"] or title
        if part["code"]:
            yield title, part["code"]


def test_each_reproduction_shows_its_difference(tmp_path: Path) -> None:
    tried, differ = [], []
    with emulator(tmp_path) as address:
        names: dict[str, Any] = {"API": address}
        for title, code in reproductions():
            tried.append(title)
            try:
                exec(compile(code, title, "exec"), names)  # noqa: S102 - our own document
            except Exception as error:  # noqa: BLE001 - whatever is no longer as the document says
                differ.append((title, repr(error)))

    assert differ == []
    assert len(tried) == 20
