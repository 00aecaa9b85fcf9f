"""The errors of the target. Those that end a run or a stream with one line for the operator are `PluginError`s."""

from __future__ import annotations

import decimal

from singer_sdk.exceptions import MissingKeyPropertiesError

from target_bigquery_softdelete.plugin_runtime.errors import PluginError


class BadInputError(PluginError):
    """The input is not a stream of Singer messages.

    Raised for the line that the text names. It ends the run: a line that cannot be read may have been of any stream.
    """


class BatchFileError(PluginError):
    """A file of a BATCH message cannot be read.

    The text names the stream and the file. The stream fails, the others go on.
    """


class InvalidRecordError(PluginError):
    """A record does not fit its schema.

    The text names the stream, the key, the field and the kind of value. The stream fails, unless `on_invalid_record`
    puts such records into quarantine.
    """


class MissingKeyError(InvalidRecordError, MissingKeyPropertiesError):
    """A record has no value for a property of its key. Handled as any other `InvalidRecordError`."""


class WarehouseError(PluginError):
    """BigQuery refused a request or a job, or could not be reached.

    Raised after the last retry. The stream fails, or the run when the request was for no single stream.
    """


class DeletesRefusedError(PluginError):
    """A snapshot would have marked too many rows deleted.

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

    def __init__(self, stream: str, table: str, rows: object) -> None:
        """Say what to do.

        Args:
            stream: Name of the stream.
            table: Full name of its table.
            rows: How many rows it has.
        """
        super().__init__(
            f"{stream}: the table `{table}` has {rows} rows that this target did not write. Nothing of the stream was "
            f'written. To take them over, run once with `adopt_tables` set to `["{stream}"]` (`orchestrate-etl run '
            f"--company ... --adopt {stream}`). If they are not the stream's, rename the table, or give the stream "
            "another name with `__alias__` in `stream_maps`."
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
    """A line of a JSON Lines file is not JSON. The text names the line; it becomes a `BatchFileError`."""


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
    return f"{text} of {len(value)} characters" if isinstance(value, str) else text
