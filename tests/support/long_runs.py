"""Which variants of tests only `make test-long` runs, so that `make test` stays within a quarter of an hour.

Each is slow, and a sibling stays that would fail for the same reason: another seed, another way of the rows into the
table, another text. A test that is long by itself has the mark `long` where it stands.
"""

from __future__ import annotations

import re

_TARGET = "tests/target/end_to_end"

LONG = tuple(
    re.compile(pattern)
    for pattern in (
        # Another number or width of columns; 300 without a key stays.
        r"tests/target/unit/sql/test_limits.*\[(5-True|5-False|300-True)\]",
        r"tests/target/unit/records/test_block_converter.*_value_of_a_key\[(BOOL|BYTES|NUMERIC|DATE)\]",
        r"tests/target/unit/records/test_block_converter.*_special_value\[\w+-repeated\]",
        # Another seed.
        r"tests/tap/end_to_end/runs/test_random_changes.*(marked\[[4-8]\]|same_tables\[2002\])",
        # Rows that go through a staging table, where the test is about what happens around their way.
        rf"{_TARGET}/runs/test_(hardship|lease)\.py::.*\[fill-staged\]",
        rf"{_TARGET}/runs/test_jobs\.py::.*\[fill-staged-",
        rf"{_TARGET}/runs/test_jobs\.py::.*bigquerys_words\[(load|merge-inline)-(backendError|quotaExceeded)-",
        rf"{_TARGET}/runs/test_jobs\.py::.*under_a_new_id\[merge-inline-(backendError|internalError|jobRateLimitExceeded)\]",
        rf"{_TARGET}/runs/test_crashes\.py::.*(tried_again|lets_out_no_state)\[fill-staged\]",
        rf"{_TARGET}/rows/test_continued_versions\.py::.*last_counts\[\w+-\w+-staged\]",
        # The same through early merges, or in one.
        rf"{_TARGET}/rows/test_continuity\.py::.*(refused\[early-merges-empty|rows\[early-merges-|too\[True-)",
        # Another number, another name, another reason for the same end.
        rf"{_TARGET}/rows/test_continued_versions\.py::.*three_runs_marks_nothing\[(18446744073709551616|-2)\]",
        rf"{_TARGET}/rows/test_continued_versions\.py::.*(announces_early\[True-|can_be_ignored\[names1\])",
        rf"{_TARGET}/rows/test_guard\.py::.*no_reason_to_mark\[(older|another)\]",
        rf"{_TARGET}/rows/test_known_snapshots\.py::.*made_anew\[DROP VIEW",
        rf"{_TARGET}/rows/test_known_snapshots\.py::.*(unknown\[(wider|column_naming)\]|put_right\[statement7\])",
        rf"{_TARGET}/rows/test_adoption\.py::.*(spared_once\[False\]|deleted\[(STRING|DATE)\])",
        rf"{_TARGET}/runs/test_any_input\.py::.*not_the_process\[record-(array|null)\]",
        rf"{_TARGET}/runs/test_billing\.py::.*model_says\[complete-staged\]",
        rf"{_TARGET}/rows/test_names\.py::.*hide_nothing\[(_etl_s-t|select-_PARTITIONTIME)\]",
        rf"{_TARGET}/runs/test_overtaken\.py::.*run_again\[(sweeps|overwrites)\]",
        r"tests/fleet/end_to_end/test_pair_run\.py::.*\[trouble[05]-",
        # What `dbt build` runs too, in a long test; the generated parts and the tutorial's queries stay checked.
        r"tests/dbt/test_marts\.py::",
        r"tests/tools/test_tutorial\.py::",
        r"tests/sandbox/end_to_end/test_processes\.py::.*sandbox_up\[9\]",
    )
)


def is_long(node_id: str) -> bool:
    """Return whether only `make test-long` runs this variant."""
    return any(pattern.match(node_id) for pattern in LONG)
