"""Types that threads decode are known to msgspec before the threads start."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from tap_servicetitan.plugin_runtime.prepared_types import prepared

DECODED_BY_THREADS = (
    "tap_servicetitan.api.auth:_Grant",
    "tap_servicetitan.api.auth:_Refusal",
    "tap_servicetitan.api.pages:_ExportBody",
    "tap_servicetitan.api.pages:_ListBody",
    "tap_servicetitan.days:DayState",
    "tap_servicetitan.replication.bookmark:Bookmark",
    "servicetitan_fleet.notify.memory:Memory",
    "servicetitan_fleet.state.company_record:CompanyRecord",
    "servicetitan_fleet.state.execution_plan:ExecutionPlan",
)

LOOK_AGAIN = """\
import importlib, msgspec, sys
for name in sys.argv[1:]:
    module, _, own = name.partition(":")
    decoded = getattr(importlib.import_module(module), own)
    decoded.__annotations__ = dict.fromkeys(decoded.__annotations__, "NoSuchType")
    msgspec.json.Decoder(decoded)
"""


class _Late(msgspec.Struct):
    name: str


@prepared
class _Early(msgspec.Struct):
    name: str


def test_msgspec_looks_at_a_prepared_type_only_once() -> None:
    for decoded in (_Early, _Late):
        decoded.__annotations__ = {"name": "NoSuchType"}
    assert msgspec.json.decode(b'{"name": "a"}', type=_Early).name == "a"
    with pytest.raises(NameError):
        msgspec.json.decode(b'{"name": "a"}', type=_Late)


def test_what_threads_decode_is_prepared_when_it_is_imported() -> None:
    # Otherwise a second thread would now and then meet half of it, and crash the process.
    subprocess.run([sys.executable, "-c", LOOK_AGAIN, *DECODED_BY_THREADS], check=True)
