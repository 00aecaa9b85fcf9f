"""Keeps secrets out of logs and messages.

Secrets are registered once, when the settings are read and before they are checked. From then on every log record
of the process passes :func:`redact` as it is made, whichever logger and handler it goes to.
"""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "***"

SHORTEST_SECRET = 4
"""Values shorter than this (in characters) are not masked: they would blank out ordinary text."""

_secrets: set[str] = set()


def register_secrets(values: Iterable[object]) -> None:
    """Mask these values from now on, and the forms that they take in URLs and in JSON.

    Args:
        values: Secrets. A text that is a JSON object (a service account key) also registers its `private_key`.
            Anything that is not text is ignored.
    """
    for value in values:
        if isinstance(value, str):
            _secrets.update(form for form in _forms(value) if len(form) >= SHORTEST_SECRET)


def _forms(value: str) -> Iterator[str]:
    for text in (value, *_inner_secrets(value)):
        yield text
        yield text.strip()
        yield quote(text, safe="")
        yield quote_plus(text)
        yield json.dumps(text)[1:-1]


def _inner_secrets(value: str) -> Iterator[str]:
    try:
        document = json.loads(value)
    except ValueError:
        return
    if isinstance(document, dict):
        for name in ("private_key", "private_key_id", "refresh_token", "client_secret"):
            if isinstance(document.get(name), str):
                yield document[name]


def redact(text: str) -> str:
    """Return the text with every registered secret replaced by ``***``."""
    # The longest first, so that a secret that contains another one is masked whole.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, without secrets, or the name of its type if it has no text.

    Google's clients add job ids and places in further lines.
    """
    return redact(str(error).strip().partition("\n")[0]) or type(error).__name__


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
    redacted = redact(message)
    if redacted != message:
        record.msg, record.args = redacted, None
    if record.exc_info and record.exc_info[1] and any(map(_is_secret, _chain(record.exc_info[1]))):
        record.exc_text = redact("".join(traceback.format_exception(record.exc_info[1])).rstrip())
        record.exc_info = None
    return record


def _is_secret(error: BaseException) -> bool:
    text = f"{error} {error!r}"
    return redact(text) != text


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it, also what `raise ... from None` hides: some formatters show it."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop()
        if id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [other for other in (link.__cause__, link.__context__) if other]
