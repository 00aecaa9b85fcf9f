"""The errors of the target. Those that end a run or a stream with one line for the operator are `PluginError`s."""

from __future__ import annotations

import decimal
from typing import TYPE_CHECKING

from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence


class BadInputError(PluginError):
    """A line of the input is not a Singer message, or is too long, or the input was cut off.

    Raised for the line that the text names. It ends the run: a line that cannot be read may have been of any stream.
    """


class BatchFileError(PluginError):
    """A BATCH message is not well-formed, or a file of it cannot be read, or may not be.

    The text names the stream and the file. The stream fails, the others go on.
    """


class StreamMapError(PluginError):
    """An expression of a stream map fails on a record. The stream fails, the others go on."""

    def __init__(self, stream: str, kind: str) -> None:
        """Name the stream.

        Args:
            stream: What the map calls it.
            kind: The type of the error that the expression raised.
        """
        super().__init__(
            f"{stream}: an expression in its `stream_maps` fails on a record ({kind}). Nothing more of the stream was "
            "written. Correct the expression, so that it takes every value."
        )


class MissingSchemaError(PluginError, RecordsWithoutSchemaException):
    """Records of a stream came before its SCHEMA message. The stream fails, the others go on."""


class InvalidRecordError(PluginError):
    """A record does not fit its schema.

    The text names the stream, the key, the field and the kind of value. The stream fails, unless `on_invalid_record`
    puts such records into quarantine.
    """


class MissingKeyError(InvalidRecordError, MissingKeyPropertiesError):
    """A record has no value for a property of its key. Handled as any other `InvalidRecordError`."""


class SecondSnapshotError(PluginError):
    """A second snapshot began in one run, of a stream without a key whose table is replaced by a snapshot.

    The stream fails, and its table stays as it is.
    """

    def __init__(self, stream: str) -> None:
        """Say what is wrong.

        Args:
            stream: Name of the stream.
        """
        super().__init__(
            f"{stream}: two snapshots in one run. The table of a stream without a key is replaced by one. "
            "Give the stream a key, or set `keyless_streams` to `append`."
        )


class TooManyRejectsError(PluginError):
    """More records of a stream do not fit their schema than `max_rejected_records` allows.

    The stream fails. Those that were rejected before are in the quarantine.
    """

    def __init__(self, stream: str, limit: int, reason: str) -> None:
        """Say what is wrong.

        Args:
            stream: Name of the stream.
            limit: The setting.
            reason: What is wrong with the last record.
        """
        super().__init__(
            f"{stream}: more than `max_rejected_records` ({limit}) records do not fit their schema. "
            f"The last one: {reason}"
        )


class WarehouseError(PluginError):
    """BigQuery refused a request or a job, could not be reached, or did not answer in time.

    Raised after the last retry. The stream fails, or the run when the request was for no single stream.
    """


class ExpiringError(PluginError):
    """A dataset or a table would let the rows of the run vanish after a time.

    Raised before the first write. Found in a dataset it ends the run; in the table of a stream, that stream.
    """


class CollatedTableError(PluginError):
    """Columns of a table ignore the case of their text.

    Raised before anything of the stream is written. The stream fails, the others go on.
    """

    def __init__(self, stream: str, table: str, columns: Sequence[str]) -> None:
        """Say what to do.

        Args:
            stream: Name of the stream.
            table: Full name of its table.
            columns: Names of the columns.
        """
        names = ", ".join(f"`{column}`" for column in columns)
        super().__init__(
            f"{stream}: the table `{table}` ignores the case of text in {names} (collation), so that keys such as `A` "
            "and `a` would be one row, and changes of case be missed. Nothing of the stream was written. Rebuild the "
            "table with `DEFAULT COLLATE ''` and `COLLATE(..., '')` around those columns, or rename it: then a new one "
            "is made."
        )


class WrongTenantError(PluginError):
    """The tap, or what the run would write into, belongs to another tenant.

    Raised before the first write. It ends the run; found in a table of one stream, that stream.
    """


class LeaseLostError(PluginError):
    """The run no longer has the right to write into the dataset: it could not renew its lease in time.

    Raised before a statement is sent, or by BigQuery while it begins to run one. Nothing of that statement is done.
    """

    def __init__(self, lease: str) -> None:
        """Say what happened.

        Args:
            lease: Full name of the table that is the lease.
        """
        super().__init__(
            f"The lease `{lease}` ended before it was renewed, and another run may be writing now. This run stops. "
            "The next one continues from the last state."
        )


class OvertakenError(PluginError):
    """Another run has written rows of the stream since this one began to read, so this run's may be older.

    Raised by BigQuery in the statement that would have overwritten them. Nothing of that statement is done. The stream
    fails, the others go on.
    """

    def __init__(self, stream: str, table: str) -> None:
        """Say what to do.

        Args:
            stream: Name of the stream.
            table: Full name of its table.
        """
        super().__init__(
            f"{stream}: another run wrote into `{table}` after this one began to read, so what this one has read may "
            "be older. None of those rows was overwritten or marked deleted. Run again."
        )


