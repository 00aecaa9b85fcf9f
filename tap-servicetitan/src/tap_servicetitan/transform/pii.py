"""Personal data that must not leave the tap: which fields the setting `pii` means, and what is done to them.

Fields are named by their path in the record, with dots between the levels and no sign of lists: `contacts.phone` is the
phone of every contact. A field that a rule names is covered with everything in it.
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
from tap_servicetitan.transform.inject import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_servicetitan.settings import PiiRule
    from tap_servicetitan.specs import StreamSpec

Json = dict[str, Any]

MOST_NAMES = 1000
"""How many names of one object are remembered. Where names are data of their own, there can be any number."""

_CONTAINERS = frozenset({dict, list})


def _as_it_came(number: str) -> msgspec.Raw:
    return msgspec.Raw(number.encode())


_decode = msgspec.json.Decoder(Json, float_hook=_as_it_came).decode
_encode = msgspec.json.Encoder().encode


class Action(Enum):
    """What is done to a field."""

    DROP = "drop"
    """It does not leave the tap, and the schema does not have it."""

    HASH = "hash"
    """Each value in it leaves as HMAC-SHA256 of its text, with a salt that only the operator knows."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which fields of which streams, and what is done to them."""

    fields: tuple[re.Pattern[str], ...]
    streams: tuple[re.Pattern[str], ...]
    action: Action


def parse_rules(setting: Iterable[PiiRule], salt: str | None) -> list[Rule]:
    """Return the rules of the setting `pii`, in its order.

    Args:
        setting: Its value.
        salt: The value of `pii_salt`.

    Raises:
        PluginError: If a pattern is not a regular expression, or hashes lack their salt.
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
        raise PluginError("setting `pii` hashes fields, which needs a secret of your own in the setting `pii_salt`")
    return rules


def _pattern(text: str) -> re.Pattern[str]:
    """Return a pattern that covers a whole name: shell-style, or a regular expression between slashes."""
    regex = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "/" else fnmatch.translate(text)
    try:
        return re.compile(regex, re.IGNORECASE)
    except re.error as error:
        raise PluginError(f"setting `pii`: {text} is not a regular expression: {error}") from error


class Protection:
    """Does to one stream's schema and records what the rules ask for."""

    def __init__(self, stream: str, rules: Iterable[Rule], salt: str | None) -> None:
        """Take the rules that are about a stream.

        Args:
            stream: Its name.
            rules: All rules. Of those that match a field the first one counts.
            salt: Key of the hashes, if there are any.
        """
        self._rules = [rule for rule in rules if any(pattern.fullmatch(stream) for pattern in rule.streams)]
        self._salt = (salt or "").encode()
        # Objects of which the rules leave nothing.
        self._emptied: set[str] = set()
        self._top = _Level(self._find_action, "")

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def _find_action(self, path: str) -> Action | None:
        if path in self._emptied:
            return Action.DROP
        if path == DELETED_AT:  # the tap's own: no rule is about it, however wide
            return None
        for rule in self._rules:
            if any(pattern.fullmatch(path) for pattern in rule.fields):
                return rule.action
        return None

    def schema(self, schema: Json) -> Json:
        """Return the schema of what leaves the tap: without the fields that are dropped, text where hashes stand."""
        return self._adapted(schema, "")

    def _adapted(self, schema: Json, prefix: str) -> Json:
        if "items" in schema:
            return schema | {"items": self._adapted(schema["items"], prefix)}
        if "properties" not in schema:
            return schema
        kept = {name: self._field(field, prefix + name) for name, field in schema["properties"].items()}
        properties = {name: field for name, field in kept.items() if field is not None}
        if schema["properties"] and not properties:
            self._emptied.add(prefix.removesuffix("."))
        return schema | {"properties": properties}

    def _field(self, schema: Json, path: str) -> Json | None:
        action = self._find_action(path)
        if action is Action.DROP:
            return None
        adapted = hashed_schema(schema) if action is Action.HASH else self._adapted(schema, f"{path}.")
        return None if path in self._emptied else adapted

    def record(self, raw: msgspec.Raw) -> msgspec.Raw:
        """Return a record as it may leave the tap. One that holds nothing to hide stays the bytes that it is."""
        record = _decode(raw)
        return msgspec.Raw(_encode(record)) if self._protect(record, self._top) else raw

    def _protect(self, record: Json, level: _Level) -> bool:
        """Take what is to be hidden out of an object, in place, and return whether there was any."""
        acting = level.acting(record)
        for name in acting:
            self._apply(acting[name], record, name)
        changed = bool(acting)
        for name, value in record.items():
            if type(value) in _CONTAINERS and name not in acting:
                changed = self._protect_inside(value, level.below(name)) or changed
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
            record[name] = self._hashed(record[name])

    def _hashed(self, value: Any) -> Any:  # noqa: ANN401 - JSON is any of its types
        if type(value) is dict:
            return {name: self._hashed(item) for name, item in value.items()}
        if type(value) is list:
            return [self._hashed(item) for item in value]
        if value is None:  # there is nothing to hide
            return None
        text = value.encode() if type(value) is str else _encode(value)
        return hmac.digest(self._salt, text, "sha256").hex()


class _Level:
    """What is known of the fields of one object, or of all objects of one list. Found out once for each name."""

    def __init__(self, find: Callable[[str], Action | None], prefix: str) -> None:
        self._find = find
        self._prefix = prefix
        self._known: set[str] = set()
        self._acting: dict[str, Action] = {}
        self._levels: dict[str, _Level] = {}

    def acting(self, record: Json) -> dict[str, Action]:
        """Return the fields of an object that a rule is about, and what is done to them."""
        unknown = () if record.keys() <= self._known else record.keys() - self._known
        acting = {name: action for name, action in self._acting.items() if name in record}
        for name in unknown:
            action = self._find(self._prefix + name)
            if action:
                acting[name] = action
            self._remember(name, action)
        return acting

    def _remember(self, name: str, action: Action | None) -> None:
        if len(self._known) < MOST_NAMES:
            self._known.add(name)
            if action:
                self._acting[name] = action

    def below(self, name: str) -> _Level:
        """Return the level of the objects in a field."""
        if name in self._levels:
            return self._levels[name]
        level = _Level(self._find, f"{self._prefix}{name}.")
        if len(self._levels) < MOST_NAMES:
            self._levels[name] = level
        return level


def hashed_schema(schema: Json) -> Json:
    """Return the schema of a field whose values are hashed: the same shape, with text in it."""
    if "properties" in schema:
        return schema | {"properties": {name: hashed_schema(field) for name, field in schema["properties"].items()}}
    if "items" in schema:
        return schema | {"items": hashed_schema(schema["items"])}
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if not types or "object" in types or "array" in types:
        return schema
    return {"type": ["string", "null"] if "null" in types else "string"}


def check_kept(spec: StreamSpec, schema: Json) -> None:
    """Make sure that the fields without which a stream cannot be read are still there.

    Raises:
        PluginError: If one is not.
    """
    needed = [*spec.key, *filter(None, [spec.replication_key])]
    missing = [name for name in needed if name not in schema["properties"]]
    if missing:
        raise PluginError(
            f"setting `pii` drops {', '.join(missing)} of stream {spec.name}, which is its key or shows its changes: "
            "hash it, or leave the stream out of the rule with `streams`"
        )
