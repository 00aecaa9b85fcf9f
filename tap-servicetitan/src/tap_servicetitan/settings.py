"""The tap's settings: their JSON Schema, and their values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_servicetitan.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOSTS = {
    "production": ("https://api.servicetitan.io", "https://auth.servicetitan.io/connect/token"),
    "integration": (
        "https://api-integration.servicetitan.io",
        "https://auth-integration.servicetitan.io/connect/token",
    ),
}
"""The API's host and the token endpoint of each environment."""

_URL = "^https?://"
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$"

# Numbers are whole, because the SDK turns nothing but integers back into numbers when they come from the environment.
CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "tenant_id",
        th.StringType(pattern="^[0-9]+$"),
        required=True,
        title="Tenant id",
        description="The tenant whose data is read: digits.",
    ),
    th.Property(
        "client_id",
        th.StringType(min_length=1),
        required=True,
        title="Client id",
        description="Client id that the tenant gave to the app.",
    ),
    th.Property(
        "client_secret",
        th.StringType(min_length=1),
        required=True,
        secret=True,
        title="Client secret",
        description="Secret that belongs to the client id.",
    ),
    th.Property(
        "app_key",
        th.StringType(min_length=1),
        required=True,
        secret=True,
        title="App key",
        description="Key of the app, sent with every request.",
    ),
    th.Property(
        "environment",
        th.StringType(allowed_values=list(HOSTS)),
        default="production",
        title="Environment",
        description="ServiceTitan environment that the credentials belong to.",
    ),
    th.Property(
        "api_url",
        th.StringType(pattern=_URL),
        title="API address",
        description="Address of the API, instead of the environment's.",
    ),
    th.Property(
        "auth_url",
        th.StringType(pattern=_URL),
        title="Sign-in address",
        description="Address of the token endpoint, instead of the environment's.",
    ),
    th.Property(
        "start_date",
        th.StringType(pattern=_ISO_DATE),
        title="Start date",
        description=(
            "What is read by changes (export feeds, and lists with such a filter) is first read from this day (UTC, "
            "ISO 8601). Deleted records are then not found in it, "
            "because records from before this day cannot be told from deleted ones. Without it everything is read."
        ),
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=5000),
        default=5000,
        title="Page size",
        description="Records a page of a list.",
    ),
    th.Property(
        "max_retries",
        th.IntegerType(minimum=0),
        default=8,
        title="Retries",
        description="How often a request is repeated after trouble that may pass.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1),
        default=120,
        title="Request timeout",
        description="Seconds to wait for a connection, and for the next bytes of an answer.",
    ),
    th.Property(
        "requests_per_second",
        th.IntegerType(minimum=1),
        default=60,
        title="Requests per second",
        description="Most requests a second. ServiceTitan allows 60 per app and tenant.",
    ),
    th.Property(
        "max_concurrent_streams",
        th.IntegerType(minimum=1),
        default=4,
        title="Streams at once",
        description=(
            "Streams that are read at the same time. They share the limit of requests, and a pause that ServiceTitan "
            "asks for. With 1 the streams are written one after the other."
        ),
    ),
    th.Property(
        "reconcile_interval_days",
        th.IntegerType(minimum=0),
        default=7,
        title="Days between full passes",
        description=(
            "What is read by changes is read whole, to find deleted records, when that was last done so long ago."
        ),
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0),
        default=86400,
        title="Look-back",
        description=(
            "How far before the newest known change a list is asked for changes, and an export feed when the API "
            "refuses its bookmark (rounded up to whole days, which is what a feed takes)."
        ),
    ),
    th.Property(
        "on_missing_module",
        th.StringType(allowed_values=["skip", "fail"]),
        default="skip",
        title="On a missing module",
        description=(
            "What to do about a stream that the API answers with 403 or 404: leave it out with a warning, or fail."
        ),
    ),
    th.Property(
        "unknown_fields",
        th.StringType(allowed_values=["warn", "extra"]),
        default="warn",
        title="Unknown fields",
        description=(
            "What happens to fields of a record that the schema lacks: with `warn` they stay where they are, and each "
            "is named in a warning; with `extra` they move into the JSON field `_extra`."
        ),
    ),
    th.Property(
        "pii",
        th.ArrayType(
            th.ObjectType(
                th.Property("fields", th.ArrayType(th.StringType()), required=True),
                th.Property("streams", th.ArrayType(th.StringType())),
                th.Property("action", th.StringType(allowed_values=["drop", "hash"]), required=True),
                additional_properties=False,
                nullable=False,
            )
        ),
        title="Personal data",
        description=(
            "Fields that must not leave the tap as they are: rules with `fields` (patterns over paths: `*phone*`, "
            "`address.*`), `action` (`drop` or `hash`) and, if not for all streams, `streams` (patterns over names)."
        ),
    ),
    th.Property(
        "pii_salt",
        th.StringType(min_length=16),
        secret=True,
        title="Salt of the hashes",
        description="Key of the hashes that `pii` makes, at least 16 characters. Another one makes other hashes.",
    ),
    th.Property(
        "reports",
        th.ArrayType(
            th.ObjectType(
                th.Property("name", th.StringType(pattern="^[a-z][a-z0-9_]*$"), required=True),
                th.Property("category", th.StringType(pattern="^[A-Za-z0-9_-]+$"), required=True),
                th.Property("id", th.IntegerType(), required=True),
                th.Property("parameters", th.ObjectType(additional_properties=True)),
                th.Property("key", th.ArrayType(th.StringType())),
                th.Property(
                    "date_range",
                    th.ObjectType(
                        th.Property("from", th.StringType()),
                        th.Property("to", th.StringType()),
                        th.Property("start", th.StringType(pattern=r"^\d{4}-\d{2}-\d{2}$"), required=True),
                        th.Property("lookback_days", th.IntegerType(minimum=0)),
                        th.Property("most_days", th.IntegerType(minimum=1)),
                        additional_properties=False,
                    ),
                ),
                th.Property("page_size", th.IntegerType(minimum=1, maximum=25000)),
                additional_properties=False,
                nullable=False,
            )
        ),
        title="Reports",
        description="Reports to read, each as a stream of its own. docs/how-to/reports.md says what to write.",
    ),
    th.Property(
        "report_interval_seconds",
        th.IntegerType(minimum=0),
        default=60,
        title="Seconds between runs of a report",
        description="How long to wait between two runs of the same report. ServiceTitan allows about one a minute.",
    ),
    th.Property(
        "batch_config",
        th.ObjectType(
            th.Property(
                "encoding",
                th.ObjectType(
                    th.Property("format", th.StringType(allowed_values=["jsonl"])),
                    th.Property("compression", th.StringType(allowed_values=["gzip", "none"])),
                    additional_properties=False,
                ),
            ),
            th.Property(
                "storage",
                th.ObjectType(
                    th.Property("root", th.StringType()),
                    th.Property("prefix", th.StringType()),
                    additional_properties=False,
                ),
            ),
            additional_properties=False,
        ),
        title="Batches",
        description=(
            "Send records in BATCH messages: `encoding` (`format`: `jsonl`; `compression`: `none` or `gzip`) and "
            "`storage` (`root`: `data:` for records that stand in the messages, or the address of a folder for files; "
            "`prefix` for their names). Without it, or with an empty `root`, a RECORD message each. "
            "docs/how-to/batches.md says when which is better."
        ),
    ),
).to_dict()
"""JSON Schema of the tap's own settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings' values. Times are in the units that their names or descriptions say."""

    tenant_id: str
    client_id: str
    client_secret: str
    app_key: str
    environment: str
    api_url: str | None
    auth_url: str | None
    start_date: datetime | None
    page_size: int
    max_retries: int
    request_timeout: int
    requests_per_second: int
    max_concurrent_streams: int
    reconcile_interval_days: int
    lookback_seconds: int
    on_missing_module: str
    unknown_fields: str
    pii: Sequence[Mapping[str, Any]] | None
    pii_salt: str | None
    reports: Sequence[Mapping[str, Any]] | None
    report_interval_seconds: int
    batch_config: Mapping[str, Any] | None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Take the values from a configuration that has been checked and has its defaults.

        Raises:
            PluginError: If the start date is a day or a time that does not exist, or if batches have no place.
        """
        values: dict[str, Any] = {field.name: config.get(field.name) for field in fields(cls)}
        _check_root(values["batch_config"])
        return cls(**values | {"start_date": _utc(values["start_date"]) if values["start_date"] else None})

    @property
    def effective_api_url(self) -> str:
        """Address of the API."""
        return self.api_url or HOSTS[self.environment][0]

    @property
    def effective_auth_url(self) -> str:
        """Address of the token endpoint."""
        return self.auth_url or HOSTS[self.environment][1]

    @property
    def reconcile_interval(self) -> timedelta:
        """The longest time between two full passes."""
        return timedelta(days=self.reconcile_interval_days)

    @property
    def lookback(self) -> timedelta:
        """How far to go back from the newest known change."""
        return timedelta(seconds=self.lookback_seconds)


def _check_root(batch_config: Mapping[str, Any] | None) -> None:
    if batch_config and "root" not in (batch_config.get("storage") or {}):
        raise PluginError(
            "setting `batch_config` lacks `storage.root`: `data:` for records that stand in the messages, "
            "the address of a folder for files, or empty for a RECORD message each"
        )


def _utc(start_date: str) -> datetime:
    try:
        start = datetime.fromisoformat(start_date)
    except ValueError as error:
        raise PluginError(f"setting `start_date` is not a date that exists: {start_date}") from error
    return start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
