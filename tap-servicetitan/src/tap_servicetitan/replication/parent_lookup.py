"""Finds out which parents are gone. That the list of one's children is not found (404) does not prove it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from tap_servicetitan.errors import RequestRefusedError
from tap_servicetitan.specs.spec import IDS, ReplicationKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_servicetitan.api.client import ApiClient
    from tap_servicetitan.api.pages import Key
    from tap_servicetitan.replication.list_reader import ListReader
    from tap_servicetitan.specs.spec import StreamSpec

IDS_AT_ONCE = 50
"""For how many records a list can be asked at a time, by the API's documents."""

_decode = msgspec.json.Decoder(msgspec.Raw).decode


class ParentLookup:
    """Looks up the records of one stream that are the parents of another one."""

    def __init__(self, client: ApiClient, spec: StreamSpec, lists: ListReader) -> None:
        """Prepare to look up.

        Args:
            client: Sends the requests.
            spec: Spec of the parents.
            lists: Reads their list.
        """
        self._client = client
        self._spec = spec
        self._lists = lists

    def find_gone(self, parents: Sequence[Key], known: Key | None) -> set[Key]:
        """Return those of some parents that are gone. Where that cannot be proven, a parent counts as there.

        Args:
            parents: Keys of parents that were listed before.
            known: Key of a parent that was there a moment ago, if there is one.

        Raises:
            StreamError: If the API does not answer.
        """
        if not parents:
            return set()
        if self._spec.takes_ids:
            return set(parents) - self._listed(parents)
        if self._spec.record_path:
            return self._not_found(parents, known)
        if self._spec.kind is ReplicationKind.FEED:
            return set()  # the feed may show parents that the list hides
        return set(parents) - self._read({}, parents)

    def _listed(self, parents: Sequence[Key]) -> set[Key]:
        there: set[Key] = set()
        for start in range(0, len(parents), IDS_AT_ONCE):
            asked = parents[start : start + IDS_AT_ONCE]
            there |= self._read({IDS: ",".join(map(str, asked))}, asked)
        return there

    def _read(self, query: dict[str, str], parents: Sequence[Key]) -> set[Key]:
        """Return the keys in the list; those that were asked for if it may not be complete."""
        reader = self._lists.open(lambda *_: None, query=query)
        found = {key for page in reader.pages() for key in page.keys}
        return set(parents) if reader.problem else found

    def _not_found(self, parents: Sequence[Key], known: Key | None) -> set[Key]:
        """Return the parents that are not found on their own path, if the known one is: else the path tells nothing."""
        if known is None or not self._is_found(known):
            return set()
        return {parent for parent in parents if not self._is_found(parent)}

    def _is_found(self, parent: Key) -> bool:
        path = (self._spec.record_path or "").replace("{id}", quote(str(parent), safe=""))
        try:
            self._client.get(path, {}, _decode)
        except RequestRefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True
