"""Runs Meltano for one company: with that company's settings and secrets, and in its own system folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.meltano.environment import child_environment
from servicetitan_fleet.meltano.process import run_child
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from servicetitan_fleet.meltano.process import ChildEnd
    from servicetitan_fleet.meltano.project import MeltanoProject
    from servicetitan_fleet.registry.company import Company


@dataclass(frozen=True, kw_only=True)
class CompanyMeltano:
    """Meltano, as one company has it.

    Attributes:
        company: The company.
        secrets: Its secrets, by the name of the tap's setting.
        project: The Meltano project.
        meltano_environment: Its environment: `dev`, `qua` or `pro`.
        outer: The environment of this process.
        system_root: Folder of the companies' system folders.
        dry_run: Whether the target only says what it would do.
    """

    company: Company
    secrets: Mapping[str, str]
    project: MeltanoProject
    meltano_environment: str
    outer: Mapping[str, str]
    system_root: Path
    dry_run: bool = False

    def run(
        self,
        arguments: Sequence[str],
        *,
        on_line: Callable[[bytes], None],
        stop: Callable[[], bool],
        timeout_seconds: float,
        more: Mapping[str, str] | None = None,
    ) -> ChildEnd:
        """Run a command of Meltano and return how it ended.

        Args:
            arguments: The command.
            on_line: Takes a line of output.
            stop: Asked again and again; ends the process when it says so.
            timeout_seconds: Ends the process when it takes longer.
            more: Variables besides those of the company.

        Raises:
            PluginError: If the registry gives a wrong setting, or the process cannot be started.
        """
        system_folder = self.project.system_folder(self.system_root, self.company.company_id)
        environment = child_environment(
            self.company, self.secrets, self.project, self.outer, system_folder, dry_run=self.dry_run
        )
        command: list[str | Path] = [
            self.project.executable,
            # A file for the developer of one pipeline: its settings are not this company's.
            "--env-file",
            os.devnull,
            "--environment",
            self.meltano_environment,
            *arguments,
        ]
        try:
            return run_child(
                command,
                folder=self.project.folder,
                environment=environment | dict(more or {}),
                on_line=on_line,
                stop=stop,
                timeout_seconds=timeout_seconds,
            )
        except OSError as error:
            raise PluginError(f"{self.company.company_id}: cannot start {command[0]}: {error.strerror}") from error
