"""What counts as a difference between a file and what Google says of the resource."""

from __future__ import annotations

import pytest
from differences import field_differences, has_binding

ENV = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]


@pytest.mark.parametrize(
    ("wanted", "actual"),
    [
        ({"a": 4}, {"a": "4", "b": 1}),
        ({"cpu": "2"}, {"cpu": "2000m"}),
        ({"cpu": "1.5"}, {"cpu": "1500m"}),
        ({"env": ENV}, {"env": ENV[::-1]}),
        ({"on": True}, {"on": True}),
        ({"labels": [{"key": "x", "type": "S"}]}, {"labels": [{"type": "S", "key": "x", "description": "y"}]}),
    ],
)
def test_what_google_adds_or_writes_in_another_way_is_no_difference(wanted: object, actual: object) -> None:
    assert list(field_differences(wanted, actual)) == []


@pytest.mark.parametrize(
    ("wanted", "actual", "said"),
    [
        ({"a": {"b": 4}}, {"a": {"b": 5}}, "a.b: 5 → 4"),
        ({"a": {"b": 4}}, {"a": {}}, "a.b: (not set) → 4"),
        ({"env": ENV}, {"env": ENV[:1]}, 'env.B: (not set) → {"value": "2"}'),
        ({"a": [1, 2]}, {"a": [1]}, "a: [1] → [1, 2]"),
        ({"a": [1, 2]}, {"a": [1, 3]}, "a[1]: 3 → 2"),
        ({"on": True}, {"on": False}, "on: false → true"),
        ({"memory": "2Gi"}, {"memory": "2G"}, "memory: 2G → 2Gi"),
    ],
)
def test_a_difference_has_its_place_and_both_values(wanted: object, actual: object, said: str) -> None:
    assert list(field_differences(wanted, actual)) == [said]


def test_a_grant_with_a_condition_is_another_grant() -> None:
    binding = {"role": "roles/x", "members": ["user:a"]}
    assert has_binding({"bindings": [binding]}, "roles/x", "user:a")
    assert not has_binding({"bindings": [{**binding, "condition": {"expression": "false"}}]}, "roles/x", "user:a")
    assert not has_binding({"bindings": [binding]}, "roles/x", "user:b")
    assert not has_binding({"etag": "ACAB"}, "roles/x", "user:a")
