"""The part of pytest's set-up that lets chosen tests run against the real BigQuery: its options, fixtures and report.

Without its options, the tests run as all others do, against a local BigQuery.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth
import pytest
from google.cloud import bigquery

from servicetitan_sandbox.client.bigquery_project import Project
from support.real_bigquery import names, report
from support.real_bigquery.bill import dollars
from support.real_bigquery.gateway import SCOPES
from support.real_bigquery.site import REHEARSAL_PROJECT, Finding, Results, Site, Workplace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicetitan_sandbox.client.processes import BigQuery

_SITE = pytest.StashKey[Site]()
_RESULTS = pytest.StashKey[Results]()
_WORKER = "etl_check"
"""Key under which the processes of a run tell each other about it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("bigquery", "the real BigQuery")
    group.addoption(
        "--bigquery-project",
        help="run the tests marked `bigquery` in this Google Cloud project, in datasets that are removed afterwards",
    )
    group.addoption(
        "--bigquery-rehearsal",
        action="store_true",
        help="run them in the same way, but in one project of the local BigQuery",
    )
    group.addoption("--bigquery-location", help="where the datasets are, such as europe-west3 (default: US)")
    group.addoption("--bigquery-report", type=Path, help="write what was found into this document")


def pytest_configure(config: pytest.Config) -> None:
    """Decide where the tests run.

    Raises:
        UsageError: If the options contradict each other.
    """
    worker = getattr(config, "workerinput", None)
    site = (Site(**worker[_WORKER]) if worker[_WORKER] else None) if worker is not None else _chosen_site(config)
    if site is not None:
        config.stash[_SITE] = site
        config.stash[_RESULTS] = Results()
        if site.is_real and worker is None:
            _begin(site)


def _chosen_site(config: pytest.Config) -> Site | None:
    project, is_rehearsal = config.getoption("--bigquery-project"), config.getoption("--bigquery-rehearsal")
    if project and is_rehearsal:
        raise pytest.UsageError("--bigquery-project and --bigquery-rehearsal: give one of them")
    if not project and not is_rehearsal:
        return None
    return Site(
        project=project or REHEARSAL_PROJECT,
        prefix=names.new_prefix(dt.datetime.now(dt.UTC)),
        location=config.getoption("--bigquery-location"),
        is_real=bool(project),
        workers=len(config.getoption("tx", None) or [None]),
    )


def _client(site: Site) -> bigquery.Client:
    return bigquery.Client(site.project, credentials=google.auth.default(scopes=SCOPES)[0], location=site.location)


def _begin(site: Site) -> None:
    """Remove what killed runs have left, and say what is going to be used."""
    for name in names.remove_leftovers(_client(site), dt.datetime.now(dt.UTC)):
        print(f"removed the dataset {name}, which an earlier run had left")  # noqa: T201 - to who started the run
    print(f"the datasets of this run: {site.project}.{site.prefix}...")  # noqa: T201


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - the type is that of an optional plugin
    """Tell a worker where the tests run."""
    site = node.config.stash.get(_SITE, None)
    node.workerinput[_WORKER] = site.to_dict() if site else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ANN401, ARG001 - as above
    """Add the results of a worker."""
    told = getattr(node, "workeroutput", {}).get(_WORKER)
    if told:
        node.config.stash[_RESULTS].add(Results.from_dict(told))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the results of a worker to the process that started it."""
    config = session.config
    if hasattr(config, "workeroutput") and _RESULTS in config.stash:
        config.workeroutput[_WORKER] = config.stash[_RESULTS].to_dict()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave only the tests that may run: probes never in an ordinary run, and unmarked tests only there."""
    is_ordinary = _SITE not in config.stash
    kept = [item for item in items if _may_run(item, is_ordinary=is_ordinary)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _may_run(item: pytest.Item, *, is_ordinary: bool) -> bool:
    wanted = "probe" if is_ordinary else "bigquery"
    return (item.get_closest_marker(wanted) is None) == is_ordinary


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the run can have cost, and write the report."""
    site = config.stash.get(_SITE, None)
    if site is None:
        return
    results = config.stash[_RESULTS]
    terminalreporter.write_line(
        f"BigQuery: {results.queries} queries, billed for at most {results.most_bytes >> 20} MiB: "
        f"{dollars(results.most_bytes):.2f} dollars"
    )
    path = config.getoption("--bigquery-report")
    if path:
        counts = report.count_tests(terminalreporter.stats)
        report.write(path, site, results, counts, dt.datetime.now(dt.UTC))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the datasets of the run, also those of a worker that was killed."""
    site = config.stash.get(_SITE, None)
    if site is not None and site.is_real and not hasattr(config, "workerinput"):
        for name in names.remove_datasets(_client(site), site.prefix):
            print(f"removed the dataset {name}")  # noqa: T201 - to who started the run


@pytest.fixture(scope="session")
def workplace(request: pytest.FixtureRequest) -> Iterator[Workplace | None]:
    """Where tests share a project. None in an ordinary run, in which each has a project of its own."""
    site = request.config.stash.get(_SITE, None)
    if site is None:
        yield None
        return
    local = "" if site.is_real else request.getfixturevalue("bigquery").api_endpoint
    place = Workplace(site, local, os.environ.get("PYTEST_XDIST_WORKER", "main"))
    with place.gateway:
        yield place
        results = place.results()
        request.config.stash[_RESULTS].add(results)
    assert not results.left, f"the tests have left datasets: {', '.join(results.left)}"


@pytest.fixture
def project(request: pytest.FixtureRequest, workplace: Workplace | None) -> Iterator[Project]:
    """A project, or a part of one, that no other test uses."""
    if workplace is None:
        server: BigQuery = request.getfixturevalue("bigquery")
        yield Project(server.api_endpoint)
        return
    part = workplace.next_project()
    try:
        yield part
    finally:
        part.delete()
    mistakes = workplace.gateway.take_mistakes()
    assert not mistakes, mistakes


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[Finding], None]:
    """Records what a probe has found."""
    findings: list[Finding] = request.config.stash[_RESULTS].findings
    return findings.append
