"""A company's tap that is asked something, as `meltano invoke` does it: with its settings and options of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from typing import TYPE_CHECKING

from meltano.cli.invoke import _LogOutputHandler  # Meltano's own, so that the lines are the same
from meltano.core.plugin.base import PluginType
from meltano.core.plugin_invoker import invoker_factory

from servicetitan_fleet.meltano.pipe import run_alone
from servicetitan_fleet.meltano.plugin_preparation import prepare
from servicetitan_fleet.meltano.resolved_settings import ResolvedSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meltano.core.project import Project

    from servicetitan_fleet.meltano.pipe import StartPlugin


class AskedTap:
    """A tap with the settings of this process's environment."""

    def __init__(self, project: Project, name: str, start: StartPlugin) -> None:
        """Take the tap.

        Args:
            project: The project, with its environment.
            name: The tap's name.
            start: Starts it.
        """
        self._start = start
        plugin = project.plugins.find_plugin(name, plugin_type=PluginType.EXTRACTORS)
        settings = ResolvedSettings(project, plugin)
        self._invoker = invoker_factory(project, plugin, plugin_settings_service=settings)

    async def run(self, options: Sequence[str], *, has_catalog: bool) -> int:
        """Run it until it has ended, and return its exit code. What it writes goes to this process's output.

        Args:
            options: Its options.
            has_catalog: Whether it gets its catalog with the selection.
        """
        tap = self._invoker
        async with contextlib.AsyncExitStack() as prepared:
            command = await prepare(tap, prepared, failure="Could not dump catalog", is_bare=not has_catalog)
            log: Callable[..., _LogOutputHandler] = _LogOutputHandler
            logger = tap.stderr_logger.bind(stdio="stderr", cmd_type="command")
            asked = dataclasses.replace(
                command,
                arguments=[*command.arguments, *options],
                on_log_line=log(logger, log_parser=tap.get_log_parser()).writeline,
            )
            return run_alone(self._start, asked, sys.stdout.fileno())
