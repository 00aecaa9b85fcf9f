"""Every stream over HTTP: same records as the source, changes and deletions, and requests as the API documents."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from servicetitan_sandbox.client.control import PageCap
from servicetitan_sandbox.models import PROFILES, Profile
from support.tap.harness import add_company, as_text, comparable, documented_path, unpacked
from tap_servicetitan.catalog.entries import load_schema
from tap_servicetitan.specs.registry import STREAMS as EVERY
from tap_servicetitan.specs.spec import DATE, DELETED_AT, POSITION, ReplicationKind, ResponseFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicetitan_sandbox.client.processes import ServiceTitan
    from support.tap.harness import Company, Run, Sync
    from tap_servicetitan.specs.spec import StreamSpec

Record = dict[str, Any]

STREAMS = [spec for spec in EVERY if not spec.period]
"""The streams of which a run brings all records there are."""

SPECS = {spec.name: spec for spec in STREAMS}


def entity(company: Company, spec: StreamSpec) -> str:
    """Return the sandbox's name of a stream's records."""
    return company.server.control.entity(documented_path(spec))


def at_source(company: Company, spec: StreamSpec) -> list[Record]:
    """Return the records of a stream at the source, sorted by id."""
    wanted = {"billType": spec.query["billType"]} if "billType" in spec.query else {}
    records = unpacked(spec, company.server.control.records(company.id, entity(company, spec)))
    if spec.response_format is ResponseFormat.OBJECT:
        records = first_of_each(spec, records)
    return [record for record in map(as_text, records) if wanted.items() <= record.items()]


def first_of_each(spec: StreamSpec, records: list[Record]) -> list[Record]:
    """Return the first record of each parent, or the first one."""
    firsts: dict[object, Record] = {}
    for record in records:
        firsts.setdefault(record.get(spec.parent.field) if spec.parent else None, record)
    return list(firsts.values())


def count(spec: StreamSpec, records: Iterable[Record]) -> Counter[str]:
    """Return how often each record is there, as far as it is the API's and the stream has it.

    A feed may repeat a record on purpose, and so the lists of its children.
    """
    added = {POSITION, DELETED_AT} | ({spec.parent.field} if spec.parent else set())
    fields = load_schema(spec.name)["properties"].keys() - added
    texts = (
        json.dumps(comparable({name: value for name, value in record.items() if name in fields}), sort_keys=True)
        for record in records
    )
    return Counter(set(texts) if may_repeat(spec) else texts)


def may_repeat(spec: StreamSpec) -> bool:
    """Whether a record may come twice."""
    source = SPECS[spec.parent.stream] if spec.parent else spec
    return source.kind is ReplicationKind.FEED


def is_incremental(spec: StreamSpec) -> bool:
    """Whether a run brings only changes, if no full pass is due."""
    return (SPECS[spec.parent.stream] if spec.parent else spec).kind is not ReplicationKind.SNAPSHOT


def incomplete(company: Company, run: Run) -> list[str]:
    """Return the streams whose records differ from the source, or that are not declared complete."""
    return [
        spec.name
        for spec in STREAMS
        if count(spec, run.records(spec.name)) != count(spec, at_source(company, spec))
        or len(run.of("ACTIVATE_VERSION", spec.name)) != 1
    ]


SMALL = {"*": PageCap(size=4)}
"""A largest page that the streams of a test meet."""


@pytest.mark.parametrize("profile", get_args(Profile))
def test_the_first_run_brings_everything_and_asks_as_documented(
    servicetitan: ServiceTitan, sync: Sync, profile: Profile
) -> None:
    caps = {"largest_page": SMALL} if profile == "as_seen" else {}
    company = add_company(servicetitan, **{**PROFILES[profile], **caps})
    run = sync(company.config, *SPECS)
    assert run.error is None
    assert {end["status"] for end in run.ends.values()} == {"complete"}
    assert incomplete(company, run) == []
    # By chance, the arrays of a stream that is unpacked may all be empty.
    assert [spec.name for spec in STREAMS if not run.records(spec.name) and not spec.unpack] == []
    assert [spec.name for spec in STREAMS if not (may_repeat(spec) or has_unique_keys(spec, run))] == []
    requests = [request for request in company.server.control.requests() if request["tenant"] == company.id]
    assert [request for request in requests if request["undocumented"] or request["missing"]] == []
    # An array that comes whole may be empty, a page may be too large, and a module may take fewer requests at once.
    assert {request["status"] for request in requests} <= (
        {200} if profile == "as_documented" else {200, 204, 400, 429}
    )


def has_unique_keys(spec: StreamSpec, run: Run) -> bool:
    keys = [tuple(record[name] for name in spec.key) for record in run.records(spec.name)]
    return len(set(keys)) == len(keys)


def insert(company: Company, name: str) -> int | str:
    """Add a record at the source and return its id."""
    control = company.server.control
    before = set(control.ids(company.id, name))
    control.insert(company.id, name)
    (new,) = set(control.ids(company.id, name)) - before
    return new


def test_later_runs_see_what_changed_and_what_is_gone(company: Company, sync: Sync) -> None:
    control = company.server.control
    # New ones are nobody's parents, so that nothing else goes with them.
    doomed = {name: insert(company, name) for name in sorted({entity(company, spec) for spec in STREAMS})}
    first = sync(company.config, *SPECS)
    for name, identifier in doomed.items():
        control.update(company.id, name, control.ids(company.id, name)[0])
        control.delete(company.id, name, identifier)
    told = [spec for spec in STREAMS if spec.inactive_is_deleted]
    for spec in told:
        control.deactivate(company.id, entity(company, spec), control.ids(company.id, entity(company, spec))[1])

    second = sync(company.config, *SPECS, state=first.state)
    last = sync(company.config, *SPECS)

    assert (second.error, last.error) == (None, None)
    assert incomplete(company, last) == []
    incremental = {spec.name for spec in STREAMS if is_incremental(spec)}
    assert set(incomplete(company, second)) == incremental
    assert [
        spec.name for spec in STREAMS if spec.name in incremental and not brings_changes(company, spec, second)
    ] == []
    for spec in told:
        deleted = [record[DELETED_AT] for record in second.records(spec.name) if DELETED_AT in record]
        assert len(deleted) == 1


def brings_changes(company: Company, spec: StreamSpec, run: Run) -> bool:
    """Whether a run brought the changes of the source, no other record, and no deletion."""
    there, found = at_source(company, spec), count(spec, run.records(spec.name))
    if run.of("ACTIVATE_VERSION", spec.name) or found - count(spec, there):
        return False
    if spec.parent is None:
        return bool(found & count(spec, there[:1]))
    parent = SPECS[spec.parent.stream]
    changed = at_source(company, parent)[0][parent.key[0]]
    return {record[spec.parent.field] for record in run.records(spec.name)} <= {changed}


def test_lists_of_a_period_are_asked_as_documented(company: Company, sync: Sync) -> None:
    today = datetime.now(UTC).date()
    names = [spec.name for spec in EVERY if spec.period]
    run = sync(company.config | {"start_date": str(today - timedelta(days=3)), "capacity_days": 2}, *names)
    assert run.error is None
    assert {end["status"] for end in run.ends.values()} == {"complete"}
    requests = [request for request in company.server.control.requests() if request["tenant"] == company.id]
    assert [request for request in requests if request["undocumented"] or request["missing"]] == []
    assert {request["status"] for request in requests} == {200}
    assert {record[DATE] for record in run.records("capacity")} == {str(today), str(today + timedelta(days=1))}
    days = {record[DATE] for record in run.records("scheduler_performance")}
    assert days == {str(today - timedelta(days=ago)) for ago in range(4)}
