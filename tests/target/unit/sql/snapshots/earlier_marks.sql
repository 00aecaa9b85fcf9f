WITH runs AS (
  SELECT started, IFNULL(rows_marked, rows_deleted) AS marked, IFNULL(deletes_allowed, FALSE) AS allowed
  FROM `co-1.management.etl_logs`
  WHERE table_name = @table_name AND started >= @since AND NOT STARTS_WITH(IFNULL(status, ''), 'dry_run')
)
SELECT IFNULL(SUM(marked), 0) AS marked
FROM runs
WHERE started > IFNULL((SELECT MAX(started) FROM runs WHERE allowed), TIMESTAMP '1970-01-01 00:00:00+00')
