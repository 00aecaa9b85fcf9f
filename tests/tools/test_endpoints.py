"""The tool that extracts the lists of the API documents for the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import endpoints
from openapi import Document

TOOL = Path(endpoints.__file__)
THING = {
    "description": "words",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer", "format": "int64", "description": "words"},
        "kind": {"oneOf": [{"$ref": "#/components/schemas/Kind"}], "nullable": True},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
    },
    "type": "object",
}


def answer(**properties: Any) -> dict[str, Any]:  # noqa: ANN401
    things = {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
    return envelope({"type": "object", "properties": {"data": things, **properties}})


def envelope(schema: dict[str, Any]) -> dict[str, Any]:
    return {"200": {"content": {"application/json": {"schema": schema}}}}


def get(responses: dict[str, Any], *query: dict[str, Any]) -> dict[str, Any]:
    return {"get": {"parameters": [{"name": "tenant", "in": "path"}, *query], "responses": responses}}


def document() -> Document:
    active = {"name": "active", "in": "query", "description": "(all items will be returned by default)"}
    sort = {
        "name": "sort",
        "in": "query",
        "description": 'By field: "?sort=+X".\nAvailable fields are: Id, Kind, Size.',
    }
    ids = {"name": "ids", "in": "query", "required": True, "schema": {"type": "string", "description": "words"}}
    thing = {"$ref": "#/components/schemas/Thing"}
    paths = {
        "/tenant/{tenant}/things": get(answer(hasMore={}), active, sort, ids),
        "/tenant/{tenant}/export/things": get(answer(hasMore={}, continueFrom={})),
        "/tenant/{tenant}/all-things": get(answer()),
        "/tenant/{tenant}/bare-things": get(envelope({"type": "array", "items": thing})),
        "/tenant/{tenant}/things/{id}": get(envelope(thing)),
        "/tenant/{tenant}/ping": get({"204": {}}),
        "/tenant/{tenant}/made": {"post": {}},
    }
    schemas = {"Thing": THING, "Kind": {"type": "string", "enum": ["A", "B"], "description": "words"}}
    servers = [{"url": "https://api/area/v2"}]
    return Document({"servers": servers, "paths": paths, "components": {"schemas": schemas}})


def test_only_lists_and_only_facts_are_extracted() -> None:
    facts = endpoints.module(document())

    assert {
        path.removeprefix("/area/v2/tenant/{tenant}"): entry["answer"] for path, entry in facts["paths"].items()
    } == {
        "/things": "pages",
        "/export/things": "feed",
        "/all-things": "data",
        "/bare-things": "array",
    }
    assert facts["paths"]["/area/v2/tenant/{tenant}/things"] == {
        "answer": "pages",
        "record": {"$ref": "Thing"},
        "query": {
            "active": {"default": "Any"},
            "sort": {"fields": ["id", "kind"]},
            "ids": {"type": "string", "required": True},
        },
    }
    assert facts["schemas"] == {
        "Kind": {"type": "string", "enum": ["A", "B"]},
        "Thing": {
            "type": "object",
            "properties": {
                "id": {"type": "integer", "format": "int64"},
                "kind": {"$ref": "Kind"},
                "parts": {"type": "array", "items": {"$ref": "Thing"}},
            },
        },
    }


def test_a_change_shows_as_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = {"area-v2": endpoints.module(document())}
    monkeypatch.setattr(endpoints, "FILE", tmp_path / "documented.json")
    endpoints.FILE.write_text(endpoints.render(facts))
    facts["area-v2"]["schemas"]["Kind"]["enum"].append("C")
    changed = [line for line in endpoints.drift(endpoints.render(facts)) if line[0] in "+-"]

    assert changed[2:] == [
        '-"Kind": {"type":"string","enum":["A","B"]},',
        '+"Kind": {"type":"string","enum":["A","B","C"]},',
    ]
    assert not list(endpoints.drift(endpoints.FILE.read_text()))


@pytest.mark.parametrize(("options", "status", "message"), [
    (["--check"], 0, "not on this machine"),
    ([], 1, "there are no documents"),
])  # fmt: skip
def test_missing_documents(tmp_path: Path, options: list[str], status: int, message: str) -> None:
    environment = os.environ | {"SERVICETITAN_OPENAPI_DIR": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, TOOL, *options], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == status
    assert message in done.stdout + done.stderr
