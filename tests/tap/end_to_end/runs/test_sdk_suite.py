"""The SDK's complete test suite for taps, for the first seven streams, against the local ServiceTitan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import SuiteConfig, TapTestRunner, get_tap_test_class

from support.tap.harness import FEW, add_company
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan

SUITE = SuiteConfig(max_records_limit=50)

# To collect the tests no server is needed; the fixture below replaces the settings by those of one.
OFFLINE = {"tenant_id": "1", "client_id": "x", "client_secret": "x", "app_key": "x"}


class SevenStreams(TapServiceTitan):
    """The tap with fewer streams. The suite has eight tests for each, read by default or not."""

    specs = tuple(spec for spec in STREAMS if spec.name in FEW)


class TestTapServiceTitan(
    get_tap_test_class(SevenStreams, config=OFFLINE, suite_config=SUITE, parse_env_config=False)  # type: ignore[misc]
):
    """The suite."""

    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls, servicetitan: ServiceTitan) -> TapTestRunner:
        """The output of the tap for a new tenant."""
        config = add_company(servicetitan).config
        runner = TapTestRunner(SevenStreams, config=config, suite_config=SUITE, parse_env_config=False)
        runner.sync_all()
        return runner
