"""No package of this repository depends on a name that is not in the lock file."""

from __future__ import annotations

from dependency_names import unknown_names

LOCK = "click==8.1.0 \\\n    --hash=sha256:00\nuv-build==0.9.0 \\\nsinger-sdk[testing]==0.54.9 \\\n"
PYPROJECT = """
[project]
dependencies = ["Click>=8.1", "singer_sdk==0.54.9", {dependency}]
[project.optional-dependencies]
gcs = [{extra}]
[build-system]
requires = ["uv_build>=0.9,<1"]
"""


def test_known_names_however_they_are_written() -> None:
    assert unknown_names(PYPROJECT.format(dependency="", extra=""), LOCK) == []


def test_unknown_names_of_dependencies_and_of_extras() -> None:
    text = PYPROJECT.format(dependency='"plugin-runtime"', extra='"gcsfs>=2024.9"')
    assert unknown_names(text, LOCK) == ["plugin-runtime", "gcsfs>=2024.9"]
