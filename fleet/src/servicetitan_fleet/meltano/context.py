"""Settings that the Meltano processes of all companies share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.meltano.process import Starter, start_process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servicetitan_fleet.meltano.project import MeltanoProject
    from servicetitan_fleet.registry.secrets import SecretResolver


@dataclass(frozen=True, kw_only=True)
class Reread:
    """What a run reads again, and nothing else.

    Attributes:
        streams: The streams.
        since: The tap's setting `reread_from`: a day, or `start`.
    """

    streams: tuple[str, ...]
    since: str = "start"


@dataclass(frozen=True, kw_only=True)
class MeltanoContext:
    """Settings that the Meltano processes of all companies share.

    Attributes:
        project: The Meltano project.
        environment_name: The Meltano environment: `dev`, `qua` or `pro`.
        variables: Environment variables of this process.
        resolver: Reads the companies' secrets.
        system_root: Folder in which each company gets a system folder of its own.
        state_uri: Meltano's state backend. Empty: the default, which is the company's system folder.
        dry_run: Whether the target only reports what it would do.
        adopt: Streams whose tables the target may take over with rows that it did not write.
        allow_mass_delete: Streams of which the target may mark any number of rows deleted.
        reread: What to read again. None for a run as usual.
        runs_pairs: Whether the fleet runs the tap and the target itself, instead of Meltano.
        start: Starts the Meltano processes.
    """

    project: MeltanoProject
    environment_name: str
    variables: Mapping[str, str]
    resolver: SecretResolver
    system_root: Path
    state_uri: str = ""
    dry_run: bool = False
    adopt: tuple[str, ...] = ()
    allow_mass_delete: tuple[str, ...] = ()
    reread: Reread | None = None
    runs_pairs: bool = False
    start: Starter = start_process

    @property
    def is_recorded(self) -> bool:
        """Whether the company's record says how a run ended: not for one that changes nothing, or reads only a part."""
        return not self.dry_run and self.reread is None


@dataclass(frozen=True, kw_only=True)
class RunOwners:
    """Who starts a company's run, and who is known to run it no more. The target's lease names the owner of its run.

    Attributes:
        own: Id of the claim for which this run is started.
        dead: Ids of earlier claims whose processes have ended.
    """

    own: str
    dead: tuple[str, ...] = ()
