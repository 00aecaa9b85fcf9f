CREATE OR REPLACE VIEW `co-1.bronze.jobs_live`
OPTIONS (description = 'Rows that are not deleted, written by target-bigquery-softdelete') AS
SELECT
  _etl_t.`id`,
  _etl_t.`address`,
  _etl_t.`custom`,
  _etl_t.`tags`,
  _etl_t.`items`
FROM `co-1.bronze.jobs` AS _etl_t
WHERE _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE'
