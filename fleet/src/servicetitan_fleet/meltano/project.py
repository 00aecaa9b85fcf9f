"""The Meltano project that runs a company: what its plugins can be told, and a system folder for each company."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

TAP, TARGET = "tap-servicetitan", "target-bigquery-softdelete"
KINDS = {TAP: "extractors", TARGET: "loaders"}


class MeltanoProject:
    """A folder with a `meltano.yml`, and with the two plugins installed."""

    def __init__(self, folder: Path) -> None:
        """Open the project.

        Raises:
            PluginError: If there is no project, or a plugin is not in it.
        """
        self.folder = folder.resolve()
        path = self.folder / "meltano.yml"
        try:
            self._content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PluginError(f"there is no Meltano project in {self.folder}: {error.strerror}") from error
        except yaml.YAMLError as error:
            raise PluginError(f"{path} is not YAML: {error}") from error

    @property
    def executable(self) -> Path:
        """The `meltano` of this environment."""
        return Path(sys.executable).with_name("meltano")

    @cached_property
    def settings(self) -> dict[str, frozenset[str]]:
        """The names of each plugin's settings.

        Raises:
            PluginError: If the project does not have both plugins.
        """
        return {name: frozenset(one["name"] for one in self._plugin(name)["settings"]) for name in KINDS}

    @cached_property
    def namespaces(self) -> dict[str, str]:
        """What the names of each plugin's variables begin with, in small letters."""
        return {name: self._plugin(name)["namespace"] for name in KINDS}

    def system_folder(self, root: Path, company_id: str) -> Path:
        """Make a company's own system folder, with the plugins of the project linked into it.

        Runs that share a system folder share the files that hold a run's state and catalog (Meltano 4.4).

        Raises:
            PluginError: If a plugin is not installed, or the folder cannot be made.
        """
        folder = root / company_id
        for name, kind in KINDS.items():
            installed = self.folder / ".meltano" / kind / name
            if not installed.is_dir():
                raise PluginError(f"{name} is not installed: run `meltano install` in {self.folder}")
            link = folder / kind / name
            try:
                link.parent.mkdir(parents=True, exist_ok=True)
                link.unlink(missing_ok=True)
                link.symlink_to(installed, target_is_directory=True)
            except OSError as error:
                raise PluginError(f"cannot make the folder {link}: {error.strerror}") from error
        return folder

    def _plugin(self, name: str) -> dict[str, Any]:
        for plugin in self._plugins(KINDS[name]):
            if plugin["name"] == name:
                return plugin
        raise PluginError(f"{self.folder / 'meltano.yml'} has no plugin {name}")

    def _plugins(self, kind: str) -> Iterator[dict[str, Any]]:
        yield from (self._content.get("plugins") or {}).get(kind) or ()
