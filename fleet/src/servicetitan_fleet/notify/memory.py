"""What the fleet remembers of a company's troubles, and what follows: whom to tell what. Pure.

Several processes may look at the same company. Each claims a message before it sends it, and notes afterwards that it
arrived. A claim ends by itself, so that the message of a process that died is sent by the next run.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from servicetitan_fleet.notify.trouble import TroubleKind  # noqa: TC001 - msgspec reads the types at run time
from servicetitan_fleet.plugin_runtime.prepared_types import prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from servicetitan_fleet.notify.trouble import Trouble

    Wants = Callable[[str, TroubleKind], bool]

CLAIM_LIFETIME = dt.timedelta(minutes=5)
"""Longer than a run tries to send its messages."""

MOST_TROUBLES = 20
"""Open troubles that are remembered for a company."""

MOST_NOTICES = 10
"""Notices that are remembered for a company while a channel has not been told. They push no trouble out."""


class OpenTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """A trouble of a company, until all who were told of it know that it is over."""

    key: str
    kind: TroubleKind
    reason: str
    since: dt.datetime
    streams: tuple[str, ...] = ()
    logs: str = ""
    """Link to the logs of the run that saw it first."""

    over: dt.datetime | None = None
    """When a good run ended it."""

    told: dict[str, dt.datetime] = {}
    """When each channel was told of it, by the channel's key."""

    claims: dict[str, dt.datetime] = {}
    """Until when a process has claimed to tell a channel, by the channel's key."""


@prepared
class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """The troubles of one company."""

    troubles: tuple[OpenTrouble, ...] = ()
    notices: tuple[OpenTrouble, ...] = ()
    """What is only to be known. It is never over, and forgotten once all have been told."""

    changed: dt.datetime | None = None
    """When it was written. Two writers never write the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Telling:
    """A message that this process has claimed to send: to one channel, about one trouble."""

    channel: str
    trouble: OpenTrouble

    @property
    def is_over(self) -> bool:
        """Whether it says that the trouble is over."""
        return self.trouble.over is not None


def load_memory(content: bytes) -> Memory:
    """Decode a memory. What cannot be read is forgotten: telling a trouble twice is better than not at all."""
    try:
        return msgspec.json.decode(content, type=Memory) if content else Memory()
    except msgspec.DecodeError:
        return Memory()


def see_trouble(memory: Memory, trouble: Trouble, logs: str, now: dt.datetime) -> Memory:
    """Return the memory with a trouble that a run has ended with. It stays the same trouble if it is open already."""
    known = next((old for old in memory.troubles if old.key == trouble.key), None)
    if known:
        return replace(
            memory, troubles=tuple(replace(old, over=None) if old is known else old for old in memory.troubles)
        )
    return replace(memory, troubles=(*memory.troubles, _open(trouble, logs, now))[-MOST_TROUBLES:])


def see_notice(memory: Memory, notice: Trouble, logs: str, now: dt.datetime) -> Memory:
    """Return the memory with something that is only to be known."""
    if any(old.key == notice.key for old in memory.notices):
        return memory
    return replace(memory, notices=(*memory.notices, _open(notice, logs, now))[-MOST_NOTICES:])


def _open(trouble: Trouble, logs: str, now: dt.datetime) -> OpenTrouble:
    return OpenTrouble(
        key=trouble.key,
        kind=trouble.kind,
        reason=trouble.reason,
        since=trouble.since or now,
        streams=tuple(trouble.streams),
        logs=logs,
    )


def see_good_run(memory: Memory, now: dt.datetime) -> Memory:
    """Return the memory after a good run: all troubles are over. Those that nobody was told of are forgotten."""
    over = (replace(old, over=old.over or now) for old in memory.troubles)
    return replace(memory, troubles=tuple(old for old in over if old.told or _live_claims(old, now)))


def claim_tellings(
    memory: Memory, channels: Collection[str], wants: Wants, now: dt.datetime
) -> tuple[Memory, list[Telling]]:
    """Return the memory with claims on all messages that are to be sent now, and the messages.

    Args:
        memory: The memory.
        channels: Keys of the channels that there are now. Others can be told nothing more.
        wants: Whether a channel wants to know of a kind of trouble.
        now: The current time.
    """
    tellings: list[Telling] = []

    def claim(trouble: OpenTrouble) -> OpenTrouble:
        live = _live_claims(trouble, now)
        due = [key for key in channels if key not in live and _is_due(trouble, key, wants)]
        claimed = replace(trouble, claims={**live, **dict.fromkeys(due, now + CLAIM_LIFETIME)})
        tellings.extend(Telling(key, claimed) for key in due)
        return claimed

    troubles, notices = tuple(map(claim, memory.troubles)), tuple(map(claim, memory.notices))
    return _forget_settled(replace(memory, troubles=troubles, notices=notices), channels, wants), tellings


def _is_due(trouble: OpenTrouble, channel: str, wants: Wants) -> bool:
    if trouble.over:
        return channel in trouble.told
    return channel not in trouble.told and wants(channel, trouble.kind)


def settle_tellings(
    memory: Memory, results: Mapping[Telling, bool], channels: Collection[str], wants: Wants, now: dt.datetime
) -> Memory:
    """Return the memory after messages were sent: which have arrived is noted, and all claims are given back.

    Args:
        memory: The memory, which other processes may have changed since the claims.
        results: Whether each message has arrived.
        channels: Keys of the channels that there are now.
        wants: Whether a channel wants to know of a kind of trouble.
        now: The current time.
    """
    troubles, notices = (
        tuple(_settle(trouble, results, now) for trouble in remembered)
        for remembered in (memory.troubles, memory.notices)
    )
    return _forget_settled(replace(memory, troubles=troubles, notices=notices), channels, wants)


def _settle(trouble: OpenTrouble, results: Mapping[Telling, bool], now: dt.datetime) -> OpenTrouble:
    told, claims = dict(trouble.told), dict(trouble.claims)
    for telling, arrived in results.items():
        if telling.trouble.key == trouble.key:
            claims.pop(telling.channel, None)
            if arrived and telling.is_over:
                told.pop(telling.channel, None)
            elif arrived:
                told[telling.channel] = now
    return replace(trouble, told=told, claims=claims)


def _forget_settled(memory: Memory, channels: Collection[str], wants: Wants) -> Memory:
    """Return the memory without the troubles that are over, and the notices, of which no channel has to be told."""
    kept = tuple(
        old for old in memory.troubles if not old.over or old.claims or not old.told.keys().isdisjoint(channels)
    )
    untold = tuple(notice for notice in memory.notices if any(_is_due(notice, key, wants) for key in channels))
    return replace(memory, troubles=kept, notices=untold)


def _live_claims(trouble: OpenTrouble, now: dt.datetime) -> dict[str, dt.datetime]:
    return {key: until for key, until in trouble.claims.items() if until > now}
