"""Stores small objects in a folder or a Cloud Storage bucket, with compare-and-swap writes.

Each object has a generation. A writer passes the generation that it has read (0: there was no object). If two writers
have read the same generation, only the first write succeeds. Claims need nothing more.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Client
from google.cloud.storage.retry import DEFAULT_RETRY

from servicetitan_fleet.errors import ConcurrentUpdateError
from servicetitan_fleet.files import replace_file
from servicetitan_fleet.plugin_runtime.clock import utc_now
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.plugin_runtime.google_client import keep_connections
from servicetitan_fleet.state.storage_clock import StorageClock, StorageTime

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import requests

_TIMEOUT_SECONDS = 30.0
_RETRY = DEFAULT_RETRY.with_timeout(120.0)

_MOST_CONNECTIONS = 512
"""Open at the same time: one for each thread that reads, of which `--parallel` may ask for hundreds."""


class StoredObject(NamedTuple):
    """The content of an object, and its generation."""

    content: bytes
    generation: int


NOTHING = StoredObject(b"", 0)
"""What `read` returns where there is no object."""


class Storage(Protocol):
    """A storage of small objects."""

    def read(self, name: str) -> StoredObject:
        """Read an object; return `NOTHING` if it does not exist.

        Raises:
            PluginError: If the storage cannot be reached.
        """

    def replace(self, name: str, content: bytes, generation: int) -> int:
        """Write an object if it still has this generation, and return its new generation.

        Raises:
            ConcurrentUpdateError: If the object has a different generation now.
            PluginError: If the storage cannot be reached.
        """

    def time(self) -> StorageTime:
        """Return the storage's time, which all processes share whatever the clocks of their machines show."""

    def remove_old(self, folder: str, age: dt.timedelta) -> None:
        """Remove the objects of a folder that are older, unless the storage does so by itself.

        Raises:
            PluginError: If they cannot be removed.
        """

    def check(self) -> None:
        """Check that objects can be read and written. Nothing is written.

        Raises:
            PluginError: If they cannot be read or written.
        """


def open_storage(uri: str) -> Storage:
    """Open the storage at a `file://` or `gs://` URI. A blank in a folder's name may be written as `%20`.

    Raises:
        PluginError: If the URI has another form.
    """
    parts, path = urlsplit(uri), _plain_path(uri)
    if parts.scheme == "file" and path.startswith("/") and not parts.netloc:
        return FolderStorage(Path(path))
    if parts.scheme == "gs" and parts.netloc:
        client = Client()
        keep_connections(client, _MOST_CONNECTIONS)
        return BucketStorage(client, parts.netloc, path.strip("/"))
    raise PluginError(f"the storage {uri} is neither `file:///folder` nor `gs://bucket/folder`")


def meltano_state_uri(uri: str) -> str:
    """Return the URI of the folder `state` in a storage, in the form that Meltano understands.

    Meltano 4.4 takes the path of a URI as it is written, so that `%20` would be part of a folder's name.

    Raises:
        PluginError: If the URI has another form than those that `open_storage` opens.
    """
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}{_plain_path(uri).rstrip('/')}/state"


def _plain_path(uri: str) -> str:
    """Return the path of a URI without any escapes."""
    parts = urlsplit(uri)
    # In the name of an object in a bucket, `%20` is three characters, for Meltano as well.
    path = unquote(parts.path) if parts.scheme == "file" else parts.path
    if parts.query or parts.fragment or {"?", "#"} & set(path):
        raise PluginError(f"the storage {uri} has `?` or `#` in it: choose a folder without them")
    return path


