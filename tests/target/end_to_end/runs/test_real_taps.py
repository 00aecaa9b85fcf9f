"""Taps by other authors, each through a real pipe into the target."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.postgres import install_tap_postgres, run_postgres
from support.target.harness import Result, eventually, result_of

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

TAPS = Path(__file__).parents[3] / "support" / "target" / "taps"
CSV_TAP = (sys.executable, str(TAPS / "csv_tap.py"))
FAMILY_TAP = (sys.executable, str(TAPS / "family_tap.py"))


def piped(target: TargetRunner, folder: Path, tap: tuple[str, ...], **files: Any) -> Result:  # noqa: ANN401 - any JSON
    """Run `tap | target`.

    Args:
        target: The target.
        folder: Where the files are written.
        tap: The tap's command, without options.
        files: For each of the tap's options that take a file, what stands in it.
    """
    command = list(tap)
    for option, content in files.items():
        path = folder / f"tap-{option}.json"
        path.write_text(json.dumps(content))
        command += [f"--{option}", str(path)]
    with (folder / "tap.log").open("w+") as log:
        reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        writer = target.start(reader.stdout)
        assert reader.stdout is not None
        reader.stdout.close()  # now it is the target's alone: when that ends, the tap is told
        out, err = writer.communicate(timeout=180)
        assert reader.wait(timeout=60) == 0, Path(log.name).read_text()
    return result_of(writer.returncode, out.decode(), err.decode())


def test_a_tap_that_activates_its_version_first_deletes_nothing(
    target: TargetRunner, project: Project, tmp_path: Path
) -> None:
    csv = tmp_path / "jobs.csv"
    config = {"folder": str(tmp_path), "emit_activate_version_messages": True}
    csv.write_text('id,name\n1,one\n2,"two\nlines, ""quoted"""\n3,three\n')

    first = piped(target, tmp_path, CSV_TAP, config=config)
    before = project.operations("jobs")
    csv.write_text('id,name\n1,one\n2,changed\n4,"four\nlines"\n')
    # The same tap with BATCH messages, which the SDK writes to files.
    batches = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": (tmp_path / "batches").as_uri()},
        "batch_size": 1,
    }
    second = piped(target, tmp_path, CSV_TAP, config={**config, "batch_config": batches})

    for result in (first, second):
        assert result.code == 0, result.log
        assert result.log.count("jobs: no row was marked deleted: ACTIVATE_VERSION came before") == 1
        assert result.states == [{"bookmarks": {"jobs": {}}}]
    assert before == dict.fromkeys(("1", "2", "3"), "INSERT")
    assert project.operations("jobs") == {"1": "INSERT", "2": "UPDATE", "3": "INSERT", "4": "INSERT"}
    assert project.rows("jobs")["4"]["name"] == "four\nlines"


def family(*ages: object) -> dict[str, Any]:
    """Return the configuration of a tap with a parent for each of these ages, and a child of that age."""
    parents = [{"id": number, "changed_at": f"2024-0{number}-01T00:00:00Z"} for number, _ in enumerate(ages, 1)]
    return {"parents": parents, "children": {str(n): [{"id": 10 * n, "age": age}] for n, age in enumerate(ages, 1)}}


def parent_places(states: list[dict[str, Any]]) -> set[str | None]:
    """Return up to where states say that the parents were read."""
    return {value["bookmarks"].get("parents", {}).get("replication_key_value") for value in states}


def test_a_child_that_does_not_land_holds_back_the_bookmark_of_its_parents(
    target: TargetRunner, project: Project, tmp_path: Path
) -> None:
    first = piped(target, tmp_path, FAMILY_TAP, config=family(1, 2))
    assert (first.code, parent_places(first.states[-1:])) == (0, {"2024-02-01T00:00:00Z"})

    files = {"config": family(1, 2, "young", 4), "state": first.states[-1]}
    bad = piped(target, tmp_path, FAMILY_TAP, **files)
    assert bad.code == 1
    assert project.operations("parents").keys() == {1, 2, 3, 4}
    assert project.operations("children").keys() == {10, 20}
    assert parent_places(bad.states) <= {"2024-02-01T00:00:00Z"}

    files = {"config": family(1, 2, 3, 4), "state": (bad.states or first.states)[-1]}
    good = piped(target, tmp_path, FAMILY_TAP, **files)
    assert (good.code, parent_places(good.states[-1:])) == (0, {"2024-04-01T00:00:00Z"})
    assert project.operations("children").keys() == {10, 20, 30, 40}


