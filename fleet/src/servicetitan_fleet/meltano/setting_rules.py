"""Checks the values of settings against what a plugin says of them in `--about`: kinds, options, ranges. Pure.

Of JSON Schema it knows what the plugins use. Messages name the setting and the rule, never the value: it may be a
secret in the wrong place.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Rule = dict[str, Any]

_KINDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "string": ("a text", lambda value: isinstance(value, str)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "boolean": ("`true` or `false`", lambda value: isinstance(value, bool)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "object": ("a mapping", lambda value: isinstance(value, dict)),
    "null": ("null", lambda value: value is None),
}
_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
"""What Meltano takes for a boolean."""

_FORM = "form"
"""Keyword with which the plugins say in words what a pattern demands."""

_NAME = re.compile(r"[a-z_]{1,40}\Z")
"""Names inside of a value that are shown."""


def find_setting_problems(schema: Rule, settings: Mapping[str, object]) -> Iterator[str]:
    """Yield what is wrong with the values of settings, one line for each setting. Names that it does not know are fine.

    Args:
        schema: The plugin's settings as `--about` describes them, a JSON Schema.
        settings: Values by name, as the registry has them. Meltano hands them over as texts, so a text that stands for
            a number is as good as the number.
    """
    for name, value in settings.items():
        rule = schema["properties"].get(name)
        if rule and (problem := next(_problems(rule, _as_kind(rule, value)), "")):
            yield f"`{name}` {problem}"


def _as_kind(rule: Rule, value: object) -> object:
    """Return the value that the plugin gets: Meltano makes a text of it, and of that the setting's kind."""
    kinds = _kinds(rule)
    if "string" in kinds:
        return json.dumps(value) if _KINDS["number"][1](value) else value
    if "boolean" in kinds:
        return _WORDS.get(str(value).casefold(), value)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _problems(rule: Rule, value: object) -> Iterator[str]:
    """Yield what is wrong with a value."""
    kinds = _kinds(rule)
    if kinds and not any(_KINDS[kind][1](value) for kind in kinds):
        yield f"must be {' or '.join(_KINDS[kind][0] for kind in kinds if kind != 'null')}"
        return
    if value is None and "null" in kinds:
        return
    for name, check in _CHECKS.items():
        if name in rule:
            yield from check(rule[name], value)
    yield from _pattern(rule, value)
    if isinstance(value, dict):
        yield from _fields(rule, value)


def _kinds(rule: Rule) -> list[str]:
    kinds = rule.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _enum(options: list[object], value: object) -> Iterator[str]:
    if value not in options:
        yield f"must be one of {', '.join(str(option) for option in options if option is not None)}"


def _const(option: object, value: object) -> Iterator[str]:
    yield from _enum([option], value)


def _minimum(least: float, value: object) -> Iterator[str]:
    if isinstance(value, int | float) and value < least:
        yield f"must be at least {least}"


def _maximum(most: float, value: object) -> Iterator[str]:
    if isinstance(value, int | float) and value > most:
        yield f"must be at most {most}"


def _shortest(least: int, value: object) -> Iterator[str]:
    if isinstance(value, str) and len(value) < least:
        yield f"must have at least {least} characters" if least > 1 else "must not be empty"


def _pattern(rule: Rule, value: object) -> Iterator[str]:
    """Yield what a text should be, in words: the pattern itself is nothing to read."""
    if isinstance(value, str) and not re.search(rule.get("pattern", ""), value):
        yield f"must be {rule.get(_FORM, 'of another form: the plugin describes it')}"


def _items(rule: Rule, value: object) -> Iterator[str]:
    for number, item in enumerate(value if isinstance(value, list) else (), 1):
        yield from (f"(item {number}) {problem}" for problem in _problems(rule, item))


def _any_of(rules: list[Any], value: object) -> Iterator[str]:
    options = [rule if isinstance(rule, dict) else {"type": rule} for rule in rules]
    found = [list(_problems(option, value)) for option in options]
    if all(found):
        # If only one of the forms is of the value's kind, say what is wrong with that.
        near = [problems[0] for problems in found if not problems[0].startswith("must be ")]
        yield near[0] if len(near) == 1 else "has none of the forms that it may have"


def _fields(rule: Rule, value: dict[str, object]) -> Iterator[str]:
    known, other = rule.get("properties", {}), rule.get("additionalProperties", True)
    yield from (f"lacks `{name}`" for name in rule.get("required", ()) if name not in value)
    for name, inner in value.items():
        shown = f"(`{name}`)" if _NAME.match(name) else "(one of its fields)"
        inner_rule = known.get(name, other)
        if inner_rule is False:
            yield f"{shown} is not known"
        elif isinstance(inner_rule, dict):
            yield from (f"{shown} {problem}" for problem in _problems(inner_rule, inner))


_CHECKS: dict[str, Callable[[Any, object], Iterator[str]]] = {
    "enum": _enum,
    "const": _const,
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": _shortest,
    "items": _items,
    "anyOf": _any_of,
    "oneOf": _any_of,
}
