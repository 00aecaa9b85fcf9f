"""Settings are checked, get their defaults, and the addresses follow the environment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tap_servicetitan.output.batch_messages import Batches
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.settings import CONFIG_JSONSCHEMA, HOSTS, Settings
from tap_servicetitan.tap import TapServiceTitan

REQUIRED = {"tenant_id": "1", "client_id": "c", "client_secret": "the-secret", "app_key": "the-key"}


def settings(**values: Any) -> Settings:  # noqa: ANN401 - any setting
    return TapServiceTitan(config=REQUIRED | values).settings


def test_defaults() -> None:
    made = settings()
    assert made.page_size == 5000
    assert made.requests_per_second == 60
    assert made.reconcile_interval.days == 7
    assert made.lookback.days == 1
    assert made.first_day is None
    assert made.on_missing_module == "skip"


def test_null_means_the_default() -> None:
    assert settings(page_size=None).page_size == 5000


def test_the_sdk_s_own_settings_are_left_alone() -> None:
    assert settings(stream_maps={"x": None}, flattening_enabled=False) == settings()


@pytest.mark.parametrize("environment", HOSTS)
def test_addresses_follow_the_environment(environment: str) -> None:
    made = settings(environment=environment)
    assert (made.effective_api_url, made.effective_auth_url) == HOSTS[environment]


def test_addresses_can_be_given() -> None:
    made = settings(api_url="http://a", auth_url="http://b")
    assert (made.effective_api_url, made.effective_auth_url) == ("http://a", "http://b")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2024-02-29T10:00:00Z", datetime(2024, 2, 29, 10, tzinfo=UTC)),
        ("2024-02-29T10:00:00", datetime(2024, 2, 29, 10, tzinfo=UTC)),
        ("2024-02-29T01:30:00+02:00", datetime(2024, 2, 28, 23, 30, tzinfo=UTC)),
    ],
)
def test_start_date(text: str, time: datetime) -> None:
    assert settings(start_date=text).first_day == time


def test_a_start_date_that_does_not_exist() -> None:
    with pytest.raises(PluginError, match="not a date that exists: 2023-02-29"):
        settings(start_date="2023-02-29")


def test_every_setting_is_described_and_secrets_are_marked() -> None:
    properties = CONFIG_JSONSCHEMA["properties"]
    assert all(setting["title"] and setting["description"] for setting in properties.values())
    assert {name for name, setting in properties.items() if setting.get("secret")} == {
        "client_secret",
        "app_key",
        "pii_salt",
    }
    assert set(CONFIG_JSONSCHEMA["required"]) == set(REQUIRED)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"tenant_id": 12}, "setting `tenant_id` must be of type string"),
        ({"tenant_id": "12/../34"}, "setting `tenant_id` must be digits"),
        ({"client_secret": ""}, "setting `client_secret` must not be empty"),
        ({"environment": "prod"}, "setting `environment` must be one of ['production', 'integration']"),
        ({"api_url": "api.servicetitan.io"}, "setting `api_url` must be an address that begins with `https://`"),
        ({"start_date": "01.02.2024"}, "setting `start_date` must be a date such as `2024-02-29`"),
        ({"page_size": 5001}, "setting `page_size` must be at most 5000"),
        ({"page_size": "many"}, "setting `page_size` must be of type integer or null"),
        ({"requests_per_second": 0}, "setting `requests_per_second` must be at least 1"),
        ({"on_missing_module": "ignore"}, "setting `on_missing_module` must be one of ['skip', 'fail']"),
        ({"pii": [{"fields": ["*"], "action": "mask"}]}, "setting `pii.0.action` must be one of ['drop', 'hash']"),
        ({"pii": [{"fields": ["*"], "action": "hash"}]}, "which needs a secret in the setting `pii_salt`"),
        ({"pii": [{"fields": ["/(/"], "action": "drop"}]}, "setting `pii`: /(/ is not a regular expression"),
        ({"pii": [{"fields": ["ID"], "action": "drop"}]}, "setting `pii` drops id of stream"),
        ({"pii": [{"fields": ["/modified.*/"], "streams": ["act*"], "action": "drop"}]}, "modifiedOn of stream activ"),
        ({"page_sise": 5}, "unknown setting `page_sise`, did you mean `page_size`?"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, Any], text: str) -> None:
    with pytest.raises(PluginError) as caught:
        TapServiceTitan(config=REQUIRED | change)
    assert text in str(caught.value)


@pytest.mark.parametrize("name", ["client_id", "client_secret", "app_key"])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("s3cr3t\ns3cr3t", "has a line break in it"),
        ("s3cr3t\r\n", "has a line break in it"),
        ("s3cr3t\x00s3cr3t", "has a control character in it"),
        ("s3cr3t\x85s3cr3t", "has a control character in it"),
        (" s3cr3t", "begins or ends with a blank"),
        ("s3cr3t-\u20ac", "has a character outside Latin-1 in it"),
    ],
)
def test_a_credential_that_no_request_can_carry_is_refused_without_its_text(name: str, value: str, said: str) -> None:
    with pytest.raises(PluginError) as caught:
        TapServiceTitan(config={**REQUIRED, name: value})
    assert str(caught.value) == f"setting `{name}` {said}, so no request can carry it: enter it again"


def test_a_credential_with_an_accent_is_accepted() -> None:
    assert settings(app_key="clé-s3cr3t").app_key == "clé-s3cr3t"


@pytest.mark.parametrize("config", [None, {}, {"storage": {"root": None}}, {"storage": {"root": ""}}])
def test_no_place_for_batches_means_no_batches(config: dict[str, Any] | None) -> None:
    assert Batches.from_config(settings(batch_config=config).batch_config) is None


@pytest.mark.parametrize("config", [{"encoding": {"format": "jsonl"}}, {"storage": {}}, {"storage": {"prefix": "x"}}])
def test_batches_whose_place_was_forgotten(config: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match=r"setting `batch_config` lacks `storage.root`"):
        _ = settings(batch_config=config)
