"""Flattens nested properties into columns such as `address__street`. Pure functions.

As the Singer SDK does it: objects down to a depth become columns, and what is deeper, or an array, becomes JSON text.
The SDK's own functions lose properties that are declared with `anyOf` or `$ref`, and digits of numbers in JSON text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers._flattening import flatten_key

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.json_schema import JsonSchema, simplify, types_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TEXT: JsonSchema = {"type": ["string", "null"]}

_Plan = dict[str, "str | _Plan"]
"""For each property its name when flattened, or the plan of its own properties."""


@dataclass(frozen=True)
class Flattening:
    """How to flatten."""

    max_depth: int
    separator: str = "__"
    max_key_length: int = 255
    keep_absent: bool = False
    """Whether absent properties keep their values: then those of an object that is null must be there, as null."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Flattening | None:
        """Return how the settings want it, or None if they do not.

        Raises:
            PluginError: If they do not say how deep.
        """
        if not config.get("flattening_enabled"):
            return None
        depth = config.get("flattening_max_depth")
        if depth is None:
            raise PluginError("setting `flattening_enabled` needs `flattening_max_depth`: how many levels to flatten.")
        if depth <= 0:
            return None
        length = config.get("flattening_max_key_length")
        separator = config.get("flattening_separator") or cls.separator
        keep_absent = config.get("absent_properties") == "keep"
        return cls(depth, separator, length or cls.max_key_length, keep_absent=keep_absent)

    def name(self, path: tuple[str, ...]) -> str:
        """Return the name of a property when flattened, from the names on the way to it."""
        return flatten_key(path[-1], list(path[:-1]), self.separator, max_key_length=self.max_key_length)


class Flattener:
    """Flattens the records of one schema."""

    def __init__(self, schema: JsonSchema, flattening: Flattening, to_text: Callable[[object], str]) -> None:
        """Plan how to flatten.

        Args:
            schema: The schema of the nested records.
            flattening: How to flatten.
            to_text: Writes an array or an object as JSON text.

        Raises:
            PluginError: If two properties get one name.
        """
        self._flattening = flattening
        self._to_text = to_text
        self._root = schema
        self._properties: dict[str, Any] = {}
        self._plan = self._flatten(schema["properties"], (), ())
        self.schema: JsonSchema = {**schema, "properties": self._properties}
        """The schema of the flat records."""

    def _flatten(self, properties: dict[str, Any], path: tuple[str, ...], above: tuple[dict[str, Any], ...]) -> _Plan:
        plan: _Plan = {}
        for name, schema in properties.items():
            here, resolved = (*path, name), simplify(schema, self._root)
            inner = resolved.get("properties")
            contains_itself = any(inner is outer for outer in (*above, properties))
            if (
                types_of(resolved) == {"object"}
                and inner
                and len(path) < self._flattening.max_depth
                and not contains_itself
            ):
                plan[name] = self._flatten(inner, here, (*above, properties))
            else:
                plan[name] = self._add(here, resolved)
        return plan

    def _add(self, path: tuple[str, ...], schema: JsonSchema) -> str:
        name, types = self._flattening.name(path), types_of(schema)
        if name in self._properties:
            raise PluginError(f"two properties become the column `{name}` when flattened. See `flattening_separator`.")
        is_scalar = types and not types & {"array", "object"}
        self._properties[name] = schema if is_scalar else {**_TEXT, "description": schema.get("description")}
        return name

    def flatten(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record with its nested properties under the names that they have when flattened."""
        return dict(self._pairs(record, self._plan, ()))

    def _pairs(self, record: dict[str, Any], plan: _Plan, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, value in record.items():
            planned = plan.get(name)
            if planned is None:  # the schema does not list it
                yield self._free_name(self._flattening.name((*path, name)) if path else name), value
            elif isinstance(planned, str):
                yield planned, self._to_text(value) if isinstance(value, (dict, list)) else value
            elif isinstance(value, dict):
                yield from self._pairs(value, planned, (*path, name))
            elif value is None:
                yield from ((inner, None) for inner in _names(planned) if self._flattening.keep_absent)
            else:
                # It is no object, so it has no place: a column of the object gets what does not fit, so that the record
                # is invalid.
                yield _first_name(planned), {name: value}

    def _free_name(self, name: str) -> str:
        """Return the name of a property that the schema does not list: never that of one that it does."""
        while name in self._properties:
            name += "_"
        return name


def _names(plan: _Plan) -> Iterator[str]:
    for planned in plan.values():
        yield from [planned] if isinstance(planned, str) else _names(planned)


def _first_name(plan: _Plan) -> str:
    first = next(iter(plan.values()))
    return first if isinstance(first, str) else _first_name(first)
