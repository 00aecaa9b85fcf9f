"""What a catalog selects. Most catalogs have all streams, and select a few of them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def without_deselected(catalog: Json) -> Json:
    """Return a catalog without the streams that it deselects: to make them takes most of a start.

    What is no entry with metadata stays, for the SDK to judge.

    Args:
        catalog: The catalog of a command line, with the array `streams`.
    """
    return {**catalog, "streams": [entry for entry in catalog["streams"] if not _is_deselected(entry)]}


def _is_deselected(entry: Any) -> bool:  # noqa: ANN401 - any JSON
    listed = entry.get("metadata") if isinstance(entry, dict) else None
    nodes = [node for node in listed if isinstance(node, dict)] if isinstance(listed, list) else []
    # Of several for the stream the last one counts, as in the SDK.
    of_stream = [node.get("metadata") for node in nodes if node.get("breadcrumb") == []]
    root = of_stream[-1] if of_stream else None
    return isinstance(root, dict) and root.get("selected") is False and root.get("inclusion") != "automatic"
