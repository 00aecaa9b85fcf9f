"""What of an address may appear in a message."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.plugin_runtime.addresses import mask_address, secret_parts, show_address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("gs://bucket/a b.jsonl", "gs://bucket/a b.jsonl"),
        ("gs://bucket/a?x=SECRET&y=SECRET#SECRET", "gs://bucket/a"),
        ("gs://bucket/a#SECRET", "gs://bucket/a"),
        ("s3://key:SECRET@bucket/a", "s3://bucket/a"),
        ("ftp://SECRET@host:21/a", "ftp://host:21/a"),
        ("ftp://user:SE/CRET@host/a", "ftp://***"),
        ("ftp://user:SE?CRET@host/a", "ftp://***"),
        ("ftp://user:SE#CRET@host/a", "ftp://***"),
        ("ftp://user:SE@CRET@host/a", "ftp://host/a"),
        ("gs://a::https://user:SECRET@host/a", "gs://***"),
        ("simplecache::s3://user:SECRET@host/a", "simplecache:"),
        ("DATA:application/x-ndjson;base64,SECRET", "DATA:"),
        (" data:,SECRET", " data:"),
        ("/data/a:b.jsonl?SECRET", "/data/a:b.jsonl"),
        ("a/b.jsonl", "a/b.jsonl"),
        ("/data/a\nERROR \x1b[31m", "/data/a\\nERROR \\x1b[31m"),
        ("/" + "a" * 400, "/" + "a" * 299),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str) -> None:
    assert show_address(address) == shown


@pytest.mark.parametrize(
    "address",
    [
        "s3://key:SECRET@bucket/a",
        "https://host/a?sig=SECRET",
        "https://host/a?sig=SECRET==",
        "https://host/a?SECRET",
        "https://host/a#SECRET",
        "https://host/a?x=1&sig=SECRET%2F1#f",
        "ftp://user:SECRET/1@host/a",
        "/data/a?sig=SECRET",
    ],
)
@pytest.mark.parametrize("quoted", ["cannot open {}", "no such key: {parts}"])
def test_what_a_library_quotes_is_masked(address: str, quoted: str) -> None:
    text = quoted.format(address, parts=" ".join(secret_parts(address)))
    assert "SECRET" in text
    assert "SECRET" not in mask_address(text, address)


def test_ordinary_text_is_left_alone() -> None:
    text = "[Errno 2] No such file or directory: '/data/jobs.jsonl'"
    assert mask_address(text, "/data/jobs.jsonl") == text
    assert mask_address("a=1", "gs://b/c?x=1") == "a=1"
