SELECT `day`, `group`, `weight`, `name`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`)
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`group`, _etl_s.`day`, CAST(_etl_s.`weight` + 0 AS STRING) ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
