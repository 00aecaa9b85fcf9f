"""Rows that this target did not write: they are taken over only when asked for, and none is marked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from servicetitan_sandbox.client.bigquery_control import set_conditions
from support.proxy import Proxy, Trap
from support.singer import INTEGER, STRING, activate, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import Result, TargetRunner

JOBS = schema("jobs", {"id": INTEGER, "name": STRING})
ADOPT = {"adopt_tables": ["jobs"]}
LABEL = "adopting"


def make_jobs(project: Project, columns: str, *rows: str) -> None:
    """Make the table `jobs` as another program would."""
    project.client.create_dataset(f"{project.name}.bronze", exists_ok=True)
    project.query(f"CREATE TABLE `{project.name}.bronze.jobs` ({columns})")
    if rows:
        project.query(f"INSERT INTO `{project.name}.bronze.jobs` VALUES {', '.join(f'({row})' for row in rows)}")


def job(number: int, name: str = "same", version: int | None = None) -> dict[str, Any]:
    return record("jobs", {"id": number, "name": name}, version)


def snapshot(target: TargetRunner, *numbers: int, version: int, **settings: Any) -> Result:  # noqa: ANN401
    records = [job(number, version=version) for number in numbers]
    end = state({"bookmarks": {"jobs": version}})
    return target(JOBS, *records, activate("jobs", version), end, **settings)


def labels(project: Project) -> dict[str, str]:
    return dict(project.client.get_table(f"{project.name}.bronze.jobs").labels)


@pytest.fixture
def foreign(project: Project) -> str:
    """A table with three rows that another program made."""
    make_jobs(project, "id INT64, name STRING", "1, 'same'", "2, 'same'", "3, 'gone'")
    return f"{project.name}.bronze.jobs"


@pytest.mark.parametrize("settings", [{}, {"adopt_tables": ["crews"]}, {"dry_run": True}])
@pytest.mark.parametrize("empty", [False, True], ids=["rows", "empty snapshot"])
def test_nobody_asked(
    settings: dict[str, Any],
    empty: bool,  # noqa: FBT001 - a parameter of the test
    foreign: str,
    target: TargetRunner,
    project: Project,
) -> None:
    result = snapshot(target, *([] if empty else [1, 2, 4]), version=1, **settings)

    assert (result.code, result.states) == (1, [])
    for part in (
        "jobs: ",
        f"`{foreign}` has 3 rows",
        "adopt_tables",
        "--adopt jobs",
        "Nothing of the stream was written",
    ):
        assert part in result.errors[0]
    assert [field.name for field in project.client.get_table(foreign).schema] == ["id", "name"]
    assert len(project.rows("jobs")) == 3


@pytest.mark.parametrize("settings", [ADOPT, {"adopt_tables": ["*"]}])
def test_the_run_that_adopts_marks_nothing_and_the_next_one_does(
    settings: dict[str, Any], foreign: str, target: TargetRunner, project: Project
) -> None:
    result = snapshot(target, 1, 2, 4, version=1, **settings)

    assert result.code == 0, result.log
    assert result.states == [{"bookmarks": {"jobs": 1}}]
    assert f"jobs: took over {foreign} with 3 rows" in result.log
    assert f"1 live row of {foreign} is not in the snapshot" in result.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT", 3: "INSERT", 4: "INSERT"}
    assert all(row["_etl_synced"] for row in project.rows("jobs").values())
    assert LABEL not in labels(project)

    assert snapshot(target, 1, 2, 4, version=2).code == 0
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT", 3: "DELETE", 4: "INSERT"}


def test_early_merges_of_the_run_that_adopts_mark_nothing_either(
    foreign: str, target: TargetRunner, project: Project
) -> None:
    pages = [[job(1, version=1), state({"bookmarks": {"jobs": {"page": page}}})] for page in range(3)]
    messages = [message for page in pages for message in page]

    result = target(JOBS, *messages, activate("jobs", 1), merge_interval_rows=1, **ADOPT)

    assert result.code == 0, result.log
    assert result.log.count(f"took over {foreign}") == 1
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT", 3: "INSERT"}
    assert LABEL not in labels(project)


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("statement", [b"UPDATE `", b"MERGE `"], ids=["columns added", "rows labelled"])
def test_an_adoption_that_broke_off_goes_on_in_the_next_run(
    statement: bytes, target: TargetRunner, project: Project
) -> None:
    with Proxy(project.api_endpoint) as proxy:
        broken = proxy.trap(Trap(statement, "fail", times=1000, status=400, reason="invalid"))
        failed = snapshot(target, 1, 2, 4, version=1, api_endpoint=proxy.url, **ADOPT)
    assert (failed.code, bool(broken.seen)) == (1, True), failed.log
    assert labels(project)[LABEL] == "true"

    second = snapshot(target, 1, 2, 4, version=2)

    assert second.code == 0, second.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT", 3: "INSERT", 4: "INSERT"}
    assert LABEL not in labels(project)
    assert snapshot(target, 1, 2, 4, version=3).code == 0
    assert project.operations("jobs")[3] == "DELETE"


def test_columns_that_an_older_version_added_before_it_died_are_no_reason_to_mark(
    target: TargetRunner, project: Project
) -> None:
    rows = ("1, 'same', NULL, NULL", "2, 'gone', NULL, NULL")
    make_jobs(project, "id INT64, name STRING, _etl_operation STRING, _etl_synced TIMESTAMP", *rows)

    result = snapshot(target, 1, 3, version=1)

    assert result.code == 0, result.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT", 3: "INSERT"}
    assert snapshot(target, 1, 3, version=2).code == 0
    assert project.operations("jobs")[2] == "DELETE"


def test_an_empty_table_of_somebody_else_is_used(target: TargetRunner, project: Project) -> None:
    make_jobs(project, "id INT64, other STRING")

    assert snapshot(target, version=1).code == 0
    result = snapshot(target, 1, version=2)

    assert result.code == 0, result.log
    assert project.operations("jobs") == {1: "INSERT"}
    assert LABEL not in labels(project)


@pytest.mark.parametrize("kind", ["TIMESTAMP", "STRING", "DATE", "DATETIME"])
def test_rows_that_another_target_marked_are_deleted(kind: str, target: TargetRunner, project: Project) -> None:
    rows = [
        f"{key}, 'same', {value}" for key, value in enumerate(("NULL", "'2024-01-01'", "'2024-01-02'", "'0001-01-01'"))
    ]
    make_jobs(project, "id INT64, name STRING, _sdc_deleted_at STRING", *rows, "4, 'same', ''", "5, 'same', 'false'")
    if kind != "STRING":
        project.query(
            f"CREATE OR REPLACE TABLE `{project.name}.bronze.jobs` AS SELECT id, name, "
            f"SAFE_CAST(_sdc_deleted_at AS {kind}) AS _sdc_deleted_at FROM `{project.name}.bronze.jobs`"
        )

    result = target(JOBS, job(0), job(2), **ADOPT)

    assert result.code == 0, result.log
    assert project.operations("jobs") == {0: "INSERT", 1: "DELETE", 2: "UPDATE", 3: "INSERT", 4: "INSERT", 5: "INSERT"}


def test_a_column_of_another_type_says_nothing(target: TargetRunner, project: Project) -> None:
    make_jobs(project, "id INT64, name STRING, _sdc_deleted_at INT64", "1, 'same', 1", "2, 'same', NULL")

    result = target(JOBS, job(2), **ADOPT)

    assert result.code == 0, result.log
    assert "`_sdc_deleted_at`" in result.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT"}


@pytest.mark.parametrize("complete", [True, False])
def test_rows_that_somebody_adds_later_count_as_inserted_and_are_spared_once(
    complete: bool,  # noqa: FBT001 - a parameter of the test
    target: TargetRunner,
    project: Project,
) -> None:
    snapshot(target, 1, 2, 3, version=1)
    table = f"`{project.name}.bronze.jobs`"
    project.query(f"ALTER TABLE {table} ADD COLUMN _sdc_deleted_at TIMESTAMP")
    project.query(f"INSERT INTO {table} (id, name) VALUES (7, 'by hand')")
    project.query(f"INSERT INTO {table} (id, name, _sdc_deleted_at) VALUES (8, 'gone', CURRENT_TIMESTAMP())")
    project.query(f"UPDATE {table} SET _etl_synced = NULL WHERE id = 2")

    result = snapshot(target, 1, 2, version=2) if complete else target(JOBS, job(1))

    assert result.code == 0, result.log
    assert "had 3 rows that another program wrote" in result.log
    expected = {1: "INSERT", 2: "INSERT", 3: "DELETE" if complete else "INSERT", 7: "INSERT", 8: "DELETE"}
    assert project.operations("jobs") == expected
    assert all(row["_etl_synced"] for row in project.rows("jobs").values())
    again = snapshot(target, 1, 2, version=3)
    assert again.code == 0, again.log
    assert "another program" not in again.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT", 3: "DELETE", 7: "DELETE", 8: "DELETE"}


def test_without_a_key_the_rows_stay_in_the_run_that_adopts(target: TargetRunner, project: Project) -> None:
    make_jobs(project, "id INT64, name STRING", "1, 'theirs'")
    keyless = schema("jobs", {"id": INTEGER, "name": STRING}, [])
    replace: dict[str, Any] = {"keyless_streams": "replace"}

    refused = target(keyless, job(2, version=1), activate("jobs", 1), **replace)
    adopted = target(keyless, job(2, version=1), activate("jobs", 1), **replace, **ADOPT)

    assert refused.code == 1
    assert adopted.code == 0, adopted.log
    assert project.operations("jobs") == {1: "INSERT", 2: "INSERT"}
    assert target(keyless, job(2, version=2), activate("jobs", 2), **replace).code == 0
    assert project.operations("jobs") == {2: "INSERT"}


def test_streamed_rows_are_waited_for(foreign: str, target: TargetRunner, project: Project) -> None:
    project.client.insert_rows_json(foreign, [{"id": 4, "name": "same"}])
    result = snapshot(target, 1, 2, 4, version=1, **ADOPT)
    assert (result.code, result.states) == (1, [])
    assert result.errors[0].endswith("an hour and a half later: run again then.")

    set_conditions(project.api_endpoint, project.name, pace=1e9)
    assert snapshot(target, 1, 2, 4, version=1, **ADOPT).code == 0
    assert project.operations("jobs") == dict.fromkeys((1, 2, 3, 4), "INSERT")
