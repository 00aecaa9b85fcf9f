"""Records that come in an array inside of other objects. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
_encode = msgspec.json.Encoder().encode


def unpacker(name: str) -> Callable[[Sequence[msgspec.Raw]], list[msgspec.Raw]]:
    """Return a function that turns objects into the records in them, each with the other fields of its object.

    An object without the array stays as it is: it has no key then, and the target will say so.

    Args:
        name: Name of the field with the array.
    """

    def unpack(outer: msgspec.Raw) -> Iterator[msgspec.Raw]:
        try:
            fields = _object(outer)
            records = _array(fields.pop(name)) or []
            inner = [_object(record) for record in records]
        except (msgspec.ValidationError, KeyError):
            yield outer
            return
        for record in inner:
            yield msgspec.Raw(_encode(fields | record))

    return lambda objects: [record for outer in objects for record in unpack(outer)]
