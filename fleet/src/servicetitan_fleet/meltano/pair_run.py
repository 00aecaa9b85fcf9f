"""Runs a company's tap and target as `meltano run` does, without Meltano between the two.

Meltano resolves the settings, the selection, the catalog and the state, with its own code and in its own order; so
environments, `meltano.yml`, variables and the state backend mean what they always mean. But its pipe, its database and
its job are left out: the tap writes straight into the target, and the fleet itself makes sure that a company runs once.
`pair_command.py` has the command line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import meltano.cli  # noqa: F401 - it sets the log up when it is loaded, which must not come after our own setting
import structlog
from meltano.core.block.extract_load import ELBContext, generate_state_id
from meltano.core.job.job import Job
from meltano.core.logging import OutputLogger, setup_logging
from meltano.core.plugin.base import PluginType
from meltano.core.plugin.factory import base_plugin_classes
from meltano.core.plugin_invoker import invoker_factory
from meltano.core.project import Project
from meltano.core.runner import RunnerError
from meltano.core.state_service import StateService
from meltano.core.utils import new_run_id

from servicetitan_fleet.meltano import pair_command
from servicetitan_fleet.meltano.pair_catalog import PairTap
from servicetitan_fleet.meltano.pipe import Pipe, PipeExit, PluginCommand
from servicetitan_fleet.meltano.plugin_start import PluginStarter
from servicetitan_fleet.meltano.resolved_settings import ResolvedSettings
from servicetitan_fleet.meltano.state_keeper import StateKeeper
from servicetitan_fleet.meltano.warm_server import PLUGIN_OPTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from meltano.core.block.ioblock import IOBlock
    from meltano.core.plugin_invoker import PluginInvoker
    from sqlalchemy.orm import Session

    from servicetitan_fleet.meltano.pipe import StartPlugin

logger = structlog.get_logger(__name__)


def main() -> NoReturn:
    """Run a pair and exit with its code: 0, or 1 if it failed."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(pair_command.NAME)  # its name in `ps` and `top`
    sys.exit(run(_parse(sys.argv[1:])))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line: that of `meltano run`, as far as the fleet uses it."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--env-file", type=Path, required=True)
    parser.add_argument("--environment", required=True)
    parser.add_argument(PLUGIN_OPTION, dest="servers", action="append", default=[])
    run_parser = parser.add_subparsers(required=True).add_parser("run", allow_abbrev=False)
    run_parser.add_argument("--state-id-suffix", required=True)
    run_parser.add_argument("--full-refresh", action="store_true")
    run_parser.add_argument("--no-state-update", action="store_true")
    run_parser.add_argument("tap")
    run_parser.add_argument("target")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Run a pair. Return 0, or 1 if it failed: the log says why."""
    run_id = new_run_id()
    start = PluginStarter(options.servers).start
    tap_class = PairTap.with_start(start)
    base_plugin_classes[PluginType.EXTRACTORS] = lambda: tap_class
    structlog.contextvars.bind_contextvars(run_id=str(run_id))
    try:
        project = Project.find(dotenv_file=options.env_file)
        setup_logging(project)
        project.activate_environment(options.environment)
        end = asyncio.run(_Pair(project, options, run_id, start).run())
    except Exception as error:  # noqa: BLE001 - whatever it is, the last line must say it
        logger.error(str(error) or type(error).__name__)  # noqa: TRY400 - only this line is shown
        return 1
    failed = [name for name, code in (("extractor", end.tap), ("loader", end.target)) if code]
    if failed:
        logger.error(f"{' and '.join(failed)} failed".capitalize(), exit_codes=[end.tap, end.target])
    return 1 if failed else 0


@dataclass(frozen=True)
class _Named:
    """What Meltano makes a part of a state's id of."""

    string_id: str


class _Pair:
    """A tap and a target with the settings of this process's environment."""

    def __init__(self, project: Project, options: argparse.Namespace, run_id: UUID, start: StartPlugin) -> None:
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

    async def run(self) -> PipeExit:
        """Run both until they have ended."""
        tap, target = self._invokers
        keeper = self._make_keeper()
        async with contextlib.AsyncExitStack() as prepared:
            with Pipe(self._start) as pipe:
                pipe.start_tap(await self._prepare(tap, prepared))
                pipe.start_target(await self._prepare(target, prepared), keeper.save if keeper else _drop)
                with _handle_end(pipe, keeper):
                    return pipe.wait()

    def _make_keeper(self) -> StateKeeper | None:
        if not self._context.job:
            return None
        service = StateService(self._project)
        return StateKeeper(service, self._context.job.job_name, is_merged=self._context.should_merge_states())

    async def _prepare(self, invoker: PluginInvoker, prepared: contextlib.AsyncExitStack) -> PluginCommand:
        """Write a plugin's settings, catalog and state, and return its command.

        Args:
            invoker: The plugin.
            prepared: At its end the settings are removed.
        """
        name = invoker.plugin.name
        prepared.push_async_callback(_clean_up, invoker)
        await invoker.prepare(cast("Session", None))  # there is no database to look for settings in
        try:
            await prepared.enter_async_context(invoker.plugin.trigger_hooks("invoke", invoker, ()))
            arguments = invoker.exec_args()
        except Exception as error:
            raise RunnerError(f"Cannot start plugin {name}: {error}") from error
        log = OutputLogger("").out(
            name, invoker.stderr_logger.bind(string_id=name), log_parser=invoker.get_log_parser()
        )
        return PluginCommand(name=name, arguments=arguments, environment=invoker.env(), on_log_line=log.writeline)


async def _clean_up(invoker: PluginInvoker) -> None:
    with contextlib.suppress(FileNotFoundError):
        await invoker.cleanup()


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


if __name__ == "__main__":
    main()