class DeletesRefusedError(PluginError):
    """The guard let no row of a stream be marked deleted, because there would have been too many.

    Raised after everything else of the stream has landed. The stream fails, with the status `deletes_refused`.
    """


class LostRowsError(PluginError):
    """The tap reads a stream on from a bookmark, but the rows before the bookmark are no longer in BigQuery.

    Raised before anything of the stream is written. The stream fails, the others go on.
    """

    def __init__(self, stream: str, table: str, reason: str) -> None:
        """Say what to do.

        Args:
            stream: Name of the stream.
            table: Full name of its table.
            reason: What happened to the table, as the rest of a sentence about it.
        """
        super().__init__(
            f"{stream}: the tap goes on from a bookmark, but the table `{table}` {reason}, so all older rows would be "
            "missing. Nothing of the stream was written. Read everything once: add `--full-refresh` to `meltano run`, "
            "or start the tap without `--state`."
        )


class ForeignTableError(PluginError):
    """The table of a stream has rows that this target did not write, and nobody asked to take them over.

    Raised before anything of the stream is written. The stream fails, the others go on.
    """

    def __init__(self, stream: str, table: str, rows: int | None) -> None:
        """Say what to do.

        Args:
            stream: Name of the stream.
            table: Full name of its table.
            rows: How many rows it has. None if that is not known: they have just been streamed into it.
        """
        found = pluralize(rows, "row") if rows else "new rows"
        super().__init__(
            f"{stream}: the table `{table}` has {found} that this target did not write. Nothing of the stream was "
            f'written. To take them over, run once with `adopt_tables` set to `["{stream}"]` (`orchestrate-etl run '
            f"--company ... --adopt {stream}`). If they are not the stream's, rename the table, or give the stream "
            "another name with `__alias__` in `stream_maps`."
        )


class SharedTableError(PluginError):
    """A stream finds a table with rows of another stream.

    Raised before anything of the stream is written. The stream fails, the others go on.
    """

    def __init__(self, stream: str, others: Sequence[str], table: str, name: str) -> None:
        """Say what to do.

        Args:
            stream: Name of the stream.
            others: The streams of which the table has rows.
            table: Full name of the table.
            name: What the stream is called in the target: its alias, if it has one.
        """
        streams = ", ".join(f"`{other}`" for other in others)
        super().__init__(
            f"{stream}: the table `{table}` has the rows of the stream {streams}, which has or had the same name for "
            f"its table. Nothing of `{stream}` was written. Give it another name with `__alias__` in `stream_maps`; if "
            f"the table is meant for both, set `__alias__` to `{name}` for each of them."
        )


class ChangedKeyError(PluginError):
    """A stream has a key in one of its SCHEMA messages and none in another, with `keyless_streams: replace`.

    Raised before the rows since its last merge are written. The stream fails, the others go on.
    """

    def __init__(self, stream: str) -> None:
        """Name the stream."""
        super().__init__(
            f"{stream}: one of its SCHEMA messages has a key and another has none. With `keyless_streams` set to "
            "`replace` its rows cannot be both merged and replaced, so none was written since the last merge. Let the "
            "tap send the same key each time, or set it with `__key_properties__` in `stream_maps`."
        )


class NotNativeError(ValueError):
    """A block holds a value that native code would convert wrongly or not at all. It is converted record by record."""


class NeedsBigNumericError(ValueError):
    """A number has more digits than NUMERIC holds, but fits BIGNUMERIC. The column is widened and the block retried."""

    def __init__(self, place: str) -> None:
        """Name the column.

        Args:
            place: Path of the number in its record, such as `items[3].price`.
        """
        super().__init__(place)
        self.place = place


class InvalidValueError(ValueError):
    """A value does not fit its column. It becomes an `InvalidRecordError` that also names the stream and the key.

    The text names the place and the kind of value found there, never the value, which may be private.
    """

    def __init__(self, place: str, expected: str, found: object) -> None:
        super().__init__(f"`{place}` must be {expected}, but is {_kind_of(found)}")


class BadLineError(ValueError):
    """A line of a JSON Lines file is not JSON, or too long. The text names it; it becomes a `BatchFileError`."""


class LongLineError(ValueError):
    """A line is too long. It becomes a `BadInputError` or a `BadLineError`, which name the line."""

    def __init__(self, longest_line: int) -> None:
        """Say the limit, in bytes, as the end of a sentence about the line."""
        super().__init__(f"is longer than {longest_line} bytes. If that is right, raise the setting `max_line_bytes`.")


class RefusedAddressError(ValueError):
    """The address of a batch file may not be opened. The text says why; it becomes a `BatchFileError`."""


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    names = {
        bool: "true or false",
        int: "an integer",
        float: "NaN or Infinity",
        decimal.Decimal: "a number with a fraction",
    }
    names |= {str: "a string", list: "an array", dict: "an object"}
    text = names.get(type(value), type(value).__name__)
    return f"{text} of {pluralize(len(value), 'character')}" if isinstance(value, str) else text
