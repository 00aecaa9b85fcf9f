"""The SDK's own test suite for targets, against the local BigQuery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing.config import SuiteConfig
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import target_tests

from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    from singer_sdk.testing.templates import TargetTestTemplate

    from servicetitan_sandbox.client.bigquery_project import Project


@pytest.mark.parametrize("case", target_tests.tests, ids=lambda case: case.name)
def test_sdk_case(case: type[TargetTestTemplate], project: Project) -> None:
    config = {"project_id": project.name, "api_endpoint": project.api_endpoint, "on_concurrent_run": "allow"}
    runner = TargetTestRunner(TargetBigQuerySoftDelete, config=config)

    try:
        case().run(SuiteConfig(), None, runner)
    finally:
        if runner.input_filepath:
            runner.target_input.close()  # the suite leaves it open
