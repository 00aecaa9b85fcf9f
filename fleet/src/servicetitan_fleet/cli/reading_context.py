"""What the commands share that run the companies' taps only to ask: `check` and `verify`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from servicetitan_fleet.meltano.context import MeltanoContext
from servicetitan_fleet.meltano.environment import shared_variables
from servicetitan_fleet.meltano.process import start_process
from servicetitan_fleet.meltano.project import TAP, MeltanoProject
from servicetitan_fleet.meltano.system_folder import clean_up_checks
from servicetitan_fleet.meltano.warm_start import LEAST_COMPANIES, WarmMeltano
from servicetitan_fleet.registry.secrets import SecretResolver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicetitan_fleet.meltano.process import Starter
    from servicetitan_fleet.registry.company import Company


def make_reading_context(companies: Sequence[Company], project_folder: Path, environment: str) -> MeltanoContext:
    """Make the context of Meltano processes that only read, with system folders that are removed after each.

    Args:
        companies: The companies that it is for.
        project_folder: The Meltano project.
        environment: The Meltano environment.
    """
    project = MeltanoProject(project_folder)
    context = MeltanoContext(
        project=project,
        environment_name=environment,
        variables=os.environ,
        resolver=SecretResolver(),
        system_root=Path(tempfile.gettempdir()),
        start=_starter(companies, project),
    )
    clean_up_checks(context.system_root)
    return context


def _starter(companies: Sequence[Company], project: MeltanoProject) -> Starter:
    """Return how taps are started: with libraries that are loaded once, if several companies are to use them."""
    if len(companies) < LEAST_COMPANIES:
        return start_process
    plugins = {TAP: project.find_program(TAP)}
    return click.get_current_context().with_resource(WarmMeltano(shared_variables(os.environ), plugins)).start
