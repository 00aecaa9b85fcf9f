"""Puts fields into records that come without them. The records stay the bytes they came as around them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

DELETED_AT = "_sdc_deleted_at"
"""The field in which a record says that it has been deleted, and when."""

DELETED_AT_SCHEMA = {"type": ["string", "null"], "format": "date-time"}
"""JSON Schema of that field."""


def filler(name: str) -> Callable[[Sequence[msgspec.Raw], Iterable[bytes]], list[msgspec.Raw]]:
    """Return a function that gives records a field.

    It takes the records and a value for each, as JSON. A record that has a value of its own keeps it.

    Args:
        name: Name of the field.
    """
    holder: Any = msgspec.defstruct("Holder", [("value", msgspec.Raw, msgspec.Raw())], rename={"value": name})
    decoder = msgspec.json.Decoder(holder)
    before = b"{%b:" % msgspec.json.encode(name)

    def filled(record: msgspec.Raw, value: bytes) -> msgspec.Raw:
        own = bytes(decoder.decode(record).value)
        if own == b"null":
            fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
            return msgspec.Raw(msgspec.json.encode(fields | {name: msgspec.Raw(value)}))
        return record if own else msgspec.Raw(before + value + _rest(bytes(record)))

    return lambda records, values: list(map(filled, records, values))


def _rest(record: bytes) -> bytes:
    """Return a JSON object from behind its opening brace, with a comma if fields follow."""
    rest = record[1:].lstrip()
    return rest if rest == b"}" else b"," + rest


def come_in_order(records: Iterable[msgspec.Raw], cursor: str) -> bool:
    """Return whether records come in the order of their last change, to a second, as far as they say it.

    Args:
        records: The records.
        cursor: Name of the field with the time of the last change.
    """
    head: Any = msgspec.defstruct("Change", [("at", str | None, None)], rename={"at": cursor})
    decoder = msgspec.json.Decoder(head)
    seconds = [at[:19] for record in records if (at := decoder.decode(record).at)]
    return seconds == sorted(seconds)


def deletion_marker(cursor: str | None) -> Callable[[Sequence[msgspec.Raw], str], list[msgspec.Raw]]:
    """Return a function that marks the records that are not active as deleted.

    It takes the records, and the time for those that do not say when they last changed.

    Args:
        cursor: Name of the field with the time of the last change, if there is one.
    """
    # No field has an empty name, so without a cursor it stays unset.
    head: Any = msgspec.defstruct(
        "Activity",
        [("active", bool | None, None), ("cursor", str | None, None)],
        rename={"cursor": cursor or ""},
    )
    decoder = msgspec.json.Decoder(head)
    fill = filler(DELETED_AT)

    def marked(records: Sequence[msgspec.Raw], otherwise: str) -> Iterator[msgspec.Raw]:
        for record in records:
            state = decoder.decode(record)
            if state.active is False:
                yield from fill([record], [msgspec.json.encode(state.cursor or otherwise)])
            else:
                yield record

    return lambda records, otherwise: list(marked(records, otherwise))
