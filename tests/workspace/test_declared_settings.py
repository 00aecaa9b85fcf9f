"""The settings of both plugins: what `--about` says of them, and their values from the environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from tap_servicetitan.plugin_runtime.settings_schema import FORM
from tap_servicetitan.settings import (
    BatchConfig,
    BatchEncoding,
    BatchStorage,
    ExtraStream,
    PiiRule,
    ReportDates,
    ReportSettings,
)
from tap_servicetitan.settings import Settings as TapSettings
from tap_servicetitan.tap import TapServiceTitan
from target_bigquery_softdelete.config.settings import Settings as TargetSettings
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.plugin_base import PluginBase

CLIENT = bigquery.Client(project="co-1", credentials=AnonymousCredentials())
ABOUT = Path(__file__).parent / "about"
"""What `--about` said of the settings of version 0.1.0, without the descriptions."""

PLUGINS: list[type[PluginBase]] = [TapServiceTitan, TargetBigQuerySoftDelete]

TAP_REQUIRED = {"tenant_id": "1", "client_id": "c", "client_secret": "the-secret", "app_key": "the-key"}

TAP_TEXTS: dict[str, tuple[str, Any]] = {
    "environment": ("integration", "integration"),
    "api_url": ("http://a", "http://a"),
    "auth_url": ("http://b", "http://b"),
    "start_date": ("2024-02-29", "2024-02-29"),
    "reread_from": ("start", "start"),
    "page_size": ("100", 100),
    "max_retries": ("0", 0),
    "request_timeout": ("9", 9),
    "max_response_bytes": ("1048576", 1048576),
    "requests_per_second": ("7", 7),
    "max_concurrent_streams": ("1", 1),
    "max_read_seconds": ("3600", 3600),
    "reconcile_interval_days": ("30", 30),
    "lookback_seconds": ("60", 60),
    "daily_lookback_days": ("7", 7),
    "capacity_days": ("5", 5),
    "on_missing_module": ("fail", "fail"),
    "unknown_fields": ("extra", "extra"),
    "pii": ('[{"fields": ["*phone*"], "action": "drop"}]', [PiiRule(fields=["*phone*"], action="drop")]),
    "pii_salt": ("0123456789abcdef", "0123456789abcdef"),
    "reports": (
        '[{"name": "sales", "category": "c", "id": 5, "date_range": {"from": "From", "start": "2026-01-01"}}]',
        [ReportSettings(name="sales", category="c", id=5, date_range=ReportDates(from_="From", start="2026-01-01"))],
    ),
    "extra_streams": (
        '[{"name": "a", "path": "/a/v2/tenant/{tenant}/a", "fields": {"n": "number"}}]',
        [ExtraStream(name="a", path="/a/v2/tenant/{tenant}/a", fields={"n": "number"})],
    ),
    "report_interval_seconds": ("0", 0),
    "batch_config": (
        '{"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": "data:"}}',
        BatchConfig(encoding=BatchEncoding(format="jsonl", compression="gzip"), storage=BatchStorage(root="data:")),
    ),
}
"""A text that an environment variable may hold for each setting of the tap, and its value."""

KEY = "projects/p/locations/us/keyRings/r/cryptoKeys/k"

TARGET_TEXTS: dict[str, tuple[str, Any]] = {
    "tenant_id": ("1001", "1001"),
    "dataset": ("raw", "raw"),
    "staging_dataset": ("s", "s"),
    "log_dataset": ("l", "l"),
    "location": ("EU", "EU"),
    "billing_project": ("pays", "pays"),
    "reservation": ("none", "none"),
    "maximum_bytes_billed": ("1000", 1000),
    "kms_key_name": (KEY, KEY),
    "credentials_path": ("/key.json", "/key.json"),
    "impersonate_service_account": ("etl@co.iam", "etl@co.iam"),
    "api_endpoint": ("http://127.0.0.1:9", "http://127.0.0.1:9"),
    "column_naming": ("preserve", "preserve"),
    "additional_properties": ("keep", "keep"),
    "absent_properties": ("keep", "keep"),
    "json_text": ("keep", "keep"),
    "round_float_noise": ("false", False),
    "time_columns": ("text", "text"),
    "binary_columns": ("text", "text"),
    "on_type_change": ("new_column", "new_column"),
    "max_delete_fraction": ("0.25", 0.25),
    "max_delete_rows": ("5", 5),
    "max_delete_days": ("7", 7),
    "allow_mass_delete": ("true", True),
    "allow_mass_delete_streams": ('["jobs"]', ["jobs"]),
    "ignore_activate_version": ('["jobs"]', ["jobs"]),
    "process_activate_version_messages": ("false", False),
    "adopt_tables": ('["jobs"]', ["jobs"]),
    "keyless_streams": ("replace", "replace"),
    "create_empty_tables": ("true", True),
    "on_invalid_record": ("quarantine", "quarantine"),
    "max_rejected_records": ("3", 3),
    "history": ('["jobs"]', ["jobs"]),
    "live_views": ("1", True),
    "descriptions": ("replace", "replace"),
    "foreign_keys": ("true", True),
    "block_bytes": ("65536", 65536),
    "inline_bytes": ("0", 0),
    "parallel_jobs": ("8", 8),
    "max_line_bytes": ("1048576", 1048576),
    "batch_schemes": ('["s3"]', ["s3"]),
    "merge_interval_rows": ("10", 10),
    "merge_interval_seconds": ("20", 20),
    "on_concurrent_run": ("wait", "wait"),
    "on_expiration": ("clear", "clear"),
    "run_owner": ("night/0/0/a1b2", "night/0/0/a1b2"),
    "dead_owners": ('["night/0/0/a1b2"]', ["night/0/0/a1b2"]),
    "dry_run": ("false", False),
    "partition_by": ('{"jobs": "created_on:month"}', {"jobs": "created_on:month"}),
    "require_partition_filter": ("true", True),
    "labels": ('{"company": "acme"}', {"company": "acme"}),
}
"""The same for the target."""


def without_descriptions(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a JSON Schema without what may be said better."""
    if isinstance(schema, dict):
        return {
            name: without_descriptions(part)
            for name, part in schema.items()
            if not (name in {"description", FORM} and isinstance(part, str))
        }
    return [without_descriptions(part) for part in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_about_says_of_the_settings_what_it_always_said(plugin: type[PluginBase]) -> None:
    recorded = json.loads((ABOUT / f"{plugin.name}.json").read_text(encoding="utf-8"))
    said = plugin._get_about_info().settings  # noqa: SLF001 - what `--about` prints
    assert without_descriptions(said) == recorded
    assert list(said["properties"]) == list(recorded["properties"])
    assert all(setting["description"] for setting in said["properties"].values())


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_a_form_is_said_in_words_wherever_a_pattern_demands_it(plugin: type[PluginBase]) -> None:
    def patterns(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any part of a schema
        for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
            yield from patterns(part)
        if isinstance(schema, dict) and "pattern" in schema:
            yield schema

    found = list(patterns(plugin._get_about_info().settings))  # noqa: SLF001 - as above
    assert len(found) > 5
    assert all(schema.get(FORM) for schema in found), [schema["pattern"] for schema in found if not schema.get(FORM)]


@pytest.mark.parametrize("name", TAP_TEXTS)
def test_a_text_in_the_environment_becomes_a_value_of_the_tap(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = TAP_TEXTS[name]
    monkeypatch.setenv(f"TAP_SERVICETITAN_{name.upper()}", text)
    tap = TapServiceTitan(config=TAP_REQUIRED, parse_env_config=True, catalog={"streams": []})
    assert getattr(tap.settings, name) == value


@pytest.mark.parametrize("name", TARGET_TEXTS)
def test_a_text_in_the_environment_becomes_a_value_of_the_target(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = TARGET_TEXTS[name]
    monkeypatch.setattr("target_bigquery_softdelete.target.make_client", lambda _settings: CLIENT)
    monkeypatch.setenv(f"TARGET_BIGQUERY_SOFTDELETE_{name.upper()}", text)
    target = TargetBigQuerySoftDelete(config={"project_id": "co-1"}, parse_env_config=True)
    assert getattr(TargetSettings.from_config(target.config), name) == value


def test_every_setting_has_a_text_here() -> None:
    assert set(TAP_TEXTS) | set(TAP_REQUIRED) == set(TapSettings.__struct_fields__)
    # A secret with a key in it is read by a test of its own, and a project is required.
    assert set(TARGET_TEXTS) | {"project_id", "credentials_json"} == set(TargetSettings.__struct_fields__)
