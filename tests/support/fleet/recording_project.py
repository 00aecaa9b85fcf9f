"""A Meltano project whose plugins record what they are given."""

from __future__ import annotations

import sys
from pathlib import Path

from ruamel.yaml import YAML

from servicetitan_fleet.meltano.project import KINDS, TAP, TARGET
from support.fleet import recording_plugin

_ROOT = Path(__file__).parents[3]


def make_recording_project(project: Path) -> None:
    """Make the project in a new folder."""
    project.mkdir()
    content = YAML(typ="safe").load((_ROOT / "meltano.yml").read_text())
    for plugin, kind, name in ((TAP, KINDS[TAP], "tap"), (TARGET, KINDS[TARGET], "target")):
        program = project / f"{name}.sh"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {recording_plugin.__file__} {name} "$@"\n')
        program.chmod(0o700)
        (entry,) = (entry for entry in content["plugins"][kind] if entry["name"] == plugin)
        del entry["pip_url"]
        entry["executable"] = f"./{name}.sh"
        (project / ".meltano" / kind / plugin).mkdir(parents=True)
    # What a company's owner might add: a variable, another one by reference, and what differs by environment.
    content["env"] = {"OF_ALL": "of all"}
    content["plugins"]["extractors"][0]["env"] = {"OF_TAP": "of the tap"}
    content["plugins"]["loaders"][0]["config"]["labels"] = {"namespace": "$MELTANO_EXTRACTOR_NAMESPACE"}
    for environment in content["environments"]:
        environment["env"] = {"OF_THIS": f"of {environment['name']}"}
    with (project / "meltano.yml").open("w") as file:
        YAML().dump(content, file)
    (project / ".env").write_text("SERVICETITAN_START_DATE=2020-01-01\n")  # a developer's, which must not count
