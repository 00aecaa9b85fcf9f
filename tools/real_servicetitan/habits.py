"""The questions: each asks a list or a feed something that the documents leave open, and names what came in a word.

An answer is one of the words that the tap is made for, or begins with `unexpected`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.days import query_of_day
from tap_servicetitan.specs.spec import CREATED_BEFORE, ResponseFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from real_servicetitan.client import Answer, Client
    from tap_servicetitan.specs.spec import StreamSpec

    Ask = Callable[[Client, StreamSpec], str | None]

UNEXPECTED = "unexpected"
SMALL = 50
"""Records on a page that is looked at."""

_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$")


@dataclass(frozen=True, slots=True)
class Habit:
    """Something in which endpoints differ.

    Attributes:
        name: The question, in a few words.
        ask: Asks the endpoint of a stream. Returns what came, in words; None if the question does not fit the endpoint.
    """

    name: str
    ask: Ask


def page_query(spec: StreamSpec, **query: str) -> dict[str, str]:
    """Return the parameters of a small page of a list, as the tap would ask for it."""
    paging = {"page": "1", "pageSize": str(SMALL), "includeTotal": "true"}
    own = {name: value for name, value in paging.items() if name in spec.list_parameters}
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    period = query_of_day(spec.period, yesterday) if spec.period else {}
    return {**own, **spec.query, **period, **query}


def readable(answer: Answer) -> str:
    """Say whether an endpoint can be read."""
    if answer.is_good:
        return "can be read"
    if answer.status == HTTPStatus.FORBIDDEN:
        return "403: no scope" if answer.body is not None else "403 without JSON: a firewall"
    known = {0: "no answer in time", 401: "401", 404: "404: not enabled", 429: "429", 504: "504: too heavy"}
    return known.get(answer.status, f"{UNEXPECTED}: {answer.status}")


def _is_paged(spec: StreamSpec) -> bool:
    return spec.list_path is not None and spec.parent is None and spec.response_format is ResponseFormat.PAGES


def largest_page(client: Client, spec: StreamSpec) -> str | None:
    """Ask for the largest page that the tap asks for."""
    if not _is_paged(spec) or "pageSize" not in spec.list_parameters:
        return None
    wanted = spec.most_per_page or 5000
    answer = client.get(spec.list_path or "", **page_query(spec, pageSize=str(wanted)))
    if answer.status == HTTPStatus.BAD_REQUEST:
        return f"{wanted}: refused (400)"
    if answer.status in {0, HTTPStatus.GATEWAY_TIMEOUT}:
        return f"{wanted}: too heavy"
    if not answer.is_good:
        return f"{UNEXPECTED}: {answer.status}"
    if answer.value("hasMore") and len(answer.records) < wanted:
        return f"{wanted}: fewer come, silently"
    return "as large as asked for" if answer.value("hasMore") else "the list fits a page"


def total(client: Client, spec: StreamSpec) -> str | None:
    """Ask for the number of records."""
    if not _is_paged(spec) or not spec.has_total_count:
        return None
    answer = client.get(spec.list_path or "", **page_query(spec))
    if answer.status == HTTPStatus.NO_CONTENT:
        return "204 in place of an empty page"
    count = answer.value("totalCount")
    if count is None:
        return "no total" if answer.is_good else f"{UNEXPECTED}: {answer.status}"
    return "a total" if isinstance(count, int) else f"{UNEXPECTED}: the total is no number"


def order(client: Client, spec: StreamSpec) -> str | None:
    """See whether the order that is asked for comes."""
    if not _is_paged(spec) or spec.query.get("sort") != "+Id":
        return None
    keys = [record.get("id") for record in client.get(spec.list_path or "", **page_query(spec)).records]
    if len(keys) < 3 or not all(isinstance(key, int) for key in keys):  # noqa: PLR2004 - two are in order by chance
        return "too few records"
    return "as asked" if keys == sorted(keys, key=lambda key: key or 0) else "another order"


def frozen(client: Client, spec: StreamSpec) -> str | None:
    """Ask for the records from before a moment that leaves half of those on a page out."""
    if not _is_paged(spec) or not spec.is_freezable:
        return None
    first = client.get(spec.list_path or "", **page_query(spec))
    times = sorted(str(record["createdOn"]) for record in first.records if record.get("createdOn"))
    if len(times) < 3 or times[0][:19] == times[-1][:19]:  # noqa: PLR2004 - as above
        return "too few records"
    moment = times[len(times) // 2][:19] + "Z"
    answer = client.get(spec.list_path or "", **page_query(spec, **{CREATED_BEFORE: moment}))
    later = [record for record in answer.records if str(record.get("createdOn", ""))[:19] >= moment[:19]]
    return "ignored" if later else "obeyed"


def beyond_the_end(client: Client, spec: StreamSpec) -> str | None:
    """Ask for a page behind the last one."""
    if not _is_paged(spec) or "page" not in spec.list_parameters:
        return None
    answer = client.get(spec.list_path or "", **page_query(spec, page="100000"))
    if answer.status == HTTPStatus.NO_CONTENT:
        return "204"
    if not answer.is_good:
        return "400" if answer.status == HTTPStatus.BAD_REQUEST else f"{UNEXPECTED}: {answer.status}"
    if answer.records:
        return f"{UNEXPECTED}: records"
    return "empty, but says that there is more" if answer.value("hasMore") else "an empty page"


def unknown_parameter(client: Client, spec: StreamSpec) -> str | None:
    """Send a parameter that no document names."""
    if not _is_paged(spec):
        return None
    answer = client.get(spec.list_path or "", **page_query(spec, etlCheck="1"))
    if answer.is_good:
        return "ignored"
    return "refused (400)" if answer.status == HTTPStatus.BAD_REQUEST else f"{UNEXPECTED}: {answer.status}"


def content_type(client: Client, spec: StreamSpec) -> str | None:
    """Ask without saying that JSON is wanted."""
    if not _is_paged(spec):
        return None
    answer = client.get(spec.list_path or "", accept="*/*", **page_query(spec))
    return answer.content_type or "none" if answer.is_good else f"{UNEXPECTED}: {answer.status}"


def last_token(client: Client, spec: StreamSpec) -> str | None:
    """Read a feed from now on, and see which token its last page has."""
    if spec.export_path is None:
        return None
    tomorrow = str((datetime.now(UTC) + timedelta(days=1)).date())
    answer = client.get(spec.export_path, **{**spec.export_query, "from": tomorrow})
    if answer.status == HTTPStatus.NO_CONTENT:
        return "204"
    if not answer.is_good or answer.value("hasMore"):
        return f"{UNEXPECTED}: {answer.status if not answer.is_good else 'there is more from tomorrow on'}"
    token = answer.value("continueFrom")
    if not token:
        return "none"
    again = client.get(spec.export_path, **{**spec.export_query, "from": str(token)})
    if again.status == HTTPStatus.BAD_REQUEST:
        return "one that is refused"
    return "one that goes on" if again.is_good else f"{UNEXPECTED}: {again.status}"


def zones(client: Client, spec: StreamSpec) -> str | None:
    """See whether times say that they are UTC."""
    records = _some(client, spec)
    times = [value for record in records for value in record.values() if isinstance(value, str) and _TIME.match(value)]
    if not times:
        return None
    bare = sum(not re.search(r"(Z|[+-]\d\d:\d\d)$", value) for value in times)
    return "all have a zone" if bare == 0 else "none has a zone" if bare == len(times) else "some have a zone"


def keys(client: Client, spec: StreamSpec) -> str | None:
    """See whether every record has its key."""
    added = {"position", "date", *([spec.parent.field] if spec.parent else [])}
    own = [name for name in spec.key if name not in added]
    records = [] if spec.unpack else _some(client, spec)
    if not own or not records:
        return None
    return "all there" if all(record.get(name) is not None for record in records for name in own) else "some are null"


def fields(client: Client, spec: StreamSpec) -> str | None:
    """Compare the fields of some records with the schema. Names of fields are no values."""
    records = [] if spec.unpack else _some(client, spec)
    if not records:
        return None
    known: Mapping[str, Any] = schema_of(spec)["properties"]
    new = sorted({name for record in records for name in record} - known.keys())
    return f"new: {', '.join(new)}" if new else "as documented"


def _some(client: Client, spec: StreamSpec) -> list[dict[str, Any]]:
    """Return some records of a stream without a parent."""
    if spec.parent or spec.body is not None or spec.response_format is ResponseFormat.OBJECT or spec.list_part:
        return []
    if spec.list_path:
        return client.get(spec.list_path, **page_query(spec)).records[:SMALL]
    return client.get(spec.export_path or "", **spec.export_query).records[:SMALL]


HABITS = (
    Habit("largest page", largest_page),
    Habit("total", total),
    Habit("order", order),
    Habit("`createdBefore`", frozen),
    Habit("a page behind the end", beyond_the_end),
    Habit("an unknown parameter", unknown_parameter),
    Habit("content type without `Accept`", content_type),
    Habit("last token of a feed", last_token),
    Habit("zones of times", zones),
    Habit("keys", keys),
    Habit("fields", fields),
)
"""The questions, in the order of the report."""
