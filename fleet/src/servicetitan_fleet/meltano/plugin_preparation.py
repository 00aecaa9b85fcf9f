"""Prepares a plugin as Meltano does before it starts one: its settings, its catalog and its state."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

from meltano.core.logging import OutputLogger
from meltano.core.runner import RunnerError

from servicetitan_fleet.meltano.pipe import PluginCommand

if TYPE_CHECKING:
    from meltano.core.plugin_invoker import PluginInvoker
    from sqlalchemy.orm import Session


_SOME_ARGUMENTS = ("--anything",)
"""Meltano makes a catalog and a state for a tap that is started without arguments: only then does it read."""


async def prepare(
    invoker: PluginInvoker,
    prepared: contextlib.AsyncExitStack,
    *,
    failure: str = "Cannot start plugin {name}",
    is_bare: bool = False,
) -> PluginCommand:
    """Write a plugin's settings, catalog and state, and return its command.

    Args:
        invoker: The plugin.
        prepared: At its end the settings are removed.
        failure: What an error says first, with `{name}` for that of the plugin.
        is_bare: Whether it gets neither a catalog nor a state, as with other arguments than those of a run.

    Raises:
        RunnerError: If its catalog or its state cannot be made.
    """
    name = invoker.plugin.name
    arguments = _SOME_ARGUMENTS if is_bare else ()
    prepared.push_async_callback(_clean_up, invoker)
    await invoker.prepare(cast("Session", None))  # there is no database to look for settings in
    try:
        await prepared.enter_async_context(invoker.plugin.trigger_hooks("invoke", invoker, arguments))
        command = invoker.exec_args()
    except Exception as error:
        raise RunnerError(f"{failure.format(name=name)}: {error}") from error
    log = OutputLogger("").out(name, invoker.stderr_logger.bind(string_id=name), log_parser=invoker.get_log_parser())
    return PluginCommand(name=name, arguments=command, environment=invoker.env(), on_log_line=log.writeline)


async def _clean_up(invoker: PluginInvoker) -> None:
    with contextlib.suppress(FileNotFoundError):
        await invoker.cleanup()
