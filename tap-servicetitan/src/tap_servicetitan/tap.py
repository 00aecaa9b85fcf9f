"""The tap: settings in, Singer messages out."""

from __future__ import annotations

import json
import math
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.tap_base import CliTestOptionValue

from tap_servicetitan.api.access_check import ask_modules
from tap_servicetitan.api.auth import Authenticator, Credentials
from tap_servicetitan.api.client import ApiClient
from tap_servicetitan.api.rate_limit import RateLimiter
from tap_servicetitan.api.retry import Retrier
from tap_servicetitan.api.transport import Transport
from tap_servicetitan.catalog.discovery import decide_the_catalog
from tap_servicetitan.concurrency.cancellation import Halt, HaltedError
from tap_servicetitan.concurrency.workers import run_side_by_side
from tap_servicetitan.errors import StreamError
from tap_servicetitan.output.batch_messages import Batches
from tap_servicetitan.output.writer import MessageWriter
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.settings import CheckedSettings
from tap_servicetitan.reports.config import parse_reports, read_description, undiscovered
from tap_servicetitan.reports.config import schema_of as report_schema
from tap_servicetitan.settings import CONFIG_JSONSCHEMA, Settings
from tap_servicetitan.specs import STREAMS, Kind
from tap_servicetitan.streams.base import Ending, ServiceTitanStream
from tap_servicetitan.streams.changes import ChangesStream
from tap_servicetitan.streams.feed import FeedStream
from tap_servicetitan.streams.report import ReportStream
from tap_servicetitan.streams.snapshot import SnapshotStream
from tap_servicetitan.transform.pii import Protection, check_kept, parse_rules
from tap_servicetitan.transform.shaper import Shaper

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_servicetitan.reports.config import Report
    from tap_servicetitan.specs import StreamSpec
    from tap_servicetitan.transform.pii import Rule


# One class for each way of reading, none for a single entity.
_STREAM_CLASSES: dict[Kind, type[SnapshotStream | ChangesStream | FeedStream]] = {
    Kind.SNAPSHOT: SnapshotStream,
    Kind.CHANGES: ChangesStream,
    Kind.FEED: FeedStream,
}


