"""Settings that are declared once: a msgspec struct, from which the plugin's JSON Schema and the typed values come.

A field of the struct is a setting. Its type, its default and its `setting(...)` metadata say all there is to say::

    class Settings(DeclaredSettings, kw_only=True, frozen=True):
        tenant_id: Annotated[str, setting("The tenant to read.", pattern="^[0-9]+$")]
        page_size: Annotated[int, setting("Records per page.", ge=1)] = 5000

The schema has the form that the Meltano SDK gives to its own: a setting that is not required may be null, which means
"not set".
"""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import structs

from .compat import override
from .errors import PluginError
from .redaction import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonSchema = dict[str, Any]

_SCALARS: dict[type, str] = {bool: "boolean", float: "number", int: "integer", str: "string"}

FORM = "form"
"""Keyword of a setting's schema: what a text is that has the right form. A regular expression tells people nothing."""

_METADATA = {
    "title": "title",
    "description": "description",
    "pattern": "pattern",
    "min_length": "minLength",
    "ge": "minimum",
    "le": "maximum",
}
"""What a setting may say of itself: names in `msgspec.Meta` and in JSON Schema."""


def setting(  # noqa: PLR0913 - what may be said of a setting
    description: str | None = None,
    *,
    title: str | None = None,
    secret: bool = False,
    pattern: str | None = None,
    form: str | None = None,
    min_length: int | None = None,
    ge: float | None = None,
    le: float | None = None,
) -> msgspec.Meta:
    """Describe a setting, for use in `Annotated`.

    Args:
        description: What the setting does, for `--about` and the documents.
        title: Its name in a user interface.
        secret: Whether its value must never be shown.
        pattern: Regular expression that a text must match.
        form: What such a text is, for the person whose text is another: "digits".
        min_length: Least number of characters of a text.
        ge: Least value of a number.
        le: Greatest value of a number.
    """
    extra = {"secret": True, "writeOnly": True} if secret else {}
    said: dict[str, Any] = {
        "description": description,
        "title": title,
        "pattern": pattern,
        "min_length": min_length,
        "ge": ge,
        "le": le,
        "extra_json_schema": extra | ({FORM: form} if form else {}),
    }
    return msgspec.Meta(**said)


class DeclaredSettings(msgspec.Struct, frozen=True, dict=True):
    """Base of a plugin's settings. Secrets do not show in its representation."""

    @override
    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        hidden = {name: MASK for name in secret_names(json_schema(type(self))) if values[name]}
        shown = ", ".join(f"{name}={value!r}" for name, value in (values | hidden).items())
        return f"{type(self).__name__}({shown})"


S = TypeVar("S", bound=DeclaredSettings)


def secret_names(schema: JsonSchema) -> list[str]:
    """Return the names of the settings that a schema marks as secret."""
    return [name for name, declared in schema["properties"].items() if declared.get("secret")]


def json_schema(settings: type[msgspec.Struct]) -> JsonSchema:
    """Return the JSON Schema of a struct of settings.

    Raises:
        TypeError: If a field has a type that settings cannot have.
    """
    return _object(settings) | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def read_settings(settings: type[S], config: Mapping[str, Any]) -> S:
    """Return the typed values of a configuration that the JSON Schema has accepted.

    Raises:
        PluginError: If a value is not of the type that its field declares.
    """
    try:
        return msgspec.convert(dict(config), settings)
    except msgspec.ValidationError as error:
        raise PluginError(f"the settings cannot be read: {error}") from error


def _object(settings: type[msgspec.Struct]) -> JsonSchema:
    """Return the schema of a struct."""
    fields = structs.fields(settings)
    schema: JsonSchema = {
        "type": "object",
        "properties": {field.encode_name: _property(field) for field in fields},
    }
    if required := [field.encode_name for field in fields if field.required]:
        schema["required"] = required
    if settings.__struct_config__.forbid_unknown_fields:
        schema["additionalProperties"] = False
    return schema


def _property(field: structs.FieldInfo) -> JsonSchema:
    """Return the schema of a setting."""
    schema = _schema(field.type)
    if not field.required:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*kinds, "null"]
    if (default := _default(field)) is not None:
        schema["default"] = default
    return schema


def _default(field: structs.FieldInfo) -> Any:  # noqa: ANN401 - of any type that a setting has
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default in {msgspec.NODEFAULT, msgspec.UNSET} else field.default


def _schema(hint: Any) -> JsonSchema:  # noqa: ANN401 - any type hint
    """Return the schema of a type hint."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _schema(arguments[0]) | _metadata(arguments[1])
    if origin in {typing.Union, types.UnionType}:
        (type_,) = (member for member in arguments if member not in {types.NoneType, msgspec.UnsetType})
        return _schema(type_)
    if origin is Literal:
        return {"type": ["string"], "enum": list(arguments)}
    return _container(origin, arguments) or _plain(hint)


def _metadata(meta: msgspec.Meta) -> JsonSchema:
    found = {name: getattr(meta, attribute) for attribute, name in _METADATA.items()}
    return {name: value for name, value in found.items() if value is not None} | (meta.extra_json_schema or {})


def _container(origin: Any, arguments: tuple[Any, ...]) -> JsonSchema | None:  # noqa: ANN401 - as above
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        values = arguments[1]
        return {"type": "object", "properties": {}, "additionalProperties": values is Any or _schema(values)}
    return None


def _plain(hint: Any) -> JsonSchema:  # noqa: ANN401 - as above
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _object(hint)
    if hint not in _SCALARS:
        raise TypeError(f"a setting cannot be of type {hint}")
    return {"type": [_SCALARS[hint]]}
