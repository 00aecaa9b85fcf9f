"""Settings that are declared as a struct: their JSON Schema, their values, and the secrets among them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest

from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.settings_schema import (
    DeclaredSettings,
    json_schema,
    read_settings,
    secret_names,
    setting,
)


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """A struct inside a setting."""

    fields: list[str]
    limit: Annotated[int, setting(ge=1)] | None = None


class Settings(DeclaredSettings, kw_only=True, frozen=True):
    """A setting of each kind."""

    project: Annotated[str, setting("Where.", title="Project", pattern="^co-")]
    password: Annotated[str, setting("Hidden.", min_length=1, secret=True)] | None = None
    mode: Annotated[Literal["warn", "extra"], setting("Which.")] = "warn"
    share: Annotated[float, setting(ge=0, le=1)] = 0.5
    quick: bool = False
    names: list[Annotated[str, setting(min_length=1)]] = msgspec.field(default_factory=list)
    labels: dict[str, str] | None = None
    anything: dict[str, Any] | None = None
    rules: list[Rule] | None = None


def test_the_schema_has_the_form_that_the_sdk_gives_to_its_own() -> None:
    rule = {
        "type": "object",
        "properties": {
            "fields": {"type": "array", "items": {"type": ["string"]}},
            "limit": {"type": ["integer", "null"], "minimum": 1},
        },
        "required": ["fields"],
        "additionalProperties": False,
    }
    assert json_schema(Settings) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "project": {"type": ["string"], "pattern": "^co-", "title": "Project", "description": "Where."},
            "password": {
                "type": ["string", "null"],
                "minLength": 1,
                "description": "Hidden.",
                "secret": True,
                "writeOnly": True,
            },
            "mode": {
                "type": ["string", "null"],
                "enum": ["warn", "extra"],
                "default": "warn",
                "description": "Which.",
            },
            "share": {"type": ["number", "null"], "minimum": 0, "maximum": 1, "default": 0.5},
            "quick": {"type": ["boolean", "null"], "default": False},
            "names": {"type": ["array", "null"], "items": {"type": ["string"], "minLength": 1}, "default": []},
            "labels": {"type": ["object", "null"], "properties": {}, "additionalProperties": {"type": ["string"]}},
            "anything": {"type": ["object", "null"], "properties": {}, "additionalProperties": True},
            "rules": {"type": ["array", "null"], "items": rule},
        },
        "required": ["project"],
    }


def test_values_are_typed_and_the_sdk_s_own_settings_are_left_alone() -> None:
    read = read_settings(Settings, {"project": "co-1", "rules": [{"fields": ["a"]}], "stream_maps": {}})
    assert read == Settings(project="co-1", rules=[Rule(["a"])])


def test_a_value_that_no_schema_has_let_through_is_one_line() -> None:
    with pytest.raises(PluginError, match=r"the settings cannot be read: .*share"):
        read_settings(Settings, {"project": "co-1", "share": "half"})


def test_secrets_are_known_by_the_schema_and_do_not_show() -> None:
    assert secret_names(json_schema(Settings)) == ["password"]
    shown = repr(Settings(project="co-1", password="hunter2"))
    assert "hunter2" not in shown
    assert "project='co-1', password='***', mode='warn'" in shown


def test_a_type_that_no_setting_can_have() -> None:
    class Wrong(DeclaredSettings, frozen=True):
        when: bytes

    with pytest.raises(TypeError, match="a setting cannot be of type <class 'bytes'>"):
        json_schema(Wrong)
