"""Checks calls of the BigQuery API against Google's discovery document, which lists every method, parameter and field.

The local BigQuery ignores a parameter or a field that it does not know. The real one refuses it, or ignores it too and
does something else than was asked for.

The document's format: https://developers.google.com/discovery/v1/reference/apis
"""

from __future__ import annotations

import importlib.resources
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from support.real_bigquery.bodies import UPLOAD, read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UPLOAD_PARAMETERS = frozenset({"uploadType", "upload_id"})
"""Parameters of the upload protocol, which the document leaves out.

https://docs.cloud.google.com/bigquery/docs/reference/api-uploads
"""

_SENT_BY_GOOGLE = frozenset({("bigquery.jobs.get", "projection"), ("bigquery.jobs.cancel", "projection")})
"""Parameters that Google's own Python client sends with every such call, and that the document leaves out."""

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int, str),
    "number": (int, float, str),
    "array": (list,),
    "object": (dict,),
}
"""The values that each type of the document accepts. Google's JSON reads numbers from texts, too."""

_NUMBER_FORMATS = frozenset({"int64", "uint64"})
"""Formats of texts that may also be sent as numbers."""


@dataclass(frozen=True)
class Method:
    """A method of the API.

    Attributes:
        id: Its name, such as `bigquery.jobs.insert`.
        http_method: Such as `POST`.
        path: Matches the whole path of a call.
        parameters: What the document says of each parameter in the path or the query.
        request: The name of the body's schema; empty for a method without a body.
        takes_upload: Whether it also accepts media.
    """

    id: str
    http_method: str
    path: re.Pattern[str]
    parameters: dict[str, dict[str, Any]]
    request: str
    takes_upload: bool


class Discovery:
    """What a discovery document says.

    Args:
        document: The document.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._prefix = "/" + document["servicePath"]

    @classmethod
    def of_bigquery(cls) -> Discovery:
        """Return BigQuery's own document, as the package `local-bigquery` brings it."""
        text = importlib.resources.files("local_bigquery").joinpath("discovery.json").read_text(encoding="utf-8")
        return cls(json.loads(text))

    @property
    def revision(self) -> str:
        """The day of the document, as YYYYMMDD."""
        return str(self._document["revision"])

    @cached_property
    def methods(self) -> tuple[Method, ...]:
        """All methods."""
        return tuple(map(self._method, _method_entries(self._document)))

    def method_of(self, http_method: str, path: str) -> Method | None:
        """Return the method that a call is of; None if there is no such method.

        Args:
            http_method: Such as `GET`.
            path: The path, with or without a query.
        """
        plain = urlsplit(path).path
        uploads = plain.startswith(UPLOAD)
        plain = plain.removeprefix(UPLOAD)
        # The rest of an upload goes to the address that its first answer gave.
        verbs = {"POST"} if uploads and http_method == "PUT" else {http_method}
        for method in self.methods:
            if method.http_method in verbs and method.path.fullmatch(plain) and (method.takes_upload or not uploads):
                return method
        return None

    def find_mistakes(self, http_method: str, path: str, body: bytes) -> list[str]:
        """Return what is wrong with a call: one text for each mistake, which says where it is.

        Args:
            http_method: Such as `GET`.
            path: The path with the query.
            body: The body. Of an upload, only the job is looked at, not the file.
        """
        method = self.method_of(http_method, path)
        if method is None:
            return [f"{http_method} {urlsplit(path).path}: there is no such method"]
        uploads = urlsplit(path).path.startswith(UPLOAD)
        mistakes = list(self._parameter_mistakes(method, path, uploads=uploads))
        try:
            value = read_json(http_method, path, body)
        except ValueError:
            mistakes.append("the body is not JSON")
        else:
            mistakes += self._body_mistakes(method, value)
        return [f"{method.id}: {mistake}" for mistake in mistakes]

    def _method(self, entry: dict[str, Any]) -> Method:
        pieces = re.split(r"(\{\+?\w+\})", entry["flatPath"])
        pattern = "".join("[^/]+" if piece.startswith("{") else re.escape(piece) for piece in pieces)
        return Method(
            entry["id"],
            entry["httpMethod"],
            re.compile(re.escape(self._prefix) + pattern),
            {**self._document["parameters"], **entry.get("parameters", {})},
            entry.get("request", {}).get("$ref", ""),
            bool(entry.get("supportsMediaUpload")),
        )

    def _parameter_mistakes(self, method: Method, path: str, *, uploads: bool) -> Iterator[str]:
        given = parse_qs(urlsplit(path).query, keep_blank_values=True)
        known = {name for name, of in method.parameters.items() if of["location"] == "query"}
        for name, values in given.items():
            if name in known:
                yield from _value_mistakes(f"the parameter `{name}`", method.parameters[name], values)
            elif not (uploads and name in _UPLOAD_PARAMETERS) and (method.id, name) not in _SENT_BY_GOOGLE:
                yield f"unknown parameter `{name}`"
        for name in known - given.keys():
            if method.parameters[name].get("required"):
                yield f"the parameter `{name}` is missing"

    def _body_mistakes(self, method: Method, value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
        if method.request:
            yield from self._field_mistakes("", {"$ref": method.request}, value)
        elif value:  # Google's client sends an empty object with some calls that have no body
            yield "it has no body"

    def _field_mistakes(self, place: str, schema: dict[str, Any], value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
        schema = self._document["schemas"][schema["$ref"]] if "$ref" in schema else schema
        if value is None or schema.get("type") == "any":
            return
        if not _fits(schema, value):
            yield f"`{place or schema.get('id')}` must be {schema['type']}, but is {json.dumps(value)[:80]}"
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from self._field_mistakes(f"{place}[{number}]", schema["items"], item)
        elif isinstance(value, dict):
            yield from self._object_mistakes(place, schema, value)
        else:
            yield from _value_mistakes(f"`{place}`", schema, [str(value)])

    def _object_mistakes(self, place: str, schema: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
        for name, item in value.items():
            here = f"{place}.{name}" if place else name
            known = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if known is None:
                yield f"unknown field `{here}`"
            else:
                yield from self._field_mistakes(here, known, item)


def _method_entries(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from _method_entries(resource)


def _fits(schema: dict[str, Any], value: Any) -> bool:  # noqa: ANN401 - JSON
    """Return whether the value's JSON type is the schema's."""
    expected = _JSON_TYPES[schema["type"]]
    if schema.get("format") in _NUMBER_FORMATS:
        expected = (*expected, int)
    # A boolean is an int to Python.
    return isinstance(value, expected) and (not isinstance(value, bool) or bool in expected)


def _value_mistakes(subject: str, schema: dict[str, Any], values: Iterable[str]) -> Iterator[str]:
    """Yield the values that are none of the schema's, where the schema lists them."""
    allowed = schema.get("enum")
    for value in values:
        if allowed and value not in allowed:
            yield f"{subject} must not be `{value}`"
