"""The rules of BigQuery that the target relies on, which a run against the real one confirms or not."""

from __future__ import annotations

from dataclasses import dataclass

_DOCS = "https://docs.cloud.google.com/bigquery/docs"


@dataclass(frozen=True)
class Rule:
    """Something that BigQuery does.

    Attributes:
        name: A short name.
        says: What it does.
        source: Where that is from: a page of the documentation, or of an issue in which it was seen.
        why_not_tried: Why no probe answered; for rules that a test cannot try.
    """

    name: str
    says: str
    source: str
    why_not_tried: str = "the probe did not come to an end"


RULES = (
    Rule(
        "failed jobs",
        "after a failed job `getQueryResults` answers with an HTTP error, and `jobs.get` with 200 and `errorResult`",
        "https://github.com/googleapis/python-bigquery/issues/1903",
    ),
    Rule(
        "aliases",
        "a MERGE cannot set a column that has the name of its table's alias: BigQuery takes it for the row",
        f"{_DOCS}/reference/standard-sql/query-syntax#range_variables",
    ),
    Rule(
        "flexible column names",
        "a column's name may have letters, digits and marks of any script, dashes, blanks and `&%=+:'<>#|`, no others",
        f"{_DOCS}/schemas#flexible-column-names",
    ),
    Rule(
        "dropped columns",
        "a column can be dropped, and added again with another type",
        f"{_DOCS}/managing-table-schemas#delete_a_column",
    ),
    Rule(
        "primary keys",
        "a column of a primary key keeps its type, is not FLOAT64, and its table keeps its name",
        f"{_DOCS}/primary-foreign-keys",
    ),
    Rule(
        "foreign keys",
        "a foreign key refers to the whole primary key of a table that exists, and can be taken away by an empty list",
        f"{_DOCS}/primary-foreign-keys",
    ),
    Rule(
        "descriptions",
        "new descriptions of columns and of a table leave its rows and columns as they are",
        f"{_DOCS}/managing-table-schemas",
    ),
    Rule(
        "default expirations",
        "`defaultTableExpirationMs` and `defaultPartitionExpirationMs` of a dataset apply to each new table",
        f"{_DOCS}/updating-datasets#table-expiration",
    ),
    Rule(
        "locations of jobs",
        "`jobs.get` and `jobs.cancel` answer 404 without `location`, outside of the multi-regions US and EU",
        f"{_DOCS}/locations",
        "asked for only outside of US and EU",
    ),
    Rule(
        "concurrent updates",
        "concurrent DML on one table can fail with `Could not serialize access`, for the reason `invalidQuery`",
        f"{_DOCS}/data-manipulation-language#dml_statement_conflicts",
    ),
    Rule(
        "partitions of a statement",
        "a statement that changes more than 4,000 partitions is refused",
        "https://cloud.google.com/bigquery/quotas#partitioned_tables",
    ),
    Rule(
        "billing",
        "a project without billing refuses DML with `billingNotEnabled`; load jobs and SELECT work",
        f"{_DOCS}/sandbox#limits",
        "needs a project without billing",
    ),
    Rule(
        "least bytes",
        "a query is billed for at least 10 MB for each table that it names",
        "https://cloud.google.com/bigquery/pricing#on_demand_pricing",
    ),
    Rule(
        "length of statements",
        "a statement of more than 1 MB is refused",
        "https://cloud.google.com/bigquery/quotas#query_jobs",
    ),
    Rule(
        "expirations in the past",
        "`tables.insert` with an expiration in the past answers 404",
        "https://github.com/googleapis/google-cloud-java/issues/2274",
    ),
    Rule(
        "updates of metadata",
        "more than 5 updates of one table's metadata in 10 seconds are refused with `rateLimitExceeded`",
        "https://cloud.google.com/bigquery/quotas#standard_tables",
    ),
    Rule(
        "collation",
        "with the collation `und:ci` of a dataset, `=` ignores case in its new tables",
        f"{_DOCS}/reference/standard-sql/collation-concepts",
    ),
    Rule(
        "encryption by policy",
        "under the policy `gcp.restrictNonCmekServices`, a query without `kms_key_name` is refused",
        f"{_DOCS}/customer-managed-encryption",
        "needs an organisation with that policy",
    ),
    Rule(
        "pages of tables.list",
        "a page has 50 tables unless `maxResults` asks for more",
        f"{_DOCS}/reference/rest/v2/tables/list",
    ),
    Rule(
        "streamed rows",
        "rows that were streamed minutes ago cannot be changed by DML, nor cloned",
        f"{_DOCS}/data-manipulation-language#limitations",
    ),
    Rule(
        "exact numbers",
        "NUMERIC, BIGNUMERIC and JSON numbers keep their digits through `PARSE_JSON`, `TO_JSON_STRING` and casts",
        f"{_DOCS}/reference/standard-sql/json_functions",
    ),
    Rule(
        "partition filters",
        "a MERGE with NOT MATCHED BY SOURCE passes `require_partition_filter` with a condition that is always true",
        f"{_DOCS}/querying-partitioned-tables#require-filter",
    ),
    Rule(
        "time of jobs",
        "a load job ends 3 to 6 s after its insert, a SELECT after 1 to 2 s, DML after 2.5 to 5 s",
        f"{_DOCS}/information-schema-jobs",
    ),
    Rule(
        "time of calls",
        "a call takes 0.15 to 0.4 s",
        f"{_DOCS}/reference/rest",
    ),
)
