"""Reads the lists of several parents at the same time."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from tap_servicetitan.concurrency.prefetch import start_side_by_side
from tap_servicetitan.errors import RequestRefusedError, StreamError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_servicetitan.api.pages import Key, ListPage
    from tap_servicetitan.replication.complete_list import CompleteListReader
    from tap_servicetitan.replication.parent_lookup import ParentLookup

    AnyKey = TypeVar("AnyKey", bound=Key)

PARENTS_AT_ONCE = 32
"""For how many parents of a stream to read the lists at the same time. Lists take a second or two each, whatever is in
them; the limits of the tenant and of its module hold all the same."""

MAX_UNREAD = 1000
"""For how many parents in a run the list may stay unread. More of them mean that the endpoint is in trouble."""


class ChildLists:
    """The lists of a child stream, one per record of the parent."""

    def __init__(
        self,
        open_list: Callable[..., CompleteListReader],
        lookup: ParentLookup,
        *,
        owed: Sequence[Key] = (),
        were_read: bool,
        on_problem: Callable[[int, str], None],
    ) -> None:
        """Prepare to read.

        Args:
            open_list: Returns the reader of a parent's list, as `ListReader.open` does.
            lookup: Tells which parents are gone.
            owed: Parents whose lists an earlier run could not read.
            were_read: Whether an earlier run has read such lists, so that the endpoint is known to exist.
            on_problem: Called after each pass over a list that may have missed records: its number, and why.
        """
        self._were_read = were_read
        self._open_list = open_list
        self._lookup = lookup
        self._on_problem = on_problem
        self._read_parents: set[Key] = set()
        self._refusal: RequestRefusedError | None = None
        self._found: Key | None = None
        self.unread: dict[Key, str] = dict.fromkeys(owed, "an earlier run could not read it")
        """Why the list of a parent has not been read to its end, by parent."""

    @property
    def is_proven(self) -> bool:
        """Whether the endpoint is known to exist, as far as it was needed: a list was found, or none was refused."""
        return self._were_read or self._found is not None or not self.unread

    def begin_pass(self) -> None:
        """Forget what was read: a pass reads each list once more."""
        self._read_parents.clear()
        self.unread.clear()

    def take_new(self, parents: Iterable[AnyKey]) -> list[AnyKey]:
        """Return those of some parents whose lists this pass has not read, and count them as read."""
        new = [parent for parent in dict.fromkeys(parents) if parent not in self._read_parents]
        self._read_parents.update(new)
        return new

    def forget(self, parents: Iterable[Key]) -> None:
        """Let the lists of parents be read again, because they may have changed after they were."""
        self._read_parents.difference_update(parents)

    def start(self, parents: Sequence[Key]) -> Iterator[tuple[int, Iterator[ListPage]]]:
        """Yield the lists of parents as they come, whichever comes first: the parent's place, and the list's pages.

        Raises:
            StreamError: If a list cannot be read for a reason that holds for the others as well.
        """
        return start_side_by_side(map(self._pages, parents), PARENTS_AT_ONCE)

    def of(self, parents: Iterable[Key]) -> Iterator[ListPage]:
        """Yield the pages of the parents' lists, list by list, in any order. A list is read once.

        Raises:
            StreamError: If a list cannot be read for a reason that holds for the others as well.
        """
        for _, pages in self.start(self.take_new(parents)):
            yield from pages

    def settle(self) -> Iterator[ListPage]:
        """Ask once more for the lists that could not be read, and yield their pages.

        A parent that is gone has no children. What stays in `unread` after that could not be read.

        Raises:
            RequestRefusedError: If no list at all was found: then the endpoint is missing, not a parent.
            StreamError: As in `of`.
        """
        for parent in self._lookup.find_gone(list(self.unread), self._found):
            del self.unread[parent]
        self._raise_if_missing()
        for parent in list(self.unread):
            yield from self._pages(parent)

    def _pages(self, parent: Key) -> Iterator[ListPage]:
        def note(attempt: int, problem: str) -> None:
            self._on_problem(attempt, f"the list of {parent}: {problem}")

        reader = self._open_list(note, parent=parent)
        try:
            for page in reader.pages():
                self._found = parent
                yield page
        except UnavailableError:
            raise
        except StreamError as error:
            self._note_failure(parent, error)
        else:
            self._note_end(parent, reader.problem)

    def _note_failure(self, parent: Key, error: StreamError) -> None:
        if isinstance(error, RequestRefusedError):
            if error.status == HTTPStatus.FORBIDDEN:
                raise error
            if error.status == HTTPStatus.NOT_FOUND:
                self._refusal = error
        self._note_end(parent, str(error))
        if len(self.unread) > MAX_UNREAD:
            self._raise_if_missing()
            raise StreamError(
                f"the lists of more than {MAX_UNREAD} parents could not be read, such as that of {parent}: {error}"
            )

    def _raise_if_missing(self) -> None:
        if self._refusal and not self.is_proven:
            raise self._refusal

    def _note_end(self, parent: Key, problem: str | None) -> None:
        if problem:
            self.unread[parent] = problem
        else:
            self.unread.pop(parent, None)
