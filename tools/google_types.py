"""Writes tests/deploy/google_types.json: Google's API descriptions of the objects that `deploy/` creates.

Usage: tools/google_types.py FOLDER    with run.v1.json and the others: googleapiclient/discovery_cache/documents of the
                                       package google-api-python-client, which is too large to be installed for this
The result is JSON Schema: names and types of the fields, and no others allowed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parents[1] / "tests" / "deploy" / "google_types.json"
ROOTS = {"run.v1": "Job", "cloudbuild.v1": "Build", "logging.v2": "LogMetric", "monitoring.v3": "AlertPolicy"}
KEPT = ("type", "enum")


def main() -> None:
    """Write the file."""
    folder = Path(sys.argv[1])
    definitions: dict[str, Any] = {}
    for api, root in ROOTS.items():
        schemas = json.loads((folder / f"{api}.json").read_text(encoding="utf-8"))["schemas"]
        add(api, root, schemas, definitions)
    text = json.dumps({"$defs": dict(sorted(definitions.items()))}, indent=1)
    RESULT.write_text(f"{text}\n", encoding="utf-8")
    print(f"{RESULT}: {len(definitions)} types")


def add(api: str, name: str, schemas: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Add a type and all types that it refers to."""
    key = f"{api}.{name}"
    if key in definitions:
        return
    properties = schemas[name].get("properties", {})
    definitions[key] = {
        "type": "object",
        "properties": {field: schema(api, described) for field, described in properties.items()},
        "additionalProperties": False,
    }
    for described in properties.values():
        for inner in references(described):
            add(api, inner, schemas, definitions)


def schema(api: str, described: dict[str, Any]) -> dict[str, Any]:
    """Return a field's description as JSON Schema, without texts."""
    if "$ref" in described:
        return {"$ref": f"#/$defs/{api}.{described['$ref']}"}
    kept = {name: described[name] for name in KEPT if name in described and described[name] != "any"}
    for name in ("items", "additionalProperties"):
        if name in described:
            kept[name] = schema(api, described[name])
    return kept


def references(described: dict[str, Any]) -> list[str]:
    """Return the names of the types that a field refers to."""
    if "$ref" in described:
        return [described["$ref"]]
    inner = (described.get("items"), described.get("additionalProperties"))
    return [name for part in inner if isinstance(part, dict) for name in references(part)]


if __name__ == "__main__":
    main()
