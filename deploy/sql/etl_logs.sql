-- The last run of each stream of a company. Those that are not a success come first, with the reason.
SELECT
  stream,
  status,
  ended,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), ended, HOUR) AS hours_ago,
  rows_read,
  rows_inserted,
  rows_updated,
  rows_deleted,
  error
FROM `${COMPANY_PROJECT}.management.etl_logs`
WHERE started > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 30 DAY)
QUALIFY ROW_NUMBER() OVER (PARTITION BY stream ORDER BY started DESC) = 1
ORDER BY status = 'success', ended
