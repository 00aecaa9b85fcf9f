"""The command group `orchestrate-etl`."""

from __future__ import annotations

from importlib import import_module

import click

from servicetitan_fleet.plugin_runtime.compat import override

_NAMES = (
    *("run", "resync", "plan", "status", "report", "dashboard"),
    *("check", "verify", "add-company", "notify", "group-views"),
)


class _LazyGroup(click.Group):
    """A group of commands, each in a module of its own, which is loaded when the command is asked for.

    So `plan` does not wait for the libraries of `report` and of Meltano.
    """

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load(*_NAMES)
        return super().list_commands(ctx)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # Click compares a name that it does not know with those of all commands.
        self._load(*([cmd_name] if cmd_name in _NAMES else _NAMES))
        return super().get_command(ctx, cmd_name)

    def _load(self, *names: str) -> None:
        for name in names:
            function = name.replace("-", "_")
            self.add_command(getattr(import_module(f"{__package__}.{function}"), function))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="servicetitan-fleet")
def orchestrate_etl() -> None:
    """Sync ServiceTitan to BigQuery for a fleet of companies, each into its own project."""
