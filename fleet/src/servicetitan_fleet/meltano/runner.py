"""Runs Meltano commands for one company, with its settings and secrets, in its own system folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.meltano import pair_command
from servicetitan_fleet.meltano.dead_runs import end_dead_runs
from servicetitan_fleet.meltano.environment import process_environment
from servicetitan_fleet.meltano.process import run_process
from servicetitan_fleet.meltano.reading_time import most_read_seconds
from servicetitan_fleet.meltano.system_folder import hold_folder
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from servicetitan_fleet.meltano.context import MeltanoContext, RunOwners
    from servicetitan_fleet.meltano.process import ProcessExit
    from servicetitan_fleet.registry.company import Company


@dataclass(frozen=True, kw_only=True)
class CompanyMeltano:
    """Meltano with the settings and secrets of one company.

    Attributes:
        company: The company.
        secrets: Its secrets, by the name of the tap's setting.
        context: Settings that all companies share.
        owners: Whose run this is, and whose runs of the company are known to be dead. None for a check.
    """

    company: Company
    secrets: Mapping[str, str]
    context: MeltanoContext
    owners: RunOwners | None = None

    def run(
        self,
        arguments: Sequence[str],
        *,
        on_line: Callable[[bytes], None],
        should_stop: Callable[[], bool],
        timeout_seconds: float,
    ) -> ProcessExit:
        """Run a Meltano command and wait for its end.

        Args:
            arguments: The command and its options: those that `pair_command.py` has, where the fleet runs pairs itself.
            on_line: Called with each line of output.
            should_stop: Polled; the process is terminated when it returns true.
            timeout_seconds: The process is terminated when it takes longer. The tap of a run stops reading before that.

        Raises:
            PluginError: If the registry has an invalid setting, another run is alive in the company's system folder, or
                the process cannot be started.
        """
        project = self.context.project
        system_folder = self.context.system_root / self.company.company_id
        command: list[str | Path] = [
            *(pair_command.COMMAND if self.context.runs_pairs else [project.executable]),
            # The project's .env file is for developers of a single pipeline: its settings are not this company's.
            "--env-file",
            os.devnull,
            "--environment",
            self.context.environment_name,
            *arguments,
        ]
        environment = process_environment(
            self.company,
            self.secrets,
            self.context,
            system_folder,
            self.owners,
            most_read_seconds=most_read_seconds(timeout_seconds) if arguments[0] == pair_command.RUN else None,
        )
        with hold_folder(system_folder) as lock:
            project.link_plugins(system_folder)
            end_dead_runs(system_folder)
            try:
                return run_process(
                    command,
                    folder=project.folder,
                    environment=environment,
                    on_line=on_line,
                    should_stop=should_stop,
                    timeout_seconds=timeout_seconds,
                    inherited=(lock,),
                    start=self.context.start,
                )
            except OSError as error:
                raise PluginError(f"{self.company.company_id}: cannot start {command[0]}: {error.strerror}") from error
