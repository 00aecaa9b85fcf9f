"""Records in the storage stay readable for every version of the software."""

from __future__ import annotations

import msgspec
import pytest

from servicetitan_fleet.state.company_record import RunStatus, dump_record, load_record


def test_a_stored_record_keeps_the_names_of_its_fields() -> None:
    stored = (
        b'{"claim":{"holder":"h","execution":"e","task":0,"attempt":1,"expires":"2026-03-01T12:00:00Z"},'
        b'"runs":[{"execution":"e","started":"2026-03-01T11:00:00Z","ended":"2026-03-01T12:00:00Z",'
        b'"ending":"timed out","reason":"it took longer than 60 minutes"}]}'
    )
    record = load_record(stored)
    assert record.runs[0].status is RunStatus.TIMED_OUT
    assert dump_record(record) == stored


def test_a_record_of_a_newer_version_is_readable_and_a_status_that_is_unknown_is_no_success() -> None:
    stored = (
        b'{"runs":[{"execution":"e","started":"2026-03-01T11:00:00Z","ended":"2026-03-01T12:00:00Z",'
        b'"ending":"better than done","rows":7}],"mood":"good"}'
    )
    record = load_record(stored)
    assert record.runs[0].status is RunStatus.FAILED
    assert not record.is_done("e")


@pytest.mark.parametrize("stored", [b"", b"{", b'{"runs": [1]}', b"null"])
def test_what_is_no_record_is_refused(stored: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        load_record(stored)
