WITH runs AS (
  SELECT
    table_name,
    started,
    IFNULL(rows_marked, rows_deleted) AS marked,
    MAX(IF(IFNULL(deletes_allowed, FALSE), started, NULL)) OVER (PARTITION BY table_name) AS last_allowed
  FROM `co-1.management.etl_logs`
  WHERE started >= @since AND NOT STARTS_WITH(IFNULL(status, ''), 'dry_run')
)
SELECT table_name, IFNULL(SUM(marked), 0) AS marked
FROM runs
WHERE last_allowed IS NULL OR started > last_allowed
GROUP BY table_name
