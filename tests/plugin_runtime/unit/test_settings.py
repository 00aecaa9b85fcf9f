"""Settings are checked strictly, and errors never contain their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import typing as th

from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.settings import check_config_file, numbers, problems
from tap_servicetitan.plugin_runtime.settings_schema import secret_names

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property("project_id", th.StringType(min_length=1), required=True),
    th.Property("password", th.StringType, secret=True, required=True),
    th.Property("page_size", th.IntegerType(minimum=1, maximum=5000), default=100),
    th.Property("environment", th.StringType(allowed_values=["production", "integration"])),
    th.Property("url", th.StringType(pattern="^https://")),
    th.Property("id", th.StringType(pattern="^[0-9]+$")),
    th.Property("salt", th.StringType(min_length=16)),
    th.Property("rate", th.NumberType(exclusive_minimum=0)),
    th.Property("nested", th.ObjectType(th.Property("depth", th.IntegerType))),
).to_dict()

SCHEMA["properties"]["url"]["form"] = "an address that begins with `https://`"

GOOD = {"project_id": "co-1", "password": "hunter2"}


def test_good_settings_get_their_defaults() -> None:
    config: dict[str, Any] = dict(GOOD)
    assert not list(problems(SCHEMA, config))
    assert config == {**GOOD, "page_size": 100}


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"page_size": "hunter2"}, "setting `page_size` must be of type integer"),
        ({"page_size": "100"}, "setting `page_size` must be of type integer"),
        ({"page_size": 0}, "setting `page_size` must be at least 1"),
        ({"page_size": 5001}, "setting `page_size` must be at most 5000"),
        ({"project_id": ""}, "setting `project_id` must not be empty"),
        ({"salt": "hunter2"}, "setting `salt` must have at least 16 characters"),
        ({"environment": "hunter2"}, "setting `environment` must be one of ['production', 'integration']"),
        ({"url": "hunter2"}, "setting `url` must be an address that begins with `https://`"),
        ({"id": "hunter2"}, "setting `id` must be of another form"),
        ({"rate": 0}, "setting `rate` must be more than 0"),
        ({"nested": {"depth": "hunter2"}}, "setting `nested.depth` must be of type integer"),
        ({"pagesize": "hunter2"}, "unknown setting `pagesize`, did you mean `page_size`?"),
        ({"zzz": "hunter2"}, "unknown setting `zzz`"),
    ],
)
def test_each_problem_is_one_sentence_that_names_the_setting(config: dict[str, Any], problem: str) -> None:
    (found,) = problems(SCHEMA, GOOD | config)
    assert found.startswith(problem)
    assert "hunter2" not in found


def test_all_problems_are_reported_at_once() -> None:
    assert list(problems(SCHEMA, {"page_size": 0, "zzz": 1})) == [
        "unknown setting `zzz`",
        "missing setting `project_id`, `password`",
        "setting `page_size` must be at least 1",
    ]


def test_the_schema_says_which_settings_are_secret() -> None:
    assert secret_names(SCHEMA) == ["password"]


def test_a_number_with_a_fraction_may_be_a_text_as_from_the_environment() -> None:
    schema = {"properties": {"share": {"type": ["number", "null"]}, "name": {"type": "string"}}}
    assert numbers(schema, {"share": "0.25", "name": "0.25", "other": "1"}) == {"share": 0.25}
    assert numbers(schema, {"share": "a lot"}) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b'{\n "password": "hunter2",\n oops\n}',
            "is not JSON: Expecting property name enclosed in double quotes in line 3, column 2.",
        ),
        (b"", "is not JSON: Expecting value in line 1, column 1."),
        (b"\xff\xfe{}", "is not JSON: it is not text in UTF-8."),
        (b"[1]", "must hold an object with the settings."),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_a_configuration_file_that_cannot_be_used_is_named(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PluginError) as caught:
        check_config_file(str(path))
    assert str(caught.value) == f"the configuration file {path} {reason}"
    with pytest.raises(PluginError, match="cannot be read: Is a directory"):
        check_config_file(str(tmp_path))


def test_a_configuration_file_with_settings_is_fine(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    check_config_file(str(tmp_path / "config.json"))
