"""The forms that times take: in the API, in the state, and as a version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def parse_time(text: object) -> datetime | None:
    """Return the moment (UTC) that one of the API's times names, or None if it names none.

    Times come with and without a fraction and differ in its digits. One without a zone is UTC.
    """
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        return None
    except OverflowError:  # the first or the last day that there is, with an offset that leads beyond it
        return datetime.min.replace(tzinfo=UTC) if text.startswith("0001") else datetime.max.replace(tzinfo=UTC)


def cut_to_second(moment: datetime) -> datetime:
    """Return the beginning of the second."""
    return moment.replace(microsecond=0)


def second_after(moment: datetime) -> datetime:
    """Return the beginning of the next second."""
    return cut_to_second(moment) + timedelta(seconds=1)


def format_api_time(moment: datetime) -> str:
    """Return a time (UTC, with or without zone) as the API writes and takes it, cut to a second."""
    return f"{moment.isoformat()[:19]}Z"


def format_state_time(moment: datetime) -> str:
    """Return a time (UTC) as the state holds it: ISO 8601, milliseconds."""
    return moment.isoformat(timespec="milliseconds")
