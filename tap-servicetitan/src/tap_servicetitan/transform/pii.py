"""Drops or hashes personal data, as the setting `pii` says.

Rules match the path of a field in the record, with dots between the levels and nothing for lists: `contacts.phone` is
the phone of every contact. A rule for a field covers everything in it.
"""

from __future__ import annotations

import fnmatch
import hmac
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.specs.spec import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_servicetitan.settings import PiiRule
    from tap_servicetitan.specs.spec import StreamSpec

Json = dict[str, Any]

MAX_NAMES = 1000
"""How many names to remember per object. An object whose names are data can have any number."""

_CONTAINERS = frozenset({dict, list})


def _keep_digits(number: str) -> msgspec.Raw:
    return msgspec.Raw(number.encode())


_decode = msgspec.json.Decoder(Json, float_hook=_keep_digits).decode
_encode = msgspec.json.Encoder().encode


class Action(Enum):
    """What to do with a field."""

    DROP = "drop"
    """Remove it, from the records and from the schema."""

    HASH = "hash"
    """Replace each value in it with the HMAC-SHA256 of its text, with a salt that only the operator knows."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The fields of some streams, and what to do with them."""

    fields: tuple[re.Pattern[str], ...]
    streams: tuple[re.Pattern[str], ...]
    action: Action


def parse_rules(setting: Iterable[PiiRule], salt: str | None) -> list[Rule]:
    """Return the rules of the setting `pii`, in its order.

    Args:
        setting: Its value.
        salt: The value of `pii_salt`.

    Raises:
        PluginError: If a pattern is not a regular expression, or if a rule hashes and there is no salt.
    """
    rules = [
        Rule(
            tuple(map(_pattern, rule.fields)),
            tuple(map(_pattern, rule.streams or ["*"])),
            Action(rule.action),
        )
        for rule in setting
    ]
    if not salt and any(rule.action is Action.HASH for rule in rules):
        raise PluginError("setting `pii` hashes fields, which needs a secret in the setting `pii_salt`")
    return rules


def _pattern(text: str) -> re.Pattern[str]:
    """Return a pattern for a whole name: shell-style, or a regular expression between slashes."""
    regex = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "/" else fnmatch.translate(text)
    try:
        return re.compile(regex, re.IGNORECASE)
    except re.error as error:
        raise PluginError(f"setting `pii`: {text} is not a regular expression: {error}") from error