def test_a_kill_after_an_early_merge_of_the_parents_loses_no_child(
    target: TargetRunner, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "tap.json").write_text(json.dumps(family(1, 2, 3)))
    command = [*FAMILY_TAP, "--config", str(tmp_path / "tap.json")]
    messages = subprocess.run(command, check=True, capture_output=True).stdout.splitlines(keepends=True)
    children = [line for line in messages if b'"RECORD","stream":"children"' in line]
    # The last child is late, as it is when another process reads it: the parents are merged before.
    late = [line for line in messages if line is not children[-1]]

    with target.start(merge_interval_rows=3) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.writelines(late)
        process.stdin.flush()
        eventually(lambda: "parents" in project.tables("bronze") and len(project.rows("parents")) == 3)
        process.kill()
        states = [json.loads(line) for line in process.stdout]
    project.wait_for_jobs()
    assert "children" not in project.tables("bronze")
    assert parent_places(states) <= {None}

    again = piped(target, tmp_path, FAMILY_TAP, config=family(1, 2, 3), **({"state": states[-1]} if states else {}))
    assert again.code == 0
    assert project.operations("children").keys() == {10, 20, 30}


TABLE = """
    CREATE TABLE jobs (
        id int PRIMARY KEY, name text, ratio double precision, at timestamptz, day date, starts time, ok boolean,
        doc jsonb, tags text[], updated_at timestamptz NOT NULL
    )
"""
ROWS = """
    INSERT INTO jobs VALUES
        (1, 'one', 0.1, '2024-05-01 08:00:00.123456+02', '2024-05-01', '08:00:01', true,
         '{"b": 1, "a": [1, 2.5, null]}', '{x,y}', '2024-01-01Z'),
        (2, 'two', 'NaN', NULL, '0001-01-01', NULL, NULL, '"text"', NULL, '2024-01-02Z'),
        (3, E'\\\\ "quoted" \\u00e9', 1e300, '9999-12-31 23:59:59Z', NULL, '00:00', false, 'null', '{}', '2024-01-03Z')
"""


def selected(catalog: dict[str, Any], method: str, key: str | None = None) -> dict[str, Any]:
    """Return the catalog with all its streams selected."""
    of_metadata = {"replication-method": method, "forced-replication-method": method, "selected": True}
    for stream in catalog["streams"]:
        stream.update({"replication_method": method, "replication_key": key})
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"].update({**of_metadata, "replication-key": key})
    return catalog


@pytest.mark.long
@pytest.mark.timeout(400)  # it may have to install the tap first
def test_a_database_tap(target: TargetRunner, project: Project, tmp_path: Path) -> None:
    tap = (install_tap_postgres(),)
    with run_postgres() as server:
        server.execute(TABLE, ROWS)
        config = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "password": "x"}
        config |= {"database": "postgres", "filter_schemas": ["public"]}
        (tmp_path / "tap.json").write_text(json.dumps(config))
        found = subprocess.run([*tap, "--config", tmp_path / "tap.json", "--discover"], check=True, capture_output=True)

        whole = {"config": config, "catalog": selected(json.loads(found.stdout), "FULL_TABLE")}
        assert piped(target, tmp_path, tap, **whole).code == 0
        before = project.rows("public_jobs")

        changes = {"config": config, "catalog": selected(json.loads(found.stdout), "INCREMENTAL", "updated_at")}
        first = piped(target, tmp_path, tap, **changes)
        assert project.rows("public_jobs") == before  # all rows again: none of them changed
        server.execute(
            "UPDATE jobs SET name = 'changed', updated_at = '2024-02-01Z' WHERE id = 1",
            "UPDATE jobs SET name = 'not seen' WHERE id = 2",
            "DELETE FROM jobs WHERE id = 3",
            "INSERT INTO jobs (id, updated_at) VALUES (4, '2024-02-02Z')",
        )
        second = piped(target, tmp_path, tap, **changes, state=first.states[-1])

    assert [row["_etl_operation"] for row in before.values()] == ["INSERT"] * 3
    first_row, second_row, third_row = (before[key] for key in (1, 2, 3))
    assert (first_row["at"].isoformat(), first_row["ratio"]) == ("2024-05-01T06:00:00.123456+00:00", 0.1)
    assert (str(first_row["day"]), str(first_row["starts"]), first_row["ok"]) == ("2024-05-01", "08:00:01", True)
    assert (first_row["doc"], first_row["tags"]) == ({"a": [1, 2.5, None], "b": 1}, ["x", "y"])
    assert (str(second_row["day"]), second_row["doc"], second_row["tags"]) == ("0001-01-01", "text", [])
    assert (third_row["name"], third_row["ratio"], third_row["at"].year) == ('\\ "quoted" é', 1e300, 9999)

    bookmarks = [result.states[-1]["bookmarks"]["public-jobs"]["replication_key_value"] for result in (first, second)]
    assert [bookmark[:10] for bookmark in bookmarks] == ["2024-01-03", "2024-02-02"]
    assert project.operations("public_jobs") == {1: "UPDATE", 2: "INSERT", 3: "INSERT", 4: "INSERT"}
    assert project.rows("public_jobs")[1]["name"] == "changed"
