"""Small objects in a folder or in a Cloud Storage bucket, replaced only by who has seen what is there.

Both kinds keep a generation of each object. A writer names the generation that it has read (0: there was none), and of
two writers who have read the same one, one is told that it came too late. That is all that a lease needs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Client
from google.cloud.storage.retry import DEFAULT_RETRY

from servicetitan_fleet.errors import ConcurrentUpdateError
from servicetitan_fleet.files import replace_file
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_SECONDS = 30.0
_RETRY = DEFAULT_RETRY.with_timeout(120.0)


class StoredObject(NamedTuple):
    """What is in an object, and its generation."""

    content: bytes
    generation: int


NOTHING = StoredObject(b"", 0)
"""What is read where there is no object."""


class Storage(Protocol):
    """Where objects are kept."""

    def read(self, name: str) -> StoredObject:
        """Return an object, or `NOTHING`.

        Raises:
            PluginError: If the storage cannot be reached.
        """

    def replace(self, name: str, content: bytes, generation: int) -> int:
        """Write an object of which the writer has seen this generation, and return the new generation.

        Raises:
            ConcurrentUpdateError: If the object has another generation now.
            PluginError: If the storage cannot be reached.
        """

    def check(self) -> None:
        """Find out whether objects can be read and written. Nothing is written.

        Raises:
            PluginError: If they cannot.
        """


def open_storage(uri: str) -> Storage:
    """Return the storage at a `file://` or `gs://` address.

    Raises:
        PluginError: If the address is neither.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.path.startswith("/") and not parts.netloc:
        return FolderStorage(Path(unquote(parts.path)))
    if parts.scheme == "gs" and parts.netloc:
        return BucketStorage(Client(), parts.netloc, parts.path.strip("/"))
    raise PluginError(f"the storage {uri} is neither `file:///folder` nor `gs://bucket/folder`")


class FolderStorage(Storage):
    """Objects as files of a folder. All writers are on one machine."""

    def __init__(self, folder: Path) -> None:
        """Describe the storage. The folder is made when something is written."""
        self._folder = folder

    @override
    def read(self, name: str) -> StoredObject:
        try:
            return _stored((self._folder / name).read_bytes())
        except FileNotFoundError:
            return NOTHING
        except OSError as error:
            raise PluginError(f"cannot read {self._folder / name}: {error.strerror}") from error

    @override
    def replace(self, name: str, content: bytes, generation: int) -> int:
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path):
                if self.read(name).generation != generation:
                    raise ConcurrentUpdateError(f"{path} was replaced since it was read")
                replace_file(path, content)
        except OSError as error:
            raise PluginError(f"cannot write {path}: {error.strerror}") from error
        return _stored(content).generation

    @override
    def check(self) -> None:
        place = next(one for one in (self._folder, *self._folder.parents) if one.exists())
        if not place.is_dir() or not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise PluginError(f"cannot write into {place}, where {self._folder} is to be")


def _stored(content: bytes) -> StoredObject:
    # A file has no generation of its own. What is kept here never becomes the same again: it holds times.
    return StoredObject(content, int.from_bytes(hashlib.sha256(content).digest()[:7]) + 1)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class BucketStorage(Storage):
    """Objects of a bucket. `STORAGE_EMULATOR_HOST` in the environment leads Google's client to an emulator."""

    def __init__(self, client: Client, bucket: str, prefix: str) -> None:
        """Describe the storage.

        Args:
            client: Google's client.
            bucket: Name of the bucket, which must exist.
            prefix: What the names of the objects begin with, without slashes around it; may be empty.
        """
        self._bucket = client.bucket(bucket)
        self._prefix = f"{prefix}/" if prefix else ""

    @override
    def read(self, name: str) -> StoredObject:
        blob = self._bucket.blob(self._prefix + name)
        try:
            content = blob.download_as_bytes(timeout=_TIMEOUT_SECONDS, retry=_RETRY)
        except exceptions.NotFound:
            return NOTHING
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            raise self._failed("read", name, error) from error
        # The download names the generation of what it brought.
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
            return self._own_generation(name, content, error)
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            raise self._failed("write", name, error) from error
        return int(blob.generation)

    @override
    def check(self) -> None:
        name = f"companies/{uuid.uuid4().hex}"
        self.read(name)
        # An object that is not there does not have this generation, so Cloud Storage refuses. It asks for the right to
        # write before it looks.
        with contextlib.suppress(ConcurrentUpdateError):
            self.replace(name, b"", generation=1)

    def _own_generation(self, name: str, content: bytes, error: Exception) -> int:
        """Return the generation when what is there is what was to be written: an earlier try got through unseen."""
        found = self.read(name)
        if found.content != content:
            raise ConcurrentUpdateError(f"{name} was replaced since it was read") from error
        return found.generation

    def _failed(self, verb: str, name: str, error: Exception) -> PluginError:
        return PluginError(f"cannot {verb} gs://{self._bucket.name}/{self._prefix}{name}: {error}")
