"""A company's tap and target, the state from which they go on, and the pipe between them."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import structlog
from meltano.core.block.extract_load import ELBContext, generate_state_id
from meltano.core.job.job import Job
from meltano.core.plugin.base import PluginType
from meltano.core.plugin_invoker import invoker_factory
from meltano.core.state_service import StateService

from servicetitan_fleet.meltano.pipe import Pipe, PipeExit
from servicetitan_fleet.meltano.plugin_preparation import prepare
from servicetitan_fleet.meltano.resolved_settings import ResolvedSettings
from servicetitan_fleet.meltano.state_keeper import StateKeeper

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from uuid import UUID

    from meltano.core.block.ioblock import IOBlock
    from meltano.core.project import Project

    from servicetitan_fleet.meltano.pipe import StartPlugin

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Named:
    """What Meltano makes a part of a state's id of."""

    string_id: str


class Pair:
    """A tap and a target with the settings of this process's environment."""

    def __init__(self, project: Project, options: argparse.Namespace, run_id: UUID, start: StartPlugin) -> None:
        """Take what to run.

        Args:
            project: The project, with its environment.
            options: The command line.
            run_id: Id of the run.
            start: Starts the plugins.
        """
        self._project = project
        names = {PluginType.EXTRACTORS: options.tap, PluginType.LOADERS: options.target}
        self._start = start
        self._context = ELBContext(
            project=project,
            full_refresh=options.full_refresh,
            update_state=not options.no_state_update,
            state_id_suffix=options.state_id_suffix,
            run_id=run_id,
        )
        if self._context.update_state:
            head, tail = (cast("IOBlock", _Named(name)) for name in names.values())
            state_id = generate_state_id(project, options.state_id_suffix, head, tail)
            self._context.job = Job(job_name=state_id, run_id=run_id)
            logger.info("Running job with name '%s' and run ID '%s'", state_id, run_id)
        # As in Meltano, settings of the target may refer to those of the tap.
        variables: dict[str, str] = {}
        self._invokers = []
        for plugin_type, name in names.items():
            plugin = project.plugins.find_plugin(name, plugin_type=plugin_type)
            settings = ResolvedSettings(project, plugin, env_override=variables.copy())
            self._invokers.append(
                invoker_factory(project, plugin, context=self._context, plugin_settings_service=settings)
            )
            variables |= plugin.info_env | settings.as_env()

    async def run(self) -> int:
        """Run both until they have ended. Return 0, or 1 if one failed: the log says so."""
        end = await self._run()
        failed = [name for name, code in (("extractor", end.tap), ("loader", end.target)) if code]
        if failed:
            logger.error(f"{' and '.join(failed)} failed".capitalize(), exit_codes=[end.tap, end.target])
        return 1 if failed else 0

    async def _run(self) -> PipeExit:
        tap, target = self._invokers
        keeper = self._make_keeper()
        async with contextlib.AsyncExitStack() as prepared:
            with Pipe(self._start) as pipe:
                pipe.start_tap(await prepare(tap, prepared))
                pipe.start_target(await prepare(target, prepared), keeper.save if keeper else _drop)
                with _handle_end(pipe, keeper):
                    return pipe.wait()

    def _make_keeper(self) -> StateKeeper | None:
        if not self._context.job:
            return None
        service = StateService(self._project)
        return StateKeeper(service, self._context.job.job_name, is_merged=self._context.should_merge_states())


@contextlib.contextmanager
def _handle_end(pipe: Pipe, keeper: StateKeeper | None) -> Iterator[None]:
    """When the company is ended, save no more, and let the plugins end: the whole process group hears of it."""

    def end(*_: object) -> None:
        pipe.stop()
        if keeper:
            keeper.stop()

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _drop(_: str) -> None:
    """Do nothing with a state."""
