"""Reads ServiceTitan's OpenAPI documents.

The documents are not part of this repository. Set SERVICETITAN_OPENAPI_DIR to their directory; the default is
`../shared/servicetitan/openapi`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Json = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = Path(os.environ.get("SERVICETITAN_OPENAPI_DIR") or ROOT / "../shared/servicetitan/openapi")

UNDOCUMENTED = ROOT / "tools/undocumented_records.json"

PART = "#"
"""Stands in a path between the address and the name of the array, where one response has several lists."""

OBJECTS = frozenset(
    {
        "/dispatch/v2/tenant/{tenant}/business-hours",
        "/jpm/v2/tenant/{tenant}/jobs/{id}/booked-log",
        "/schedulingpro/v2/tenant/{tenant}/schedulers/{id}/performance",
    }
)
"""Paths that answer with a single record, and are of interest as a list of that."""

ARRAYS = {
    "/dispatch/v2/tenant/{tenant}/capacity": ("availabilities",),
    "/taskmanagement/v2/tenant/{tenant}/data": ("taskResolutions", "taskSources", "taskTypes"),
}
"""Paths of which the records are in arrays that are not called `data`, with their names."""

READING_POSTS = frozenset({"/dispatch/v2/tenant/{tenant}/capacity"})
"""Paths that are read by a POST, whose body says what of."""

_SCHEMAS = "#/components/schemas/"

Built = TypeVar("Built")


class GeneratorError(Exception):
    """Nothing can be generated. The text says why, in one line."""


class DocumentError(GeneratorError):
    """A document or a path in it is missing."""


class Document:
    """One OpenAPI document.

    Args:
        content: The document, parsed.
    """

    def __init__(self, content: Json) -> None:
        self._content = content

    @classmethod
    def load(cls, module: str) -> Document:
        """Read the document of an API module such as `settings-v2`.

        Raises:
            DocumentError: If there is no such document.
        """
        path = DOCUMENTS / f"{module}.json"
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise DocumentError(f"there is no document {path}") from error

    @cached_property
    def base(self) -> str:
        """The start of every path, which the document's own paths omit, such as `/settings/v2`."""
        return urlsplit(str(self._content["servers"][0]["url"])).path

    def gets(self) -> Iterator[str]:
        """Yield the paths that have a GET operation, without the host."""
        return (self.base + path for path, operations in self._content["paths"].items() if "get" in operations)

    def lists(self) -> Iterator[tuple[str, str]]:
        """Yield `(path, response format)` of every list.

        The formats: numbered `pages`, a `feed` continued by tokens, a bare `array`, all of `data` in one response, a
        `part` of a response with several lists, or an `object`, which is a single record.
        """
        posts = (self.base + path for path in self._content["paths"] if self.base + path in READING_POSTS)
        for path in (*self.gets(), *posts):
            for name in ARRAYS.get(path, ()):
                yield f"{path}{PART}{name}", "part"
            if format_ := self._list_format(path):
                yield path, format_

    def _list_format(self, path: str) -> str | None:
        if path in OBJECTS:
            return "object"
        response = self.response(path)
        if response.get("type") == "array":
            return "array"
        properties = response.get("properties", {})
        if self.resolve(properties.get("data", {})).get("type") == "array":
            return next((format_ for name, format_ in _FORMATS if name in properties), "data")
        if not response and path in undocumented_records():
            return "feed" if "from" in self.parameters(path) else "pages"
        return None

    def other_lists(self) -> Iterator[str]:
        """Yield the paths that may be lists, too: what they answer is not documented, or has arrays of other names."""
        lists = {path.partition(PART)[0] for path, _ in self.lists()}
        for path in self.gets():
            response = self.response(path)
            fields = response.get("properties", {}).values()
            has_arrays = any(self.resolve(field).get("type") == "array" for field in fields)
            if path not in lists and (not response or (has_arrays and not path.endswith("}"))):
                yield path

    def response(self, path: str) -> Json:
        """Return the schema of a path's response, with its own reference resolved; empty if the response is not JSON.

        Raises:
            DocumentError: If the document does not have the path.
        """
        return self.resolve(self._written(path))

    def _written(self, path: str) -> Json:
        """Return the schema of a path's response as written in the document."""
        content = self._operation(path)["responses"].get("200", {}).get("content", {})
        return cast("Json", content.get("application/json", {}).get("schema", {}))

    def record(self, path: str) -> Json:
        """Return the schema of a record in the response of a list or feed, with its own reference resolved."""
        return self.resolve(self.item(path))

    def item(self, path: str) -> Json:
        """Return the schema of a record as written in the document, which is usually a reference."""
        address, _, part = path.partition(PART)
        response = self.response(address)
        if not response:
            return undocumented_records()[address]
        if address in OBJECTS:
            return self._written(address)
        is_array = response.get("type") == "array"
        return cast("Json", response["items"] if is_array else response["properties"][part or "data"]["items"])

    def parameters(self, path: str) -> set[str]:
        """Return the names of a path's query parameters."""
        return {parameter["name"] for parameter in self.query(path)}

    def query(self, path: str) -> list[Json]:
        """Return the query parameters of a path, as the document describes them."""
        return [parameter for parameter in self._operation(path)["parameters"] if parameter["in"] == "query"]

    def body(self, path: str) -> Json:
        """Return the members of the body that a path takes, by name, each with whether it is `required`."""
        content = self._operation(path).get("requestBody", {}).get("content", {})
        schema = self.resolve(content.get("application/json", {}).get("schema", {}))
        required = schema.get("required", ())
        return {name: {**field, "required": name in required} for name, field in schema.get("properties", {}).items()}

    def reference(self, schema: Json) -> str | None:
        """Return the name of the schema that this one refers to, also within `oneOf` or `allOf`; None if to none."""
        for keyword in ("allOf", "oneOf", "anyOf"):
            if len(schema.get(keyword, ())) == 1 and "properties" not in schema:
                return self.reference(schema[keyword][0])
        return schema["$ref"].removeprefix(_SCHEMAS) if "$ref" in schema else None

    def resolve(self, schema: Json) -> Json:
        """Return a schema with its own reference, `allOf` and single `oneOf` resolved, but not those of its fields."""
        schema = dict(schema)
        parts = [self._look_up(schema.pop("$ref"))] if "$ref" in schema else []
        parts += schema.pop("allOf", [])
        for keyword in ("oneOf", "anyOf"):
            # The documents wrap a reference in `oneOf` to add a description. Real alternatives have no common type.
            if len(schema.get(keyword, ())) == 1:
                parts += schema.pop(keyword)
        return merge([*map(self.resolve, parts), schema])

    def _operation(self, path: str) -> Json:
        address = path.partition(PART)[0]
        method = "post" if address in READING_POSTS else "get"
        try:
            return cast("Json", self._content["paths"][address.removeprefix(self.base)][method])
        except KeyError as error:
            raise DocumentError(f"the documents do not have the path {path}") from error

    def _look_up(self, reference: str) -> Json:
        return cast("Json", self._content["components"]["schemas"][reference.removeprefix(_SCHEMAS)])


