"""Pages that the API does not give in the size that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicetitan_sandbox.models import PageCap
from support.tap.harness import FEW, add_company
from tap_servicetitan.specs.registry import STREAMS

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Sync

STREAM = "campaigns"
ROWS = 230

LIMITED = {spec.name: spec.most_per_page for spec in STREAMS if spec.most_per_page}


@pytest.mark.parametrize("manner", ["refuse", "heavy"])
def test_smaller_pages_are_asked_for_and_remembered(
    servicetitan: ServiceTitan, sync: Sync, caplog: pytest.LogCaptureFixture, manner: str
) -> None:
    cap = PageCap.model_validate({"size": 60, "manner": manner})
    company = add_company(servicetitan, sizes=FEW | {STREAM: ROWS}, largest_page={STREAM: cap})
    company.settings |= {"page_size": 200, "max_retries": 9}
    run = sync(company.config, STREAM)

    assert run.error is None
    assert len(run.records(STREAM)) == ROWS
    assert len(run.of("ACTIVATE_VERSION", STREAM)) == 1
    asked = [int(request["query"]["pageSize"]) for request in company.requests(STREAM)]
    tries = 1 if manner == "refuse" else 2
    assert asked[: 2 * tries + 1] == [200] * tries + [100] * tries + [50]
    assert set(asked[2 * tries :]) == {50}
    (said,) = [message for message in caplog.messages if "from now on" in message]
    assert said.startswith(f"{STREAM}: asks for 50 records per page from now on: larger pages do not come (")


@pytest.mark.parametrize(("size", "is_said"), [(200, True), (60, False), (50, False)])
def test_a_cap_that_the_api_keeps_to_itself_is_said_once(
    servicetitan: ServiceTitan, sync: Sync, caplog: pytest.LogCaptureFixture, *, size: int, is_said: bool
) -> None:
    cap = PageCap(size=60, manner="silent")
    company = add_company(servicetitan, sizes=FEW | {STREAM: ROWS}, largest_page={STREAM: cap})
    company.settings |= {"page_size": size}
    run = sync(company.config, STREAM)

    assert run.error is None
    assert len(run.records(STREAM)) == ROWS
    said = [message for message in caplog.messages if "records per page" in message]
    sentence = f"{STREAM}: gets 60 records per page, although it asks for 200: the API gives no more"
    assert said == [sentence] * is_said


def test_pages_of_fifty_are_not_made_smaller(servicetitan: ServiceTitan, sync: Sync) -> None:
    cap = PageCap(size=20, manner="heavy")
    company = add_company(servicetitan, sizes=FEW | {STREAM: ROWS}, largest_page={STREAM: cap})
    company.settings |= {"page_size": 50, "max_retries": 2}
    run = sync(company.config, STREAM)

    assert run.ends[STREAM]["status"] == "failed"
    assert [request["query"]["pageSize"] for request in company.requests(STREAM)] == ["50"] * 3


@pytest.mark.parametrize("stream", ["form_submissions", "journal_entries"])
def test_a_stream_whose_pages_are_limited_asks_for_no_more(servicetitan: ServiceTitan, sync: Sync, stream: str) -> None:
    company = add_company(servicetitan)
    company.settings |= {"page_size": 5000}
    assert sync(company.config, stream).error is None
    sizes = {
        request["query"]["pageSize"]
        for request in company.server.control.requests()
        if request["tenant"] == company.id and "pageSize" in request["query"]
    }
    assert sizes == {str(LIMITED[stream])}
