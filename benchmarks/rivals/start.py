"""Starts another project's target against the local BigQuery, in that target's environment.

Usage: start.py MODULE FUNCTION ARGUMENTS...

`BIGQUERY_EMULATOR_HOST` and `BIGQUERY_STORAGE_HOST` are its addresses. There are no credentials. Files are unpacked
before they are loaded, because the local BigQuery does not accept gzip.
"""

from __future__ import annotations

import gzip
import importlib
import io
import os
import sys
from typing import IO, Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

GZIP = b"\x1f\x8b"


class LocalClient(bigquery.Client):
    """Google's client, for the local BigQuery."""

    def __init__(self, project: str, **options: Any) -> None:  # noqa: ANN401 - whatever the target says
        endpoint = {"api_endpoint": os.environ["BIGQUERY_EMULATOR_HOST"]}
        super().__init__(project, credentials=AnonymousCredentials(), client_options=endpoint, **options)

    # `typing.override` is newer than the Pythons that this runs in.
    def load_table_from_file(self, file_obj: IO[bytes], *args: Any, **options: Any) -> Any:  # type: ignore[explicit-override] # noqa: ANN401
        """Load a file, unpacked."""
        data = file_obj.read()
        unpacked = gzip.decompress(data) if data.startswith(GZIP) else data
        return super().load_table_from_file(io.BytesIO(unpacked), *args, **options)


def local_storage_client(original: Any) -> Any:  # noqa: ANN401 - a class that only some environments have
    """Return the class of the Storage API's clients for the local BigQuery, which speaks without TLS."""
    grpc = importlib.import_module("grpc")

    def init(self: Any) -> None:  # noqa: ANN401
        channel = grpc.insecure_channel(os.environ["BIGQUERY_STORAGE_HOST"])
        original.__init__(self, transport=original.get_transport_class()(channel=channel))

    return type("LocalStorageClient", (original,), {"__init__": init})


def main() -> None:
    """Start the target."""
    module, function = sys.argv[1:3]
    storage = importlib.import_module("google.cloud.bigquery_storage_v1")
    for package, name, replacement in (
        (bigquery, "Client", LocalClient),
        (storage, "BigQueryWriteClient", local_storage_client(storage.BigQueryWriteClient)),
    ):
        setattr(package, name, replacement)
    sys.argv[:3] = [module]
    start: Any = importlib.import_module(module)
    for part in function.split("."):
        start = getattr(start, part)
    start()


if __name__ == "__main__":
    main()