class FolderStorage(Storage):
    """Objects as files in a folder. All writers run on one machine, whose clock is the storage's."""

    def __init__(self, folder: Path) -> None:
        """Name the folder. The first write creates it."""
        self._folder = folder

    @override
    def read(self, name: str) -> StoredObject:
        try:
            return _with_generation((self._folder / name).read_bytes())
        except FileNotFoundError:
            return NOTHING
        except OSError as error:
            raise PluginError(f"cannot read {self._folder / name}: {error.strerror}") from error

    @override
    def replace(self, name: str, content: bytes, generation: int) -> int:
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _lock(path):
                if self.read(name).generation != generation:
                    raise ConcurrentUpdateError(f"{path} was replaced since it was read")
                replace_file(path, content)
        except OSError as error:
            raise PluginError(f"cannot write {path}: {error.strerror}") from error
        return _with_generation(content).generation

    @override
    def time(self) -> StorageTime:
        now = utc_now()
        return StorageTime(now, now)

    @override
    def remove_old(self, folder: str, age: dt.timedelta) -> None:
        oldest = (utc_now() - age).timestamp()
        try:
            for path in (self._folder / folder).glob("*"):
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise PluginError(f"cannot remove old files in {self._folder / folder}: {error.strerror}") from error

    @override
    def check(self) -> None:
        existing = next(folder for folder in (self._folder, *self._folder.parents) if folder.exists())
        if not existing.is_dir() or not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
            raise PluginError(f"cannot create {self._folder}: {existing} is not writable")


def _with_generation(content: bytes) -> StoredObject:
    # A file has no generation, so a hash serves as one. Records contain times and never repeat.
    return StoredObject(content, int.from_bytes(hashlib.sha256(content).digest()[:7]) + 1)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class BucketStorage(Storage):
    """Objects in a Cloud Storage bucket. Google's client uses the emulator that `STORAGE_EMULATOR_HOST` names."""

    def __init__(self, client: Client, bucket: str, prefix: str) -> None:
        """Name the bucket and the folder in it.

        Args:
            client: Google's client.
            bucket: Name of the bucket, which must exist.
            prefix: Prefix of the object names, without slashes around it; may be empty.
        """
        self._bucket = client.bucket(bucket)
        self._prefix = f"{prefix}/" if prefix else ""
        self._clock = StorageClock()
        client._http.hooks["response"].append(self._note_time)  # noqa: SLF001 - the client shows its session nowhere

    @override
    def read(self, name: str) -> StoredObject:
        blob = self._bucket.blob(self._prefix + name)
        try:
            content = blob.download_as_bytes(timeout=_TIMEOUT_SECONDS, retry=_RETRY)
        except exceptions.NotFound:
            return NOTHING
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            raise self._make_error("read", name, error) from error
        # The download has set the generation of the content it returned.
        return StoredObject(content, int(blob.generation))

    @override
    def replace(self, name: str, content: bytes, generation: int) -> int:
        blob = self._bucket.blob(self._prefix + name)
        try:
            blob.upload_from_string(
                content,
                content_type="application/json",
                if_generation_match=generation,
                timeout=_TIMEOUT_SECONDS,
                retry=_RETRY,
            )
        except exceptions.PreconditionFailed as error:
            return self._confirm_own_write(name, content, error)
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            raise self._make_error("write", name, error) from error
        return int(blob.generation)

    @override
    def time(self) -> StorageTime:
        return self._clock.time()

    @override
    def remove_old(self, folder: str, age: dt.timedelta) -> None:
        """Do nothing: the bucket's lifecycle does it (`deploy/bucket_lifecycle.json`)."""

    @override
    def check(self) -> None:
        name = f"companies/{uuid.uuid4().hex}"
        self.read(name)
        # Cloud Storage refuses this write, because the object does not exist and so has no generation 1. It checks the
        # permission to write before the generation.
        with contextlib.suppress(ConcurrentUpdateError):
            self.replace(name, b"", generation=1)

    def _note_time(self, response: requests.Response, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as hooks are
        self._clock.note(response.headers.get("Date"), response.elapsed.total_seconds())

    def _confirm_own_write(self, name: str, content: bytes, error: Exception) -> int:
        """Return the generation if the object has this content: an earlier try succeeded, but its response was lost."""
        found = self.read(name)
        if found.content != content:
            raise ConcurrentUpdateError(f"{name} was replaced since it was read") from error
        return found.generation

    def _make_error(self, verb: str, name: str, error: Exception) -> PluginError:
        return PluginError(f"cannot {verb} gs://{self._bucket.name}/{self._prefix}{name}: {error}")
