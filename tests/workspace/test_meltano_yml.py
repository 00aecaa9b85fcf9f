"""`meltano.yml` is valid, and agrees with the plugins."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.tap import TapServiceTitan
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    from singer_sdk.plugin_base import PluginBase

PROJECT = YAML(typ="safe").load(Path(__file__).parents[2] / "meltano.yml")

PLUGINS = [
    pytest.param(PROJECT["plugins"]["extractors"][0], TapServiceTitan, id="tap"),
    pytest.param(PROJECT["plugins"]["loaders"][0], TargetBigQuerySoftDelete, id="target"),
]


def test_it_follows_meltanos_own_schema() -> None:
    schema = json.loads((files("meltano") / "schemas" / "meltano.schema.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(PROJECT)] == []


@pytest.mark.parametrize(("declared", "plugin"), PLUGINS)
def test_its_settings_are_those_of_the_plugin(declared: dict[str, Any], plugin: type[PluginBase]) -> None:
    schema = plugin.config_jsonschema
    plugin.append_builtin_config(schema)
    assert {setting.pop("name"): setting for setting in map(dict, declared["settings"])} == {
        name: expected(setting) for name, setting in schema["properties"].items()
    }


@pytest.mark.parametrize(("declared", "plugin"), PLUGINS)
def test_it_runs_the_plugin_under_its_own_name(declared: dict[str, Any], plugin: type[PluginBase]) -> None:
    assert declared["name"] == declared["executable"] == plugin.name
    assert f"-e ./{plugin.name}" in declared["pip_url"]


def test_it_selects_the_default_streams_of_the_tap() -> None:
    assert PROJECT["plugins"]["extractors"][0]["select"] == sorted(
        f"{spec.name}.*" for spec in STREAMS if spec.selected
    )


def test_the_scheduled_job_runs_the_pair() -> None:
    jobs = {job["name"]: job["tasks"] for job in PROJECT["jobs"]}
    (schedule,) = PROJECT["schedules"]
    assert jobs[schedule["job"]] == ["tap-servicetitan target-bigquery-softdelete"]
    assert schedule["interval"] == "0 */6 * * *"


def expected(setting: dict[str, Any]) -> dict[str, Any]:
    """Return the definition of a setting that `meltano.yml` must have, without its name."""
    sensitive = {"sensitive": True} if setting.get("secret") else {}
    kind = meltano_kind(setting)
    return ({"kind": kind} if kind else {}) | sensitive


def meltano_kind(setting: dict[str, Any]) -> str | None:
    (json_type,) = {setting["type"]} if isinstance(setting["type"], str) else {*setting["type"]} - {"null"}
    # A value of kind `decimal` from the environment makes Meltano fail, so numbers have no kind.
    return {"number": None}.get(json_type, json_type)
