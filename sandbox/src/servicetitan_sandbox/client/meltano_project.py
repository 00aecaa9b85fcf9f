"""A copy of the repository's Meltano project, for tests, benchmarks and rehearsals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
"""The root of the repository. The sandbox is always installed from there."""

MELTANO = Path(sys.executable).with_name("meltano")
PLUGINS = ("tap-servicetitan", "target-bigquery-softdelete")


def inherited_environment() -> dict[str, str]:
    """Return this process's environment without the plugins' settings, which only a test or demonstration may set."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SERVICETITAN", "BIGQUERY"))}


class MeltanoProject:
    """A copy of the Meltano project with its own system folder and environment.

    Args:
        folder: The folder of the copy.
        variables: Environment variables of Meltano and the plugins.
    """

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self._environment = inherited_environment() | variables
        for name in ("meltano.yml", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, folder)
        for name in ("fleet", "sandbox", *PLUGINS):
            (folder / name).symlink_to(ROOT / name)

    def run_meltano(self, *args: str, without: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run Meltano.

        Args:
            args: Its arguments.
            without: An environment variable to omit.
        """
        environment = {name: value for name, value in self._environment.items() if name != without}
        return subprocess.run(  # noqa: S603 - our own command
            [MELTANO, *args], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def installed_packages(self, plugin: str) -> str:
        """Return the packages in a plugin's environment, one `name==version` per line."""
        python = self.folder / ".meltano" / plugin / "venv/bin/python"
        return subprocess.check_output(  # noqa: S603 - our own command
            [MELTANO.with_name("uv"), "pip", "freeze", "--quiet", "--python", python], text=True
        )

    def install(self) -> None:
        """Install the tap and the target.

        Raises:
            RuntimeError: If that fails. The text is Meltano's error output.
        """
        done = self.run_meltano("install", *PLUGINS)
        if done.returncode:
            raise RuntimeError(done.stderr)
