"""What the setting `extra_streams` declares becomes a spec, or one clear line."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.catalog.extra_streams import extra_specs
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.settings import ExtraStream
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import ReplicationKind, ResponseFormat, StreamSpec

KNOWN = {spec.name: spec for spec in STREAMS}
LIST = "/sales/v2/tenant/{tenant}/opportunities"
FEED = "/sales/v2/tenant/{tenant}/export/opportunities"
CHILD = "/jpm/v2/tenant/{tenant}/jobs/{id}/booked-log"
PARENT = {"stream": "jobs", "field": "jobId"}


def make(**entry: Any) -> StreamSpec:  # noqa: ANN401 - the fields of an entry
    """Return the spec of an entry with the name `extra`."""
    declared = msgspec.convert({"name": "extra", **entry}, ExtraStream)
    return extra_specs([declared], KNOWN)["extra"]


def test_a_list_is_a_snapshot_and_a_feed_is_a_feed() -> None:
    spec = make(path=LIST)
    assert (spec.kind, spec.key, spec.list_path, spec.selected) == (ReplicationKind.SNAPSHOT, ("id",), LIST, True)
    spec = make(path=FEED)
    assert (spec.kind, spec.cursor, spec.export_path) == (ReplicationKind.FEED, "modifiedOn", FEED)


def test_changes_are_read_by_the_parameters_that_lists_have() -> None:
    spec = make(path=LIST, replication="changes")
    assert (spec.changed_since, spec.changed_before) == ("modifiedOnOrAfter", "modifiedBefore")
    spec = make(path=LIST, replication="changes", cursor="at", since="from", before="to")
    assert (spec.cursor, spec.changed_since, spec.changed_before) == ("at", "from", "to")


def test_a_list_without_a_key_is_numbered() -> None:
    spec = make(path=LIST, key=[], response="object")
    assert (spec.key, spec.numbered, spec.response_format) == (("position",), True, ResponseFormat.OBJECT)


def test_a_child_has_the_key_of_its_parent() -> None:
    spec = make(path=CHILD, response="object", parent=PARENT)
    assert spec.parent
    assert (spec.key, spec.parent.placeholder) == (("jobId", "id"), "id")


def test_only_declared_fields_have_columns() -> None:
    schema = schema_of(make(path=FEED, fields={"id": "text", "total": "number", "status": "json"}))
    assert schema == {
        "type": "object",
        "properties": {
            "id": {"type": ["string"]},
            "modifiedOn": {"type": ["string", "null"], "format": "date-time"},
            "total": {"type": ["number", "null"], "format": "decimal"},
            "status": {"type": ["object", "null"]},
        },
        "required": ["id"],
    }


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"name": "jobs", "path": LIST}, "jobs: there is another stream with this name"),
        ({"path": FEED, "response": "array"}, "an export feed has neither `parent` nor `response`"),
        ({"path": LIST, "since": "x"}, "`since` and `before` are for `replication: changes`"),
        ({"path": FEED, "key": []}, "without a `key`, it can only be a snapshot"),
        ({"path": CHILD, "replication": "changes", "parent": PARENT}, "it follows its parent"),
        ({"path": CHILD}, "its path has {id} in it, and no `parent` says of what"),
        ({"path": LIST, "parent": PARENT}, "needs one placeholder"),
        ({"path": CHILD, "parent": {"stream": "job", "field": "j"}}, "there is no stream job (perhaps jobs is meant)"),
        ({"path": CHILD, "parent": {"stream": "customer_notes", "field": "j"}}, "customer_notes cannot be a parent"),
    ],
)
def test_what_does_not_fit_together_is_one_clear_line(entry: dict[str, Any], problem: str) -> None:
    with pytest.raises(PluginError) as caught:
        make(**entry)
    assert str(caught.value).startswith("setting `extra_streams`: ")
    assert problem in str(caught.value)


def test_a_name_that_stands_twice() -> None:
    declared = msgspec.convert({"name": "extra", "path": LIST}, ExtraStream)
    with pytest.raises(PluginError, match="extra: there is another stream with this name"):
        extra_specs([declared, declared], KNOWN)
