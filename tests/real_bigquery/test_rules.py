"""Asks BigQuery whether it does what the target relies on. A probe finds out and does not judge: what it found is told.

A probe fails only when it could not ask. The rules are those of :mod:`support.real_bigquery.rules`.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.real_bigquery.probe import Probe, Reply

pytestmark = [pytest.mark.bigquery, pytest.mark.probe]

HOUR_MILLISECONDS = 3_600_000
MIB = 1 << 20


def test_failed_jobs(probe: Probe) -> None:
    reference = probe.submit(query={"query": "SELECT ERROR('on purpose')", "useLegacySql": False})
    job = probe.wait(reference)

    results = probe.ask("GET", f"/queries/{reference['jobId']}", parameters=probe.place(reference))

    shown = job["status"].get("errorResult", {}).get("reason", "nothing")
    probe.tell(
        "failed jobs",
        confirmed=not results.ok and shown != "nothing",
        seen=f"getQueryResults: {results.error or results.status}; jobs.get: 200, errorResult {shown}",
    )


def test_aliases(probe: Probe) -> None:
    probe.make_dataset("bronze")
    table = f"`{probe.project.bronze}.jobs`"
    probe.run(f"CREATE TABLE {table} (id INT64, t INT64)")
    clause = "ON t.id = s.id WHEN MATCHED THEN UPDATE SET t = s.t"

    refusal = probe.refusal(f"MERGE {table} AS t USING (SELECT 1 AS id, 2 AS t) AS s {clause}", dry_run=True)

    probe.tell("aliases", confirmed=bool(refusal), seen=refusal or "accepted")


def test_flexible_column_names(probe: Probe) -> None:
    probe.make_dataset("bronze")
    allowed = "Größe 价格٣-_e\u0301 &%=+:'<>#|"
    refusals = {
        name: probe.refusal(f"CREATE TABLE `{probe.project.bronze}.t{number}` (`{name}` INT64)")
        for number, name in enumerate([allowed, "1", "a(b)", "a.b", "a!", "a€", "a😀"])
    }
    refused = [name for name, refusal in refusals.items() if refusal]
    probe.tell(
        "flexible column names",
        confirmed=refused == ["a(b)", "a.b", "a!", "a€", "a😀"],
        seen=f"refused: {', '.join(refused) or 'none'}",
    )


def test_dropped_columns(probe: Probe) -> None:
    probe.make_dataset("bronze")
    table = f"`{probe.project.bronze}.jobs`"
    probe.run(f"CREATE TABLE {table} (id INT64, a JSON)")
    probe.run(f"INSERT INTO {table} VALUES (1, NULL)")
    refusals = [
        probe.refusal(statement)
        for statement in (f"ALTER TABLE {table} DROP COLUMN a", f"ALTER TABLE {table} ADD COLUMN a STRING")
    ]
    probe.tell("dropped columns", confirmed=not any(refusals), seen="; ".join(filter(None, refusals)) or "accepted")


def test_primary_keys(probe: Probe) -> None:
    probe.make_dataset("bronze")
    table, other = f"`{probe.project.bronze}.jobs`", f"`{probe.project.bronze}.other`"
    probe.run(f"CREATE TABLE {table} (id INT64, name STRING, PRIMARY KEY (id) NOT ENFORCED)")

    refusals = {
        "type": probe.refusal(f"ALTER TABLE {table} ALTER COLUMN id SET DATA TYPE NUMERIC"),
        "name": probe.refusal(f"ALTER TABLE {table} RENAME TO renamed"),
        "FLOAT64": probe.refusal(f"CREATE TABLE {other} (id FLOAT64, PRIMARY KEY (id) NOT ENFORCED)"),
    }

    probe.tell(
        "primary keys",
        confirmed=all(refusals.values()),
        seen="; ".join(f"{what}: {refusal[:90] or 'accepted'}" for what, refusal in refusals.items()),
    )


def test_foreign_keys(probe: Probe) -> None:
    dataset = probe.make_dataset("bronze")
    jobs, customers = f"`{probe.project.bronze}.jobs`", f"`{probe.project.bronze}.customers`"
    probe.run(f"CREATE TABLE {customers} (id INT64, PRIMARY KEY (id) NOT ENFORCED)")
    probe.run(f"CREATE TABLE {jobs} (id INT64, customer_id INT64, PRIMARY KEY (id) NOT ENFORCED)")

    def declare(*columns: str) -> Reply:
        keys = [
            {
                "name": f"etl_{column}",
                "referencedTable": probe.reference(dataset, "customers"),
                "columnReferences": [{"referencingColumn": "customer_id", "referencedColumn": column}],
            }
            for column in columns
        ]
        constraints = {"primaryKey": {"columns": ["id"]}, "foreignKeys": keys}
        return probe.ask("PATCH", f"{dataset}/tables/jobs", {"tableConstraints": constraints})

    wrong, right, none = declare("nothing"), declare("id"), declare()
    probe.tell(
        "foreign keys",
        confirmed=not wrong.ok and right.ok and none.ok and not none.value["tableConstraints"].get("foreignKeys"),
        seen=f"wrong: {wrong.error[:90] or 'accepted'}; right: {right.error[:90] or 'accepted'}",
    )


def test_descriptions(probe: Probe) -> None:
    dataset = probe.make_dataset("bronze")
    probe.run(f"CREATE TABLE `{probe.project.bronze}.jobs` AS SELECT 1 AS id")
    fields = [{"name": "id", "type": "INTEGER", "description": "Key of the job."}]
    changed = probe.ask("PATCH", f"{dataset}/tables/jobs", {"schema": {"fields": fields}, "description": "Jobs"})
    rows = probe.rows(probe.run(f"SELECT id FROM `{probe.project.bronze}.jobs`"))
    text = changed.value.get("schema", {}).get("fields", [{}])[0].get("description")
    probe.tell("descriptions", confirmed=text == "Key of the job." and rows == [["1"]], seen=changed.error or str(text))


def test_default_expirations(probe: Probe) -> None:
    defaults = {f"default{what}ExpirationMs": str(HOUR_MILLISECONDS) for what in ("Table", "Partition")}
    dataset = probe.make_dataset("expiring", **defaults)
    plain = probe.make_table(dataset, "plain")
    partitioned = probe.make_table(dataset, "partitioned", timePartitioning={"type": "DAY"})

    expires = plain.value.get("expirationTime")
    partitions_expire = partitioned.value.get("timePartitioning", {}).get("expirationMs")

    probe.tell(
        "default expirations",
        confirmed=bool(expires and partitions_expire),
        seen=f"a new table: expirationTime {'set' if expires else 'not set'}; a new partitioned table: "
        f"expirationMs {partitions_expire or 'not set'}",
    )


def test_locations_of_jobs(probe: Probe) -> None:
    if (probe.project.location or "US").upper() in {"US", "EU"}:
        pytest.skip("asked for only outside of US and EU")
    reference = probe.submit(query={"query": "SELECT 1", "useLegacySql": False})
    probe.wait(reference)

    got = probe.ask("GET", f"/jobs/{reference['jobId']}")
    cancelled = probe.ask("POST", f"/jobs/{reference['jobId']}/cancel")

    probe.tell(
        "locations of jobs",
        confirmed=got.status == cancelled.status == 404,
        seen=f"without location: get {got.error or got.status}; cancel {cancelled.error or cancelled.status}",
    )


def test_concurrent_updates(probe: Probe) -> None:
    probe.make_dataset("bronze")
    table = f"`{probe.project.bronze}.jobs`"
    probe.run(f"CREATE TABLE {table} AS SELECT 1 AS id, 0 AS number")
    update = f"UPDATE {table} SET number = number + 1 WHERE TRUE"

    with ThreadPoolExecutor(12) as pool:
        refusals = [refusal for refusal in pool.map(probe.refusal, [update] * 12) if refusal]

    conflicts = [refusal for refusal in refusals if "serialize access" in refusal]
    probe.tell(
        "concurrent updates",
        confirmed=bool(conflicts),
        seen=f"{len(conflicts)} of 12 in conflict, {len(refusals)} refused: {(conflicts or refusals or ['none'])[0]}",
    )


def test_partitions_of_a_statement(probe: Probe) -> None:
    probe.make_dataset("bronze")
    table = f"`{probe.project.bronze}.days`"
    probe.run(f"CREATE TABLE {table} (day DATE) PARTITION BY day")
    days = "UNNEST(GENERATE_DATE_ARRAY('2000-01-01', DATE_ADD(DATE '2000-01-01', INTERVAL 4000 DAY)))"

    refusal = probe.refusal(f"INSERT INTO {table} (day) SELECT day FROM {days} AS day")

    probe.tell("partitions of a statement", confirmed=bool(refusal), seen=refusal or "4,001 partitions accepted")


def test_least_bytes(probe: Probe) -> None:
    probe.make_dataset("bronze")
    one, other = f"`{probe.project.bronze}.one`", f"`{probe.project.bronze}.other`"
    for table in (one, other):
        probe.run(f"CREATE TABLE {table} AS SELECT 1 AS number")

    job = probe.run(f"SELECT a.number + b.number FROM {one} AS a CROSS JOIN {other} AS b", useQueryCache=False)

    billed = int(job["statistics"]["query"].get("totalBytesBilled", 0))
    probe.tell("least bytes", confirmed=billed == 20 * MIB, seen=f"two tables of one row: {billed / MIB:g} MiB")


def test_length_of_statements(probe: Probe) -> None:
    refusal = probe.refusal(f"SELECT LENGTH('{'x' * (1 << 20)}')", dry_run=True)

    probe.tell("length of statements", confirmed=bool(refusal), seen=refusal[:200] or "accepted")


def test_expirations_in_the_past(probe: Probe) -> None:
    dataset = probe.make_dataset("bronze")
    past = int(time.time() * 1000) - HOUR_MILLISECONDS

    reply = probe.make_table(dataset, "old", expirationTime=str(past))

    probe.tell("expirations in the past", confirmed=reply.status == 404, seen=reply.error or "created")


def test_updates_of_metadata(probe: Probe) -> None:
    dataset = probe.make_dataset("bronze")
    probe.make_table(dataset, "jobs")

    replies = [
        probe.ask("PATCH", f"{dataset}/tables/jobs", {"labels": {"number": str(number)}}) for number in range(12)
    ]

    refused = [reply.error for reply in replies if not reply.ok]
    probe.tell(
        "updates of metadata",
        confirmed=any("rateLimitExceeded" in error for error in refused),
        seen=f"{len(refused)} of 12 updates in a row refused: {(refused or ['none'])[0]}",
    )


def test_collation(probe: Probe) -> None:
    dataset = probe.make_dataset("caseless", defaultCollation="und:ci")
    probe.make_table(dataset, "names", schema={"fields": [{"name": "name", "type": "STRING"}]})
    table = f"`{probe.project.name}.{probe.project.dataset('caseless')}.names`"
    probe.run(f"INSERT INTO {table} (name) VALUES ('A')")

    [[found]] = probe.rows(probe.run(f"SELECT COUNT(*) FROM {table} WHERE name = 'a'"))

    probe.tell("collation", confirmed=found == "1", seen=f"`name = 'a'` finds {found} of 1 row with 'A'")


def test_pages_of_tables_list(probe: Probe) -> None:
    dataset = probe.make_dataset("bronze")
    for number in range(55):
        probe.make_table(dataset, f"table_{number}")

    page = probe.ask("GET", f"{dataset}/tables").value

    listed = len(page.get("tables", []))
    probe.tell(
        "pages of tables.list",
        confirmed=listed == 50 and "nextPageToken" in page,
        seen=f"{listed} of 55 tables{', and a token for more' if 'nextPageToken' in page else ''}",
    )


def test_streamed_rows(probe: Probe) -> None:
    dataset = probe.make_dataset("bronze")
    probe.make_table(dataset, "jobs")
    streamed = probe.ask("POST", f"{dataset}/tables/jobs/insertAll", {"rows": [{"json": {"id": 1}}]})
    assert streamed.ok, streamed.error

    update = probe.refusal(f"UPDATE `{probe.project.bronze}.jobs` SET id = 2 WHERE TRUE")
    clone = probe.refusal_of(
        copy={
            "sourceTables": [probe.reference(dataset, "jobs")],
            "destinationTable": probe.reference(dataset, "clone"),
            "operationType": "CLONE",
            "writeDisposition": "WRITE_EMPTY",
        }
    )

    probe.tell(
        "streamed rows",
        confirmed=bool(update and clone),
        seen=f"UPDATE: {update[:130] or 'accepted'}; clone: {clone[:130] or 'accepted'}",
    )


EXACT = {
    "CAST(NUMERIC '12345678901234567890123456789.123456789' AS STRING)": "12345678901234567890123456789.123456789",
    "CAST(BIGNUMERIC '0.12345678901234567890123456789012345678' AS STRING)": "0.12345678901234567890123456789012345678",
    "TO_JSON_STRING(BIGNUMERIC '0.12345678901234567890123456789012345678')": (
        '"0.12345678901234567890123456789012345678"'
    ),
    "TO_JSON_STRING(NUMERIC '1.50')": '"1.5"',
    "TO_JSON_STRING(9007199254740993)": '"9007199254740993"',
    "TO_JSON_STRING(1.0)": "1",
    "TO_JSON_STRING(PARSE_JSON('1.0'))": "1.0",
    "TO_JSON_STRING(PARSE_JSON('1e20'))": "1e+20",
    "TO_JSON_STRING(PARSE_JSON('9007199254740993'))": "9007199254740993",
    "TO_JSON_STRING(PARSE_JSON('0.10000000000000000001', wide_number_mode => 'round'))": "0.1",
    "TO_JSON_STRING(TIMESTAMP '2024-05-06 07:08:09.123456+00')": '"2024-05-06T07:08:09.123456Z"',
}
"""Expressions, and what the reference implementation of GoogleSQL makes of them."""


def test_exact_numbers(probe: Probe) -> None:
    [texts] = probe.rows(probe.run(f"SELECT {', '.join(EXACT)}"))

    wrong = [
        f"{expression} is {text}"
        for (expression, expected), text in zip(EXACT.items(), texts, strict=True)
        if text != expected
    ]
    probe.tell("exact numbers", confirmed=not wrong, seen="; ".join(wrong) or f"all {len(EXACT)} expressions")


def test_partition_filters(probe: Probe) -> None:
    probe.make_dataset("bronze")
    table = f"`{probe.project.bronze}.jobs`"
    probe.run(f"CREATE TABLE {table} (id INT64, day DATE) PARTITION BY day OPTIONS (require_partition_filter = TRUE)")
    always = "(a.day IS NULL OR a.day IS NOT NULL)"
    merge = (
        f"MERGE {table} AS a USING (SELECT 1 AS id) AS b ON a.id = b.id AND {{}} "
        "WHEN NOT MATCHED BY SOURCE AND {} THEN UPDATE SET id = 0"
    )

    without = probe.refusal(merge.format("TRUE", "TRUE"))
    filtered = probe.refusal(merge.format(always, always))

    probe.tell(
        "partition filters",
        confirmed=bool(without) and not filtered,
        seen=f"with the filter: {filtered[:130] or 'accepted'}; without it: {without[:130] or 'accepted'}",
    )
