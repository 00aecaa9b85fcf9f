"""The settings of the tap. Each is declared once: the JSON Schema and the typed values both come from here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from tap_servicetitan.plugin_runtime.credentials import find_problem
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.settings_schema import DeclaredSettings, json_schema, read_settings, setting

if TYPE_CHECKING:
    from collections.abc import Mapping

HOSTS = {
    "production": ("https://api.servicetitan.io", "https://auth.servicetitan.io/connect/token"),
    "integration": (
        "https://api-integration.servicetitan.io",
        "https://auth-integration.servicetitan.io/connect/token",
    ),
}
"""The API's host and the token endpoint of each environment."""

_URL, _URL_FORM = "^https?://", "an address that begins with `https://`"
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$"
_DATE_FORM = "a date such as `2024-02-29`"
REREAD_ALL = "start"
"""The value of `reread_from` for everything."""
_NAME_FORM = "a name of lower-case letters, digits and `_`"


class PiiRule(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A rule of the setting `pii`."""

    fields: list[str]
    """Patterns over the paths of fields."""
    streams: list[str] | None = None
    """Patterns over the names of streams. Without it, the rule is about all of them."""
    action: Literal["drop", "hash"]


class ReportDates(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The setting `date_range` of a report: it is run for one day at a time."""

    from_: str | None = msgspec.field(name="from", default=None)
    """Name of the report's parameter that takes the first day."""
    to: str | None = None
    """Name of the report's parameter that takes the last day."""
    start: Annotated[str, setting(pattern=r"^\d{4}-\d{2}-\d{2}$", form=_DATE_FORM)]
    lookback_days: Annotated[int, setting(ge=0)] | None = None
    most_days: Annotated[int, setting(ge=1)] | None = None


class ReportSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An entry of the setting `reports`."""

    name: Annotated[str, setting(pattern="^[a-z][a-z0-9_]*$", form=_NAME_FORM)]
    category: Annotated[str, setting(pattern="^[A-Za-z0-9_-]+$", form="letters, digits, `_` and `-`")]
    id: int
    parameters: dict[str, Any] | None = None
    key: list[str] | None = None
    date_range: ReportDates | None = None
    formats: dict[str, str] | None = None
    """How the texts in a column are written that should be numbers or dates: `percent`, `thousands`, or a pattern."""
    page_size: Annotated[int, setting(ge=1, le=25000)] | None = None


FieldType = Literal["text", "integer", "number", "boolean", "date-time", "date", "json"]
"""What a field of an extra stream holds."""


class ExtraParent(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The part `parent` of an extra stream: its list is read once for each record of another stream."""

    stream: str
    field: str
    """The field that the tap adds to each record, with the key of its parent."""


class ExtraStream(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An entry of the setting `extra_streams`."""

    name: Annotated[str, setting(pattern="^[a-z][a-z0-9_]*$", form=_NAME_FORM)]
    path: Annotated[
        str,
        setting(
            pattern=r"^/[a-z0-9-]+/v\d+/tenant/\{tenant\}(/[A-Za-z0-9_{}-]+)+$",
            form="a path such as `/crm/v2/tenant/{tenant}/leads`",
        ),
    ]
    replication: Literal["snapshot", "changes", "feed"] | None = None
    response: Literal["pages", "array", "data", "object"] | None = None
    """The form of a list's response: `object` is a single record."""
    key: list[str] | None = None
    cursor: str | None = None
    """The field with the time of the last change."""
    since: str | None = None
    """The query parameter for records that have changed since a time."""
    before: str | None = None
    """The query parameter for records that have changed before a time."""
    query: dict[str, str] | None = None
    fields: dict[str, FieldType] | None = None
    parent: ExtraParent | None = None
    most_per_page: Annotated[int, setting(ge=1, le=5000)] | None = None


class BatchEncoding(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The part `encoding` of the setting `batch_config`."""

    format: Literal["jsonl"] | None = None
    compression: Literal["gzip", "none"] | None = None


class BatchStorage(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The part `storage` of the setting `batch_config`."""

    root: str | msgspec.UnsetType | None = msgspec.UNSET
    prefix: str | None = None


class BatchConfig(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The setting `batch_config`."""

    encoding: BatchEncoding | None = None
    storage: BatchStorage | None = None


class Settings(DeclaredSettings, kw_only=True, frozen=True):
    """The settings, as they were given. Times are in the units that names or descriptions say.

    Numbers are whole: the SDK turns only integers back into numbers when they come from the environment.
    """

    tenant_id: Annotated[
        str, setting("Id of the tenant to read, in digits.", title="Tenant id", pattern="^[0-9]+$", form="digits")
    ]
    client_id: Annotated[str, setting("Client id that the tenant gave to the app.", title="Client id", min_length=1)]
    client_secret: Annotated[
        str, setting("Secret that belongs to the client id.", title="Client secret", min_length=1, secret=True)
    ]
    app_key: Annotated[
        str, setting("Key of the app, sent with every request.", title="App key", min_length=1, secret=True)
    ]
    environment: Annotated[
        Literal["production", "integration"],
        setting("ServiceTitan environment that the credentials belong to.", title="Environment"),
    ] = "production"
    api_url: (
        Annotated[
            str,
            setting(
                "Address of the API, instead of the environment's.", title="API address", pattern=_URL, form=_URL_FORM
            ),
        ]
        | None
    ) = None
    auth_url: (
        Annotated[
            str,
            setting(
                "Address of the token endpoint, instead of the environment's.",
                title="Sign-in address",
                pattern=_URL,
                form=_URL_FORM,
            ),
        ]
        | None
    ) = None
    start_date: (
        Annotated[
            str,
            setting(
                "First day (UTC, ISO 8601) to read of incremental streams. Deleted records are then not found in "
                "them, because records from before this day cannot be told from deleted ones. Without it, everything "
                "is read.",
                title="Start date",
                pattern=_ISO_DATE,
                form=_DATE_FORM,
            ),
        ]
        | None
    ) = None
    page_size: Annotated[int, setting("Records per page of a list.", title="Page size", ge=1, le=5000)] = 5000
    max_retries: Annotated[
        int, setting("How often to repeat a request after an error that may pass.", title="Retries", ge=0)
    ] = 8
    request_timeout: Annotated[
        int,
        setting(
            "Seconds to wait for a connection, and for the next bytes of a response.", title="Request timeout", ge=1
        ),
    ] = 120
    max_response_bytes: Annotated[
        int,
        setting(
            "Bytes of the largest response to accept, as it comes and decompressed. A list with a larger page is asked "
            "for smaller pages; if that does not help, its stream fails. A response takes about three times its size "
            "in memory.",
            title="Largest response",
            ge=1 << 20,
        ),
    ] = 256 << 20
    requests_per_second: Annotated[
        int,
        setting(
            "Most requests per second. ServiceTitan allows 60 per app and tenant.", title="Requests per second", ge=1
        ),
    ] = 60
    max_concurrent_streams: Annotated[
        int,
        setting(
            "The most streams to read at the same time. The tap finds out how many requests each API module can take, "
            "starts streams of the modules that have room, and keeps to the request limit. Streams take turns: a long "
            "one keeps none waiting. With 1, streams are written one after the other, and do wait.",
            title="Most streams at once",
            ge=1,
        ),
    ] = 32
    max_read_seconds: (
        Annotated[
            int,
            setting(
                "Seconds after which the tap stops reading. A stream that is not done by then is incomplete: what was "
                "read of it is written, and the next run continues from its last bookmark. Without this setting, the "
                "tap reads until it is done.",
                title="Time limit",
                ge=1,
            ),
        ]
        | None
    ) = None
    reconcile_interval_days: Annotated[
        int,
        setting(
            "How often, in days, incremental streams are also read in full, to find deletions. The first time comes "
            "sooner for some streams than for others, so that one run does not read all in full.",
            title="Days between full passes",
            ge=0,
        ),
    ] = 7
    lookback_seconds: Annotated[
        int,
        setting(
            "Read again from this many seconds before the newest known change. Applies to lists, and to an export feed "
            "when the API refuses its bookmark (then rounded up to whole days).",
            title="Look-back",
            ge=0,
        ),
    ] = 86400
    reread_from: (
        Annotated[
            str,
            setting(
                "For a single run: read again what earlier runs have read of the selected streams, from this day on "
                "(UTC) or, with `start`, all of it. That also finds deletions, except in streams that are read day by "
                "day. Bookmarks stay where they are.",
                title="Read again from",
                pattern=rf"^(start|{_ISO_DATE[1:-1]})$",
                form="`start`, or a date such as `2024-02-29`",
            ),
        ]
        | None
    ) = None
    daily_lookback_days: Annotated[
        int,
        setting(
            "How many days to read again of streams that are read day by day, such as the performance of campaigns: "
            "the figures of a day change as long as its leads are booked and sold.",
            title="Look-back of daily streams",
            ge=0,
        ),
    ] = 30
    capacity_days: Annotated[
        int,
        setting("How many days of `capacity` to read, from today on.", title="Days of capacity", ge=1, le=366),
    ] = 14
    on_missing_module: Annotated[
        Literal["skip", "fail"],
        setting(
            "What to do with a stream that the API answers with 403 or 404: `skip` leaves it out with a warning, "
            "`fail` fails it.",
            title="On a missing module",
        ),
    ] = "skip"
    unknown_fields: Annotated[
        Literal["warn", "extra"],
        setting(
            "What to do with fields of a record that the schema lacks: `warn` leaves them in place and names each one "
            "in a warning, `extra` moves them into the JSON field `_extra`.",
            title="Unknown fields",
        ),
    ] = "warn"
    pii: (
        Annotated[
            list[PiiRule],
            setting(
                "Fields that must not leave the tap as they are: rules with `fields` (patterns over paths: `*phone*`, "
                "`address.*`), `action` (`drop` or `hash`) and, if not for all streams, `streams` (patterns over "
                "names).",
                title="Personal data",
            ),
        ]
        | None
    ) = None
    pii_salt: (
        Annotated[
            str,
            setting(
                "Key of the hashes that `pii` makes, at least 16 characters. Another key makes other hashes.",
                title="Salt of the hashes",
                min_length=16,
                secret=True,
            ),
        ]
        | None
    ) = None
    reports: (
        Annotated[
            list[ReportSettings],
            setting("Reports to read, each as a stream. docs/how-to/reports.md says what to write.", title="Reports"),
        ]
        | None
    ) = None
    extra_streams: (
        Annotated[
            list[ExtraStream],
            setting(
                "Lists and export feeds to read that are no streams of the tap, each with `name` and `path`. "
                "docs/how-to/extra-streams.md says what to write.",
                title="Extra streams",
            ),
        ]
        | None
    ) = None
    report_interval_seconds: Annotated[
        int,
        setting(
            "Seconds to wait between two runs of the same report. ServiceTitan allows about one a minute.",
            title="Seconds between runs of a report",
            ge=0,
        ),
    ] = 60
    batch_config: (
        Annotated[
            BatchConfig,
            setting(
                "Send records in BATCH messages: `encoding` (`format`: `jsonl`; `compression`: `none` or `gzip`) and "
                "`storage` (`root`: `data:` for records inside the messages, or the address of a folder for files; "
                "`prefix` for their names). Without it, or with an empty `root`, each record is a RECORD message. "
                "docs/how-to/batches.md says when which is better.",
                title="Batches",
            ),
        ]
        | None
    ) = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Return the settings of a configuration that the JSON Schema has accepted.

        Raises:
            PluginError: If a credential cannot be sent, a date does not exist, or `batch_config` has no place for the
                batches.
        """
        settings = read_settings(cls, config)
        _check_credentials(settings)
        _ = settings.first_day, settings.reread_since  # read now, so that a mistake ends the run before it begins
        _check_root(settings.batch_config)
        return settings

    @classmethod
    def for_discovery(cls) -> Settings:
        """Return settings without credentials. Discovery does not need any, unless a setting affects the catalog."""
        return cls(tenant_id="", client_id="", client_secret="", app_key="")

    @cached_property
    def first_day(self) -> datetime | None:
        """The start date as a time (UTC).

        Raises:
            PluginError: If it is a day or a time that does not exist.
        """
        return _utc("start_date", self.start_date) if self.start_date else None

    @property
    def rereads_all(self) -> bool:
        """Whether this run reads everything again."""
        return self.reread_from == REREAD_ALL

    @cached_property
    def reread_since(self) -> datetime | None:
        """The time (UTC) from which this run reads again what earlier runs have read. None if it does not.

        It is a long time ago if everything is read again.

        Raises:
            PluginError: If it is a day or a time that does not exist.
        """
        if self.rereads_all:
            return datetime.min.replace(tzinfo=UTC)
        return _utc("reread_from", self.reread_from) if self.reread_from else None

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


CONFIG_JSONSCHEMA = json_schema(Settings)
"""JSON Schema of the tap's own settings."""


def _check_credentials(settings: Settings) -> None:
    for name in ("tenant_id", "client_id", "client_secret", "app_key"):
        if problem := find_problem(getattr(settings, name)):
            raise PluginError(f"setting `{name}` {problem}, so no request can carry it: enter it again")


def _check_root(batch_config: BatchConfig | None) -> None:
    if batch_config is None or batch_config == BatchConfig():
        return  # no batches
    if batch_config.storage is None or batch_config.storage.root is msgspec.UNSET:
        raise PluginError(
            "setting `batch_config` lacks `storage.root`: `data:` for records inside the messages, "
            "the address of a folder for files, or empty for a RECORD message each"
        )


def _utc(setting_name: str, value: str) -> datetime:
    try:
        start = datetime.fromisoformat(value)
        return start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise PluginError(f"setting `{setting_name}` is not a date that exists: {value}") from error
