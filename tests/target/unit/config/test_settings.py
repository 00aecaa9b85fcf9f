"""Settings: an error is one line, and a missing setting has a default."""

from __future__ import annotations

from typing import Any

import pytest

from target_bigquery_softdelete.config.settings import CONFIG_JSONSCHEMA, Settings
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.google_client import EMULATOR_VARIABLE
from target_bigquery_softdelete.plugin_runtime.settings import problems
from target_bigquery_softdelete.plugin_runtime.settings_schema import secret_names


@pytest.fixture(autouse=True)
def no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EMULATOR_VARIABLE, raising=False)


def settings(**config: Any) -> Settings:  # noqa: ANN401
    config = {"project_id": "co-1", **config}
    assert not list(problems(CONFIG_JSONSCHEMA, config))
    return Settings.from_config(config)


def test_one_setting_is_enough() -> None:
    found = settings()
    assert (found.project_id, found.dataset, found.staging_dataset) == ("co-1", "bronze", "staging")
    assert (found.log_dataset, found.column_naming, found.keyless_streams) == ("management", "snake_case", "append")
    limits = found.delete_limits("jobs")
    assert (limits.fraction, limits.rows, limits.lifted) == (0.5, 10, False)
    assert (found.tenant_id, found.location, found.endpoint, found.labels) == (None, None, None, None)


def test_the_project_has_no_default() -> None:
    assert list(problems(CONFIG_JSONSCHEMA, {})) == ["missing setting `project_id`"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("project_id", ""),
        ("tenant_id", ""),
        ("tenant_id", "Tenant 1"),
        ("tenant_id", 1),
        ("dataset", ""),
        ("api_endpoint", "localhost:9050"),
        ("impersonate_service_account", "nobody"),
        ("billing_project", ""),
        ("reservation", "projects/p/reservations/r"),
        ("maximum_bytes_billed", 0),
        ("kms_key_name", "projects/p/locations/us/keyRings/r"),
        ("column_naming", "camelCase"),
        ("keyless_streams", "merge"),
        ("max_delete_fraction", 1.5),
        ("max_delete_fraction", -0.1),
        ("max_delete_rows", -1),
        ("max_delete_rows", 1.5),
        ("allow_mass_delete", "true"),
        ("on_invalid_record", "skip"),
        ("max_rejected_records", 0),
        ("block_bytes", 1),
        ("merge_interval_rows", 0),
        ("merge_interval_seconds", 0),
        ("labels", {"team": "Not Allowed"}),
        ("labels", {"team": "x" * 64}),
        ("labels", []),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(name: str, value: object) -> None:
    (problem,) = problems(CONFIG_JSONSCHEMA, {"project_id": "co-1", name: value})
    assert problem.startswith(f"setting `{name}")
    assert "Not Allowed" not in problem


@pytest.mark.parametrize("name", ["", "Team", "1team", "te am", "x" * 64])
def test_a_label_has_a_name_that_bigquery_allows(name: str) -> None:
    with pytest.raises(PluginError, match="BigQuery does not allow the label name"):
        settings(labels={name: "x"})


@pytest.mark.parametrize("name", ["t", "team-1_x", "x" * 63])
def test_labels_may_be_empty(name: str) -> None:
    assert settings(labels={name: ""}).labels == {name: ""}


def test_credentials_come_from_one_place() -> None:
    with pytest.raises(PluginError, match="not both"):
        settings(credentials_path="/x.json", credentials_json="{}")


def test_credentials_are_secret_and_do_not_show() -> None:
    assert secret_names(CONFIG_JSONSCHEMA) == ["credentials_json"]
    assert "hunter2" not in repr(settings(credentials_json='{"private_key":"hunter2"}'))


@pytest.mark.parametrize("host", ["localhost:9050", "http://localhost:9050"])
def test_an_emulator_may_be_named_in_the_environment(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMULATOR_VARIABLE, host)
    assert settings().endpoint == "http://localhost:9050"
    assert settings(api_endpoint="https://private.example").endpoint == "https://private.example"
