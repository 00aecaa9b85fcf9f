"""Discovery without the SDK gives the SDK's catalog, and leaves every other case to the SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan.catalog import discovery
from tap_servicetitan.plugin_runtime.command import run
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"tenant_id": "1", "client_id": "x", "client_secret": "x", "app_key": "x"}


def test_the_catalog_is_the_one_that_the_sdk_makes() -> None:
    catalog = discovery.discover(["--discover"])
    assert catalog
    assert json.loads(catalog) == json.loads(TapServiceTitan(config=dict(SETTINGS)).catalog_json_text)


def test_settings_that_change_nothing_do_not_need_the_sdk(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(SETTINGS | {"unknown_fields": "warn", "pii": None}))
    assert discovery.discover([f"--config={path}", "--discover"]) == discovery.discover(["--discover"])


def test_the_state_that_meltano_adds_does_not_need_the_sdk() -> None:
    assert discovery.discover(["--state", "state.json", "--discover"]) == discovery.discover(["--discover"])


@pytest.mark.parametrize(
    "args", [[], ["--about"], ["--discover", "--test"], ["--discover", "--config"], ["--discover", "--config", "ENV"]]
)
def test_another_command_line_is_the_sdk_s(args: list[str]) -> None:
    assert discovery.discover(args) is None


@pytest.mark.parametrize("text", ["{", "[]", "\x00", '{"pii": []}', '{"unknown_fields": "extra"}'])
def test_settings_that_decide_it_or_cannot_be_read_are_the_sdk_s(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    assert discovery.discover(["--discover", "--config", str(path)]) is None


def test_settings_that_decide_the_catalog_are_checked_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(SETTINGS | {"pii": [{"fields": ["name"], "action": "erase"}]}))
    assert run(TapServiceTitan, ["--discover", "--config", str(path)]) == 1
    assert capsys.readouterr().out == ""
    assert run(TapServiceTitan, ["--discover"]) == 0
    assert '"streams"' in capsys.readouterr().out
