"""What the packages have in common has one source."""

from __future__ import annotations

import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest

import package_metadata
from package_metadata import PACKAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "LICENSE", *(f"{package}/pyproject.toml" for package in PACKAGES)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_new_version_reaches_every_package(workspace: Path) -> None:
    source = workspace / "pyproject.toml"
    version = package_metadata.workspace(workspace)["version"]
    source.write_text(source.read_text().replace(f'version = "{version}"', 'version = "7.8.9"', 1))
    found = package_metadata.stale(workspace)
    assert {path.parent.name for path in found if path.name == "pyproject.toml"} == set(PACKAGES)
    for path, text in found.items():
        path.write_text(text)
    assert package_metadata.stale(workspace) == {}
    project = tomllib.loads((workspace / "fleet" / "pyproject.toml").read_text())["project"]
    assert project["version"] == "7.8.9"
    assert project["urls"]["Documentation"].endswith("/blob/main/fleet/README.md")


def test_each_package_carries_the_licence(workspace: Path) -> None:
    assert {path.parent.name for path in package_metadata.stale(workspace) if path.name == "LICENSE"} == set(PACKAGES)


def test_no_package_excludes_a_python_that_is_still_to_come() -> None:
    for package in PACKAGES:
        project = tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"]
        assert "<" not in project["requires-python"]
        assert "=" not in project["requires-python"].removeprefix(">=")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://github.com/nobody/pair/blob/main/README.md", "https://github.com/acme/etl/blob/main/README.md"),
        (
            "git+https://github.com/nobody/pair@v1#subdirectory=tap",
            "git+https://github.com/acme/etl@v1#subdirectory=tap",
        ),
        ("https://raw.githubusercontent.com/nobody/pair/v1/x", "https://raw.githubusercontent.com/acme/etl/v1/x"),
        ("* @nobody/maintainers", "* @acme/maintainers"),
        ("`nobody` is a name", "`nobody` is a name"),
    ],
)
def test_a_repository_that_moves_is_named_by_its_new_address(before: str, after: str) -> None:
    assert package_metadata.moved(before, "https://github.com/nobody/pair", "https://github.com/acme/etl") == after
