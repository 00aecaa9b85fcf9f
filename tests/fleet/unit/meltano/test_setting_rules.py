"""Values of settings against what the plugins say of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from servicetitan_fleet.meltano.setting_rules import find_setting_problems
from tap_servicetitan.plugin_runtime.settings_schema import json_schema as tap_schema
from tap_servicetitan.settings import Settings as TapSettings
from target_bigquery_softdelete.config.settings import Settings as TargetSettings
from target_bigquery_softdelete.plugin_runtime.settings_schema import json_schema as target_schema

ABOUT = Path(__file__).parents[3] / "workspace/about"
RULES: dict[str, Any] = {}
for path in ABOUT.glob("*.json"):
    RULES |= json.loads(path.read_text(encoding="utf-8"))["properties"]
# Only the plugins themselves say in words what a pattern demands.
RULES |= tap_schema(TapSettings)["properties"] | target_schema(TargetSettings)["properties"]
SCHEMA = {"properties": RULES}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page_size", 500),
        ("page_size", "250"),
        ("environment", "integration"),
        ("start_date", "2026-01-01"),
        ("pii", [{"fields": ["*phone*"], "action": "drop"}]),
        ("pii", '[{"fields": ["*phone*"], "action": "drop"}]'),
        ("stream_maps", {"jobs": {"summary": None, "a": "1"}, "calls": "__NULL__"}),
        ("max_delete_fraction", 0.5),
        ("max_delete_fraction", "0.25"),
        ("live_views", True),
        ("live_views", 1),
        ("live_views", "no"),
        ("dataset", 2026),
        ("history", '["jobs"]'),
        ("no_setting_of_the_plugin", 5),
    ],
)
def test_what_the_plugin_accepts_is_accepted(name: str, value: object) -> None:
    assert list(find_setting_problems(SCHEMA, {name: value})) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("page_size", 99999, "must be at most 5000"),
        ("page_size", "0", "must be at least 1"),
        ("page_size", True, "must be a whole number"),
        ("page_size", 5.5, "must be a whole number"),
        ("page_size", "s3cr3t", "must be a whole number"),
        ("page_size", float("inf"), "must be a whole number"),
        ("environment", "s3cr3t", "must be one of production, integration"),
        ("start_date", "s3cr3t", "must be a date such as"),
        ("dataset", ["s3cr3t"], "must be a text"),
        ("live_views", "s3cr3t", "must be `true` or `false`"),
        ("history", "s3cr3t", "must be a list"),
        ("pii", [{"fields": ["a"], "action": "s3cr3t"}], "(item 1) (`action`) must be one of drop, hash"),
        ("pii", [{"action": "drop"}], "(item 1) lacks `fields`"),
        ("stream_maps", {"jobs": {"S3cr3t s3cr3t": 5}}, "(`jobs`) (one of its fields) has none of the forms"),
        ("stream_maps", 5, "must be a mapping"),
        ("max_delete_fraction", 1.5, "must be at most 1"),
        ("labels", {"team": "S3CR3T s3cr3t"}, "(`team`) must be at most 63"),
    ],
)
def test_what_is_wrong_is_said_without_the_value(name: str, value: object, said: str) -> None:
    (problem,) = find_setting_problems(SCHEMA, {name: value})
    assert problem.startswith(f"`{name}` {said}")
    assert "s3cr3t" not in problem.casefold()
