CREATE OR REPLACE TABLE FUNCTION `co-1.bronze.jobs_as_of`(_etl_as_of TIMESTAMP)
OPTIONS (description = 'The live rows as they were at a time, written by target-bigquery-softdelete')
AS
SELECT
  `id`,
  `address`,
  `_etl_synced`
FROM `co-1.bronze.jobs_history`
WHERE `_valid_from` <= _etl_as_of AND IFNULL(`_valid_to` > _etl_as_of, TRUE)
  AND `_etl_operation` != 'DELETE'
