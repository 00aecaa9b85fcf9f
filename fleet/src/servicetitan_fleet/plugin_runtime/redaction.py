"""Keeps secrets out of logs and messages.

Secrets are registered once, when the settings are read and before they are checked. From then on every log record
of the process passes :func:`redact` as it is made, whichever logger and handler it goes to. Its control characters are
escaped, so that no text from elsewhere can steer a terminal or begin a line of its own.
"""

from __future__ import annotations

import logging
import re
import threading
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .printable import escape_controls
from .secret_forms import PIECE, base64_forms, forms, pieces, secret_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .secret_forms import Form

MASK = "***"

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_ENDS_IN_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*\Z")
_MOST_BEFORE = 512
"""How many characters before a match to look at, so that a long line takes no longer than it must."""

_LENGTHS = (8, 4)
"""How many characters at the end of a word are looked for first: more of a long one, which are there by chance less
often. The shortest secret has as many as the shorter."""

_MANY = 100
"""So many ends take longer to be looked for, one after the other, than all parts of a text to be looked up."""


@dataclass(eq=False)
class _Search:
    """Searches a text for one form of a secret. What it needs for that is made when it first does."""

    form: Form
    is_base64: bool
    # Without a lock, which a fork could leave locked: two threads make the same.
    _pattern: re.Pattern[str] | None = None

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each place."""
        self._pattern = self._pattern or re.compile(self.form.pattern)
        for found in self._pattern.finditer(text):
            yield _widen(text, *found.span()) if self.is_base64 else found.span()


class Secrets:
    """What is to be masked. Only ever grows, and readers look up one thing at a time, so they need no lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: set[str] = set()
        self._searches: dict[int, dict[str, tuple[_Search, ...]]] = {length: {} for length in _LENGTHS}
        """By the end of the word that must be in a text, for each length of such an end."""
        self._always: tuple[_Search, ...] = ()
        """Those without such a word."""
        self._pieces: set[str] = set()

    def add(self, value: str) -> None:
        """Mask a value from now on."""
        with self._lock:
            for text in secret_texts(value):
                if text not in self._texts:
                    self._add_text(text)
                    self._texts.add(text)

    def _add_text(self, text: str) -> None:
        for form in forms(text):
            self._add_search(_Search(form, is_base64=False))
        for form in base64_forms(text):
            self._add_search(_Search(form, is_base64=True))
        self._pieces |= pieces(text)

    def _add_search(self, search: _Search) -> None:
        word = search.form.word
        length = next((length for length in _LENGTHS if length <= len(word)), None)
        if length is None:
            self._always += (search,)
        else:
            # Secrets of one kind begin alike more often than they end alike.
            searches, end = self._searches[length], word[-length:]
            searches[end] = (*searches.get(end, ()), search)

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each place with a secret. They may overlap."""
        for search in (*self._always, *self._possible(text)):
            yield from search.places(text)
        if self._pieces:
            starts = range(len(text) - PIECE + 1)
            yield from ((start, start + PIECE) for start in starts if text[start : start + PIECE] in self._pieces)

    def _possible(self, text: str) -> Iterator[_Search]:
        """Yield the searches whose word is in a text, as far as its end tells."""
        lower = text.lower()
        for length, searches in self._searches.items():
            if len(searches) < _MANY:
                ends = [end for end in list(searches) if end in lower]
            else:
                starts = range(len(lower) - length + 1)
                ends = list({part for start in starts if (part := lower[start : start + length]) in searches})
            for end in ends:
                yield from searches[end]


def _widen(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return the place of all base64 around a place."""
    before, behind = _ENDS_IN_BASE64.search(text, max(0, start - _MOST_BEFORE), start), _BASE64.match(text, stop)
    return before.start() if before else start, behind.end() if behind else stop


_secrets = Secrets()


def register_secrets(values: Iterable[object]) -> None:
    """Mask these values from now on, in every form that :mod:`secret_forms` knows.

    Args:
        values: Secrets. Anything that is not text is ignored.
    """
    for value in values:
        if isinstance(value, str):
            _secrets.add(value)


def redact(text: str) -> str:
    """Return the text with every registered secret replaced by ``***``."""
    shown: list[str] = []
    end = 0
    for start, stop in sorted(_secrets.places(text)):
        if start > end or not shown:
            shown += [text[end:start], MASK]
        end = max(end, stop)
    return "".join((*shown, text[end:]))


def to_line(text: str) -> str:
    """Return a text as one line that is safe to show: secrets are masked, and control characters escaped."""
    return escape_controls(redact(text))


def to_lines(text: str) -> str:
    """Return a text as `to_line` does, but with its line breaks."""
    return escape_controls(redact(text), keep="\n")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, as `to_line` does, or the name of its type if it has no text.

    Google's clients add job ids and places in further lines.
    """
    return to_line(str(error).strip().partition("\n")[0]) or type(error).__name__


def install() -> None:
    """Pass every log record that this process makes through :func:`redact`. Calling it again changes nothing."""
    inner = logging.getLogRecordFactory()
    # Another package's copy of this module masks only the secrets that it knows.
    if getattr(inner, "redactor", None) is redact:
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 - the signature of logging
        return _redact_record(inner(*args, **kwargs))

    factory.redactor = redact  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)


def _redact_record(record: logging.LogRecord) -> logging.LogRecord:
    message = record.getMessage()
    shown = to_line(message)
    if shown != message:
        record.msg, record.args = shown, None
    if record.exc_info and record.exc_info[1] and any(map(_needs_care, _chain(record.exc_info[1]))):
        record.exc_text = to_lines("".join(traceback.format_exception(record.exc_info[1])).rstrip())
        record.exc_info = None
    return record


def _needs_care(error: BaseException) -> bool:
    text = f"{error} {error!r}"
    return to_lines(text) != text


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it, also what `raise ... from None` hides: some formatters show it."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop()
        if id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [other for other in (link.__cause__, link.__context__) if other]
