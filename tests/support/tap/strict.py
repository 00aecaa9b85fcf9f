"""A reader of Singer messages that is as strict as a target may be."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jsonschema import Draft7Validator, FormatChecker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Message = dict[str, Any]

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

formats = FormatChecker(formats=())
"""Checks what the formats of JSON Schema demand of dates and times."""


@formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """Return whether a text is a time by RFC 3339, with its zone. Other types are no business of a format."""
    if not isinstance(value, str):
        return True
    found = _RFC_3339.fullmatch(value)
    if found:
        datetime.fromisoformat(value.replace(found[1] or "", ""))  # such a day exists
    return bool(found)


@formats.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    if isinstance(value, str):
        datetime.strptime(value, "%Y-%m-%d")  # noqa: DTZ007 - a day has no zone
    return True


def find_faults(messages: Iterable[Message]) -> Iterator[str]:
    """Yield what is wrong with the messages of a run, in words."""
    validators: dict[str, Draft7Validator] = {}
    for message in messages:
        if message.get("type") == "SCHEMA":
            yield from _schema_faults(message)
            validators[message["stream"]] = Draft7Validator(message["schema"], format_checker=formats)
        elif message.get("type") in {"RECORD", "ACTIVATE_VERSION"}:
            yield from _stream_faults(message, validators)
        elif message.get("type") != "STATE":
            yield f"a message of the type {message.get('type')}"
        elif not isinstance(message.get("value"), dict):
            yield "a STATE without an object as its value"


def _schema_faults(message: Message) -> Iterator[str]:
    stream = message["stream"]
    Draft7Validator.check_schema(message["schema"])
    fields = message["schema"]["properties"].keys()
    for kind in ("key_properties", "bookmark_properties"):
        names = message.get(kind, [])
        if not isinstance(names, list) or not set(names) <= fields:
            yield f"{stream}: {kind} {names} are not all in the schema"
    if "key_properties" not in message:
        yield f"{stream}: no key_properties"


def _stream_faults(message: Message, validators: dict[str, Draft7Validator]) -> Iterator[str]:
    stream = message.get("stream", "")
    if stream not in validators:
        yield f"{stream}: {message['type']} before its SCHEMA"
        return
    if message["type"] == "ACTIVATE_VERSION":
        if not isinstance(message.get("version"), int):
            yield f"{stream}: a version that is no whole number: {message.get('version')}"
        return
    if not _is_date_time(message.get("time_extracted")):
        yield f"{stream}: time_extracted is no time: {message.get('time_extracted')}"
    for error in validators[stream].iter_errors(message["record"]):
        yield f"{stream}: {error.json_path}: {error.message[:200]}"
