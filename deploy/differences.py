"""Says how something on Google Cloud differs from what `deploy.sh` would make of it. Changes nothing.

Usage: differences.py fields FILE            compares a resource, on standard input, with a file
       differences.py binding ROLE MEMBER    looks for a grant in an IAM policy on standard input
       differences.py sql                    looks up what the SQL on standard input would create, with `bq show`
A line for each difference; none if there is none. `fields` compares what the file says, and nothing else: a resource
has many more fields, which Google sets.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = ("name", "key")
"""Fields by which the entries of a list are told apart, so that another order is no difference."""

_DATASET_ROLES = {
    "roles/bigquery.dataOwner": "OWNER",
    "roles/bigquery.dataEditor": "WRITER",
    "roles/bigquery.dataViewer": "READER",
}
"""BigQuery shows these roles of a dataset by their older names: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets"""

_SHOWN = 120
_THOUSANDTHS = 1000


def field_differences(wanted: Any, actual: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any document
    """Yield the fields of `wanted` that `actual` lacks or has with another value: `path: from → to`."""
    wanted, actual = _by_name(wanted), _by_name(actual)
    if isinstance(wanted, dict) and isinstance(actual, dict):
        for name, value in wanted.items():
            yield from field_differences(value, actual.get(name), f"{path}.{name}" if path else str(name))
    elif isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        for number, pair in enumerate(zip(wanted, actual, strict=True)):
            yield from field_differences(*pair, f"{path}[{number}]")
    elif _normal(wanted) != _normal(actual):
        yield f"{path}: {_show(actual)} → {_show(wanted)}"


def _by_name(value: Any) -> Any:  # noqa: ANN401 - any document
    """Return a list whose entries have names as a mapping, and everything else as it is."""
    if not (isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value)):
        return value
    for field in _NAMES:
        if all(field in entry for entry in value):
            return {entry[field]: {k: v for k, v in entry.items() if k != field} for entry in value}
    return value


def _normal(value: Any) -> str:  # noqa: ANN401 - any document
    """Return a value as a text that is the same for all ways in which Google writes it: 4 and "4", 2000m and 2."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return json.dumps(value, sort_keys=True)
    text = str(value)
    thousandths = re.fullmatch(r"(\d+)m", text)
    return f"{int(thousandths[1]) / _THOUSANDTHS:g}" if thousandths else text


def _show(value: Any) -> str:  # noqa: ANN401 - any document
    if value is None:
        return "(not set)"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def has_binding(policy: dict[str, Any], role: str, member: str) -> bool:
    """Return whether an IAM policy grants a role to a member, without a condition."""
    return any(
        binding["role"] == role and member in binding.get("members", ()) and not binding.get("condition")
        for binding in policy.get("bindings", ())
    )


def sql_differences(sql: str) -> Iterator[str]:
    """Yield the datasets, tables, columns and grants of some SQL that do not exist."""
    for project, dataset in re.findall(r"CREATE SCHEMA IF NOT EXISTS `([^`.]+)\.([^`.]+)`", sql):
        if _show_in_bigquery(f"{project}:{dataset}") is None:
            yield f"dataset {project}.{dataset}: (none) → created"
    for name, columns in re.findall(r"CREATE TABLE IF NOT EXISTS `([^`]+)` \((.*?)^\)", sql, re.DOTALL | re.MULTILINE):
        yield from _table_differences(name, re.findall(r"^  ([a-z_]+) [A-Z]", columns, re.MULTILINE))
    for role, name, member in re.findall(r"GRANT `([^`]+)` ON SCHEMA `([^`]+)` TO '([^']+)'", sql):
        if not _has_access(name, role, member.partition(":")[2]):
            yield f"dataset {name}: {role} of {member}: (none) → granted"


def _table_differences(name: str, columns: list[str]) -> Iterator[str]:
    project, _, table = name.partition(".")
    shown = _show_in_bigquery(f"{project}:{table}")
    if shown is None:
        yield f"table {name}: (none) → created"
        return
    existing = {field["name"] for field in shown.get("schema", {}).get("fields", ())}
    for column in columns:
        if column not in existing:
            yield f"table {name}: column {column}: (none) → added"


def _has_access(name: str, role: str, account: str) -> bool:
    project, _, dataset = name.partition(".")
    shown = _show_in_bigquery(f"{project}:{dataset}") or {}
    roles = {role, _DATASET_ROLES[role]}
    return any(entry.get("userByEmail") == account and entry.get("role") in roles for entry in shown.get("access", ()))


def _show_in_bigquery(name: str) -> dict[str, Any] | None:
    """Return what BigQuery says of a dataset or a table; None if it does not exist.

    Raises:
        SystemExit: If that cannot be looked up.
    """
    command = ["bq", f"--project_id={name.partition(':')[0]}", "--format=json", "show", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise SystemExit(f"bq: {error.strerror}") from error
    if done.returncode == 0:
        shown: dict[str, Any] = json.loads(done.stdout)
        return shown
    said = " ".join((done.stdout + done.stderr).split())
    if "not found" in said.lower():
        return None
    raise SystemExit(said[:_SHOWN])


def main(arguments: list[str]) -> None:
    """Print the differences."""
    match arguments:
        case ["fields", path]:
            from ruamel.yaml import YAML  # noqa: PLC0415 - the others need it not, and start faster

            yaml = YAML(typ="safe")
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - one line
                found = list(field_differences(yaml.load(file), yaml.load(sys.stdin)))
        case ["binding", role, member]:
            found = [] if has_binding(json.load(sys.stdin), role, member) else ["(none) → granted"]
        case ["sql"]:
            found = list(sql_differences(sys.stdin.read()))
        case _:
            raise SystemExit(__doc__)
    for line in found:
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
