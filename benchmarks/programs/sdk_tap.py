"""A tap as in the SDK's documentation: the activities' export feed, read with `RESTStream`.

With `--lean` it uses the SDK's options for speed: messages written with msgspec, and no type conformance.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, override

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.pagination import JSONPathPaginator

from tap_servicetitan.catalog.entries import load_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests
    from singer_sdk.helpers.types import Context
    from singer_sdk.pagination import BaseAPIPaginator


class FeedPaginator(JSONPathPaginator):
    """Follows a feed to its end."""

    @override
    def has_more(self, response: requests.Response) -> bool:
        return bool(response.json()["hasMore"])


class Activities(RESTStream[str]):
    """The activities."""

    name = "activities"
    path = "/timesheets/v2/tenant/1/export/activities"
    primary_keys = ("id",)
    records_jsonpath = "$.data[*]"
    schema = load_schema("activities")

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @override
    def get_new_paginator(self) -> BaseAPIPaginator[Any]:
        return FeedPaginator("$.continueFrom")

    @override
    def get_url_params(self, context: Context | None, next_page_token: str | None) -> dict[str, Any]:
        return {"from": next_page_token} if next_page_token else {}


class LeanActivities(Activities):
    """The activities, with unchanged records."""

    TYPE_CONFORMANCE_LEVEL: ClassVar[TypeConformanceLevel] = TypeConformanceLevel.NONE  # type: ignore[misc]


class SdkTap(Tap):
    """A tap of one stream."""

    name = "sdk-tap"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(th.Property("api_url", th.StringType())).to_dict()

    @override
    def discover_streams(self) -> Sequence[Activities]:
        return [Activities(self)]


class LeanSdkTap(SdkTap):
    """A tap of one stream, with the SDK's options for speed."""

    message_writer_class = MsgSpecWriter

    @override
    def discover_streams(self) -> Sequence[Activities]:
        return [LeanActivities(self)]


if __name__ == "__main__":
    if "--lean" in sys.argv:
        sys.argv.remove("--lean")
        LeanSdkTap.cli()
    else:
        SdkTap.cli()
