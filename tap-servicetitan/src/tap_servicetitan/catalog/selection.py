"""What a catalog selects. Most catalogs have all streams, and select a few of them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def without_deselected(catalog: Json) -> Json:
    """Return a catalog without the streams that it deselects: to make them takes most of a start.

    What is no entry with metadata stays, for the SDK to judge. Of several entries of a stream, and of several nodes for
    it in one, the last one counts, as in the SDK.

    Args:
        catalog: The catalog of a command line, with the array `streams`.
    """
    deselected = {_name(entry): _is_deselected(entry) for entry in catalog["streams"]}
    return {**catalog, "streams": [entry for entry in catalog["streams"] if not deselected[_name(entry)]]}


def _name(entry: object) -> str | None:
    name = entry.get("tap_stream_id") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _is_deselected(entry: Any) -> bool:  # noqa: ANN401 - any JSON
    if _name(entry) is None or not isinstance(entry.get("metadata"), list):
        return False
    of_stream = [node.get("metadata") for node in entry["metadata"] if _is_for_stream(node)]
    root = of_stream[-1] if of_stream else None
    return isinstance(root, dict) and root.get("selected") is False and root.get("inclusion") != "automatic"


def _is_for_stream(node: object) -> bool:
    return isinstance(node, dict) and node.get("breadcrumb") in ([], "")
