"""What the installed plugins say of themselves, without settings, secrets or network: settings and streams."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from typing import TYPE_CHECKING, Any

from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TIMEOUT_SECONDS = 120.0
_VARIABLES = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")


class PluginFacts:
    """Asks the plugins, each question once. Safe to call from several threads."""

    def __init__(self, find_executable: Callable[[str], Path]) -> None:
        """Name the way to a plugin's program.

        Args:
            find_executable: Returns the program of a plugin.
        """
        self._find_executable = find_executable
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, ...], Any] = {}

    def settings(self, plugin: str) -> dict[str, Any]:
        """Return the JSON Schema of a plugin's settings.

        Raises:
            PluginError: If the plugin does not say.
        """
        schema: dict[str, Any] = self._ask(plugin, "--about", "--format=json")["settings"]
        return schema

    def streams(self, tap: str) -> frozenset[str]:
        """Return the names of a tap's own streams: those that need no settings to exist.

        Raises:
            PluginError: If the tap does not say.
        """
        return frozenset(stream["tap_stream_id"] for stream in self._ask(tap, "--discover")["streams"])

    def _ask(self, plugin: str, *arguments: str) -> Any:  # noqa: ANN401 - any JSON
        with self._lock:
            key = (plugin, *arguments)
            if key not in self._answers:
                self._answers[key] = self._run(plugin, arguments)
            answer = self._answers[key]
        if isinstance(answer, PluginError):
            raise answer
        return answer

    def _run(self, plugin: str, arguments: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
        """Return a plugin's answer, or the error, so that it is not asked again for every company."""
        environment = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
        question = f"{plugin} {' '.join(arguments)}"
        try:
            done = subprocess.run(  # noqa: S603 - a program of the project
                [self._find_executable(plugin), *arguments],
                env=environment,
                capture_output=True,
                timeout=_TIMEOUT_SECONDS,
                check=True,
                stdin=subprocess.DEVNULL,
            )
            return json.loads(done.stdout)
        except OSError as error:
            return PluginError(f"cannot start {plugin}: {error.strerror}: run `meltano install`")
        except subprocess.TimeoutExpired:
            return PluginError(f"`{question}` did not end within {_TIMEOUT_SECONDS:g} seconds")
        except subprocess.CalledProcessError as error:
            return PluginError(f"`{question}` exited with code {error.returncode}")
        except ValueError:
            return PluginError(f"`{question}` printed no JSON")
