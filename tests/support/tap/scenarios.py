"""Random tenants, streams and histories to read them through: everything that follows from a seed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.client.control import Control, Fault, PageCap, Unrest
from servicetitan_sandbox.servicetitan.http.feed_tokens import make_token
from servicetitan_sandbox.servicetitan.spec import documents
from support.tap.harness import documented_path
from tap_servicetitan.specs.registry import STREAMS
from tap_servicetitan.specs.spec import ReplicationKind, ResponseFormat, StreamSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    State = dict[str, Any]

SPECS: Mapping[str, StreamSpec] = {spec.name: spec for spec in STREAMS}

REPORT = "daily"
"""Name of the stream of a report that is run day by day and whose rows have no key."""

_NO_STREAMS = frozenset({"reports", "report_categories"})
"""A report whose list loses it can no longer be run."""

_DAY = 86_400
_BEYOND = 10**6
"""A position in a feed that no feed reaches."""


def entity(spec: StreamSpec) -> str:
    """Return the sandbox's name of a stream's records."""
    return Control.entity(documented_path(spec))


def kind(spec: StreamSpec) -> str:
    """Return the way of reading a stream, in words."""
    if spec.parent:
        parent = SPECS[spec.parent.stream]
        ids = "ids" if "ids" in _query(parent) else "no ids"
        return f"child of a {parent.kind.value} ({ids})"
    if spec.numbered:
        return "numbered list"
    if spec.kind is ReplicationKind.FEED:
        return f"feed, full pass by {spec.full_pass}" + ", inactive is deleted" * spec.inactive_is_deleted
    if spec.response_format is not ResponseFormat.PAGES:
        return "array"
    frozen = "createdBefore" if "createdBefore" in _query(spec) else "no createdBefore"
    return f"{spec.kind.value} list ({frozen})"


def _query(spec: StreamSpec) -> Mapping[str, Any]:
    return documents.paths()[spec.list_path].query if spec.list_path else {}


@cache
def _by_kind() -> dict[str, list[StreamSpec]]:
    groups: dict[str, list[StreamSpec]] = defaultdict(list)
    for spec in STREAMS:
        is_list = spec.response_format is not ResponseFormat.OBJECT and not spec.list_part and not spec.period
        if is_list and spec.name not in _NO_STREAMS:
            groups[kind(spec)].append(spec)
    return groups


def draw_streams(dice: Random) -> list[StreamSpec]:
    """Return two to five streams, of different kinds."""
    groups = _by_kind()
    kinds = dice.sample(sorted(groups), dice.randint(2, 5))
    return [dice.choice(groups[kind]) for kind in kinds]


def with_parents(specs: Sequence[StreamSpec]) -> list[StreamSpec]:
    """Return the specs and those of their parents, each once."""
    parents = [SPECS[spec.parent.stream] for spec in specs if spec.parent]
    return list({spec.name: spec for spec in (*specs, *parents)}.values())


def draw_habits(dice: Random, specs: Sequence[StreamSpec]) -> dict[str, Any]:
    """Return the fields of a tenant: its sizes, its clock, and up to two habits."""
    sources = with_parents(specs)
    habits: dict[str, dict[str, Any]] = {
        "order": {"order": dice.choice(["inactive_first", "newest_first", "shuffled"])},
        "cap": {"largest_page": _draw_caps(dice, sources)},
        "created": {"ignores_created_before": True},
        "modified": {"ignores_modified_before": True},
        # Never with a lossy cap: then nothing at all would tell that records are missing.
        "total": {"omits_total": True, "largest_page": {}},
    }
    chosen = [habits[name] for name in sorted(dice.sample(sorted(habits), dice.choice([0, 1, 1, 2])))]
    settings: dict[str, Any] = {
        "seed": dice.randrange(10**6),
        "sizes": {entity(spec): dice.randint(3, 14) for spec in sources if not spec.parent},
        "feed_page_size": dice.randint(1, 7),
        "seconds_per_request": dice.choice([0, 0, 1, 60, 600]),
        "clock_skew_seconds": dice.choice([0, 0, -3600, 7200, -30, 3 * _DAY]),
        "report_seconds": 0,
    }
    for habit in chosen:
        settings |= habit
    return settings


def _draw_caps(dice: Random, specs: Sequence[StreamSpec]) -> dict[str, PageCap]:
    size = dice.randint(1, 5)
    cap = dice.choice([PageCap(size=size, manner=manner) for manner in ("refuse", "silent", "lossy")])
    return {entity(spec): cap for spec in specs if spec.has_total_count and dice.random() < 0.6}


def draw_unrest(dice: Random, specs: Sequence[StreamSpec]) -> Unrest:
    """Return random changes to the records of the streams and of their parents."""
    children = [entity(spec) for spec in specs if spec.parent]
    sources = [entity(spec) for spec in with_parents(specs)]
    # Only where a full pass or the inactive record itself tells the tap that a record in the feed is gone.
    told = frozenset(
        entity(spec)
        for spec in with_parents(specs)
        if spec.export_path and (spec.inactive_is_deleted or spec.full_pass == "list") and dice.random() < 0.5
    )
    return Unrest(
        # Children go with their parents, so they need to come more often.
        streams=tuple(sources + children * 3),
        most=dice.randint(1, 3),
        seed=dice.randrange(10**6),
        shifting=dice.random() < 0.6,
        tombstones=told,
        fewest=dice.choice([2, 4]),
    )


def draw_faults(dice: Random, tenant: str, specs: Sequence[StreamSpec]) -> list[Fault]:
    """Return up to two faults that pass."""
    children = [entity(spec) for spec in specs if spec.parent]
    makers = [
        lambda: Fault(kind="status", times=dice.randint(1, 3), after=dice.randrange(12), tenant=tenant),
        lambda: Fault(kind="truncated", times=dice.randint(1, 2), after=dice.randrange(12), tenant=tenant),
        lambda: Fault(kind="rate_limited", times=dice.randint(1, 3), after=dice.randrange(12), tenant=tenant),
        lambda: Fault(kind="unauthorized", times=1, after=dice.randrange(12), tenant=tenant),
    ]
    if children:
        missing = lambda: Fault(  # noqa: E731 - one of a list of makers
            kind="not_found", stream=dice.choice(children), times=1, after=dice.randrange(6), tenant=tenant
        )
        makers += [missing] * 3
    return [dice.choice(makers)() for _ in range(dice.choice([0, 1, 1, 2]))]


@dataclass(frozen=True)
class Settings:
    """The settings of one run of the tap, and what happens around it."""

    tap: Mapping[str, Any]
    restless: bool
    advance_seconds: int
    state: str
    """Which state the run gets: `last`, `none`, `foreign`, `unlabelled`, `malformed` or `old`."""
    kept: float
    """The share of the messages that reaches the target; 1 unless the run is killed."""


def draw_run(dice: Random) -> Settings:
    """Return the settings of a run."""
    return Settings(
        tap={
            "page_size": dice.randint(1, 7),
            "max_concurrent_streams": dice.randint(1, 4),
            "reconcile_interval_days": dice.choice([0, 1, 7]),
            "lookback_seconds": dice.choice([0, 0, 60, 3600, _DAY]),
        },
        restless=dice.random() < 0.7,
        advance_seconds=dice.choice([0, 0, 3600, _DAY, 8 * _DAY]),
        state=dice.choice(["last"] * 12 + ["none", "foreign", "unlabelled", "malformed", "old"]),
        kept=dice.choice([1.0] * 4 + [dice.random()]),
    )


def spoil_state(
    dice: Random, way: str, states: Sequence[State], specs: Sequence[StreamSpec], tenant: str
) -> State | None:
    """Return a state that a run may get instead of the last one.

    Args:
        dice: The source of chance.
        way: See :attr:`Settings.state`.
        states: The states after the earlier runs, the last one last.
        specs: The streams.
        tenant: The id of the tenant.
    """
    if way == "last":
        return states[-1] if states else None
    if way == "old":
        return states[-min(len(states), dice.randint(2, 3))] if states else None
    if way == "malformed":
        return _malformed_state(dice, specs)
    if way == "none":
        return None
    # Everything looks read, up to a time that is still to come.
    foreign = ({"tenant": "999", "environment": "production"}, {"tenant": tenant, "environment": "integration"})
    label = dice.choice(foreign) if way == "foreign" else {}
    read: State = {spec.name: _beyond(spec) | label for spec in specs}
    return {"bookmarks": read | {REPORT: {"last_day": "2050-01-01", "rows": {}} | label}}


def _beyond(spec: StreamSpec) -> State:
    future = "2050-01-01T00:00:00Z"
    source = SPECS[spec.parent.stream] if spec.parent else spec
    token = {"continue_from": make_token(entity(source), _BEYOND)} if source.export_path else {}
    return {"newest": future, "full_pass_at": future, "snapshot_at": future} | token


def _malformed_state(dice: Random, specs: Sequence[StreamSpec]) -> State:
    bad: object = dice.choice(
        ["text", 7, None, [], {"newest": "soon"}, {"full_pass_at": 5}, {"continue_from": {}, "newest": []}]
    )
    whole: list[State] = [{"bookmarks": bad}] if not isinstance(bad, dict) else []
    return dice.choice([{"bookmarks": {spec.name: bad for spec in specs}}, *whole])
