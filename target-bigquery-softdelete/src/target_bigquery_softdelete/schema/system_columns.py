"""Names of the columns and properties that come from this target or from Singer, not from the source of the data."""

from __future__ import annotations

ETL_PREFIX = "_etl_"
"""Prefix of the columns that this target adds. No column of a stream gets a name with it."""

OPERATION = "_etl_operation"
"""Column of a table: what the last write to the row was, INSERT, UPDATE or DELETE."""

SYNCED = "_etl_synced"
"""Column of a table: when the row was last written (UTC)."""

EXTRA = "_etl_extra"
"""Column of a table: the properties of a record that the schema does not list, as JSON."""

SEQUENCE = "_etl_sequence"
"""Staging column: position of the record in the run. The last record of a key wins."""

DELETED = "_etl_deleted"
"""Staging column: whether the record says that the row is deleted at the source."""

ABSENT = "_etl_absent"
"""Staging column, if absent properties keep their values: which properties the record lacks, as a text with `1` for
each of them and `0` for the others, in the order of the columns. NULL if it lacks none."""

PRESENT_ONLY = "_etl_present_only"
"""Column of the staged rows in a statement: the key was seen in this run, but the row must not be written."""

IN_TABLE = "_etl_in_table"
"""Column in the query that previews a MERGE: the row comes from the table."""

IN_RUN = "_etl_in_run"
"""Column in the query that previews a MERGE: the row comes from the staged rows."""

IS_NEW = "_etl_is_new"
"""Column of the rows that a statement merges into a history: a new version, or the end of an old one."""

VALID_FROM = "_valid_from"
"""Column of a history: when the version was written (UTC)."""

VALID_TO = "_valid_to"
"""Column of a history: when the next version was written (UTC); NULL for the current version."""

DELETED_AT = "_sdc_deleted_at"
"""Property with which a Singer tap marks a record as deleted at the source: a time does, no other value."""

SDK_PROPERTIES = frozenset(
    {
        "_sdc_batched_at",
        "_sdc_deleted_at",
        "_sdc_extracted_at",
        "_sdc_received_at",
        "_sdc_sequence",
        "_sdc_sync_started_at",
        "_sdc_table_version",
    }
)
"""Properties to which the Singer SDK gives a meaning: https://sdk.meltano.com/en/latest/implementation/record_metadata.html.
They get no column. Others that begin alike are data of the source."""

SDC_PREFIX = "_sdc_"
"""Prefix of the properties in which a tap says how it read a record. They change with every run and are not data."""
