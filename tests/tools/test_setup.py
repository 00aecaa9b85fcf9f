"""On a machine that lacks something, the set-up says what."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the script, and one with the only programs there are."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "setup.sh", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname"):
        path = shutil.which(name)
        assert path
        (tmp_path / "bin" / name).symlink_to(path)
    return tmp_path


def add_program(machine: Path, name: str, script: str) -> None:
    path = machine / "bin" / name
    path.write_text(f"#!{shutil.which('bash')}\n{script}\n")
    path.chmod(0o755)


def complaint(machine: Path, **variables: str) -> str:
    """Run the set-up, which must fail, and return its last line."""
    environment = {"PATH": str(machine / "bin"), "HOME": str(machine), **variables}
    done = subprocess.run(
        [machine / "tools" / "setup.sh", "--python", "9.9"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_no_python(machine: Path) -> None:
    assert complaint(machine) == "setup: no uv and no python3 on the PATH: install one of them"


def test_a_python_without_pip(machine: Path) -> None:
    add_program(machine, "python3", "exit 1")
    assert "bin/python3 has no pip: install it (Debian, Ubuntu: apt-get install python3-pip)" in complaint(machine)


def test_a_registry_or_a_folder_without_uv(machine: Path) -> None:
    add_program(machine, "python3", '[ "$3" = --version ]')
    assert complaint(machine).endswith("could not install uv: check that a package registry can be reached")
    (machine / "wheels").mkdir()
    assert complaint(machine, WHEELS="wheels").endswith("check that wheels can be reached")


def test_a_python_that_cannot_be_fetched(machine: Path) -> None:
    add_program(machine, "uv", "exit 1")
    assert "no Python 9.9 here and uv could not fetch one" in complaint(machine)
