WITH runs AS (
  SELECT
    table_name,
    started,
    rows_deleted AS marked,
    rows_deleted AS deleted,
    MAX(IF(FALSE, started, NULL)) OVER (PARTITION BY table_name) AS last_allowed
  FROM `co-1.management.etl_logs`
  WHERE started >= @since AND NOT STARTS_WITH(IFNULL(status, ''), 'dry_run')
)
SELECT
  table_name,
  IFNULL(SUM(IF(started = last_allowed, 0, marked)), 0) AS marked,
  IFNULL(SUM(deleted), 0) AS deleted,
  IFNULL(MAX(last_allowed), @since) AS since
FROM runs
WHERE last_allowed IS NULL OR started >= last_allowed
GROUP BY table_name