class TapServiceTitan(CheckedSettings, Tap):
    """Reads a ServiceTitan tenant: reference data as complete snapshots, large entities from their export feeds."""

    name = "tap-servicetitan"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    message_writer_class = MessageWriter
    message_writer: MessageWriter
    rows: ClassVar[Sequence[StreamSpec]] = STREAMS
    """The streams."""
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
    def _halt(self) -> Halt:
        return Halt()

    @cached_property
    def settings(self) -> Settings:
        """The settings' values."""
        return Settings.from_config(self.config)

    @cached_property
    def client(self) -> ApiClient:
        """The API of the tenant."""
        settings = self.settings
        transport = Transport(settings.request_timeout)
        retrier = Retrier(settings.max_retries, self.logger, sleep=self._halt.sleep)
        credentials = Credentials(settings.tenant_id, settings.client_id, settings.client_secret)
        return ApiClient(
            api_url=settings.effective_api_url,
            tenant_id=settings.tenant_id,
            app_key=settings.app_key,
            authenticator=Authenticator(credentials, settings.effective_auth_url, transport, retrier),
            transport=transport,
            limiter=RateLimiter(settings.requests_per_second, sleep=self._halt.sleep),
            retrier=retrier,
        )

    @cached_property
    def batches(self) -> Batches | None:
        """What makes BATCH messages, if the records are to go in such."""
        return Batches.from_config(self.settings.batch_config)

    @cached_property
    def _pii_rules(self) -> list[Rule]:
        return parse_rules(self.settings.pii or (), self.settings.pii_salt)

    def shaper(self, spec: StreamSpec, schema: dict[str, Any]) -> Shaper:
        """Return what shapes the records of a stream, from its schema.

        Raises:
            PluginError: If the settings take away a field without which the stream cannot be read.
        """
        protection = Protection(spec.name, self._pii_rules, self.settings.pii_salt)
        shaper = Shaper(schema, protection, keep_extra=self.settings.unknown_fields == "extra")
        check_kept(spec, shaper.schema)
        return shaper

    @override
    def discover_streams(self) -> Sequence[ServiceTitanStream]:
        if decide_the_catalog(self.config):
            self._validate_config()  # the SDK leaves it out of discovery, which most settings do not matter to
        rows = {spec.name: spec for spec in self.rows}
        sources = {spec.name: rows[spec.parent.stream] if spec.parent else spec for spec in self.rows}
        streams = [_STREAM_CLASSES[sources[spec.name].kind](self, spec, sources[spec.name]) for spec in self.rows]
        return [*streams, *self._report_streams(rows)]

    def _report_streams(self, taken: Container[str]) -> Iterator[ReportStream]:
        reports = parse_reports(self.settings.reports or (), taken)
        # The API counts the runs of a report, whatever it is run for.
        seconds = self.settings.report_interval_seconds
        per_second = 1 / seconds if seconds else math.inf
        paces = {report.id: RateLimiter(per_second, sleep=self._halt.sleep) for report in reports}
        for report in reports:
            if schema := self._report_schema(report):
                yield ReportStream(self, report, schema, paces[report.id])

    def _report_schema(self, report: Report) -> dict[str, Any] | None:
        """Return the schema of a report: the catalog's, or without a catalog the one that the API describes.

        Returns:
            The schema. None when there is a catalog without this report, which is then not to be read.
        """
        if self.input_catalog:
            entry = self.input_catalog.get_stream(report.name)
            return entry.schema.to_dict() if entry else None
        try:
            return report_schema(report, self.client.get(report.description_path, {}, read_description))
        except StreamError as error:
            self.logger.error("%s: the report could not be discovered: %s", report.name, error)  # noqa: TRY400 - one line
            return undiscovered(report, str(error))

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        for option in command.params:
            # Known by the time that `--test` runs, wherever it stands.
            option.is_eager = option.is_eager or option.name == "catalog"
        return command

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run `--test` for the streams that the catalog selects, where the SDK would test all of them."""
        if value == CliTestOptionValue.All.value:
            config, catalog = ctx.params["config"], ctx.params.get("catalog")
            cls(
                config=config.config,
                catalog=json.load(catalog) if catalog else None,
                parse_env_config=config.parse_env,
            ).run_connection_test()
            ctx.exit()
        super().cb_test(ctx, param, value)

    @override  # type: ignore[misc]  # final in the SDK, where it reads the first page of every stream
    def run_connection_test(self) -> bool:
        """Find out whether the credentials work and which modules the app may read, and log a line for each.

        Raises:
            SignInRefusedError: If the credentials are not accepted.
            PluginError: If no module can be read.
        """
        self.client.sign_in()
        selected = [stream.spec for stream in self._own_streams() if stream.selected]
        readable = tested = 0
        for finding in ask_modules(self.client, STREAMS, selected, utc_now().date()):
            tested += 1
            if finding.problem:
                names = ", ".join(finding.streams)
                self.logger.warning("%s: cannot be read: %s; needed by %s", finding.module, finding.problem, names)
            else:
                readable += 1
                self.logger.info("%s: can be read", finding.module)
        if tested and not readable:
            raise self._nothing_readable(f"{tested} modules that the selected streams need")
        return True

    @override  # type: ignore[misc]  # final in the SDK, where the first error ends the run
    def sync_all(self) -> None:
        """Read every selected stream, several at once. One that fails does not stop the others.

        Raises:
            SignInRefusedError: If the credentials are not accepted. Nothing has been written then.
            PluginError: At the end, if a stream failed or none could be read.
        """
        self.client.sign_in()
        if self.state:
            self.state_writer.write_state(self.state)

        selected = [stream for stream in self._own_streams() if stream.selected]
        failures: dict[str, str] = {}

        def read(stream: ServiceTitanStream) -> None:
            if failure := self._failure_of(stream):
                failures[stream.name] = failure

        try:
            run_side_by_side([partial(read, stream) for stream in selected], self.settings.max_concurrent_streams)
        except BaseException:
            # Workers that are left behind must not write any more, nor be in a line when the process ends.
            self._halt.set()
            self.message_writer.close()
            raise
        self._summarize(selected, failures)

    def _failure_of(self, stream: ServiceTitanStream) -> str | None:
        try:
            stream.read()
        except StreamError as error:
            return str(error)
        except (PluginError, OSError, HaltedError):
            # Not this stream's alone: refused credentials, or nobody who reads the output.
            raise
        except Exception as error:
            self.logger.debug("Where it happened:", exc_info=error)
            return f"unexpected {type(error).__name__}: {error}"
        return None

    def _own_streams(self) -> list[ServiceTitanStream]:
        own = [stream for stream in self.streams.values() if isinstance(stream, ServiceTitanStream)]
        # Reports come last. They wait most of their time, and others must not wait for that.
        return sorted(own, key=lambda stream: isinstance(stream, ReportStream))

    def _summarize(self, selected: list[ServiceTitanStream], failures: dict[str, str]) -> None:
        read = [stream for stream in selected if stream.name not in failures]
        failed = [stream.name for stream in selected if stream.name in failures]
        for stream in read:
            if stream.outcome.ending is Ending.COMPLETE:
                self.logger.info("%s: %d records", stream.name, stream.outcome.records)
            else:
                self.logger.warning("%s: %s: %s", stream.name, stream.outcome.ending.value, stream.outcome.reason)
        for name in failed:
            self.logger.error("%s: failed: %s", name, failures[name])
        if failed:
            raise PluginError(f"{len(failed)} of {len(selected)} streams failed: {', '.join(failed)}")
        if read and all(stream.outcome.ending is Ending.SKIPPED for stream in read):
            raise self._nothing_readable(f"{len(read)} streams")

    def _nothing_readable(self, what: str) -> PluginError:
        return PluginError(
            f"tenant {self.settings.tenant_id} lets the app read none of the {what}: "
            "check tenant_id, app_key and the app's scopes"
        )
