"""The check against Prism counts what is wrong with a request, and lets each list end."""

from __future__ import annotations

import json

import pytest

from prism_check import LOCK, _ended, _problems


def test_only_what_is_wrong_with_the_request_counts() -> None:
    found = [
        {"location": ["request", "query", "pagesize"], "message": "must be integer"},
        {"location": ["response", "body"], "message": "must match format"},
    ]
    assert list(_problems(200, json.dumps(found), b"{}")) == ["200 must be integer"]
    assert list(_problems(200, None, b"{}")) == []
    assert list(_problems(404, None, b"no such path")) == ["404 no such path"]


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        ({"hasMore": True, "totalCount": 9, "data": [1]}, {"hasMore": False, "totalCount": 1, "data": [1]}),
        ({"hasMore": True, "data": []}, {"hasMore": False, "data": []}),
        ([1], [1]),
        ({"id": 1}, {"id": 1}),
    ],
)
def test_a_page_is_the_last(body: object, ended: object) -> None:
    assert json.loads(_ended(json.dumps(body).encode())) == ended
    assert _ended(b"") == b""


def test_the_lock_has_hashes_and_no_addresses() -> None:
    packages = json.loads((LOCK / "package-lock.json").read_text("utf-8"))["packages"]
    locked = [package for path, package in packages.items() if path]
    assert all(package["integrity"].startswith("sha512-") for package in locked)
    assert not any("resolved" in package for package in locked)
