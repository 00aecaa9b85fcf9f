"""Checks a plugin's settings before anything else happens. Each problem is one line."""

from __future__ import annotations

import difflib
import json
import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase

from .compat import override
from .errors import PluginError
from .redaction import register_secrets
from .settings_schema import FORM, secret_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import click
    from jsonschema import ValidationError
    from singer_sdk.plugin_base import _ConfigInput


FROM_ENVIRONMENT = "ENV"
"""In the place of a configuration file: read the settings from environment variables."""


class CheckedSettings(PluginBase):
    """A mixin for a `Tap` or a `Target`: strict settings, registered secrets, a truthful exit code on a signal.

    The SDK's metrics, two lines and more a stream, are for `LOGLEVEL=DEBUG`. The mixin goes before the SDK class in the
    list of bases.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as in the SDK
        super().__init__(*args, **kwargs)
        if self.metrics_logger.level > logging.DEBUG:
            self.metrics_logger.setLevel(logging.WARNING)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        for path in value:
            if path != FROM_ENVIRONMENT:
                check_config_file(path)
        return super().cb_config(ctx, param, value)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings against the plugin's JSON Schema.

        Raises:
            PluginError: If a setting is missing, unknown or wrong. The text names the settings, never their values.
        """
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        register_secrets(self._config.get(name) for name in secret_names(schema))
        for name in [name for name, value in self._config.items() if value is None]:
            del self._config[name]  # null means "not set", so that the default applies
        self._config.update(numbers(schema, self._config))

        errors = list(problems(schema, self._config))
        if errors and raise_errors:
            raise PluginError(f"{self.name}: {'; '.join(errors)}")
        return errors

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End with the shell's exit code for the signal. The SDK ends with 0, which would call half a run complete."""
        self.logger.error(
            "Stopped by signal %d before the end of the run. The next run continues from the last state.",
            signum,
        )
        sys.exit(128 + signum)


def numbers(schema: dict[str, Any], config: dict[str, Any]) -> dict[str, float]:
    """Return the settings that are numbers written as text: that is how they come out of an environment variable."""
    texts = {
        name: value
        for name, value in config.items()
        if isinstance(value, str) and "number" in schema["properties"].get(name, {}).get("type", ())
    }
    return {name: float(value) for name, value in texts.items() if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value)}


def problems(schema: dict[str, Any], config: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with the settings, without any value of them.

    Settings that are not given get their defaults, in place.
    """
    known = schema["properties"]
    for name in sorted(set(config) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        yield f"unknown setting `{name}`" + (f", did you mean `{near[0]}`?" if near else "")
    errors = sorted(JSONSchemaValidator(schema).iter_errors(config), key=lambda error: list(map(str, error.path)))
    # There is one error per missing setting, and each sentence names all of them.
    yield from dict.fromkeys(map(_sentence, errors))


def _sentence(error: ValidationError) -> str:
    if error.validator == "required":
        missing = [
            name
            for name in cast("list[str]", error.validator_value)
            if name not in cast("dict[str, Any]", error.instance)
        ]
        return f"missing setting {', '.join(f'`{name}`' for name in missing)}"

    setting = ".".join(map(str, error.path))
    limit = error.validator_value
    texts = {
        "type": f"must be of type {' or '.join(limit) if isinstance(limit, list) else limit}",
        "enum": f"must be one of {limit}",
        "pattern": f"must be {_form(error)}",
        "minLength": "must not be empty" if limit == 1 else f"must have at least {limit} characters",
        "minimum": f"must be at least {limit}",
        "exclusiveMinimum": f"must be more than {limit}",
        "maximum": f"must be at most {limit}",
    }
    return f"setting `{setting}` {texts.get(str(error.validator), 'is not valid')}"


def _form(error: ValidationError) -> str:
    return str(cast("dict[str, Any]", error.schema).get(FORM, "of another form"))


def check_config_file(path: str) -> None:
    """Check that a configuration file can be read, and holds settings.

    Raises:
        PluginError: If not. The text names the file, and where it is no JSON, the line and the column.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise PluginError(f"the configuration file {path} cannot be read: {error.strerror}.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise PluginError(f"the configuration file {path} is not JSON: {error.msg} in {place}.") from error
    except (ValueError, RecursionError) as error:
        raise PluginError(f"the configuration file {path} is not JSON: it is not text in UTF-8.") from error
    if not isinstance(content, dict):
        raise PluginError(f"the configuration file {path} must hold an object with the settings.")
