"""Checks the table of meanings (`tap_servicetitan/meanings/`) and says what is missing or wrong.

Usage: tools/meanings.py             print what is wrong, and exit 1 if anything is
       tools/meanings.py --missing   print only the streams and fields that nothing is said about

With ServiceTitan's OpenAPI documents at hand (`openapi.py` says where) it also looks for sentences of theirs: the facts
may come from there, the words may not.
"""

from __future__ import annotations

import argparse
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from openapi import DOCUMENTS
from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.catalog.meanings import SHARED, UNITS, fields_of, find_meaning, load_meanings, stream_meaning
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_servicetitan.catalog.meanings import Meaning
    from tap_servicetitan.specs.spec import StreamSpec

Json = dict[str, Any]

SAME_WORDS = 6
"""How many words in a row may not be those of a document."""

_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_WORD = re.compile(r"[a-z0-9']+")

_EMPTY_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "the",
        "this",
        "to",
        "was",
        "when",
        "which",
        "who",
        "with",
    ]
)
"""Words that say nothing by themselves."""


@cache
def fields() -> dict[str, dict[tuple[str, ...], Json]]:
    """Return the schema of every field of every stream, by stream and path."""
    return {spec.name: dict(fields_of(schema_of(spec))) for spec in STREAMS}


def meanings() -> Iterator[tuple[StreamSpec, tuple[str, ...], Json, Meaning]]:
    """Yield every field that has a meaning, with it."""
    for spec in STREAMS:
        for path, field in fields()[spec.name].items():
            if meaning := find_meaning(spec, path):
                yield spec, path, field, meaning


def missing() -> Iterator[str]:
    """Yield the streams and fields that nothing is said about."""
    for spec in STREAMS:
        if not stream_meaning(spec):
            yield spec.name
        yield from (f"{spec.name}.{'.'.join(path)}" for path in fields()[spec.name] if not find_meaning(spec, path))


def dead_entries() -> Iterator[str]:
    """Yield the entries that no field has, and the streams that do not exist."""
    used = {meaning.place for _, _, _, meaning in meanings()}
    names = {spec.name for spec in STREAMS}
    for area in sorted({spec.area for spec in STREAMS}):
        for stream, entry in load_meanings(area).items():
            places = [(stream, name) for name in entry["fields"]]
            dead = (f"{area}.json: {stream}.{name}: no such field" for _, name in places if (stream, name) not in used)
            yield from dead if stream in names else [f"{area}.json: {stream}: no such stream"]
    for name in load_meanings(SHARED):
        if (SHARED, name) not in used:
            yield f"{SHARED}.json: {name}: no field takes it"


def broken_references() -> Iterator[str]:
    """Yield references to what does not exist or has another type, and keys of others that refer to nothing."""
    for spec, path, field, meaning in meanings():
        where = f"{spec.name}.{'.'.join(path)}"
        if meaning.references is None and _names_a_key(spec, path):
            yield f"{where}: it looks like the key of something else: name that, or [] if no stream has it"
        yield from (f"{where}: {problem}" for problem in (_problem(field, to) for to in meaning.references or ()))


def _names_a_key(spec: StreamSpec, path: tuple[str, ...]) -> bool:
    name = path[-1]
    is_own = len(path) == 1 and name in spec.key
    return not is_own and (name.endswith(("Id", "Ids")) or (name == "id" and len(path) > 1))


def _problem(field: Json, reference: str) -> str:
    stream, _, name = reference.partition(".")
    target = fields().get(stream, {}).get((name,))
    if target is None:
        return f"there is no {reference}"
    types = _type(field), _type(target)
    # Some lists have the keys of others as text.
    return (
        "" if types[0] == types[1] or types == ("string", "integer") else f"{reference} is {types[1]}, not {types[0]}"
    )


def _type(field: Json) -> str:
    types = field.get("items", field).get("type", [])
    return next((name for name in ([types] if isinstance(types, str) else types) if name != "null"), "")


def lacking_units() -> Iterator[str]:
    """Yield units that do not exist, and times and exact numbers without one that say nothing about it, either."""
    for spec, path, field, meaning in meanings():
        where = f"{spec.name}.{'.'.join(path)}"
        if meaning.unit is not None and meaning.unit not in UNITS:
            yield f"{where}: there is no unit {meaning.unit}"
        if meaning.unit is None and field.get("format") in {"date-time", "decimal"} and not _says_why(meaning.text):
            yield f"{where}: which unit, or which clock?"


def _says_why(text: str) -> bool:
    """Return whether a meaning itself says why there is no unit."""
    return any(
        part in text for part in ("does not say", "names no", "as its type says", "the company has set", "Figure")
    )


def tautologies() -> Iterator[str]:
    """Yield meanings that have no word of weight that the name of the field or stream does not have."""
    for spec, path, _, meaning in meanings():
        named = {word.lower() for name in (spec.name, *path) for word in _NAME_WORD.findall(name)}
        said = set(words(meaning.text)) - _EMPTY_WORDS
        if not {word for word in said if word.rstrip("s") not in named and word not in named}:
            yield f"{spec.name}.{'.'.join(path)}: {meaning.text}"


def texts() -> Iterator[tuple[str, str]]:
    """Yield every text of the table, with where it stands."""
    for area in sorted({spec.area for spec in STREAMS}):
        for stream, entry in load_meanings(area).items():
            yield f"{area}.json: {stream}", entry["means"]
            yield from ((f"{area}.json: {stream}.{name}", _text(each)) for name, each in entry["fields"].items())
    yield from ((f"{SHARED}.json: {name}", _text(each)) for name, each in load_meanings(SHARED).items())


def _text(entry: str | Json) -> str:
    text: str = entry if isinstance(entry, str) else entry["means"]
    return text


def copied(documents: Iterable[str]) -> Iterator[str]:
    """Yield texts that have a run of `SAME_WORDS` words in common with one of these texts.

    Args:
        documents: The texts of ServiceTitan's documents.
    """
    theirs = {run for text in documents for run in _runs(text)}
    for where, text in texts():
        if found := sorted(theirs & set(_runs(text))):
            yield f"{where}: the words of a document: {' '.join(found[0])}"


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case."""
    return _WORD.findall(text.lower())


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    found = words(text)
    return (tuple(found[start : start + SAME_WORDS]) for start in range(len(found) - SAME_WORDS + 1))


def document_texts() -> list[str]:
    """Return the descriptive texts of the OpenAPI documents; none if those are not on this machine."""
    quoted = re.compile(r'"(?:description|summary|title)"\s*:\s*"((?:[^"\\]|\\.)*)"')
    return [text for path in DOCUMENTS.glob("*.json") for text in quoted.findall(path.read_text("utf-8"))]


def problems() -> list[str]:
    """Return everything that is wrong with the table."""
    checks = (missing(), dead_entries(), broken_references(), lacking_units(), tautologies(), copied(document_texts()))
    return [problem for check in checks for problem in check if not problem.endswith(": ")]


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Check what is said about the meaning of streams and fields.")
    parser.add_argument("--missing", action="store_true", help="print only what nothing is said about")
    found = list(missing()) if parser.parse_args().missing else problems()
    count = sum(len(of_stream) for of_stream in fields().values())
    print("\n".join(found) if found else f"meanings: all {len(STREAMS)} streams and {count} fields have one")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