_FORMATS = (("continueFrom", "feed"), ("hasMore", "pages"))


@cache
def undocumented_records() -> dict[str, Json]:
    """Return the schemas of the records whose form the documents leave out, by path."""
    content = json.loads(UNDOCUMENTED.read_text("utf-8"))
    return {path: content["records"][name] for path, name in content["paths"].items()}


def merge(schemas: Iterable[Json]) -> Json:
    """Return one schema with the keywords of all. Properties are united; of other keywords the last one counts."""
    merged: Json = {}
    for schema in schemas:
        properties = {**merged.get("properties", {}), **schema.get("properties", {})}
        merged |= schema
        if properties:
            merged["properties"] = properties
    return merged


def generate(  # noqa: PLR0913 - the parts of a generator
    name: str,
    description: str,
    *,
    build: Callable[[], Built],
    write: Callable[[Built], None],
    drift: Callable[[Built], Iterable[str]],
    matches: Callable[[Built], str],
) -> int:
    """Run the command line of a tool that writes files from the documents, and return its exit code.

    With `--check` it writes nothing, and ends with 1 if a file would change.

    Args:
        name: Name of the tool, with which its lines begin.
        description: What it does, for `--help`.
        build: Makes what is to be written. A GeneratorError of it ends the tool with 1.
        write: Writes it.
        drift: Yields the lines of a diff between the files and what is to be written.
        matches: Says what was compared when there is no difference.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file would change")
    check = parser.parse_args().check

    if check and not DOCUMENTS.is_dir():
        print(f"{name}: the OpenAPI documents are not on this machine, so there is nothing to compare with")
        return 0
    try:
        built = build()
    except GeneratorError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    if not check:
        write(built)
        return 0
    lines = list(drift(built))
    print("\n".join(lines) if lines else f"{name}: {matches(built)}")
    return 1 if lines else 0
