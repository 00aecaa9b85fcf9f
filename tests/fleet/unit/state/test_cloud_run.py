"""The full name of a job, and what follows from it."""

from __future__ import annotations

import pytest

from servicetitan_fleet.plugin_runtime.errors import PluginError
from servicetitan_fleet.state.cloud_run import CloudRunJob, parse_job


def test_a_job_is_parsed_from_its_full_name() -> None:
    job = parse_job("projects/acme.com:fleet/locations/europe-west3/jobs/etl-2")
    assert job == CloudRunJob(project="acme.com:fleet", region="europe-west3", job="etl-2")


@pytest.mark.parametrize(
    "name", ["etl", "projects/p/jobs/etl", "projects/p/locations/r/jobs/etl;reboot", "projects/p/locations/r/jobs/"]
)
def test_another_text_is_refused_with_the_form_that_it_should_have(name: str) -> None:
    with pytest.raises(PluginError, match="is not the name of a Cloud Run Job, projects/PROJECT/locations/REGION/jobs"):
        parse_job(name)
