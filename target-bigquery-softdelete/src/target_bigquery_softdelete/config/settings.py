"""The settings of the target: their JSON Schema, and one typed object with their values."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from singer_sdk import typing as th

from target_bigquery_softdelete.config.options import DeleteLimits, PartitionBy
from target_bigquery_softdelete.plugin_runtime import datasets
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.google_client import EMULATOR_VARIABLE, emulator_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_bigquery_softdelete.config.options import OnConcurrentRun
    from target_bigquery_softdelete.schema.naming import ColumnNaming

MEBIBYTE = 1 << 20
LABEL = r"[a-z0-9_-]{1,63}"
"""What BigQuery allows as the value of a label, without the letters of other scripts."""

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "project_id",
        th.StringType(min_length=1),
        required=True,
        description="Google Cloud project that the data lands in. There is no default: a company has its own.",
    ),
    th.Property(
        "tenant_id",
        th.StringType(pattern=f"^{LABEL}$"),
        description="Tenant that the data belongs to. Tables are labelled with it; a run for another tenant stops.",
    ),
    th.Property("dataset", th.StringType(min_length=1), default=datasets.TABLES, description="Dataset of the tables."),
    th.Property(
        "staging_dataset",
        th.StringType(min_length=1),
        default=datasets.STAGING,
        description="Dataset of the staging tables. They are removed at the end of a run, those of dead runs "
        "by the first good run a day later, and all expire after 7 days.",
    ),
    th.Property(
        "log_dataset",
        th.StringType(min_length=1),
        default=datasets.LOGS,
        description="Dataset of the audit table `etl_logs`.",
    ),
    th.Property("location", th.StringType(min_length=1), description="Location of new datasets, such as `EU`."),
    th.Property(
        "credentials_path",
        th.StringType(min_length=1),
        description="Path of a Google credentials file. Without it, Application Default Credentials are used.",
    ),
    th.Property(
        "credentials_json",
        th.StringType(min_length=1),
        secret=True,
        description="Text of a Google credentials file, for where no file can be mounted.",
    ),
    th.Property(
        "impersonate_service_account",
        th.StringType(pattern="^[^@\\s]+@[^@\\s]+$"),
        description="E-mail address of a service account to act as.",
    ),
    th.Property(
        "api_endpoint",
        th.StringType(pattern="^https?://"),
        description=(
            f"Address of the BigQuery API: a private endpoint, or an emulator. `{EMULATOR_VARIABLE}` in the "
            "environment does the same. With it, and only then, no credentials are needed."
        ),
    ),
    th.Property(
        "column_naming",
        th.StringType(allowed_values=["snake_case", "preserve"]),
        default="snake_case",
        description="`snake_case` turns `businessUnitId` into `business_unit_id`; `preserve` keeps the source's names.",
    ),
    th.Property(
        "additional_properties",
        th.StringType(allowed_values=["ignore", "keep"]),
        default="ignore",
        description="What happens to properties of a record that its schema does not list: they are left out, or kept "
        "in the JSON column `_etl_extra`.",
    ),
    th.Property(
        "max_delete_fraction",
        th.NumberType(minimum=0, maximum=1),
        default=0.5,
        description="A snapshot that would mark more than this share of a table's live rows deleted, and more than "
        "`max_delete_rows`, marks none, and the run fails.",
    ),
    th.Property(
        "max_delete_rows",
        th.IntegerType(minimum=0),
        default=100,
        description="See `max_delete_fraction`.",
    ),
    th.Property(
        "allow_mass_delete",
        th.BooleanType,
        default=False,
        description="Lift both limits for this run.",
    ),
    th.Property(
        "keyless_streams",
        th.StringType(allowed_values=["append", "replace"]),
        default="append",
        description="What happens to streams without a key: their records are appended (those of a repeated run once "
        "more), or a complete snapshot replaces the whole table.",
    ),
    th.Property(
        "on_invalid_record",
        th.StringType(allowed_values=["fail", "quarantine"]),
        default="fail",
        description="What happens to a record that does not fit its schema: its stream fails, or it goes to "
        "`etl_rejected_records` in `log_dataset` and the rest of the stream lands.",
    ),
    th.Property(
        "max_rejected_records",
        th.IntegerType(minimum=1),
        default=1000,
        description="With `quarantine`, a stream with more such records in one run fails after all.",
    ),
    th.Property(
        "history",
        th.ArrayType(th.StringType(min_length=1)),
        default=[],
        description="Streams of which every version of a row is kept, in a second table `<stream>_history`: their "
        'names, or `["*"]` for every stream that has a key.',
    ),
    th.Property(
        "live_views",
        th.BooleanType,
        default=False,
        description="Keep a view `<stream>_live` of each table, with the rows that are not deleted.",
    ),
    th.Property(
        "block_bytes",
        th.IntegerType(minimum=64 * 1024),
        default=8 * MEBIBYTE,
        description="Bytes of raw records that are converted at a time. Memory grows with it.",
    ),
    th.Property(
        "merge_interval_rows",
        th.IntegerType(minimum=1),
        default=1_000_000,
        description="An incremental stream is merged at least every so many rows, so that a crash loses little.",
    ),
    th.Property(
        "merge_interval_seconds",
        th.IntegerType(minimum=1),
        default=300,
        description="The same in time: at the next STATE message, or while the tap is silent.",
    ),
    th.Property(
        "on_concurrent_run",
        th.StringType(allowed_values=["refuse", "wait", "allow"]),
        default="refuse",
        description="What to do when another run is writing into the dataset: end with an error, wait for its end, or "
        "pay no heed. A run that was killed counts as running for two minutes.",
    ),
    th.Property(
        "dry_run",
        th.BooleanType,
        default=False,
        description="Change clones of the tables, in `staging_dataset`, instead of the tables, and let out no STATE. "
        "`etl_logs` then says, with the status `dry_run`, what a real run would do.",
    ),
    th.Property(
        "partition_by",
        th.ObjectType(additional_properties=th.StringType(min_length=1)),
        description="How new tables are partitioned, by stream: a DATE or TIMESTAMP column, as in "
        '`{"jobs": "created_on"}`, with a unit where it is not the day (`created_on:month`), or an INT64 column with '
        "first value, last value and step (`id:0:1000000:1000`).",
    ),
    th.Property(
        "require_partition_filter",
        th.BooleanType,
        default=False,
        description="Whether a new partitioned table refuses queries that do not filter by its partitions.",
    ),
    th.Property(
        "labels",
        th.ObjectType(additional_properties=th.StringType(pattern=f"^(?:{LABEL})?$")),
        description="Labels for the jobs and the new tables, for example to find their cost on the bill.",
    ),
).to_dict()


@dataclass(frozen=True)
class Settings:
    """The settings, checked and typed."""

    project_id: str
    tenant_id: str | None
    dataset: str
    staging_dataset: str
    log_dataset: str
    location: str | None
    credentials_path: str | None
    credentials_json: str | None = field(repr=False)
    impersonate_service_account: str | None
    api_endpoint: str | None
    column_naming: ColumnNaming
    additional_properties: Literal["ignore", "keep"]
    delete_limits: DeleteLimits
    keyless_streams: Literal["append", "replace"]
    on_invalid_record: Literal["fail", "quarantine"]
    max_rejected_records: int
    history: tuple[str, ...]
    live_views: bool
    block_bytes: int
    merge_interval_rows: int
    merge_interval_seconds: int
    on_concurrent_run: OnConcurrentRun
    dry_run: bool
    partition_by: dict[str, PartitionBy]
    require_partition_filter: bool
    labels: dict[str, str]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Return the settings of a configuration that the JSON Schema has accepted.

        Raises:
            PluginError: If two settings contradict each other.
        """
        labels = config.get("labels") or {}
        for name in labels:
            if not re.fullmatch(rf"[a-z]{LABEL[:-6]}{{0,62}}", name):
                raise PluginError(f"setting `labels`: `{name}` is not a label that BigQuery allows.")
        if config.get("credentials_path") and config.get("credentials_json"):
            raise PluginError("set `credentials_path` or `credentials_json`, not both.")
        return cls(
            project_id=config["project_id"],
            tenant_id=config.get("tenant_id"),
            dataset=config["dataset"],
            staging_dataset=config["staging_dataset"],
            log_dataset=config["log_dataset"],
            location=config.get("location"),
            credentials_path=config.get("credentials_path"),
            credentials_json=config.get("credentials_json"),
            impersonate_service_account=config.get("impersonate_service_account"),
            api_endpoint=config.get("api_endpoint") or emulator_address(os.environ) or None,
            column_naming=config["column_naming"],
            additional_properties=config["additional_properties"],
            delete_limits=DeleteLimits(
                config["max_delete_fraction"], config["max_delete_rows"], lifted=config["allow_mass_delete"]
            ),
            keyless_streams=config["keyless_streams"],
            on_invalid_record=config["on_invalid_record"],
            max_rejected_records=config["max_rejected_records"],
            history=() if config["dry_run"] else tuple(config["history"]),
            live_views=config["live_views"] and not config["dry_run"],
            block_bytes=config["block_bytes"],
            merge_interval_rows=config["merge_interval_rows"],
            merge_interval_seconds=config["merge_interval_seconds"],
            on_concurrent_run=config["on_concurrent_run"],
            dry_run=config["dry_run"],
            partition_by={
                stream: PartitionBy.parse(stream, text) for stream, text in (config.get("partition_by") or {}).items()
            },
            require_partition_filter=config["require_partition_filter"],
            labels=labels,
        )

    def has_history(self, stream: str, *, keyed: bool) -> bool:
        """Return whether every version of the rows of a stream is kept.

        Raises:
            PluginError: If the stream is asked for by its name and cannot have a history.
        """
        if stream in self.history and not keyed:
            raise PluginError(f"setting `history`: the stream `{stream}` has no key that tells its rows apart.")
        return keyed and (stream in self.history or "*" in self.history)

    def strangers(self, streams: Iterable[str]) -> dict[str, list[str]]:
        """Return the names of streams that a setting has and the input has not, by setting."""
        named = {"partition_by": set(self.partition_by), "history": set(self.history) - {"*"}}
        unknown = {setting: sorted(names.difference(streams)) for setting, names in named.items()}
        return {setting: names for setting, names in unknown.items() if names}
