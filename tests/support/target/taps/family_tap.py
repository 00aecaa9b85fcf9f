"""A tap with parents and their children, built with the SDK as its documents say: only the parents have a bookmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import Stream, Tap
from singer_sdk import typing as th

from target_bigquery_softdelete.plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context


class Parents(Stream):
    """Read by the time of their last change."""

    name = "parents"
    primary_keys = ("id",)
    replication_key = "changed_at"
    is_sorted = True
    schema = th.PropertiesList(th.Property("id", th.IntegerType), th.Property("changed_at", th.DateTimeType)).to_dict()

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        start = self.get_starting_replication_key_value(context) or ""
        yield from (parent for parent in self.config["parents"] if parent["changed_at"] >= start)

    @override
    def get_child_context(self, record: dict[str, Any], context: Context | None) -> dict[str, Any]:
        return {"parent_id": record["id"]}


class Children(Stream):
    """Those of each parent that was read."""

    name = "children"
    primary_keys = ("id",)
    parent_stream_type = Parents
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType), th.Property("parent_id", th.IntegerType), th.Property("age", th.IntegerType)
    ).to_dict()

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        assert context
        yield from self.config["children"][str(context["parent_id"])]


class FamilyTap(Tap):
    """Reads the parents and children in its configuration."""

    name = "tap-family"
    config_jsonschema = th.PropertiesList(
        th.Property("parents", th.ArrayType(th.ObjectType()), required=True),
        th.Property("children", th.ObjectType(additional_properties=True), required=True),
    ).to_dict()

    @override
    def discover_streams(self) -> list[Stream]:
        return [Parents(self), Children(self)]


if __name__ == "__main__":
    FamilyTap.cli()
