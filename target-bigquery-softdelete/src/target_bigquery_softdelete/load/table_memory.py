"""What the labels of a table say about earlier runs: whose rows it has, and which snapshots are not finished. Pure.

Labels come with the list of tables at the start of a run, so reading them costs nothing. BigQuery allows lowercase
letters, digits, `-` and `_`, and 63 characters (https://cloud.google.com/bigquery/docs/labels-intro#requirements).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BEGUN_LABEL = "begun_versions"
"""Label with the versions that a later run may go on with: digests, oldest first."""

EARLY_LABEL = "announced_early"
"""Label that says whether the tap sends ACTIVATE_VERSION before the records of a version."""

STREAM_LABEL = "stream-"
"""How a label begins that names a stream of which the table has rows. A digest of the name follows."""

LONGEST_VALUE = 63
MOST_VERSIONS = 7
"""How many digests a label holds, with a character between them."""

_ESCAPED = re.compile(r"-([0-9a-f]{2})")


@dataclass(frozen=True)
class TableMemory:
    """What is known of a table from the labels that it had at the start of the run."""

    begun: tuple[str, ...] = ()
    """Digests of versions that may go on, oldest first."""
    announced_early: bool = False
    """Whether ACTIVATE_VERSION came before the records of its version."""

    @classmethod
    def read(cls, labels: Mapping[str, str]) -> TableMemory:
        """Return what the labels of a table say."""
        begun = tuple(filter(None, labels.get(BEGUN_LABEL, "").split("_")))
        return cls(begun, announced_early=labels.get(EARLY_LABEL) == "true")

    def has_begun(self, stream: str, version: int) -> bool:
        """Return whether an earlier run has begun a version of a stream."""
        return version_digest(stream, version) in self.begun

    def labels(self, versions: Iterable[tuple[str, int]], *, early: bool) -> dict[str, str]:
        """Return the labels that a table must have after this run, as far as there is something to remember.

        Args:
            versions: Versions that may go on, each with its stream, oldest first.
            early: Whether ACTIVATE_VERSION comes before the records.
        """
        now = dict.fromkeys(version_digest(*version) for version in versions)
        begun = [*(digest for digest in self.begun if digest not in now), *now]
        labels = {BEGUN_LABEL: "_".join(begun[-MOST_VERSIONS:])} if begun else {}
        if early or self.announced_early:
            labels[EARLY_LABEL] = "true" if early else "false"
        return labels


def version_digest(stream: str, version: int) -> str:
    """Return what stands for a version in a label. Two that fall together only keep rows from being marked."""
    return _digest(f"{version} {stream}")


def stream_labels(streams: Iterable[str]) -> dict[str, str]:
    """Return the labels that name the streams of which a table has rows."""
    return {f"{STREAM_LABEL}{_digest(stream)}": _encode(stream) for stream in streams}


def other_streams(labels: Mapping[str, str], streams: Iterable[str]) -> list[str]:
    """Return the streams that the labels of a table name, without these.

    Args:
        labels: The labels.
        streams: Names of streams.
    """
    known = stream_labels(streams)
    return sorted(
        _decode(value) for name, value in labels.items() if name.startswith(STREAM_LABEL) and name not in known
    )


def names_streams(labels: Mapping[str, str]) -> bool:
    """Return whether the labels of a table name any stream."""
    return any(name.startswith(STREAM_LABEL) for name in labels)


def lacks_streams(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether the labels of a table lack the name of a stream that is among those that it must have."""
    return any(name.startswith(STREAM_LABEL) and name not in labels for name in wanted)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _encode(name: str) -> str:
    """Return a name as the value of a label: other characters become `-` and two hexadecimal digits for each byte."""
    value = ""
    for character in name:
        plain = character in "_0123456789abcdefghijklmnopqrstuvwxyz"
        part = character if plain else "".join(f"-{byte:02x}" for byte in character.encode())
        if len(value) + len(part) > LONGEST_VALUE:
            break
        value += part
    return value


def _decode(value: str) -> str:
    """Return the name in a label. A long one is cut off.

    >>> _decode(_encode("public-Users.é"))
    'public-Users.é'
    """
    raw = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
    return raw.encode("latin-1", "replace").decode(errors="replace")
