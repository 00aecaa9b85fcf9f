"""What is published: the same bytes from the same source, with the licence, and a page that stands alone."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import distributions
import install_check
import links

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return distributions.build_all(tmp_path_factory.mktemp("dist"))


def test_a_copy_with_other_times_and_modes_gives_the_same_bytes(
    built: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(
        ROOT / "tap-servicetitan", tmp_path / "tap-servicetitan", ignore=shutil.ignore_patterns("__pycache__")
    )
    for path in copy.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o700 if path.is_dir() else 0o600)
    monkeypatch.setattr(install_check, "ROOT", tmp_path)
    install_check.build("tap-servicetitan", tmp_path / "dist")
    again = distributions.digests([*(tmp_path / "dist").glob("*.whl"), *(tmp_path / "dist").glob("*.tar.gz")])
    assert len(again) == 2
    assert again.items() <= distributions.digests(built).items()


def test_each_has_the_licence_and_nothing_that_is_not_the_packages_own(built: list[Path]) -> None:
    for file in built:
        names = names_in(file)
        assert any(name.endswith("/LICENSE") for name in names)
        assert [name for name in names if "__pycache__" in name or "/tests/" in name] == []


def names_in(file: Path) -> list[str]:
    if file.suffix == ".whl":
        return zipfile.ZipFile(file).namelist()
    with tarfile.open(file) as archive:
        return archive.getnames()


def test_each_page_stands_alone(built: list[Path]) -> None:
    for file in built:
        if file.suffix == ".whl":
            wheel = zipfile.ZipFile(file)
            (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            metadata = message_from_bytes(wheel.read(name))
            assert list(links.links(str(metadata.get_payload()))) == []
            assert metadata["License-Expression"] == "Apache-2.0"
            assert metadata["Author"]
            assert {"Repository", "Documentation", "Changelog"} <= {
                url.partition(",")[0] for url in metadata.get_all("Project-URL", [])
            }
