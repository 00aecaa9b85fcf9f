"""A tag says what its release changes."""

from __future__ import annotations

import pytest

import package_metadata
import release_notes
from release_notes import ReleaseError, notes

CHANGELOG = """# Changelog

## [Unreleased]

## [1.1.0] - 2026-05-01

### Added

- one

## [1.0.0] - 2026-01-01

- first
"""


def test_the_text_is_the_section_of_the_version() -> None:
    assert notes(CHANGELOG, "1.1.0") == "servicetitan-to-bigquery 1.1.0\n\n### Added\n\n- one\n"
    assert notes(CHANGELOG, "1.0.0").endswith("\n\n- first\n")


@pytest.mark.parametrize("version", ["1.1", "2.0.0", "Unreleased"])
def test_a_version_without_a_section_is_no_release(version: str) -> None:
    with pytest.raises(ReleaseError, match="no section"):
        notes(CHANGELOG, version)


def test_a_tag_of_another_version_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"the tag is v0\.0\.1"):
        release_notes.main(["v0.0.1"])


def test_this_version_has_its_section(capsys: pytest.CaptureFixture[str]) -> None:
    version = package_metadata.workspace()["version"]
    assert release_notes.main([f"v{version}"]) == 0
    assert capsys.readouterr().out.startswith(f"servicetitan-to-bigquery {version}\n\n#")
