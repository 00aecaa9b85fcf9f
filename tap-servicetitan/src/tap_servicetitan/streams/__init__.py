"""The streams as data: one file an API area, one row a stream.

A new stream is one row here and one run of `tools/schemas.py`, which writes its schema file.
"""

from __future__ import annotations

from tap_servicetitan.streams import jpm, marketing, payroll, settings, timesheets
from tap_servicetitan.streams.spec import (
    EXPORT_PARAMETERS,
    LIST_PARAMETERS,
    POSITION,
    Answer,
    Kind,
    Parent,
    StreamSpec,
)

STREAMS: tuple[StreamSpec, ...] = (
    *jpm.STREAMS,
    *marketing.STREAMS,
    *payroll.STREAMS,
    *settings.STREAMS,
    *timesheets.STREAMS,
)
"""Every stream of the tap."""

__all__ = ["EXPORT_PARAMETERS", "LIST_PARAMETERS", "POSITION", "STREAMS", "Answer", "Kind", "Parent", "StreamSpec"]
