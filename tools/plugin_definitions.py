"""Writes the definitions of the plugins that `meltano add --from-ref` and the Meltano Hub read.

They follow from what the plugins say about themselves (`--about`), from the streams that the tap reads by default, and
from the address of the repository.

Usage: tools/plugin_definitions.py           write them
       tools/plugin_definitions.py --check   say which are out of date, and end with 1 if any is
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

import package_metadata
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.tap import TapServiceTitan
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.plugin_base import PluginBase

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "meltano"

HUB_CAPABILITIES = {
    "tap": {"about", "activate-version", "batch", "catalog", "discover", "log-based", "properties", "schema-flattening"}
    | {"state", "stream-maps", "structured-logging", "test"},
    "target": {"about", "activate-version", "batch", "datatype-failsafe", "hard-delete", "schema-flattening"}
    | {"soft-delete", "stream-maps", "target-schema", "validate-records"},
}
"""The capabilities that the Hub knows of taps and of targets (`schemas/common` in its repository)."""

SHOWN: dict[type[PluginBase], dict[str, Any]] = {
    TapServiceTitan: {
        "label": "ServiceTitan",
        "domain_url": "https://developer.servicetitan.io/",
        "keywords": ["api", "meltano_sdk", "field service"],
        "select": sorted(f"{spec.name}.*" for spec in STREAMS if spec.selected),
    },
    TargetBigQuerySoftDelete: {
        "label": "BigQuery with soft deletes",
        "domain_url": "https://cloud.google.com/bigquery",
        "keywords": ["database", "meltano_sdk", "soft delete"],
        "dialect": "bigquery",
    },
}
"""What people see of a plugin, which it does not say about itself."""

HEAD = "# Written by tools/plugin_definitions.py: docs/how-to/use-in-your-project.md says how to use it.\n"


def schema_of(plugin: type[PluginBase]) -> dict[str, Any]:
    """Return the JSON Schema of a plugin's settings, the SDK's among them."""
    schema: dict[str, Any] = plugin.config_jsonschema
    plugin.append_builtin_config(schema)
    return schema


def definition(plugin: type[PluginBase], project: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a plugin.

    Args:
        plugin: The class of the plugin.
        project: The `[project]` table of the workspace.
    """
    address = package_metadata.repository(project)
    name = plugin.name
    schema = schema_of(plugin)
    known = HUB_CAPABILITIES[name.partition("-")[0]]
    return {
        "name": name,
        "variant": address.split("/")[-2],
        "namespace": name.replace("-", "_"),
        "description": (plugin.__doc__ or "").splitlines()[0],
        "repo": address,
        "docs": f"{address}/blob/main/{name}/README.md",
        "pip_url": f"git+{address}@v{project['version']}#subdirectory={name}",
        "executable": name,
        "maintenance_status": "active",
        "quality": "unknown",  # the Hub's own verdict
        "capabilities": sorted({str(capability) for capability in plugin.capabilities} & known),
        **SHOWN[plugin],
        "settings_group_validation": [list(schema["required"])],
        "settings": [setting(name, values) for name, values in schema["properties"].items()],
    }


def setting(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a setting.

    It has no value, so that the plugin's own default counts, also that of a later version.

    Args:
        name: Its name.
        values: Its JSON Schema.
    """
    text = " ".join(values["description"].split())
    if values.get("default") not in (None, [], {}):
        text += f" Default: {json.dumps(values['default'])}."
    choices = [choice for choice in values.get("enum", ()) if choice is not None]
    return {
        "name": name,
        "label": values.get("title") or name.replace("_", " ").capitalize(),
        "description": text,
        **kind(values, choices),
        **({"sensitive": True} if values.get("secret") else {}),
        **({"options": [{"label": choice, "value": choice} for choice in choices]} if choices else {}),
    }


def kind(values: Mapping[str, Any], choices: list[str]) -> dict[str, str]:
    """Return the kind of a setting. A number has none: Meltano fails on a `decimal` from the environment."""
    if choices:
        return {"kind": "options"}
    (json_type,) = {values["type"]} if isinstance(values["type"], str) else {*values["type"]} - {"null"}
    return {} if json_type == "number" else {"kind": json_type}


def texts() -> dict[Path, str]:
    """Return the path and the content of each definition."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=2, offset=0)
    yaml.width = 4096  # a line for each text
    project = package_metadata.workspace()
    written = {}
    for plugin in SHOWN:
        stream = io.StringIO(HEAD)
        stream.seek(0, io.SEEK_END)
        yaml.dump(definition(plugin, project), stream)
        written[FOLDER / f"{plugin.name}.yml"] = stream.getvalue()
    return written


def main(arguments: list[str]) -> int:
    """Run the tool and return its exit code."""
    stale = {path: text for path, text in texts().items() if not path.exists() or path.read_text("utf-8") != text}
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run tools/plugin_definitions.py")
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
