"""A Meltano project like the one of the repository, for tests and rehearsals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
"""The repository: the sandbox is always installed from there."""

MELTANO = Path(sys.executable).with_name("meltano")
PLUGINS = ("tap-servicetitan", "target-bigquery-softdelete")


class MeltanoProject:
    """A copy of the Meltano project, with a system folder and an environment of its own."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        # No variable of the machine that runs the tests may reach the plugins' settings.
        self._environment = {
            name: os.environ[name] for name in os.environ if not name.startswith(("SERVICETITAN", "BIGQUERY"))
        }
        self._environment |= variables
        for name in ("meltano.yml", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, folder)
        for name in ("orchestrator", "plugin-runtime", "sandbox", *PLUGINS):
            (folder / name).symlink_to(ROOT / name)

    def meltano(self, *args: str, without: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run Meltano, perhaps without one of the variables."""
        environment = {name: value for name, value in self._environment.items() if name != without}
        return subprocess.run(  # noqa: S603 - our own command
            [MELTANO, *args], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def installed(self, plugin: str) -> str:
        """Return what is installed for a plugin, one `name==version` a line."""
        python = self.folder / ".meltano" / plugin / "venv/bin/python"
        return subprocess.check_output(  # noqa: S603 - our own command
            [MELTANO.with_name("uv"), "pip", "freeze", "--quiet", "--python", python], text=True
        )

    def install(self) -> None:
        """Install the pair.

        Raises:
            RuntimeError: If that fails, with what Meltano says of it.
        """
        installed = self.meltano("install", *PLUGINS)
        if installed.returncode:
            raise RuntimeError(installed.stderr)
