"""The settings of the target. Each is declared once: the JSON Schema and the typed values both come from here."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from target_bigquery_softdelete.config.options import LABEL, LABEL_FORM, DeleteLimits, OnConcurrentRun, PartitionBy
from target_bigquery_softdelete.plugin_runtime import datasets
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.google_client import EMULATOR_VARIABLE, emulator_address
from target_bigquery_softdelete.plugin_runtime.settings_schema import (
    DeclaredSettings,
    json_schema,
    read_settings,
    setting,
)
from target_bigquery_softdelete.schema.from_json_schema import ColumnRules
from target_bigquery_softdelete.schema.naming import ColumnNaming  # noqa: TC001 - msgspec reads the types

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

OWN_LABELS = frozenset(
    {
        "adopting",
        "announced_early",
        "as_of_function",
        "begun_versions",
        "described",
        "filled",
        "made_by",
        "run",
        "run_owner",
        "taken_from",
        "tenant_id",
        "until",
    }
)
"""Labels in which this target keeps what it must know of a dataset, a table or a lease, besides `stream-...`."""

_REACHING = frozenset(
    {
        "api_endpoint",
        "billing_project",
        "block_bytes",
        "credentials_json",
        "credentials_path",
        "dead_owners",
        "descriptions",
        "foreign_keys",
        "impersonate_service_account",
        "inline_bytes",
        "max_line_bytes",
        "maximum_bytes_billed",
        "merge_interval_rows",
        "merge_interval_seconds",
        "on_concurrent_run",
        "parallel_jobs",
        "reservation",
        "run_owner",
    }
)
"""Settings that say how a run reaches BigQuery, how fast, or what tables say about themselves: not what rows it
writes."""

_LABEL_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")

Name = Annotated[str, setting(min_length=1)]


class Settings(DeclaredSettings, kw_only=True, frozen=True):
    """The settings, as they were given. What follows from several of them is a property."""

    project_id: Annotated[
        str,
        setting("Google Cloud project to write into. It has no default: every company has its own.", min_length=1),
    ]
    tenant_id: (
        Annotated[
            str,
            setting(
                "Tenant that the data belongs to. Datasets and tables are labelled with it, and a run for another "
                "tenant stops. Without it, the tenant that the tap names in its SCHEMA messages, if it names one.",
                pattern=f"^{LABEL}$",
                form=LABEL_FORM,
            ),
        ]
        | None
    ) = None
    dataset: Annotated[str, setting("Dataset of the tables.", min_length=1)] = datasets.TABLES
    staging_dataset: Annotated[
        str,
        setting(
            "Dataset of the staging tables. A run removes its own at its end. Those of a run that died are removed by "
            "the first successful run a day later, and all of them expire after 7 days.",
            min_length=1,
        ),
    ] = datasets.STAGING
    log_dataset: Annotated[str, setting("Dataset of the audit table `etl_logs`.", min_length=1)] = datasets.LOGS
    location: (
        Annotated[
            str,
            setting(
                "Location of new datasets, such as `EU`. Jobs run where the datasets are. Without it, new datasets are "
                "created where the existing ones are, or else in `US`.",
                min_length=1,
            ),
        ]
        | None
    ) = None
    billing_project: (
        Annotated[
            str,
            setting("Project that jobs run in, and that pays for them, if it is not `project_id`.", min_length=1),
        ]
        | None
    ) = None
    reservation: (
        Annotated[
            str,
            setting(
                "Reservation that jobs use: `projects/P/locations/L/reservations/R`, or `none` for on-demand prices.",
                pattern=r"^(?:none|projects/[^/]+/locations/[^/]+/reservations/[^/]+)$",
                form="`none`, or `projects/P/locations/L/reservations/R`",
            ),
        ]
        | None
    ) = None
    maximum_bytes_billed: (
        Annotated[int, setting("A statement that would be billed for more bytes than this fails, at no cost.", ge=1)]
        | None
    ) = None
    kms_key_name: (
        Annotated[
            str,
            setting(
                "Cloud KMS key for new datasets and tables and for query results: `projects/P/locations/L/keyRings/R/"
                "cryptoKeys/K`, in the location of the datasets (`europe` for `EU`).",
                pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$",
                form="`projects/P/locations/L/keyRings/R/cryptoKeys/K`",
            ),
        ]
        | None
    ) = None
    credentials_path: (
        Annotated[
            str,
            setting(
                "Path of a Google credentials file. Without it, the target uses Application Default Credentials.",
                min_length=1,
            ),
        ]
        | None
    ) = None
    credentials_json: (
        Annotated[
            str,
            setting(
                "Content of a Google credentials file, for platforms where no file can be mounted.",
                min_length=1,
                secret=True,
            ),
        ]
        | None
    ) = None
    impersonate_service_account: (
        Annotated[
            str,
            setting(
                "E-mail address of a service account to act as.", pattern=r"^[^@\s]+@[^@\s]+$", form="an e-mail address"
            ),
        ]
        | None
    ) = None
    api_endpoint: (
        Annotated[
            str,
            setting(
                "Address of the BigQuery API: a private endpoint or an emulator. The environment variable "
                f"`{EMULATOR_VARIABLE}` does the same. Credentials are optional only when this is set.",
                pattern="^https?://",
                form="an address that begins with `https://` or `http://`",
            ),
        ]
        | None
    ) = None
    column_naming: Annotated[
        ColumnNaming,
        setting(
            "`snake_case` turns `businessUnitId` into `business_unit_id`; `preserve` keeps the names as they are; "
            "`unique` is `snake_case`, and gives a suffix to names that would be one column; `flexible` also keeps "
            "letters of any script, blanks and the other characters of BigQuery's flexible column names."
        ),
    ] = "snake_case"
    additional_properties: Annotated[
        Literal["ignore", "keep"],
        setting(
            "What to do with properties of a record that its schema does not list: `ignore` drops them, `keep` stores "
            "them in the JSON column `_etl_extra`."
        ),
    ] = "ignore"
    absent_properties: Annotated[
        Literal["null", "keep"],
        setting(
            "What a property means that a record does not have, although its schema lists it: `null` is the same as "
            "null, `keep` leaves the column as it is, for taps that send only what has changed."
        ),
    ] = "null"
    json_text: Annotated[
        Literal["parse", "keep"],
        setting(
            "What to do with a text in the JSON column of an object or array if it is itself JSON: `parse` stores the "
            "object or array that it says, `keep` stores the text."
        ),
    ] = "parse"
    round_float_noise: Annotated[
        bool,
        setting(
            "Round a decimal of more than 15 digits to the digits after the point that its `multipleOf` declares, if "
            "the others are what a double adds (19.990000000000002)."
        ),
    ] = True
    time_columns: Annotated[
        Literal["time", "text"],
        setting(
            "The type of columns for times of day: `time` is TIME, `text` is STRING, for sources whose times are "
            "durations of more than a day."
        ),
    ] = "time"
    binary_columns: Annotated[
        Literal["bytes", "text"],
        setting(
            'The type of columns for text with `"contentEncoding": "base64"`: `bytes` is BYTES, `text` is STRING. A '
            "column that is STRING already keeps the text in any case, and so does a key."
        ),
    ] = "bytes"
    on_type_change: Annotated[
        Literal["fail", "new_column"],
        setting(
            "What to do when a stream has another type for a column, and BigQuery cannot change it: `fail` fails the "
            "stream, `new_column` writes into a second column `<name>__<type>` and leaves the first as it is."
        ),
    ] = "fail"
    max_delete_fraction: Annotated[
        float,
        setting(
            "If a run would mark more than this share of a table's live rows deleted, and more than `max_delete_rows` "
            "rows, mark none and fail the run.",
            ge=0,
            le=1,
        ),
    ] = 0.5
    max_delete_rows: Annotated[int, setting("See `max_delete_fraction`.", ge=0)] = 10
    max_delete_days: Annotated[
        int,
        setting(
            "A run that would mark more than half of what `max_delete_fraction` allows is judged together with the "
            "marks of this many days before it, so that no table vanishes in steps. 0 judges each run alone.",
            ge=0,
        ),
    ] = 14
    allow_mass_delete: Annotated[
        bool,
        setting("Lift these limits for this run, for all streams. What it marks does not count against later runs."),
    ] = False
    allow_mass_delete_streams: Annotated[
        list[Name],
        setting("Lift them for these streams only. For the one run after somebody has looked at what would go."),
    ] = msgspec.field(default_factory=list)
    ignore_activate_version: Annotated[
        list[Name],
        setting(
            "Streams in which ACTIVATE_VERSION and the versions of records have no effect, so that no row is marked "
            'deleted for being absent: their names, or `["*"]` for all. For taps that end a run of mere changes with '
            "that message."
        ),
    ] = msgspec.field(default_factory=list)
    process_activate_version_messages: Annotated[
        bool,
        setting('`false` is the same as `ignore_activate_version: ["*"]`, by the name that other targets have for it.'),
    ] = True
    adopt_tables: Annotated[
        list[Name],
        setting(
            "Streams whose tables may be taken over although this target did not write their rows: their names, or "
            '`["*"]`. The run that takes a table over marks none of its rows deleted for being missing.'
        ),
    ] = msgspec.field(default_factory=list)
    keyless_streams: Annotated[
        Literal["append", "replace"],
        setting(
            "What to do with streams without a key: `append` adds their records (running again adds them again), "
            "`replace` replaces the whole table by a complete snapshot."
        ),
    ] = "append"
    create_empty_tables: Annotated[
        bool,
        setting(
            "Let the table of a stream without records have its new columns, too. It is created in any case if it does "
            "not exist."
        ),
    ] = False
    on_invalid_record: Annotated[
        Literal["fail", "quarantine"],
        setting(
            "What to do with a record that does not fit its schema: `fail` fails its stream, `quarantine` writes it to "
            "`etl_rejected_records` in `log_dataset` and loads the rest of the stream."
        ),
    ] = "fail"
    max_rejected_records: Annotated[
        int, setting("With `quarantine`, a stream that has more invalid records than this in one run fails.", ge=1)
    ] = 1000
    history: Annotated[
        list[Name],
        setting(
            "Streams whose row versions are all kept, in a second table `<stream>_history`: their names, or "
            '`["*"]` for every stream that has a key.'
        ),
    ] = msgspec.field(default_factory=list)
    live_views: Annotated[
        bool, setting("Maintain a view `<stream>_live` of each table, with the rows that are not deleted.")
    ] = False
    descriptions: Annotated[
        Literal["keep", "replace", "off"],
        setting(
            "What becomes of the descriptions that a stream's schema has for its table and columns. `keep` writes "
            "them, and leaves alone what people have written in BigQuery. `replace` writes them over that, too. `off` "
            "writes none."
        ),
    ] = "keep"
    foreign_keys: Annotated[
        bool,
        setting(
            "Declare foreign keys, not enforced, where the schema of a stream says what a property refers to. BigQuery "
            "may rely on them, and leave out joins: only for streams that are all read whole."
        ),
    ] = False
    block_bytes: Annotated[
        int, setting("Bytes of raw records to convert at a time. Memory grows with it.", ge=64 * 1024)
    ] = 8 << 20
    inline_bytes: Annotated[
        int,
        setting(
            "Rows of a stream that take at most so many bytes are sent with the statements themselves, without a "
            "staging table and a load job. 0 always uses a staging table.",
            ge=0,
            le=4_000_000,
        ),
    ] = 1_000_000
    parallel_jobs: Annotated[
        int,
        setting("Jobs and other requests that BigQuery works on for this run at the same time.", ge=1, le=100),
    ] = 32
    max_line_bytes: Annotated[
        int,
        setting(
            "Bytes of the longest line to accept, in the input and in BATCH files (decompressed). A longer one in the "
            "input ends the run, in a file the stream. It takes about five times its size in memory.",
            ge=1 << 20,
        ),
    ] = 256 << 20
    batch_schemes: Annotated[
        list[Annotated[str, setting(pattern="^[a-z][a-z0-9+.-]*$", form="a scheme, such as `s3`")]],
        setting(
            'Schemes of BATCH files to read in addition to absolute paths, `file`, `data` and `gs`, such as `["s3"]`. '
            "Each needs the package that fsspec uses for it."
        ),
    ] = msgspec.field(default_factory=list)
    merge_interval_rows: Annotated[
        int,
        setting("Merge an incremental stream at least every this many rows, so that a crash loses little.", ge=1),
    ] = 1_000_000
    merge_interval_seconds: Annotated[
        int,
        setting(
            "Merge an incremental stream at least this often, in seconds. It happens at the next STATE message, or "
            "while the tap is silent.",
            ge=1,
        ),
    ] = 300
    on_concurrent_run: Annotated[
        OnConcurrentRun,
        setting(
            "What to do when another run is writing into the dataset: `refuse` ends with an error, `wait` waits for "
            "that run to end, `allow` writes at the same time. A killed run counts as running for two minutes."
        ),
    ] = "refuse"
    on_expiration: Annotated[
        Literal["refuse", "clear", "allow"],
        setting(
            "What to do where rows would vanish by themselves, because a dataset lets its tables or partitions expire, "
            "or a table of a stream does: `refuse` ends with an error before anything is written, `clear` takes the "
            "expiration from the tables of this target and leaves the dataset as it is, `allow` lets them expire."
        ),
    ] = "refuse"
    run_owner: (
        Annotated[
            str,
            setting(
                "Who starts this run: an id that is different for each process that may start runs. A digest of it is "
                "a label of the lease. The fleet sets it.",
                min_length=1,
            ),
        ]
        | None
    ) = None
    dead_owners: Annotated[
        list[Name],
        setting(
            "Values of `run_owner` whose runs are known to have ended. If one of them still has the lease, this run "
            "takes it over at once, and first ends what the dead run has left at BigQuery. The fleet sets it."
        ),
    ] = msgspec.field(default_factory=list)
    dry_run: Annotated[
        bool,
        setting(
            "Work on clones in `staging_dataset`; leave tables and state untouched. `etl_logs` then says, with the "
            "status `dry_run`, what a real run would do."
        ),
    ] = False
    partition_by: (
        Annotated[
            dict[str, Name],
            setting(
                "How to partition new tables, by stream: a DATE or TIMESTAMP column, as in "
                '`{"jobs": "created_on"}`, with a unit unless you want daily partitions (`created_on:month`), or an '
                "INT64 column with first value, last value and step (`id:0:1000000:1000`)."
            ),
        ]
        | None
    ) = None
    require_partition_filter: Annotated[
        bool, setting("Make new partitioned tables refuse queries that do not filter by partition.")
    ] = False
    labels: (
        Annotated[
            dict[str, Annotated[str, setting(pattern=f"^(?:{LABEL})?$", form=LABEL_FORM)]],
            setting("Labels for jobs and new tables, for example to find their cost on the bill."),
        ]
        | None
    ) = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Return the settings of a configuration that the JSON Schema has accepted.

        Raises:
            PluginError: If two settings contradict each other, or a text in one cannot be read.
        """
        settings = read_settings(cls, config)
        for name in settings.own_labels:
            if not _LABEL_NAME.fullmatch(name):
                raise PluginError(f"setting `labels`: BigQuery does not allow the label name `{name}`.")
            if name in OWN_LABELS or name.startswith("stream-"):
                raise PluginError(f"setting `labels`: this target itself uses the label `{name}`. Choose another name.")
        if settings.credentials_path and settings.credentials_json:
            raise PluginError("set `credentials_path` or `credentials_json`, not both.")
        _ = settings.partitions  # read now, so that a mistake in it ends the run before it begins
        return settings

    @property
    def endpoint(self) -> str | None:
        """Address of the BigQuery API if it is not Google's public one."""
        return self.api_endpoint or emulator_address(os.environ) or None

    @property
    def own_labels(self) -> dict[str, str]:
        """Labels for jobs and new tables. Empty if none are set."""
        return self.labels or {}

    def may_delete_all(self, stream: str) -> bool:
        """Return whether a run may mark any number of rows of a stream deleted."""
        return self.allow_mass_delete or stream in self.allow_mass_delete_streams

    def delete_limits(self, stream: str) -> DeleteLimits:
        """Return how many rows of a stream a run may mark deleted."""
        return DeleteLimits(
            self.max_delete_fraction,
            self.max_delete_rows,
            lifted=self.may_delete_all(stream),
            days=self.max_delete_days,
        )

    @cached_property
    def partitions(self) -> dict[str, PartitionBy]:
        """How new tables are partitioned, by stream.

        Raises:
            PluginError: If a text says none of the ways.
        """
        return {stream: PartitionBy.parse(stream, text) for stream, text in (self.partition_by or {}).items()}

    @property
    def column_rules(self) -> ColumnRules:
        """How the columns of a table follow from the schema of its stream."""
        return ColumnRules(
            naming=self.column_naming,
            keep_extra=self.additional_properties == "keep",
            keep_absent=self.absent_properties == "keep",
            parse_json_text=self.json_text == "parse",
            round_noise=self.round_float_noise,
            times_as_text=self.time_columns == "text",
            binary_as_text=self.binary_columns == "text",
        )

    @property
    def has_live_views(self) -> bool:
        """Whether each table has a view of its live rows. A dry run leaves views alone."""
        return self.live_views and not self.dry_run

    @property
    def writing(self) -> str:
        """The settings that may decide how rows are written, as JSON: all but how this run reaches BigQuery."""
        known = msgspec.to_builtins(self)
        return msgspec.json.encode({name: known[name] for name in sorted(known) if name not in _REACHING}).decode()

    def may_adopt(self, stream: str) -> bool:
        """Return whether the table of a stream may be taken over with rows that this target did not write."""
        return stream in self.adopt_tables or "*" in self.adopt_tables

    def has_history(self, stream: str, *, keyed: bool) -> bool:
        """Return whether every version of the rows of a stream is kept. A dry run keeps none.

        Raises:
            PluginError: If the setting names the stream, and it has no key.
        """
        if self.dry_run:
            return False
        if stream in self.history and not keyed:
            raise PluginError(f"setting `history`: the stream `{stream}` has no key that tells its rows apart.")
        return keyed and (stream in self.history or "*" in self.history)

    def ignores_versions(self, names: Collection[str]) -> bool:
        """Return whether the snapshots of a stream, which may have several names, have no effect."""
        ignores_all = not self.process_activate_version_messages or "*" in self.ignore_activate_version
        return ignores_all or not set(names).isdisjoint(self.ignore_activate_version)

    def unknown_stream_names(self, streams: Collection[str], sources: Collection[str] = ()) -> dict[str, list[str]]:
        """Return the stream names in settings that are not among the streams of the run, by setting.

        Args:
            streams: The streams, by the names that stream maps give them.
            sources: The same, by their names in the input.
        """
        history = set[str]() if self.dry_run else set(self.history) - {"*"}
        named = {
            "partition_by": set(self.partitions),
            "history": history,
            "ignore_activate_version": set(self.ignore_activate_version).difference({"*"}, sources),
            "adopt_tables": set(self.adopt_tables) - {"*"},
            "allow_mass_delete_streams": set(self.allow_mass_delete_streams),
        }
        unknown = {name: sorted(streams_named.difference(streams)) for name, streams_named in named.items()}
        return {name: missing for name, missing in unknown.items() if missing}


CONFIG_JSONSCHEMA = json_schema(Settings)
"""JSON Schema of the target's own settings."""
