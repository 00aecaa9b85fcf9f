"""Packages are installed as their users install them: alone, into empty environments."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import install_check
from install_check import Case, CheckError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_what_is_not_named_is_tried_in_full() -> None:
    everything = install_check.cases(set())
    assert len(everything) == len(set(everything)) == 4 * 3 * (3 * 3 + 1)
    assert install_check.cases({"3.14", "fleet", "pipx", "git"}) == [Case("3.14", "fleet", "pipx", "git")]
    assert {case.installer for case in install_check.cases({"lowest"})} == {"uv"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("indexes")
    install_check.build_indexes({package for package, _ in CASES}, folder)
    with install_check.served(folder) as address:
        yield address


CASES = [("tap-servicetitan", "wheel"), ("target-bigquery-softdelete", "lowest"), ("fleet", "wheel")]


@pytest.mark.parametrize(
    ("package", "source"),
    [pytest.param(*case, marks=pytest.mark.long if case[0] == "fleet" else ()) for case in CASES],
)
def test_a_package_runs_where_nothing_else_is_installed(address: str, package: str, source: str) -> None:
    install_check.check(Case(PYTHON, package, "uv", source), address)


def test_a_package_that_is_in_no_index_is_named(tmp_path: Path) -> None:
    with install_check.served(tmp_path) as address, pytest.raises(CheckError, match="tap-servicetitan"):
        install_check.check(Case(PYTHON, "tap-servicetitan", "uv", "wheel"), address)
