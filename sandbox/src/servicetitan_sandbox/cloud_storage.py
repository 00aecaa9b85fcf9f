"""Runs the local Cloud Storage: `gcp-storage-emulator`, with the check of generations that it lacks."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gcp_storage_emulator import server
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import buckets, objects
from gcp_storage_emulator.storage import Storage

from servicetitan_sandbox import hosting

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[..., object]


def run(port: int = 0, bucket: str = "sandbox") -> None:
    """Serve the JSON API of Cloud Storage until a signal arrives. All objects are kept in memory.

    The ready line holds `storage.api_endpoint` and `storage.bucket`.

    Args:
        port: Port to listen on; 0 means a free one.
        bucket: Name of the bucket to create.
    """
    logging.getLogger("gcp_storage_emulator").setLevel(logging.CRITICAL)
    _correct()
    storage = Storage(use_memory_fs=True)
    buckets.create_bucket(bucket, storage)
    # One request at a time, so that no other request changes an object between the check of its generation and the
    # write.
    with server.server.HTTPServer((hosting.HOST, port), lambda *args: server.RequestHandler(storage, *args)) as httpd:
        hosting.announce({"storage": {"api_endpoint": hosting.url(httpd.socket), "bucket": bucket}})
        httpd.serve_forever()


def _correct() -> None:
    """Replace the emulator's handlers that ignore generations."""
    replacements = {objects.insert: _insert, objects.download: _download}
    for _, handlers in server.HANDLERS:
        for method, handler in handlers.items():
            handlers[method] = replacements.get(handler, handler)


def _insert(request: Any, response: Any, storage: Storage) -> None:  # noqa: ANN401 - the emulator has no types
    """Write an object, unless the request requires a generation that the object does not have.

    https://cloud.google.com/storage/docs/request-preconditions
    """
    required = request.query.get("ifGenerationMatch")
    if required and int(required[0]) != _generation(storage, request.params["bucket_name"], _name(request)):
        response.status = HTTPStatus.PRECONDITION_FAILED
        response.json({"error": {"code": 412, "message": "At least one of the pre-conditions did not hold."}})
        return
    objects.insert(request, response, storage)


def _name(request: Any) -> str:  # noqa: ANN401 - the emulator has no types
    if "name" in request.query:
        return str(request.query["name"][0])
    return str(request.data.get("meta", request.data)["name"])


def _download(request: Any, response: Any, storage: Storage) -> None:  # noqa: ANN401 - the emulator has no types
    """Download an object, with its generation in a header, as Cloud Storage does."""
    objects.download(request, response, storage)
    generation = _generation(storage, request.params["bucket_name"], request.params["object_id"])
    if generation:
        response["x-goog-generation"] = str(generation)


def _generation(storage: Storage, bucket: str, name: str) -> int:
    """Return the generation of an object; 0 if there is no such object."""
    try:
        return int(storage.get_file_obj(bucket, name)["generation"])
    except NotFound:
        return 0
