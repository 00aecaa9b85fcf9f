"""Adds fields to records that lack them, without decoding the records. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.specs.spec import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


def filler(name: str) -> Callable[[Sequence[msgspec.Raw], Iterable[bytes]], list[msgspec.Raw]]:
    """Return a function that adds a field to records.

    It takes the records and a value for each, as JSON. A record that has a value already keeps it.

    Args:
        name: Name of the field.
    """
    holder: Any = msgspec.defstruct("Holder", [("value", msgspec.Raw, msgspec.Raw())], rename={"value": name})
    decoder = msgspec.json.Decoder(holder)
    before = b"{%b:" % msgspec.json.encode(name)

    def fill(record: msgspec.Raw, value: bytes) -> msgspec.Raw:
        own = bytes(decoder.decode(record).value)
        if own == b"null":
            fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
            return msgspec.Raw(msgspec.json.encode(fields | {name: msgspec.Raw(value)}))
        return record if own else msgspec.Raw(before + value + _rest(bytes(record)))

    return lambda records, values: list(map(fill, records, values))


def _rest(record: bytes) -> bytes:
    """Return a JSON object without its opening brace, after a comma if it has fields."""
    rest = record[1:].lstrip()
    return rest if rest == b"}" else b"," + rest


def deletion_marker(cursor: str | None) -> Callable[[Sequence[msgspec.Raw], str], list[msgspec.Raw]]:
    """Return a function that marks inactive records as deleted.

    It takes the records, and the time of deletion for records without a time of change.

    Args:
        cursor: Name of the field with the time of the last change, if there is one.
    """
    # No field has an empty name, so `cursor` stays unset without one.
    head: Any = msgspec.defstruct(
        "Activity",
        [("active", bool | None, None), ("cursor", str | None, None)],
        rename={"cursor": cursor or ""},
    )
    decoder = msgspec.json.Decoder(head)
    fill = filler(DELETED_AT)

    def read(record: msgspec.Raw) -> Any:  # noqa: ANN401 - a type made here
        try:
            return decoder.decode(record)
        except msgspec.ValidationError:
            return head()  # the target will say what is wrong with this record

    def mark(records: Sequence[msgspec.Raw], default: str) -> Iterator[msgspec.Raw]:
        for record in records:
            state = read(record)
            if state.active is False:
                yield from fill([record], [msgspec.json.encode(state.cursor or default)])
            else:
                yield record

    return lambda records, default: list(mark(records, default))
