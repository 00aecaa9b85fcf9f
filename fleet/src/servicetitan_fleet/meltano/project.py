"""The Meltano project: the settings of its two plugins, and a system folder for each company."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from servicetitan_fleet.meltano.plugin_facts import PluginFacts
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

TAP, TARGET = "tap-servicetitan", "target-bigquery-softdelete"
KINDS = {TAP: "extractors", TARGET: "loaders"}


class MeltanoProject:
    """A folder with a `meltano.yml` in which the two plugins are installed."""

    def __init__(self, folder: Path) -> None:
        """Open the project.

        Raises:
            PluginError: If the folder has no valid `meltano.yml`.
        """
        self.folder = folder.resolve()
        path = self.folder / "meltano.yml"
        try:
            self._content: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PluginError(f"there is no Meltano project in {self.folder}: {error.strerror}") from error
        except (YAMLError, ValueError) as error:
            raise PluginError(f"{path} is not valid YAML: {error}") from error

        self.facts = PluginFacts(self.find_program)
        """What the project's plugins say of themselves."""

    def find_program(self, plugin: str) -> Path:
        """Return the program of a plugin. It does not exist if the plugin is not installed.

        Raises:
            PluginError: If the plugin is not in the project.
        """
        name: str = self._find_plugin(plugin).get("executable", plugin)
        return self.folder / ".meltano" / KINDS[plugin] / plugin / "venv/bin" / name

    def configured(self, plugin: str, setting: str) -> Iterator[object]:
        """Yield the values that `meltano.yml` gives a setting: for all environments, and for each of them."""
        environments = self._content.get("environments") or ()
        parts = [self._content, *((part.get("config") or {}) for part in environments if isinstance(part, dict))]
        for part in parts:
            for entry in (part.get("plugins") or {}).get(KINDS[plugin]) or ():
                if entry.get("name") == plugin:
                    yield (entry.get("config") or {}).get(setting)

    @property
    def executable(self) -> Path:
        """The `meltano` program of this Python environment."""
        return Path(sys.executable).with_name("meltano")

    @cached_property
    def settings(self) -> dict[str, frozenset[str]]:
        """The names of each plugin's settings.

        Raises:
            PluginError: If a plugin is not in the project.
        """
        return {name: frozenset(setting["name"] for setting in self._find_plugin(name)["settings"]) for name in KINDS}

    @cached_property
    def namespaces(self) -> dict[str, str]:
        """The lower-case prefix of each plugin's environment variables."""
        return {name: self._find_plugin(name)["namespace"] for name in KINDS}

    def link_plugins(self, folder: Path) -> None:
        """Link the project's plugins into a company's system folder.

        Each company needs one of its own: runs in the same system folder would share state and catalog files
        (Meltano 4.4).

        Raises:
            PluginError: If a plugin is not installed, or the folder cannot be made.
        """
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
                raise PluginError(f"cannot create {link}: {error.strerror}") from error

    def _find_plugin(self, name: str) -> dict[str, Any]:
        for plugin in self._plugins(KINDS[name]):
            if plugin["name"] == name:
                return plugin
        raise PluginError(f"{self.folder / 'meltano.yml'} has no plugin {name}")

    def _plugins(self, kind: str) -> Iterator[dict[str, Any]]:
        yield from (self._content.get("plugins") or {}).get(kind) or ()