class Protection:
    """Applies the rules to the schema and the records of one stream."""

    def __init__(self, stream: str, rules: Iterable[Rule], salt: str | None) -> None:
        """Choose the rules for a stream.

        Args:
            stream: Name of the stream.
            rules: All rules. The first one that matches a field applies.
            salt: Key of the hashes, if a rule makes any.
        """
        self._rules = [rule for rule in rules if any(pattern.fullmatch(stream) for pattern in rule.streams)]
        self._salt = (salt or "").encode()
        # Paths of objects of which the rules leave nothing.
        self._emptied: set[str] = set()
        self._top = _Level(self._find_action, "")

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def _find_action(self, path: str) -> Action | None:
        if path in self._emptied:
            return Action.DROP
        if path == DELETED_AT:  # the tap adds it: no rule applies to it, however wide
            return None
        for rule in self._rules:
            if any(pattern.fullmatch(path) for pattern in rule.fields):
                return rule.action
        return None

    def applies_to(self, path: str) -> bool:
        """Return whether a rule applies to a field."""
        return self._find_action(path) is not None

    def schema(self, schema: Json) -> Json:
        """Return the schema after the rules: without dropped fields, and with text for hashes."""
        return self._adapt(schema, "")

    def _adapt(self, schema: Json, prefix: str) -> Json:
        if "items" in schema:
            return schema | {"items": self._adapt(schema["items"], prefix)}
        if "properties" not in schema:
            return schema
        kept = {name: self._adapt_field(field, prefix + name) for name, field in schema["properties"].items()}
        properties = {name: field for name, field in kept.items() if field is not None}
        if schema["properties"] and not properties:
            self._emptied.add(prefix.removesuffix("."))
        return schema | {"properties": properties}

    def _adapt_field(self, schema: Json, path: str) -> Json | None:
        action = self._find_action(path)
        if action is Action.DROP:
            return None
        field_schema = hashed_schema(schema) if action is Action.HASH else self._adapt(schema, f"{path}.")
        return None if path in self._emptied else field_schema

    def record(self, raw: msgspec.Raw) -> msgspec.Raw:
        """Return a record after the rules. A record to which none applies stays the bytes that it came as."""
        record = _decode(raw)
        return msgspec.Raw(_encode(record)) if self._protect(record, self._top) else raw

    def _protect(self, record: Json, level: _Level) -> bool:
        """Apply the rules to an object, in place, and return whether one applied."""
        actions = level.actions(record)
        for name in actions:
            self._apply(actions[name], record, name)
        changed = bool(actions)
        for name, value in record.items():
            if type(value) in _CONTAINERS and name not in actions:
                changed = self._protect_inside(value, level.child(name)) or changed
        return changed

    def _protect_inside(self, value: object, level: _Level) -> bool:
        if type(value) is dict:
            return self._protect(value, level)
        changed = False
        if type(value) is list:
            for item in value:
                changed = self._protect_inside(item, level) or changed
        return changed

    def _apply(self, action: Action, record: Json, name: str) -> None:
        if action is Action.DROP:
            del record[name]
        else:
            record[name] = self._hash(record[name])

    def _hash(self, value: Any) -> Any:  # noqa: ANN401 - JSON is any of its types
        if type(value) is dict:
            return {name: self._hash(item) for name, item in value.items()}
        if type(value) is list:
            return [self._hash(item) for item in value]
        if value is None:  # nothing to hide
            return None
        text = value.encode() if type(value) is str else _encode(value)
        return hmac.digest(self._salt, text, "sha256").hex()


class _Level:
    """The actions for the fields of one object, or of all objects of one list. Each name is looked up once."""

    def __init__(self, find: Callable[[str], Action | None], prefix: str) -> None:
        self._find = find
        self._prefix = prefix
        self._known: set[str] = set()
        self._actions: dict[str, Action] = {}
        self._levels: dict[str, _Level] = {}

    def actions(self, record: Json) -> dict[str, Action]:
        """Return the fields of an object to which a rule applies, and what to do with them."""
        unknown = () if record.keys() <= self._known else record.keys() - self._known
        actions = {name: action for name, action in self._actions.items() if name in record}
        for name in unknown:
            action = self._find(self._prefix + name)
            if action:
                actions[name] = action
            self._remember(name, action)
        return actions

    def _remember(self, name: str, action: Action | None) -> None:
        if len(self._known) < MAX_NAMES:
            self._known.add(name)
            if action:
                self._actions[name] = action

    def child(self, name: str) -> _Level:
        """Return the level of the objects in a field."""
        if name in self._levels:
            return self._levels[name]
        level = _Level(self._find, f"{self._prefix}{name}.")
        if len(self._levels) < MAX_NAMES:
            self._levels[name] = level
        return level


def hashed_schema(schema: Json) -> Json:
    """Return the schema of a hashed field: the same structure, with text for values."""
    if "properties" in schema:
        return schema | {"properties": {name: hashed_schema(field) for name, field in schema["properties"].items()}}
    if "items" in schema:
        return schema | {"items": hashed_schema(schema["items"])}
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if not types or "object" in types or "array" in types:
        return schema
    return {"type": ["string", "null"] if "null" in types else "string"}


def check_required_fields(spec: StreamSpec, schema: Json) -> None:
    """Check that a schema has kept the key and the cursor of its stream.

    Raises:
        PluginError: If the rules have dropped one of them.
    """
    required = [*spec.key, *filter(None, [spec.replication_key])]
    missing = [name for name in required if name not in schema["properties"]]
    if missing:
        raise PluginError(
            f"setting `pii` drops {', '.join(missing)} of stream {spec.name}, which is its key or shows its changes: "
            "hash it, or restrict the rule to other streams with `streams`"
        )
