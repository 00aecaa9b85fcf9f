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
        # The largest statements there are: a minute to write each. That too many columns are refused stays.
        r"tests/target/unit/sql/test_limits.*\[(5|300)-(True|False)\]",
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
        # Another table, another cell, another order of the same events.
        rf"{_TARGET}/rows/test_continuity\.py::.*(may_be_missing\[(None|text|5|\{{\}})\]|older_rows\[one-merge-incomplete\])",
        rf"{_TARGET}/rows/test_continuity\.py::.*noticed_without_a_record_too\[False-empty-",
        rf"{_TARGET}/rows/test_adoption\.py::.*(nobody_asked\[rows-settings[12]\]|broke_off_goes_on_in_the_next_run\[rows)",
        rf"{_TARGET}/rows/test_adoption\.py::.*(next_one_does\[settings1\]|deleted\[DATETIME\])",
        rf"{_TARGET}/rows/test_continued_versions\.py::.*(False-new-version\]|only_what_is_new_is_written_down)",
        rf"{_TARGET}/rows/test_shared_tables\.py::.*another_is_refused\[True\]",
        rf"{_TARGET}/rows/test_flattening\.py::.*arrives\[(plain-batch|map-record)\]",
        rf"{_TARGET}/rows/test_history\.py::.*(nothing_twice\[after-history\]|costs_a_statement)",
        rf"{_TARGET}/rows/test_known_snapshots\.py::.*(put_right\[(statement3|ALTER)|unknown\[(narrower|another))",
        rf"{_TARGET}/rows/test_other_taps\.py::.*\[staged\]",
        rf"{_TARGET}/rows/test_tables\.py::.*may_be_missing\[number\]",
        rf"{_TARGET}/runs/test_any_input\.py::.*stream_only\[(key-no-scalar|key-as-text|no-object|no-schema|not-json-schema)\]",
        rf"{_TARGET}/runs/test_any_input\.py::.*(first_lands\[names1\]|any_name\[name1\])",
        rf"{_TARGET}/runs/test_billing\.py::.*model_says\[changes-staged\]",
        rf"{_TARGET}/runs/test_crashes\.py::.*changed_nothing\[(before-load|before-fill-staged)\]",
        rf"{_TARGET}/runs/test_crashes\.py::.*(finds_nothing_to_do\[fill-staged\]|no_state\[load\]|again\[load\])",
        rf"{_TARGET}/runs/test_fused_streams\.py::.*no_other\[without a column\]",
        rf"{_TARGET}/runs/test_hardship\.py::.*(named\[/proc|no_row\[stopped\]|to_a_statement\[merge-inline\])",
        rf"{_TARGET}/runs/test_jobs\.py::.*new_id\[(load-backendError|merge-inline-resourcesExceeded)\]",
        rf"{_TARGET}/runs/test_jobs\.py::.*bigquerys_words\[(load-concurrentUpdate|merge-inline-accessDenied)-",
        rf"{_TARGET}/runs/test_jobs\.py::.*(found_again|lease_is_given_back)\[(load|fill-staged)\]",
        rf"{_TARGET}/runs/test_overtaken\.py::.*is_not_replaced_by_what_was_read_before",
        rf"{_TARGET}/runs/test_queries\.py::.*new_question\[(502|200|500)",
        rf"{_TARGET}/runs/test_real_taps\.py::test_a_kill_after_an_early_merge",
        rf"{_TARGET}/runs/test_state\.py::.*(by_half\[(None-True|1-False)\]|whatever_it_is\[early-merges-null\])",
        rf"{_TARGET}/runs/test_state\.py::.*(holds_back_all|waits_for_both)\[one-merge\]",
        # All of the parts together, whose faults the tests of the tap and the target find one by one.
        r"tests/pipeline/test_pipeline\.py::test_(a_source_that_fails_on_page_3|a_killed_tap)",
        r"tests/pipeline/test_pipeline\.py::test_(a_number_as_text|a_record_without_a_key|amounts_that_come)",
        r"tests/fleet/end_to_end/test_pair_run\.py::.*\[trouble[015]-",
        r"tests/fleet/end_to_end/test_resync\.py::test_rows_that_were_lost_are_found_and_come_again",
        r"tests/fleet/end_to_end/test_verify_fleet\.py::",
        r"tests/fleet/end_to_end/test_status\.py::test_a_success_of_long_ago",
        r"tests/deploy/test_pair\.py::test_a_run_continues_from_the_state_of_the_last_one",
        r"tests/tools/test_install_check\.py::.*-lowest\]",
        r"tests/workspace/test_users_project\.py::test_settings_of_every_kind_arrive",
        r"tests/support/test_real_bigquery\.py::test_the_rehearsal_finds_its_tests",
        r"tests/sandbox/end_to_end/test_processes\.py::.*(sandbox_up\[15\]|runs_with_what_sandbox_up_prints)",
        # What `dbt build` runs too, in a long test; the generated parts and the tutorial's queries stay checked.
        r"tests/dbt/test_marts\.py::",
        r"tests/tools/test_tutorial\.py::",
        r"tests/sandbox/end_to_end/test_processes\.py::.*sandbox_up\[9\]",
    )
)


def is_long(node_id: str) -> bool:
    """Return whether only `make test-long` runs this variant."""
    return any(pattern.match(node_id) for pattern in LONG)
