"""The tap as the SDK knows it: settings, capabilities, streams, and the commands."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

import click
import msgspec
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.tap_base import CliTestOptionValue

from tap_servicetitan.api.auth import Authenticator, Credentials
from tap_servicetitan.api.client import ApiClient
from tap_servicetitan.api.gates import Gates
from tap_servicetitan.api.rate_limit import RateLimiter
from tap_servicetitan.api.retry import Retrier
from tap_servicetitan.api.transport import Transport
from tap_servicetitan.catalog.discovery import affects_catalog
from tap_servicetitan.catalog.extra_streams import extra_specs
from tap_servicetitan.catalog.names import check_names
from tap_servicetitan.catalog.selection import without_deselected
from tap_servicetitan.concurrency.cancellation import Cancellation
from tap_servicetitan.concurrency.room import Room
from tap_servicetitan.concurrency.turns import Turns
from tap_servicetitan.errors import StreamError
from tap_servicetitan.output.batch_messages import Batches
from tap_servicetitan.output.record_messages import record_lines
from tap_servicetitan.output.writer import MessageWriter
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.settings import CheckedSettings
from tap_servicetitan.replication.saved_state import sort_out
from tap_servicetitan.reports.config import parse_reports
from tap_servicetitan.reports.description import decode_description, report_schema, undiscovered_schema
from tap_servicetitan.settings import CONFIG_JSONSCHEMA, Settings
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import ReplicationKind
from tap_servicetitan.streams.access_check import check_access
from tap_servicetitan.streams.changes import ChangesStream
from tap_servicetitan.streams.context import StreamContext
from tap_servicetitan.streams.count import count_records
from tap_servicetitan.streams.feed import FeedStream
from tap_servicetitan.streams.period import ChildPeriodStream, PeriodStream
from tap_servicetitan.streams.report import ReportStream
from tap_servicetitan.streams.snapshot import SnapshotStream
from tap_servicetitan.sync import selected_streams, sync_streams
from tap_servicetitan.transform.pii import Protection, check_required_fields, parse_rules
from tap_servicetitan.transform.shaper import Shaper

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from datetime import datetime

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.plugin_base import _ConfigInput

    from tap_servicetitan.reports.config import Report
    from tap_servicetitan.specs.spec import StreamSpec
    from tap_servicetitan.streams.base import ServiceTitanStream
    from tap_servicetitan.transform.pii import Rule


# One class per way of reading, none for a single entity.
_STREAM_CLASSES: dict[ReplicationKind, type[SnapshotStream | ChangesStream | FeedStream | PeriodStream]] = {
    ReplicationKind.SNAPSHOT: SnapshotStream,
    ReplicationKind.CHANGES: ChangesStream,
    ReplicationKind.FEED: FeedStream,
    ReplicationKind.DAYS: PeriodStream,
}


class TapServiceTitan(CheckedSettings, Tap):
    """Reads a ServiceTitan tenant: reference data as complete snapshots, large entities from their export feeds."""

    name = "tap-servicetitan"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    message_writer_class = MessageWriter
    message_writer: MessageWriter
    specs: ClassVar[Sequence[StreamSpec]] = STREAMS
    """The streams, without reports."""
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @cached_property
    def settings(self) -> Settings:
        """The settings' values."""
        if any(name not in self.config for name in CONFIG_JSONSCHEMA["required"]):
            return Settings.for_discovery()  # a run does not get here without them
        return Settings.from_config(self.config)

    @cached_property
    def context(self) -> StreamContext:
        """What the streams share."""
        batches = Batches.from_config(self.settings.batch_config)
        return StreamContext(
            settings=self.settings,
            connect=self._connect,
            writer=self.message_writer,
            turns=self._turns,
            messages=batches.make_messages if batches else record_lines,
            shaper_for=self.shaper_for,
        )

    @cached_property
    def _cancellation(self) -> Cancellation:
        return Cancellation()

    @cached_property
    def _gates(self) -> Gates:
        return Gates(sleep=self._cancellation.sleep)

    @cached_property
    def _turns(self) -> Turns:
        return Turns(self.settings.max_concurrent_streams, limit_of=self._gates.limit_of)

    def _pause(self, seconds: float) -> None:
        with self._turns.pause():
            self._cancellation.sleep(seconds)

    def _connect(self) -> ApiClient:
        settings = self.settings
        room = Room(lambda: self.message_writer.writes)
        transport = Transport(settings.request_timeout, settings.max_response_bytes, room.take)
        retrier = Retrier(settings.max_retries, self.logger, sleep=self._pause)
        credentials = Credentials(settings.tenant_id, settings.client_id, settings.client_secret)
        return ApiClient(
            api_url=settings.effective_api_url,
            tenant_id=settings.tenant_id,
            app_key=settings.app_key,
            authenticator=Authenticator(credentials, settings.effective_auth_url, transport, retrier),
            transport=transport,
            limiter=RateLimiter(settings.requests_per_second, sleep=self._cancellation.sleep),
            retrier=retrier,
            gates=self._gates,
            waiting=self._turns.pause,
            on_answer=self._turns.fill,
        )

    @cached_property
    def _pii_rules(self) -> list[Rule]:
        return parse_rules(self.settings.pii or (), self.settings.pii_salt)

    def shaper_for(self, spec: StreamSpec, schema: dict[str, Any]) -> Shaper:
        """Return the shaper for the records of a stream.

        Args:
            spec: The spec of the stream.
            schema: Schema of the records as they come.

        Raises:
            PluginError: If the settings drop a field without which the stream cannot be read.
        """
        protection = Protection(spec.name, self._pii_rules, self.settings.pii_salt)
        keep_extra = self.settings.unknown_fields == "extra" or spec.fields is not None or not spec.is_documented
        shaper = Shaper(schema, protection, keep_extra=keep_extra)
        check_required_fields(spec, shaper.schema)
        return shaper

    @override
    def discover_streams(self) -> Sequence[ServiceTitanStream]:
        """Return the streams: with a catalog those that are in it, without one all."""
        if affects_catalog(self.config):
            self._validate_config()  # the SDK does not in discovery, where most settings do not matter
        return [*self._spec_streams(), *self._report_streams(self._all_specs)]

    @cached_property
    def _all_specs(self) -> dict[str, StreamSpec]:
        """All streams but reports, by name."""
        specs = {spec.name: spec for spec in self.specs}
        return specs | extra_specs(self.settings.extra_streams or (), specs)

    def _spec_streams(self) -> Iterator[ServiceTitanStream]:
        specs, listed = self._all_specs, self.input_catalog
        for spec in specs.values():
            if listed is not None and spec.name not in listed:
                continue
            source = specs[spec.parent.stream] if spec.parent else spec
            kind = spec.kind if spec.period else source.kind
            stream_class = ChildPeriodStream if spec.period and spec.parent else _STREAM_CLASSES[kind]
            yield stream_class(self, self.context, spec, source)

    def _report_streams(self, taken: Container[str]) -> Iterator[ReportStream]:
        reports = parse_reports(self.settings.reports or (), taken)
        # The API limits the runs of a report, also when several streams run it with other parameters.
        seconds = self.settings.report_interval_seconds
        per_second = 1 / seconds if seconds else math.inf
        paces = {report.id: RateLimiter(per_second, sleep=self._cancellation.sleep) for report in reports}
        for report in reports:
            if schema := self._report_schema(report):
                yield ReportStream(self, self.context, report, schema, paces[report.id])

    def _report_schema(self, report: Report) -> dict[str, Any] | None:
        """Return the schema of a report: from the catalog, or without a catalog from the API's description.

        Returns:
            The schema. None if there is a catalog without this report, which is then not read.
        """
        if self.input_catalog is not None:
            entry = self.input_catalog.get_stream(report.name)
            return entry.schema.to_dict() if entry else None
        try:
            return report_schema(report, self.context.client.get(report.description_path, {}, decode_description))
        except StreamError as error:
            self.logger.error("%s: the report could not be discovered: %s", report.name, error)  # noqa: TRY400 - one line
            return undiscovered_schema(report, str(error))

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.params += [
            click.Option(
                ["--count"],
                is_flag=True,
                help="Ask how many records the selected streams have, and print a line of JSON for each.",
                callback=cls._cb_count,
                expose_value=False,
            ),
            click.Option(
                ["--created-before"],
                type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]),
                help="With --count: where the API can tell, count only records created before this time (UTC).",
            ),
        ]
        for option in command.params:
            # `--test` and `--count` need them, wherever they stand on the command line.
            option.is_eager = option.is_eager or option.name in {"catalog", "created_before"}
        return command

    @classmethod
    def _cb_count(cls, ctx: click.Context, _: click.Option, value: bool) -> None:  # noqa: FBT001 - as click calls it
        """Run `--count` for the streams that the catalog selects."""
        if value:
            moment = ctx.params.get("created_before")
            tap = cls._open(ctx.params["config"], catalog=ctx.params.get("catalog"))
            tap.print_counts(moment.replace(tzinfo=UTC) if moment else None)
            ctx.exit()

    def print_counts(self, created_before: datetime | None) -> None:
        """Print how many records the selected streams have, a line of JSON for each.

        Args:
            created_before: Where the API can tell, only records that were created before this moment (UTC) count.

        Raises:
            SignInRefusedError: If the credentials are not accepted.
            PluginError: If the catalog selects streams that do not exist.
        """
        self._check_catalog()
        self.context.client.sign_in()
        streams = selected_streams(self.streams.values())
        for count in count_records(streams, self.context, created_before):
            click.echo(msgspec.json.encode(count).decode())

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run `--test` for the streams that the catalog selects. The SDK would test all streams."""
        if value == CliTestOptionValue.All.value:
            cls._open(ctx.params["config"], catalog=ctx.params.get("catalog")).run_connection_test()
            ctx.exit()
        super().cb_test(ctx, param, value)

    @override  # type: ignore[misc]  # final in the SDK, where it reads the first page of every stream
    def run_connection_test(self) -> bool:
        """Check that the credentials work and which of the selected streams the app may read. Logs what it finds.

        Raises:
            SignInRefusedError: If the credentials are not accepted.
            PluginError: If the catalog selects streams that do not exist, or a run would fail.
        """
        self._check_catalog()
        self.context.client.sign_in()
        check_access(selected_streams(self.streams.values()), self.context, self.logger, utc_now().date())
        return True

    def _check_catalog(self) -> None:
        """Check that there are the streams that the catalog selects. The SDK would leave out those that are not.

        Raises:
            PluginError: If one is missing.
        """
        if self.input_catalog:
            selected = [name for name, entry in self.input_catalog.items() if entry.metadata.root.selected]
            check_names(selected, {**self._all_specs, **self.streams})

    @classmethod
    @override
    def invoke(  # type: ignore[override]  # as in the SDK
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
        created_before: datetime | None = None,
    ) -> None:
        """Run the tap, as the SDK does, but name a file that is not JSON.

        Raises:
            PluginError: If the state or the catalog is not JSON, or an option is there that is for another command.
        """
        if created_before:
            raise PluginError("--created-before is for --count")
        super(Tap, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        cls._open(config, state=state, catalog=catalog).sync_all()

    @classmethod
    def _open(
        cls, config: _ConfigInput | None, *, state: IO[str] | None = None, catalog: IO[str] | None = None
    ) -> Self:
        """Return the tap with the files of a command line."""
        found = _read_json(state, "state")
        if found is not None and not isinstance(found, dict):
            found = {"bookmarks": found}  # which is no state either, and a warning will say so
        return cls(
            config=config.config if config else None,
            state=found,
            catalog=_read_catalog(catalog),
            parse_env_config=bool(config and config.parse_env),
        )

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        # Which bookmarks may be used shows only when the server has told its time.
        self._saved_state: object = state

    def _use_saved_state(self) -> None:
        saved = sort_out(self._saved_state, self.context.identity, self.context.client.server_time)
        for warning in saved.warnings():
            self.logger.warning("%s", warning)
        if saved.used:
            self.state["bookmarks"] = saved.used
            self.state_writer.write_state(self.state)

    @override  # type: ignore[misc]  # final in the SDK, where the first error ends the run
    def sync_all(self) -> None:
        """Read every selected stream, several at once. One that fails does not stop the others.

        Raises:
            SignInRefusedError: If the credentials are not accepted. Nothing has been written then.
            PluginError: If the catalog selects streams that do not exist. Nothing has been written then, either.
            PluginError: At the end, if a stream failed, was not read to its end, or none could be read.
        """
        began = time.monotonic()
        self._check_catalog()
        self.context.client.sign_in()
        self._use_saved_state()
        streams = selected_streams(self.streams.values())
        sync_streams(streams, self.context, self._cancellation, self.logger, began=began)


def _read_catalog(file: IO[str] | None) -> Any:  # noqa: ANN401 - any JSON object
    """Return the catalog of the command line, without the streams that it deselects; None without one.

    Raises:
        PluginError: If it is not JSON, or no catalog.
    """
    found = _read_json(file, "catalog")
    if file is None:
        return None
    if isinstance(found, dict) and isinstance(found.get("streams"), list):
        return without_deselected(found)
    raise PluginError(
        f"the catalog file {file.name} is no catalog: it must be an object with the array `streams`, as `--discover` "
        "writes it."
    )


def _read_json(file: IO[str] | None, what: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the content of a file of the command line; None without one.

    Raises:
        PluginError: If it is not JSON.
    """
    if file is None:
        return None
    try:
        return json.load(file)
    except ValueError as error:
        raise PluginError(f"the {what} file {file.name} is not JSON: {error}") from error
