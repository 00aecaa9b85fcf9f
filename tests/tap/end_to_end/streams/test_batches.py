"""BATCH messages hold the same records as RECORD messages, inside the message or in files."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import fsspec
import pytest

from tap_servicetitan.output.batch_messages import INLINE_BYTES
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.tap import TapServiceTitan

if TYPE_CHECKING:
    from support.tap.harness import Company, Run, Sync

STREAM = "technicians"
MELTANO_LINE_BYTES = 5 << 20


def config(root: str, compression: str | None = None, **storage: str) -> dict[str, Any]:
    encoding = {"format": "jsonl"} | ({"compression": compression} if compression else {})
    return {"batch_config": {"encoding": encoding, "storage": {"root": root, **storage}}}


def batch_records(run: Run, stream: str) -> list[dict[str, Any]]:
    """Return the records that the BATCH messages of a stream hold or name."""
    records = []
    for message in run.of("BATCH", stream):
        for address in message["manifest"]:
            if address.startswith("data:"):
                content = base64.b64decode(address.partition(";base64,")[2], validate=True)
            elif address.startswith("file:"):
                content = Path(url2pathname(urlsplit(address).path)).read_bytes()
            else:
                with fsspec.open(address) as file:
                    content = file.read()
            lines = gzip.decompress(content) if message["encoding"].get("compression") == "gzip" else content
            records += [json.loads(line, parse_float=str) for line in lines.splitlines()]
    return records


@pytest.mark.parametrize("compression", [None, "none", "gzip"])
@pytest.mark.parametrize("root", ["data:", "path", "address", "elsewhere"])
def test_batches_hold_what_records_do(
    company: Company, sync: Sync, tmp_path: Path, root: str, compression: str | None
) -> None:
    control = company.server.control
    control.insert(company.id, STREAM, {"memo": 'line\nbreak \u2028 "quotes" \\', "jobId": 2**53 + 1})
    company.settings["max_concurrent_streams"] = 1
    folder = tmp_path / "a b"
    place = {"data:": root, "path": str(folder), "address": folder.as_uri(), "elsewhere": "memory://x"}[root]

    plain = sync(company.config, STREAM, "activities")
    run = sync(company.config | config(place, compression, prefix="x-"), STREAM, "activities")

    assert run.error is None
    assert run.of("RECORD") == []
    for stream in (STREAM, "activities"):
        assert batch_records(run, stream) == plain.records(stream)
        versions = {message["version"] for message in run.of("BATCH", stream)}
        assert versions == {message["version"] for message in run.of("ACTIVATE_VERSION", stream)}
    assert [kind for kind in run.types if kind != "BATCH"] == [kind for kind in plain.types if kind != "RECORD"]
    named = [
        urlsplit(address).path.rpartition("/")[2] for message in run.of("BATCH") for address in message["manifest"]
    ]
    assert sorted(path.name for path in folder.glob("*")) == (sorted(named) if root in {"path", "address"} else [])
    if root != "data:":
        assert all(name.startswith(("x-technicians-", "x-activities-")) for name in named)
        assert all(name.endswith(".jsonl.gz" if compression == "gzip" else ".jsonl") for name in named)


def test_records_without_a_version_and_pages_without_records(company: Company, sync: Sync) -> None:
    first = sync(company.config | config("data:"), "activities")
    company.server.control.update(
        company.id, "activities", batch_records(first, "activities")[0]["id"], {"memo": "new"}
    )
    again = sync(company.config | config("data:"), "activities", state=first.state)
    (message,) = again.of("BATCH")
    assert "version" not in message
    assert batch_records(again, "activities")[-1]["memo"] == "new"

    nothing = sync(company.config | config("data:"), "activities", state=again.state)
    assert len(nothing.of("BATCH")) <= 1  # the feed may repeat its last page
    assert nothing.of("STATE")


def test_a_stream_whose_records_change_on_the_way_sends_records(company: Company, sync: Sync) -> None:
    maps = {STREAM: {"id": "id", "name": "name.upper()", "__else__": None}}
    run = sync(company.config | config("data:") | {"stream_maps": maps}, STREAM, "campaigns")
    assert run.of("BATCH", STREAM) == []
    assert all(record["name"].isupper() for record in run.records(STREAM))
    assert len(run.records(STREAM)) == 12
    assert len(batch_records(run, "campaigns")) == 12
    assert run.records("campaigns") == []


def test_a_stream_that_is_shaped_keeps_its_shape(company: Company, sync: Sync) -> None:
    rules = {"pii": [{"fields": ["name"], "action": "drop"}]}
    run = sync(company.config | config("data:") | rules, STREAM)
    assert len(batch_records(run, STREAM)) == 12
    assert all("name" not in record for record in batch_records(run, STREAM))


def test_an_empty_root_means_records(company: Company, sync: Sync) -> None:
    run = sync(company.config | config(""), STREAM)
    assert len(run.records(STREAM)) == 12
    assert run.of("BATCH") == []


@pytest.mark.parametrize("root", ["file:///{tmp_path}/taken", "{tmp_path}/taken/below", "nosuchscheme://bucket/a"])
def test_a_place_that_cannot_be_written_ends_the_run_with_a_line(
    company: Company, sync: Sync, tmp_path: Path, root: str
) -> None:
    (tmp_path / "taken").write_text("a file, where a folder is wanted")
    run = sync(company.config | config(root.format(tmp_path=tmp_path)), STREAM)
    assert str(run.error).startswith(f"{STREAM}: a batch file cannot be written below ")
    assert "`batch_config`" in str(run.error)
    assert "\n" not in str(run.error)
    assert run.of("ACTIVATE_VERSION") == []
    assert run.of("STATE") == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"encoding": {"format": "jsonl"}}, "lacks `storage.root`"),
        ({"storage": {"prefix": "x"}}, "lacks `storage.root`"),
        ({"storage": {"root": "data:"}, "encoding": {"format": "parquet"}}, r"`batch_config.encoding.format`"),
        ({"storage": {"root": "data:"}, "encoding": {"compression": "zip"}}, r"`batch_config.encoding.compression`"),
        ({"storage": {"root": "data:", "params": {"secret": "s"}}}, r"`batch_config.storage`"),
        ("data:", "`batch_config` must be of type object"),
    ],
)
def test_wrong_settings_are_named(company: Company, value: object, problem: str) -> None:
    with pytest.raises(PluginError, match=problem):
        TapServiceTitan(config=company.config | {"batch_config": value})


def test_a_line_is_never_too_long_for_meltano(company: Company, sync: Sync) -> None:
    control = company.server.control
    for _ in range(8):
        control.insert(company.id, STREAM, {"memo": "x" * (INLINE_BYTES // 3)})
    run = sync(company.config | config("data:") | {"page_size": 5000}, STREAM)
    sizes = [len(json.dumps(message)) for message in run.of("BATCH")]
    assert len(batch_records(run, STREAM)) == 20
    assert len(sizes) >= 3
    assert max(sizes) < INLINE_BYTES * 4 / 3 + 1000 < MELTANO_LINE_BYTES


def test_the_password_of_a_folder_is_not_shown(company: Company, sync: Sync) -> None:
    root = "nowhere://user:the-password@bucket/a?sig=the-signature"
    run = sync(company.config | {"batch_config": {"storage": {"root": root}}}, STREAM)
    assert str(run.error).startswith(f"{STREAM}: a batch file cannot be written below nowhere://bucket/a (setting ")
    assert "the-" not in str(run.error)
