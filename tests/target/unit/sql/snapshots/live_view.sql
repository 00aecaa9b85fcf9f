CREATE OR REPLACE VIEW `co-1.bronze.jobs_live`
OPTIONS (description = 'Rows that are not deleted, written by target-bigquery-softdelete') AS
SELECT
  t.`id`,
  t.`address`,
  t.`custom`,
  t.`tags`,
  t.`items`
FROM `co-1.bronze.jobs` AS t
WHERE t.`_etl_operation` IS DISTINCT FROM 'DELETE'
