r"""The forms in which a secret can stand in a text, as regular expressions. Pure.

A secret rarely appears as it is. Programs print it in quotes, put it into a URL, into JSON, into JSON inside JSON, into
HTML, or encode it. So each character that some encoding writes differently may stand in any of its forms, whatever
the others do, and a text of several lines is also looked for line by line.

A process may know the secrets of a thousand companies, and searches each line of its log for all of them. So each form
also says which word stands in it as it is: where that is missing, there is nothing to search for.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from html.entities import codepoint2name
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST_SECRET = 4
"""Secrets shorter than this (in characters) are not looked for: they would blank out ordinary words."""

SHORTEST_PART = 8
"""The same for the lines of a secret, and for secrets that are encoded: fewer characters come about by chance."""

PIECE = 16
"""Length of the pieces of a long secret that are looked for by themselves, in characters."""

_LONG = 2 * PIECE
"""A line of at least this many characters is also looked for in pieces: a log may show only its beginning."""

_LATIN_1_ENDS = 0x100

_KEYS_OF_CREDENTIALS = ("private_key", "private_key_id", "refresh_token", "client_secret")
"""The secret fields of the JSON documents that Google issues."""

_WORD = re.compile(r"[A-Za-z0-9_]+")
"""What no encoding changes that changes single characters."""

_TOKEN = re.compile(rf"\\+|\s+|{_WORD.pattern}|.", re.DOTALL)
# Every repetition has a limit, so that no text takes long to be searched.
_PERCENT = "%(?:25){0,4}"
_BACKSLASH = rf"(?:\\|{_PERCENT}5[cC])"
_BACKSLASHES = _BACKSLASH + "{1,8}"
_BLANK = (
    rf"(?:\s|{_BACKSLASHES}(?:[nrt]|x0[9aAdD]|x20|u000[9aAdD]|u0020)|{_PERCENT}(?:0[9aAdD]|20)"
    r"|&#(?:9|10|13|32|[xX](?:0?[9aAdD]|20));){1,32}"
)
_AMPERSAND = rf"(?:&|{_BACKSLASHES}u0026|{_PERCENT}26)(?:amp;){{0,4}}"


def secret_texts(value: str) -> Iterator[str]:
    """Yield the texts to hide for a secret: itself, and what is secret in it. Short ones are left out.

    Of a JSON document, such as the key of a service account, these are its secret fields; of a text with line breaks,
    its lines.
    """
    for text in (value, *_secret_fields(value)):
        # The first and last line of a key in PEM format say only that it is one.
        lines = [] if _is_document(text) else [line for line in text.splitlines() if not line.startswith("-----")]
        yield from (whole for whole in (text.strip(),) if len(whole) >= SHORTEST_SECRET)
        yield from (line for line in map(str.strip, lines) if len(line) >= SHORTEST_PART)


@dataclass(frozen=True)
class Form:
    """One of the forms of a text.

    Attributes:
        pattern: The regular expression that finds it.
        word: The longest word that stands in everything that it finds, in lower case: letters, digits and underscores.
            In what is found, they may be capitals. Empty if there is none.
    """

    pattern: str
    word: str


def forms(text: str) -> Iterator[Form]:
    """Yield the forms in which a text stands as it is, escaped, and in hexadecimal digits."""
    yield Form(_escaped(text), _longest_word(text))
    if re.search(r"\s", text):
        # In a form a plus stands for a blank, and no plus for itself.
        for url in (quote_plus(each, errors="replace") for each in (text, json.dumps(text)[1:-1])):
            yield Form(_any_case(url), _longest_word(url))
    if len(text) >= SHORTEST_PART:
        digits = _bytes(text).hex()
        yield Form(f"(?i:{digits})", digits)


def base64_forms(text: str) -> Iterator[Form]:
    """Yield the forms in which a text stands inside base64, as in the header of HTTP's basic authentication.

    They leave out one or two characters at each end, which also depend on what stands before and behind.
    """
    data = _bytes(text)
    if len(text) < SHORTEST_PART:
        return
    for encoded in sorted({*_in_base64(data, b"+/"), *_in_base64(data, b"-_")}):
        yield Form(_escaped(encoded), _longest_word(encoded))


def pieces(text: str) -> set[str]:
    """Return all pieces of a long secret text of one line; nothing of a short one."""
    if len(text) < _LONG or "\n" in text or _is_document(text):
        return set()
    return {text[start : start + PIECE] for start in range(len(text) - PIECE + 1)}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _escaped(text: str) -> str:
    """Return a regular expression that finds a text however its characters are escaped."""
    return "".join(map(_token, _TOKEN.findall(text)))


def _longest_word(text: str) -> str:
    return max(_WORD.findall(text), key=len, default="").lower()


def _any_case(url: str) -> str:
    """Return a regular expression for a part of a URL, whose percent codes may be in either case."""
    return re.sub("%([0-9A-F]{2})", lambda code: f"%{_hexadecimal(int(code[1], 16), 2)}", re.escape(url))


def _token(token: str) -> str:
    if token.isascii() and (token.isalnum() or "_" in token):
        return token
    if token[0] == "\\":
        return rf"(?:\\|u005[cC]|{_PERCENT}5[cC]|&#(?:92|[xX]5[cC]);){{1,16}}"
    if token.isspace():
        return _BLANK
    return f"(?:{'|'.join(dict.fromkeys(_forms_of_character(token)))})"


def _forms_of_character(character: str) -> Iterator[str]:
    """Yield the forms of one character that is neither a letter, nor a digit, a blank or a backslash."""
    code, utf8 = ord(character), character.encode("utf-8", "surrogatepass")
    for data in (utf8, bytes([code])) if code < _LATIN_1_ENDS else (utf8,):
        in_url = "".join(f"{_PERCENT}{_hexadecimal(byte, 2)}" for byte in data)
        yield rf"{_BACKSLASH}{{0,8}}(?:{re.escape(character)}|{in_url})"
        yield "".join(rf"{_BACKSLASHES}x{_hexadecimal(byte, 2)}" for byte in data)
    utf16 = character.encode("utf-16-be", "surrogatepass")
    units = [int.from_bytes(utf16[place : place + 2], "big") for place in range(0, len(utf16), 2)]
    yield "".join(rf"{_BACKSLASHES}u{_hexadecimal(unit, 4)}" for unit in units)
    yield rf"{_BACKSLASHES}U{_hexadecimal(code, 8)}"
    names = [codepoint2name[code]] if code in codepoint2name else ["apos"] if character == "'" else []
    entities = [rf"#0{{0,4}}{code}", rf"#[xX]0{{0,4}}{_hexadecimal(code, 0)}", *names]
    yield rf"{_AMPERSAND}(?:{'|'.join(entities)});"
    if character == "&":
        yield _AMPERSAND
    if not character.isascii():
        yield re.escape(utf8.decode("latin-1"))  # UTF-8 that was read as Latin-1
        yield r"[\ufffd?]{1,4}"  # what `errors="replace"` leaves of it


def _hexadecimal(number: int, width: int) -> str:
    """Return an expression for a number in hexadecimal digits of either case."""
    return "".join(digit if digit.isdigit() else f"[{digit}{digit.upper()}]" for digit in f"{number:0{width or 1}x}")


def _in_base64(data: bytes, alphabet: bytes) -> Iterator[str]:
    """Yield what any base64 of a text with these bytes in it contains, for each of the three places in a group."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data + bytes(2), altchars=alphabet).decode()
        yield whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def _is_document(text: str) -> bool:
    return _parse(text) is not None


def _secret_fields(value: str) -> Iterator[str]:
    document = _parse(value) or {}
    fields = (document.get(name) for name in _KEYS_OF_CREDENTIALS)
    yield from (field for field in fields if isinstance(field, str))


def _parse(value: str) -> dict[str, object] | None:
    try:
        document = json.loads(value)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
